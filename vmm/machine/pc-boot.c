// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Starting a guest: in its firmware, or without, which means what firmware would leave in
 * RAM and in the devices, then the kernel. It runs again after each reset, because a
 * guest may have overwritten all of it.
 */
#include "vmm/machine/internal.h"

#include "common/bytes.h"
#include "common/cleanup.h"
#include "common/log.h"
#include "vmm/chardev/chardev.h"
#include "vmm/kvm/irqchip.h"
#include "vmm/legacy/i8042.h"
#include "vmm/legacy/pcihp.h"
#include "vmm/legacy/pvpanic.h"
#include "vmm/legacy/vga.h"
#include "vmm/machine/layout.h"
#include "vmm/pci/pci.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int pc_open_boot(struct pc *pc, struct err *err)
{
	const struct vm_config *config = pc->config;
	struct boot_opts opts = {
		.kernel = config->kernel,
		.initrd = config->initrd,
		.append = config->append,
	};

	if (!config->kernel && config->initrd)
		return err_usage(err, "-initrd needs a -kernel");
	if (!config->kernel && config->append)
		return err_usage(err, "-append needs a -kernel");
	if (pc->vm.firmware && !config->kernel)
		return 0;
	pc->boot = boot_open(&opts, err);
	return pc->boot ? 0 : -err->code;
}

static unsigned serial_ports(struct pc *pc)
{
	unsigned mask = 0;

	for (unsigned i = 0; i < CONFIG_SERIALS; i++) {
		char id[16];

		snprintf(id, sizeof(id), "serial%u", i);
		if (chardev_find(pc->vm.chardevs, id))
			mask |= 1 << i;
	}
	return mask;
}

/* Devices behind a class, by which guests are told to look for more. */
static struct device *find_class(const struct pc *pc, const struct device_class *cls)
{
	struct device *dev = pc->vm.devices;

	while (dev && dev->cls != cls)
		dev = dev->next;
	return dev;
}

/* What holds the BARs that firmware put above 4 GiB; a kernel that is started without has
 * none there. */
static struct layout_window used_window(const struct pc *pc)
{
	const uint64_t unit = 1ull << 30;
	uint64_t base = UINT64_MAX, end = 0;

	for (const struct device *dev = pc->vm.devices; dev; dev = dev->next) {
		const struct pci_device *pdev = (const struct pci_device *)dev;

		for (unsigned n = 0; n < PCI_BAR_COUNT && !strcmp(dev->cls->bus, "pci");
		     n++) {
			const struct pci_bar *bar = &pdev->bars[n];

			if (!bar->size || bar->addr < LAYOUT_4G ||
			    bar->addr == UINT64_MAX)
				continue;
			if (bar->addr < base)
				base = bar->addr;
			if (bar->addr + bar->size > end)
				end = bar->addr + bar->size;
		}
	}
	if (!end)
		return (struct layout_window){ 0, 0 };
	base = align_down(base, unit);
	if (base < LAYOUT_4G + pc->high_size)
		base = LAYOUT_4G + pc->high_size;
	return (struct layout_window){ base, align_up(end, unit) - base };
}

/* Slots of functions that stay as long as the machine. */
static uint32_t fixed_slots(struct pc *pc)
{
	uint32_t slots = 0;

	for (unsigned devfn = 0; devfn < 256; devfn++) {
		const struct pci_device *pdev = pci_find(pc->vm.pci, devfn);

		if (pdev && !device_class_hotplugs(pdev->dev.cls))
			slots |= 1u << PCI_SLOT_OF(devfn);
	}
	return slots;
}

struct acpi_config pc_acpi_config(struct pc *pc)
{
	bool vga = find_class(pc, &vga_class);

	return (struct acpi_config){
		.apic_ids = pc->apic_ids,
		.cpu_count = pc->smp.cpus,
		.serial_ports = serial_ports(pc),
		.fw_cfg = pc->fwcfg,
		/* To look for one takes a guest some time, which few spend for nothing.
		 */
		.keyboard =
			pc->vm.firmware || vga || find_class(pc, &bochs_display_class),
		.vga = vga,
		/* Firmware begins there, or behind the RAM. */
		.pci32 =
			pc->low_size < LAYOUT_PCI_FIRST ? LAYOUT_PCI_FIRST : pc->low_size,
		.pci64 = used_window(pc),
		.pvpanic_port = pvpanic_port(&pc->vm),
		.hotplug = pcihp_find(&pc->vm),
		.fixed_slots = fixed_slots(pc),
	};
}

struct smbios_config pc_smbios_config(struct pc *pc)
{
	struct smbios_config smbios = {
		.sockets = pc->smp.sockets,
		.cores = pc->smp.cores,
		.threads = pc->smp.threads,
		.low_top = pc->low_size,
		.high_size = pc->high_size,
		.texts = pc->config->smbios,
	};

	memcpy(smbios.uuid, pc->config->uuid, sizeof(smbios.uuid));
	return smbios;
}

static int write_tables(struct pc *pc, uint64_t *rsdp, struct err *err)
{
	struct acpi_config acpi = pc_acpi_config(pc);
	struct smbios_config smbios = pc_smbios_config(pc);
	int ret = acpi_write(pc->vm.mem, &acpi, rsdp, err);

	return ret < 0 ? ret : smbios_write(pc->vm.mem, &smbios, err);
}

/* The loader's word for a mode is not the vCPU's: each layer has its own. */
static struct vcpu_entry to_vcpu(const struct boot_entry *e)
{
	static const enum vcpu_mode modes[] = {
		[BOOT_LONG64] = VCPU_LONG64,
		[BOOT_PROT32] = VCPU_PROT32,
		[BOOT_REAL16] = VCPU_REAL16,
	};

	return (struct vcpu_entry){
		.mode = modes[e->mode],
		.rip = e->rip,
		.rsp = e->rsp,
		.rax = e->rax,
		.rbx = e->rbx,
		.rsi = e->rsi,
		.rdi = e->rdi,
		.rbp = e->rbp,
		.cr3 = e->cr3,
		.gdt_base = e->gdt_base,
		.gdt_limit = e->gdt_limit,
	};
}

/* PCI's lines are level-triggered. Guests with an IOAPIC learn it from ACPI; those that
 * stay with the PICs rely on what firmware left in ELCR. */
int pc_set_up_pci(struct pc *pc, struct err *err)
{
	static const uint8_t gsis[] = LAYOUT_PIRQ_GSIS;
	uint16_t lines = 1 << LAYOUT_SCI;
	int ret = pci_bus_assign(pc->vm.pci, LAYOUT_PCI_MMIO, LAYOUT_PCI_MMIO_END, err);

	if (ret < 0)
		return ret;
	for (unsigned i = 0; i < ARRAY_SIZE(gsis); i++)
		lines |= 1 << gsis[i];
	ret = irqchip_set_level_lines(pc->vm.irqchip, lines);
	return ret < 0 ? err_sys(err, -ret, "KVM refuses the state of the PICs") : 0;
}

/* Kernels may use keyboard and screen without a driver that resets them. True: there is a
 * screen, with text. */
static bool set_up_console(struct pc *pc)
{
	struct device *vga = find_class(pc, &vga_class);
	struct device *keyboard = find_class(pc, &i8042_class);

	if (keyboard)
		i8042_set_up(keyboard);
	if (vga && !vga_set_text_mode(vga))
		log_debug(LOG_C_BOOT, "the VGA's ROM has no font: text stays invisible "
		                      "until the guest loads one");
	return vga;
}

static int boot_direct(struct pc *pc, struct err *err)
{
	struct boot_env env = {
		.low_top = pc->low_size,
		.high_size = pc->high_size,
		.fresh = !pc->booted,
		.text_screen = set_up_console(pc),
	};
	struct boot_entry entry;
	struct vcpu_entry start;
	int ret = pc_set_up_pci(pc, err);

	if (ret >= 0)
		ret = write_tables(pc, &env.rsdp, err);
	if (ret >= 0)
		ret = boot_load(pc->boot, pc->vm.mem, &env, &entry, err);
	if (ret < 0)
		return ret;
	log_debug(LOG_C_BOOT, "%s: entry at 0x%llx", boot_format(pc->boot),
	          (unsigned long long)entry.rip);
	start = to_vcpu(&entry);
	return vcpus_set_entry(pc->vcpus, &start, err);
}

int pc_boot(struct pc *pc, struct err *err)
{
	int ret = pc->vm.firmware ? pc_start_firmware(pc, err) : boot_direct(pc, err);

	pc->booted = true;
	return ret;
}
