// SPDX-License-Identifier: GPL-2.0-or-later
/* Expressions of the human monitor: values, what binds first, and what is refused. */
#include "vmm/monitor/expr.h"

#include "common/cleanup.h"
#include "tests/tap.h"

#include <errno.h>
#include <string.h>

static int get(void *opaque, const char *name, uint64_t *value)
{
	(void)opaque;
	*value = 0x1000;
	return strcmp(name, "rsp") && strcmp(name, "cs.base") ? -ENOENT : 0;
}

static const struct {
	const char *text;
	int64_t value;
} good[] = {
	{ "0", 0 },
	{ "0x10+1", 17 },
	{ "010", 8 },
	{ "2+3*4", 14 },
	{ "(2+3)*4", 20 },
	{ "10-2-3", 5 },
	{ "100/7%4", 2 },
	{ "-8/2", -4 },
	{ "-7%4", -3 },
	{ "~0", -1 },
	{ "--3", 3 },
	{ "6&3+1", 3 },
	{ "1|2^3", 0 },
	{ "'A'", 65 },
	{ "$rsp+8", 0x1008 },
	{ "$cs.base*2", 0x2000 },
	{ " 1 + 2 ", 3 },
	{ "0xffffffffffffffff", -1 },
	{ "0x8000000000000000/-1", INT64_MIN },
	{ "0x8000000000000000%-1", 0 },
	{ "9223372036854775807+1", INT64_MIN },
};
static const struct {
	const char *text, *part;
} bad[] = {
	{ "", "not a number" },
	{ "1+", "not a number" },
	{ "(1", "')' is missing" },
	{ "1)", "')' is left over" },
	{ "1 2", "'2' is left over" },
	{ "0x", "'0x' is not a number" },
	{ "12a", "'12a' is not a number" },
	{ "18446744073709551616", "is not a number" },
	{ "$nix", "there is no register $nix" },
	{ "$", "there is no register $" },
	{ "1/0", "division by zero" },
	{ "1%(2-2)", "division by zero" },
	{ "'a", "between two quotes" },
	{ "((((((((((((((((((((((((((((((((((1))))))))))))))))))))))))))))))))))",
	  "nested too deeply" },
	{ "------------------------------------1", "nested too deeply" },
};

int main(void)
{
	for (unsigned i = 0; i < ARRAY_SIZE(good); i++) {
		struct err err = { 0 };
		int64_t value = 0;

		tap_ok(expr_eval(good[i].text, get, NULL, &value, &err) == 0 &&
		               value == good[i].value,
		       "%s is %lld", good[i].text, (long long)good[i].value);
		if (err.code || value != good[i].value)
			tap_diag("%lld %s", (long long)value, err.text);
	}
	for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
		struct err err = { 0 };
		int64_t value;

		tap_eq(expr_eval(bad[i].text, get, NULL, &value, &err), -EINVAL,
		       "%s is refused", bad[i].text);
		tap_has(err.text, bad[i].part, "and the reason is told");
	}
	return tap_done();
}
