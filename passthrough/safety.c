// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The rules. Each looks at facts and adds a finding; which findings refuse, and which can
 * be forced, stands in the table of findings.c. safety_uses() is about what the host
 * would lose, safety_guest() about what the guest would get.
 */
#include "passthrough/safety.h"

#include "common/cleanup.h"
#include "common/opts.h"
#include "passthrough/disk.h"
#include "passthrough/group.h"
#include "passthrough/nic.h"
#include "passthrough/share.h"
#include "probe/iommu.h"

#include <stdio.h>
#include <string.h>

static bool parameter_set(const struct sysroot *root, const char *module,
                          const char *parameter)
{
	char path[128], text[8];

	snprintf(path, sizeof(path), "sys/module/%s/parameters/%s", module, parameter);
	sysroot_line(root, path, text, sizeof(text));
	return *text && strchr("Yy1", *text);
}

void situation_read(struct situation *s)
{
	struct iommu_facts iommu = { 0 };

	iommu_gather(s->root, "", "", &iommu);
	s->irq_known = iommu.irq_remap >= 0;
	s->irq_remapped = iommu.irq_remap == 1;
	s->unsafe_allowed =
		parameter_set(s->root, "vfio_iommu_type1", "allow_unsafe_interrupts");
	s->noiommu_mode = parameter_set(s->root, "vfio", "enable_unsafe_noiommu_mode");
}

/* ---- what the host would lose ---- */

static void check_holders(const struct situation *s, const struct pci_function *f,
                          struct findings *findings)
{
	const struct holder *h;
	unsigned from = 0;

	if (f->stuck)
		findings_add(
			findings, REASON_HELD,
			"the kernel waits for its user to let go of it; see dmesg, and "
			"stop that user");
	while ((h = holders_of(s->holders, s->root, f, &from))) {
		char text[HOLDER_TEXT_SIZE];

		holder_text(h, text);
		findings_add(findings, REASON_HELD,
		             "%s holds it through /dev/vfio/%s; stop that guest first",
		             text, h->node);
	}
}

/* A text console or a frame buffer is bound: something is drawn on. */
static bool console_in_use(const struct sysroot *root, char what[64])
{
	struct names names;
	bool found = false;

	sysroot_list(root, "sys/class/vtconsole", &names);
	for (unsigned i = 0; i < names.count && !found; i++) {
		char path[300], bound[8];

		snprintf(path, sizeof(path), "sys/class/vtconsole/%.200s/bind",
		         names.name[i]);
		sysroot_line(root, path, bound, sizeof(bound));
		snprintf(path, sizeof(path), "sys/class/vtconsole/%.200s/name",
		         names.name[i]);
		sysroot_line(root, path, what, 64);
		found = *bound == '1' &&
		        (strstr(what, "VGA") || strstr(what, "frame buffer"));
	}
	names_free(&names);
	return found;
}

/* Firmware's frame buffer in /proc/iomem: its driver keeps the memory of the card. */
static const char *framebuffer_holder(const struct sysroot *root)
{
	static const char *const holders[] = { "BOOTFB",   "simpledrm",
		                               "simplefb", "simple-framebuffer",
		                               "efifb",    "vesafb" };
	_cleanup_free_ char *iomem = NULL;

	if (sysroot_read(root, "proc/iomem", 1 << 20, &iomem) < 0)
		return NULL;
	for (unsigned i = 0; i < ARRAY_SIZE(holders); i++)
		if (strstr(iomem, holders[i]))
			return holders[i];
	return NULL;
}

static void check_vga(const struct situation *s, const struct pci_function *f,
                      struct findings *findings)
{
	const char *holder = framebuffer_holder(s->root);
	char console[64];

	if (!f->boot_vga)
		return;
	if (console_in_use(s->root, console))
		findings_add(
			findings, REASON_BOOT_VGA,
			"it is the boot display and the console is on it (%s); use a "
			"serial console or another card for the host",
			console);
	else if (holder)
		findings_add(findings, REASON_BOOT_VGA,
		             "it is the boot display and %s holds its memory (see "
		             "/proc/iomem); boot with initcall_blacklist=sysfb_init",
		             holder);
}

static void check_vfs(const struct pci_function *f, struct findings *findings)
{
	if (f->vfs)
		findings_add(findings, REASON_HAS_VFS,
		             "it has %u virtual functions, which would vanish; first: "
		             "kvm-assign sriov %s 0",
		             f->vfs, f->name);
}

void safety_uses(const struct situation *s, const struct pci_function *f,
                 struct findings *findings)
{
	if (pci_is_bridge(f))
		findings_add(findings, REASON_BRIDGE,
		             "it is a bridge, which no guest can own; name the device "
		             "behind it");
	check_holders(s, f, findings);
	check_vfs(f, findings);
	disk_check(s->root, f, findings);
	nic_check(s->root, f, s->ssh_peer, findings);
	share_check(s->root, f, findings);
	check_vga(s, f, findings);
}

/* ---- what the guest would get ---- */

static void check_iommu(const struct situation *s, const struct pci_function *f,
                        struct findings *findings)
{
	if (f->group < 0 && s->noiommu_mode)
		findings_add(findings, REASON_NOIOMMU_MODE,
		             "it has no IOMMU group: the guest could write to all memory "
		             "of the host, and the kernel would be tainted");
	else if (f->group < 0)
		findings_add(findings, REASON_NO_IOMMU,
		             "it has no IOMMU group; switch the IOMMU on (VT-d, AMD-Vi): "
		             "kvm-check says how");
	else if (s->irq_known && !s->irq_remapped && !s->unsafe_allowed)
		findings_add(
			findings, REASON_UNSAFE_INTERRUPTS,
			"interrupts are not remapped, so the kernel will refuse it to "
			"the guest; switch interrupt remapping on (kvm-check says "
			"how), or trust the guest: echo Y > /sys/module/"
			"vfio_iommu_type1/parameters/allow_unsafe_interrupts");
}

static void check_group(const struct situation *s, const struct pci_function *f,
                        struct findings *findings)
{
	const struct pci_function *other;
	struct group group;
	unsigned from = 0;

	/* What is behind a bridge is no reason to move the bridge. */
	if (f->group < 0 || pci_is_bridge(f))
		return;
	group_read(s->root, f->group, s->functions, &group);
	if (group.direct)
		findings_add(findings, REASON_RMRR,
		             "firmware keeps the region %s of IOMMU group %d mapped "
		             "(RMRR), so the kernel will refuse it to the guest; switch "
		             "off the firmware's shared memory features for it",
		             group.region, f->group);
	while ((other = group_blocker(s->functions, f, s->chosen, &from)))
		findings_add(findings, REASON_SHARED_GROUP,
		             "IOMMU group %d also holds %s (driver %s)%s%s", f->group,
		             other->name, other->driver,
		             pci_is_bridge(other)
		                     ? ", a bridge that cannot be freed; use "
		                       "another slot"
		                     : "; run: kvm-assign bind --group ",
		             pci_is_bridge(other) ? "" : f->name);
	if (group.slots > 1)
		findings_add(findings, REASON_SLOTS,
		             "IOMMU group %d spans %u slots: nothing keeps them apart "
		             "(no ACS), so one guest must own them all",
		             f->group, group.slots);
}

static void check_reset(const struct pci_function *f, struct findings *findings)
{
	if (!f->resets_known)
		return;
	if (!*f->resets)
		findings_add(findings, REASON_RESET,
		             "it has no reset: a second guest may find it as the first "
		             "left it");
	else if (!strcmp(f->resets, "bus"))
		findings_add(findings, REASON_RESET,
		             "it resets only together with its bus: while a neighbour is "
		             "in use it cannot");
}

static void check_power(const struct pci_function *f, struct findings *findings)
{
	if (!strcmp(f->power, "D3cold"))
		findings_add(findings, REASON_POWER,
		             "it is in D3cold; if it does not wake up: echo 0 > /sys/bus/"
		             "pci/devices/%s/d3cold_allowed",
		             f->name);
}

/* "8086:10d3,1b36:0010:..." takes every such device at boot. */
static void check_twins(const struct situation *s, const struct pci_function *f,
                        struct findings *findings)
{
	char ids[1024], pair[16];
	unsigned twins = 0;

	sysroot_line(s->root, "sys/module/vfio_pci/parameters/ids", ids, sizeof(ids));
	snprintf(pair, sizeof(pair), "%04x:%04x", f->vendor, f->device);
	for (unsigned i = 0; i < s->functions->count; i++)
		twins += s->functions->function[i].vendor == f->vendor &&
		         s->functions->function[i].device == f->device;
	if (strcasestr(ids, pair) && twins > 1)
		findings_add(
			findings, REASON_TWIN_IDS,
			"vfio-pci.ids= names %s, and so takes all %u such devices at "
			"boot; kvm-assign persist takes this one only",
			pair, twins);
}

void safety_guest(const struct situation *s, const struct pci_function *f,
                  struct findings *findings)
{
	check_iommu(s, f, findings);
	check_group(s, f, findings);
	check_reset(f, findings);
	check_power(f, findings);
	check_twins(s, f, findings);
}
