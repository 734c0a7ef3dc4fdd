// SPDX-License-Identifier: GPL-2.0-or-later
/* The kernel command line (kernel-parameters, "The kernel parses parameters ..."). */
#include "probe/cmdline.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

static char fold(char c)
{
	return c == '-' ? '_' : c;
}

static bool same(const char *a, size_t len, const char *b)
{
	size_t i;

	for (i = 0; i < len && b[i]; i++)
		if (fold(a[i]) != fold(b[i]))
			return false;
	return i == len && !b[i];
}

/* The next word, or NULL at the end or at "--". *p moves behind it. */
static const char *next_word(const char **p, size_t *len)
{
	const char *word = *p + strspn(*p, " \t\n");
	bool quoted = false;
	size_t n;

	for (n = 0; word[n] && (quoted || !isspace((unsigned char)word[n])); n++)
		quoted ^= word[n] == '"';
	*p = word + n;
	*len = n;
	return n && !(n == 2 && !memcmp(word, "--", 2)) ? word : NULL;
}

/* The value of the next word `name` from *p on; *len is its length. A word without "="
 * has the value "". */
static const char *next_value(const char **p, const char *name, size_t *len)
{
	const char *word;
	size_t n;

	while ((word = next_word(p, &n))) {
		const char *eq = memchr(word, '=', n);
		size_t key = eq ? (size_t)(eq - word) : n;

		if (!same(word, key, name))
			continue;
		*len = eq ? n - key - 1 : 0;
		return eq ? eq + 1 : word + n;
	}
	return NULL;
}

bool cmdline_has(const char *cmdline, const char *name)
{
	size_t len;

	return next_value(&cmdline, name, &len);
}

bool cmdline_value(const char *cmdline, const char *name, bool joined, char *buf,
                   size_t size)
{
	const char *v;
	size_t len;
	bool found = false;

	buf[0] = '\0';
	while ((v = next_value(&cmdline, name, &len))) {
		size_t used = joined ? strlen(buf) : 0;

		if (used + len + 2 < size)
			snprintf(buf + used, size - used, "%s%.*s", used ? "," : "",
			         (int)len, v);
		found = true;
	}
	return found;
}

bool cmdline_list_has(const char *cmdline, const char *name, const char *item)
{
	const char *v;
	size_t len;

	while ((v = next_value(&cmdline, name, &len))) {
		for (const char *end = v + len; v < end;) {
			const char *comma = memchr(v, ',', end - v);
			size_t n = (comma ? comma : end) - v;

			if (same(v, n, item))
				return true;
			v += n + 1;
		}
	}
	return false;
}
