// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * virtio over PCI (virtio 1.2, 4.1): identity, capabilities, notifications, interrupts.
 *
 * Each enabled queue has one eventfd that a write to its notification address signals, in
 * KVM without an exit to user space; the loop watches it edge-triggered, so that it never
 * needs to be read. Each MSI-X vector in use has one eventfd that raises it, in KVM
 * again. Both exist only while the driver uses them. With MSI-X off, interrupts go
 * through the ISR status and INTx, under the machine lock.
 */
#include "vmm/virtio/pci.h"

#include "common/bytes.h"
#include "common/cleanup.h"
#include "vmm/core/vm.h"
#include "vmm/virtio/pci-regs.h"

#include <errno.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_pci.h>
#include <string.h>
#include <sys/eventfd.h>

#define VENDOR_VIRTIO 0x1af4
#define MSIX_PBA_AT   0x800
#define MSIX_BAR_SIZE 0x1000

static struct virtio_pci *to_vpci(struct virtio_device *vdev)
{
	return container_of(vdev, struct virtio_pci, vdev);
}

static void signal_fd(int fd)
{
	uint64_t one = 1;

	if (write(fd, &one, sizeof(one)) < 0 && errno != EAGAIN)
		log_error("virtio: eventfd: %s", strerror(errno));
}

/* ---- interrupts ---- */

static void raise_isr(struct virtio_pci *vpci, uint8_t bit)
{
	vpci->isr |= bit;
	pci_intx_set(&vpci->pci, true);
}

uint8_t virtio_pci_take_isr(struct virtio_pci *vpci)
{
	uint8_t isr = vpci->isr;

	vpci->isr = 0;
	pci_intx_set(&vpci->pci, false);
	return isr;
}

static void raise(struct virtio_pci *vpci, uint16_t vector, uint8_t isr_bit)
{
	if (!pci_msix_enabled(&vpci->pci))
		raise_isr(vpci, isr_bit);
	else if (vector < vpci->vectors && vpci->vector_fds[vector] >= 0)
		signal_fd(vpci->vector_fds[vector]);
}

static void interrupt(struct virtio_device *vdev, struct virtqueue *vq)
{
	raise(to_vpci(vdev), vq->vector, 1);
}

static void config_interrupt(struct virtio_device *vdev)
{
	raise(to_vpci(vdev), vdev->config_vector, VIRTIO_PCI_ISR_CONFIG);
}

uint16_t virtio_pci_use_vector(struct virtio_pci *vpci, uint16_t v)
{
	int fd;

	if (v >= vpci->vectors)
		return VIRTQUEUE_NO_VECTOR;
	if (vpci->vector_fds[v] >= 0)
		return v;
	fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (fd < 0 || pci_msix_set_fd(&vpci->pci, v, fd) < 0) {
		log_guest(&vpci->vdev.warned, "%s: vector %u cannot be had: %s",
		          vpci->pci.dev.path, v, strerror(errno));
		if (fd >= 0)
			close(fd);
		return VIRTQUEUE_NO_VECTOR;
	}
	vpci->vector_fds[v] = fd;
	return v;
}

static void drop_vectors(struct virtio_pci *vpci)
{
	for (unsigned v = 0; v < vpci->vectors; v++) {
		if (vpci->vector_fds[v] < 0)
			continue;
		pci_msix_set_fd(&vpci->pci, v, -1);
		close(vpci->vector_fds[v]);
		vpci->vector_fds[v] = -1;
	}
}

/* ---- notifications ---- */

static void notified(void *opaque, uint32_t events)
{
	struct virtio_pci_notifier *n = opaque;

	virtio_kick(&n->vpci->vdev, n->vq);
}

void virtio_pci_wake(struct virtio_pci *vpci, unsigned q)
{
	if (q < vpci->vdev.queue_count && vpci->notifiers[q].fd >= 0)
		signal_fd(vpci->notifiers[q].fd);
}

static void wake(struct virtio_device *vdev, struct virtqueue *vq)
{
	virtio_pci_wake(to_vpci(vdev), vq->index);
}

static struct region_event modern_event(const struct virtio_pci_notifier *n)
{
	return (struct region_event){ .offset = n->vq->index * VPCI_NOTIFY_STEP,
		                      .fd = n->fd };
}

static struct region_event legacy_event(const struct virtio_pci_notifier *n)
{
	return (struct region_event){ .offset = VIRTIO_PCI_QUEUE_NOTIFY,
		                      .size = 2,
		                      .match = true,
		                      .value = n->vq->index,
		                      .fd = n->fd };
}

/* ---- queues that the kernel serves ---- */

static void called(void *opaque, uint32_t events)
{
	struct virtio_pci_notifier *n = opaque;
	uint64_t count;

	if (read(n->call, &count, sizeof(count)) == sizeof(count))
		virtio_interrupt(&n->vpci->vdev, n->vq);
}

static int lend(struct virtio_device *vdev, struct virtqueue *vq, int *kick, int *call)
{
	struct virtio_pci *vpci = to_vpci(vdev);
	struct virtio_pci_notifier *n = &vpci->notifiers[vq->index];

	*kick = n->fd;
	*call = -1;
	n->lent = true;
	loop_remove(vdev->loop, &n->lfd);
	if (pci_msix_enabled(&vpci->pci)) {
		if (vq->vector < vpci->vectors)
			*call = vpci->vector_fds[vq->vector];
		return 0;
	}
	*call = n->call = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return n->call < 0
	               ? -errno
	               : loop_add(vdev->loop, &n->call_lfd, n->call, EPOLLIN, called, n);
}

static void reclaim(struct virtio_device *vdev, struct virtqueue *vq)
{
	struct virtio_pci_notifier *n = &to_vpci(vdev)->notifiers[vq->index];

	if (!n->lent)
		return;
	n->lent = false;
	if (n->call >= 0) {
		/* The last interrupt may not have been seen. */
		called(n, 0);
		loop_remove(vdev->loop, &n->call_lfd);
		close(n->call);
		n->call = -1;
	}
	if (loop_add(vdev->loop, &n->lfd, n->fd, EPOLLIN | EPOLLET, notified, n) < 0)
		virtio_break(vdev, "queue %u: its notifications cannot be watched",
		             vq->index);
}

static bool any_lent(const struct virtio_pci *vpci)
{
	for (unsigned i = 0; i < vpci->vdev.queue_count; i++)
		if (vpci->notifiers[i].lent)
			return true;
	return false;
}

void virtio_pci_vector_changed(struct virtio_pci *vpci)
{
	if (any_lent(vpci))
		virtio_restart(&vpci->vdev);
}

static void queue_stop(struct virtio_device *vdev, struct virtqueue *vq)
{
	struct virtio_pci *vpci = to_vpci(vdev);
	struct virtio_pci_notifier *n = &vpci->notifiers[vq->index];
	struct region_event modern, legacy;

	if (n->fd < 0)
		return;
	modern = modern_event(n);
	legacy = legacy_event(n);
	loop_remove(vdev->loop, &n->lfd);
	region_remove_event(&vpci->notify, &modern);
	region_remove_event(&vpci->legacy, &legacy);
	close(n->fd);
	n->fd = -1;
}

static int queue_start(struct virtio_device *vdev, struct virtqueue *vq)
{
	struct virtio_pci *vpci = to_vpci(vdev);
	struct virtio_pci_notifier *n = &vpci->notifiers[vq->index];
	struct region_event event;
	int ret;

	n->vpci = vpci;
	n->vq = vq;
	n->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (n->fd < 0)
		return -errno;
	ret = loop_add(vdev->loop, &n->lfd, n->fd, EPOLLIN | EPOLLET, notified, n);
	/* A driver uses one set of registers, and which one shows in VERSION_1. */
	event = modern_event(n);
	if (ret >= 0 && virtio_has(vdev, VIRTIO_F_VERSION_1)) {
		ret = region_add_event(&vpci->notify, &event);
	} else if (ret >= 0) {
		event = legacy_event(n);
		ret = region_add_event(&vpci->legacy, &event);
	}
	if (ret < 0)
		queue_stop(vdev, vq);
	return ret;
}

static void reset(struct virtio_device *vdev)
{
	struct virtio_pci *vpci = to_vpci(vdev);

	vpci->device_feature_select = vpci->driver_feature_select = 0;
	vpci->queue_select = 0;
	virtio_pci_take_isr(vpci);
	drop_vectors(vpci);
}

static const struct virtio_transport pci_transport = {
	.interrupt = interrupt,
	.config_interrupt = config_interrupt,
	.queue_start = queue_start,
	.queue_stop = queue_stop,
	.wake = wake,
	.reset = reset,
	.lend = lend,
	.reclaim = reclaim,
};

struct virtqueue *virtio_pci_selected(struct virtio_pci *vpci)
{
	if (vpci->queue_select >= vpci->vdev.queue_count)
		return NULL;
	return &vpci->vdev.queues[vpci->queue_select];
}

/* ---- capabilities ---- */

static unsigned add_cap(struct virtio_pci *vpci, uint8_t type, uint32_t offset,
                        uint32_t length, unsigned cap_len)
{
	unsigned at = pci_cap_add(&vpci->pci, PCI_CAP_ID_VNDR, cap_len);
	uint8_t *cap = vpci->pci.config + at;

	cap[VIRTIO_PCI_CAP_LEN] = cap_len;
	cap[VIRTIO_PCI_CAP_CFG_TYPE] = type;
	cap[VIRTIO_PCI_CAP_BAR] = length ? VPCI_BAR_MODERN : 0;
	st32(cap + VIRTIO_PCI_CAP_OFFSET, offset);
	st32(cap + VIRTIO_PCI_CAP_LENGTH, length);
	return at;
}

static void add_caps(struct virtio_pci *vpci)
{
	unsigned size = sizeof(struct virtio_pci_cap), at;
	uint8_t *wmask = vpci->pci.wmask;

	add_cap(vpci, VIRTIO_PCI_CAP_COMMON_CFG, VPCI_COMMON_AT, VPCI_PART_SIZE, size);
	add_cap(vpci, VIRTIO_PCI_CAP_ISR_CFG, VPCI_ISR_AT, VPCI_PART_SIZE, size);
	if (vpci->vdev.ops->config_len)
		add_cap(vpci, VIRTIO_PCI_CAP_DEVICE_CFG, VPCI_DEVICE_AT, VPCI_PART_SIZE,
		        size);
	at = add_cap(vpci, VIRTIO_PCI_CAP_NOTIFY_CFG, VPCI_NOTIFY_AT, VPCI_PART_SIZE,
	             sizeof(struct virtio_pci_notify_cap));
	st32(vpci->pci.config + at + VIRTIO_PCI_NOTIFY_CAP_MULT, VPCI_NOTIFY_STEP);
	at = add_cap(vpci, VIRTIO_PCI_CAP_PCI_CFG, 0, 0,
	             sizeof(struct virtio_pci_cfg_cap));
	wmask[at + VIRTIO_PCI_CAP_BAR] = 0xff;
	st32(wmask + at + VIRTIO_PCI_CAP_OFFSET, UINT32_MAX);
	st32(wmask + at + VIRTIO_PCI_CAP_LENGTH, UINT32_MAX);
	st32(wmask + at + size, UINT32_MAX);
	vpci->cfg_cap = at;
}

/* ---- access through configuration space (4.1.4.9) ---- */

static struct region *window_region(struct virtio_pci *vpci, uint32_t *offset)
{
	struct region *parts[] = { &vpci->common, &vpci->isr_region, &vpci->device,
		                   &vpci->notify };
	unsigned part = *offset / VPCI_PART_SIZE;

	*offset %= VPCI_PART_SIZE;
	return part < ARRAY_SIZE(parts) ? parts[part] : NULL;
}

static void window_access(struct pci_device *pdev, unsigned offset, unsigned size,
                          bool is_write)
{
	struct virtio_pci *vpci = container_of(pdev, struct virtio_pci, pci);
	uint8_t *cap = pdev->config + vpci->cfg_cap;
	unsigned data = vpci->cfg_cap + sizeof(struct virtio_pci_cap);
	uint32_t at = ld32(cap + VIRTIO_PCI_CAP_OFFSET);
	uint32_t len = ld32(cap + VIRTIO_PCI_CAP_LENGTH);
	struct region *region;

	if (!vpci->cfg_cap || offset >= data + 4 || offset + size <= data)
		return;
	if (cap[VIRTIO_PCI_CAP_BAR] != VPCI_BAR_MODERN ||
	    (len != 1 && len != 2 && len != 4) || at % len)
		return;
	region = window_region(vpci, &at);
	if (!region || at >= region->size || len > region->size - at)
		return;
	if (is_write && region->ops->write)
		region->ops->write(vpci, at, ldn(pdev->config + data, len), len);
	else if (!is_write && region->ops->read)
		stn(pdev->config + data, len, region->ops->read(vpci, at, len));
}

static bool is_master(const struct virtio_pci *vpci)
{
	return ld16(vpci->pci.config + PCI_COMMAND) & PCI_COMMAND_MASTER;
}

/* A kernel that hands over to another one takes bus mastering away, so that what was set
 * up before cannot write into the new one's memory. A driver that never turned it on, as
 * old and simple ones do not, is served all the same. */
static void command_written(struct virtio_pci *vpci)
{
	bool was = vpci->master;

	vpci->master = is_master(vpci);
	if (was != vpci->master)
		virtio_stall(&vpci->vdev, was);
}

static void config_written(struct pci_device *pdev, unsigned offset, unsigned size)
{
	struct virtio_pci *vpci = container_of(pdev, struct virtio_pci, pci);
	bool had = vpci->msix;

	if (offset < PCI_COMMAND + 2 && PCI_COMMAND < offset + size)
		command_written(vpci);
	vpci->msix = pci_msix_enabled(pdev);
	if (vpci->msix != had)
		virtio_pci_vector_changed(vpci);
	window_access(pdev, offset, size, true);
}

static void config_reading(struct pci_device *pdev, unsigned offset, unsigned size)
{
	window_access(pdev, offset, size, false);
}

/* ---- life ---- */

/* virtio 1.2, 4.1.2: what the driver finds the device by. */
static struct pci_id identity(const struct virtio_pci *vpci, uint32_t class_code)
{
	static const uint16_t transitional[] = {
		[VIRTIO_ID_NET] = 0x1000,     [VIRTIO_ID_BLOCK] = 0x1001,
		[VIRTIO_ID_BALLOON] = 0x1002, [VIRTIO_ID_CONSOLE] = 0x1003,
		[VIRTIO_ID_SCSI] = 0x1004,    [VIRTIO_ID_RNG] = 0x1005,
	};
	uint16_t id = vpci->vdev.ops->device_id;
	bool legacy = vpci->disable_legacy != OPT_TRI_ON && id < ARRAY_SIZE(transitional);

	return (struct pci_id){
		.vendor = VENDOR_VIRTIO,
		.device = legacy ? transitional[id] : 0x1040 + id,
		.sub_vendor = VENDOR_VIRTIO,
		.sub_device = legacy ? id : 0x1100,
		.class_code = class_code,
		.revision = legacy ? 0 : 1,
	};
}

static void init_region(struct virtio_pci *vpci, struct region *region, const char *name,
                        const struct region_ops *ops, uint64_t size)
{
	*region = (struct region){
		.name = name,
		.size = size,
		.ops = ops,
		.opaque = vpci,
	};
}

static void init_modern(struct virtio_pci *vpci)
{
	struct pci_device *pdev = &vpci->pci;

	init_region(vpci, &vpci->common, "virtio-common", &virtio_pci_common_ops,
	            VPCI_PART_SIZE);
	init_region(vpci, &vpci->isr_region, "virtio-isr", &virtio_pci_isr_ops,
	            VPCI_PART_SIZE);
	init_region(vpci, &vpci->device, "virtio-device", &virtio_pci_device_ops,
	            VPCI_PART_SIZE);
	init_region(vpci, &vpci->notify, "virtio-notify", &virtio_pci_notify_ops,
	            VPCI_PART_SIZE);
	pci_bar_init(pdev, VPCI_BAR_MODERN,
	             PCI_BASE_ADDRESS_SPACE_MEMORY | PCI_BASE_ADDRESS_MEM_TYPE_64 |
	                     PCI_BASE_ADDRESS_MEM_PREFETCH,
	             VPCI_BAR_SIZE);
	pci_bar_add(pdev, VPCI_BAR_MODERN, VPCI_COMMON_AT, &vpci->common);
	pci_bar_add(pdev, VPCI_BAR_MODERN, VPCI_ISR_AT, &vpci->isr_region);
	pci_bar_add(pdev, VPCI_BAR_MODERN, VPCI_DEVICE_AT, &vpci->device);
	pci_bar_add(pdev, VPCI_BAR_MODERN, VPCI_NOTIFY_AT, &vpci->notify);
	add_caps(vpci);
	pdev->config_reading = config_reading;
}

static void init_legacy(struct virtio_pci *vpci)
{
	unsigned size = 32;

	while (size < virtio_pci_legacy_size(vpci))
		size *= 2;
	init_region(vpci, &vpci->legacy, "virtio-legacy", &virtio_pci_legacy_ops, size);
	pci_bar_init(&vpci->pci, VPCI_BAR_LEGACY, PCI_BASE_ADDRESS_SPACE_IO, size);
	pci_bar_add(&vpci->pci, VPCI_BAR_LEGACY, 0, &vpci->legacy);
}

static void offer_common_features(struct virtio_pci *vpci)
{
	uint64_t *f = &vpci->vdev.host_features;

	if (vpci->event_idx)
		*f |= 1ull << VIRTIO_RING_F_EVENT_IDX;
	if (vpci->indirect_desc)
		*f |= 1ull << VIRTIO_RING_F_INDIRECT_DESC;
	if (vpci->disable_legacy != OPT_TRI_ON)
		*f |= 1ull << VIRTIO_F_ANY_LAYOUT;
	if (!vpci->disable_modern)
		*f |= 1ull << VIRTIO_F_VERSION_1;
}

int virtio_pci_realize(struct virtio_pci *vpci, uint32_t class_code, unsigned vectors,
                       struct err *err)
{
	struct pci_id id;
	int ret;

	if (vpci->disable_modern && vpci->disable_legacy == OPT_TRI_ON)
		return err_usage(err, "disable-modern=on and disable-legacy=on leave "
		                      "no registers; drop one of them");
	for (unsigned i = 0; i < ARRAY_SIZE(vpci->vector_fds); i++)
		vpci->vector_fds[i] = -1;
	for (unsigned i = 0; i < ARRAY_SIZE(vpci->notifiers); i++)
		vpci->notifiers[i].fd = vpci->notifiers[i].call = -1;
	vpci->vdev.transport = &pci_transport;
	vpci->vectors = vectors;
	offer_common_features(vpci);
	id = identity(vpci, class_code);
	ret = pci_realize(&vpci->pci, &id, err);
	if (ret < 0)
		return ret;
	vpci->pci.config[PCI_INTERRUPT_PIN] = 1;
	vpci->pci.config_written = config_written;
	if (vpci->disable_legacy != OPT_TRI_ON)
		init_legacy(vpci);
	pci_bar_init(&vpci->pci, VPCI_BAR_MSIX, PCI_BASE_ADDRESS_SPACE_MEMORY,
	             MSIX_BAR_SIZE);
	ret = pci_msix_init(&vpci->pci, vectors, VPCI_BAR_MSIX,
	                    MSIX_PBA_AT | VPCI_BAR_MSIX, err);
	if (ret >= 0 && !vpci->disable_modern)
		init_modern(vpci);
	return ret;
}

void virtio_pci_unrealize(struct virtio_pci *vpci)
{
	struct region *regions[] = { &vpci->common, &vpci->isr_region, &vpci->device,
		                     &vpci->notify, &vpci->legacy };

	if (vpci->vdev.transport) {
		for (unsigned i = 0; i < vpci->vdev.queue_count; i++)
			queue_stop(&vpci->vdev, &vpci->vdev.queues[i]);
		drop_vectors(vpci);
	}
	for (unsigned i = 0; i < ARRAY_SIZE(regions); i++) {
		mem_unmap(regions[i]);
		region_free(regions[i]);
	}
	pci_msix_free(&vpci->pci);
	pci_unrealize(&vpci->pci);
	virtio_free(&vpci->vdev);
}

void virtio_pci_reset(struct device *dev)
{
	struct virtio_pci *vpci = (struct virtio_pci *)dev;

	virtio_reset(&vpci->vdev);
	vpci->vdev.stalled = vpci->master = vpci->msix = false;
	pci_reset(&vpci->pci);
}

void virtio_pci_quiesce(struct device *dev)
{
	virtio_quiesce(&((struct virtio_pci *)dev)->vdev);
}

void virtio_pci_resume(struct device *dev)
{
	virtio_resume(&((struct virtio_pci *)dev)->vdev);
}

/* ---- state ---- */

static const struct state_field vpci_fields[] = {
	STATE_STRUCT_F(struct virtio_pci, pci, &pci_device_state),
	STATE_U32_F(struct virtio_pci, device_feature_select),
	STATE_U32_F(struct virtio_pci, driver_feature_select),
	STATE_U16_F(struct virtio_pci, queue_select),
	STATE_U8_F(struct virtio_pci, isr),
	STATE_STRUCT_F(struct virtio_pci, vdev, &virtio_device_state),
	STATE_END_F,
};

const struct state_desc virtio_pci_state = {
	.name = "virtio-pci",
	.version = 1,
	.fields = vpci_fields,
};

int virtio_pci_pre_save(void *obj, struct err *err)
{
	struct virtio_pci *vpci = obj;

	pci_pre_save(&vpci->pci);
	return virtio_pre_save(&vpci->vdev, err);
}

int virtio_pci_validate(const void *obj, struct err *err)
{
	const struct virtio_pci *vpci = obj;
	int ret = pci_device_state.validate(&vpci->pci, err);

	return ret < 0 ? ret : virtio_validate(&vpci->vdev, err);
}

int virtio_pci_post_load(void *obj, struct err *err)
{
	struct virtio_pci *vpci = obj;
	struct virtio_device *vdev = &vpci->vdev;

	vpci->master = is_master(vpci);
	vpci->msix = pci_msix_enabled(&vpci->pci);
	vdev->stalled = false;
	drop_vectors(vpci);
	vdev->config_vector = virtio_pci_use_vector(vpci, vdev->config_vector);
	for (unsigned i = 0; i < vdev->queue_count; i++)
		vdev->queues[i].vector =
			virtio_pci_use_vector(vpci, vdev->queues[i].vector);
	pci_post_load(&vpci->pci);
	return virtio_post_load(vdev, err);
}
