/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between the files of pci/: config space, the bus, MSI-X. */
#ifndef VMM_PCI_INTERNAL_H
#define VMM_PCI_INTERNAL_H

#include "vmm/pci/pci.h"

/* Takes a slot: devfn, or -1 for the first free one. Sets pdev->devfn. */
int pci_bus_claim(struct pci_bus *bus, struct pci_device *pdev, int devfn,
                  struct err *err);
void pci_bus_release(struct pci_bus *bus, struct pci_device *pdev);
/* The function's INTx level changed. */
void pci_bus_intx(struct pci_bus *bus, struct pci_device *pdev, bool level);

/* Maps each BAR where config space says. */
void pci_update_bars(struct pci_device *pdev);
/* Drives the line from the status and command registers. */
void pci_intx_update(struct pci_device *pdev);

void pci_msix_config_written(struct pci_device *pdev, unsigned offset, unsigned size);
void pci_msix_reset(struct pci_device *pdev);
/* Attaches or detaches each vector's eventfd as masks and the enable bit now say. */
void pci_msix_update(struct pci_device *pdev);
/* Moves what waits in eventfds into the PBA. */
void pci_msix_collect(struct pci_device *pdev);
/* A loaded table is as large as this function's, and so is its PBA. */
int pci_msix_validate(const struct pci_device *pdev, struct err *err);

#endif
