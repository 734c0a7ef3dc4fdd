// SPDX-License-Identifier: GPL-2.0-or-later
/* common/strbuf: growth, termination, ownership, and failure without an abort. */
#include "common/strbuf.h"
#include "tests/tap.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static void test_growth(void)
{
	_cleanup_strbuf_ struct strbuf sb = { 0 };
	bool terminated = true, right = true;

	for (unsigned i = 0; i < 10000; i++) {
		strbuf_addc(&sb, 'a' + i % 26);
		terminated = terminated && sb.data[sb.len] == '\0' && sb.len == i + 1;
	}
	for (unsigned i = 0; i < 10000; i++)
		right = right && sb.data[i] == (char)('a' + i % 26);
	tap_ok(terminated, "terminated after every byte");
	tap_ok(right, "nothing is lost while growing");
	tap_ok(sb.cap > sb.len && !sb.failed, "room for the terminator");
}

/* The terminator must fit at each length around the first allocation. */
static void test_edges(void)
{
	char text[300];
	bool ok = true;

	memset(text, 'x', sizeof(text));
	for (size_t len = 0; len < sizeof(text); len++) {
		_cleanup_strbuf_ struct strbuf sb = { 0 }, formatted = { 0 };

		strbuf_add(&sb, text, len);
		strbuf_addf(&formatted, "%.*s", (int)len, text);
		ok = ok && sb.len == len && sb.data && strlen(sb.data) == len &&
		     formatted.len == len && !strcmp(formatted.data, sb.data);
	}
	tap_ok(ok, "every length up to 300, copied and formatted");
}

static void test_add(void)
{
	_cleanup_strbuf_ struct strbuf sb = { 0 };

	strbuf_adds(&sb, "");
	tap_str(sb.data, "", "adding nothing gives an empty text");
	strbuf_add(&sb, NULL, 0);
	tap_str(sb.data, "", "and so does adding nothing from nowhere");
	strbuf_adds(&sb, "ab");
	strbuf_addf(&sb, "%d-%s", 42, "z");
	strbuf_add(&sb, "\0q", 2);
	tap_eq(sb.len, 8, "embedded zeros count");
	tap_ok(!memcmp(sb.data, "ab42-z\0q", 9), "and stay");
}

static void test_take(void)
{
	struct strbuf sb = { 0 };
	char *text = strbuf_take(&sb);

	tap_str(text, "", "an empty buffer gives an empty text");
	free(text);
	strbuf_adds(&sb, "mine");
	text = strbuf_take(&sb);
	tap_str(text, "mine", "the text is the caller's");
	tap_ok(!sb.data && !sb.len && !sb.cap, "and the buffer is new");
	strbuf_adds(&sb, "again");
	tap_str(sb.data, "again", "and of use");
	tap_str(text, "mine", "without touching what was taken");
	free(text);
	strbuf_free(&sb);
	strbuf_free(&sb);
	tap_ok(!sb.data, "free twice");
}

static void test_failure(void)
{
	struct strbuf sb = { 0 };

	strbuf_adds(&sb, "kept");
	strbuf_add(&sb, "", SIZE_MAX / 2);
	tap_ok(sb.failed, "an impossible length is a failure");
	strbuf_adds(&sb, "more");
	tap_str(sb.data, "kept", "after which nothing is added");
	tap_ok(!strbuf_take(&sb), "and nothing can be taken");
	tap_ok(!sb.failed && !sb.data, "the buffer is new again");
	strbuf_free(&sb);
}

int main(void)
{
	test_growth();
	test_edges();
	test_add();
	test_take();
	test_failure();
	return tap_done();
}
