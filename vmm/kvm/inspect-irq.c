// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The interrupt chips as text, from their shadow (8259A and 82093AA data sheets) and from
 * the registers of a local APIC (Intel SDM volume 3, 11.4), in the layout that people
 * know from QEMU's monitor.
 */
#include "vmm/kvm/inspect.h"

#include "common/bytes.h"
#include "common/cleanup.h"
#include "vmm/kvm/chips.h"
#include "vmm/kvm/internal.h"

/* Bits of an IOAPIC entry and of a local vector table entry. */
enum {
	ENTRY_LOGICAL = 1 << 11,
	ENTRY_ACTIVE_LOW = 1 << 13,
	ENTRY_REMOTE_IRR = 1 << 14,
	ENTRY_LEVEL = 1 << 15,
	ENTRY_MASKED = 1 << 16,
};

static const char *const delivery[] = { "fixed", "lowest", "SMI",  "reserved",
	                                "NMI",   "INIT",   "SIPI", "ExtINT" };

static const char *const lvt_delivery[] = { "Fixed", "...",  "SMI",  "...",
	                                    "NMI",   "INIT", "SIPI", "ExtINT" };

enum { NMI = 4 };

static void add_entry(struct strbuf *out, uint32_t low)
{
	strbuf_addf(out, "vec=%-3u %s %s%s %-6s", low & 0xff,
	            low & ENTRY_ACTIVE_LOW ? "active-lo" : "active-hi",
	            low & ENTRY_LEVEL ? "level" : "edge ",
	            low & ENTRY_MASKED ? " masked" : "       ", delivery[low >> 8 & 7]);
}

static void add_pins(struct strbuf *out, const char *name, uint32_t pins)
{
	strbuf_addf(out, "  %-8s", name);
	for (unsigned i = 0; i < 24; i++)
		if (pins >> i & 1)
			strbuf_addf(out, " %u", i);
	strbuf_adds(out, pins ? "\n" : " (none)\n");
}

int inspect_pic(struct kvm_vm *kvm, struct strbuf *out, struct err *err)
{
	struct chips_shadow s;
	uint32_t remote = 0;
	int ret = chips_shadow_read(kvm, &s, err);

	if (ret < 0)
		return ret;
	strbuf_addf(out, "ioapic0: ver=0x11 id=0x%02x sel=0x%02x\n", s.ioapic.id,
	            s.ioapic.ioregsel);
	for (unsigned i = 0; i < ARRAY_SIZE(s.ioapic.redirtbl); i++) {
		uint64_t entry = s.ioapic.redirtbl[i];

		strbuf_addf(out, "  pin %-2u 0x%016llx dest=%llx ", i,
		            (unsigned long long)entry, (unsigned long long)entry >> 56);
		add_entry(out, entry);
		remote |= (uint32_t) !!(entry & ENTRY_REMOTE_IRR) << i;
		strbuf_adds(out, entry & ENTRY_LOGICAL ? " logical\n" : " physical\n");
	}
	add_pins(out, "IRR", s.ioapic.irr);
	add_pins(out, "Remote IRR", remote);
	for (unsigned i = ARRAY_SIZE(s.pic); i-- > 0;)
		strbuf_addf(out,
		            "pic%u: irr=%02x imr=%02x isr=%02x hprio=%u irq_base=%02x "
		            "rr_sel=%u elcr=%02x fnm=%u\n",
		            i, s.pic[i].irr, s.pic[i].imr, s.pic[i].isr,
		            s.pic[i].priority_add, s.pic[i].irq_base,
		            s.pic[i].read_reg_select, s.pic[i].elcr,
		            s.pic[i].special_fully_nested_mode);
	return 0;
}

int inspect_lines(struct kvm_vm *kvm, uint32_t *lines, struct err *err)
{
	struct chips_shadow s;
	int ret = chips_shadow_read(kvm, &s, err);

	if (ret >= 0)
		*lines = s.ioapic.irr | s.pic[0].irr | s.pic[1].irr << 8;
	return ret;
}

/* ---- local APIC ---- */

static uint32_t apic_register(const struct kvm_lapic_state *apic, unsigned offset)
{
	return ld32((const uint8_t *)apic->regs + offset);
}

/* 256 bits in eight registers, as the list of those that are set. */
static void add_vectors(struct strbuf *out, const char *name,
                        const struct kvm_lapic_state *apic, unsigned offset)
{
	bool any = false;

	strbuf_addf(out, "%s\t", name);
	for (unsigned i = 0; i < 256; i++) {
		if (!(apic_register(apic, offset + i / 32 * 16) >> i % 32 & 1))
			continue;
		strbuf_addf(out, " %u", i);
		any = true;
	}
	strbuf_adds(out, any ? "\n" : " (none)\n");
}

/* An entry of the local vector table. */
static void add_lvt(struct strbuf *out, const char *name, uint32_t lvt)
{
	static const char *const timers[] = { "one-shot", "periodic", "tsc-deadline",
		                              "reserved" };
	bool timer = !strcmp(name, "LVTT");

	strbuf_addf(out, "%s\t 0x%08x %s %-5s %-6s %-11s %-6s", name, lvt,
	            lvt & ENTRY_ACTIVE_LOW ? "active-lo" : "active-hi",
	            lvt & ENTRY_LEVEL ? "level" : "edge",
	            lvt & ENTRY_MASKED ? "masked" : "",
	            timer ? timers[lvt >> 17 & 3] : "", lvt_delivery[lvt >> 8 & 7]);
	strbuf_addf(out, (lvt >> 8 & 7) == NMI ? "\n" : " (vec %u)\n", lvt & 0xff);
}

static void add_spiv_and_icr(struct strbuf *out, const struct kvm_lapic_state *apic)
{
	static const char *const shorthands[] = { "no-shorthand", "self", "all-self",
		                                  "all" };
	uint32_t spiv = apic_register(apic, 0xf0), icr = apic_register(apic, 0x300),
		 icr2 = apic_register(apic, 0x310);

	strbuf_addf(out, "SPIV\t 0x%08x APIC %s, focus=%s, spurious vec %u\n", spiv,
	            spiv & 1 << 8 ? "enabled" : "disabled", spiv & 1 << 9 ? "on" : "off",
	            spiv & 0xff);
	strbuf_addf(out, "ICR\t 0x%08x %s %s %s %s\n", icr,
	            icr & ENTRY_LOGICAL ? "logical" : "physical",
	            icr & ENTRY_LEVEL ? "level" : "edge",
	            icr & 1 << 14 ? "assert" : "de-assert", shorthands[icr >> 18 & 3]);
	strbuf_addf(out, "ICR2\t 0x%08x\n", icr2);
}

int inspect_lapic(int fd, unsigned index, struct strbuf *out, struct err *err)
{
	static const struct {
		const char *name;
		unsigned offset;
	} lvts[] = { { "LVT0", 0x350 },   { "LVT1", 0x360 },    { "LVTPC", 0x340 },
		     { "LVTERR", 0x370 }, { "LVTTHMR", 0x330 }, { "LVTT", 0x320 } };
	struct kvm_lapic_state apic;
	uint32_t divide;

	if (ioctl(fd, KVM_GET_LAPIC, &apic) < 0)
		return err_sys(err, errno, "KVM cannot read the local APIC");
	strbuf_addf(out, "dumping local APIC state for CPU %u\n\n", index);
	for (unsigned i = 0; i < ARRAY_SIZE(lvts); i++)
		add_lvt(out, lvts[i].name, apic_register(&apic, lvts[i].offset));
	divide = apic_register(&apic, 0x3e0);
	/* Bits 3, 1 and 0: a power of two, one more than their number, but 7 is 1. */
	strbuf_addf(
		out,
		"Timer\t DCR=0x%x (divide by %u) initial_count = %u current_count = %u\n",
		divide, 1u << (((divide & 3) | (divide >> 1 & 4)) + 1) % 8,
		apic_register(&apic, 0x380), apic_register(&apic, 0x390));
	add_spiv_and_icr(out, &apic);
	strbuf_addf(out, "ESR\t 0x%08x\n", apic_register(&apic, 0x280));
	add_vectors(out, "ISR", &apic, 0x100);
	add_vectors(out, "IRR", &apic, 0x200);
	strbuf_addf(out, "\nAPR 0x%02x TPR 0x%02x DFR 0x%02x LDR 0x%02x PPR 0x%02x\n",
	            apic_register(&apic, 0x90), apic_register(&apic, 0x80),
	            apic_register(&apic, 0xe0) >> 28, apic_register(&apic, 0xd0) >> 24,
	            apic_register(&apic, 0xa0));
	return 0;
}
