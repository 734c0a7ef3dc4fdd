/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One virtual machine of /dev/kvm: capabilities, memory slots, ioeventfds. The only
 * folder of the VMM that knows <linux/kvm.h> (see Documentation/virt/kvm/api.rst for the
 * ioctls).
 */
#ifndef VMM_KVM_KVM_H
#define VMM_KVM_KVM_H

#include "common/err.h"

#include <stdbool.h>
#include <stdint.h>

struct kvm_vm;

/* Opens the device (path NULL: /dev/kvm), checks API 12 and what this VMM needs, creates
 * the VM. A failure is marked as the host's (err->host). */
struct kvm_vm *kvm_vm_new(const char *path, struct err *err);
void kvm_vm_free(struct kvm_vm *kvm);

/* File descriptors, for the rest of this folder and for the vfio device. */
int kvm_fd(const struct kvm_vm *kvm);
int kvm_vm_fd(const struct kvm_vm *kvm);
/* KVM_CHECK_EXTENSION on the VM; 0 when absent or failing. cap: KVM_CAP_*. */
int kvm_cap(const struct kvm_vm *kvm, int cap);
/* The most vCPUs KVM allows, and the number it recommends. */
unsigned kvm_max_vcpus(const struct kvm_vm *kvm);
unsigned kvm_recommended_vcpus(const struct kvm_vm *kvm);

/* Lets guests halt and pause without leaving the guest: the host's CPU is theirs alone.
 * Before the first vCPU. -errno. */
int kvm_keep_idle(struct kvm_vm *kvm);

enum kvm_slot_flags {
	KVM_SLOT_READONLY = 1 << 0,
	KVM_SLOT_LOG = 1 << 1, /* KVM notes which pages vCPUs write */
};

/* Sets (size 0: deletes) a memory slot, or changes whether it is logged. flags: enum
 * kvm_slot_flags. 0 or -errno. */
int kvm_set_memory(struct kvm_vm *kvm, unsigned slot, uint64_t gpa, uint64_t size,
                   void *host, unsigned flags);
/* Copies the log of a slot, one bit for each 4 KiB page, and empties it. 0 or -errno. */
int kvm_take_dirty(struct kvm_vm *kvm, unsigned slot, uint64_t *bitmap);
/* Adds or removes an ioeventfd; value NULL: any value; size 0: any size. 0 or -errno. */
int kvm_ioeventfd(struct kvm_vm *kvm, int fd, uint64_t addr, unsigned size,
                  const uint64_t *value, bool pio, bool add);
/* Tells KVM of a VFIO group whose devices the guest has, or takes it back: it then
 * honours what the guest says about caches where they need it. -errno; most do without.
 */
int kvm_vfio_group(struct kvm_vm *kvm, int group_fd, bool add);

/* Has KVM collect what vCPUs write to [gpa, gpa + size), where no RAM is, instead of
 * leaving the guest for each write; or ends that. With vCPUs. 0 or -errno (-ENOTSUP). */
int kvm_collect_writes(struct kvm_vm *kvm, uint64_t gpa, uint32_t size, bool on);

#define KVM_COLLECT_MAX 256 /* more are never there */

struct kvm_write {
	uint64_t addr;
	uint8_t data[8];
	unsigned len;
};

/* Takes the oldest of what is collected, of all vCPUs; false: there is nothing. One
 * thread at a time. */
bool kvm_take_write(struct kvm_vm *kvm, struct kvm_write *write);

#endif
