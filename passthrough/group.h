/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * IOMMU groups: what the IOMMU cannot keep apart, and so belongs to one guest as a whole.
 * Linux, Documentation/driver-api/vfio.rst.
 */
#ifndef PASSTHROUGH_GROUP_H
#define PASSTHROUGH_GROUP_H

#include "passthrough/pcidev.h"

/* How a member stands to a guest that would own the group. */
enum group_role {
	GROUP_PORT,   /* a bridge or root port: does not matter */
	GROUP_FREE,   /* no driver, vfio-*, or pci-stub */
	GROUP_IN_USE, /* another driver serves it: no guest can own the group */
};
enum group_role group_role(const struct pci_function *f);
/* True for a driver that uses its devices for the host; false for vfio-*, pci-stub and
 * "". */
bool group_is_host_driver(const char *driver);

struct group {
	int number;
	char type[24];   /* domain type: "identity", "DMA", "DMA-FQ", "" unknown */
	bool direct;     /* a reserved region must stay mapped 1:1 (RMRR): no guest */
	char region[64]; /* the first such line */
	bool relaxable;  /* only graphics or USB have such a region: harmless */
	unsigned slots;  /* slots with endpoints; above 1 something lacks ACS */
};

/* The facts of group `number`, of whose members functions tells. */
void group_read(const struct sysroot *root, int number,
                const struct pci_functions *functions, struct group *group);
/* Fills direct, region and relaxable from a reserved_regions file, for tests. */
void group_regions(const char *text, struct group *group);

/* The first member of f's group, from index *from on, that is in use by the host and is
 * neither f nor marked in chosen (one flag for each function); NULL when none is left. */
const struct pci_function *group_blocker(const struct pci_functions *functions,
                                         const struct pci_function *f, const bool *chosen,
                                         unsigned *from);

#endif
