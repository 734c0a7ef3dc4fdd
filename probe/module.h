/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Kernel modules that matter to KVM: where they are, what stops them, their parameters.
 */
#ifndef PROBE_MODULE_H
#define PROBE_MODULE_H

#include "probe/facts.h"

/* "kvm_intel" for MODULE_KVM_INTEL. */
extern const char *const module_names[MODULE_COUNT];

/* Fills modules (zeroed by the caller). kernel: the release; cmdline: the parameters. */
void modules_gather(const struct sysroot *root, const char *kernel, const char *cmdline,
                    struct modules_facts *modules);

/* True when a list of module files (modules.dep, modules.builtin) names the module; '-'
 * and '_' are the same. */
bool module_listed(const char *list, const char *name);
/* Applies one modprobe.d file: blacklist and install lines. path is for the fact. */
void module_scan_conf(const char *text, const char *path, struct modules_facts *modules);

#endif
