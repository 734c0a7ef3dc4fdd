// SPDX-License-Identifier: GPL-2.0-or-later
/* VFIO as linux/vfio.h defines it (type 1 groups). */
#include "passthrough/vfio.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/vfio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define MAX_INFO (64u << 10) /* bytes that are believed of an answer with more to it */

const uint32_t vfio_requests[] = {
	VFIO_GET_API_VERSION,
	VFIO_CHECK_EXTENSION,
	VFIO_SET_IOMMU,
	VFIO_GROUP_GET_STATUS,
	VFIO_GROUP_SET_CONTAINER,
	VFIO_GROUP_UNSET_CONTAINER,
	VFIO_GROUP_GET_DEVICE_FD,
	VFIO_IOMMU_MAP_DMA,
	VFIO_IOMMU_UNMAP_DMA,
	VFIO_DEVICE_GET_INFO,
	VFIO_DEVICE_GET_REGION_INFO,
	VFIO_DEVICE_GET_IRQ_INFO,
	VFIO_DEVICE_GET_PCI_HOT_RESET_INFO,
	VFIO_DEVICE_PCI_HOT_RESET,
	VFIO_DEVICE_RESET,
	VFIO_DEVICE_SET_IRQS,
};
const unsigned vfio_request_count = sizeof(vfio_requests) / sizeof(vfio_requests[0]);

static int call(int fd, unsigned long request, const void *arg)
{
	int ret = ioctl(fd, request, arg);

	return ret < 0 ? -errno : ret;
}

int vfio_group_viable(int group_fd, bool *viable)
{
	struct vfio_group_status status = { .argsz = sizeof(status) };
	int ret = call(group_fd, VFIO_GROUP_GET_STATUS, &status);

	*viable = status.flags & VFIO_GROUP_FLAGS_VIABLE;
	return ret;
}

/* ---- the address space of devices ---- */

int vfio_container_open(void)
{
	int fd = open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	if (ioctl(fd, VFIO_GET_API_VERSION) == VFIO_API_VERSION &&
	    ioctl(fd, VFIO_CHECK_EXTENSION, VFIO_TYPE1v2_IOMMU) > 0)
		return fd;
	close(fd);
	return -EPROTO;
}

int vfio_group_join(int group_fd, int container_fd, bool first)
{
	int ret = call(group_fd, VFIO_GROUP_SET_CONTAINER, &container_fd);

	if (ret < 0 || !first)
		return ret;
	ret = ioctl(container_fd, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU) < 0 ? -errno : 0;
	if (ret < 0)
		vfio_group_leave(group_fd);
	return ret;
}

void vfio_group_leave(int group_fd)
{
	ioctl(group_fd, VFIO_GROUP_UNSET_CONTAINER);
}

int vfio_map(int container_fd, uint64_t iova, uint64_t size, void *host)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map),
		.flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
		.vaddr = (uintptr_t)host,
		.iova = iova,
		.size = size,
	};

	return call(container_fd, VFIO_IOMMU_MAP_DMA, &map);
}

int vfio_unmap(int container_fd, uint64_t iova, uint64_t size)
{
	struct vfio_iommu_type1_dma_unmap unmap = {
		.argsz = sizeof(unmap),
		.iova = iova,
		.size = size,
	};

	return call(container_fd, VFIO_IOMMU_UNMAP_DMA, &unmap);
}

/* ---- a function ---- */

int vfio_device_open(int group_fd, const char *name)
{
	return call(group_fd, VFIO_GROUP_GET_DEVICE_FD, name);
}

int vfio_device_info(int fd, bool *resets)
{
	struct vfio_device_info info = { .argsz = sizeof(info) };
	int ret = call(fd, VFIO_DEVICE_GET_INFO, &info);

	*resets = info.flags & VFIO_DEVICE_FLAGS_RESET;
	return ret >= 0 && !(info.flags & VFIO_DEVICE_FLAGS_PCI) ? -ENOTSUP : ret;
}

int vfio_reset(int fd)
{
	return ioctl(fd, VFIO_DEVICE_RESET) < 0 ? -errno : 0;
}

static bool contains(const unsigned *numbers, unsigned count, unsigned number)
{
	for (unsigned i = 0; i < count; i++)
		if (numbers[i] == number)
			return true;
	return false;
}

int vfio_hot_reset(int fd, const int *groups, const unsigned *numbers, unsigned count)
{
	struct vfio_pci_hot_reset_info *info = calloc(1, MAX_INFO);
	struct vfio_pci_hot_reset *reset =
		calloc(1, sizeof(*reset) + count * sizeof(reset->group_fds[0]));
	int ret = -ENOMEM;

	if (info && reset) {
		info->argsz = MAX_INFO;
		ret = call(fd, VFIO_DEVICE_GET_PCI_HOT_RESET_INFO, info);
	}
	for (unsigned i = 0; ret >= 0 && i < info->count; i++)
		if (!contains(numbers, count, info->devices[i].group_id))
			ret = -EPERM;
	if (ret >= 0) {
		reset->argsz = sizeof(*reset) + count * sizeof(reset->group_fds[0]);
		reset->count = count;
		memcpy(reset->group_fds, groups, count * sizeof(*groups));
		ret = call(fd, VFIO_DEVICE_PCI_HOT_RESET, reset);
	}
	free(info);
	free(reset);
	return ret;
}

/* ---- regions ---- */

static void add_areas(struct vfio_region *region,
                      const struct vfio_region_info_cap_sparse_mmap *sparse)
{
	region->area_count = 0;
	for (unsigned i = 0; i < sparse->nr_areas && region->area_count < VFIO_AREAS; i++)
		if (sparse->areas[i].size)
			region->areas[region->area_count++] = (struct vfio_area){
				sparse->areas[i].offset,
				sparse->areas[i].size,
			};
}

/* The kernel's answer, which is no stranger's: a chain that ends. */
static void read_caps(struct vfio_region *region, const struct vfio_region_info *info)
{
	uint32_t at = info->flags & VFIO_REGION_INFO_FLAG_CAPS ? info->cap_offset : 0;

	while (at) {
		const struct vfio_info_cap_header *cap =
			(const void *)((const char *)info + at);

		if (cap->id == VFIO_REGION_INFO_CAP_SPARSE_MMAP)
			add_areas(region, (const void *)cap);
		at = cap->next;
	}
}

int vfio_region_info(int fd, unsigned index, struct vfio_region *region)
{
	struct vfio_region_info *info = calloc(1, MAX_INFO);
	int ret = -ENOMEM;

	*region = (struct vfio_region){ 0 };
	if (info) {
		info->argsz = MAX_INFO;
		info->index = index;
		ret = call(fd, VFIO_DEVICE_GET_REGION_INFO, info);
	}
	if (ret >= 0) {
		region->size = info->size;
		region->offset = info->offset;
		region->writable = info->flags & VFIO_REGION_INFO_FLAG_WRITE;
		region->area_count = !!(info->flags & VFIO_REGION_INFO_FLAG_MMAP);
		region->areas[0] = (struct vfio_area){ 0, info->size };
		read_caps(region, info);
	}
	free(info);
	return ret;
}

/* ---- interrupts ---- */

int vfio_irq_count(int fd, enum vfio_irq irq)
{
	struct vfio_irq_info info = { .argsz = sizeof(info), .index = irq };
	int ret = call(fd, VFIO_DEVICE_GET_IRQ_INFO, &info);

	if (ret < 0)
		return ret == -EINVAL ? 0 : ret;
	return info.flags & VFIO_IRQ_INFO_EVENTFD ? info.count : 0;
}

static int set(int fd, enum vfio_irq irq, uint32_t flags, const int *fds, unsigned count)
{
	struct vfio_irq_set *set = malloc(sizeof(*set) + count * sizeof(*fds));
	int ret;

	if (!set)
		return -ENOMEM;
	*set = (struct vfio_irq_set){
		.argsz = sizeof(*set) + (fds ? count * sizeof(*fds) : 0),
		.flags = flags |
		         (fds ? VFIO_IRQ_SET_DATA_EVENTFD : VFIO_IRQ_SET_DATA_NONE),
		.index = irq,
		.count = count,
	};
	if (fds)
		memcpy(set->data, fds, count * sizeof(*fds));
	ret = call(fd, VFIO_DEVICE_SET_IRQS, set);
	free(set);
	return ret;
}

int vfio_irq_connect(int fd, enum vfio_irq irq, const int *fds, unsigned count)
{
	return set(fd, irq, VFIO_IRQ_SET_ACTION_TRIGGER, fds, count);
}

void vfio_irq_disconnect(int fd, enum vfio_irq irq)
{
	set(fd, irq, VFIO_IRQ_SET_ACTION_TRIGGER, NULL, 0);
}

int vfio_intx_unmask(int fd)
{
	return set(fd, VFIO_INTX, VFIO_IRQ_SET_ACTION_UNMASK, NULL, 1);
}

int vfio_intx_unmask_by(int fd, int eventfd)
{
	return set(fd, VFIO_INTX, VFIO_IRQ_SET_ACTION_UNMASK, &eventfd, 1);
}
