// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The VM file descriptor and what belongs to no single vCPU.
 *
 * TSS and identity map addresses (KVM_SET_TSS_ADDR, KVM_SET_IDENTITY_MAP_ADDR) lie just
 * below the firmware's place under 4 GiB, where the memory map never puts RAM or a BAR.
 */
#include "vmm/kvm/internal.h"

#include "common/cleanup.h"

#include <assert.h>
#include <fcntl.h>
#include <string.h>

#define IDENTITY_MAP_ADDR 0xfeffc000ull /* one page; the TSS takes the three after it */
#define TSS_ADDR          (IDENTITY_MAP_ADDR + 0x1000)

struct kvm_vm {
	int dev_fd, fd;
	int vfio_fd; /* 0: none yet */
	unsigned max_vcpus, recommended_vcpus;
	void *run_area; /* of vCPU 0, or NULL */
	size_t run_size;
	struct kvm_coalesced_mmio_ring *ring; /* in it, once writes are collected */
};

static int open_failed(const char *path, int code, struct err *err)
{
	if (code == EACCES || code == EPERM)
		return err_set(err, EACCES, "no permission to open %s", path);
	if (code == ENOENT)
		return err_set(err, code,
		               "there is no %s: KVM is not loaded, or not shown to this "
		               "container",
		               path);
	if (code == ENODEV || code == ENXIO)
		return err_set(err, code, "%s has no driver: KVM is not loaded", path);
	return err_sys(err, code, "cannot open %s", path);
}

static int open_device(const char *path, struct err *err)
{
	int fd = open(path, O_RDWR | O_CLOEXEC), version;

	if (fd < 0)
		return open_failed(path, errno, err);
	version = ioctl(fd, KVM_GET_API_VERSION, 0);
	if (version == KVM_API_VERSION)
		return fd;
	if (version < 0)
		err_sys(err, errno, "%s is not a KVM device", path);
	else
		err_set(err, EPROTO,
		        "%s has KVM API version %d, not %d: another kernel is needed",
		        path, version, KVM_API_VERSION);
	close(fd);
	return -EPROTO;
}

/* What the VMM cannot do without; each has been in KVM since before Linux 4.18. */
static int check_needs(struct kvm_vm *kvm, struct err *err)
{
	static const struct {
		int cap;
		const char *name;
	} needs[] = {
		{ KVM_CAP_IRQCHIP, "in-kernel interrupt controllers" },
		{ KVM_CAP_PIT2, "in-kernel timer" },
		{ KVM_CAP_USER_MEMORY, "user memory slots" },
		{ KVM_CAP_SET_TSS_ADDR, "TSS address" },
		{ KVM_CAP_EXT_CPUID, "CPUID tables" },
		{ KVM_CAP_MP_STATE, "vCPU run states" },
		{ KVM_CAP_IOEVENTFD, "ioeventfd" },
		{ KVM_CAP_IRQFD, "irqfd" },
		{ KVM_CAP_SIGNAL_MSI, "MSI" },
		{ KVM_CAP_IMMEDIATE_EXIT, "immediate exit" },
		{ KVM_CAP_VCPU_EVENTS, "vCPU events" },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(needs); i++)
		if (kvm_cap(kvm, needs[i].cap) <= 0)
			return err_set(err, ENOTSUP, "this host's KVM lacks: %s",
			               needs[i].name);
	return 0;
}

static int create_vm(struct kvm_vm *kvm, struct err *err)
{
	uint64_t identity = IDENTITY_MAP_ADDR;

	do
		kvm->fd = ioctl(kvm->dev_fd, KVM_CREATE_VM, 0);
	while (kvm->fd < 0 && errno == EINTR);
	if (kvm->fd < 0 && errno == EBUSY)
		return err_set(
			err, EBUSY,
			"KVM is busy: another hypervisor (VirtualBox, VMware) holds the CPU's "
			"virtualization; stop it first");
	if (kvm->fd < 0)
		return err_sys(err, errno, "KVM cannot create a virtual machine");
	if (ioctl(kvm->fd, KVM_SET_IDENTITY_MAP_ADDR, &identity) < 0 ||
	    ioctl(kvm->fd, KVM_SET_TSS_ADDR, (unsigned long)TSS_ADDR) < 0)
		return err_sys(err, errno, "KVM refuses the TSS pages");
	return 0;
}

struct kvm_vm *kvm_vm_new(const char *path, struct err *err)
{
	struct kvm_vm *kvm = calloc(1, sizeof(*kvm));

	if (!kvm) {
		err_sys(err, ENOMEM, "KVM");
		return NULL;
	}
	kvm->fd = -1;
	kvm->dev_fd = open_device(path ? path : "/dev/kvm", err);
	if (kvm->dev_fd < 0 || create_vm(kvm, err) < 0 || check_needs(kvm, err) < 0) {
		if (err)
			err->host = true;
		kvm_vm_free(kvm);
		return NULL;
	}
	kvm->recommended_vcpus = kvm_cap(kvm, KVM_CAP_NR_VCPUS);
	kvm->max_vcpus = kvm_cap(kvm, KVM_CAP_MAX_VCPUS);
	if (!kvm->recommended_vcpus)
		kvm->recommended_vcpus = 4; /* what the API says to assume */
	if (kvm->max_vcpus < kvm->recommended_vcpus)
		kvm->max_vcpus = kvm->recommended_vcpus;
	return kvm;
}

void kvm_vm_free(struct kvm_vm *kvm)
{
	if (!kvm)
		return;
	if (kvm->vfio_fd > 0)
		close(kvm->vfio_fd);
	if (kvm->fd >= 0)
		close(kvm->fd);
	if (kvm->dev_fd >= 0)
		close(kvm->dev_fd);
	free(kvm);
}

int kvm_keep_idle(struct kvm_vm *kvm)
{
	int bits = kvm_cap(kvm, KVM_CAP_X86_DISABLE_EXITS);
	struct kvm_enable_cap enable = {
		.cap = KVM_CAP_X86_DISABLE_EXITS,
		.args = { bits & KVM_X86_DISABLE_VALID_EXITS },
	};

	if (!(bits & KVM_X86_DISABLE_EXITS_HLT))
		return -EOPNOTSUPP;
	return ioctl(kvm->fd, KVM_ENABLE_CAP, &enable) < 0 ? -errno : 0;
}

int kvm_fd(const struct kvm_vm *kvm)
{
	return kvm->dev_fd;
}

int kvm_vm_fd(const struct kvm_vm *kvm)
{
	return kvm->fd;
}

int kvm_cap(const struct kvm_vm *kvm, int cap)
{
	int ret = ioctl(kvm->fd, KVM_CHECK_EXTENSION, cap);

	return ret < 0 ? 0 : ret;
}

unsigned kvm_max_vcpus(const struct kvm_vm *kvm)
{
	return kvm->max_vcpus;
}

unsigned kvm_recommended_vcpus(const struct kvm_vm *kvm)
{
	return kvm->recommended_vcpus;
}

int kvm_set_memory(struct kvm_vm *kvm, unsigned slot, uint64_t gpa, uint64_t size,
                   void *host, unsigned flags)
{
	struct kvm_userspace_memory_region region = {
		.slot = slot,
		.flags = (flags & KVM_SLOT_READONLY ? KVM_MEM_READONLY : 0) |
		         (flags & KVM_SLOT_LOG ? KVM_MEM_LOG_DIRTY_PAGES : 0),
		.guest_phys_addr = gpa,
		.memory_size = size,
		.userspace_addr = (uintptr_t)host,
	};

	return ioctl(kvm->fd, KVM_SET_USER_MEMORY_REGION, &region) < 0 ? -errno : 0;
}

int kvm_take_dirty(struct kvm_vm *kvm, unsigned slot, uint64_t *bitmap)
{
	struct kvm_dirty_log log = { .slot = slot, .dirty_bitmap = bitmap };

	return ioctl(kvm->fd, KVM_GET_DIRTY_LOG, &log) < 0 ? -errno : 0;
}

int kvm_ioeventfd(struct kvm_vm *kvm, int fd, uint64_t addr, unsigned size,
                  const uint64_t *value, bool pio, bool add)
{
	struct kvm_ioeventfd event = {
		.datamatch = value ? *value : 0,
		.addr = addr,
		.len = size,
		.fd = fd,
		.flags = (pio ? KVM_IOEVENTFD_FLAG_PIO : 0) |
		         (value ? KVM_IOEVENTFD_FLAG_DATAMATCH : 0) |
		         (add ? 0 : KVM_IOEVENTFD_FLAG_DEASSIGN),
	};

	return ioctl(kvm->fd, KVM_IOEVENTFD, &event) < 0 ? -errno : 0;
}

int kvm_vfio_group(struct kvm_vm *kvm, int group_fd, bool add)
{
	struct kvm_create_device device = { .type = KVM_DEV_TYPE_VFIO };
	int32_t fd = group_fd;
	struct kvm_device_attr attr = {
		.group = KVM_DEV_VFIO_GROUP,
		.attr = add ? KVM_DEV_VFIO_GROUP_ADD : KVM_DEV_VFIO_GROUP_DEL,
		.addr = (uintptr_t)&fd,
	};

	if (!kvm->vfio_fd) {
		if (ioctl(kvm->fd, KVM_CREATE_DEVICE, &device) < 0)
			return -errno;
		kvm->vfio_fd = device.fd;
	}
	return ioctl(kvm->vfio_fd, KVM_SET_DEVICE_ATTR, &attr) < 0 ? -errno : 0;
}

/* ---- collected writes ---- */

/* Documentation/virt/kvm/api.rst, 4.116: KVM moves `last`, this program `first`. */
#define PAGE 4096
#define RING_MAX                                           \
	((PAGE - sizeof(struct kvm_coalesced_mmio_ring)) / \
	 sizeof(struct kvm_coalesced_mmio))

static_assert(RING_MAX < KVM_COLLECT_MAX, "a ring is one page");

void kvm_set_run_area(struct kvm_vm *kvm, void *area, size_t size)
{
	kvm->run_area = area;
	kvm->run_size = size;
	kvm->ring = NULL;
}

int kvm_collect_writes(struct kvm_vm *kvm, uint64_t gpa, uint32_t size, bool on)
{
	struct kvm_coalesced_mmio_zone zone = { .addr = gpa, .size = size };
	size_t at = (size_t)kvm_cap(kvm, KVM_CAP_COALESCED_MMIO) * PAGE;

	if (!kvm->run_area || !at || at + PAGE > kvm->run_size)
		return -ENOTSUP;
	if (ioctl(kvm->fd,
	          on ? KVM_REGISTER_COALESCED_MMIO : KVM_UNREGISTER_COALESCED_MMIO,
	          &zone) < 0)
		return -errno;
	kvm->ring = (void *)((char *)kvm->run_area + at);
	return 0;
}

bool kvm_take_write(struct kvm_vm *kvm, struct kvm_write *write)
{
	struct kvm_coalesced_mmio_ring *ring = kvm->ring;
	const struct kvm_coalesced_mmio *entry;
	uint32_t first;

	if (!ring)
		return false;
	first = ring->first;
	if (first == __atomic_load_n(&ring->last, __ATOMIC_ACQUIRE))
		return false;
	entry = &ring->coalesced_mmio[first];
	write->addr = entry->phys_addr;
	write->len = entry->len;
	memcpy(write->data, entry->data, sizeof(write->data));
	__atomic_store_n(&ring->first, (first + 1) % RING_MAX, __ATOMIC_RELEASE);
	return true;
}
