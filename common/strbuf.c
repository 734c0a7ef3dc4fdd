// SPDX-License-Identifier: GPL-2.0-or-later
/* A growing string; doubles its room, remembers a failed allocation instead of aborting.
 */
#include "common/strbuf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool reserve(struct strbuf *sb, size_t extra)
{
	size_t cap = sb->cap ? sb->cap : 64;
	char *data;

	if (sb->failed)
		return false;
	while (cap - sb->len <= extra) {
		if (cap > ((size_t)1 << 40)) {
			sb->failed = true;
			return false;
		}
		cap *= 2;
	}
	if (cap == sb->cap)
		return true;
	data = realloc(sb->data, cap);
	if (!data) {
		sb->failed = true;
		return false;
	}
	sb->data = data;
	sb->cap = cap;
	return true;
}

void strbuf_add(struct strbuf *sb, const void *data, size_t len)
{
	if (!reserve(sb, len))
		return;
	if (len)
		memcpy(sb->data + sb->len, data, len);
	sb->len += len;
	sb->data[sb->len] = '\0';
}

void strbuf_adds(struct strbuf *sb, const char *text)
{
	strbuf_add(sb, text, strlen(text));
}

void strbuf_addc(struct strbuf *sb, char c)
{
	strbuf_add(sb, &c, 1);
}

void strbuf_vaddf(struct strbuf *sb, const char *fmt, va_list ap)
{
	va_list again;
	int len;

	va_copy(again, ap);
	len = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	if (len < 0 || !reserve(sb, len))
		return;
	vsnprintf(sb->data + sb->len, sb->cap - sb->len, fmt, ap);
	sb->len += len;
}

void strbuf_addf(struct strbuf *sb, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	strbuf_vaddf(sb, fmt, ap);
	va_end(ap);
}

char *strbuf_take(struct strbuf *sb)
{
	char *data;

	strbuf_add(sb, "", 0);
	data = sb->failed ? NULL : sb->data;
	if (!data)
		free(sb->data);
	*sb = (struct strbuf){ 0 };
	return data;
}

void strbuf_free(struct strbuf *sb)
{
	free(sb->data);
	*sb = (struct strbuf){ 0 };
}
