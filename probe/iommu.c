// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The IOMMU. Tables, units and groups are read independently of the CPU's vendor:
 * emulated hosts mix them. The verdict comes from the groups; parameters and kernel
 * messages only explain it ("iommu=off intel_iommu=on" still announces an IOMMU and has
 * no groups). VT-d specification 11.4.3: extended capability register, bit 3 interrupt
 * remapping.
 */
#include "probe/iommu.h"

#include "common/cleanup.h"
#include "common/opts.h"
#include "probe/cmdline.h"
#include "probe/kconfig.h"

#include <stdio.h>
#include <string.h>

enum { ECAP_IR = 1 << 3 };

static void gather_tables(const struct sysroot *root, struct iommu_facts *iommu)
{
	struct names names;

	iommu->tables_known =
		sysroot_list(root, "sys/firmware/acpi/tables", &names) ? -1 : 1;
	for (unsigned i = 0; i < names.count; i++) {
		iommu->dmar |= !strcmp(names.name[i], "DMAR");
		iommu->ivrs |= !strcmp(names.name[i], "IVRS");
		iommu->viot |= !strcmp(names.name[i], "VIOT");
	}
	names_free(&names);
}

static bool remaps_interrupts(const struct sysroot *root, const char *unit)
{
	char path[512], line[32], text[36];
	uint64_t ecap;

	snprintf(path, sizeof(path), "sys/class/iommu/%s/intel-iommu/ecap", unit);
	if (sysroot_line(root, path, line, sizeof(line)) < 0)
		return false;
	/* The file holds hexadecimal digits without a prefix. */
	snprintf(text, sizeof(text), "0x%s", line);
	return !opt_parse_u64(text, &ecap) && (ecap & ECAP_IR);
}

static void gather_units(const struct sysroot *root, struct iommu_facts *iommu)
{
	struct names names;

	sysroot_list(root, "sys/class/iommu", &names);
	iommu->units = names.count;
	for (unsigned i = 0; i < names.count; i++) {
		const char *unit = names.name[i];

		iommu->amd_units += !strncmp(unit, "ivhd", 4);
		if (strncmp(unit, "dmar", 4))
			continue;
		iommu->intel_units++;
		iommu->remap_units += remaps_interrupts(root, unit);
	}
	names_free(&names);
}

static void gather_groups(const struct sysroot *root, struct iommu_facts *iommu)
{
	struct names names;

	sysroot_list(root, "sys/kernel/iommu_groups", &names);
	iommu->groups = names.count;
	for (unsigned i = 0; i < names.count; i++) {
		char path[512], type[32];

		snprintf(path, sizeof(path), "sys/kernel/iommu_groups/%s/type",
		         names.name[i]);
		sysroot_line(root, path, type, sizeof(type));
		iommu->identity_groups += !strcmp(type, "identity");
	}
	names_free(&names);
}

static void gather_config(const struct sysroot *root, const char *kernel,
                          struct iommu_facts *iommu)
{
	_cleanup_free_ char *config = kconfig_read(root, kernel);

	iommu->intel_built = kconfig_has(config, "CONFIG_INTEL_IOMMU");
	iommu->amd_built = kconfig_has(config, "CONFIG_AMD_IOMMU");
	iommu->intel_default_on = kconfig_has(config, "CONFIG_INTEL_IOMMU_DEFAULT_ON");
	if (!iommu->intel_default_on)
		iommu->intel_default_on =
			kconfig_has(config, "CONFIG_INTEL_IOMMU_DEFAULT_ON_INTGPU_OFF");
}

void iommu_gather(const struct sysroot *root, const char *kernel, const char *cmdline,
                  struct iommu_facts *iommu)
{
	_cleanup_free_ char *interrupts = NULL;

	gather_tables(root, iommu);
	gather_units(root, iommu);
	gather_groups(root, iommu);
	gather_config(root, kernel, iommu);
	/* Chips are named in every line; a big host has megabytes of counters. */
	iommu->irq_remap = -1;
	if (!sysroot_read_head(root, "proc/interrupts", 1 << 20, &interrupts))
		iommu->irq_remap = strstr(interrupts, " IR-") != NULL;
	cmdline_value(cmdline, "intel_iommu", true, iommu->intel_iommu,
	              sizeof(iommu->intel_iommu));
	cmdline_value(cmdline, "amd_iommu", true, iommu->amd_iommu,
	              sizeof(iommu->amd_iommu));
	cmdline_value(cmdline, "iommu", true, iommu->iommu, sizeof(iommu->iommu));
	cmdline_value(cmdline, "intremap", true, iommu->intremap,
	              sizeof(iommu->intremap));
}
