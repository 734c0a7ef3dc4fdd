/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A guest with RAM and a small virtio driver, for device tests: it finds the device
 * through PCI configuration space, talks to its BARs and keeps rings in guest memory, as
 * a kernel would. Failures of the driver's own preconditions end the program.
 */
#ifndef TESTS_DEV_VIRTIO_LIB_H
#define TESTS_DEV_VIRTIO_LIB_H

#include "tests/dev/legacy-lib.h"
#include "vmm/pci/pci.h"

#include <linux/virtio_config.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_pci.h>
#include <linux/virtio_ring.h>

#define GUEST_RAM   (64ull << 20)  /* at 0, in two blocks: */
#define GUEST_SPLIT (32ull << 20)  /* here the second one starts */
#define GUEST_ROM   (256ull << 20) /* one page that only reads may touch */
#define GUEST_HOLE  (512ull << 20) /* nothing is here */

struct guest {
	struct board board;
	uint8_t *ram, *rom;
	uint64_t free; /* of RAM: what guest_alloc() gives out next */
	uint64_t mmio; /* the same for BARs */
	uint32_t io;
	unsigned msis; /* counted so far */
};

/* A board with a PCI bus, the PIIX3 that routes INTx, and RAM. */
void guest_init(struct guest *g);
void guest_free(struct guest *g);
/* Zeroed guest memory; its address. */
uint64_t guest_alloc(struct guest *g, uint64_t len);
/* Host address of RAM or ROM. */
void *guest_ptr(struct guest *g, uint64_t gpa);
/* Opens an image as -drive does (needs id=). */
struct block_node *guest_drive(struct guest *g, const char *opts);

uint32_t pci_in(struct guest *g, uint8_t devfn, unsigned reg, unsigned size);
void pci_out(struct guest *g, uint8_t devfn, unsigned reg, uint32_t value, unsigned size);
uint64_t mmio_in(struct guest *g, uint64_t addr, unsigned size);
void mmio_out(struct guest *g, uint64_t addr, uint64_t value, unsigned size);

/* ---- a driver of one device ---- */

struct vdrv {
	struct guest *g;
	struct device *dev;
	struct pci_device *pdev;
	bool legacy;                          /* uses the I/O BAR */
	uint64_t common, isr, config, notify; /* guest-physical; 0: no capability */
	uint32_t notify_step;
	unsigned cfg_cap, msix_cap; /* in configuration space */
	uint64_t msix_table, msix_pba;
	unsigned vectors;
	bool msix_on;
	uint32_t io;       /* port of the legacy registers, 0: none */
	uint64_t features; /* negotiated */
};

/* Finds the capabilities, gives every BAR an address and turns decoding on. */
void vdrv_init(struct vdrv *d, struct guest *g, struct device *dev);
/* The same, with bus mastering or without. */
void vdrv_find(struct vdrv *d, struct guest *g, struct device *dev, bool master);

#define COMMON(field) offsetof(struct virtio_pci_common_cfg, field)
uint64_t vdrv_get(struct vdrv *d, unsigned field, unsigned size); /* common config */
void vdrv_set(struct vdrv *d, unsigned field, uint64_t value, unsigned size);
uint8_t vdrv_status(struct vdrv *d);
void vdrv_set_status(struct vdrv *d, uint8_t status);
uint8_t vdrv_isr(struct vdrv *d);
uint64_t vdrv_config(struct vdrv *d, unsigned offset, unsigned size);
void vdrv_set_config(struct vdrv *d, unsigned offset, uint64_t value, unsigned size);
uint64_t vdrv_offered(struct vdrv *d);
void vdrv_set_features(struct vdrv *d, uint64_t features);
/* Reset, ACKNOWLEDGE, DRIVER, what is offered of `wanted`, FEATURES_OK (not for a legacy
 * driver); false when the device refuses. */
bool vdrv_negotiate(struct vdrv *d, uint64_t wanted);
void vdrv_ready(struct vdrv *d); /* DRIVER_OK */

/* MSI-X: each vector v sends data MSI_DATA + v to the local APIC. */
#define MSI_DATA 0x4100
void vdrv_msix_enable(struct vdrv *d, bool on);
void vdrv_msix_mask(struct vdrv *d, unsigned v, bool masked);
bool vdrv_pending(struct vdrv *d, unsigned v);
/* What the device took: v, or VIRTIO_MSI_NO_VECTOR. */
uint16_t vdrv_config_vector(struct vdrv *d, uint16_t v);
/* Messages on the board since the last call; *data is the last one's. */
unsigned vdrv_msis(struct vdrv *d, uint32_t *data);

/* ---- a split ring ---- */

struct vseg {
	uint64_t gpa;
	uint32_t len;
	bool write; /* by the device */
};

struct vring_chain {
	bool waiting;   /* not yet completed */
	uint16_t count; /* descriptors */
	uint32_t len;   /* what the device says it wrote */
};

struct vqueue {
	struct vdrv *drv;
	unsigned index;
	uint16_t size;
	uint64_t desc, avail, used;
	uint16_t avail_idx, used_idx;
	uint16_t free[1024], free_count;
	unsigned free_first;
	uint16_t next[1024]; /* own copy: the device does not get to see it */
	struct vring_chain chains[1024];
	unsigned waiting;
	unsigned wrong; /* used entries for what was not outstanding */
};

/* Rings of `size` entries (0: the device's) with MSI-X vector `vector`, enabled. */
void vqueue_init(struct vqueue *q, struct vdrv *d, unsigned index, uint16_t size,
                 uint16_t vector);
/* The device forgets its rings with a reset: start over with empty ones. */
void vqueue_forget(struct vqueue *q);
/* Makes a chain available; its head. */
uint16_t vqueue_add(struct vqueue *q, const struct vseg *segs, unsigned count);
/* The same through an indirect table. */
uint16_t vqueue_add_indirect(struct vqueue *q, const struct vseg *segs, unsigned count);
/* Notifies, whatever the device asked for. */
void vqueue_notify(struct vqueue *q);
/* The device asks for a notification of what was added behind index `old`. */
bool vqueue_wants_notify(struct vqueue *q, uint16_t old);
/* Takes what was used; how many. */
unsigned vqueue_reap(struct vqueue *q);
/* Runs the loop until the chain, or every chain, is completed; false after 20 s. */
bool vqueue_wait(struct vqueue *q, uint16_t head, uint32_t *len);
bool vqueue_wait_all(struct vqueue *q);
/* Add, notify, wait; the length, or UINT32_MAX when nothing came. */
uint32_t vqueue_do(struct vqueue *q, const struct vseg *segs, unsigned count);

/* For hostile drivers. */
void vqueue_put_desc(struct vqueue *q, unsigned i, uint64_t gpa, uint32_t len,
                     uint16_t flags, uint16_t next);
void vqueue_put_avail(struct vqueue *q, uint16_t head);
/* Suppression: the flags, and the event index. */
void vqueue_no_interrupt(struct vqueue *q, bool on);
void vqueue_used_event(struct vqueue *q, uint16_t index);
uint16_t vqueue_used_flags(struct vqueue *q);
uint16_t vqueue_avail_event(struct vqueue *q);
uint16_t vqueue_used_idx(struct vqueue *q); /* the device's */

#endif
