// SPDX-License-Identifier: GPL-2.0-or-later
/* common/err: the first cause stays, context goes around it, a sentence stays a line. */
#include "common/err.h"
#include "tests/tap.h"

#include <errno.h>
#include <string.h>

static void test_set(void)
{
	struct err err = { 0 };

	tap_eq(err_set(&err, EBUSY, "disk %s is in use", "a.img"), -EBUSY,
	       "set returns -code");
	tap_eq(err.code, EBUSY, "and keeps it");
	tap_str(err.text, "disk a.img is in use", "the sentence");
	tap_eq(err_set(&err, ENOENT, "later"), -ENOENT, "a second set returns its code");
	tap_ok(err.code == EBUSY && !strcmp(err.text, "disk a.img is in use"),
	       "but the first cause stays");
	tap_eq(err_sys(&err, EIO, "later"), -EIO, "so with err_sys");
	tap_eq(err.code, EBUSY, "the first cause stays");
	err_clear(&err);
	tap_ok(!err.code && !err.text[0], "clear");
	tap_eq(err_sys(&err, ENOENT, "cannot open %s", "x"), -ENOENT,
	       "sys returns -code");
	tap_str(err.text, "cannot open x: No such file or directory", "with the reason");
}

static void test_usage(void)
{
	struct err err = { 0 };

	tap_eq(err_usage(&err, "no option '%s'", "a\nb"), -EINVAL, "usage is EINVAL");
	tap_ok(err.usage && err.code == EINVAL, "and marked");
	tap_str(err.text, "no option 'a?b'", "one line");
	err_clear(&err);
	tap_ok(!err.usage, "clear takes the mark away");
	err_set(&err, EINVAL, "x");
	err_usage(&err, "y");
	tap_ok(!err.usage, "a later error of usage marks nothing");
	tap_eq(err_usage(NULL, "x"), -EINVAL, "usage without a listener");
}

static void test_context(void)
{
	struct err err = { 0 };

	err_prefix(&err, "nothing");
	err_hint(&err, "nothing");
	tap_str(err.text, "", "no context without an error");
	err_set(&err, EINVAL, "size is odd");
	err_prefix(&err, "-drive %s", "a.img");
	tap_str(err.text, "-drive a.img: size is odd", "a prefix");
	err_hint(&err, "use %d", 512);
	tap_str(err.text, "-drive a.img: size is odd; use 512", "a hint");
	err_prefix(&err, "vmm");
	tap_str(err.text, "vmm: -drive a.img: size is odd; use 512", "one more prefix");
}

static void test_null(void)
{
	tap_eq(err_set(NULL, EPERM, "x"), -EPERM, "set without a listener");
	tap_eq(err_sys(NULL, EPERM, "x"), -EPERM, "sys without a listener");
	err_prefix(NULL, "x");
	err_hint(NULL, "x");
}

static void test_bounds(void)
{
	struct err err = { 0 };
	char big[3000];

	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	err_set(&err, EINVAL, "%s", big);
	tap_eq(strlen(err.text), sizeof(err.text) - 1, "a long sentence is cut");
	err_prefix(&err, "%s", big);
	err_hint(&err, "%s", big);
	err_prefix(&err, "short");
	tap_eq(strlen(err.text), sizeof(err.text) - 1, "context keeps within the bounds");
	tap_ok(!strncmp(err.text, "short: xxx", 10), "the prefix is there");
	err_clear(&err);
	err_sys(&err, ENOENT, "%s", big);
	tap_eq(strlen(err.text), sizeof(err.text) - 1, "so does a reason");
}

/* What a user, a client or a guest wrote may end up in a sentence. */
static void test_one_line(void)
{
	struct err err = { 0 };

	err_set(&err, EINVAL, "no file '%s'", "a\nb\r\x1b[2Jc\td\x7f");
	tap_str(err.text, "no file 'a?b??[2Jc?d?'", "control characters are replaced");
	err_prefix(&err, "x\ny");
	err_hint(&err, "p\nq");
	tap_str(err.text, "x?y: no file 'a?b??[2Jc?d?'; p?q", "in context too");
	err_clear(&err);
	err_set(&err, EINVAL, "'%s'", "gr\xc3\xbc\xc3\x9f");
	tap_str(err.text, "'gr\xc3\xbc\xc3\x9f'", "UTF-8 stays");
}

int main(void)
{
	test_set();
	test_usage();
	test_context();
	test_null();
	test_bounds();
	test_one_line();
	return tap_done();
}
