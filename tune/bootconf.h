/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the knobs will be after the next boot: every file of sysctl.d, modprobe.d and
 * tmpfiles.d, the kernel command line, and kvm-tune's own boot profile, in the order in
 * which they take effect.
 */
#ifndef TUNE_BOOTCONF_H
#define TUNE_BOOTCONF_H

#include "probe/sysroot.h"
#include "tune/facts.h"
#include "tune/knob.h"

#define BOOT_PROFILE "etc/kvmkit/boot.conf" /* applied by kvm-tune.service */

struct boot_entry {
	enum knob_store store;
	char key[PATH_SIZE]; /* "vm.swappiness", "kvm.nested", a path, or a knob's name */
	char value[KNOB_VALUE_MAX];
	char file[PATH_SIZE]; /* without the leading slash; "kernel command line" */
	unsigned line;
};

struct bootconf {
	struct boot_entry *entries; /* in the order of reading */
	unsigned count;
};

/* Reads the host's files. cmdline: the kernel's. Files that cannot be read are left out.
 * 0 or -ENOMEM. bootconf_free() in both cases. */
int bootconf_load(const struct sysroot *root, const char *cmdline, struct bootconf *conf);
/* Reads one file of the format that belongs to the store; a missing file has no entries.
 */
int bootconf_file(const struct sysroot *root, enum knob_store store, const char *path,
                  struct bootconf *conf);
void bootconf_free(struct bootconf *conf);

/* The entry that decides about the file `path` of the knob; NULL: the kernel's default.
 * Of sysctl.d and modprobe.d the last entry wins, of tmpfiles.d the first one; a
 * counterpart of the knob counts as well. */
const struct boot_entry *bootconf_find(const struct bootconf *conf,
                                       const struct knob *knob, const char *path);

#endif
