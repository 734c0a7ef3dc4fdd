/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tables that name the fields of the fact structures. One row writes a field to JSON and
 * reads it back from a captured host, so that a capture is simply a part of the report.
 */
#ifndef PROBE_FACTFIELD_H
#define PROBE_FACTFIELD_H

#include "probe/facts.h"

#include <jansson.h>

enum fact_kind {
	FACT_BOOL,
	FACT_TRI, /* int: true, false, null for -1 */
	FACT_U32,
	FACT_U64,
	FACT_I32,   /* null for -1 */
	FACT_I64,   /* null for -1 */
	FACT_STR,   /* char[size] */
	FACT_ERRNO, /* int: "ok", "EACCES", ..., null when untried */
	FACT_ENUM,  /* int: index into names */
	FACT_CAPS,  /* int32_t[KVM_CAP_COUNT]: an object by capability name */
	FACT_WORDS, /* struct cpu_words: an object by place, such as "7.1:eax" */
};

struct fact_field {
	const char *name; /* NULL ends a table */
	enum fact_kind kind;
	size_t offset, size;
	const char *const *names; /* FACT_ENUM, NULL-terminated */
};

struct fact_section {
	const char *name; /* NULL ends the table */
	const struct fact_field *fields;
	size_t offset; /* in struct facts */
	bool captured; /* kvmkit/kvm.json provides it on a captured root */
};

extern const struct fact_section fact_sections[];

/* Everything as one JSON object, or NULL without memory. The caller owns it. */
json_t *facts_to_json(const struct facts *facts);
/* Sets the captured sections, or all of them, from an object of the same shape; absent
 * fields stay as they are. A wrong type or value is -EINVAL with a sentence that names
 * the field. */
int facts_from_json(struct facts *facts, const json_t *object, bool all, struct err *err);

/* "EACCES" and back; a number as text for what the table lacks. 0 is "ok". */
const char *errno_name(int code, char buf[16]);
int errno_by_name(const char *name);

#endif
