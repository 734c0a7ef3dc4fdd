// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * common/opts: the syntax of option lists, and tables applied to objects. Sizes and
 * numbers have a file of their own (opts-scalar.c).
 */
#include "common/opts.h"
#include "common/cleanup.h"
#include "tests/tap.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* "k=v|k=v" of a parsed list, or the error in brackets. */
static const char *shown(const char *text, const char *implied)
{
	static char out[2000];
	struct opt_list list = { 0 };
	struct err err = { 0 };
	size_t len = 0;

	out[0] = '\0';
	if (opt_list_parse(&list, text, implied, &err) < 0)
		snprintf(out, sizeof(out), "[%s]", err.text);
	else
		for (unsigned i = 0; i < list.count && len < sizeof(out); i++)
			len += snprintf(out + len, sizeof(out) - len, "%s%s=%s",
			                i ? "|" : "", list.opts[i].key,
			                list.opts[i].value);
	opt_list_free(&list);
	return out;
}

static void test_syntax(void)
{
	static const struct {
		const char *text, *implied, *want;
	} rows[] = {
		{ "", NULL, "" },
		{ "a=b", NULL, "a=b" },
		{ "a=b,c=d", NULL, "a=b|c=d" },
		{ "a=b,", NULL, "a=b" },
		{ "a=", NULL, "a=" },
		{ "a=b=c", NULL, "a=b=c" },
		{ "a=x,,y", NULL, "a=x,y" },
		{ "a=x,,,b=y", NULL, "a=x,|b=y" },
		{ "a=,,", NULL, "a=," },
		{ "a=,,,,", NULL, "a=,," },
		{ "disk.img", "file", "file=disk.img" },
		{ "a,,b.img,if=ide", "file", "file=a,b.img|if=ide" },
		{ "file=x,ro", "file", "file=x|ro=on" },
		{ "x=1,y", "file", "x=1|y=on" },
		{ "server,nowait", NULL, "server=on|wait=off" },
		{ "unix:/s,server,nowait", "path", "path=unix:/s|server=on|wait=off" },
		{ "no", NULL, "no=on" },
		{ "nox", "size", "size=nox" },
		{ "=b", NULL, "['=b' has no key before '=']" },
		{ "a=b,,=c,=d", NULL, "['=d' has no key before '=']" },
		{ "a=b,,c", NULL, "a=b,c" },
		{ "a=b, ,c", NULL, "a=b| =on|c=on" },
		{ ",a", NULL, "[empty word between two commas]" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		tap_str(shown(rows[i].text, rows[i].implied), rows[i].want,
		        "'%s', implied %s", rows[i].text,
		        rows[i].implied ? rows[i].implied : "none");
}

static void test_list(void)
{
	struct opt_list list = { 0 };
	struct err err = { 0 };
	int ret = 0;

	tap_ok(!opt_list_parse(&list, "a=1,b=2,a=3", NULL, &err), "a list with a repeat");
	tap_str(opt_list_get(&list, "a"), "3", "the later pair wins");
	tap_ok(!opt_list_get(&list, "c"), "an absent key has no value");
	tap_str(opt_list_take(&list, "a"), "3", "take gives the same value");
	tap_ok(list.opts[0].used && !list.opts[1].used && list.opts[2].used,
	       "and marks every pair of that key");
	tap_ok(!opt_list_parse(&list, "d=4", NULL, &err) && list.count == 4,
	       "a second parse appends");
	for (int i = 0; i < OPT_LIST_MAX && !ret; i++)
		ret = opt_list_add(&list, "k", "v");
	tap_eq(ret, -E2BIG, "too many pairs are refused");
	tap_eq(list.count, OPT_LIST_MAX, "at the documented maximum");
	tap_eq(opt_list_parse(&list, "e=5", NULL, &err), -EINVAL, "by the parser too");
	tap_str(err.text, "more than 256 options", "with a sentence");
	tap_ok(err.usage && err.code == EINVAL, "which is an error of usage");
	tap_eq(opt_list_parse(&list, "e=5", NULL, NULL), -EINVAL,
	       "with nobody listening");
	opt_list_free(&list);
	tap_ok(!list.opts && !list.count, "free empties the list");
	opt_list_free(&list);
}

struct object {
	bool flag;
	uint8_t u8;
	uint16_t u16;
	uint32_t u32;
	uint64_t u64, size, ranged;
	char *text, *plain;
	int choice, tri;
	uint8_t guard;
};

static const char *const choices[] = { "writeback", "none", "unsafe", NULL };

#define ROW(n, t, f, ...)                                                               \
	{                                                                               \
		.name = n, .type = t, .offset = offsetof(struct object, f), __VA_ARGS__ \
	}
static const struct opt_desc table[] = {
	ROW("flag", OPT_BOOL, flag, .def = "on", .help = "a flag"),
	ROW("u8", OPT_U8, u8, .def = "7", .help = "a byte"),
	ROW("u16", OPT_U16, u16, .help = "a word"),
	ROW("u32", OPT_U32, u32, .help = "a long"),
	ROW("u64", OPT_U64, u64, .help = "a quad"),
	ROW("size", OPT_SIZE, size, .def = "1M", .help = "bytes"),
	ROW("ranged", OPT_U64, ranged, .min = 2, .max = 5, .help = "bounded"),
	ROW("text", OPT_STR, text, .def = "none given", .help = "a text"),
	ROW("plain", OPT_STR, plain, .help = "another"),
	ROW("cache", OPT_ENUM, choice, OPT_CHOICES(choices, 1), .help = "mode"),
	ROW("tri", OPT_TRI, tri, .def = "auto", .help = "three ways"),
	OPT_ALIAS_ROW("string", "text"),
	{ .name = NULL },
};

/* Applies text to a fresh object; returns the error's text ("" for none). */
static const char *applied(struct object *obj, const char *text)
{
	static struct err err;
	struct opt_list list = { 0 };
	int ret;

	*obj = (struct object){ .guard = 0xa5 };
	err_clear(&err);
	ret = opt_list_parse(&list, text, NULL, &err);
	if (!ret)
		ret = opts_apply(table, &list, obj, "-thing", &err);
	tap_ok(!ret == !err.code && (!ret || ret == -err.code), "%s: code and text agree",
	       text);
	opt_list_free(&list);
	return err.text;
}

static void test_defaults(void)
{
	struct object obj;

	tap_str(applied(&obj, ""), "", "nothing given");
	tap_ok(obj.flag && obj.u8 == 7 && obj.size == 1 << 20, "defaults of scalars");
	tap_str(obj.text, "none given", "default of a string");
	tap_ok(!obj.plain, "no default: left as it was");
	tap_ok(obj.choice == 1 && obj.tri == OPT_TRI_AUTO, "defaults of choices");
	opts_free(table, &obj);
	tap_ok(!obj.text, "freed");
	opts_free(table, &obj);
}

static void test_types(void)
{
	struct object obj;

	tap_str(applied(&obj, "noflag,u8=255,u16=0xffff,u32=4294967295,"
	                      "u64=18446744073709551615,size=3G,ranged=5,"
	                      "string=a,,b,plain=,cache=unsafe,tri=off"),
	        "", "every type at its upper bound");
	tap_ok(!obj.flag, "bool");
	tap_eq(obj.u8, UINT8_MAX, "u8");
	tap_eq(obj.u16, UINT16_MAX, "u16");
	tap_eq(obj.u32, UINT32_MAX, "u32");
	tap_eq(obj.u64, UINT64_MAX, "u64");
	tap_eq(obj.size, 3ull << 30, "size");
	tap_eq(obj.ranged, 5, "a bounded number");
	tap_str(obj.text, "a,b", "a string through its alias");
	tap_str(obj.plain, "", "an empty string");
	tap_ok(obj.choice == 2 && obj.tri == OPT_TRI_OFF, "choices");
	tap_eq(obj.guard, 0xa5, "nothing was written behind the fields");
	opts_free(table, &obj);
	tap_str(applied(&obj, "tri=no"), "", "a choice of three in a switch's words");
	tap_eq(obj.tri, OPT_TRI_OFF, "no");
	opts_free(table, &obj);
	tap_str(applied(&obj, "tri=yes"), "", "and the other one");
	tap_eq(obj.tri, OPT_TRI_ON, "yes");
	opts_free(table, &obj);
	tap_str(applied(&obj, "text=x,text=y"), "", "a repeated string");
	tap_str(obj.text, "y", "the later one wins");
	opts_free(table, &obj);
}

static void test_refusals(void)
{
	static const struct {
		const char *text, *want;
	} rows[] = {
		{ "flag=maybe", "-thing: flag=maybe is not valid; expected on|off" },
		{ "u8=256", "-thing: u8=256 is not valid; expected uint8" },
		{ "u8=-1", "-thing: u8=-1 is not valid; expected uint8" },
		{ "u16=65536", "-thing: u16=65536 is not valid; expected uint16" },
		{ "u32=4294967296",
		  "-thing: u32=4294967296 is not valid; expected uint32" },
		{ "u64=18446744073709551616",
		  "-thing: u64=18446744073709551616 is not valid; expected uint64" },
		{ "u64=1k", "-thing: u64=1k is not valid; expected uint64" },
		{ "u64=", "-thing: u64= is not valid; expected uint64" },
		{ "size=16E", "-thing: size=16E is not valid; expected size" },
		{ "ranged=1",
		  "-thing: ranged=1 is not valid; expected a number from 2 to 5" },
		{ "ranged=6",
		  "-thing: ranged=6 is not valid; expected a number from 2 to 5" },
		{ "cache=nine",
		  "-thing: cache=nine is not valid; expected writeback|none|unsafe" },
		{ "tri=1", "-thing: tri=1 is not valid; expected auto|on|off" },
		{ "txt=x", "-thing: unknown option 'txt', did you mean 'text'?" },
		{ "cahce=none", "-thing: unknown option 'cahce', did you mean 'cache'?" },
		{ "wholly-other=1",
		  "-thing: unknown option 'wholly-other'; try 'help' to list the "
		  "options" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct object obj;

		tap_str(applied(&obj, rows[i].text), rows[i].want, "%s", rows[i].text);
		opts_free(table, &obj);
	}
}

static void test_set(void)
{
	static const struct opt_desc none[] = { { .name = NULL } };
	static const struct opt_desc broken[] = {
		ROW("u8", OPT_U8, u8, .def = "256", .help = "a byte"),
		{ .name = NULL },
	};
	struct object obj = { 0 };
	struct opt_list list = { 0 };
	struct err err = { 0 };

	tap_eq(opts_set(table, &obj, "nope", "1", "-thing", &err), -EINVAL,
	       "an unknown key");
	tap_eq(opts_set(table, &obj, "u8", "300", "-thing", NULL), -EINVAL,
	       "a bad value, nobody listening");
	tap_ok(!opts_set(table, &obj, "u8", "010", "-thing", NULL) && obj.u8 == 8,
	       "octal");
	err_clear(&err);
	opts_set(none, &obj, "x", "1", "-thing", &err);
	tap_str(err.text, "-thing: unknown option 'x'; it takes none", "an empty table");
	err_clear(&err);
	tap_eq(opts_apply(broken, &list, &obj, "-thing", &err), -EINVAL,
	       "a default that its own row refuses");
	tap_has(err.text, "the default of 'u8' is not valid", "is named");
}

/* What a device took itself is not applied again. */
static void test_used(void)
{
	struct opt_list list = { 0 };
	struct err err = { 0 };
	struct object obj = { 0 };

	opt_list_parse(&list, "bus=pci.0,u8=9", NULL, &err);
	opt_list_take(&list, "bus");
	tap_ok(!opts_apply(table, &list, &obj, "-thing", &err) && obj.u8 == 9,
	       "a pair that was taken is no unknown option");
	tap_ok(list.opts[1].used, "what was applied is marked");
	opt_list_free(&list);
	opts_free(table, &obj);
}

/* One list that two tables share. */
static void test_two_tables(void)
{
	static const struct opt_desc other[] = {
		{ .name = "media", .type = OPT_STR, .offset = 0 },
		{ .name = NULL },
	};
	static const struct opt_desc *const both[] = { table, other, NULL };
	static const struct opt_desc *const small[] = { other, NULL };
	struct opt_list list = { 0 };
	struct err err = { 0 };
	struct object obj = { 0 };
	char *media = NULL;

	opt_list_parse(&list, "media=disk,u8=9", NULL, &err);
	tap_eq(opts_check_keys(both, &list, "-thing", &err), 0, "all keys are known");
	tap_ok(!opts_take(table, &list, &obj, "-thing", &err) && obj.u8 == 9 &&
	               list.opts[1].used && !list.opts[0].used,
	       "one table takes its own");
	tap_ok(!opts_take(other, &list, &media, "-thing", &err) && media &&
	               list.opts[0].used,
	       "the other one the rest");
	opt_list_free(&list);
	opts_free(table, &obj);
	opts_free(other, &media);

	opt_list_parse(&list, "u8=9,medai=disk", NULL, &err);
	tap_eq(opts_check_keys(both, &list, NULL, &err), -EINVAL, "a key of neither");
	tap_str(err.text, "unknown option 'medai', did you mean 'media'?",
	        "the nearest of both; without a name the sentence stands alone");
	tap_ok(err.usage, "is wrong usage");
	err_clear(&err);
	opts_check_keys(small, &list, "-thing", &err);
	tap_str(err.text, "-thing: unknown option 'u8'; it takes media",
	        "a few keys are listed");
	opt_list_free(&list);
}

static void test_help(void)
{
	_cleanup_strbuf_ struct strbuf out = { 0 };

	opts_help(table, &out);
	tap_has(out.data, "  flag=<on|off>                a flag (default: on)\n",
	        "a row with a default");
	tap_has(out.data, "  u16=<uint16>                 a word\n", "a row without one");
	tap_has(out.data, "  cache=<writeback|none|unsafe> mode (default: none)\n",
	        "choices");
	tap_has(out.data, "  string                       same as text\n", "an alias");
}

static void test_nearest(void)
{
	static const char *const names[] = { "kernel", "initrd", "append", "m", NULL };
	static const char *const devices[] = { "virtio-blk-pci", NULL };
	char longer[200];

	tap_str(opt_nearest("kernal", names), "kernel", "one wrong letter");
	tap_str(opt_nearest("inird", names), "initrd", "one missing letter");
	tap_str(opt_nearest("appned", names), "append", "two letters swapped");
	tap_str(opt_nearest("kernel", names), "kernel", "the word itself");
	tap_ok(!opt_nearest("serial", names), "nothing near");
	tap_ok(!opt_nearest("virtio-gpu-pci", devices), "another word of many letters");
	tap_str(opt_nearest("virtoi-bkl-pci", devices), devices[0], "two mistakes in it");
	tap_ok(!opt_nearest("x", names), "one other letter is not near");
	tap_ok(!opt_nearest("", names), "no letter is not near");
	memset(longer, 'k', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	tap_ok(!opt_nearest(longer, names), "a very long word");
}

int main(void)
{
	test_syntax();
	test_list();
	test_defaults();
	test_types();
	test_refusals();
	test_set();
	test_used();
	test_two_tables();
	test_help();
	test_nearest();
	return tap_done();
}
