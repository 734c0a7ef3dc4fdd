// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Error sentences. The text lives inside the structure, so that reporting an error never
 * allocates and never fails; a sentence that is too long is cut.
 */
#include "common/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Part of a sentence may be what a user, a client or a guest wrote. */
static void keep_one_line(struct err *err)
{
	for (char *p = err->text; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?';
}

static void append(struct err *err, const char *text)
{
	size_t len = strlen(err->text);

	snprintf(err->text + len, sizeof(err->text) - len, "%s", text);
}

int err_set(struct err *err, int code, const char *fmt, ...)
{
	if (err && !err->code) {
		va_list ap;

		va_start(ap, fmt);
		vsnprintf(err->text, sizeof(err->text), fmt, ap);
		va_end(ap);
		keep_one_line(err);
		err->code = code;
	}
	return -code;
}

int err_usage(struct err *err, const char *fmt, ...)
{
	if (err && !err->code) {
		va_list ap;

		va_start(ap, fmt);
		vsnprintf(err->text, sizeof(err->text), fmt, ap);
		va_end(ap);
		keep_one_line(err);
		err->code = EINVAL;
		err->usage = true;
	}
	return -EINVAL;
}

int err_sys(struct err *err, int code, const char *fmt, ...)
{
	if (err && !err->code) {
		va_list ap;

		va_start(ap, fmt);
		vsnprintf(err->text, sizeof(err->text), fmt, ap);
		va_end(ap);
		append(err, ": ");
		append(err, strerror(code));
		keep_one_line(err);
		err->code = code;
	}
	return -code;
}

void err_prefix(struct err *err, const char *fmt, ...)
{
	char old[sizeof(err->text)];
	va_list ap;

	if (!err || !err->code)
		return;
	memcpy(old, err->text, sizeof(old));
	va_start(ap, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	append(err, ": ");
	append(err, old);
	keep_one_line(err);
}

void err_hint(struct err *err, const char *fmt, ...)
{
	char hint[sizeof(err->text)];
	va_list ap;

	if (!err || !err->code)
		return;
	va_start(ap, fmt);
	vsnprintf(hint, sizeof(hint), fmt, ap);
	va_end(ap);
	append(err, "; ");
	append(err, hint);
	keep_one_line(err);
}
