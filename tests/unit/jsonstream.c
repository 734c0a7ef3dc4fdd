// SPDX-License-Identifier: GPL-2.0-or-later
/* The framing of QMP's input: where objects end, quotes, and what is refused. */
#include "vmm/monitor/jsonstream.h"
#include "tests/tap.h"

#include <stdlib.h>
#include <string.h>

/* Feeds text; the objects that came out as compact JSON, errors as "!". */
static char *feed(struct jsonstream *js, const char *text, size_t len)
{
	struct strbuf out = { 0 };

	strbuf_adds(&out, "");
	for (size_t i = 0; i < len; i++) {
		const char *reason = NULL;
		json_t *value = NULL;
		char *dump;

		switch (jsonstream_feed(js, text[i], &value, &reason)) {
		case JSONSTREAM_MORE:
			break;
		case JSONSTREAM_ERROR:
			strbuf_adds(&out, reason ? "!" : "no reason");
			break;
		case JSONSTREAM_OBJECT:
			dump = json_dumps(value, JSON_COMPACT);
			strbuf_adds(&out, dump);
			free(dump);
			json_decref(value);
		}
	}
	return strbuf_take(&out);
}

static void check(const char *text, const char *want, const char *what)
{
	struct jsonstream js = { 0 };
	char *got = feed(&js, text, strlen(text));

	tap_str(got, want, "%s", what);
	free(got);
	jsonstream_reset(&js);
}

static void test_objects(void)
{
	check("{}", "{}", "no end of line is needed");
	check(" \r\n\t{\"a\":1}\n{\"b\":2}", "{\"a\":1}{\"b\":2}", "two objects");
	check("{\"a\":{\"b\":[{}]}}", "{\"a\":{\"b\":[{}]}}", "brackets inside");
	check("{\"a\":\"}{][\"}", "{\"a\":\"}{][\"}", "brackets in a string");
	check("{\"a\":\"\\\"}\"}", "{\"a\":\"\\\"}\"}", "a quote in a string");
	check("{'a':'b'}", "{\"a\":\"b\"}", "single quotes");
	check("{'a':'it\\'s \"x\"'}", "{\"a\":\"it's \\\"x\\\"\"}",
	      "both quotes in single quotes");
	check("{'a':\"it's\"}", "{\"a\":\"it's\"}", "a single quote in double quotes");
	check("\xff{}", "{}", "the byte that starts anew");
	check("{\"a\":", "", "half an object is waited for");
}

static void test_errors(void)
{
	check("[1]\n{}", "!{}", "an array is refused, the next line is read");
	check("x\n{}", "!{}", "garbage");
	check("{]\n{}", "!{}", "brackets that do not match");
	check("{\"a\":1,\"a\":2}\n{}", "!{}", "a member twice");
	check("{\"a\":\"\xff\"}\n{}", "!{}", "no UTF-8");
	check("{\"a\":'\\u0000'}\n{}", "!{}", "a NUL");
}

static void test_bounds(void)
{
	struct jsonstream js = { 0 };
	size_t len = 3u << 20;
	char *text = malloc(len), *got;

	if (!text)
		abort();
	memset(text, '[', len);
	text[0] = '{';
	got = feed(&js, text, JSONSTREAM_DEPTH + 1);
	tap_str(got, "!", "deep nesting is refused");
	free(got);
	jsonstream_reset(&js);
	memset(text, ' ', len);
	text[0] = '{';
	got = feed(&js, text, len);
	tap_str(got, "!", "a long object is refused, once");
	tap_ok(js.text.cap <= 4u << 20, "and memory stays bounded");
	free(got);
	jsonstream_reset(&js);
	free(text);
}

int main(void)
{
	test_objects();
	test_errors();
	test_bounds();
	return tap_done();
}
