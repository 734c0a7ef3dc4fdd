// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Options in QEMU's syntax, applied to objects by tables. Everything here works on text
 * that a user typed or a client sent: sizes are bounded, nothing is trusted, nothing is
 * printed.
 */
#include "common/opts.h"

#include "common/cleanup.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- lists ---- */

static int list_add_owned(struct opt_list *list, char *key, char *value)
{
	struct opt *opts;

	if (!key || !value || list->count >= OPT_LIST_MAX) {
		free(key);
		free(value);
		return list->count >= OPT_LIST_MAX ? -E2BIG : -ENOMEM;
	}
	opts = realloc(list->opts, (list->count + 1) * sizeof(*opts));
	if (!opts) {
		free(key);
		free(value);
		return -ENOMEM;
	}
	list->opts = opts;
	opts[list->count++] = (struct opt){ .key = key, .value = value };
	return 0;
}

int opt_list_add(struct opt_list *list, const char *key, const char *value)
{
	return list_add_owned(list, strdup(key), strdup(value));
}

/* Copies one word up to an unescaped comma; *next is where the following word starts. */
static char *take_word(const char *text, const char **next)
{
	char *word = malloc(strlen(text) + 1);
	size_t len = 0;

	if (!word)
		return NULL;
	while (*text) {
		if (*text == ',') {
			if (text[1] != ',')
				break;
			text++;
		}
		word[len++] = *text++;
	}
	word[len] = '\0';
	*next = *text == ',' ? text + 1 : text;
	return word;
}

static int add_word(struct opt_list *list, const char *word, bool first,
                    const char *implied, struct err *err)
{
	const char *eq = strchr(word, '=');

	if (eq == word)
		return err_usage(err, "'%s' has no key before '='", word);
	if (eq)
		return list_add_owned(list, strndup(word, eq - word), strdup(eq + 1));
	if (first && implied)
		return opt_list_add(list, implied, word);
	if (!*word)
		return err_usage(err, "empty word between two commas");
	if (!strncmp(word, "no", 2) && word[2])
		return opt_list_add(list, word + 2, "off");
	return opt_list_add(list, word, "on");
}

int opt_list_parse(struct opt_list *list, const char *text, const char *implied,
                   struct err *err)
{
	bool first = true;
	int ret = 0;

	while (*text && !ret) {
		_cleanup_free_ char *word = take_word(text, &text);

		if (!word)
			return err_sys(err, ENOMEM, "options");
		ret = add_word(list, word, first, implied, err);
		first = false;
	}
	if (ret == -E2BIG)
		return err_usage(err, "more than %d options", OPT_LIST_MAX);
	if (ret < 0)
		err_sys(err, -ret, "options");
	return ret;
}

const char *opt_list_get(const struct opt_list *list, const char *key)
{
	for (unsigned i = list->count; i--;)
		if (!strcmp(list->opts[i].key, key))
			return list->opts[i].value;
	return NULL;
}

const char *opt_list_take(struct opt_list *list, const char *key)
{
	for (unsigned i = 0; i < list->count; i++)
		if (!strcmp(list->opts[i].key, key))
			list->opts[i].used = true;
	return opt_list_get(list, key);
}

void opt_list_free(struct opt_list *list)
{
	for (unsigned i = 0; i < list->count; i++) {
		free(list->opts[i].key);
		free(list->opts[i].value);
	}
	free(list->opts);
	*list = (struct opt_list){ 0 };
}

/* ---- scalars ---- */

int opt_parse_u64(const char *text, uint64_t *value)
{
	char *end;

	/* strtoull would accept blanks and a sign. */
	if (!isdigit((unsigned char)text[0]))
		return -EINVAL;
	errno = 0;
	*value = strtoull(text, &end, 0);
	if (*end)
		return -EINVAL;
	return errno ? -ERANGE : 0;
}

int opt_parse_hex(const char *text, uint64_t *value)
{
	char *end;

	if (!isxdigit((unsigned char)text[0]))
		return -EINVAL;
	errno = 0;
	*value = strtoull(text, &end, 16);
	if (*end)
		return -EINVAL;
	return errno ? -ERANGE : 0;
}

static int unit_shift(char c)
{
	static const char units[] = "BKMGTPE";
	const char *p = c ? strchr(units, toupper((unsigned char)c)) : NULL;

	return p ? (int)(p - units) * 10 : -1;
}

/* ".5" behind the whole part: the fraction of one unit, in bytes (decimals beyond 9
 * ignored). */
static const char *parse_fraction(const char *p, int shift, uint64_t *bytes)
{
	uint64_t numerator = 0, denominator = 1;

	while (isdigit((unsigned char)*p)) {
		if (denominator < 1000000000) {
			numerator = numerator * 10 + (*p - '0');
			denominator *= 10;
		}
		p++;
	}
	*bytes = (uint64_t)(((unsigned __int128)numerator << shift) / denominator);
	return p;
}

int opt_parse_size(const char *text, char unit, uint64_t *value)
{
	bool hex = !strncasecmp(text, "0x", 2);
	uint64_t whole, fraction = 0;
	const char *suffix;
	char *end;
	int shift;

	if (!isdigit((unsigned char)text[0]))
		return -EINVAL;
	errno = 0;
	whole = strtoull(text, &end, hex ? 16 : 10);
	if (errno)
		return -ERANGE;
	suffix = end;
	if (*suffix == '.')
		suffix += 1 + strspn(suffix + 1, "0123456789");
	shift = unit_shift(*suffix ? *suffix : unit);
	if (shift < 0 || (*suffix && suffix[1]))
		return -EINVAL;
	/* No digits behind the point, a point in hexadecimal, a part of a byte. */
	if (*end == '.' && (end + 1 == suffix || hex || !shift))
		return -EINVAL;
	if (*end == '.')
		parse_fraction(end + 1, shift, &fraction);
	if (shift && whole > UINT64_MAX >> shift)
		return -ERANGE;
	*value = (whole << shift) + fraction;
	return *value < fraction ? -ERANGE : 0;
}

int opt_parse_bool(const char *text, bool *value)
{
	static const char *const words[] = { "off",   "on",   "no", "yes",
		                             "false", "true", "n",  "y" };

	for (unsigned i = 0; i < ARRAY_SIZE(words); i++) {
		if (!strcmp(text, words[i])) {
			*value = i & 1;
			return 0;
		}
	}
	return -EINVAL;
}

/* ---- nearest match ---- */

/* Levenshtein distance of two short words, where a swap of neighbours counts as one edit.
 */
static unsigned distance(const char *a, const char *b)
{
	unsigned row[3][64];
	size_t la = strlen(a), lb = strlen(b);

	if (la >= 64 || lb >= 64)
		return UINT_MAX;
	for (size_t j = 0; j <= lb; j++)
		row[0][j] = j;
	for (size_t i = 1; i <= la; i++) {
		unsigned *cur = row[i % 3], *prev = row[(i + 2) % 3],
			 *prev2 = row[(i + 1) % 3];

		cur[0] = i;
		for (size_t j = 1; j <= lb; j++) {
			unsigned best = prev[j - 1] + (a[i - 1] != b[j - 1]);

			if (prev[j] + 1 < best)
				best = prev[j] + 1;
			if (cur[j - 1] + 1 < best)
				best = cur[j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
			    a[i - 2] == b[j - 1] && prev2[j - 2] + 1 < best)
				best = prev2[j - 2] + 1;
			cur[j] = best;
		}
	}
	return row[la % 3][lb];
}

const char *opt_nearest(const char *word, const char *const *names)
{
	/* A third of the letters may be wrong, but never all of them; and two at most, as
	 * in long words that is another meaning: virtio-gpu-pci, virtio-blk-pci. */
	size_t len = strlen(word);
	unsigned best = len > 4 ? 2 : len > 2 ? (len + 1) / 3 : len / 2;
	const char *found = NULL;

	for (; *names; names++) {
		unsigned d = distance(word, *names);

		if (len && (d < best || (d == best && !found))) {
			best = d;
			found = *names;
		}
	}
	return found;
}

/* ---- tables ---- */

static const struct opt_desc *find_row(const struct opt_desc *table, const char *key)
{
	for (const struct opt_desc *row = table; row->name; row++)
		if (!strcmp(row->name, key))
			return row->type == OPT_ALIAS ? find_row(table, row->def) : row;
	return NULL;
}

const char *opts_default(const struct opt_desc *row)
{
	if (row->type != OPT_ENUM)
		return row->def;
	return row->preset ? row->choices[row->preset - 1] : NULL;
}

/* Arguments of "%s%s": who is meant, in front of a sentence. */
#define CONTEXT(what) (what) ? (what) : "", (what) ? ": " : ""

/* What to do instead of a key that resembles none: a few keys fit into the sentence, more
 * are for the help. */
static void say_keys(const struct opt_desc *const *tables, struct strbuf *out)
{
	unsigned count = 0;

	for (const struct opt_desc *const *t = tables; *t; t++)
		for (const struct opt_desc *row = *t; row->name; row++)
			count += row->type != OPT_ALIAS;
	if (!count || count > 8) {
		strbuf_adds(out,
		            count ? "try 'help' to list the options" : "it takes none");
		return;
	}
	for (const struct opt_desc *const *t = tables; *t; t++)
		for (const struct opt_desc *row = *t; row->name; row++)
			if (row->type != OPT_ALIAS)
				strbuf_addf(out, "%s%s", out->len ? ", " : "it takes ",
				            row->name);
}

static int unknown_key(const struct opt_desc *const *tables, const char *key,
                       const char *what, struct err *err)
{
	_cleanup_strbuf_ struct strbuf keys = { 0 };
	const char *names[OPT_LIST_MAX + 1];
	unsigned count = 0;
	const char *near;

	for (const struct opt_desc *const *t = tables; *t; t++)
		for (const struct opt_desc *row = *t; row->name && count < OPT_LIST_MAX;
		     row++)
			names[count++] = row->name;
	names[count] = NULL;
	near = opt_nearest(key, names);
	if (near)
		return err_usage(err, "%s%sunknown option '%s', did you mean '%s'?",
		                 CONTEXT(what), key, near);
	say_keys(tables, &keys);
	return err_usage(err, "%s%sunknown option '%s'; %s", CONTEXT(what), key,
	                 keys.data ? keys.data : "");
}

static int bad_value(const struct opt_desc *row, const char *value, const char *what,
                     struct err *err)
{
	bool ranged = row->max && row->type != OPT_ENUM;
	_cleanup_strbuf_ struct strbuf type = { 0 };

	if (ranged && row->type != OPT_SIZE)
		strbuf_adds(&type, "a number");
	else
		opts_type_name(row, &type);
	if (ranged)
		strbuf_addf(&type, " from %u to %u", row->min, row->max);
	return err_usage(err, "%s%s%s=%s is not valid; expected %s", CONTEXT(what),
	                 row->name, value, type.data ? type.data : "another value");
}

static int set_number(const struct opt_desc *row, void *field, const char *value)
{
	static const uint64_t limit[] = {
		[OPT_U8] = UINT8_MAX,   [OPT_U16] = UINT16_MAX,  [OPT_U32] = UINT32_MAX,
		[OPT_U64] = UINT64_MAX, [OPT_SIZE] = UINT64_MAX,
	};
	uint64_t max = row->max ? row->max : limit[row->type], v;
	int ret;

	ret = row->type == OPT_SIZE ? opt_parse_size(value, 'B', &v)
	                            : opt_parse_u64(value, &v);
	if (ret < 0 || v < row->min || v > max)
		return -EINVAL;
	switch (row->type) {
	case OPT_U8:
		*(uint8_t *)field = v;
		break;
	case OPT_U16:
		*(uint16_t *)field = v;
		break;
	case OPT_U32:
		*(uint32_t *)field = v;
		break;
	default:
		*(uint64_t *)field = v;
	}
	return 0;
}

static int set_choice(const char *const *choices, int *field, const char *value)
{
	for (int i = 0; choices[i]; i++) {
		if (!strcmp(choices[i], value)) {
			*field = i;
			return 0;
		}
	}
	return -EINVAL;
}

static int set_field(const struct opt_desc *row, void *field, const char *value)
{
	static const char *const tri[] = { "auto", "on", "off", NULL };
	char *copy;
	bool yes;

	switch (row->type) {
	case OPT_BOOL:
		return opt_parse_bool(value, field);
	case OPT_STR:
		copy = strdup(value);
		if (!copy)
			return -ENOMEM;
		free(*(char **)field);
		*(char **)field = copy;
		return 0;
	case OPT_ENUM:
		return set_choice(row->choices, field, value);
	case OPT_TRI:
		if (!opt_parse_bool(value, &yes))
			value = yes ? "on" : "off";
		return set_choice(tri, field, value);
	default:
		return set_number(row, field, value);
	}
}

int opts_set(const struct opt_desc *table, void *obj, const char *key, const char *value,
             const char *what, struct err *err)
{
	const struct opt_desc *const tables[] = { table, NULL };
	const struct opt_desc *row = find_row(table, key);
	int ret;

	if (!row)
		return unknown_key(tables, key, what, err);
	ret = set_field(row, (char *)obj + row->offset, value);
	if (ret == -ENOMEM)
		return err_sys(err, ENOMEM, "%s%s%s", CONTEXT(what), key);
	return ret < 0 ? bad_value(row, value, what, err) : 0;
}

int opts_check_keys(const struct opt_desc *const *tables, const struct opt_list *list,
                    const char *what, struct err *err)
{
	for (unsigned i = 0; i < list->count; i++) {
		bool known = list->opts[i].used;

		for (const struct opt_desc *const *t = tables; *t && !known; t++)
			known = find_row(*t, list->opts[i].key);
		if (!known)
			return unknown_key(tables, list->opts[i].key, what, err);
	}
	return 0;
}

int opts_take(const struct opt_desc *table, struct opt_list *list, void *obj,
              const char *what, struct err *err)
{
	for (const struct opt_desc *row = table; row->name; row++) {
		const char *def = opts_default(row);

		if (def && row->type != OPT_ALIAS &&
		    set_field(row, (char *)obj + row->offset, def) < 0)
			return err_set(err, EINVAL,
			               "%s%sthe default of '%s' is not valid",
			               CONTEXT(what), row->name);
	}
	for (unsigned i = 0; i < list->count; i++) {
		struct opt *opt = &list->opts[i];
		int ret;

		if (opt->used || !find_row(table, opt->key))
			continue;
		ret = opts_set(table, obj, opt->key, opt->value, what, err);
		if (ret < 0)
			return ret;
		opt->used = true;
	}
	return 0;
}

int opts_apply(const struct opt_desc *table, struct opt_list *list, void *obj,
               const char *what, struct err *err)
{
	const struct opt_desc *const tables[] = { table, NULL };
	int ret = opts_check_keys(tables, list, what, err);

	return ret < 0 ? ret : opts_take(table, list, obj, what, err);
}

void opts_show(const struct opt_desc *row, const void *obj, struct strbuf *out)
{
	static const char *const tri[] = { "auto", "on", "off" };
	const void *field = (const char *)obj + row->offset;
	const char *text;

	switch (row->type) {
	case OPT_BOOL:
		strbuf_adds(out, *(const bool *)field ? "on" : "off");
		break;
	case OPT_U8:
		strbuf_addf(out, "%u", *(const uint8_t *)field);
		break;
	case OPT_U16:
		strbuf_addf(out, "%u", *(const uint16_t *)field);
		break;
	case OPT_U32:
		strbuf_addf(out, "%u", *(const uint32_t *)field);
		break;
	case OPT_U64:
	case OPT_SIZE:
		strbuf_addf(out, "%llu", (unsigned long long)*(const uint64_t *)field);
		break;
	case OPT_STR:
		text = *(char *const *)field;
		strbuf_addf(out, "\"%s\"", text ? text : "");
		break;
	case OPT_ENUM:
		strbuf_adds(out, row->choices[*(const int *)field]);
		break;
	case OPT_TRI:
		strbuf_adds(out, tri[*(const int *)field]);
		break;
	}
}

void opts_free(const struct opt_desc *table, void *obj)
{
	for (const struct opt_desc *row = table; row->name; row++) {
		if (row->type == OPT_STR) {
			char **field = (char **)((char *)obj + row->offset);

			free(*field);
			*field = NULL;
		}
	}
}

void opts_type_name(const struct opt_desc *row, struct strbuf *out)
{
	static const char *const names[] = {
		[OPT_BOOL] = "on|off", [OPT_U8] = "uint8",        [OPT_U16] = "uint16",
		[OPT_U32] = "uint32",  [OPT_U64] = "uint64",      [OPT_SIZE] = "size",
		[OPT_STR] = "str",     [OPT_TRI] = "auto|on|off",
	};

	if (row->type != OPT_ENUM) {
		strbuf_adds(out, names[row->type]);
		return;
	}
	for (int i = 0; row->choices[i]; i++)
		strbuf_addf(out, "%s%s", i ? "|" : "", row->choices[i]);
}

void opts_help(const struct opt_desc *table, struct strbuf *out)
{
	for (const struct opt_desc *row = table; row->name; row++) {
		_cleanup_strbuf_ struct strbuf left = { 0 };

		if (row->type == OPT_ALIAS) {
			strbuf_addf(out, "  %-28s same as %s\n", row->name, row->def);
			continue;
		}
		strbuf_addf(&left, "%s=<", row->name);
		opts_type_name(row, &left);
		strbuf_addc(&left, '>');
		strbuf_addf(out, row->help ? "  %-28s %s" : "  %s",
		            left.data ? left.data : row->name, row->help);
		if (opts_default(row))
			strbuf_addf(out, " (default: %s)", opts_default(row));
		strbuf_addc(out, '\n');
	}
}
