/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What kvm-check left in host.json (docs/host.schema.json), used to explain this host to
 * the user of vmm. Nothing here changes what vmm does; only errors, a slow host and
 * `-d kvm` make it read the file.
 */
#ifndef VMM_MAIN_HOST_H
#define VMM_MAIN_HOST_H

#include "common/err.h"
#include "vmm/machine/config.h"

/* Adds to an error that is the host's (err->host) why, and what to do: from host.json if
 * that is of this boot and about this, else the advice to run kvm-check. Leaves other
 * errors alone. */
void host_explain(const struct vm_config *config, struct err *err);
/* Warns when a whole operating system is about to be interpreted, because the CPU shows
 * no virtualization. With -d kvm, also tells what host.json says. */
void host_warn(const struct vm_config *config);

#endif
