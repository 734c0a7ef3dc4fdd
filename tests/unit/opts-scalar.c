// SPDX-License-Identifier: GPL-2.0-or-later
/* common/opts: numbers, sizes and truth values, each at its bounds and beyond. */
#include "common/cleanup.h"
#include "common/opts.h"
#include "tests/tap.h"

#include <errno.h>

struct row {
	const char *text;
	int ret;
	uint64_t value;
};

static void test_u64(void)
{
	static const struct row rows[] = {
		{ "0", 0, 0 },
		{ "42", 0, 42 },
		{ "0x2A", 0, 42 },
		{ "052", 0, 42 },
		{ "18446744073709551615", 0, UINT64_MAX },
		{ "0xffffffffffffffff", 0, UINT64_MAX },
		{ "18446744073709551616", -ERANGE, 0 },
		{ "99999999999999999999999", -ERANGE, 0 },
		{ "", -EINVAL, 0 },
		{ " 1", -EINVAL, 0 },
		{ "1 ", -EINVAL, 0 },
		{ "+1", -EINVAL, 0 },
		{ "-1", -EINVAL, 0 },
		{ "0x", -EINVAL, 0 },
		{ "08", -EINVAL, 0 },
		{ "1x", -EINVAL, 0 },
		{ "x1", -EINVAL, 0 },
		{ "1.5", -EINVAL, 0 },
		{ "\xb2", -EINVAL, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint64_t value = 0;
		int ret = opt_parse_u64(rows[i].text, &value);

		tap_eq(ret, rows[i].ret, "number '%s'", rows[i].text);
		if (!rows[i].ret)
			tap_eq(value, rows[i].value, "value of '%s'", rows[i].text);
	}
}

static void test_hex(void)
{
	static const struct row rows[] = {
		{ "0", 0, 0 },
		{ "ff", 0, 255 },
		{ "0xFF", 0, 255 },
		{ "10ec", 0, 0x10ec },
		{ "ffffffffffffffff", 0, UINT64_MAX },
		{ "10000000000000000", -ERANGE, 0 },
		{ "", -EINVAL, 0 },
		{ "0x", -EINVAL, 0 },
		{ "fg", -EINVAL, 0 },
		{ "-f", -EINVAL, 0 },
		{ " f", -EINVAL, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint64_t value = 0;
		int ret = opt_parse_hex(rows[i].text, &value);

		tap_eq(ret, rows[i].ret, "hex '%s'", rows[i].text);
		if (!rows[i].ret)
			tap_eq(value, rows[i].value, "value of hex '%s'", rows[i].text);
	}
}

static const struct {
	const char *text;
	char unit;
	int ret;
	uint64_t value;
} sizes[] = {
	{ "0", 'B', 0, 0 },
	{ "512", 'B', 0, 512 },
	{ "512", 'M', 0, 512ull << 20 },
	{ "512", 'k', 0, 512ull << 10 },
	{ "2", 'G', 0, 2ull << 30 },
	{ "512B", 'M', 0, 512 },
	{ "512b", 'M', 0, 512 },
	{ "4k", 'M', 0, 4096 },
	{ "4K", 'M', 0, 4096 },
	{ "4m", 'B', 0, 4ull << 20 },
	{ "4G", 'B', 0, 4ull << 30 },
	{ "1T", 'B', 0, 1ull << 40 },
	{ "1P", 'B', 0, 1ull << 50 },
	{ "15E", 'B', 0, 15ull << 60 },
	{ "1.5G", 'B', 0, 3ull << 29 },
	{ "1.5", 'G', 0, 3ull << 29 },
	{ "0.5k", 'B', 0, 512 },
	{ "0.1G", 'B', 0, 107374182 },
	{ "2.000000000000000000001k", 'B', 0, 2048 },
	{ "1.999999999E", 'B', 0, 2305843008060772447ull },
	{ "0x10", 'B', 0, 16 },
	{ "0x10M", 'B', 0, 16ull << 20 },
	{ "18446744073709551615", 'B', 0, UINT64_MAX },
	{ "18446744073709551616", 'B', -ERANGE, 0 },
	{ "16E", 'B', -ERANGE, 0 },
	{ "17179869184G", 'B', -ERANGE, 0 },
	{ "17179869183.99G", 'B', 0, 18446744073698814197ull },
	{ "99999999999999999999999", 'M', -ERANGE, 0 },
	{ "", 'B', -EINVAL, 0 },
	{ "G", 'B', -EINVAL, 0 },
	{ "-1", 'B', -EINVAL, 0 },
	{ "+1", 'B', -EINVAL, 0 },
	{ " 1", 'B', -EINVAL, 0 },
	{ "1 M", 'B', -EINVAL, 0 },
	{ "1MB", 'B', -EINVAL, 0 },
	{ "1x", 'B', -EINVAL, 0 },
	{ "1.", 'M', -EINVAL, 0 },
	{ "1.G", 'B', -EINVAL, 0 },
	{ ".5G", 'B', -EINVAL, 0 },
	{ "1.5.5G", 'B', -EINVAL, 0 },
	/* There is no half byte, and no decimal point in hexadecimal. */
	{ "1.5", 'B', -EINVAL, 0 },
	{ "1.5B", 'M', -EINVAL, 0 },
	{ "0x1.5G", 'B', -EINVAL, 0 },
};

static void test_size(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		uint64_t value = 0;
		int ret = opt_parse_size(sizes[i].text, sizes[i].unit, &value);

		tap_eq(ret, sizes[i].ret, "size '%s' in %c", sizes[i].text,
		       sizes[i].unit);
		if (!sizes[i].ret)
			tap_eq(value, sizes[i].value, "value of size '%s' in %c",
			       sizes[i].text, sizes[i].unit);
	}
}

static void test_bool(void)
{
	static const char *const yes[] = { "on", "yes", "true", "y" };
	static const char *const no[] = { "off", "no", "false", "n" };
	static const char *const bad[] = { "", "ON", "1", "0", "o", "onn", " on" };
	bool value = true;

	for (size_t i = 0; i < ARRAY_SIZE(yes); i++) {
		value = false;
		tap_ok(!opt_parse_bool(yes[i], &value) && value, "'%s' is true", yes[i]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(no); i++) {
		value = true;
		tap_ok(!opt_parse_bool(no[i], &value) && !value, "'%s' is false", no[i]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		tap_eq(opt_parse_bool(bad[i], &value), -EINVAL, "'%s' is neither",
		       bad[i]);
}

int main(void)
{
	test_u64();
	test_hex();
	test_size();
	test_bool();
	return tap_done();
}
