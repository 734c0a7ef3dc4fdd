/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A growing string. Zero-initialize it; release with strbuf_free(). Aborts never: a
 * failed allocation sets `failed`, and strbuf_take() then returns NULL. */
#ifndef COMMON_STRBUF_H
#define COMMON_STRBUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct strbuf {
	char *data; /* NUL-terminated once anything was added, else NULL */
	size_t len;
	size_t cap;
	bool failed;
};

/* data may be NULL when len is 0, as that of an empty strbuf. */
void strbuf_add(struct strbuf *sb, const void *data, size_t len);
void strbuf_adds(struct strbuf *sb, const char *text);
void strbuf_addc(struct strbuf *sb, char c);
void strbuf_addf(struct strbuf *sb, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void strbuf_vaddf(struct strbuf *sb, const char *fmt, va_list ap);
/* The text, owned by the caller (never NULL unless an allocation failed); sb becomes
 * empty. */
char *strbuf_take(struct strbuf *sb);
void strbuf_free(struct strbuf *sb);

#define _cleanup_strbuf_ __attribute__((cleanup(strbuf_free)))

#endif
