/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * virtio over PCI (virtio 1.2, 4.1): modern registers in BAR 4, MSI-X in BAR 1 and, for
 * transitional devices, the legacy registers in I/O BAR 0.
 *
 * A device class embeds struct virtio_pci first, puts VIRTIO_PCI_PROPS into its
 * properties and &virtio_pci_state first into its state table, and calls these functions
 * from the class functions of the same names. Machine lock everywhere.
 */
#ifndef VMM_VIRTIO_PCI_H
#define VMM_VIRTIO_PCI_H

#include "vmm/pci/pci.h"
#include "vmm/virtio/virtio.h"

struct virtio_pci_notifier {
	struct loop_fd lfd;
	struct virtio_pci *vpci;
	struct virtqueue *vq;
	int fd; /* eventfd the driver's notifications arrive at, -1: none */
	/* lent to the kernel */
	bool lent;
	struct loop_fd call_lfd;
	int call; /* eventfd that stands for a vector where there is none, -1: not in use
	           */
};

struct virtio_pci {
	struct pci_device pci;
	struct virtio_device vdev;
	/* properties */
	int disable_legacy; /* enum opt_tri */
	bool disable_modern, event_idx, indirect_desc;
	/* state */
	uint32_t device_feature_select, driver_feature_select;
	uint16_t queue_select;
	uint8_t isr;
	/* not state */
	bool master;     /* bus mastering was on after the last write to the command */
	bool msix;       /* MSI-X was on after the last write to configuration space */
	uint8_t cfg_cap; /* offset of the PCI configuration access capability */
	unsigned vectors;
	struct region common, isr_region, device, notify, legacy;
	struct virtio_pci_notifier notifiers[VIRTIO_MAX_QUEUES];
	int vector_fds[VIRTIO_MAX_QUEUES + 1]; /* eventfds, -1: not in use */
};

#define VIRTIO_PCI_PROPS(object, member)                                       \
	PCI_PROPS(object, member.pci),                                         \
		{ .name = "disable-legacy",                                    \
		  .type = OPT_TRI,                                             \
		  .offset = offsetof(object, member.disable_legacy),           \
		  .def = "auto",                                               \
		  .help = "no registers for virtio 0.9 drivers" },             \
		{ .name = "disable-modern",                                    \
		  .type = OPT_BOOL,                                            \
		  .offset = offsetof(object, member.disable_modern),           \
		  .def = "off",                                                \
		  .help = "no registers for virtio 1 drivers" },               \
		{ .name = "event_idx",                                         \
		  .type = OPT_BOOL,                                            \
		  .offset = offsetof(object, member.event_idx),                \
		  .def = "on",                                                 \
		  .help = "offer interrupt and notification thresholds" },     \
	{                                                                      \
		.name = "indirect_desc", .type = OPT_BOOL,                     \
		.offset = offsetof(object, member.indirect_desc), .def = "on", \
		.help = "offer indirect descriptors"                           \
	}

/*
 * virtio_init() was called, the queues were added and host_features holds the device's
 * own features; the common ones are added here. class_code: 24 bits, as in PCI. vectors:
 * MSI-X vectors, one of them for configuration changes.
 */
int virtio_pci_realize(struct virtio_pci *vpci, uint32_t class_code, unsigned vectors,
                       struct err *err);
/* Accepts a half-realized device. Drained by the caller's quiesce. */
void virtio_pci_unrealize(struct virtio_pci *vpci);

/* For struct device_class, as they are. */
void virtio_pci_reset(struct device *dev);
void virtio_pci_quiesce(struct device *dev);
void virtio_pci_resume(struct device *dev);

/* Of struct virtio_pci, and the hooks for the table of a device class, as they are when
 * its object starts with struct virtio_pci. */
extern const struct state_desc virtio_pci_state;
int virtio_pci_pre_save(void *obj, struct err *err);
int virtio_pci_validate(const void *obj, struct err *err);
int virtio_pci_post_load(void *obj, struct err *err);

#endif
