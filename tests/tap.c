// SPDX-License-Identifier: GPL-2.0-or-later
/* The Test Anything Protocol, as prove reads it. */
#include "tests/tap.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static unsigned run, failed;

static bool report(bool ok, const char *file, int line, const char *fmt, va_list ap)
{
	printf("%sok %u - ", ok ? "" : "not ", ++run);
	vprintf(fmt, ap);
	putchar('\n');
	if (!ok) {
		failed++;
		fprintf(stderr, "# failed at %s:%d\n", file, line);
	}
	fflush(stdout);
	return ok;
}

bool tap_result(bool ok, const char *file, int line, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	report(ok, file, line, fmt, ap);
	va_end(ap);
	return ok;
}

bool tap_eq_at(uint64_t got, uint64_t want, const char *file, int line, const char *fmt,
               ...)
{
	va_list ap;

	va_start(ap, fmt);
	report(got == want, file, line, fmt, ap);
	va_end(ap);
	if (got != want)
		tap_diag("got 0x%llx (%lld), want 0x%llx (%lld)", (unsigned long long)got,
		         (long long)got, (unsigned long long)want, (long long)want);
	return got == want;
}

bool tap_str_at(const char *got, const char *want, const char *file, int line,
                const char *fmt, ...)
{
	bool ok = got && want ? !strcmp(got, want) : got == want;
	va_list ap;

	va_start(ap, fmt);
	report(ok, file, line, fmt, ap);
	va_end(ap);
	if (!ok)
		tap_diag("got  '%s'\n# want '%s'", got ? got : "(null)",
		         want ? want : "(null)");
	return ok;
}

bool tap_has_at(const char *text, const char *part, const char *file, int line,
                const char *fmt, ...)
{
	bool ok = text && strstr(text, part);
	va_list ap;

	va_start(ap, fmt);
	report(ok, file, line, fmt, ap);
	va_end(ap);
	if (!ok)
		tap_diag("'%s'\n# does not contain '%s'", text ? text : "(null)", part);
	return ok;
}

void tap_skip(const char *what, const char *reason)
{
	printf("ok %u - %s # SKIP %s\n", ++run, what, reason);
	fflush(stdout);
}

void tap_diag(const char *fmt, ...)
{
	va_list ap;

	fputs("# ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}

void tap_skip_all(const char *reason)
{
	printf("1..0 # SKIP %s\n", reason);
	exit(0);
}

int tap_done(void)
{
	printf("1..%u\n", run);
	return failed || !run;
}
