// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Line editing: keys in, the line and the echo out. A small terminal in here draws the
 * echo, so that what a person would see is compared, not the escape sequences.
 */
#include "vmm/monitor/readline.h"
#include "common/opts.h"
#include "tests/tap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What the last line of a terminal shows, and where its cursor is. */
struct screen {
	char line[256];
	unsigned cursor, bells, lines;
};

static void clear_from(struct screen *s, unsigned from)
{
	memset(s->line + from, 0, sizeof(s->line) - from);
}

/* ESC [ n X, at p behind the bracket. */
static const char *draw_sequence(struct screen *s, const char *p)
{
	char digits[8] = "";
	uint64_t n = 1;
	size_t len = strspn(p, "0123456789");

	snprintf(digits, sizeof(digits), "%.*s", (int)len, p);
	if (len)
		opt_parse_u64(digits, &n);
	p += len;
	if (*p == 'K')
		clear_from(s, s->cursor);
	else if (*p == 'D')
		s->cursor -= n;
	else if (*p == 'C')
		s->cursor += n;
	return p;
}

static void draw(struct screen *s, const char *p)
{
	for (; p && *p; p++) {
		if (*p == '\033') {
			p = draw_sequence(s, p + 2);
		} else if (*p == '\a') {
			s->bells++;
		} else if (*p == '\r') {
			s->cursor = 0;
		} else if (*p == '\n') {
			clear_from(s, 0);
			s->lines++;
		} else {
			s->line[s->cursor++] = *p;
		}
	}
}

static void complete(void *opaque, const char *before,
                     void (*add)(void *add_opaque, const char *word), void *add_opaque)
{
	static const char *const words[] = { "stop", "status", "system_reset",
		                             "system_powerdown", "quit" };
	const char *word = strrchr(before, ' ') ? strrchr(before, ' ') + 1 : before;

	(void)opaque;
	for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (!strncmp(words[i], word, strlen(word)))
			add(add_opaque, words[i]);
}

struct editor {
	struct readline rl;
	struct strbuf echo;
	char done[4][256]; /* complete lines */
	unsigned count;
};

static struct editor *editor_new(void)
{
	struct editor *e = calloc(1, sizeof(*e));

	if (!e)
		abort();
	readline_init(&e->rl, "> ", &e->echo);
	e->rl.complete = complete;
	readline_start(&e->rl);
	return e;
}

static void editor_free(struct editor *e)
{
	readline_free(&e->rl);
	strbuf_free(&e->echo);
	free(e);
}

static void type(struct editor *e, const char *keys)
{
	for (; *keys; keys++) {
		if (!readline_feed(&e->rl, *keys))
			continue;
		snprintf(e->done[e->count++ % 4], sizeof(e->done[0]), "%.255s",
		         e->rl.line);
		readline_next(&e->rl);
		readline_start(&e->rl);
	}
}

static struct screen see(const struct editor *e)
{
	struct screen s = { 0 };

	draw(&s, e->echo.data);
	return s;
}

/* Keys, the line then, and the column of the cursor in it. */
static const struct {
	const char *name, *keys, *line;
	unsigned cursor;
} edits[] = {
	{ "plain", "abc", "abc", 3 },
	{ "left inserts", "ac\033[Db", "abc", 2 },
	{ "Ctrl-B and Ctrl-F", "abc\x02\x02\x06x", "abxc", 3 },
	{ "Home and End", "bc\033[Ha\033[Fd", "abcd", 4 },
	{ "SS3 arrows", "ac\033ODb", "abc", 2 },
	{ "CSI 1~ and 4~", "bc\033[1~a\033[4~d", "abcd", 4 },
	{ "backspace",
	  "abx\x7f"
	  "c",
	  "abc", 3 },
	{ "backspace inside", "axbc\033[D\033[D\b", "abc", 1 },
	{ "backspace at the start",
	  "\x7f\x7f"
	  "a",
	  "a", 1 },
	{ "delete", "axbc\001\x06\033[3~", "abc", 1 },
	{ "Ctrl-D at the end", "ab\x04", "ab", 2 },
	{ "kill to the end", "abcd\x02\x02\x0b", "ab", 2 },
	{ "kill to the start", "abcd\x02\x02\x15", "cd", 0 },
	{ "kill a word", "one two \x17", "one ", 4 },
	{ "words left and right", "one two\033b\033bx\033fy", "xoney two", 5 },
	{ "kill the next word", "one two\001\033d", " two", 0 },
	{ "unknown sequences are swallowed", "a\033[99;5zb\033Qc", "abc", 3 },
	{ "control characters are swallowed",
	  "a\x1c\x1d"
	  "b",
	  "ab", 2 },
	{ "completion to a unique word", "qu\t", "quit ", 5 },
	{ "completion to the common part", "sys\t", "system_", 7 },
	{ "completion of a second word", "help qu\t", "help quit ", 10 },
	{ "redraw",
	  "ab\x02\x0c"
	  "c",
	  "acb", 2 },
};

static void test_edits(void)
{
	for (unsigned i = 0; i < sizeof(edits) / sizeof(edits[0]); i++) {
		struct editor *e = editor_new();
		struct screen s;

		type(e, edits[i].keys);
		s = see(e);
		tap_str(e->rl.line, edits[i].line, "%s", edits[i].name);
		tap_ok(!strncmp(s.line, "> ", 2) && !strcmp(s.line + 2, edits[i].line),
		       "it is what the screen shows");
		tap_eq(s.cursor - 2, edits[i].cursor, "with the cursor where it belongs");
		editor_free(e);
	}
}

static void test_lines(void)
{
	struct editor *e = editor_new();

	type(e, "one\rtwo\nthree\r\nfour");
	tap_eq(e->count, 3, "CR, LF and CR LF each end one line");
	tap_str(e->done[0], "one", "the first");
	tap_str(e->done[2], "three", "the third");
	tap_str(e->rl.line, "four", "the unfinished one waits");
	editor_free(e);
}

static void test_history(void)
{
	struct editor *e = editor_new();

	type(e, "one\rtwo\rtwo\r\rdraft\033[A");
	tap_str(e->rl.line, "two", "up: the last line");
	type(e, "\033[A");
	tap_str(e->rl.line, "one",
	        "a repeated and an empty line are remembered once, and not");
	type(e, "\033[A");
	tap_eq(see(e).bells, 1, "nothing older: a bell");
	type(e, "\033[B\033[B");
	tap_str(e->rl.line, "draft", "down to what was being typed");
	type(e, "\x10\r");
	tap_str(e->done[(e->count - 1) % 4], "two", "an old line can be entered again");
	editor_free(e);
}

static void test_bounds(void)
{
	struct editor *e = editor_new();

	for (unsigned i = 0; i < READLINE_MAX + 10; i++)
		type(e, "x");
	tap_eq(e->rl.len, READLINE_MAX, "a line has a greatest length");
	for (unsigned i = 0; i < 3 * READLINE_HISTORY; i++) {
		char line[16];

		snprintf(line, sizeof(line), "\x15%u\r", i);
		type(e, line);
	}
	tap_eq(e->rl.history_count, READLINE_HISTORY, "and so has the history");
	tap_str(e->rl.history[READLINE_HISTORY - 1], "191", "which keeps the newest");
	editor_free(e);
}

static void test_hidden(void)
{
	struct editor *e = editor_new();

	e->rl.hidden = true;
	type(e, "secret\x7f"
	        "t\r");
	tap_str(e->done[0], "secret", "a hidden line is read");
	tap_ok(!strstr(e->echo.data, "s"), "not shown");
	tap_eq(e->rl.history_count, 0, "and not remembered");
	editor_free(e);
}

static void test_list(void)
{
	struct editor *e = editor_new();
	struct screen s;

	type(e, "sys\t\t");
	s = see(e);
	tap_has(e->echo.data, "system_reset", "a second Tab lists what is possible");
	tap_str(s.line, "> system_", "and shows the line again");
	type(e, "\x15zzz\t");
	tap_eq(see(e).bells, 1, "nothing matches: a bell");
	editor_free(e);
}

int main(void)
{
	test_edits();
	test_lines();
	test_history();
	test_bounds();
	test_hidden();
	test_list();
	return tap_done();
}
