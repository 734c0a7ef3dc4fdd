// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * virtio-balloon (virtio 1.2, 5.5): inflate, deflate, statistics and free page reporting.
 *
 * Pages that the guest gives away are discarded at once: the host has them back, and the
 * guest reads zeros from them. Taking them back needs nothing, they are filled when they
 * are touched. A chain has a bounded number of pages, whole runs of which are discarded
 * at a time. The one buffer for statistics waits here until somebody asks; its return is
 * the question. Runs in the loop's thread.
 */
#include "vmm/virtio/balloon.h"

#include "common/cleanup.h"
#include "vmm/block/iov.h"
#include "vmm/core/vm.h"
#include "vmm/virtio/pci.h"

#include <errno.h>
#include <linux/virtio_ids.h>
#include <stdlib.h>
#include <string.h>

#define CLASS_OTHERS 0x00ff00
#define QUEUE_SIZE   128
#define VECTORS      5
#define PAGE         (1ull << VIRTIO_BALLOON_PFN_SHIFT)
#define MAX_PAGES    1024 /* of one chain; drivers use 256 */
#define SECOND_NS    1000000000ull
#define EVENT_NS     SECOND_NS

enum { INFLATE, DEFLATE, STATS, REPORTING };

struct virtio_balloon {
	struct virtio_pci vpci;
	/* properties */
	bool on_oom, reporting;
	/* state */
	uint32_t target; /* pages that the guest should give */
	uint32_t given;  /* pages that it says it gave */
	/* not state */
	struct virtq_elem *asked; /* the buffer for statistics */
	uint64_t stats[VIRTIO_BALLOON_S_NR];
	uint32_t known;
	struct loop_timer event; /* armed: one was sent less than EVENT_NS ago */
	bool changed;            /* since then */
	struct loop_timer poll;  /* armed: every `interval` seconds */
	uint32_t interval;
	time_t updated; /* when the driver sent statistics last */
	struct ratelimit warned;
};

static struct virtio_balloon *to_balloon(struct virtio_device *vdev)
{
	return container_of(vdev, struct virtio_balloon, vpci.vdev);
}

static uint64_t actual(const struct virtio_balloon *b)
{
	uint64_t ram = b->vpci.pci.dev.vm->ram_size, given = b->given * PAGE;

	return given < ram ? ram - given : 0;
}

/* ---- pages ---- */

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

/* One run of pages. */
static void discard(struct virtio_balloon *b, uint64_t first, uint64_t count)
{
	struct mem *mem = virtio_mem(&b->vpci.vdev);
	void *host = dma_map(mem, first * PAGE, count * PAGE, true);

	if (host)
		mem_discard(mem, host, count * PAGE);
	else if (count > 1)
		/* Across a border of RAM blocks, or partly outside. */
		for (uint64_t i = 0; i < count; i++)
			discard(b, first + i, 1);
	else
		log_guest(&b->warned, "%s: page 0x%llx is not RAM", b->vpci.pci.dev.path,
		          (unsigned long long)first);
}

static void inflate(struct virtio_balloon *b, const struct virtq_elem *elem)
{
	uint32_t pages[MAX_PAGES];
	size_t n = iov_to_buf(elem->iov, elem->out_count, 0, pages, sizeof(pages)) /
	           sizeof(pages[0]);
	size_t start = 0;

	if (elem->out_len > sizeof(pages))
		log_guest(&b->warned, "%s: more than %d pages in one chain",
		          b->vpci.pci.dev.path, MAX_PAGES);
	qsort(pages, n, sizeof(pages[0]), compare);
	for (size_t i = 1; i <= n; i++) {
		if (i < n && pages[i] - pages[i - 1] <= 1)
			continue;
		discard(b, pages[start], (uint64_t)pages[i - 1] - pages[start] + 1);
		start = i;
	}
}

/* 5.5.6.7: the pages themselves are the chain. */
static void report(struct virtio_balloon *b, struct virtq_elem *elem)
{
	for (unsigned i = 0; i < elem->in_count; i++)
		mem_discard(virtio_mem(&b->vpci.vdev), virtq_in(elem)[i].iov_base,
		            virtq_in(elem)[i].iov_len);
}

/* ---- statistics ---- */

static void read_stats(struct virtio_balloon *b, const struct virtq_elem *elem)
{
	struct virtio_balloon_stat stats[2 * VIRTIO_BALLOON_S_NR];
	size_t n = iov_to_buf(elem->iov, elem->out_count, 0, stats, sizeof(stats)) /
	           sizeof(stats[0]);

	for (size_t i = 0; i < n; i++) {
		if (stats[i].tag >= VIRTIO_BALLOON_S_NR)
			continue;
		b->stats[stats[i].tag] = stats[i].val;
		b->known |= 1u << stats[i].tag;
	}
	b->updated = time(NULL);
}

/* A driver has one buffer; of more the older ones go back. */
static void take_stats(struct virtio_balloon *b, struct virtqueue *vq)
{
	unsigned left = vq->size;
	struct virtq_elem *elem;

	while (left-- && (elem = virtqueue_pop(vq))) {
		if (b->asked)
			virtqueue_push(vq, b->asked, 0);
		b->asked = elem;
		read_stats(b, elem);
	}
	virtqueue_flush(vq);
}

static void ask_stats(struct virtio_balloon *b)
{
	struct virtqueue *vq = &b->vpci.vdev.queues[STATS];

	if (!b->asked || !virtio_running(&b->vpci.vdev))
		return;
	virtqueue_push(vq, b->asked, 0);
	b->asked = NULL;
	virtqueue_flush(vq);
}

static void poll_stats(void *opaque)
{
	struct virtio_balloon *b = opaque;

	ask_stats(b);
	loop_timer_arm(&b->poll, loop_now() + b->interval * SECOND_NS);
}

/* ---- virtio ---- */

static void kick(struct virtio_device *vdev, struct virtqueue *vq)
{
	struct virtio_balloon *b = to_balloon(vdev);
	unsigned left = 4; /* chains of one callback: each may be many system calls */
	struct virtq_elem *elem;

	if (vq->index == STATS) {
		take_stats(b, vq);
		return;
	}
	virtqueue_disable_notify(vq);
	while (left-- && (elem = virtqueue_pop(vq))) {
		if (vq->index == INFLATE)
			inflate(b, elem);
		else if (vq->index == REPORTING)
			report(b, elem);
		virtqueue_push(vq, elem, 0);
	}
	virtqueue_flush(vq);
	if (virtqueue_enable_notify(vq))
		vdev->transport->wake(vdev, vq);
}

static void drain(struct virtio_device *vdev)
{
	struct virtio_balloon *b = to_balloon(vdev);

	if (b->asked)
		virtqueue_unpop(&vdev->queues[STATS], b->asked);
	b->asked = NULL;
}

static void reset(struct virtio_device *vdev)
{
	struct virtio_balloon *b = to_balloon(vdev);

	b->given = 0;
	b->known = 0;
	loop_timer_disarm(&b->event);
	b->changed = false;
}

static void get_config(struct virtio_device *vdev, uint8_t *config)
{
	const struct virtio_balloon *b = to_balloon(vdev);
	struct virtio_balloon_config c = { .num_pages = b->target, .actual = b->given };

	memcpy(config, &c, vdev->ops->config_len);
}

/* As often as once in EVENT_NS; the last change is always told. */
static void tell(struct virtio_balloon *b)
{
	const struct vm_event_field fields[] = {
		{ "actual", VM_EVENT_INT, .num = actual(b) },
		{ .name = NULL },
	};

	b->changed = false;
	vm_emit(b->vpci.pci.dev.vm, "BALLOON_CHANGE", fields);
	loop_timer_arm(&b->event, loop_now() + EVENT_NS);
}

static void event_due(void *opaque)
{
	struct virtio_balloon *b = opaque;

	if (b->changed)
		tell(b);
}

static void set_config(struct virtio_device *vdev, unsigned offset, uint64_t value,
                       unsigned size)
{
	struct virtio_balloon *b = to_balloon(vdev);
	uint32_t before = b->given;

	/* The one field that is the driver's. */
	if (offset != offsetof(struct virtio_balloon_config, actual) || size != 4)
		return;
	b->given = value;
	b->changed |= b->given != before;
	if (b->changed && !b->event.deadline)
		tell(b);
}

static const struct virtio_ops balloon_ops = {
	.device_id = VIRTIO_ID_BALLOON,
	.config_len = offsetof(struct virtio_balloon_config, free_page_hint_cmd_id),
	.get_config = get_config,
	.set_config = set_config,
	.kick = kick,
	.drain = drain,
	.reset = reset,
};

/* ---- for monitors ---- */

static struct virtio_balloon *find(struct vm *vm, struct err *err)
{
	for (struct device *dev = vm->devices; dev; dev = dev->next)
		if (dev->cls == &virtio_balloon_pci_class)
			return (struct virtio_balloon *)dev;
	err_set(err, ENOTCONN, "No balloon device has been activated");
	return NULL;
}

int balloon_set(struct vm *vm, uint64_t bytes, struct err *err)
{
	struct virtio_balloon *b = find(vm, err);

	if (!b)
		return -ENOTCONN;
	if (bytes < PAGE)
		return err_set(err, EINVAL, "Parameter 'target' expects a size");
	if (bytes > vm->ram_size)
		bytes = vm->ram_size;
	b->target = (vm->ram_size - bytes) / PAGE;
	virtio_config_changed(&b->vpci.vdev);
	return 0;
}

int balloon_get(struct vm *vm, struct balloon_info *info, struct err *err)
{
	struct virtio_balloon *b = find(vm, err);

	if (!b)
		return -ENOTCONN;
	*info = (struct balloon_info){ .actual = actual(b),
		                       .known = b->known,
		                       .updated = b->updated,
		                       .interval = b->interval };
	memcpy(info->stats, b->stats, sizeof(info->stats));
	ask_stats(b);
	return 0;
}

int balloon_poll(struct vm *vm, int64_t interval, struct err *err)
{
	struct virtio_balloon *b = find(vm, err);

	if (!b)
		return -ENOTCONN;
	if (interval < 0 || interval > UINT32_MAX)
		return err_usage(err, "timer value must be 0 to %u seconds", UINT32_MAX);
	b->interval = interval;
	if (interval)
		poll_stats(b);
	else
		loop_timer_disarm(&b->poll);
	return 0;
}

/* ---- the device class ---- */

static int balloon_realize(struct device *dev, struct err *err)
{
	struct virtio_balloon *b = (struct virtio_balloon *)dev;
	struct virtio_device *vdev = &b->vpci.vdev;

	loop_timer_init(dev->vm->loop, &b->event, event_due, b);
	loop_timer_init(dev->vm->loop, &b->poll, poll_stats, b);
	if (find(dev->vm, NULL))
		return err_usage(err, "there is a balloon already; one is enough");
	virtio_init(vdev, dev, &balloon_ops);
	for (unsigned q = 0; q <= (b->reporting ? REPORTING : STATS); q++)
		virtio_add_queue(vdev, QUEUE_SIZE, sizeof(struct virtq_elem));
	vdev->host_features = 1ull << VIRTIO_BALLOON_F_STATS_VQ;
	if (b->on_oom)
		vdev->host_features |= 1ull << VIRTIO_BALLOON_F_DEFLATE_ON_OOM;
	if (b->reporting)
		vdev->host_features |= 1ull << VIRTIO_BALLOON_F_REPORTING;
	return virtio_pci_realize(&b->vpci, CLASS_OTHERS, VECTORS, err);
}

static void balloon_unrealize(struct device *dev)
{
	struct virtio_balloon *b = (struct virtio_balloon *)dev;

	virtio_pci_unrealize(&b->vpci);
	loop_timer_disarm(&b->event);
	loop_timer_disarm(&b->poll);
}

#define FIELD(f) .offset = offsetof(struct virtio_balloon, f)

static const struct opt_desc balloon_props[] = {
	VIRTIO_PCI_PROPS(struct virtio_balloon, vpci),
	{ .name = "deflate-on-oom",
	  .type = OPT_BOOL,
	  FIELD(on_oom),
	  .def = "off",
	  .help = "the guest may take memory back before it runs out" },
	{ .name = "free-page-reporting",
	  .type = OPT_BOOL,
	  FIELD(reporting),
	  .def = "off",
	  .help = "the guest gives what it does not use without being asked" },
	{ .name = NULL },
};

static const struct state_field balloon_fields[] = {
	STATE_STRUCT_F(struct virtio_balloon, vpci, &virtio_pci_state),
	STATE_U32_F(struct virtio_balloon, target),
	STATE_U32_F(struct virtio_balloon, given),
	STATE_END_F,
};

static const struct state_desc balloon_state = {
	.name = "virtio-balloon-pci",
	.version = 1,
	.fields = balloon_fields,
	.pre_save = virtio_pci_pre_save,
	.validate = virtio_pci_validate,
	.post_load = virtio_pci_post_load,
};

const struct device_class virtio_balloon_pci_class = {
	.name = "virtio-balloon-pci",
	.alias = "virtio-balloon",
	.bus = "pci",
	.help = "memory that the guest lends back",
	.size = sizeof(struct virtio_balloon),
	.props = balloon_props,
	.state = &balloon_state,
	.realize = balloon_realize,
	.reset = virtio_pci_reset,
	.quiesce = virtio_pci_quiesce,
	.resume = virtio_pci_resume,
	.unrealize = balloon_unrealize,
};
