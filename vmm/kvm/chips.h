/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The state of KVM's in-kernel chips that belong to the board: both PICs, the IOAPIC, the
 * interval timer and the paravirtual clock. (Local APICs are part of a vCPU's shadow.)
 *
 * Not here: the levels of the interrupt lines, which devices drive again after a load,
 * and the time since a PIT channel was loaded, which KVM cannot take over: a running
 * period starts anew.
 */
#ifndef VMM_KVM_CHIPS_H
#define VMM_KVM_CHIPS_H

#include "common/err.h"
#include "common/state.h"

#include <stdint.h>

struct kvm_vm;

/* Laid out as struct kvm_pic_state. */
struct chips_pic {
	uint8_t last_irr, irr, imr, isr, priority_add, irq_base, read_reg_select, poll;
	uint8_t special_mask, init_state, auto_eoi, rotate_on_auto_eoi;
	uint8_t special_fully_nested_mode, init4, elcr, elcr_mask;
};

struct chips_ioapic {
	uint64_t base_address;
	uint32_t ioregsel, id, irr;
	uint64_t redirtbl[24];
};

struct chips_pit_channel {
	uint32_t count; /* 1 to 65536 */
	uint16_t latched_count;
	uint8_t count_latched, status_latched, status, read_state, write_state;
	uint8_t write_latch, rw_mode, mode, bcd, gate;
};

struct chips_shadow {
	struct chips_pic pic[2];
	struct chips_ioapic ioapic;
	struct chips_pit_channel pit[3];
	uint32_t pit_flags;
	uint64_t clock; /* ns of the paravirtual clock */
};

/* vCPUs are out of the guest. 0, or -errno with a sentence. */
int chips_shadow_read(struct kvm_vm *kvm, struct chips_shadow *s, struct err *err);

/* The clock goes on as it is (system reset). */
#define CHIPS_SHADOW_KEEP_CLOCK 1

/* After the vCPUs' shadows: a pending interrupt reaches the local APICs at once. */
int chips_shadow_write(struct kvm_vm *kvm, const struct chips_shadow *s, unsigned flags,
                       struct err *err);

/* The paravirtual clock alone, in ns: a machine that is stopped stops it. 0, or -errno
 * with a sentence. */
int chips_clock_read(struct kvm_vm *kvm, uint64_t *ns, struct err *err);
int chips_clock_write(struct kvm_vm *kvm, uint64_t ns, struct err *err);
/* Tells the guest on this vCPU that it was stopped for a while, so that its watchdogs
 * forgive the gap; a guest without the paravirtual clock is not told. */
void chips_clock_gap(int vcpu_fd);

extern const struct state_desc chips_shadow_state;

#endif
