// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * In-kernel chips between KVM and their shadow, and the shadow's state table. KVM copies
 * most of it without looking, so validate() bounds what its code later relies on.
 */
#include "vmm/kvm/chips.h"

#include "common/cleanup.h"
#include "vmm/kvm/internal.h"

#include <string.h>

#define IOAPIC_BASE   0xfec00000ull
#define PIT_MODE_NONE 0xff /* KVM's mode of a channel that was never programmed */

_Static_assert(sizeof(struct chips_pic) == sizeof(struct kvm_pic_state), "pic");
_Static_assert(offsetof(struct chips_pic, elcr_mask) ==
                       offsetof(struct kvm_pic_state, elcr_mask),
               "pic");

static const char *const chip_names[] = {
	[KVM_IRQCHIP_PIC_MASTER] = "first PIC",
	[KVM_IRQCHIP_PIC_SLAVE] = "second PIC",
	[KVM_IRQCHIP_IOAPIC] = "IOAPIC",
};

/* ---- reading ---- */

static int get_chip(int fd, unsigned id, struct kvm_irqchip *chip, struct err *err)
{
	*chip = (struct kvm_irqchip){ .chip_id = id };
	if (ioctl(fd, KVM_GET_IRQCHIP, chip) < 0)
		return err_sys(err, errno, "KVM cannot read the %s", chip_names[id]);
	return 0;
}

static int get_ioapic(int fd, struct chips_ioapic *s, struct err *err)
{
	struct kvm_irqchip chip;
	const struct kvm_ioapic_state *k = &chip.chip.ioapic;
	int ret = get_chip(fd, KVM_IRQCHIP_IOAPIC, &chip, err);

	if (ret < 0)
		return ret;
	*s = (struct chips_ioapic){
		.base_address = k->base_address,
		.ioregsel = k->ioregsel,
		.id = k->id,
		.irr = k->irr,
	};
	for (unsigned i = 0; i < ARRAY_SIZE(s->redirtbl); i++)
		s->redirtbl[i] = k->redirtbl[i].bits;
	return 0;
}

static int get_pit(int fd, struct chips_shadow *s, struct err *err)
{
	struct kvm_pit_state2 pit = { .flags = 0 };

	/* ENXIO: -machine pit=off */
	if (ioctl(fd, KVM_GET_PIT2, &pit) < 0 && errno != ENXIO)
		return err_sys(err, errno, "KVM cannot read the interval timer");
	for (unsigned i = 0; i < ARRAY_SIZE(s->pit); i++) {
		const struct kvm_pit_channel_state *k = &pit.channels[i];

		s->pit[i] = (struct chips_pit_channel){
			.count = k->count,
			.latched_count = k->latched_count,
			.count_latched = k->count_latched,
			.status_latched = k->status_latched,
			.status = k->status,
			.read_state = k->read_state,
			.write_state = k->write_state,
			.write_latch = k->write_latch,
			.rw_mode = k->rw_mode,
			.mode = k->mode,
			.bcd = k->bcd,
			.gate = k->gate,
		};
	}
	s->pit_flags = pit.flags;
	return 0;
}

int chips_shadow_read(struct kvm_vm *kvm, struct chips_shadow *s, struct err *err)
{
	int fd = kvm_vm_fd(kvm), ret = get_ioapic(fd, &s->ioapic, err);

	for (unsigned i = 0; i < ARRAY_SIZE(s->pic) && ret >= 0; i++) {
		struct kvm_irqchip chip;

		ret = get_chip(fd, i, &chip, err);
		if (ret >= 0)
			memcpy(&s->pic[i], &chip.chip.pic, sizeof(s->pic[i]));
	}
	if (ret >= 0)
		ret = get_pit(fd, s, err);
	return ret < 0 ? ret : chips_clock_read(kvm, &s->clock, err);
}

int chips_clock_read(struct kvm_vm *kvm, uint64_t *ns, struct err *err)
{
	struct kvm_clock_data clock = { 0 };

	if (ioctl(kvm_vm_fd(kvm), KVM_GET_CLOCK, &clock) < 0)
		return err_sys(err, errno, "KVM cannot read the paravirtual clock");
	*ns = clock.clock;
	return 0;
}

/* ---- writing ---- */

static int set_chip(int fd, struct kvm_irqchip *chip, struct err *err)
{
	if (ioctl(fd, KVM_SET_IRQCHIP, chip) < 0)
		return err_sys(err, errno, "KVM refuses the state of the %s",
		               chip_names[chip->chip_id]);
	return 0;
}

static int set_ioapic(int fd, const struct chips_ioapic *s, struct err *err)
{
	struct kvm_irqchip chip = { .chip_id = KVM_IRQCHIP_IOAPIC };
	struct kvm_ioapic_state *k = &chip.chip.ioapic;

	k->base_address = s->base_address;
	k->ioregsel = s->ioregsel;
	k->id = s->id;
	k->irr = s->irr;
	for (unsigned i = 0; i < ARRAY_SIZE(s->redirtbl); i++)
		k->redirtbl[i].bits = s->redirtbl[i];
	return set_chip(fd, &chip, err);
}

static int set_pit(int fd, const struct chips_shadow *s, struct err *err)
{
	struct kvm_pit_state2 pit = { .flags = s->pit_flags };

	for (unsigned i = 0; i < ARRAY_SIZE(s->pit); i++) {
		const struct chips_pit_channel *c = &s->pit[i];

		pit.channels[i] = (struct kvm_pit_channel_state){
			.count = c->count,
			.latched_count = c->latched_count,
			.count_latched = c->count_latched,
			.status_latched = c->status_latched,
			.status = c->status,
			.read_state = c->read_state,
			.write_state = c->write_state,
			.write_latch = c->write_latch,
			.rw_mode = c->rw_mode,
			.mode = c->mode,
			.bcd = c->bcd,
			.gate = c->gate,
		};
	}
	if (ioctl(fd, KVM_SET_PIT2, &pit) < 0 && errno != ENXIO)
		return err_sys(err, errno, "KVM refuses the state of the interval timer");
	return 0;
}

int chips_clock_write(struct kvm_vm *kvm, uint64_t ns, struct err *err)
{
	struct kvm_clock_data clock = { .clock = ns };

	if (ioctl(kvm_vm_fd(kvm), KVM_SET_CLOCK, &clock) < 0)
		return err_sys(err, errno, "KVM refuses the paravirtual clock's time");
	return 0;
}

void chips_clock_gap(int vcpu_fd)
{
	/* -EINVAL: the guest has no such clock. */
	ioctl(vcpu_fd, KVM_KVMCLOCK_CTRL, 0);
}

int chips_shadow_write(struct kvm_vm *kvm, const struct chips_shadow *s, unsigned flags,
                       struct err *err)
{
	int fd = kvm_vm_fd(kvm), ret = 0;

	/* The timer last: it may raise its line at once. */
	for (unsigned i = 0; i < ARRAY_SIZE(s->pic) && ret >= 0; i++) {
		struct kvm_irqchip chip = { .chip_id = i };

		memcpy(&chip.chip.pic, &s->pic[i], sizeof(s->pic[i]));
		ret = set_chip(fd, &chip, err);
	}
	if (ret >= 0)
		ret = set_ioapic(fd, &s->ioapic, err);
	if (ret >= 0 && !(flags & CHIPS_SHADOW_KEEP_CLOCK))
		ret = chips_clock_write(kvm, s->clock, err);
	return ret < 0 ? ret : set_pit(fd, s, err);
}

/* ---- the state table ---- */

#define PIC8(f)     STATE_U8_F(struct chips_pic, f)
#define CHANNEL8(f) STATE_U8_F(struct chips_pit_channel, f)

static const struct state_field pic_fields[] = {
	PIC8(last_irr),
	PIC8(irr),
	PIC8(imr),
	PIC8(isr),
	PIC8(priority_add),
	PIC8(irq_base),
	PIC8(read_reg_select),
	PIC8(poll),
	PIC8(special_mask),
	PIC8(init_state),
	PIC8(auto_eoi),
	PIC8(rotate_on_auto_eoi),
	PIC8(special_fully_nested_mode),
	PIC8(init4),
	PIC8(elcr),
	PIC8(elcr_mask),
	STATE_END_F,
};

static const struct state_desc pic_state = { .name = "pic",
	                                     .version = 1,
	                                     .fields = pic_fields };

static const struct state_field ioapic_fields[] = {
	STATE_U64_F(struct chips_ioapic, base_address),
	STATE_U32_F(struct chips_ioapic, ioregsel),
	STATE_U32_F(struct chips_ioapic, id),
	STATE_U32_F(struct chips_ioapic, irr),
	STATE_U64_ARRAY(struct chips_ioapic, redirtbl, 24),
	STATE_END_F,
};

static const struct state_desc ioapic_state = { .name = "ioapic",
	                                        .version = 1,
	                                        .fields = ioapic_fields };

static const struct state_field channel_fields[] = {
	STATE_U32_F(struct chips_pit_channel, count),
	STATE_U16_F(struct chips_pit_channel, latched_count),
	CHANNEL8(count_latched),
	CHANNEL8(status_latched),
	CHANNEL8(status),
	CHANNEL8(read_state),
	CHANNEL8(write_state),
	CHANNEL8(write_latch),
	CHANNEL8(rw_mode),
	CHANNEL8(mode),
	CHANNEL8(bcd),
	CHANNEL8(gate),
	STATE_END_F,
};

static const struct state_desc channel_state = { .name = "pit-channel",
	                                         .version = 1,
	                                         .fields = channel_fields };

static const struct state_field chips_fields[] = {
	STATE_STRUCT_ARRAY(struct chips_shadow, pic, 2, &pic_state),
	STATE_STRUCT_F(struct chips_shadow, ioapic, &ioapic_state),
	STATE_STRUCT_ARRAY(struct chips_shadow, pit, 3, &channel_state),
	STATE_U32_F(struct chips_shadow, pit_flags),
	STATE_U64_F(struct chips_shadow, clock),
	STATE_END_F,
};

static int check_channel(const struct chips_pit_channel *c, unsigned n, struct err *err)
{
	/* A counter of 0 stands for 65536, which is how KVM keeps it. */
	if (!c->count || c->count > 65536)
		return err_set(err, EINVAL, "timer channel %u counts from %u", n,
		               c->count);
	if ((c->mode > 5 && c->mode != PIT_MODE_NONE) || c->read_state > 4 ||
	    c->write_state > 4 || c->rw_mode > 4 || c->count_latched > 4)
		return err_set(err, EINVAL, "timer channel %u is in an unknown mode", n);
	return 0;
}

static int validate(const void *obj, struct err *err)
{
	const struct chips_shadow *s = obj;
	int ret = 0;

	if (s->ioapic.base_address != IOAPIC_BASE)
		return err_set(err, EINVAL, "the IOAPIC is at 0x%llx there, not 0x%llx",
		               (unsigned long long)s->ioapic.base_address, IOAPIC_BASE);
	for (unsigned i = 0; i < ARRAY_SIZE(s->pic); i++)
		if (s->pic[i].priority_add > 7 || s->pic[i].init_state > 3)
			return err_set(err, EINVAL, "%s is in an unknown state",
			               chip_names[i]);
	for (unsigned i = 0; i < ARRAY_SIZE(s->pit) && ret >= 0; i++)
		ret = check_channel(&s->pit[i], i, err);
	if (ret >= 0 &&
	    s->pit_flags & ~(KVM_PIT_FLAGS_HPET_LEGACY | KVM_PIT_FLAGS_SPEAKER_DATA_ON))
		return err_set(err, EINVAL, "the interval timer has unknown flags 0x%x",
		               s->pit_flags);
	return ret;
}

const struct state_desc chips_shadow_state = {
	.name = "kvm-chips",
	.version = 1,
	.fields = chips_fields,
	.validate = validate,
};
