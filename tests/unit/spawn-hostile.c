// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a process that was taken over may send to its spawner: messages that are none. It
 * starts nothing, answers, and goes on. (It includes the file under test, whose messages
 * are its own.)
 */
#include "common/spawn.c"

#include "tests/tap.h"

#include <stdio.h>

struct message {
	const char *what;
	size_t len;
	unsigned fds;
	bool sealed; /* what it wants was agreed on, but for the end */
	int want;
	char bytes[64];
};

#define HEAD(op) op, 0, 0, 0, SPAWN_HELPER, 0, 0, 0
#define TRUE     '/', 'b', 'i', 'n', '/', 't', 'r', 'u', 'e', 0

static const struct message messages[] = {
	{ "a byte", 1, 0, false, -EPROTO, { OP_START } },
	{ "no head", 7, 0, false, -EPROTO, { HEAD(OP_START) } },
	{ "a head alone", 8, 0, false, -EPROTO, { HEAD(OP_START) } },
	{ "a path that does not end", 17, 0, false, -EPROTO, { HEAD(OP_START), TRUE } },
	{ "a path without a name", 18, 0, false, -EPROTO, { HEAD(OP_START), TRUE } },
	{ "a name that does not end",
	  22,
	  0,
	  false,
	  -EPROTO,
	  { HEAD(OP_START), TRUE, 't', 'r', 'u', 'e' } },
	{ "an empty name", 19, 0, false, 0, { HEAD(OP_START), TRUE, 0 } },
	{ "agreeing", 20, 0, false, 0, { HEAD(OP_ALLOW), TRUE, 'u', 0 } },
	{ "descriptors for nothing", 8, 4, false, -EPROTO, { HEAD(OP_START) } },
	{ "what was agreed on", 20, 0, true, 0, { HEAD(OP_START), TRUE, 't', 0 } },
	{ "less than that", 18, 0, true, -EPERM, { HEAD(OP_START), TRUE } },
	{ "without its end", 19, 0, true, -EPERM, { HEAD(OP_START), TRUE, 't' } },
	{ "more than that", 21, 0, true, -EPERM, { HEAD(OP_START), TRUE, 't', 0, 0 } },
	{ "a verb that is none", 21, 0, true, -EPERM, { HEAD(99), TRUE, 't', 0, 0 } },
	{ "another kind",
	  20,
	  0,
	  true,
	  -EPERM,
	  { OP_START, 0, 0, 0, 9, 0, 0, 0, TRUE, 't', 0 } },
	{ "agreeing", 21, 0, true, -EPERM, { HEAD(OP_ALLOW), TRUE, 't', 0, 0 } },
};

/* The answer: what it says, or -ECHILD when there is a child that nobody asked for. */
static int send_and_hear(struct spawner *s, const void *bytes, size_t len, unsigned fds)
{
	const int some[SPAWN_MAX_FDS] = { 0, 1, 2, 0 };
	struct spawned child = { 0, -1 };
	struct answer answer;
	unsigned count;
	int got[SPAWN_MAX_FDS];

	if (send_with_fds(s->fd, bytes, len, some, fds) != (ssize_t)len ||
	    receive_with_fds(s->fd, &answer, sizeof(answer), got, &count) !=
	            sizeof(answer))
		return -EPIPE;
	child = (struct spawned){ answer.pid, count ? got[0] : -1 };
	spawn_wait(&child);
	return answer.pid && (answer.ret < 0 || *(const char *)bytes != OP_START)
	               ? -ECHILD
	               : answer.ret;
}

static struct spawner *make(bool sealed)
{
	char *const argv[] = { (char *)"t", NULL };
	const struct spawn_plan plan = { SPAWN_HELPER, "/bin/true", argv, NULL, 0 };
	struct err err = { 0 };
	struct spawner *s = spawner_new(&(struct spawner_config){ 0 }, &err);

	if (!sealed)
		return s;
	spawn_allow(s, &plan, &err);
	spawner_seal(s, true, true, false);
	/* Its answer is the last of those that nobody waited for. */
	spawn_allow(s, &plan, &err);
	return s;
}

int main(void)
{
	static char huge[MESSAGE_MAX + 100];
	struct spawner *made[] = { make(false), make(true) };

	alarm(120);
	signal(SIGPIPE, SIG_IGN);
	for (unsigned i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
		const struct message *m = &messages[i];

		tap_eq(send_and_hear(made[m->sealed], m->bytes, m->len, m->fds), m->want,
		       "%s: %s", m->sealed ? "sealed" : "open", m->what);
	}
	/* All of the buffer, and no end in it. */
	memset(huge, 'x', sizeof(huge));
	memcpy(huge, messages[9].bytes, sizeof(struct head));
	tap_eq(send_and_hear(made[0], huge, sizeof(huge), 0), (uint64_t)-EPROTO,
	       "open: more than a message holds");
	tap_eq(send_and_hear(made[0], messages[9].bytes, messages[9].len, 0), 0,
	       "and it goes on");
	for (unsigned i = 0; i < 2; i++)
		spawner_free(made[i]);
	return tap_done();
}
