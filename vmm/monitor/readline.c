// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A line editor as a state machine (control sequences: ECMA-48, 5.4). Output is plain
 * enough for any terminal: carriage return, erase to the end of the line, cursor left.
 */
#include "vmm/monitor/readline.h"

#include "common/cleanup.h"

#include <ctype.h>
#include <string.h>

#define CTRL(letter) ((letter)&0x1f)

enum { BELL = 7, BACKSPACE = 8, TAB = 9, ESCAPE = 27, DELETE = 127 };

void readline_init(struct readline *rl, const char *prompt, struct strbuf *echo)
{
	*rl = (struct readline){ .prompt = prompt, .echo = echo };
}

void readline_free(struct readline *rl)
{
	for (unsigned i = 0; i < rl->history_count; i++)
		free(rl->history[i]);
	free(rl->draft);
}

void readline_start(struct readline *rl)
{
	strbuf_adds(rl->echo, rl->prompt);
}

/* ---- the screen ---- */

static void cursor_left(struct readline *rl, unsigned n)
{
	if (n && !rl->hidden)
		strbuf_addf(rl->echo, "\033[%uD", n);
}

/* The line from `from` on, then the cursor back to its place. */
static void show_from(struct readline *rl, unsigned from)
{
	if (rl->hidden)
		return;
	strbuf_add(rl->echo, rl->line + from, rl->len - from);
	strbuf_adds(rl->echo, "\033[K");
	cursor_left(rl, rl->len - rl->cursor);
}

static void show_all(struct readline *rl)
{
	strbuf_addc(rl->echo, '\r');
	strbuf_adds(rl->echo, rl->prompt);
	show_from(rl, 0);
}

static void bell(struct readline *rl)
{
	strbuf_addc(rl->echo, BELL);
}

/* ---- editing ---- */

static void insert(struct readline *rl, const char *text, unsigned n)
{
	if (rl->len + n > READLINE_MAX) {
		bell(rl);
		return;
	}
	memmove(rl->line + rl->cursor + n, rl->line + rl->cursor, rl->len - rl->cursor);
	memcpy(rl->line + rl->cursor, text, n);
	rl->len += n;
	rl->cursor += n;
	rl->line[rl->len] = '\0';
	if (rl->hidden)
		return;
	if (rl->cursor == rl->len)
		strbuf_add(rl->echo, text, n);
	else
		show_from(rl, rl->cursor - n);
}

/* Removes [from, to) and leaves the cursor at from. */
static void erase(struct readline *rl, unsigned from, unsigned to)
{
	if (from == to)
		return;
	if (rl->cursor > from)
		cursor_left(rl, rl->cursor - from);
	else if (rl->cursor < from && !rl->hidden)
		strbuf_addf(rl->echo, "\033[%uC", from - rl->cursor);
	memmove(rl->line + from, rl->line + to, rl->len - to);
	rl->len -= to - from;
	rl->line[rl->len] = '\0';
	rl->cursor = from;
	show_from(rl, from);
}

static void move_to(struct readline *rl, unsigned cursor)
{
	if (cursor < rl->cursor)
		cursor_left(rl, rl->cursor - cursor);
	else if (cursor > rl->cursor && !rl->hidden)
		strbuf_addf(rl->echo, "\033[%uC", cursor - rl->cursor);
	rl->cursor = cursor;
}

static unsigned word_left(const struct readline *rl)
{
	unsigned i = rl->cursor;

	while (i && rl->line[i - 1] == ' ')
		i--;
	while (i && rl->line[i - 1] != ' ')
		i--;
	return i;
}

static unsigned word_right(const struct readline *rl)
{
	unsigned i = rl->cursor;

	while (i < rl->len && rl->line[i] == ' ')
		i++;
	while (i < rl->len && rl->line[i] != ' ')
		i++;
	return i;
}

static void replace_line(struct readline *rl, const char *text)
{
	size_t n = strlen(text);

	rl->len = n < READLINE_MAX ? n : READLINE_MAX;
	memcpy(rl->line, text, rl->len);
	rl->line[rl->len] = '\0';
	rl->cursor = rl->len;
	show_all(rl);
}

/* ---- history ---- */

static void show_history(struct readline *rl, int step)
{
	unsigned at = rl->at + step;

	if ((step < 0 && !rl->at) || at > rl->history_count) {
		bell(rl);
		return;
	}
	if (!rl->at) {
		free(rl->draft);
		rl->draft = strdup(rl->line);
	}
	rl->at = at;
	replace_line(rl, at          ? rl->history[rl->history_count - at]
	                 : rl->draft ? rl->draft
	                             : "");
}

static void remember(struct readline *rl)
{
	const char *last = rl->history_count ? rl->history[rl->history_count - 1] : "";
	char *copy;

	if (!rl->len || rl->hidden || !strcmp(last, rl->line))
		return;
	copy = strdup(rl->line);
	if (!copy)
		return;
	if (rl->history_count == READLINE_HISTORY) {
		free(rl->history[0]);
		memmove(rl->history, rl->history + 1,
		        (READLINE_HISTORY - 1) * sizeof(rl->history[0]));
		rl->history_count--;
	}
	rl->history[rl->history_count++] = copy;
}

void readline_next(struct readline *rl)
{
	remember(rl);
	rl->len = rl->cursor = rl->at = 0;
	rl->line[0] = '\0';
}

/* ---- completion ---- */

struct matches {
	char *words[READLINE_MATCHES];
	unsigned count;
};

static void add_match(void *opaque, const char *word)
{
	struct matches *m = opaque;

	for (unsigned i = 0; i < m->count; i++)
		if (!strcmp(m->words[i], word))
			return;
	if (m->count < READLINE_MATCHES && (m->words[m->count] = strdup(word)))
		m->count++;
}

static unsigned common_length(const struct matches *m)
{
	unsigned n = strlen(m->words[0]);

	for (unsigned i = 1; i < m->count; i++) {
		unsigned k = 0;

		while (k < n && m->words[i][k] == m->words[0][k])
			k++;
		n = k;
	}
	return n;
}

static void list_matches(struct readline *rl, const struct matches *m)
{
	enum { WIDTH = 80 };
	unsigned width = 2, column = 0;

	for (unsigned i = 0; i < m->count; i++)
		if (strlen(m->words[i]) + 2 > width)
			width = strlen(m->words[i]) + 2;
	strbuf_adds(rl->echo, "\r\n");
	for (unsigned i = 0; i < m->count; i++) {
		if (column && column + width > WIDTH) {
			strbuf_adds(rl->echo, "\r\n");
			column = 0;
		}
		strbuf_addf(rl->echo, "%-*s", (int)width, m->words[i]);
		column += width;
	}
	strbuf_adds(rl->echo, "\r\n");
	show_all(rl);
}

static void complete(struct readline *rl)
{
	struct matches m = { .count = 0 };
	char before[READLINE_MAX + 1];
	unsigned start, known, n;

	if (!rl->complete || rl->hidden)
		return;
	memcpy(before, rl->line, rl->cursor);
	before[rl->cursor] = '\0';
	for (start = rl->cursor; start && before[start - 1] != ' ';)
		start--;
	rl->complete(rl->opaque, before, add_match, &m);
	known = rl->cursor - start;
	n = m.count ? common_length(&m) : 0;
	if (!m.count)
		bell(rl);
	else if (n > known)
		insert(rl, m.words[0] + known, n - known);
	else if (m.count > 1)
		list_matches(rl, &m);
	if (m.count == 1 && rl->cursor == rl->len)
		insert(rl, " ", 1);
	for (unsigned i = 0; i < m.count; i++)
		free(m.words[i]);
}

/* ---- keys ---- */

static void key_start(struct readline *rl)
{
	move_to(rl, 0);
}

static void key_end(struct readline *rl)
{
	move_to(rl, rl->len);
}

static void key_left(struct readline *rl)
{
	if (rl->cursor)
		move_to(rl, rl->cursor - 1);
}

static void key_right(struct readline *rl)
{
	if (rl->cursor < rl->len)
		move_to(rl, rl->cursor + 1);
}

static void key_up(struct readline *rl)
{
	show_history(rl, 1);
}

static void key_down(struct readline *rl)
{
	show_history(rl, -1);
}

static void key_delete(struct readline *rl)
{
	if (rl->cursor < rl->len)
		erase(rl, rl->cursor, rl->cursor + 1);
}

static void key_backspace(struct readline *rl)
{
	if (rl->cursor)
		erase(rl, rl->cursor - 1, rl->cursor);
}

static void key_kill_end(struct readline *rl)
{
	erase(rl, rl->cursor, rl->len);
}

static void key_kill_start(struct readline *rl)
{
	erase(rl, 0, rl->cursor);
}

static void key_kill_word(struct readline *rl)
{
	erase(rl, word_left(rl), rl->cursor);
}

static void key_kill_word_right(struct readline *rl)
{
	erase(rl, rl->cursor, word_right(rl));
}

static void key_word_left(struct readline *rl)
{
	move_to(rl, word_left(rl));
}

static void key_word_right(struct readline *rl)
{
	move_to(rl, word_right(rl));
}

struct key {
	uint8_t code;
	void (*fn)(struct readline *rl);
};

static const struct key control_keys[] = {
	{ CTRL('A'), key_start },      { CTRL('E'), key_end },
	{ CTRL('B'), key_left },       { CTRL('F'), key_right },
	{ CTRL('P'), key_up },         { CTRL('N'), key_down },
	{ CTRL('D'), key_delete },     { CTRL('K'), key_kill_end },
	{ CTRL('U'), key_kill_start }, { CTRL('W'), key_kill_word },
	{ CTRL('L'), show_all },       { BACKSPACE, key_backspace },
	{ DELETE, key_backspace },     { TAB, complete },
};

static const struct key escape_keys[] = {
	{ 'b', key_word_left },
	{ 'f', key_word_right },
	{ 'd', key_kill_word_right },
};

/* The final byte of a control sequence, or of ESC O. */
static const struct key csi_keys[] = {
	{ 'A', key_up },   { 'B', key_down },  { 'C', key_right },
	{ 'D', key_left }, { 'H', key_start }, { 'F', key_end },
};

/* The parameter of CSI n ~. */
static const struct key tilde_keys[] = {
	{ 1, key_start }, { 7, key_start },  { 4, key_end },
	{ 8, key_end },   { 3, key_delete },
};

static void press(struct readline *rl, const struct key *keys, size_t count,
                  unsigned code)
{
	for (size_t i = 0; i < count; i++)
		if (keys[i].code == code)
			keys[i].fn(rl);
}

static void feed_csi(struct readline *rl, uint8_t byte)
{
	if (isdigit(byte)) {
		rl->param = rl->param < 100 ? rl->param * 10 + byte - '0' : rl->param;
		return;
	}
	/* Modifiers and other parameters change nothing here. */
	if (byte < 0x40)
		return;
	rl->state = RL_PLAIN;
	if (byte == '~')
		press(rl, tilde_keys, ARRAY_SIZE(tilde_keys), rl->param);
	else
		press(rl, csi_keys, ARRAY_SIZE(csi_keys), byte);
}

static void feed_escape(struct readline *rl, uint8_t byte)
{
	rl->param = 0;
	rl->state = byte == '[' ? RL_CSI : byte == 'O' ? RL_SS3 : RL_PLAIN;
	if (rl->state == RL_PLAIN)
		press(rl, escape_keys, ARRAY_SIZE(escape_keys), byte);
}

static bool feed_plain(struct readline *rl, uint8_t byte)
{
	bool after_cr = rl->after_cr;

	rl->after_cr = byte == '\r';
	if (byte == '\r' || byte == '\n') {
		/* CR LF is one end of line. */
		if (byte == '\n' && after_cr)
			return false;
		strbuf_adds(rl->echo, "\r\n");
		return true;
	}
	if (byte == ESCAPE)
		rl->state = RL_ESCAPE;
	else if (byte < 0x20 || byte == DELETE)
		press(rl, control_keys, ARRAY_SIZE(control_keys), byte);
	else
		insert(rl, (const char *)&byte, 1);
	return false;
}

bool readline_feed(struct readline *rl, uint8_t byte)
{
	switch (rl->state) {
	case RL_PLAIN:
		return feed_plain(rl, byte);
	case RL_ESCAPE:
		feed_escape(rl, byte);
		break;
	case RL_CSI:
		feed_csi(rl, byte);
		break;
	case RL_SS3:
		rl->state = RL_PLAIN;
		press(rl, csi_keys, ARRAY_SIZE(csi_keys), byte);
		break;
	}
	return false;
}
