// SPDX-License-Identifier: GPL-2.0-or-later
/* Single facts out of hand-off files (docs/host.schema.json, docs/assigned.schema.json).
 */
#include "common/handed.h"

#include "common/cleanup.h"
#include "common/fdio.h"
#include "common/handoff.h"
#include "common/opts.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#define VERSION 1
#define BOOT_ID "/proc/sys/kernel/random/boot_id"

/* "" when it cannot be read: in a sandbox. */
static void read_boot_id(char now[64])
{
	_cleanup_free_ char *text = NULL;

	*now = '\0';
	if (fd_read_file(AT_FDCWD, BOOT_ID, 63, &text, NULL) >= 0)
		snprintf(now, 64, "%.*s", (int)strcspn(text, "\n"), text);
}

bool handed_this_boot(const char *boot_id)
{
	char now[64];

	read_boot_id(now);
	return boot_id && *now && !strcmp(boot_id, now);
}

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text && *text ? text : NULL;
}

static json_t *read_json(const char *dir, const char *name)
{
	struct err err = { 0 };
	json_t *json = NULL;

	handoff_read(dir, name, VERSION, &json, &err);
	return json;
}

/* The member of an array of objects whose `key` is `value`. */
static const json_t *find(const json_t *array, const char *key, const char *value)
{
	const json_t *entry;
	size_t i;

	json_array_foreach(array, i, entry)
	{
		const char *text = text_of(entry, key);

		if (text && !strcmp(text, value))
			return entry;
	}
	return NULL;
}

bool handed_check(const char *dir, const char *id, char *text, size_t size)
{
	json_t *json = read_json(dir, "host.json");
	const json_t *facts = json_object_get(json, "facts");
	const json_t *check = find(json_object_get(json, "checks"), "id", id);
	const char *status = text_of(check, "status"), *value = text_of(check, "value");
	const char *remedy = text_of(check, "remedy");
	bool said = status && value &&
	            (!strcmp(status, "fail") || !strcmp(status, "warn")) &&
	            handed_this_boot(text_of(json_object_get(facts, "host"), "boot_id"));

	if (said)
		snprintf(text, size, "%.300s%s%.300s", value, remedy ? "; " : "",
		         remedy ? remedy : "");
	json_decref(json);
	return said;
}

static bool take_id(const json_t *entry, const char *key, uint16_t *id)
{
	const char *text = text_of(entry, key);
	uint64_t value;

	if (!text || opt_parse_u64(text, &value) < 0 || value > UINT16_MAX)
		return false;
	*id = value;
	return true;
}

/* NULL: it has none. */
static bool take_driver(const json_t *json, char driver[32])
{
	const char *text = json_string_value(json);

	snprintf(driver, 32, "%s", text ? text : "");
	return text ? *text && strlen(text) < 32 : json_is_null(json);
}

bool handed_function(const char *dir, const char *address, struct handed_function *found)
{
	json_t *json = read_json(dir, "assigned.json");
	const json_t *entry = find(json_object_get(json, "devices"), "address", address);
	const json_t *was = json_object_get(json_object_get(entry, "was"), "driver");
	const char *boot_id = text_of(json, "boot_id");
	char now[64];
	bool said = boot_id && take_id(entry, "vendor", &found->vendor) &&
	            take_id(entry, "device", &found->device) &&
	            take_driver(json_object_get(entry, "driver"), found->driver) &&
	            take_driver(was, found->was) && *found->driver;

	read_boot_id(now);
	found->earlier = !boot_id || strcmp(boot_id, now);
	json_decref(json);
	return said && *now;
}
