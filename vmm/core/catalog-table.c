// SPDX-License-Identifier: GPL-2.0-or-later
/* The catalog's rows. An explicit array: its order is the order of -device help, and a
 * class that is missing here is missing everywhere. */
#include "vmm/core/catalog.h"
#include "vmm/machine/kvmstate.h"
#include "vmm/pci/host.h"

const struct device_class *const device_catalog[] = {
	/* system */
	&pci_host_class,
	&kvm_chips_class,
	&kvm_vcpu_class,
	NULL,
};
