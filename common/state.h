/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Device state as tables: one description of the fields that make up a device's state
 * serves save, load, compare, dump, schema and the generated law tests.
 *
 * Encoding (little-endian): fields in table order without names; a section around them
 * carries path, class name, version, length and CRC-32C, so that a mismatch becomes a
 * sentence. Loading decodes into a scratch copy of the object's fields, validates, and
 * only then commits: a refused section leaves the device as it was.
 */
#ifndef COMMON_STATE_H
#define COMMON_STATE_H

#include "common/err.h"
#include "common/strbuf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum state_kind {
	STATE_END,
	STATE_U8,
	STATE_U16,
	STATE_U32,
	STATE_U64,
	STATE_BOOL,
	STATE_BYTES,  /* `count` bytes in place */
	STATE_VBYTES, /* a uint32_t at count_offset says how many of the `count` bytes
	                 count */
	STATE_STRUCT, /* `count` (or, with count_offset, as many as it says) elements of
	                 `sub` */
};

struct state_desc;

/* Hundreds of rows: numbers take no more room than they need. The compiler refuses what
 * does not fit. */
struct state_field {
	const char *name;
	const struct state_desc *sub; /* STATE_STRUCT */
	uint64_t kind : 4;            /* enum state_kind */
	uint64_t offset : 17;         /* in the object */
	uint64_t count : 17;        /* elements (1 for a scalar): the declared maximum */
	uint64_t count_offset : 14; /* of a uint32_t there; or STATE_ALL: `count` */
	uint64_t stride : 12; /* of several STATE_STRUCT: bytes from one to the next */
};

#define STATE_ALL ((1u << 14) - 1)

struct state_desc {
	const char *name;
	uint16_t version;
	const struct state_field *fields; /* ends with { .kind = STATE_END } */
	/* Brings the object's fields up to date before a save (reads KVM, queues …). */
	int (*pre_save)(void *obj, struct err *err);
	/* Checks decoded fields (in a scratch object that holds only the table's fields,
	 * all others being a copy of the real object): -EINVAL with a sentence refuses
	 * the load. */
	int (*validate)(const void *obj, struct err *err);
	/* After the commit: rebuilds what is derived (mappings, routes, timers), writes
	 * to KVM. */
	int (*post_load)(void *obj, struct err *err);
};

#define STATE_FIELD_(k, type, f, n)                                                 \
	{                                                                           \
		.name = #f, .kind = (k), .offset = offsetof(type, f), .count = (n), \
		.count_offset = STATE_ALL                                           \
	}
#define STATE_U8_F(type, f)         STATE_FIELD_(STATE_U8, type, f, 1)
#define STATE_U16_F(type, f)        STATE_FIELD_(STATE_U16, type, f, 1)
#define STATE_U32_F(type, f)        STATE_FIELD_(STATE_U32, type, f, 1)
#define STATE_U64_F(type, f)        STATE_FIELD_(STATE_U64, type, f, 1)
#define STATE_BOOL_F(type, f)       STATE_FIELD_(STATE_BOOL, type, f, 1)
#define STATE_U8_ARRAY(type, f, n)  STATE_FIELD_(STATE_U8, type, f, n)
#define STATE_U16_ARRAY(type, f, n) STATE_FIELD_(STATE_U16, type, f, n)
#define STATE_U32_ARRAY(type, f, n) STATE_FIELD_(STATE_U32, type, f, n)
#define STATE_U64_ARRAY(type, f, n) STATE_FIELD_(STATE_U64, type, f, n)
#define STATE_BYTES_F(type, f)      STATE_FIELD_(STATE_BYTES, type, f, sizeof(((type *)0)->f))
#define STATE_VBYTES_F(type, f, len_field)                                     \
	{                                                                      \
		.name = #f, .kind = STATE_VBYTES, .offset = offsetof(type, f), \
		.count = sizeof(((type *)0)->f),                               \
		.count_offset = offsetof(type, len_field)                      \
	}
#define STATE_STRUCT_F(type, f, desc)                                          \
	{                                                                      \
		.name = #f, .kind = STATE_STRUCT, .offset = offsetof(type, f), \
		.count = 1, .count_offset = STATE_ALL, .sub = (desc)           \
	}
#define STATE_STRUCT_ARRAY(type, f, n, desc)                                   \
	{                                                                      \
		.name = #f, .kind = STATE_STRUCT, .offset = offsetof(type, f), \
		.count = (n), .stride = sizeof(((type *)0)->f[0]),             \
		.count_offset = STATE_ALL, .sub = (desc)                       \
	}
#define STATE_STRUCT_VARRAY(type, f, n, len_field, desc)                       \
	{                                                                      \
		.name = #f, .kind = STATE_STRUCT, .offset = offsetof(type, f), \
		.count = (n), .stride = sizeof(((type *)0)->f[0]),             \
		.count_offset = offsetof(type, len_field), .sub = (desc)       \
	}
#define STATE_END_F               \
	{                         \
		.kind = STATE_END \
	}

#define STATE_SECTION_MAX (4u << 20) /* bytes of one section; larger ones are refused */

/* Appends one section. Calls pre_save. 0 or -errno with a sentence. */
int state_save(const struct state_desc *desc, void *obj, const char *path,
               struct strbuf *out, struct err *err);
/* Reads the section at data (of len bytes; *used is advanced past it), which must be for
 * `path` and `desc`. size is the object's size, for the scratch copy. */
int state_load(const struct state_desc *desc, void *obj, size_t size, const char *path,
               const void *data, size_t len, size_t *used, struct err *err);
/* The path of the section at data, copied into path; -EINVAL when it is not a section. */
int state_peek(const void *data, size_t len, char *path, size_t path_size);
/* 0 when equal; else -ENOENT with the first differing field and both values as a
 * sentence. Does not call pre_save. */
int state_compare(const struct state_desc *desc, const void *a, const void *b,
                  struct err *err);
/* "name: value" lines, indented; the schema prints types and limits instead of values. */
void state_dump(const struct state_desc *desc, const void *obj, struct strbuf *out);
void state_schema(const struct state_desc *desc, struct strbuf *out);
/* CRC-32C (Castagnoli), as in RFC 3720 appendix B.4. */
uint32_t state_crc32c(uint32_t crc, const void *data, size_t len);

#endif
