// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The state table of a vCPU's registers. KVM checks values against the processor; the
 * bounds here are those that KVM takes for granted, and those that make a damaged stream
 * a sentence instead of a failed ioctl.
 */
#include "vmm/kvm/shadow.h"

#include "common/cleanup.h"

#include <errno.h>

#define MP_STATE_LAST 4 /* KVM_MP_STATE_SIPI_RECEIVED; those above are not x86's */

#define REG(f)        STATE_U64_F(struct shadow_regs, f)
#define SEG8(f)       STATE_U8_F(struct shadow_segment, f)
#define SREG(f)       STATE_U64_F(struct shadow_sregs, f)
#define SREG_SEG(f)   STATE_STRUCT_F(struct shadow_sregs, f, &segment_state)
#define SREG_TABLE(f) STATE_STRUCT_F(struct shadow_sregs, f, &table_state)
#define EVENT8(f)     STATE_U8_F(struct shadow_events, f)

static const struct state_field regs_fields[] = {
	REG(rax), REG(rbx), REG(rcx), REG(rdx),    REG(rsi),    REG(rdi), REG(rsp),
	REG(rbp), REG(r8),  REG(r9),  REG(r10),    REG(r11),    REG(r12), REG(r13),
	REG(r14), REG(r15), REG(rip), REG(rflags), STATE_END_F,
};

static const struct state_desc regs_state = { .name = "registers",
	                                      .version = 1,
	                                      .fields = regs_fields };

static const struct state_field segment_fields[] = {
	STATE_U64_F(struct shadow_segment, base),
	STATE_U32_F(struct shadow_segment, limit),
	STATE_U16_F(struct shadow_segment, selector),
	SEG8(type),
	SEG8(present),
	SEG8(dpl),
	SEG8(db),
	SEG8(s),
	SEG8(l),
	SEG8(g),
	SEG8(avl),
	SEG8(unusable),
	STATE_END_F,
};

static const struct state_desc segment_state = { .name = "segment",
	                                         .version = 1,
	                                         .fields = segment_fields };

static const struct state_field table_fields[] = {
	STATE_U64_F(struct shadow_table, base),
	STATE_U16_F(struct shadow_table, limit),
	STATE_END_F,
};

static const struct state_desc table_state = { .name = "table",
	                                       .version = 1,
	                                       .fields = table_fields };

static const struct state_field sregs_fields[] = {
	SREG_SEG(cs),
	SREG_SEG(ds),
	SREG_SEG(es),
	SREG_SEG(fs),
	SREG_SEG(gs),
	SREG_SEG(ss),
	SREG_SEG(tr),
	SREG_SEG(ldt),
	SREG_TABLE(gdt),
	SREG_TABLE(idt),
	SREG(cr0),
	SREG(cr2),
	SREG(cr3),
	SREG(cr4),
	SREG(cr8),
	SREG(efer),
	SREG(apic_base),
	SREG(flags),
	STATE_U64_ARRAY(struct shadow_sregs, pdptrs, 4),
	STATE_END_F,
};

static const struct state_desc sregs_state = { .name = "special-registers",
	                                       .version = 1,
	                                       .fields = sregs_fields };

static const struct state_field events_fields[] = {
	EVENT8(exception_injected),
	EVENT8(exception_nr),
	EVENT8(exception_has_error),
	EVENT8(exception_pending),
	STATE_U32_F(struct shadow_events, exception_error),
	EVENT8(exception_has_payload),
	STATE_U64_F(struct shadow_events, exception_payload),
	EVENT8(interrupt_injected),
	EVENT8(interrupt_nr),
	EVENT8(interrupt_soft),
	EVENT8(interrupt_shadow),
	EVENT8(nmi_injected),
	EVENT8(nmi_pending),
	EVENT8(nmi_masked),
	EVENT8(smi_smm),
	EVENT8(smi_pending),
	EVENT8(smi_inside_nmi),
	EVENT8(smi_latched_init),
	EVENT8(triple_fault_pending),
	STATE_END_F,
};

static const struct state_desc events_state = { .name = "events",
	                                        .version = 1,
	                                        .fields = events_fields };

static const struct state_field msr_fields[] = {
	STATE_U32_F(struct shadow_msr, index),
	STATE_U64_F(struct shadow_msr, value),
	STATE_END_F,
};

static const struct state_desc msr_state = { .name = "msr",
	                                     .version = 1,
	                                     .fields = msr_fields };

static const struct state_field shadow_fields[] = {
	STATE_U32_F(struct vcpu_shadow, mp_state),
	STATE_U32_F(struct vcpu_shadow, tsc_khz),
	STATE_STRUCT_F(struct vcpu_shadow, regs, &regs_state),
	STATE_STRUCT_F(struct vcpu_shadow, sregs, &sregs_state),
	STATE_U64_ARRAY(struct vcpu_shadow, debug_addr, 4),
	STATE_U64_F(struct vcpu_shadow, dr6),
	STATE_U64_F(struct vcpu_shadow, dr7),
	STATE_U64_F(struct vcpu_shadow, xcr0),
	STATE_U32_ARRAY(struct vcpu_shadow, lapic, 64),
	STATE_STRUCT_F(struct vcpu_shadow, events, &events_state),
	STATE_STRUCT_VARRAY(struct vcpu_shadow, msrs.entries, SHADOW_MAX_MSRS, msrs.count,
	                    &msr_state),
	STATE_VBYTES_F(struct vcpu_shadow, xsave, xsave_len),
	STATE_END_F,
};

/* KVM takes one bit per attribute and cuts the rest off, or not, depending on version. */
static int check_segments(const struct shadow_sregs *s, struct err *err)
{
	static const char *const names[] = { "cs", "ds", "es", "fs",
		                             "gs", "ss", "tr", "ldt" };
	const struct shadow_segment *seg = &s->cs;

	for (unsigned i = 0; i < ARRAY_SIZE(names); i++, seg++)
		if (seg->type > 15 || seg->dpl > 3 ||
		    (seg->present | seg->db | seg->s | seg->l | seg->g | seg->avl |
		     seg->unusable) > 1)
			return err_set(err, EINVAL,
			               "segment register %s has attributes that no "
			               "processor has",
			               names[i]);
	return 0;
}

static int check_events(const struct shadow_events *e, struct err *err)
{
	const struct {
		const char *name;
		uint8_t value, max;
	} limits[] = {
		{ "exception_injected", e->exception_injected, 1 },
		{ "exception_nr", e->exception_nr, 31 },
		{ "exception_has_error", e->exception_has_error, 1 },
		{ "exception_pending", e->exception_pending, 1 },
		{ "exception_has_payload", e->exception_has_payload, 1 },
		{ "interrupt_injected", e->interrupt_injected, 1 },
		{ "interrupt_soft", e->interrupt_soft, 1 },
		{ "interrupt_shadow", e->interrupt_shadow, 3 },
		{ "nmi_injected", e->nmi_injected, 1 },
		{ "nmi_pending", e->nmi_pending, 2 },
		{ "nmi_masked", e->nmi_masked, 1 },
		{ "smi_smm", e->smi_smm, 1 },
		{ "smi_pending", e->smi_pending, 1 },
		{ "smi_inside_nmi", e->smi_inside_nmi, 1 },
		{ "smi_latched_init", e->smi_latched_init, 1 },
		{ "triple_fault_pending", e->triple_fault_pending, 1 },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(limits); i++)
		if (limits[i].value > limits[i].max)
			return err_set(err, EINVAL, "event %s is %u, at most %u is valid",
			               limits[i].name, limits[i].value, limits[i].max);
	return 0;
}

static int validate(const void *obj, struct err *err)
{
	const struct vcpu_shadow *s = obj;
	int ret;

	if (s->mp_state > MP_STATE_LAST)
		return err_set(err, EINVAL, "run state %u is not known", s->mp_state);
	if (s->sregs.flags > 1)
		return err_set(err, EINVAL, "special registers have unknown flags 0x%llx",
		               (unsigned long long)s->sregs.flags);
	if (s->xsave_len % 64 || s->xsave_len < SHADOW_MIN_XSAVE)
		return err_set(err, EINVAL, "extended registers take %u bytes",
		               s->xsave_len);
	ret = check_segments(&s->sregs, err);
	return ret < 0 ? ret : check_events(&s->events, err);
}

const struct state_desc vcpu_shadow_state = {
	.name = "kvm-vcpu",
	.version = 1,
	.fields = shadow_fields,
	.validate = validate,
};
