/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of kvm/ share; includes the kernel's header, so only they may include
 * it. */
#ifndef VMM_KVM_INTERNAL_H
#define VMM_KVM_INTERNAL_H

#include "vmm/kvm/irqchip.h"
#include "vmm/kvm/kvm.h"
#include "vmm/kvm/vcpu.h"

#include <errno.h>
#include <linux/kvm.h>
#include <stddef.h>
#include <sys/ioctl.h>

struct strbuf;

/* Where vCPU 0's run area is, which has a page for collected writes; NULL: no longer. */
void kvm_set_run_area(struct kvm_vm *kvm, void *area, size_t size);

/* Reads guest RAM; 0 or -errno. */
typedef int vcpu_peek_fn(void *opaque, uint64_t gpa, void *buf, size_t len);

/* Registers of the vCPU behind fd, and more. */
void vcpu_dump_fd(int fd, unsigned index, enum vcpu_dump what, vcpu_peek_fn *peek,
                  void *opaque, struct strbuf *out);

struct irqchip {
	struct kvm_vm *kvm; /* NULL: a board without KVM */
	struct kvm_irq_routing *table;
	unsigned cap;     /* entries that fit table */
	bool changed;     /* table differs from what KVM has */
	uint64_t *in_use; /* bit per MSI route, from IRQCHIP_GSIS on */
	unsigned max_routes;
	/* without KVM: what tests look at */
	uint32_t test_levels;
	unsigned test_edges[IRQCHIP_GSIS];
	unsigned test_msis;
	struct msi_msg test_last;
};

#endif
