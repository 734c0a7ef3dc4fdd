/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Line editing for the human monitor: bytes of a terminal in, its echo out, lines when
 * they are complete. Keys as in a shell: arrows, Home, End, Delete, Ctrl-A/E/B/F/P/N/D/K/
 * U/W/L, Alt-B/F/D, Tab. A peer that sends plain lines (nc, a script) needs nothing else.
 */
#ifndef VMM_MONITOR_READLINE_H
#define VMM_MONITOR_READLINE_H

#include "common/strbuf.h"

#include <stdint.h>

enum {
	READLINE_MAX = 4095,   /* bytes of a line; more are dropped with a bell */
	READLINE_HISTORY = 64, /* lines */
	READLINE_MATCHES = 512,
};

struct readline {
	const char *prompt; /* static */
	/* Finds what may stand where the cursor is: the whole word (the characters from
	 * the returned start of the word to the cursor are replaced). Calls add for each.
	 */
	void (*complete)(void *opaque, const char *before_cursor,
	                 void (*add)(void *add_opaque, const char *word),
	                 void *add_opaque);
	void *opaque;
	struct strbuf *echo; /* where output for the terminal goes */
	bool hidden;         /* a password: nothing is echoed or remembered */
	/* the line */
	char line[READLINE_MAX + 1];
	unsigned len, cursor;
	/* escape sequences */
	enum { RL_PLAIN, RL_ESCAPE, RL_CSI, RL_SS3 } state;
	unsigned param;
	bool after_cr;
	/* history, oldest first; `at` counts back from the newest, 0 is the new line */
	char *history[READLINE_HISTORY];
	unsigned history_count, at;
	char *draft; /* the new line, while history is shown */
};

void readline_init(struct readline *rl, const char *prompt, struct strbuf *echo);
void readline_free(struct readline *rl);
/* Prints the prompt of an empty line. */
void readline_start(struct readline *rl);
/* Takes one byte; true when rl->line is complete: read it, then readline_next(). */
bool readline_feed(struct readline *rl, uint8_t byte);
/* Remembers the line and empties it; prints nothing. */
void readline_next(struct readline *rl);

#endif
