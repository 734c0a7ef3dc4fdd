/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Options: "key=value,key=value" text in QEMU's syntax, and tables that describe which
 * keys an object takes. One table row parses, checks, prints help and fills the manual.
 *
 * Syntax: pairs separated by commas; ",," is a comma inside a value; the first word
 * without
 * "=" is the value of the implied key, if there is one; any other word without "=" is
 * word=on, or, with the prefix "no", word=off ("nowait" is wait=off).
 */
#ifndef COMMON_OPTS_H
#define COMMON_OPTS_H

#include "common/err.h"
#include "common/strbuf.h"

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

struct opt {
	char *key;
	char *value;
	bool used; /* set by opt_list_take() and opts_apply() */
};

/* An ordered list of pairs; a later pair of the same key wins. Zero-initialize. */
struct opt_list {
	struct opt *opts;
	unsigned count;
};

#define OPT_LIST_MAX 256 /* pairs in one list; more are refused */

/* Parses text and appends its pairs. implied may be NULL. -EINVAL with a sentence. */
int opt_list_parse(struct opt_list *list, const char *text, const char *implied,
                   struct err *err);
/* Appends a copy of one pair. -ENOMEM, or -E2BIG beyond OPT_LIST_MAX. */
int opt_list_add(struct opt_list *list, const char *key, const char *value);
/* The value of key, or NULL; owned by the list. */
const char *opt_list_get(const struct opt_list *list, const char *key);
/* As opt_list_get(), and marks every pair of that key as used. */
const char *opt_list_take(struct opt_list *list, const char *key);
void opt_list_free(struct opt_list *list);

enum opt_type {
	OPT_BOOL, /* bool: on|off|yes|no|true|false|y|n */
	OPT_U8, /* uint8_t, uint16_t …: decimal, 0x hex or 0 octal; range from min, max */
	OPT_U16,
	OPT_U32,
	OPT_U64,
	OPT_SIZE,  /* uint64_t bytes: a number with k, M, G, T, P suffix (powers of 1024)
	            */
	OPT_STR,   /* char *, allocated; NULL when absent and without a default */
	OPT_ENUM,  /* int: index into choices */
	OPT_TRI,   /* int: enum opt_tri: auto, or as OPT_BOOL */
	OPT_ALIAS, /* only another name; `def` is the one of the row that is meant */
};

enum opt_tri { OPT_TRI_AUTO, OPT_TRI_ON, OPT_TRI_OFF };

/* Hundreds of rows: nothing takes more room than it needs. A default that is NULL or 0
 * leaves the field as it is; opts_default() reads that of any row. */
struct opt_desc {
	const char *name; /* NULL ends a table */
	const char *help;
	union {
		const char *def;            /* default as text; not of OPT_ENUM */
		const char *const *choices; /* OPT_ENUM: NULL-terminated names */
	};
	union {
		uint32_t max;    /* numbers, with min; 0: the whole type */
		uint32_t preset; /* OPT_ENUM: 1 + the index of the default */
	};
	uint16_t offset; /* of the field in the object */
	uint16_t min : 12;
	uint16_t type : 4; /* enum opt_type */
};

static_assert(sizeof(struct opt_desc) == 32, "a row takes half a cache line");

/* The fields of an OPT_ENUM row with a default, which is words[index]. */
#define OPT_CHOICES(words, index) .choices = (words), .preset = 1 + (index)

/* A row for a second spelling of a key. */
#define OPT_ALIAS_ROW(other, key)                                \
	{                                                        \
		.name = (other), .type = OPT_ALIAS, .def = (key) \
	}

/*
 * Sets the defaults of the table's rows, then every pair of list that is not yet marked
 * as used, in the object. `what` names the object in errors ("-drive"); NULL leaves that
 * to the caller. An unknown key is an error that names the nearest known key. On failure
 * the object may be partly set: the caller releases it with opts_free().
 */
int opts_apply(const struct opt_desc *table, struct opt_list *list, void *obj,
               const char *what, struct err *err);
/* The same, but leaves pairs whose keys the table does not have alone and unused. */
int opts_take(const struct opt_desc *table, struct opt_list *list, void *obj,
              const char *what, struct err *err);
/* Refuses an unused pair whose key is in none of the tables (NULL-terminated), with the
 * nearest key of all of them. -EINVAL with a sentence of usage. */
int opts_check_keys(const struct opt_desc *const *tables, const struct opt_list *list,
                    const char *what, struct err *err);
/* Sets one field from text. -EINVAL with a sentence of usage. */
int opts_set(const struct opt_desc *table, void *obj, const char *key, const char *value,
             const char *what, struct err *err);
/* The default of a row as text, or NULL. */
const char *opts_default(const struct opt_desc *row);
/* The value of one field as text; strings in quotes. */
void opts_show(const struct opt_desc *row, const void *obj, struct strbuf *out);
/* Frees the OPT_STR fields of an object. */
void opts_free(const struct opt_desc *table, void *obj);
/* One line per row: "  name=<type>   help (default: x)"; help may be NULL. */
void opts_help(const struct opt_desc *table, struct strbuf *out);
/* The type as help shows it: "on|off", "uint32", "size", "str", "a|b|c". */
void opts_type_name(const struct opt_desc *row, struct strbuf *out);

/* Scalars. The whole text must be consumed. 0, or -EINVAL / -ERANGE; nothing is printed.
 */
int opt_parse_u64(const char *text, uint64_t *value);
/* Hexadecimal, with or without 0x. */
int opt_parse_hex(const char *text, uint64_t *value);
/* unit: the suffix assumed when there is none: 'B', 'k', 'M' or 'G'. Fractions ("1.5G")
 * are accepted for units above bytes, as QEMU does. */
int opt_parse_size(const char *text, char unit, uint64_t *value);
int opt_parse_bool(const char *text, bool *value);

/* The candidate most like word, or NULL when none is near. names: NULL-terminated. */
const char *opt_nearest(const char *word, const char *const *names);

#endif
