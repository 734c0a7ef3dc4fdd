/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * assigned.json: which functions were taken from the host, and their way back. Written
 * by kvm-assign, read by it and by vmm; docs/assigned.schema.json. What it says about an
 * earlier boot is void: bindings end with the kernel that made them.
 */
#ifndef PASSTHROUGH_ASSIGNED_H
#define PASSTHROUGH_ASSIGNED_H

#include "passthrough/driver.h"

#include <jansson.h>

#define ASSIGNED_FILE    "assigned.json"
#define ASSIGNED_VERSION 1

struct assignment {
	char name[PCI_ADDRESS_SIZE];
	uint16_t vendor, device;
	char driver[DRIVER_SIZE]; /* vfio-pci or pci-stub */
	int group;                /* -1 none */
	struct driver_state was;
};

struct assigned {
	char boot_id[40];
	unsigned count;
	struct assignment *entry;
};

/* Reads dir/assigned.json; a missing file, or one of another boot, has no entries. Any
 * other content is checked as a stranger's: -EINVAL with a sentence. The caller calls
 * assigned_free(), also after a failure. */
int assigned_read(const struct sysroot *root, const char *dir, struct assigned *assigned,
                  struct err *err);
int assigned_write(const char *dir, const struct assigned *assigned, struct err *err);
void assigned_free(struct assigned *assigned);

struct assignment *assigned_find(const struct assigned *assigned, const char *name);
/* Adds or replaces the entry of its name. -ENOMEM. */
int assigned_put(struct assigned *assigned, const struct assignment *entry);
void assigned_remove(struct assigned *assigned, const char *name);

/* The identity of the running boot; "" unknown. */
void boot_id_read(const struct sysroot *root, char boot_id[40]);

/* The two directions, for tests. NULL without memory. */
json_t *assigned_json(const struct assigned *assigned);
int assigned_parse(const json_t *json, struct assigned *assigned, struct err *err);

#endif
