// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Fuzz target: option lists and tables. Beyond "does not crash": a parsed list, written
 * out again with its commas doubled, parses to the same pairs; a table never writes
 * outside its fields; an error has a code, a sentence and one line.
 */
#include "common/opts.h"
#include "common/cleanup.h"
#include "tests/fuzz/input-lib.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

struct object {
	uint64_t guard_low;
	bool flag;
	uint8_t u8;
	uint16_t u16;
	uint32_t u32;
	uint64_t u64, size, ranged;
	char *text;
	int choice, tri;
	uint64_t guard_high;
};

#define GUARD 0x5aa5c33c0ff0f00full

static const char *const choices[] = { "writeback", "none", "unsafe", NULL };

#define ROW(f, t, ...)                                                                   \
	{                                                                                \
		.name = #f, .type = t, .offset = offsetof(struct object, f), __VA_ARGS__ \
	}
static const struct opt_desc table[] = {
	ROW(flag, OPT_BOOL, .def = "off", .help = ""),
	ROW(u8, OPT_U8, .help = ""),
	ROW(u16, OPT_U16, .help = ""),
	ROW(u32, OPT_U32, .help = ""),
	ROW(u64, OPT_U64, .help = ""),
	ROW(size, OPT_SIZE, .def = "1.5M", .help = ""),
	ROW(ranged, OPT_U32, .min = 2, .max = 5, .help = ""),
	ROW(text, OPT_STR, .def = "x", .help = ""),
	ROW(choice, OPT_ENUM, OPT_CHOICES(choices, 1), .help = ""),
	ROW(tri, OPT_TRI, .def = "auto", .help = ""),
	OPT_ALIAS_ROW("string", "text"),
	{ .name = NULL },
};

static void require_sentence(int ret, const struct err *err)
{
	require(ret == -err->code);
	require(!ret == !err->text[0]);
	require(!strpbrk(err->text, "\r\n\x1b"));
}

static void add_escaped(struct strbuf *out, const char *text)
{
	for (; *text; text++)
		strbuf_adds(out, *text == ',' ? ",," : (char[]){ *text, '\0' });
}

static void check_round_trip(const struct opt_list *list)
{
	_cleanup_strbuf_ struct strbuf text = { 0 };
	struct opt_list again = { 0 };

	for (unsigned i = 0; i < list->count; i++) {
		/* The one key that the syntax cannot write behind another pair. */
		if (list->opts[i].key[0] == ',')
			return;
		strbuf_adds(&text, i ? "," : "");
		add_escaped(&text, list->opts[i].key);
		strbuf_addc(&text, '=');
		add_escaped(&text, list->opts[i].value);
	}
	if (text.data)
		require(!opt_list_parse(&again, text.data, NULL, NULL));
	require(again.count == list->count);
	for (unsigned i = 0; i < list->count; i++) {
		require(!strcmp(list->opts[i].key, again.opts[i].key));
		require(!strcmp(list->opts[i].value, again.opts[i].value));
	}
	opt_list_free(&again);
}

static void check_table(struct opt_list *list)
{
	struct object obj = { .guard_low = GUARD, .guard_high = GUARD };
	struct err err = { 0 };
	int ret = opts_apply(table, list, &obj, "-fuzz", &err);

	require_sentence(ret, &err);
	require(obj.guard_low == GUARD && obj.guard_high == GUARD);
	require(!obj.ranged || (obj.ranged >= 2 && obj.ranged <= 5));
	require(obj.choice >= 0 && obj.choice < 3 && obj.tri >= 0 && obj.tri < 3);
	opts_free(table, &obj);
}

static void check_scalars(const char *text)
{
	uint64_t value;
	bool truth;

	if (!opt_parse_u64(text, &value) || !opt_parse_hex(text, &value))
		require(text[0] && !strpbrk(text, " +-."));
	if (!opt_parse_size(text, 'M', &value))
		require(text[0] >= '0' && text[0] <= '9');
	opt_parse_bool(text, &truth);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = malloc(size + 1);
	struct opt_list list = { 0 };
	struct err err = { 0 };
	int ret;

	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	check_scalars(text);
	/* The first letter decides whether there is an implied key. */
	ret = opt_list_parse(&list, text, size && data[0] & 1 ? "text" : NULL, &err);
	require_sentence(ret, &err);
	if (!ret) {
		check_round_trip(&list);
		check_table(&list);
	}
	opt_list_free(&list);
	return 0;
}
