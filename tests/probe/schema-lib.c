// SPDX-License-Identifier: GPL-2.0-or-later
/* A validator for the keywords of JSON Schema (draft 7) that docs/host.schema.json uses.
 */
#include "tests/probe/schema-lib.h"

#include "common/cleanup.h"
#include "tests/tap.h"

#include <stdio.h>
#include <string.h>

json_t *load_json(const char *path)
{
	json_error_t where;
	json_t *json = json_load_file(path, JSON_REJECT_DUPLICATES, &where);

	if (!json)
		tap_diag("%s, line %d: %s", path, where.line, where.text);
	return json;
}

static bool fail(char why[256], const char *at, const char *what)
{
	snprintf(why, 256, "%.120s: %.120s", at, what);
	return false;
}

static bool is_type(const json_t *v, const char *type)
{
	static const char *const names[] = {
		[JSON_OBJECT] = "object", [JSON_ARRAY] = "array",
		[JSON_STRING] = "string", [JSON_INTEGER] = "integer",
		[JSON_REAL] = "number",   [JSON_TRUE] = "boolean",
		[JSON_FALSE] = "boolean", [JSON_NULL] = "null",
	};

	return !strcmp(names[json_typeof(v)], type);
}

static bool type_ok(const json_t *want, const json_t *v)
{
	size_t i;
	const json_t *one;

	if (json_is_string(want))
		return is_type(v, json_string_value(want));
	json_array_foreach(want, i,
	                   one) if (is_type(v, json_string_value(one))) return true;
	return false;
}

static bool enum_ok(const json_t *list, const json_t *v)
{
	size_t i;
	const json_t *one;

	json_array_foreach(list, i, one) if (json_equal(one, v)) return true;
	return false;
}

static bool valid(const json_t *schema, const json_t *v, const char *at, char why[256]);

static bool members_ok(const json_t *schema, const json_t *v, const char *at,
                       char why[256])
{
	const json_t *props = json_object_get(schema, "properties");
	const json_t *others = json_object_get(schema, "additionalProperties");
	const json_t *need;
	size_t i;
	void *it;

	json_array_foreach(
		json_object_get(schema, "required"), i,
		need) if (!json_object_get(v,
	                                   json_string_value(
						   need))) return fail(why,
	                                                               json_string_value(
									       need),
	                                                               "is missing");
	for (it = json_object_iter((json_t *)v); it;
	     it = json_object_iter_next((json_t *)v, it)) {
		const char *key = json_object_iter_key(it);
		const json_t *rule = json_object_get(props, key);
		char where[160];

		snprintf(where, sizeof(where), "%.100s.%.50s", at, key);
		if (!rule)
			rule = others;
		if (json_is_false(rule))
			return fail(why, where, "is not in the schema");
		if (json_is_object(rule) &&
		    !valid(rule, json_object_iter_value(it), where, why))
			return false;
	}
	return true;
}

static bool keywords_known(const json_t *schema, const char *at, char why[256])
{
	static const char *const known[] = {
		"type",  "enum",        "required", "properties",
		"items", "minimum",     "$schema",  "additionalProperties",
		"title", "description",
	};

	for (void *it = json_object_iter((json_t *)schema); it;
	     it = json_object_iter_next((json_t *)schema, it)) {
		const char *key = json_object_iter_key(it);
		bool found = false;

		for (unsigned i = 0; i < ARRAY_SIZE(known); i++)
			found |= !strcmp(key, known[i]);
		if (!found)
			return fail(why, at, key);
	}
	return true;
}

static bool valid(const json_t *schema, const json_t *v, const char *at, char why[256])
{
	const json_t *type = json_object_get(schema, "type");
	const json_t *list = json_object_get(schema, "enum");
	const json_t *minimum = json_object_get(schema, "minimum");
	const json_t *items = json_object_get(schema, "items");
	const json_t *one;
	size_t i;

	if (!keywords_known(schema, at, why))
		return false;
	if (type && !type_ok(type, v))
		return fail(why, at, "has the wrong type");
	if (list && !enum_ok(list, v))
		return fail(why, at, "is none of the values");
	if (minimum && json_is_integer(v) &&
	    json_integer_value(v) < json_integer_value(minimum))
		return fail(why, at, "is below the minimum");
	json_array_foreach(items ? v : NULL, i,
	                   one) if (!valid(items, one, at, why)) return false;
	return !json_is_object(v) || members_ok(schema, v, at, why);
}

bool schema_valid(const json_t *schema, const json_t *value, char why[256])
{
	why[0] = '\0';
	return valid(schema, value, "$", why);
}
