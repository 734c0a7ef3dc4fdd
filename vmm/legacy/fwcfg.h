/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The class "fw_cfg": the firmware configuration device, through which firmware reads
 * what the board knows: numbers under fixed keys and files under names.
 *
 * The board fills it before vCPUs run, and may replace items at a reset. Data is handed
 * over: it comes from malloc() and is the device's from the call on, also when the call
 * fails. Machine lock, or before vCPUs run.
 */
#ifndef VMM_LEGACY_FWCFG_H
#define VMM_LEGACY_FWCFG_H

#include "vmm/core/device.h"

enum fwcfg_key {
	FWCFG_SIGNATURE = 0x00,
	FWCFG_ID = 0x01,
	FWCFG_UUID = 0x02,
	FWCFG_RAM_SIZE = 0x03, /* below 4 GiB, 64 bits */
	FWCFG_NOGRAPHIC = 0x04,
	FWCFG_NB_CPUS = 0x05, /* 16 bits, as the next one and the boot menu */
	FWCFG_KERNEL_ADDR = 0x07,
	FWCFG_KERNEL_SIZE = 0x08,
	FWCFG_INITRD_ADDR = 0x0a,
	FWCFG_INITRD_SIZE = 0x0b,
	FWCFG_BOOT_MENU = 0x0e,
	FWCFG_MAX_CPUS = 0x0f, /* one more than the highest APIC id */
	FWCFG_KERNEL_DATA = 0x11,
	FWCFG_INITRD_DATA = 0x12,
	FWCFG_CMDLINE_ADDR = 0x13,
	FWCFG_CMDLINE_SIZE = 0x14,
	FWCFG_CMDLINE_DATA = 0x15,
	FWCFG_SETUP_ADDR = 0x16,
	FWCFG_SETUP_SIZE = 0x17,
	FWCFG_SETUP_DATA = 0x18,
	FWCFG_FILE_DIR = 0x19,
	FWCFG_FILE_FIRST = 0x20,
};

#define FWCFG_FILES     96 /* at most */
#define FWCFG_NAME_SIZE 56 /* of a file, with its NUL */

extern const struct device_class fwcfg_class;

/* Sets the item of one of the fixed keys. */
int fwcfg_set(struct device *fwcfg, enum fwcfg_key key, void *data, size_t len,
              struct err *err);
/* The same with a little-endian number of `size` bytes. */
int fwcfg_set_number(struct device *fwcfg, enum fwcfg_key key, uint64_t value,
                     unsigned size, struct err *err);
/* Adds the file, or replaces its content. */
int fwcfg_set_file(struct device *fwcfg, const char *name, void *data, size_t len,
                   struct err *err);
int fwcfg_set_file_number(struct device *fwcfg, const char *name, uint64_t value,
                          unsigned size, struct err *err);
/* fn runs each time the guest selects the file, which it may replace by one of the same
 * length. One file can have that. */
void fwcfg_on_select(struct device *fwcfg, const char *name, void (*fn)(void *opaque),
                     void *opaque);
bool fwcfg_has_file(struct device *fwcfg, const char *name);

#endif
