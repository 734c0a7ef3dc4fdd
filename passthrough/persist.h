/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Bindings that come back at boot. One file of udev rules is the store; the other files
 * are made from it: modprobe's softdeps, and what puts both into the initramfs, where
 * drivers are bound first. A device is known by address and IDs together, so that another
 * one that moves to its address is left alone.
 */
#ifndef PASSTHROUGH_PERSIST_H
#define PASSTHROUGH_PERSIST_H

#include "common/strbuf.h"
#include "passthrough/driver.h"

#define PERSIST_RULES "etc/udev/rules.d/10-kvm-assign.rules"

struct persisted {
	char name[PCI_ADDRESS_SIZE];
	uint16_t vendor, device;
	char driver[DRIVER_SIZE]; /* to be bound to; "" with vfs */
	char module[DRIVER_SIZE]; /* of the host's driver, which has to wait; "" unknown
	                           */
	unsigned vfs;             /* a physical function: make so many virtual ones */
};

struct persist_list {
	unsigned count;
	struct persisted *entry;
	char owner[64]; /* of the nodes: user, or :group; "" as the system has it */
};

/* Reads the store below root; no file, no entries. -EINVAL with a sentence for a file
 * that is not as written here. The caller calls persist_free(), also after a failure. */
int persist_read(const struct sysroot *root, struct persist_list *list, struct err *err);
int persist_parse(const char *text, struct persist_list *list, struct err *err);
void persist_free(struct persist_list *list);

struct persisted *persist_find(const struct persist_list *list, const char *name);
int persist_put(struct persist_list *list, const struct persisted *entry);
void persist_remove(struct persist_list *list, const char *name);

/* A file that belongs to the persistence: its path below the root, and its text, or NULL
 * when it is to be removed. */
struct persist_file {
	const char *path;
	unsigned mode;
	char *text;
};
#define PERSIST_FILES 5

/* All files for the list, on a system of the kind that root is: files[].text is the
 * caller's to free. *rebuild: the command that makes a new initramfs, NULL when the
 * system's kind is not known. */
int persist_files(const struct sysroot *root, const struct persist_list *list,
                  struct persist_file files[PERSIST_FILES], const char **rebuild,
                  struct err *err);
/* Writes and removes them. What is there and was not written here is an error. */
int persist_write(const struct sysroot *root,
                  const struct persist_file files[PERSIST_FILES], struct err *err);

#endif
