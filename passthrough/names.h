/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names of vendors, devices and classes from pci.ids, through libpci. */
#ifndef PASSTHROUGH_NAMES_H
#define PASSTHROUGH_NAMES_H

#include "passthrough/pcidev.h"

struct pci_access;

/* NULL without memory. The list itself is read when the first name is asked for. */
struct pci_access *pci_names_open(void);
void pci_names_close(struct pci_access *names);

#define PCI_NAME_SIZE 160
/* "Red Hat, Inc. QEMU NVM Express Controller", or "" where the list has no entry. */
void pci_device_name(struct pci_access *names, const struct pci_function *f,
                     char name[PCI_NAME_SIZE]);
/* "Non-Volatile memory controller", or "". */
void pci_class_name(struct pci_access *names, const struct pci_function *f,
                    char name[PCI_NAME_SIZE]);

#endif
