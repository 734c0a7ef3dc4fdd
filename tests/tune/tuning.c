// SPDX-License-Identifier: GPL-2.0-or-later
/* tuning.json is as docs/tuning.schema.json says, and tells what was changed. */
#include "tune/session.h"

#include "common/handoff.h"
#include "tests/probe/dir-lib.h"
#include "tests/probe/schema-lib.h"
#include "tests/tap.h"
#include "tune/commands.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

static char dir[128], host[160], state[160];

static bool make_host(void)
{
	int status = 1;
	pid_t pid = fork();

	if (!pid) {
		execl("tests/tune/make-host", "make-host", host, NULL);
		_exit(126);
	}
	return waitpid(pid, &status, 0) == pid && !status;
}

/* Runs a command line; its tuning.json, or NULL. */
static json_t *run(int argc, char *const argv[])
{
	struct session session;
	struct err err = { 0 };
	json_t *json = NULL;
	struct cli cli;

	if (cli_parse(argc, argv, &cli, &err) < 0)
		return tap_ok(false, "%s", err.text), NULL;
	cli.root = host;
	cli.state_dir = state;
	tap_eq(command_run(&cli, &session, &err), 0, "%s %s: %s", argv[1], argv[2],
	       err.text);
	tap_ok(!session.warnings.len, "no warning");
	session_close(&session);
	if (handoff_read(state, TUNING_FILE, TUNING_VERSION, &json, &err) < 0)
		tap_ok(false, "%s", err.text);
	return json;
}

static void check(const json_t *schema, const json_t *json, const char *profile,
                  size_t changed)
{
	char why[256] = "";

	tap_ok(schema_valid(schema, json, why), "as the schema says %s", why);
	tap_eq(json_array_size(json_object_get(json, "changed")), changed, "%zu changed",
	       changed);
	tap_str(json_string_value(json_object_get(json, "profile")), profile, "profile");
}

int main(void)
{
	json_t *schema = load_json("docs/tuning.schema.json"), *json, *first;
	char why[256];

	if (!schema || !test_dir(dir))
		return 1;
	snprintf(host, sizeof(host), "%s/host", dir);
	snprintf(state, sizeof(state), "%s/state", dir);
	setenv("KVMKIT_PROFILE_DIR", "tune/profiles", 1);
	tap_ok(make_host(), "a host");
	json = run(3, (char *[]){ "kvm-tune", "sysctl", "vm.swappiness=10", NULL });
	check(schema, json, NULL, 1);
	first = json_array_get(json_object_get(json, "changed"), 0);
	tap_str(json_string_value(json_object_get(first, "before")), "60", "before");
	tap_str(json_string_value(json_object_get(first, "now")), "10", "now");
	json_object_del(json, "thp");
	tap_ok(!schema_valid(schema, json, why), "a missing member is noticed: %s", why);
	json_decref(json);
	json = run(3, (char *[]){ "kvm-tune", "apply", "density", NULL });
	check(schema, json, "density", 11);
	tap_eq(json_integer_value(json_object_get(json, "ksm_run")), 1, "KSM is on");
	json_decref(json);
	json = run(3, (char *[]){ "kvm-tune", "undo", "vm.swappiness", NULL });
	check(schema, json, NULL, 10);
	json_decref(json);
	json_decref(schema);
	test_dir_remove(dir);
	return tap_done();
}
