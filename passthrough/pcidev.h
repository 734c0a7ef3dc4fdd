/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What sysfs tells about PCI functions: plain facts, no judgement. */
#ifndef PASSTHROUGH_PCIDEV_H
#define PASSTHROUGH_PCIDEV_H

#include "common/err.h"
#include "passthrough/address.h"
#include "probe/sysroot.h"

#include <stdbool.h>
#include <stdint.h>

#define PCI_DEVICES "sys/bus/pci/devices"
#define DRIVER_SIZE 64

struct pci_function {
	struct pci_address address;
	char name[PCI_ADDRESS_SIZE]; /* the address as text */
	uint16_t vendor, device, subvendor, subdevice;
	uint32_t class;             /* 24 bits: base class, subclass, interface */
	char driver[DRIVER_SIZE];   /* bound now; "" none */
	char override[DRIVER_SIZE]; /* driver_override; "" none */
	bool stuck; /* an unbind hangs in the kernel: override and vfs are not known */
	int group;  /* IOMMU group, -1 none */
	int node;   /* NUMA node, -1 unknown */
	bool boot_vga;
	bool resets_known;     /* the kernel lists the reset methods (5.15 and later) */
	char resets[64];       /* "flr bus"; "" none */
	bool sriov;            /* a physical function that has virtual ones to give */
	unsigned vfs_max, vfs; /* how many it can have, and has */
	char physfn[PCI_ADDRESS_SIZE]; /* of a virtual function: its physical one */
	char power[16];                /* power_state: "D0", "D3cold", "unknown", "" */
	int d3cold_allowed;            /* 1, 0, -1 unknown */
};

struct pci_functions {
	unsigned count;
	struct pci_function *function;
};

/* Reads one function. -ENODEV with a sentence when there is none at that address. */
int pci_function_read(const struct sysroot *root, const struct pci_address *address,
                      struct pci_function *f, struct err *err);
/* All functions by address; a host without PCI has none. A function that vanishes
 * meanwhile is left out. The caller frees list->function, also after a failure. */
int pci_functions_read(const struct sysroot *root, struct pci_functions *list,
                       struct err *err);

/* Bridges of all kinds that carry or translate a bus (host, ISA, PCI ...): they are never
 * assigned. */
bool pci_is_bridge(const struct pci_function *f);
/* PCI-to-PCI bridges and root ports, whose driver does not matter to a group. */
bool pci_is_port(const struct pci_function *f);
bool pci_is_vfio_driver(const char *driver);

/* The path of a file of the function below the root. */
#define PCI_PATH_SIZE 128
void pci_path(char path[PCI_PATH_SIZE], const char *name, const char *file);

#endif
