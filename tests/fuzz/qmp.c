// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Fuzz target: what a QMP client sends, up to the commands themselves, which are not run.
 * Beyond "does not crash": every answer is one object in a line of its own, a result or
 * an error with a class and a sentence; nothing is answered before the negotiation but
 * with an error; a client that starts over is understood. (It includes the file under
 * test, to put itself in place of the commands.)
 */
#include "vmm/monitor/session.h"

static const struct mon_command *find_command(const char *name);

#define mon_find_qmp find_command
#include "vmm/monitor/qmp.c"
#undef mon_find_qmp

#include "common/log.h"
#include "tests/fuzz/input-lib.h"

extern const struct mon_command *mon_find_qmp(const char *name);

static unsigned runs;

static int run(struct mon_ctx *ctx, const json_t *args, json_t **result, struct err *err)
{
	(void)ctx;
	(void)result;
	require(json_is_object(args));
	runs++;
	return json_object_size(args) % 2 ? err_set(err, ENODEV, "no such device") : 0;
}

static const struct mon_command *find_command(const char *name)
{
	static struct mon_command copy;
	const struct mon_command *command = mon_find_qmp(name);

	if (!command)
		return NULL;
	copy = *command;
	copy.run = run;
	return &copy;
}

/* One answer; true when it is an error. */
static bool check_answer(const char *line, size_t len)
{
	json_t *answer = json_loadb(line, len, 0, NULL);
	const json_t *error = json_object_get(answer, "error");
	const char *desc = json_string_value(json_object_get(error, "desc"));
	bool failed = error;

	require(json_is_object(answer));
	require(failed != !!json_object_get(answer, "return"));
	require(!failed ||
	        (json_is_string(json_object_get(error, "class")) && desc && *desc));
	require(!desc || !strpbrk(desc, "\r\n\x1b"));
	json_decref(answer);
	return failed;
}

/* All that was sent since the last look. */
static void check_output(struct monitor *mon, bool negotiated)
{
	const char *at = mon->out.len ? mon->out.data : "", *end = at + mon->out.len;

	while (at < end) {
		const char *eol = memchr(at, '\r', end - at);

		require(eol && eol + 1 < end && eol[1] == '\n');
		require(check_answer(at, eol - at) || negotiated);
		at = eol + 2;
	}
	strbuf_free(&mon->out);
}

static void feed(struct monitor *mon, const void *data, size_t size)
{
	const uint8_t *bytes = data;

	for (size_t i = 0; i < size; i++) {
		qmp_feed(mon, bytes[i]);
		check_output(mon, mon->negotiated);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char hello[] = "{\"execute\": \"qmp_capabilities\"}\n";
	static const char stop[] = "{\"execute\": \"stop\", \"id\": 7}\n";
	struct monitor mon = { .mode = MONITOR_QMP };
	unsigned before;

	/* The first bit: whether the client is polite. */
	if (size && *data & 1)
		feed(&mon, hello, strlen(hello));
	require(!size || !(*data & 1) || mon.negotiated);
	if (size)
		feed(&mon, data + 1, size - 1);
	/* A client that comes after it. */
	jsonstream_reset(&mon.json);
	mon.negotiated = false;
	feed(&mon, hello, strlen(hello));
	before = runs;
	feed(&mon, stop, strlen(stop));
	require(mon.negotiated && runs == before + 1);
	jsonstream_reset(&mon.json);
	return 0;
}
