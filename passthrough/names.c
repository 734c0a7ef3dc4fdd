// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Names by libpci. Only its list of names is used: its access to devices is never
 * initialized, because facts come from one root directory and because it ends the program
 * when it finds no method of access.
 */
#include "passthrough/names.h"

#include <pci/pci.h>
#include <stdio.h>

static void no_message(char *format, ...)
{
	(void)format;
}

struct pci_access *pci_names_open(void)
{
	struct pci_access *names = pci_alloc();

	if (names) {
		names->warning = no_message;
		names->debug = no_message;
	}
	return names;
}

void pci_names_close(struct pci_access *names)
{
	if (names)
		pci_cleanup(names);
}

void pci_device_name(struct pci_access *names, const struct pci_function *f,
                     char name[PCI_NAME_SIZE])
{
	char vendor[80], device[80];
	int flags = PCI_LOOKUP_NO_NUMBERS;

	name[0] = '\0';
	if (!names || !pci_lookup_name(names, vendor, sizeof(vendor),
	                               PCI_LOOKUP_VENDOR | flags, f->vendor))
		return;
	if (!pci_lookup_name(names, device, sizeof(device), PCI_LOOKUP_DEVICE | flags,
	                     f->vendor, f->device))
		snprintf(device, sizeof(device), "device %04x", f->device);
	snprintf(name, PCI_NAME_SIZE, "%s %s", vendor, device);
}

void pci_class_name(struct pci_access *names, const struct pci_function *f,
                    char name[PCI_NAME_SIZE])
{
	name[0] = '\0';
	if (!names ||
	    !pci_lookup_name(names, name, PCI_NAME_SIZE,
	                     PCI_LOOKUP_CLASS | PCI_LOOKUP_NO_NUMBERS, f->class >> 8))
		name[0] = '\0';
}
