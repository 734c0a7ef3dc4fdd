// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Every captured host in tests/roots gives exactly the verdicts of its expected.json: the
 * status of each check, and words in value and remedy. Its report fits the schema. Run
 * from the top of the tree.
 */
#include "common/cleanup.h"
#include "probe/decide.h"
#include "probe/report.h"
#include "tests/probe/schema-lib.h"
#include "tests/tap.h"

#include <stdio.h>
#include <string.h>

#define ROOTS "tests/roots"

static int read_report(const char *dir, struct report *report, struct err *err)
{
	struct gather_options options = { .trial = true };
	struct sysroot root;
	int ret = sysroot_open(&root, dir, err);

	if (ret < 0)
		return ret;
	ret = facts_gather(&root, &options, &report->facts, err);
	sysroot_close(&root);
	report_judge(report);
	return ret;
}

/* One line with every check that differs, so that a failure shows all of them. */
static const struct result *result_of(const struct report *report, const char *id)
{
	for (unsigned i = 0; i < report->count; i++)
		if (!strcmp(report->results[i].check->id, id))
			return &report->results[i];
	return NULL;
}

static void compare_status(const char *host, const struct report *report,
                           const json_t *expected)
{
	const json_t *status = json_object_get(expected, "status");
	char diff[1000] = "";

	for (unsigned i = 0; i < report->count; i++) {
		const char *want = json_string_value(
			json_object_get(status, report->results[i].check->id));
		const char *got = check_status_name(report->results[i].status);
		size_t len = strlen(diff);

		if (!want || strcmp(want, got))
			snprintf(diff + len, sizeof(diff) - len, "%s is %s, not %s; ",
			         report->results[i].check->id, got,
			         want ? want : "expected at all");
	}
	tap_str(diff, "", "%s: the status of every check", host);
	tap_eq(json_object_size(status), report->count, "%s: no other check is expected",
	       host);
}

static void compare_words(const char *host, const struct report *report,
                          const json_t *expected)
{
	const json_t *says = json_object_get(expected, "says");
	const char *id;
	json_t *words;

	json_object_foreach((json_t *)says, id, words)
	{
		const struct result *r = result_of(report, id);
		char text[sizeof(struct result)];
		const json_t *word;
		size_t i;

		if (!tap_ok(r != NULL, "%s: %s is a check", host, id))
			continue;
		snprintf(text, sizeof(text), "%s => %s", r->value, r->remedy);
		json_array_foreach(words, i, word)
			tap_has(text, json_string_value(word), "%s: %s says '%s'", host,
		                id, json_string_value(word));
	}
}

static void compare(const char *host, const struct report *report, const json_t *expected)
{
	tap_str(report_verdict(report),
	        json_string_value(json_object_get(expected, "verdict")), "%s: verdict",
	        host);
	tap_str(backend_name(backend_of(&report->facts)),
	        json_string_value(json_object_get(expected, "backend")), "%s: backend",
	        host);
	tap_eq(hardware_of(&report->facts),
	       json_is_true(json_object_get(expected, "hardware")), "%s: hardware", host);
	tap_ok(strcmp(report_verdict(report), "ok") || hardware_of(&report->facts),
	       "%s: ok only with hardware", host);
	compare_status(host, report, expected);
	compare_words(host, report, expected);
}

static void test_host(const char *host, const json_t *schema)
{
	_cleanup_free_ struct report *report = calloc(1, sizeof(*report));
	char path[512], why[256];
	struct err err = { 0 };
	json_t *expected, *json;

	snprintf(path, sizeof(path), ROOTS "/%s/SOURCE", host);
	tap_ok(!access(path, R_OK), "%s: says where it comes from", host);
	snprintf(path, sizeof(path), ROOTS "/%s/expected.json", host);
	expected = load_json(path);
	snprintf(path, sizeof(path), ROOTS "/%s", host);
	if (tap_ok(expected && !read_report(path, report, &err), "%s: can be read", host))
		compare(host, report, expected);
	else
		tap_diag("%s", err.text);
	json = report_json(report);
	if (!tap_ok(schema_valid(schema, json, why), "%s: the report fits the schema",
	            host))
		tap_diag("%s", why);
	json_decref(json);
	json_decref(expected);
}

/* The validator sees what it should refuse. */
static void test_schema(const json_t *schema)
{
	_cleanup_free_ struct report *report = calloc(1, sizeof(*report));
	struct err err = { 0 };
	char why[256];
	json_t *json, *kvm;

	tap_eq(read_report(ROOTS "/intel-ok", report, &err), 0, "a report to break");
	json = report_json(report);
	kvm = json_object_get(json_object_get(json, "facts"), "kvm");
	tap_ok(schema_valid(schema, json, why), "an intact report is accepted");
	json_object_set_new(kvm, "api", json_string("12"));
	tap_ok(!schema_valid(schema, json, why), "a wrong type is refused");
	json_object_set_new(kvm, "api", json_integer(12));
	json_object_set_new(kvm, "more", json_true());
	tap_ok(!schema_valid(schema, json, why), "an unknown field is refused");
	json_object_del(kvm, "more");
	json_object_set_new(json, "verdict", json_string("good"));
	tap_ok(!schema_valid(schema, json, why), "a value outside an enum is refused");
	json_object_set_new(json, "verdict", json_string("ok"));
	json_object_set_new(json, "exit_ns", json_integer(-1));
	tap_ok(!schema_valid(schema, json, why), "a value below the minimum is refused");
	json_object_del(json, "exit_ns");
	tap_ok(!schema_valid(schema, json, why), "a missing field is refused");
	json_decref(json);
}

int main(void)
{
	struct sysroot top;
	struct names names;
	struct err err = { 0 };
	json_t *schema = load_json("docs/host.schema.json");
	unsigned hosts = 0;

	if (!tap_ok(schema && !sysroot_open(&top, ROOTS, &err),
	            "schema and hosts are here"))
		return tap_done();
	sysroot_list(&top, ".", &names);
	for (unsigned i = 0; i < names.count; i++) {
		struct stat st;

		if (sysroot_stat(&top, names.name[i], &st) || !S_ISDIR(st.st_mode))
			continue;
		test_host(names.name[i], schema);
		hosts++;
	}
	tap_ok(hosts >= 25, "%u hosts", hosts);
	test_schema(schema);
	names_free(&names);
	sysroot_close(&top);
	json_decref(schema);
	return tap_done();
}
