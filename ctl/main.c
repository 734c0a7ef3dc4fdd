// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vmm-ctl: a small client for a machine's sockets. Options and commands are tables; this
 * is the only place of the program that prints errors and ends it.
 */
#include "common/cleanup.h"
#include "common/fdio.h"
#include "common/log.h"
#include "common/opts.h"
#include "common/toolopts.h"
#include "common/version.h"
#include "ctl/client.h"
#include "ctl/console.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { EXIT_USAGE = 2 };

struct ctl {
	bool json, wait, list, help, version, dump;
	const char *timeout;
	struct client client;
	const char *socket;
	char **words; /* behind the command */
	int count;
};

/* ---- commands ---- */

static int say(const json_t *value)
{
	_cleanup_free_ char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);

	puts(text ? text : "");
	fflush(stdout);
	return 0;
}

static int run_status(struct ctl *ctl, const char *qmp, struct err *err)
{
	json_t *result = NULL;
	int ret = client_run(&ctl->client, qmp, NULL, &result, err);
	const char *status = json_string_value(json_object_get(result, "status"));

	if (ret >= 0 && ctl->json)
		say(result);
	else if (ret >= 0)
		puts(status ? status : "unknown");
	json_decref(result);
	return ret;
}

/* The connection ends with the process. */
static int wait_for_end(struct ctl *ctl, struct err *err)
{
	json_t *event;

	while ((event = client_next(&ctl->client, ctl->client.timeout_ms, err)))
		json_decref(event);
	return -err->code;
}

static int run_plain(struct ctl *ctl, const char *qmp, struct err *err)
{
	json_t *result = NULL;
	int ret = client_run(&ctl->client, qmp, NULL, &result, err);

	json_decref(result);
	/* quit may win the race with its own answer. */
	if (ret == -EPIPE && !strcmp(qmp, "quit")) {
		err_clear(err);
		return 0;
	}
	return ret < 0 || !ctl->wait ? ret : wait_for_end(ctl, err);
}

static int run_hmp(struct ctl *ctl, const char *qmp, struct err *err)
{
	_cleanup_strbuf_ struct strbuf line = { 0 };
	json_t *result = NULL;
	int ret;

	for (int i = 0; i < ctl->count; i++)
		strbuf_addf(&line, "%s%s", i ? " " : "", ctl->words[i]);
	ret = client_run(&ctl->client, qmp, json_pack("{s:s}", "command-line", line.data),
	                 &result, err);
	if (ret >= 0 && ctl->json) {
		say(result);
	} else if (ret >= 0) {
		for (const char *p = json_string_value(result); p && *p; p++)
			if (*p != '\r')
				putchar(*p);
	}
	/* What the human monitor refuses is a failure here too. */
	if (ret >= 0 && !strncmp(json_string_value(result) ?: "", "Error: ", 7))
		ret = err_set(err, EINVAL, "the monitor refused it");
	json_decref(result);
	return ret;
}

/* vmm may run in another folder: it is told the whole path. */
static int run_screendump(struct ctl *ctl, const char *qmp, struct err *err)
{
	_cleanup_strbuf_ struct strbuf path = { 0 };
	const char *file = ctl->words[0], *dot = strrchr(file, '.');
	_cleanup_free_ char *cwd = *file == '/' ? NULL : getcwd(NULL, 0);
	json_t *result = NULL;
	int ret;

	if (ctl->count > 1)
		return err_usage(err, "screendump takes one file");
	if (*file != '/' && !cwd)
		return err_sys(err, errno, "cannot tell the current folder");
	strbuf_addf(&path, "%s%s%s", cwd ? cwd : "", cwd ? "/" : "", file);
	ret = client_run(&ctl->client, qmp,
	                 json_pack("{s:s, s:s*}", "filename", path.data, "format",
	                           dot && !strcmp(dot, ".txt") ? "text" : NULL),
	                 &result, err);
	json_decref(result);
	return ret;
}

static int run_qmp(struct ctl *ctl, const char *qmp, struct err *err)
{
	json_t *args = NULL, *result = NULL;
	int ret;

	(void)qmp;
	if (ctl->count > 2)
		return err_usage(err, "qmp takes a command and one JSON object");
	if (ctl->count == 2 && !(args = json_loads(ctl->words[1], 0, NULL)))
		return err_usage(err, "'%s' is no JSON object", ctl->words[1]);
	ret = client_run(&ctl->client, ctl->words[0], args, &result, err);
	if (ret >= 0)
		say(result);
	json_decref(result);
	return ret;
}

static int run_events(struct ctl *ctl, const char *qmp, struct err *err)
{
	json_t *event;

	(void)qmp;
	while ((event = client_next(&ctl->client, -1, err))) {
		if (json_object_get(event, "event"))
			say(event);
		json_decref(event);
	}
	return -err->code;
}

static int run_console(struct ctl *ctl, const char *qmp, struct err *err)
{
	(void)qmp;
	return console_run(ctl->client.fd, err);
}

static const struct command {
	const char *name, *qmp, *args, *help;
	int (*run)(struct ctl *ctl, const char *qmp, struct err *err);
	int min; /* words behind it */
	bool many;
} commands[] = {
	{ "status", "query-status", "", "print whether the guest runs", run_status, 0,
	  false },
	{ "powerdown", "system_powerdown", "", "press the power button", run_plain, 0,
	  false },
	{ "reset", "system_reset", "", "reset the machine", run_plain, 0, false },
	{ "stop", "stop", "", "stop the guest", run_plain, 0, false },
	{ "cont", "cont", "", "let a stopped guest go on", run_plain, 0, false },
	{ "quit", "quit", "", "end vmm at once", run_plain, 0, false },
	{ "screendump", "screendump", " FILE",
	  "the screen to FILE.ppm, FILE.png, or its text to FILE.txt", run_screendump, 1,
	  true },
	{ "hmp", "human-monitor-command", " LINE...", "run a line of the human monitor",
	  run_hmp, 1, true },
	{ "qmp", NULL, " COMMAND [JSON]", "run a command of QMP, print its answer",
	  run_qmp, 1, true },
	{ "events", NULL, "", "print events, one a line, until vmm ends", run_events, 0,
	  false },
	{ "console", NULL, "", "the terminal on a serial port's socket; Ctrl-] leaves",
	  run_console, 0, false },
};

static const struct command *find_command(const char *name, struct err *err)
{
	const char *names[ARRAY_SIZE(commands) + 1] = { NULL }, *near;

	for (unsigned i = 0; i < ARRAY_SIZE(commands); i++) {
		if (!strcmp(commands[i].name, name))
			return &commands[i];
		names[i] = commands[i].name;
	}
	near = opt_nearest(name, names);
	if (near)
		err_usage(err, "unknown command '%s', did you mean '%s'?", name, near);
	else
		err_usage(err, "unknown command '%s'; vmm-ctl --list lists them", name);
	return NULL;
}

/* ---- options ---- */

#define FIELD(member) offsetof(struct ctl, member)

static const struct toolopt rows[] = {
	{ "json", 0, NULL, FIELD(json), 0, 0, "print answers as JSON" },
	{ "wait", 0, NULL, FIELD(wait), 0, 0,
	  "after powerdown and quit: until vmm has ended" },
	{ "timeout", 0, "SECONDS", FIELD(timeout), 0, 0,
	  "for one answer, 0: for ever (default: 60)" },
	{ "list", 0, NULL, FIELD(list), 0, 0, "list the commands" },
	{ "version", 0, NULL, FIELD(version), 0, 0, "print the version" },
	{ "help", 'h', NULL, FIELD(help), 0, 0, "print this" },
	{ "dump-options", 0, NULL, FIELD(dump), 0, 0, NULL },
};

static const struct toolopts options = {
	.program = "vmm-ctl", .row = rows, .count = ARRAY_SIZE(rows), .column = 28
};

/* Options stand before the socket: what follows it belongs to the command. */
static int parse(struct ctl *ctl, int argc, char **argv, int *first, struct err *err)
{
	uint64_t seconds;
	int i = 1;

	for (; i < argc && toolopts_is_option(argv[i]); i++) {
		int ret = toolopts_take(&options, argc, argv, &i, ctl, NULL, err);

		if (ret < 0)
			return ret;
	}
	*first = i;
	ctl->client.timeout_ms = 60000;
	if (!ctl->timeout)
		return 0;
	if (opt_parse_u64(ctl->timeout, &seconds) < 0 || seconds > 1000000)
		return err_usage(err, "--timeout %s: not a number of seconds",
		                 ctl->timeout);
	ctl->client.timeout_ms = seconds ? (int)seconds * 1000 : -1;
	return 0;
}

static int inform(const struct ctl *ctl)
{
	_cleanup_strbuf_ struct strbuf out = { 0 };

	if (ctl->version)
		strbuf_adds(&out, "kvmkit vmm-ctl version " KVMKIT_VERSION "\n");
	if (ctl->dump)
		toolopts_dump(&options, &out);
	if (ctl->help) {
		strbuf_adds(&out, "Usage: vmm-ctl [options] SOCKET COMMAND [...]\n"
		                  "Steers a vmm through the socket of its -qmp option."
		                  "\n\nOptions:\n");
		toolopts_help(&options, 0, &out);
		strbuf_adds(&out, "\nCommands:\n");
	}
	for (unsigned i = 0; i < ARRAY_SIZE(commands) && (ctl->help || ctl->list); i++) {
		size_t start = out.len;

		strbuf_addf(&out, "%s%s%s", ctl->help ? "  " : "", commands[i].name,
		            commands[i].args);
		toolopts_pad(&out, start, ctl->help ? options.column : 25);
		strbuf_addf(&out, "%s\n", commands[i].help);
	}
	fputs(out.data ? out.data : "", stdout);
	return fflush(stdout) ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int run(struct ctl *ctl, const char *name, struct err *err)
{
	const struct command *command = find_command(name, err);
	int ret;

	if (!command)
		return -err->code;
	if (ctl->count < command->min || (!command->many && ctl->count))
		return err_usage(err, "usage: vmm-ctl SOCKET %s%s", command->name,
		                 command->args);
	ret = client_connect(&ctl->client, ctl->socket, err);
	if (ret >= 0 && command->run != run_console)
		ret = client_negotiate(&ctl->client, err);
	if (ret >= 0)
		ret = command->run(ctl, command->qmp, err);
	client_close(&ctl->client);
	return ret;
}

int main(int argc, char **argv)
{
	struct ctl ctl = { .client.fd = -1 };
	struct err err = { 0 };
	int first = 0, ret;

	fd_reserve_std();
	log_init("vmm-ctl");
	signal(SIGPIPE, SIG_IGN);
	ret = parse(&ctl, argc, argv, &first, &err);
	if (ret >= 0 && (ctl.help || ctl.version || ctl.dump || ctl.list))
		return inform(&ctl);
	if (ret >= 0 && argc - first < 2)
		ret = err_usage(&err,
		                "name a socket and a command; vmm-ctl --help explains");
	if (ret >= 0) {
		ctl.socket = argv[first];
		ctl.words = argv + first + 2;
		ctl.count = argc - first - 2;
		ret = run(&ctl, argv[first + 1], &err);
	}
	if (ret >= 0)
		return fflush(stdout) ? EXIT_FAILURE : EXIT_SUCCESS;
	fflush(stdout);
	log_error("%s", err.text);
	return err.usage ? EXIT_USAGE : EXIT_FAILURE;
}
