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
	ENTRY_LEVEL = 1 << 15,
	ENTRY_MASKED = 1 << 16,
};

static const char *const delivery[] = { "fixed", "lowest", "SMI",  "reserved",
	                                "NMI",   "INIT",   "SIPI", "ExtINT" };

static void add_entry(struct strbuf *out, uint32_t low)
{
	strbuf_addf(out, "vec=%-3u %s %s%s %s", low & 0xff,
	            low & ENTRY_ACTIVE_LOW ? "active-lo" : "active-hi",
	            low & ENTRY_LEVEL ? "level" : "edge ",
	            low & ENTRY_MASKED ? " masked" : "       ", delivery[low >> 8 & 7]);
}

int inspect_pic(struct kvm_vm *kvm, struct strbuf *out, struct err *err)
{
	struct chips_shadow s;
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
		strbuf_adds(out, entry & ENTRY_LOGICAL ? " logical\n" : " physical\n");
	}
	strbuf_addf(out, "  IRR      0x%06x\n", s.ioapic.irr);
	for (unsigned i = 0; i < ARRAY_SIZE(s.pic); i++)
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

int inspect_lapic(int fd, unsigned index, struct strbuf *out, struct err *err)
{
	static const struct {
		const char *name;
		unsigned offset;
	} vectors[] = { { "LVTT", 0x320 }, { "LVTTHMR", 0x330 }, { "LVTPC", 0x340 },
		        { "LVT0", 0x350 }, { "LVT1", 0x360 },    { "LVTERR", 0x370 } },
	  plain[] = { { "ID", 0x20 },          { "SPIV", 0xf0 },      { "TPR", 0x80 },
		      { "PPR", 0xa0 },         { "LDR", 0xd0 },       { "DFR", 0xe0 },
		      { "ESR", 0x280 },        { "ICR", 0x300 },      { "ICR2", 0x310 },
		      { "TIMER-INIT", 0x380 }, { "TIMER-DIV", 0x3e0 } };
	struct kvm_lapic_state apic;

	if (ioctl(fd, KVM_GET_LAPIC, &apic) < 0)
		return err_sys(err, errno, "KVM cannot read the local APIC");
	strbuf_addf(out, "dumping local APIC state for CPU %u\n\n", index);
	for (unsigned i = 0; i < ARRAY_SIZE(vectors); i++) {
		uint32_t entry = apic_register(&apic, vectors[i].offset);

		strbuf_addf(out, "%s\t 0x%08x ", vectors[i].name, entry);
		add_entry(out, entry);
		strbuf_addc(out, '\n');
	}
	for (unsigned i = 0; i < ARRAY_SIZE(plain); i++)
		strbuf_addf(out, "%s\t 0x%08x\n", plain[i].name,
		            apic_register(&apic, plain[i].offset));
	add_vectors(out, "ISR", &apic, 0x100);
	add_vectors(out, "IRR", &apic, 0x200);
	return 0;
}
