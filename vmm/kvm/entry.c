// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The processor state that firmware would leave behind, for guests that are booted
 * directly: flat segments in the wanted mode, write-back memory as the default type
 * (Intel SDM vol. 3, 12.11.2.1), fast strings enabled. Everything else stays as after a
 * processor reset.
 */
#include "vmm/kvm/vcpu.h"

#include "common/cleanup.h"
#include "vmm/kvm/internal.h"

#define CR0_PE            (1u << 0)
#define CR0_ET            (1u << 4)
#define CR0_NE            (1u << 5)
#define CR0_PG            (1u << 31)
#define CR4_PAE           (1u << 5)
#define EFER_LME          (1u << 8)
#define EFER_LMA          (1u << 10)
#define RFLAGS_FIXED      2

#define MSR_MISC_ENABLE   0x1a0
#define MSR_MTRR_DEF_TYPE 0x2ff

static struct kvm_segment flat(uint16_t selector, uint8_t type, bool is_64)
{
	return (struct kvm_segment){
		.limit = 0xffffffff,
		.selector = selector,
		.type = type,
		.present = 1,
		.s = 1,
		.g = 1,
		.db = !is_64,
		.l = is_64,
	};
}

static void set_flat(struct kvm_sregs *s, const struct vcpu_entry *entry, bool is_64)
{
	struct kvm_segment data = flat(0x18, 3, false);

	s->cs = flat(0x10, 11, is_64);
	s->ds = s->es = s->fs = s->gs = s->ss = data;
	s->tr = (struct kvm_segment){
		.limit = 0x67, .selector = 0x20, .type = 11, .present = 1
	};
	s->gdt.base = entry->gdt_base;
	s->gdt.limit = entry->gdt_limit;
	s->cr0 = CR0_PE | CR0_ET | CR0_NE;
	if (is_64) {
		s->cr0 |= CR0_PG;
		s->cr3 = entry->cr3;
		s->cr4 = CR4_PAE;
		s->efer = EFER_LME | EFER_LMA;
	}
}

static void set_real(struct kvm_sregs *s, const struct vcpu_entry *entry)
{
	s->cs.base = entry->rip & ~0xffffull;
	s->cs.selector = s->cs.base >> 4;
}

static int set_msrs(int fd)
{
	struct {
		uint32_t nmsrs, pad; /* struct kvm_msrs */
		struct kvm_msr_entry entries[2];
	} msrs = {
		.nmsrs = 2,
		.entries = { { .index = MSR_MTRR_DEF_TYPE, .data = 1 << 11 | 6 },
		             { .index = MSR_MISC_ENABLE, .data = 1 } },
	};

	/* A KVM without one of them stops there: they only speed the guest up. */
	return ioctl(fd, KVM_SET_MSRS, &msrs) < 0 ? -errno : 0;
}

int vcpus_set_entry(struct vcpus *set, const struct vcpu_entry *entry, struct err *err)
{
	struct kvm_regs regs = {
		.rip = entry->mode == VCPU_REAL16 ? entry->rip & 0xffff : entry->rip,
		.rflags = RFLAGS_FIXED,
		.rsp = entry->rsp,
		.rbp = entry->rbp,
		.rsi = entry->rsi,
		.rdi = entry->rdi,
		.rax = entry->rax,
		.rbx = entry->rbx,
		.rcx = entry->rcx,
		.rdx = entry->rdx,
	};
	int fd = vcpu_fd(set, 0);
	struct kvm_sregs sregs;

	for (unsigned i = 0; i < vcpus_count(set); i++) {
		int ret = set_msrs(vcpu_fd(set, i));

		if (ret < 0)
			return err_sys(err, -ret,
			               "KVM refuses the start-up MSRs of vCPU %u", i);
	}
	if (ioctl(fd, KVM_GET_SREGS, &sregs) < 0)
		return err_sys(err, errno, "KVM cannot read the registers of vCPU 0");
	if (entry->mode == VCPU_REAL16)
		set_real(&sregs, entry);
	else
		set_flat(&sregs, entry, entry->mode == VCPU_LONG64);
	if (ioctl(fd, KVM_SET_SREGS, &sregs) < 0 || ioctl(fd, KVM_SET_REGS, &regs) < 0)
		return err_sys(err, errno, "KVM refuses the start registers of vCPU 0");
	return 0;
}
