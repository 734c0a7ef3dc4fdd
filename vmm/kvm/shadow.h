/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The registers of one vCPU, as far as KVM shows them, in a structure of ours with a
 * state table: the processor's part of save, load and system reset.
 *
 * Not here: CPUID (configuration), RAM, and nested virtualization (guests are not offered
 * VMX or SVM state to save). An interrupt that is being delivered is in `events`;
 * kvm_sregs' interrupt bitmap says the same once more and is left out.
 */
#ifndef VMM_KVM_SHADOW_H
#define VMM_KVM_SHADOW_H

#include "common/err.h"
#include "common/state.h"

#include <stdbool.h>
#include <stdint.h>

struct kvm_vm;

#define SHADOW_MAX_MSRS  512
#define SHADOW_MIN_XSAVE 576 /* legacy region and header */
#define SHADOW_MAX_XSAVE 16384

/* What this host's KVM can read and write: found once, used for all vCPUs. */
struct shadow_host {
	struct kvm_vm *kvm;
	bool sregs2, xcrs, xsave2, payload, triple_fault;
	uint32_t xsave_size; /* bytes that KVM reads and writes */
	uint32_t msr_count;
	uint32_t msrs[SHADOW_MAX_MSRS]; /* readable ones; the TSC is first */
};

/* Laid out as struct kvm_regs. */
struct shadow_regs {
	uint64_t rax, rbx, rcx, rdx, rsi, rdi, rsp, rbp;
	uint64_t r8, r9, r10, r11, r12, r13, r14, r15, rip, rflags;
};

struct shadow_segment {
	uint64_t base;
	uint32_t limit;
	uint16_t selector;
	uint8_t type, present, dpl, db, s, l, g, avl, unusable, reserved;
};

struct shadow_table {
	uint64_t base;
	uint16_t limit, reserved[3];
};

/* Laid out as struct kvm_sregs2. */
struct shadow_sregs {
	struct shadow_segment cs, ds, es, fs, gs, ss, tr, ldt;
	struct shadow_table gdt, idt;
	uint64_t cr0, cr2, cr3, cr4, cr8, efer, apic_base;
	uint64_t flags; /* bit 0: pdptrs count */
	uint64_t pdptrs[4];
};

/* Laid out as struct kvm_vcpu_events. */
struct shadow_events {
	uint8_t exception_injected, exception_nr, exception_has_error, exception_pending;
	uint32_t exception_error;
	uint8_t interrupt_injected, interrupt_nr, interrupt_soft, interrupt_shadow;
	uint8_t nmi_injected, nmi_pending, nmi_masked, nmi_reserved;
	uint32_t sipi_vector, flags; /* for the calls to KVM only */
	uint8_t smi_smm, smi_pending, smi_inside_nmi, smi_latched_init;
	uint8_t triple_fault_pending;
	uint8_t reserved[26];
	uint8_t exception_has_payload;
	uint64_t exception_payload;
};

struct shadow_msr {
	uint32_t index, reserved;
	uint64_t value;
};

/* Laid out as struct kvm_msrs. */
struct shadow_msrs {
	uint32_t count, reserved;
	struct shadow_msr entries[SHADOW_MAX_MSRS];
};

struct vcpu_shadow {
	uint32_t mp_state; /* KVM_MP_STATE_* */
	uint32_t tsc_khz;  /* 0: KVM does not say */
	struct shadow_regs regs;
	struct shadow_sregs sregs;
	uint64_t debug_addr[4], dr6, dr7;
	uint64_t xcr0;
	uint32_t lapic[64]; /* by register number: the offset in the APIC page / 16 */
	struct shadow_events events;
	struct shadow_msrs msrs;
	uint32_t xsave_len; /* a multiple of 64; what follows is zero */
	uint8_t xsave[SHADOW_MAX_XSAVE];
};

/* CPUID must be set on the vCPU, because it decides which MSRs exist. Asks KVM to show
 * pending exceptions and triple faults in full. 0, or -errno with a sentence. */
int shadow_host_init(struct shadow_host *host, struct kvm_vm *kvm, int vcpu_fd,
                     struct err *err);

/* The vCPU is out of the guest, with its last exit completed. 0, or -errno with a
 * sentence that names what KVM refused; the shadow is then partly filled. */
int vcpu_shadow_read(const struct shadow_host *host, int vcpu_fd, struct vcpu_shadow *s,
                     struct err *err);

/*
 * The time stamp counter goes on (system reset), in step with those of the other vCPUs
 * whatever the guest did to it. It must be written all the same: KVM forgets a vCPU's
 * offset in a triple fault on AMD (the VMCB is made anew).
 */
#define VCPU_SHADOW_SYNC_TSC 1

/* As above; on failure the vCPU is partly written and must not run. */
int vcpu_shadow_write(const struct shadow_host *host, int vcpu_fd,
                      const struct vcpu_shadow *s, unsigned flags, struct err *err);

extern const struct state_desc vcpu_shadow_state;

#endif
