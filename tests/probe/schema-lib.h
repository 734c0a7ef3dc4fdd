/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The part of JSON Schema that docs/host.schema.json uses. */
#ifndef TESTS_PROBE_SCHEMA_LIB_H
#define TESTS_PROBE_SCHEMA_LIB_H

#include <jansson.h>
#include <stdbool.h>

/* Reads a JSON file; NULL, with a diagnostic, when that fails. The caller owns it. */
json_t *load_json(const char *path);

/* True when value satisfies the schema; else `why` says where it does not. Keywords:
 * type, enum, required, properties, additionalProperties, items, minimum, and those that
 * only describe. Any other keyword is a failure: it would not be checked. */
bool schema_valid(const json_t *schema, const json_t *value, char why[256]);

#endif
