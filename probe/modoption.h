/* SPDX-License-Identifier: GPL-2.0-or-later */
/* "options" lines of modprobe.d for KVM's and VFIO's modules: contradictions, and devices
 * given to vfio-pci by their IDs. */
#ifndef PROBE_MODOPTION_H
#define PROBE_MODOPTION_H

#include <stddef.h>

#define MODULE_OPTIONS_MAX 48 /* parameters remembered; further ones are not compared */

struct module_option {
	char key[56]; /* "kvm_intel.nested" */
	char value[40];
	char where[96]; /* "file:line" */
};

/* Zero-initialize. */
struct module_options {
	unsigned count;
	struct module_option seen[MODULE_OPTIONS_MAX];
	char conflict[256]; /* "kvm_amd.npt=0 (a:1) and npt=1 (b:2)", or "" */
	char vfio_ids[160]; /* where vfio-pci gets ids=, or "" */
};

/* One file of modprobe.d; path is for the fact. */
void module_options_scan(const char *text, const char *path,
                         struct module_options *options);
/* "module.parameter=value" words of the kernel command line, which modprobe obeys too. */
void module_options_cmdline(const char *cmdline, struct module_options *options);

#endif
