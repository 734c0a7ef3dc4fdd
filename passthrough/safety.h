/* SPDX-License-Identifier: GPL-2.0-or-later */
/* May this function leave the host? Everything is asked before anything is changed. */
#ifndef PASSTHROUGH_SAFETY_H
#define PASSTHROUGH_SAFETY_H

#include "passthrough/findings.h"
#include "passthrough/holders.h"
#include "passthrough/pcidev.h"

/* What all functions are judged against; filled once, borrowed by the rules. */
struct situation {
	const struct sysroot *root;
	const struct pci_functions *functions;
	const struct holders *holders;
	const bool *chosen;   /* a flag for each function: will leave the host too */
	const char *ssh_peer; /* "" none */
	bool irq_remapped, irq_known;
	bool unsafe_allowed; /* vfio_iommu_type1.allow_unsafe_interrupts */
	bool noiommu_mode;   /* vfio.enable_unsafe_noiommu_mode */
};

/* Fills the last four from the host. */
void situation_read(struct situation *s);

/* What speaks against taking f from the host: bridges, disks, interfaces, the console,
 * virtual functions, running guests. */
void safety_uses(const struct situation *s, const struct pci_function *f,
                 struct findings *findings);
/* What speaks against giving f to a guest by vfio-pci: IOMMU, interrupts, firmware's
 * regions, the rest of the group, resets, power. */
void safety_guest(const struct situation *s, const struct pci_function *f,
                  struct findings *findings);

#endif
