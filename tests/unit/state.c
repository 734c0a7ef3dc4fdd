// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The state walker: every kind of field there and back, and sections that were cut,
 * damaged or made by an enemy. The laws for real devices are in tests/state.
 */
#include "tests/tap.h"

#include "common/bytes.h"
#include "common/cleanup.h"
#include "common/state.h"

#include <errno.h>
#include <string.h>

struct inner {
	uint16_t reg;
	uint8_t pair[2];
};

struct toy {
	uint8_t u8;
	uint16_t u16;
	uint32_t u32;
	uint64_t u64;
	bool flag;
	bool flags[3];
	uint8_t mac[6];
	uint32_t fill; /* elements of buffer */
	uint8_t buffer[16];
	uint64_t arr[3];
	struct inner one;
	uint32_t queues;
	struct inner queue[4];
	const char *host; /* not state */
	int saves, loads;
};

static const struct state_field inner_fields[] = {
	STATE_U16_F(struct inner, reg),
	STATE_U8_ARRAY(struct inner, pair, 2),
	STATE_END_F,
};

static const struct state_desc inner_state = { .name = "inner",
	                                       .version = 1,
	                                       .fields = inner_fields };

static const struct state_field toy_fields[] = {
	STATE_U8_F(struct toy, u8),
	STATE_U16_F(struct toy, u16),
	STATE_U32_F(struct toy, u32),
	STATE_U64_F(struct toy, u64),
	STATE_BOOL_F(struct toy, flag),
	{ .name = "flags",
	  .kind = STATE_BOOL,
	  .offset = offsetof(struct toy, flags),
	  .count = 3,
	  .count_offset = STATE_ALL },
	STATE_BYTES_F(struct toy, mac),
	STATE_VBYTES_F(struct toy, buffer, fill),
	STATE_U64_ARRAY(struct toy, arr, 3),
	STATE_STRUCT_F(struct toy, one, &inner_state),
	STATE_STRUCT_VARRAY(struct toy, queue, 4, queues, &inner_state),
	STATE_END_F,
};

static int toy_pre_save(void *obj, struct err *err)
{
	struct toy *toy = obj;

	toy->saves++;
	return toy->u8 == 0xee ? err_set(err, EIO, "the toy is broken") : 0;
}

static int toy_validate(const void *obj, struct err *err)
{
	const struct toy *toy = obj;

	if (!toy->host)
		return err_set(err, EINVAL, "the scratch copy lacks other fields");
	return toy->u16 == 0xdead ? err_set(err, EINVAL, "u16 is dead") : 0;
}

static int toy_post_load(void *obj, struct err *err)
{
	struct toy *toy = obj;

	(void)err;
	toy->loads++;
	return 0;
}

static const struct state_desc toy_state = {
	.name = "toy",
	.version = 3,
	.fields = toy_fields,
	.pre_save = toy_pre_save,
	.validate = toy_validate,
	.post_load = toy_post_load,
};

static const struct toy sample = {
	.u8 = 0x12,
	.u16 = 0x3456,
	.u32 = 0x789abcde,
	.u64 = 0x1122334455667788,
	.flag = true,
	.flags = { false, true, true },
	.mac = { 0x52, 0x54, 0, 1, 2, 3 },
	.fill = 5,
	.buffer = { 'h', 'e', 'l', 'l', 'o' },
	.arr = { 1, 2, 3 },
	.one = { 0x4444, { 7, 8 } },
	.queues = 2,
	.queue = { { 0x10, { 1, 2 } }, { 0x20, { 3, 4 } } },
	.host = "sample",
};

static int load(struct toy *toy, const struct strbuf *sb, size_t *used, struct err *err)
{
	err_clear(err);
	*used = 0;
	return state_load(&toy_state, toy, sizeof(*toy), "isa/toy", sb->data, sb->len,
	                  used, err);
}

static void save(const struct toy *from, struct strbuf *out)
{
	struct toy toy = *from;
	struct err err = { 0 };

	if (!tap_ok(state_save(&toy_state, &toy, "isa/toy", out, &err) >= 0, "saved"))
		tap_diag("%s", err.text);
}

/* Where the payload starts, and a checksum that fits a changed payload. */
static uint8_t *payload(struct strbuf *sb)
{
	return (uint8_t *)sb->data + 4 + 1 + 7 + 1 + 3 + 10;
}

static void fix_crc(struct strbuf *sb)
{
	uint8_t *p = payload(sb);

	st32(p - 4, state_crc32c(0, p, ld32(p - 8)));
}

/* ---- */

static void test_round_trip(void)
{
	_cleanup_strbuf_ struct strbuf sb = { 0 }, again = { 0 };
	struct toy toy = { .host = "mine", .fill = 16, .buffer = "old contents" };
	struct err err = { 0 };
	char path[256];
	size_t used;

	save(&sample, &sb);
	tap_eq(state_peek(sb.data, sb.len, path, sizeof(path)), 0, "a section");
	tap_str(path, "isa/toy", "its path");
	tap_eq(load(&toy, &sb, &used, &err), 0, "loaded");
	tap_eq(used, sb.len, "all of it");
	tap_str(toy.host, "mine", "what is no state is untouched");
	tap_eq(toy.loads, 1, "post_load ran once");
	tap_eq(toy.saves, 0, "pre_save did not");
	tap_eq(state_compare(&toy_state, &toy, &sample, &err), 0, "equal");
	tap_ok(toy.flags[1] && !toy.flags[0], "array of bool");
	save(&toy, &again);
	tap_ok(again.len == sb.len && !memcmp(again.data, sb.data, sb.len),
	       "saved again: the same bytes");
}

static void test_many_sections(void)
{
	_cleanup_strbuf_ struct strbuf sb = { 0 };
	struct toy second = sample, toy = { .host = "x" };
	struct err err = { 0 };
	size_t used = 0;

	second.u8 = 77;
	save(&sample, &sb);
	save(&second, &sb);
	load(&toy, &sb, &used, &err);
	tap_eq(toy.u8, sample.u8, "the first section");
	tap_eq(state_load(&toy_state, &toy, sizeof(toy), "isa/toy", sb.data + used,
	                  sb.len - used, &used, &err),
	       0, "the second");
	tap_eq(toy.u8, 77, "has its own value");
	tap_eq(used, sb.len, "used adds up");
}

static void differ(const char *what, const struct toy *b, const char *sentence)
{
	struct err err = { 0 };

	tap_ok(state_compare(&toy_state, &sample, b, &err) == -ENOENT, "%s differs",
	       what);
	tap_str(err.text, sentence, "and the sentence says where");
}

static void test_compare(void)
{
	struct toy toy = sample;

	toy.arr[2] = 4;
	differ("array", &toy, "arr[2] is 0x3 in one and 0x4 in the other");
	toy = sample;
	toy.u32++;
	differ("scalar", &toy, "u32 is 0x789abcde in one and 0x789abcdf in the other");
	toy = sample;
	toy.queue[1].pair[0] = 9;
	differ("element", &toy, "queue[1].pair[0] is 0x3 in one and 0x9 in the other");
	toy = sample;
	toy.queues = 1;
	differ("count", &toy,
	       "queue's number of elements is 0x2 in one and 0x1 in the other");
	toy = sample;
	toy.one.reg = 0;
	differ("member", &toy, "one.reg is 0x4444 in one and 0x0 in the other");
	toy = sample;
	toy.queue[3].reg = 1;
	toy.buffer[9] = 1;
	tap_eq(state_compare(&toy_state, &sample, &toy, NULL), 0,
	       "what lies past the counts does not count");
}

static void refused(const char *what, struct strbuf *sb, const char *sentence)
{
	struct toy toy = { .host = "x", .u8 = 0x77, .fill = 3, .buffer = "abc" };
	struct toy before = toy;
	struct err err = { 0 };
	size_t used;

	tap_ok(load(&toy, sb, &used, &err) < 0, "%s is refused", what);
	tap_has(err.text, sentence, "with a sentence");
	tap_ok(!memcmp(&toy, &before, sizeof(toy)) && !used, "and changes nothing");
}

static void test_mismatch(void)
{
	_cleanup_strbuf_ struct strbuf sb = { 0 };
	struct toy toy = sample;
	struct state_desc newer = toy_state, other = toy_state;
	struct err err = { 0 };
	size_t used = 0;

	save(&sample, &sb);
	newer.version = 4;
	other.name = "ball";
	tap_ok(state_load(&newer, &toy, sizeof(toy), "isa/toy", sb.data, sb.len, &used,
	                  &err) < 0,
	       "another version");
	tap_str(err.text, "'isa/toy' has state version 3 there and 4 here", "sentence");
	err_clear(&err);
	tap_ok(state_load(&other, &toy, sizeof(toy), "isa/toy", sb.data, sb.len, &used,
	                  &err) < 0,
	       "another class");
	tap_str(err.text, "'isa/toy' is a toy there and a ball here", "sentence");
	err_clear(&err);
	tap_ok(state_load(&toy_state, &toy, sizeof(toy), "isa/ball", sb.data, sb.len,
	                  &used, &err) < 0,
	       "another path");
	tap_has(err.text, "'isa/toy' where 'isa/ball'", "sentence");
}

static void test_damage(void)
{
	_cleanup_strbuf_ struct strbuf sb = { 0 };
	struct toy toy = { .host = "x" }, before;
	struct err err = { 0 };
	unsigned accepted = 0, silent = 0, changed = 0;
	size_t used;

	save(&sample, &sb);
	before = toy;
	for (size_t len = 0; len < sb.len; len++) {
		struct strbuf cut = { .data = sb.data, .len = len };

		accepted += load(&toy, &cut, &used, &err) >= 0;
		silent += !err.text[0];
		changed += memcmp(&toy, &before, sizeof(toy)) != 0;
	}
	tap_eq(accepted, 0, "no cut section is accepted");
	for (size_t bit = 0; bit < sb.len * 8; bit++) {
		sb.data[bit / 8] ^= 1 << bit % 8;
		accepted += load(&toy, &sb, &used, &err) >= 0;
		silent += !err.text[0];
		changed += memcmp(&toy, &before, sizeof(toy)) != 0;
		sb.data[bit / 8] ^= 1 << bit % 8;
	}
	tap_eq(accepted, 0, "no section with a flipped bit is accepted");
	tap_eq(silent, 0, "each gets a sentence");
	tap_eq(changed, 0, "and leaves the object as it was");
	tap_eq(load(&toy, &sb, &used, &err), 0, "undamaged it is accepted");
}

/* An enemy computes checksums, too. */
static void test_hostile(void)
{
	_cleanup_strbuf_ struct strbuf sb = { 0 };
	const size_t at_u16 = 1, at_flag = 15, at_fill = 16 + 3 + 6, at_len = 4;
	const size_t at_queues = at_fill + 4 + 5 + 24 + 4;
	uint8_t *p;

	save(&sample, &sb);
	p = payload(&sb);
	tap_eq(ld32(p + at_fill), 5, "the test knows the layout");
	tap_eq(ld32(p + at_queues), 2, "to the end");

	st32(p + at_fill, 17);
	fix_crc(&sb);
	refused("a count beyond the buffer", &sb, "buffer has 17 elements, at most 16");
	st32(p + at_fill, 0xffffffff);
	fix_crc(&sb);
	refused("the largest count", &sb, "buffer has 4294967295 elements");
	st32(p + at_fill, 5);
	st32(p + at_queues, 5);
	fix_crc(&sb);
	refused("too many structures", &sb, "queue has 5 elements, at most 4");
	st32(p + at_queues, 4);
	fix_crc(&sb);
	refused("more structures than bytes", &sb, "past the end");
	st32(p + at_queues, 1);
	fix_crc(&sb);
	refused("fewer structures than bytes", &sb, "left over");
	st32(p + at_queues, 2);
	p[at_flag] = 2;
	fix_crc(&sb);
	refused("a third truth value", &sb, "neither true nor false");
	p[at_flag] = 1;
	st16(p + at_u16, 0xdead);
	fix_crc(&sb);
	refused("what validate() refuses", &sb, "loading isa/toy: u16 is dead");
	st16(p + at_u16, 0x3456);

	st32(p - 10 + 2, STATE_SECTION_MAX + 1);
	refused("a huge length", &sb, "damaged or cut");
	st32(p - 10 + 2, 0xfffffff0);
	refused("a length that wraps", &sb, "damaged or cut");
	((uint8_t *)sb.data)[at_len] = 255;
	refused("a path past the end", &sb, "damaged or cut");
	((uint8_t *)sb.data)[at_len] = 7;
	sb.data[5] = '\033';
	refused("a path with an escape sequence", &sb, "damaged or cut");
}

static void test_save_errors(void)
{
	_cleanup_strbuf_ struct strbuf sb = { 0 };
	struct toy toy = sample;
	struct err err = { 0 };
	char path[300];

	toy.u8 = 0xee;
	tap_ok(state_save(&toy_state, &toy, "isa/toy", &sb, &err) < 0, "pre_save fails");
	tap_str(err.text, "saving isa/toy: the toy is broken", "its sentence");
	toy = sample;
	toy.queues = 5;
	err_clear(&err);
	tap_ok(state_save(&toy_state, &toy, "isa/toy", &sb, &err) < 0, "count too large");
	memset(path, 'a', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	toy = sample;
	err_clear(&err);
	tap_ok(state_save(&toy_state, &toy, path, &sb, &err) < 0, "path too long");
	tap_eq(sb.len, 0, "nothing was written");
}

static void test_text(void)
{
	_cleanup_strbuf_ struct strbuf dump = { 0 }, schema = { 0 };

	state_dump(&toy_state, &sample, &dump);
	tap_has(dump.data, "toy version 3\n  u8: 0x12\n", "dump: scalars");
	tap_has(dump.data, "  mac: 525400010203\n", "dump: bytes");
	tap_has(dump.data, "  one:\n    reg: 0x4444\n", "dump: nested");
	tap_has(dump.data, "  queue[1]:\n    reg: 0x20\n", "dump: elements");
	tap_ok(!strstr(dump.data, "queue[2]"), "dump: only as many as count");
	state_schema(&toy_state, &schema);
	tap_str(schema.data,
	        "toy version 3\n"
	        "  u8: u8[1]\n"
	        "  u16: u16[1]\n"
	        "  u32: u32[1]\n"
	        "  u64: u64[1]\n"
	        "  flag: bool[1]\n"
	        "  flags: bool[3]\n"
	        "  mac: bytes[6]\n"
	        "  buffer: vbytes[16]\n"
	        "  arr: u64[3]\n"
	        "  one: struct[1]\n"
	        "    reg: u16[1]\n"
	        "    pair: u8[2]\n"
	        "  queue: struct[up to 4]\n"
	        "    reg: u16[1]\n"
	        "    pair: u8[2]\n",
	        "schema");
}

static void test_crc(void)
{
	uint8_t zeros[32] = { 0 }, ones[32];

	memset(ones, 0xff, sizeof(ones));
	/* RFC 3720, B.4, and the usual check value. */
	tap_eq(state_crc32c(0, zeros, 32), 0x8a9136aa, "CRC-32C of zeros");
	tap_eq(state_crc32c(0, ones, 32), 0x62a8ab43, "CRC-32C of ones");
	tap_eq(state_crc32c(0, "123456789", 9), 0xe3069283, "CRC-32C of digits");
	tap_eq(state_crc32c(state_crc32c(0, "1234", 4), "56789", 5), 0xe3069283,
	       "in two pieces");
}

int main(void)
{
	test_round_trip();
	test_many_sections();
	test_compare();
	test_mismatch();
	test_damage();
	test_hostile();
	test_save_errors();
	test_text();
	test_crc();
	return tap_done();
}
