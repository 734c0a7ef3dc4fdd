// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vhost-net (drivers/vhost/net.c of Linux; the ioctls are described in <linux/vhost.h>).
 *
 * The kernel is given guest RAM as a table: blocks that the guest may write, those of
 * devices left out, because they move. It writes to that memory without telling anybody,
 * so while a block of RAM is logged nothing starts; who changes RAM or its logging has
 * the device restarted (mem_watch()). A ring that the kernel finds broken breaks the
 * device.
 */
#include "vmm/virtio/vhost.h"

#include "common/cleanup.h"

#include <errno.h>
#include <linux/vhost.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>

const uint32_t vhost_requests[] = {
	VHOST_SET_OWNER,      VHOST_GET_FEATURES,   VHOST_SET_FEATURES,
	VHOST_SET_MEM_TABLE,  VHOST_SET_VRING_NUM,  VHOST_SET_VRING_BASE,
	VHOST_GET_VRING_BASE, VHOST_SET_VRING_ADDR, VHOST_SET_VRING_KICK,
	VHOST_SET_VRING_CALL, VHOST_SET_VRING_ERR,  VHOST_NET_SET_BACKEND,
};
const unsigned vhost_request_count = ARRAY_SIZE(vhost_requests);

struct vhost {
	struct virtio_device *vdev;
	int fd;
	unsigned first, count;
	uint64_t features;
	bool running;
	unsigned given; /* queues that it was told of */
	int error;      /* eventfd: the kernel found a ring broken */
	struct loop_fd error_watch;
};

static struct virtqueue *queue(struct vhost *v, unsigned i)
{
	return &v->vdev->queues[v->first + i];
}

struct vhost *vhost_new(struct virtio_device *vdev, int fd, unsigned first,
                        unsigned count, struct err *err)
{
	struct vhost *v = calloc(1, sizeof(*v));

	if (!v) {
		err_sys(err, ENOMEM, "vhost");
		return NULL;
	}
	*v = (struct vhost){ .vdev = vdev, .fd = fd, .first = first, .count = count };
	v->error = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (v->error >= 0 && ioctl(fd, VHOST_SET_OWNER) >= 0 &&
	    ioctl(fd, VHOST_GET_FEATURES, &v->features) >= 0) {
		/* Means that the backend has no headers; to drivers the same bit is
		 * ANY_LAYOUT, which the kernel has no bit for. */
		v->features &= ~(1ull << VHOST_NET_F_VIRTIO_NET_HDR);
		return v;
	}
	err_sys(err, errno, "vhost");
	vhost_free(v);
	return NULL;
}

void vhost_free(struct vhost *v)
{
	if (v && v->error >= 0)
		close(v->error);
	free(v);
}

uint64_t vhost_features(const struct vhost *v)
{
	return v->features;
}

bool vhost_running(const struct vhost *v)
{
	return v && v->running;
}

static void broken(void *opaque, uint32_t events)
{
	struct vhost *v = opaque;
	uint64_t count;

	(void)events;
	if (read(v->error, &count, sizeof(count)) < 0)
		return;
	v->vdev->ops->drain(v->vdev);
	virtio_break(v->vdev, "the kernel cannot use the ring of queue %u or %u",
	             v->first, v->first + v->count - 1);
}

/* ---- memory ---- */

static int set_memory(struct vhost *v)
{
	struct vhost_memory *table;
	const struct ram_block *block;
	int ret;

	table = calloc(1, sizeof(*table) + MEM_MAX_RAM * sizeof(table->regions[0]));
	if (!table)
		return -ENOMEM;
	for (unsigned i = 0; (block = mem_ram(v->vdev->mem, i)); i++)
		if (!block->device && !block->readonly)
			table->regions[table->nregions++] = (struct vhost_memory_region){
				.guest_phys_addr = block->gpa,
				.memory_size = block->size,
				.userspace_addr = (uintptr_t)block->host,
			};
	ret = ioctl(v->fd, VHOST_SET_MEM_TABLE, table) < 0 ? -errno : 0;
	free(table);
	return ret;
}

/* ---- queues ---- */

static int set_file(struct vhost *v, unsigned long request, unsigned i, int fd)
{
	struct vhost_vring_file file = { .index = i, .fd = fd };

	return ioctl(v->fd, request, &file) < 0 ? -errno : 0;
}

static int set_queue(struct vhost *v, unsigned i)
{
	struct virtqueue *vq = queue(v, i);
	struct vhost_vring_state size = { .index = i, .num = vq->size };
	struct vhost_vring_state base = { .index = i, .num = vq->last_avail };
	struct vhost_vring_addr addr = {
		.index = i,
		.desc_user_addr = (uintptr_t)vq->desc_ring,
		.avail_user_addr = (uintptr_t)vq->avail_ring,
		.used_user_addr = (uintptr_t)vq->used_ring,
	};
	int kick, call, ret;

	if (ioctl(v->fd, VHOST_SET_VRING_NUM, &size) < 0 ||
	    ioctl(v->fd, VHOST_SET_VRING_BASE, &base) < 0 ||
	    ioctl(v->fd, VHOST_SET_VRING_ADDR, &addr) < 0)
		return -errno;
	v->given++;
	ret = v->vdev->transport->lend(v->vdev, vq, &kick, &call);
	if (ret >= 0)
		ret = set_file(v, VHOST_SET_VRING_ERR, i, v->error);
	if (ret >= 0)
		ret = set_file(v, VHOST_SET_VRING_CALL, i, call);
	return ret >= 0 ? set_file(v, VHOST_SET_VRING_KICK, i, kick) : ret;
}

/* The kernel knows how far it got with a queue that it had. */
static void take_back(struct vhost *v, unsigned i)
{
	struct virtqueue *vq = queue(v, i);
	struct vhost_vring_state base = { .index = i };

	if (i < v->given && vq->mapped && ioctl(v->fd, VHOST_GET_VRING_BASE, &base) >= 0)
		virtqueue_resync(vq, base.num);
	v->vdev->transport->reclaim(v->vdev, vq);
}

int vhost_start(struct vhost *v, int backend)
{
	uint64_t features = v->vdev->features & v->vdev->host_features & v->features;
	int ret = ioctl(v->fd, VHOST_SET_FEATURES, &features) < 0 ? -errno : 0;

	if (ret >= 0)
		ret = set_memory(v);
	v->running = true;
	v->given = 0;
	for (unsigned i = 0; i < v->count && ret >= 0; i++)
		ret = set_queue(v, i);
	for (unsigned i = 0; i < v->count && ret >= 0; i++)
		ret = set_file(v, VHOST_NET_SET_BACKEND, i, backend);
	if (ret >= 0)
		ret = loop_add(v->vdev->loop, &v->error_watch, v->error, EPOLLIN, broken,
		               v);
	if (ret < 0)
		vhost_stop(v);
	return ret;
}

void vhost_stop(struct vhost *v)
{
	if (!vhost_running(v))
		return;
	v->running = false;
	loop_remove(v->vdev->loop, &v->error_watch);
	/* Waits for packets on their way. */
	for (unsigned i = 0; i < v->count; i++)
		set_file(v, VHOST_NET_SET_BACKEND, i, -1);
	for (unsigned i = 0; i < v->count; i++)
		take_back(v, i);
}
