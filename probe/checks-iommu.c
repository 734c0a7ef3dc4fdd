// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Checks of the IOMMU, needed to give PCI devices to guests. Nothing here fails a host:
 * guests run without it. Groups are the verdict, tables and parameters the explanation.
 */
#include "probe/checks.h"
#include "probe/decide.h"
#include "probe/param.h"

#include <stdio.h>
#include <string.h>

static bool table_seen(const struct iommu_facts *i)
{
	return i->dmar || i->ivrs || i->viot;
}

void check_iommu_table(const struct facts *f, struct result *r)
{
	const struct iommu_facts *i = &f->iommu;

	if (table_seen(i)) {
		result_set(r, CHECK_PASS, "firmware describes%s%s%s",
		           i->dmar ? " DMAR (VT-d)" : "", i->ivrs ? " IVRS (AMD-Vi)" : "",
		           i->viot ? " VIOT (virtio)" : "");
	} else if (i->units) {
		result_set(r, CHECK_PASS, "%u IOMMU units without an ACPI table",
		           i->units);
	} else if (i->tables_known < 0) {
		result_set(r, CHECK_SKIP, "ACPI tables are not visible here");
	} else {
		result_set(r, CHECK_WARN,
		           "firmware describes no IOMMU: no PCI device can be given "
		           "to a guest");
		result_remedy(
			r,
			f->cpu.hypervisor
				? "give this virtual machine an IOMMU (QEMU: -device "
				  "intel-iommu or -device virtio-iommu-pci)"
				: "in the firmware setup (BIOS), switch on \"Intel VT-d\" or "
				  "\"AMD IOMMU\"");
	}
}

/* One of the comma-separated words. */
static bool has_word(const char *list, const char *word)
{
	size_t n = strlen(word);

	for (const char *p = list; *p; p += strspn(p, ",")) {
		size_t len = strcspn(p, ",");

		if (len == n && !memcmp(p, word, n))
			return true;
		p += len;
	}
	return false;
}

/* The parameter that switches the IOMMU off, or NULL. iommu=soft does so on AMD only. */
static const char *off_param(const struct iommu_facts *i)
{
	if (has_word(i->iommu, "off"))
		return "iommu=off";
	if (i->dmar && has_word(i->intel_iommu, "off"))
		return "intel_iommu=off";
	if (i->ivrs && has_word(i->amd_iommu, "off"))
		return "amd_iommu=off";
	return i->ivrs && has_word(i->iommu, "soft") ? "iommu=soft" : NULL;
}

/* A table, but no groups: why, and what to do. */
static void not_enabled(const struct facts *f, struct result *r)
{
	const struct iommu_facts *i = &f->iommu;
	const char *off = off_param(i);

	if (!strcmp(f->cpu.hypervisor_name, "XenVMMXenVMM")) {
		result_set(r, CHECK_WARN, "Xen drives the IOMMU, not this kernel");
		result_remedy(r, "boot without Xen, or assign devices with Xen's tools");
	} else if (off) {
		result_set(r, CHECK_WARN,
		           "the IOMMU is switched off by the kernel parameter %s", off);
		remedy_param(f, off, false, r->remedy);
	} else if ((i->dmar && i->intel_built == 0) || (i->ivrs && i->amd_built == 0)) {
		result_set(r, CHECK_WARN, "kernel %s has no driver for this IOMMU",
		           f->host.kernel);
		remedy_kernel_package(f, r->remedy);
	} else if (i->dmar && i->intel_default_on != 1 &&
	           !has_word(i->intel_iommu, "on")) {
		result_set(r, CHECK_WARN,
		           "the IOMMU is there, but this kernel leaves it off");
		remedy_param(f, "intel_iommu=on", true, r->remedy);
	} else {
		result_set(r, CHECK_WARN,
		           "the kernel should have enabled the IOMMU, but did not");
		result_remedy(
			r,
			"look for the reason: sudo dmesg | grep -i -e DMAR -e AMD-Vi -e "
			"iommu");
	}
}

void check_iommu_groups(const struct facts *f, struct result *r)
{
	const struct iommu_facts *i = &f->iommu;

	if (i->groups)
		result_set(r, CHECK_PASS, "enabled: %u units, %u groups", i->units,
		           i->groups);
	else if (!table_seen(i) && !i->units)
		result_set(r, CHECK_SKIP, "needs iommu.table");
	else
		not_enabled(f, r);
}

void check_iommu_irq(const struct facts *f, struct result *r)
{
	const struct iommu_facts *i = &f->iommu;

	if (!i->groups) {
		result_set(r, CHECK_SKIP, "needs iommu.groups");
	} else if (i->irq_remap == 1) {
		result_set(r, CHECK_PASS, "interrupts are remapped");
	} else if (i->irq_remap < 0) {
		result_set(r, CHECK_SKIP, "/proc/interrupts could not be read");
	} else if (i->intel_units && !i->remap_units) {
		result_set(r, CHECK_WARN,
		           "this IOMMU cannot remap interrupts: devices are not given "
		           "to guests, because a guest could fake interrupts");
		if (param_switch(&f->params,
		                 PARAM_vfio_iommu_type1_allow_unsafe_interrupts) == 1)
			return;
		result_remedy(
			r,
			"only if all guests are trusted: echo options vfio_iommu_type1 "
			"allow_unsafe_interrupts=1 | sudo tee /etc/modprobe.d/vfio.conf");
	} else {
		result_set(r, CHECK_WARN,
		           "interrupt remapping is off: devices are not given to guests");
		if (has_word(i->intremap, "off"))
			remedy_param(f, "intremap=off", false, r->remedy);
		else
			result_remedy(
				r,
				"in the firmware setup (BIOS), switch on interrupt remapping "
				"and x2APIC");
	}
}

void check_iommu_domain(const struct facts *f, struct result *r)
{
	const struct iommu_facts *i = &f->iommu;

	if (!i->groups)
		result_set(r, CHECK_SKIP, "needs iommu.groups");
	else if (i->identity_groups == i->groups)
		result_set(r, CHECK_PASS, "the host's own devices bypass it (iommu=pt)");
	else
		result_set(
			r, CHECK_NOTE,
			"%u of %u groups translate the host's own DMA; iommu=pt saves that",
			i->groups - i->identity_groups, i->groups);
}
