// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ACPI tables (ACPI 6.4, chapter 5; the WAET has a document of its own).
 *
 * All tables lie in one block that starts with the RSDP. For a direct boot it is put
 * together with its final addresses and written to guest RAM in one piece; firmware gets
 * it with a list of the places that depend on where it puts the tables. The DSDT comes
 * from dsdt.asl; the few facts that differ from machine to machine are set in named
 * values of it. A machine with hot-plug has an SSDT from hotplug.asl. Runs before the
 * vCPUs, or while they are stopped for a reset.
 */
#include "vmm/machine/acpi.h"

#include "common/bytes.h"
#include "vmm/mem/mem.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

extern const uint8_t acpi_dsdt[], acpi_dsdt_end[]; /* dsdt.S */
extern const uint8_t acpi_hotplug[], acpi_hotplug_end[];

enum {
	HEADER_LEN = 36,
	FACS_LEN = 64,
	FADT_LEN = 276,
	MAX_TABLES = 8, /* in the XSDT */
};

struct builder {
	struct acpi_blob *blob;
	uint8_t *buf;
	uint32_t base; /* address of the buffer; wraps around where firmware chooses it */
	size_t used;
	uint32_t tables[MAX_TABLES]; /* what the RSDT and XSDT list */
	unsigned count;
};

static uint32_t gpa_of(const struct builder *b, const uint8_t *p)
{
	return b->base + (uint32_t)(p - b->buf);
}

static void add_fixup(struct builder *b, const struct acpi_fixup *fixup)
{
	b->blob->fixups[b->blob->fixup_count++] = *fixup;
}

/* Stores the address of a table. */
static void point(struct builder *b, uint8_t *at, unsigned size, uint32_t address)
{
	stn(at, size, address);
	add_fixup(b, &(struct acpi_fixup){ .at = at - b->buf, .pointer_size = size });
}

/* Zeroed room; the caller of acpi_write() checked that everything fits. */
static uint8_t *reserve(struct builder *b, size_t len, size_t align)
{
	uint8_t *p = b->buf + align_up(b->used, align);

	b->used = p - b->buf + len;
	return p;
}

static void set_checksum(struct builder *b, uint8_t *data, size_t len, size_t at)
{
	uint8_t sum = 0;

	data[at] = 0;
	for (size_t i = 0; i < len; i++)
		sum += data[i];
	data[at] = -sum;
	add_fixup(b, &(struct acpi_fixup){
			     .at = data + at - b->buf,
			     .start = data - b->buf,
			     .len = len,
		     });
}

/* A table with its standard header (5.2.6). The checksum is set by finish(). */
static uint8_t *table(struct builder *b, const char *signature, uint8_t revision,
                      size_t len)
{
	uint8_t *t = reserve(b, len, 16);

	memcpy(t, signature, 4);
	st32(t + 4, len);
	t[8] = revision;
	memcpy(t + 10, "KVMKIT", 6);
	memcpy(t + 16, "KVMKPC\0\0", 8);
	st32(t + 24, 1);
	memcpy(t + 28, "KVMK", 4);
	st32(t + 32, 1);
	return t;
}

static void finish(struct builder *b, uint8_t *t)
{
	set_checksum(b, t, ld32(t + 4), 9);
}

static void list(struct builder *b, uint8_t *t)
{
	finish(b, t);
	b->tables[b->count++] = gpa_of(b, t);
}

/* ---- DSDT ---- */

/* Finds Name (NAME, value) with a value of `size` bytes: NameOp, the name, then the
 * prefix of 1 (0x0a), 2 (0x0b), 4 (0x0c) or 8 bytes (0x0e). */
static void set_name(uint8_t *aml, size_t len, const char *name, unsigned size,
                     uint64_t value)
{
	static const uint8_t prefixes[] = {
		[1] = 0x0a, [2] = 0x0b, [4] = 0x0c, [8] = 0x0e
	};
	const uint8_t pattern[] = { 0x08,    name[0], name[1],
		                    name[2], name[3], prefixes[size] };

	for (size_t i = HEADER_LEN; i + sizeof(pattern) + size <= len; i++) {
		if (memcmp(aml + i, pattern, sizeof(pattern)))
			continue;
		stn(aml + i + sizeof(pattern), size, value);
		return;
	}
}

static uint8_t *add_dsdt(struct builder *b, const struct acpi_config *cfg)
{
	size_t len = acpi_dsdt_end - acpi_dsdt;
	uint8_t *t = reserve(b, len, 16);

	memcpy(t, acpi_dsdt, len);
	set_name(t, len, "P32B", 4, cfg->pci32);
	set_name(t, len, "P64B", 8, cfg->pci64.base);
	set_name(t, len, "P64S", 8, cfg->pci64.size);
	set_name(t, len, "COMS", 1, cfg->serial_ports);
	set_name(t, len, "KBDS", 1, cfg->keyboard);
	set_name(t, len, "FWCS", 1, cfg->fw_cfg);
	set_name(t, len, "PVPP", 2, cfg->pvpanic_port);
	finish(b, t);
	return t;
}

/* ---- SSDT ---- */

/* Takes _EJ0 away from the slots of a mask: behind the name of the slot's device. */
static void fix_slots(uint8_t *aml, size_t len, uint32_t slots)
{
	uint8_t *p = aml;
	char name[5];

	for (unsigned slot = 2; slot < 32; slot++) {
		snprintf(name, sizeof(name), "S%02X_", slot);
		p = memmem(p, aml + len - p, name, 4);
		if (!p)
			return;
		if (slots >> slot & 1)
			memcpy(memmem(p, aml + len - p, "_EJ0", 4), "XEJ0", 4);
	}
}

static void add_hotplug(struct builder *b, const struct acpi_config *cfg)
{
	size_t len = acpi_hotplug_end - acpi_hotplug;
	uint8_t *t = reserve(b, len, 16);

	memcpy(t, acpi_hotplug, len);
	fix_slots(t, len, cfg->fixed_slots);
	list(b, t);
}

/* ---- FADT (5.2.9) ---- */

enum {
	BOOT_LEGACY_DEVICES = 1 << 0,
	BOOT_8042 = 1 << 1,
	BOOT_NO_VGA = 1 << 2,

	FLAG_WBINVD = 1 << 0,
	FLAG_PROC_C1 = 1 << 2,
	FLAG_NO_SLEEP_BUTTON = 1 << 5, /* no fixed one; the power button is fixed */
	FLAG_NO_FIXED_RTC = 1 << 6,    /* the RTC cannot wake through PM1 */
	FLAG_RESET_REG = 1 << 10,
};

/* A port as a Generic Address Structure (5.2.3.2). */
static void set_gas(uint8_t *gas, uint16_t port, unsigned bytes)
{
	gas[0] = 1; /* system I/O */
	gas[1] = bytes * 8;
	gas[3] = bytes == 1 ? 1 : bytes == 2 ? 2 : 3; /* access size */
	st64(gas + 4, port);
}

static void add_fadt(struct builder *b, const struct acpi_config *cfg, uint32_t facs,
                     uint32_t dsdt)
{
	uint8_t *t = table(b, "FACP", 6, FADT_LEN);

	point(b, t + 36, 4, facs);
	point(b, t + 40, 4, dsdt);
	st16(t + 46, LAYOUT_SCI);
	st32(t + 48, LAYOUT_SMI_CMD);
	t[52] = LAYOUT_ACPI_ENABLE;
	t[53] = LAYOUT_ACPI_DISABLE;
	st32(t + 56, LAYOUT_PM1_EVT);
	st32(t + 64, LAYOUT_PM1_CNT);
	st32(t + 76, LAYOUT_PM_TMR);
	st32(t + 80, LAYOUT_GPE0);
	t[88] = 4; /* lengths of the blocks above */
	t[89] = 2;
	t[91] = 4;
	t[92] = 4;
	st16(t + 96, 0xfff); /* no C2, no C3 */
	st16(t + 98, 0xfff);
	t[108] = 0x32; /* CMOS index of the century */
	st16(t + 109, BOOT_LEGACY_DEVICES | (cfg->keyboard ? BOOT_8042 : 0) |
	                      (cfg->vga ? 0 : BOOT_NO_VGA));
	st32(t + 112, FLAG_WBINVD | FLAG_PROC_C1 | FLAG_NO_SLEEP_BUTTON |
	                      FLAG_NO_FIXED_RTC | FLAG_RESET_REG);
	set_gas(t + 116, LAYOUT_RESET, 1);
	t[128] = LAYOUT_RESET_VALUE;
	t[131] = 4; /* minor version: 6.4 */
	point(b, t + 140, 8, dsdt);
	set_gas(t + 148, LAYOUT_PM1_EVT, 4);
	t[148 + 3] = 2; /* two 16-bit registers */
	set_gas(t + 172, LAYOUT_PM1_CNT, 2);
	set_gas(t + 208, LAYOUT_PM_TMR, 4);
	set_gas(t + 220, LAYOUT_GPE0, 4);
	t[220 + 3] = 1; /* byte registers */
	list(b, t);
}

static uint32_t add_facs(struct builder *b)
{
	uint8_t *t = reserve(b, FACS_LEN, 64);

	memcpy(t, "FACS", 4);
	st32(t + 4, FACS_LEN);
	t[32] = 2; /* version */
	return gpa_of(b, t);
}

/* ---- MADT (5.2.12) ---- */

enum {
	MADT_LAPIC = 0,
	MADT_IOAPIC = 1,
	MADT_OVERRIDE = 2,
	MADT_LAPIC_NMI = 4,
	MADT_X2APIC = 9,
	MADT_X2APIC_NMI = 10,
	MADT_PCAT_COMPAT = 1, /* there are 8259s, too */
	MADT_ENABLED = 1,
	LEVEL_HIGH = 0xd,
};

/* Appends one entry to the table at the end of the buffer. */
static uint8_t *madt_entry(struct builder *b, uint8_t *t, uint8_t type, uint8_t len)
{
	uint8_t *e = reserve(b, len, 1);

	e[0] = type;
	e[1] = len;
	st32(t + 4, ld32(t + 4) + len);
	return e;
}

static void add_override(struct builder *b, uint8_t *t, uint8_t irq, uint32_t gsi,
                         uint16_t flags)
{
	uint8_t *e = madt_entry(b, t, MADT_OVERRIDE, 10);

	e[3] = irq;
	st32(e + 4, gsi);
	st16(e + 8, flags);
}

/* IDs from 255 on need the larger entry. True when it was taken. */
static bool add_lapic(struct builder *b, uint8_t *t, unsigned index, uint32_t id)
{
	bool x2apic = id >= 255;
	uint8_t *e = x2apic ? madt_entry(b, t, MADT_X2APIC, 16)
	                    : madt_entry(b, t, MADT_LAPIC, 8);

	if (x2apic) {
		st32(e + 4, id);
		st32(e + 8, MADT_ENABLED);
		st32(e + 12, index);
	} else {
		e[2] = index;
		e[3] = id;
		st32(e + 4, MADT_ENABLED);
	}
	return x2apic;
}

static void add_madt(struct builder *b, const struct acpi_config *cfg)
{
	static const uint8_t pci_irqs[] = { 5, 10, 11 }; /* those the links may use */
	uint8_t *t = table(b, "APIC", 5, HEADER_LEN + 8), *e;
	bool x2apic = false;

	st32(t + 36, LAYOUT_LAPIC);
	st32(t + 40, MADT_PCAT_COMPAT);
	for (unsigned i = 0; i < cfg->cpu_count; i++)
		x2apic |= add_lapic(b, t, i, cfg->apic_ids[i]);
	e = madt_entry(b, t, MADT_IOAPIC, 12);
	st32(e + 4, LAYOUT_IOAPIC);
	add_override(b, t, 0, 2, 0); /* the timer */
	add_override(b, t, LAYOUT_SCI, LAYOUT_SCI, LEVEL_HIGH);
	for (unsigned i = 0; i < sizeof(pci_irqs); i++)
		add_override(b, t, pci_irqs[i], pci_irqs[i], LEVEL_HIGH);
	e = madt_entry(b, t, MADT_LAPIC_NMI, 6);
	e[2] = 0xff; /* all processors, LINT1 */
	e[5] = 1;
	if (x2apic) {
		e = madt_entry(b, t, MADT_X2APIC_NMI, 12);
		st32(e + 4, UINT32_MAX);
		e[8] = 1;
	}
	list(b, t);
}

/* ---- the rest ---- */

/* Tells Windows that one read of the PM timer is enough. */
static void add_waet(struct builder *b)
{
	enum { PM_TIMER_GOOD = 1 << 1 };
	uint8_t *t = table(b, "WAET", 1, HEADER_LEN + 4);

	st32(t + 36, PM_TIMER_GOOD);
	list(b, t);
}

static uint32_t add_root(struct builder *b, const char *signature, unsigned width)
{
	uint8_t *t = table(b, signature, 1, HEADER_LEN + b->count * width);

	for (unsigned i = 0; i < b->count; i++)
		point(b, t + HEADER_LEN + i * width, width, b->tables[i]);
	finish(b, t);
	return gpa_of(b, t);
}

static void fill_rsdp(struct builder *b, uint8_t *rsdp, uint32_t rsdt, uint32_t xsdt)
{
	memcpy(rsdp, "RSD PTR ", 8);
	memcpy(rsdp + 9, "KVMKIT", 6);
	rsdp[15] = 2; /* revision */
	point(b, rsdp + 16, 4, rsdt);
	st32(rsdp + 20, ACPI_RSDP_LEN);
	point(b, rsdp + 24, 8, xsdt);
	set_checksum(b, rsdp, 20, 8);
	set_checksum(b, rsdp, ACPI_RSDP_LEN, 32);
}

/* 4 KiB is more than all tables but those in AML and the vCPUs' entries take. */
static size_t max_len(const struct acpi_config *cfg)
{
	return 4096 + (acpi_dsdt_end - acpi_dsdt) + (acpi_hotplug_end - acpi_hotplug) +
	       cfg->cpu_count * 16ull;
}

int acpi_build(struct acpi_blob *blob, const struct acpi_config *cfg, uint32_t base,
               struct err *err)
{
	struct builder b = { .blob = blob, .base = base };
	uint32_t facs, dsdt, rsdt, xsdt;
	uint8_t *rsdp;

	*blob = (struct acpi_blob){ .data = b.buf = calloc(1, max_len(cfg)) };
	if (!b.buf)
		return err_sys(err, ENOMEM, "ACPI tables");
	rsdp = reserve(&b, ACPI_RSDP_LEN, 16);
	facs = add_facs(&b);
	dsdt = gpa_of(&b, add_dsdt(&b, cfg));
	add_fadt(&b, cfg, facs, dsdt);
	add_madt(&b, cfg);
	add_waet(&b);
	if (cfg->hotplug)
		add_hotplug(&b, cfg);
	rsdt = add_root(&b, "RSDT", 4);
	xsdt = add_root(&b, "XSDT", 8);
	fill_rsdp(&b, rsdp, rsdt, xsdt);
	blob->len = b.used;
	return 0;
}

int acpi_write(struct mem *mem, const struct acpi_config *cfg, uint64_t *rsdp_gpa,
               struct err *err)
{
	struct acpi_blob blob;
	int ret;

	if (max_len(cfg) > LAYOUT_ACPI_SIZE)
		return err_set(err, E2BIG,
		               "the ACPI tables have no room for %u vCPUs; use a smaller "
		               "-smp",
		               cfg->cpu_count);
	ret = acpi_build(&blob, cfg, LAYOUT_ACPI, err);
	if (ret < 0)
		return ret;
	if (dma_write(mem, LAYOUT_ACPI, blob.data, blob.len) < 0)
		ret = err_set(err, EFAULT,
		              "no RAM at 0x%llx for the ACPI tables; give the guest at "
		              "least 1 MiB with -m",
		              LAYOUT_ACPI);
	free(blob.data);
	*rsdp_gpa = LAYOUT_ACPI;
	return ret;
}
