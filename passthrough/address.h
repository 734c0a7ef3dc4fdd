/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The address of a PCI function, in the forms in which people and tools write it. */
#ifndef PASSTHROUGH_ADDRESS_H
#define PASSTHROUGH_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>

#define PCI_ADDRESS_SIZE 20 /* of the text, with its NUL */

struct pci_address {
	uint32_t domain;
	uint8_t bus, slot, function;
};

/* "0000:04:00.0", "04:00.0", or libvirt's "pci_0000_04_00_0"; nothing may follow. False
 * for anything else; address is then unchanged. */
bool pci_address_parse(const char *text, struct pci_address *address);
/* The kernel's spelling: "0000:04:00.0". */
void pci_address_text(const struct pci_address *address, char text[PCI_ADDRESS_SIZE]);
/* As strcmp(). */
int pci_address_compare(const struct pci_address *a, const struct pci_address *b);

/* The last component of a path in sysfs that is a full address: the function to which
 * what the path names belongs. */
bool pci_address_in_path(const char *path, struct pci_address *address);
/* True when a path in sysfs leads through the function called name (its full address). */
bool pci_path_through(const char *path, const char *name);

#endif
