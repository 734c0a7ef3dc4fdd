/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vfio-pci: a real PCI function, given to the guest through the host's VFIO. Between its
 * files: the function that is meant (vfio-host.c), why it cannot be had (vfio-refuse.c),
 * the address space of all of them (vfio-space.c), config space (vfio-config.c),
 * interrupts (vfio-irq.c), the device (vfio.c). Main loop's thread or a vCPU's, machine
 * lock.
 */
#ifndef VMM_PCI_VFIO_H
#define VMM_PCI_VFIO_H

#include "common/log.h"
#include "passthrough/vfio.h"
#include "vmm/pci/pci.h"

extern const struct device_class vfio_pci_class;

/* ---- vfio-host.c ---- */

struct vfio_host {
	const char *state_dir; /* of the hand-off files, or NULL; set by the caller */
	char name[32];         /* "0000:04:00.0" */
	char driver[40];       /* that has it now; "" none */
	unsigned group;
};

/* The function of host= ("04:00.0") or sysfsdev=, of which one is given: it is there,
 * has a group, and is on VFIO's driver. A sentence tells what to do if it is not. */
int vfio_host_find(const char *host, const char *sysfsdev, struct vfio_host *found,
                   struct err *err);
/* Opens /dev/vfio/GROUP, of which all members are free. Its descriptor. */
int vfio_host_open(const struct vfio_host *host, struct err *err);
/* The last component of the link at path/name, or "". */
void vfio_host_link(const char *path, const char *name, char *text, size_t size);

/* ---- vfio-refuse.c: set err, with the next step, and return its -errno ---- */

int vfio_refuse_iommu(const struct vfio_host *host, struct err *err);
int vfio_refuse_driver(const struct vfio_host *host, struct err *err);
int vfio_refuse_members(const struct vfio_host *host, struct err *err);
/* code: of open(). */
int vfio_refuse_node(const struct vfio_host *host, const char *node, int code,
                     struct err *err);
/* Adds to err what kvm-check found, of the first of these checks (NULL ends) that did not
 * pass; or the advice to run it. */
void vfio_refuse_hint(const struct vfio_host *host, const char *const *checks,
                      struct err *err);

/* ---- vfio-space.c ---- */

/* Opens the function; its first one gives guest RAM to the IOMMU. A descriptor. */
int vfio_space_open(struct vm *vm, const struct vfio_host *host, struct err *err);
/* Closes it, and gives back what no other function of this machine needs. */
void vfio_space_close(struct vm *vm, const struct vfio_host *host, int fd);
/* Resets the function and those that its reset reaches, if all are this machine's. 0 or
 * -errno. */
int vfio_space_hot_reset(struct vm *vm, int fd);

/* ---- the device ---- */

#define VFIO_PIECES 5 /* of a BAR: itself, and what KVM maps */

struct vfio_bar {
	struct vfio_pci *v;
	struct vfio_region info;
	unsigned count;
	struct vfio_piece {
		struct vfio_bar *bar;
		uint64_t offset;
		struct region region;
		struct ram_block *block; /* NULL: each access exits */
	} pieces[VFIO_PIECES];
};

struct vfio_vector {
	int fd;
	int gsi; /* route; MSI only */
};

struct vfio_pci {
	struct pci_device pci;
	/* properties */
	char *host_opt, *sysfsdev_opt, *romfile;
	uint32_t rombar, bootindex;
	/* the function */
	struct vfio_host host;
	int fd;
	bool resets;
	struct vfio_region config;
	uint8_t emulated[PCI_CONFIG_SIZE]; /* bits that are not the function's */
	uint8_t msi, pm;                   /* capabilities, 0: none */
	struct vfio_bar bars[PCI_BAR_COUNT];
	/* interrupts */
	enum vfio_by { VFIO_NONE, VFIO_BY_PIN, VFIO_BY_MSI, VFIO_BY_MSIX } by;
	uint8_t gsi;         /* by pin: where that leads, 0xff nowhere */
	int trigger, served; /* by pin: eventfds */
	struct vfio_vector *vectors;
	unsigned vector_count;
	int error, request; /* eventfds: it broke, the host wants it back */
	struct loop_fd error_watch, request_watch;
	struct ratelimit limit; /* of messages that a guest can cause */
};

/* Vector table pages stay ours: the pieces of a BAR are shown to the guest or hidden. */
void vfio_show(struct vfio_pci *v, bool on);

/* ---- vfio-config.c ---- */

struct vfio_cap {
	uint8_t id, offset;
};

#define VFIO_CAPS 48

/* The capabilities of a config space that a guest may have, in their order: those that
 * make sense behind this bus. caps: VFIO_CAPS entries; their number. Hostile bytes are
 * bounded. */
unsigned vfio_filter_caps(const uint8_t *config, struct vfio_cap *caps);
/* Writes what the function needs at any time: it answers, and does no DMA unless `dma`.
 */
void vfio_enable(struct vfio_pci *v, bool dma);
/* After the BARs: capabilities, and which bits the guest gets from where. */
int vfio_config_init(struct vfio_pci *v, const uint8_t *config, struct err *err);

/* ---- vfio-irq.c ---- */

int vfio_irq_init(struct vfio_pci *v, struct err *err);
void vfio_irq_free(struct vfio_pci *v);
/* Config space says which kind the guest wants now: changes to it. */
void vfio_irq_update(struct vfio_pci *v);
/* None, until the next vfio_irq_update(). */
void vfio_irq_stop(struct vfio_pci *v);

#endif
