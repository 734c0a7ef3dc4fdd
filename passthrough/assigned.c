// SPDX-License-Identifier: GPL-2.0-or-later
/* assigned.json, and its entries in memory. */
#include "passthrough/assigned.h"

#include "common/cleanup.h"
#include "common/handoff.h"
#include "common/opts.h"
#include "common/version.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { ENTRIES_MAX = 4096 };

void boot_id_read(const struct sysroot *root, char boot_id[40])
{
	sysroot_line(root, "proc/sys/kernel/random/boot_id", boot_id, 40);
}

/* ---- entries ---- */

struct assignment *assigned_find(const struct assigned *assigned, const char *name)
{
	for (unsigned i = 0; i < assigned->count; i++)
		if (!strcmp(assigned->entry[i].name, name))
			return &assigned->entry[i];
	return NULL;
}

int assigned_put(struct assigned *assigned, const struct assignment *entry)
{
	struct assignment *old = assigned_find(assigned, entry->name), *grown;

	if (old) {
		*old = *entry;
		return 0;
	}
	grown = realloc(assigned->entry, (assigned->count + 1) * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	assigned->entry = grown;
	grown[assigned->count++] = *entry;
	return 0;
}

void assigned_remove(struct assigned *assigned, const char *name)
{
	struct assignment *old = assigned_find(assigned, name);

	if (!old)
		return;
	assigned->count--;
	memmove(old, old + 1, (char *)(assigned->entry + assigned->count) - (char *)old);
}

void assigned_free(struct assigned *assigned)
{
	free(assigned->entry);
	assigned->entry = NULL;
	assigned->count = 0;
}

/* ---- out ---- */

static json_t *text_or_null(const char *text)
{
	return *text ? json_string(text) : json_null();
}

static json_t *entry_json(const struct assignment *e)
{
	char vendor[8], device[8], node[32];

	snprintf(vendor, sizeof(vendor), "0x%04x", e->vendor);
	snprintf(device, sizeof(device), "0x%04x", e->device);
	snprintf(node, sizeof(node), "/dev/vfio/%d", e->group);
	return json_pack(
		"{s:s, s:s, s:s, s:s, s:o, s:o, s:{s:o, s:o}}", "address", e->name,
		"vendor", vendor, "device", device, "driver", e->driver, "group",
		e->group < 0 ? json_null() : json_integer(e->group), "node",
		e->group >= 0 && pci_is_vfio_driver(e->driver) ? json_string(node)
							       : json_null(),
		"was", "driver", text_or_null(e->was.driver), "override",
		text_or_null(e->was.override));
}

json_t *assigned_json(const struct assigned *assigned)
{
	json_t *devices = json_array();

	for (unsigned i = 0; devices && i < assigned->count; i++)
		if (json_array_append_new(devices, entry_json(&assigned->entry[i])) < 0) {
			json_decref(devices);
			return NULL;
		}
	return json_pack("{s:i, s:s, s:s, s:s, s:o}", "version", ASSIGNED_VERSION,
	                 "program", "kvm-assign", "program_version", KVMKIT_VERSION,
	                 "boot_id", assigned->boot_id, "devices", devices);
}

int assigned_write(const char *dir, const struct assigned *assigned, struct err *err)
{
	json_t *json = assigned_json(assigned);
	int ret;

	if (!json)
		return err_sys(err, ENOMEM, "cannot write %s/" ASSIGNED_FILE, dir);
	ret = handoff_write(dir, ASSIGNED_FILE, json, err);
	json_decref(json);
	return ret;
}

/* ---- in ---- */

static bool take_driver(const json_t *json, bool may_be_null, char driver[DRIVER_SIZE])
{
	const char *text = json_string_value(json);

	driver[0] = '\0';
	if (json_is_null(json))
		return may_be_null;
	if (!text || !driver_name_valid(text))
		return false;
	snprintf(driver, DRIVER_SIZE, "%s", text);
	return true;
}

static bool take_id(const json_t *json, uint16_t *id)
{
	const char *text = json_string_value(json);
	uint64_t value;

	if (!text || opt_parse_u64(text, &value) < 0 || value > UINT16_MAX)
		return false;
	*id = value;
	return true;
}

static bool take_entry(const json_t *json, struct assignment *e)
{
	const json_t *was = json_object_get(json, "was");
	const json_t *group = json_object_get(json, "group");
	const char *name = json_string_value(json_object_get(json, "address"));
	struct pci_address address;

	if (!name || !pci_address_parse(name, &address))
		return false;
	pci_address_text(&address, e->name);
	e->group = json_is_integer(group) ? json_integer_value(group) : -1;
	return (json_is_integer(group) || json_is_null(group)) &&
	       (json_is_null(group) || (json_integer_value(group) >= 0 &&
	                                json_integer_value(group) <= INT32_MAX)) &&
	       take_id(json_object_get(json, "vendor"), &e->vendor) &&
	       take_id(json_object_get(json, "device"), &e->device) &&
	       take_driver(json_object_get(json, "driver"), false, e->driver) &&
	       take_driver(json_object_get(was, "driver"), true, e->was.driver) &&
	       take_driver(json_object_get(was, "override"), true, e->was.override);
}

int assigned_parse(const json_t *json, struct assigned *assigned, struct err *err)
{
	const json_t *devices = json_object_get(json, "devices");
	const char *boot = json_string_value(json_object_get(json, "boot_id"));

	if (!boot || !json_is_array(devices) || json_array_size(devices) > ENTRIES_MAX)
		return err_set(err, EINVAL,
		               "it lacks 'boot_id' or 'devices'; restore the drivers by "
		               "hand, then remove it");
	if (strcmp(boot, assigned->boot_id))
		return 0;
	for (size_t i = 0; i < json_array_size(devices); i++) {
		struct assignment entry = { 0 };

		if (!take_entry(json_array_get(devices, i), &entry))
			return err_set(
				err, EINVAL,
				"its device %zu is not as kvm-assign writes it; restore "
				"the drivers by hand, then remove it",
				i + 1);
		if (assigned_put(assigned, &entry) < 0)
			return err_sys(err, ENOMEM, "cannot read it");
	}
	return 0;
}

int assigned_read(const struct sysroot *root, const char *dir, struct assigned *assigned,
                  struct err *err)
{
	json_t *json = NULL;
	int ret;

	*assigned = (struct assigned){ 0 };
	boot_id_read(root, assigned->boot_id);
	ret = handoff_read(dir, ASSIGNED_FILE, ASSIGNED_VERSION, &json, err);
	if (ret == -ENOENT) {
		err_clear(err);
		return 0;
	}
	if (ret < 0)
		return ret;
	ret = assigned_parse(json, assigned, err);
	json_decref(json);
	if (ret < 0)
		err_prefix(err, "%s/" ASSIGNED_FILE " cannot be used", dir);
	return ret;
}
