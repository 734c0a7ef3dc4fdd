// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What devices that belong to a guest see: one container for all their groups, in which
 * guest RAM is at its guest-physical addresses. All of RAM is pinned, since a function
 * may read and write anywhere in it; what is added later is mapped by the watcher. BARs
 * are not mapped: functions do not reach each other.
 */
#include "vmm/pci/vfio.h"

#include "common/cleanup.h"
#include "common/log.h"
#include "vmm/core/vm.h"
#include "vmm/kvm/kvm.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#define MAX_GROUPS 32

struct vfio_space {
	struct vm *vm;
	int container;
	struct mem_watcher watcher;
	uint64_t mapped; /* blocks of RAM, by index */
	/* of groups, one behind the other: */
	int fds[MAX_GROUPS];
	unsigned numbers[MAX_GROUPS], users[MAX_GROUPS];
	unsigned count;
};

_Static_assert(MEM_MAX_RAM <= 64, "a word has a bit for each block");

/* ---- guest RAM ---- */

static int explain_map(const struct vfio_space *s, const struct ram_block *block,
                       int code, struct err *err)
{
	struct rlimit limit = { 0 };

	if (code == ENOMEM && !getrlimit(RLIMIT_MEMLOCK, &limit) &&
	    limit.rlim_cur < s->vm->ram_size)
		return err_set(
			err, code,
			"cannot pin %llu MiB of guest RAM for the device: this process may "
			"lock %llu KiB (RLIMIT_MEMLOCK); run: kvm-assign limits --ram %lluM",
			(unsigned long long)s->vm->ram_size >> 20,
			(unsigned long long)limit.rlim_cur >> 10,
			(unsigned long long)s->vm->ram_size >> 20);
	return err_sys(err, code, "the IOMMU refuses guest RAM (%s) at 0x%llx",
	               block->name, (unsigned long long)block->gpa);
}

static int map_ram(struct vfio_space *s, struct err *err)
{
	const struct ram_block *block;
	int ret;

	for (unsigned i = 0; (block = mem_ram(s->vm->mem, i)); i++) {
		if (s->mapped >> i & 1 || block->gpa == MEM_NOWHERE ||
		    !dma_map(s->vm->mem, block->gpa, block->size, true))
			continue;
		ret = vfio_map(s->container, block->gpa, block->size, block->host);
		if (ret < 0)
			return explain_map(s, block, -ret, err);
		s->mapped |= 1ull << i;
	}
	return 0;
}

static void ram_changed(struct mem_watcher *watcher)
{
	struct vfio_space *s = container_of(watcher, struct vfio_space, watcher);
	struct err err = { 0 };

	if (map_ram(s, &err) < 0)
		log_error("vfio-pci: devices cannot reach new memory: %s", err.text);
}

/* ---- groups ---- */

static unsigned find_group(const struct vfio_space *s, unsigned number)
{
	unsigned i = 0;

	while (i < s->count && s->numbers[i] != number)
		i++;
	return i;
}

static int explain_join(const struct vfio_host *host, int code, struct err *err)
{
	static const char *const checks[] = { "iommu.irq", NULL };

	if (code != EPERM)
		return err_sys(err, code, "the kernel refuses IOMMU group %u",
		               host->group);
	err_set(err, code,
	        "the kernel refuses IOMMU group %u: interrupts are not remapped here, so "
	        "that a guest could forge them",
	        host->group);
	vfio_refuse_hint(host, checks, err);
	return -code;
}

static int join(struct vfio_space *s, const struct vfio_host *host, struct err *err)
{
	int fd, ret;

	if (s->count == MAX_GROUPS)
		return err_set(err, ENOSPC, "more than %d IOMMU groups", MAX_GROUPS);
	fd = vfio_host_open(host, err);
	if (fd < 0)
		return fd;
	ret = vfio_group_join(fd, s->container, !s->count);
	if (ret < 0) {
		close(fd);
		return explain_join(host, -ret, err);
	}
	if (s->vm->kvm && kvm_vfio_group(s->vm->kvm, fd, true) < 0)
		log_debug(LOG_C_PCI, "KVM does not want to know of group %u",
		          host->group);
	s->fds[s->count] = fd;
	s->numbers[s->count] = host->group;
	s->users[s->count++] = 0;
	return 0;
}

static void leave(struct vfio_space *s, unsigned i)
{
	if (s->vm->kvm)
		kvm_vfio_group(s->vm->kvm, s->fds[i], false);
	vfio_group_leave(s->fds[i]);
	close(s->fds[i]);
	s->count--;
	s->fds[i] = s->fds[s->count];
	s->numbers[i] = s->numbers[s->count];
	s->users[i] = s->users[s->count];
}

/* ---- the container ---- */

static struct vfio_space *new_space(struct vm *vm, const struct vfio_host *host,
                                    struct err *err)
{
	struct vfio_space *s = calloc(1, sizeof(*s));

	if (!s) {
		err_sys(err, ENOMEM, "VFIO");
		return NULL;
	}
	s->vm = vm;
	s->container = vfio_container_open();
	if (s->container >= 0)
		return s;
	if (s->container == -EPROTO)
		err_set(err, EPROTO,
		        "this kernel's VFIO has no type 1 IOMMU; run: modprobe "
		        "vfio_iommu_type1");
	else
		vfio_refuse_node(host, "/dev/vfio/vfio", -s->container, err);
	free(s);
	return NULL;
}

static void end_space(struct vfio_space *s)
{
	if (s->watcher.changed) {
		mem_unwatch(s->vm->mem, &s->watcher);
		mem_pin(s->vm->mem, false);
	}
	close(s->container);
	s->vm->vfio = NULL;
	free(s);
}

static int take_ram(struct vfio_space *s, struct err *err)
{
	if (s->watcher.changed)
		return 0;
	s->watcher.changed = ram_changed;
	mem_watch(s->vm->mem, &s->watcher);
	mem_pin(s->vm->mem, true);
	return map_ram(s, err);
}

int vfio_space_open(struct vm *vm, const struct vfio_host *host, struct err *err)
{
	struct vfio_space *s = vm->vfio ? vm->vfio : new_space(vm, host, err);
	unsigned i;
	int fd = -1, ret;

	if (!s)
		return -err->code;
	vm->vfio = s;
	i = find_group(s, host->group);
	ret = i < s->count ? 0 : join(s, host, err);
	if (ret >= 0)
		ret = take_ram(s, err);
	if (ret >= 0) {
		fd = vfio_device_open(s->fds[i], host->name);
		if (fd < 0)
			ret = err_sys(err, -fd, "cannot open %s", host->name);
	}
	if (ret >= 0) {
		s->users[i]++;
		return fd;
	}
	if (i < s->count && !s->users[i])
		leave(s, i);
	if (!s->count)
		end_space(s);
	return ret;
}

void vfio_space_close(struct vm *vm, const struct vfio_host *host, int fd)
{
	struct vfio_space *s = vm->vfio;
	unsigned i = find_group(s, host->group);

	close(fd);
	if (!--s->users[i])
		leave(s, i);
	if (!s->count)
		end_space(s);
}

int vfio_space_hot_reset(struct vm *vm, int fd)
{
	struct vfio_space *s = vm->vfio;

	return vfio_hot_reset(fd, s->fds, s->numbers, s->count);
}
