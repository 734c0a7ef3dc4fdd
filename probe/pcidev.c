// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * PCI devices (ABI/testing/sysfs-bus-pci, sysfs-kernel-iommu_groups;
 * driver-api/vfio.rst). Bridges do not matter for the viability of a group and cannot be
 * assigned. A group's region of type "direct" must stay mapped as firmware says, so VFIO
 * refuses its devices; "direct-relaxable" (graphics, USB) it does not.
 */
#include "probe/pcidev.h"

#include "common/cleanup.h"
#include "common/opts.h"

#include <stdio.h>
#include <string.h>

#define DEVICES "sys/bus/pci/devices"

struct pcidev {
	char name[24];  /* "0000:01:00.0" */
	char group[12]; /* "" none */
	char driver[32];
	uint32_t class;
	bool sole_reset; /* nothing resets this function alone */
};

static bool is_bridge(const struct pcidev *dev)
{
	return dev->class >> 16 == 6;
}

/* The driver belongs to VFIO, or does nothing with the device. */
static bool harmless(const char *driver)
{
	return !*driver || !strncmp(driver, "vfio-", 5) || !strcmp(driver, "vfio_pci") ||
	       !strcmp(driver, "pci-stub");
}

static void file_of(const char *device, const char *file, char path[256])
{
	snprintf(path, 256, DEVICES "/%.40s/%s", device, file);
}

static void read_word(const struct sysroot *root, const char *device, const char *file,
                      char *buf, size_t size)
{
	char path[256];

	file_of(device, file, path);
	sysroot_line(root, path, buf, size);
}

static uint64_t read_count(const struct sysroot *root, const char *device,
                           const char *file)
{
	uint64_t value = 0;
	char path[256];

	file_of(device, file, path);
	sysroot_number(root, path, &value);
	return value;
}

/* Display, network, storage, USB, audio, accelerator: what people assign. */
static bool wanted_by_guests(uint32_t class)
{
	static const uint8_t bases[] = { 0x01, 0x02, 0x03, 0x04, 0x0b, 0x12 };

	for (unsigned i = 0; i < ARRAY_SIZE(bases); i++)
		if (class >> 16 == bases[i])
			return true;
	return class >> 8 == 0x0c03;
}

/* Since Linux 5.15 the methods are named; before that a file is there or not. */
static bool resets(const struct sysroot *root, const char *device)
{
	char path[256], methods[64];

	file_of(device, "reset_method", path);
	if (!sysroot_line(root, path, methods, sizeof(methods)))
		return *methods && strcmp(methods, "bus");
	file_of(device, "reset", path);
	return sysroot_exists(root, path);
}

static void read_device(const struct sysroot *root, const char *name, struct pcidev *dev)
{
	char path[256];

	*dev = (struct pcidev){ 0 };
	snprintf(dev->name, sizeof(dev->name), "%.23s", name);
	dev->class = read_count(root, name, "class");
	file_of(name, "driver", path);
	sysroot_link_name(root, path, dev->driver, sizeof(dev->driver));
	file_of(name, "iommu_group", path);
	sysroot_link_name(root, path, dev->group, sizeof(dev->group));
	dev->sole_reset = wanted_by_guests(dev->class) && !resets(root, name);
}

/* ---- one device ---- */

static void sum_display(const struct sysroot *root, const struct pcidev *dev,
                        struct vfio_facts *vfio)
{
	if (dev->class >> 16 != 3 || read_count(root, dev->name, "boot_vga") != 1)
		return;
	snprintf(vfio->boot_vga, sizeof(vfio->boot_vga), "%s", dev->name);
	snprintf(vfio->boot_vga_driver, sizeof(vfio->boot_vga_driver), "%.23s",
	         dev->driver);
}

static void sum_bound(const struct sysroot *root, const struct pcidev *dev,
                      struct vfio_facts *vfio)
{
	char path[256], state[16];
	struct names names;

	if (strcmp(dev->driver, "vfio-pci"))
		return;
	vfio->bound++;
	read_word(root, dev->name, "power_state", state, sizeof(state));
	if (!strcmp(state, "D3cold") && !*vfio->asleep)
		snprintf(vfio->asleep, sizeof(vfio->asleep), "%s", dev->name);
	file_of(dev->name, "vfio-dev", path);
	sysroot_list(root, path, &names);
	if (names.count) {
		snprintf(path, sizeof(path), DEVICES "/%.24s/vfio-dev/%.24s/dev",
		         dev->name, names.name[0]);
		vfio->cdev |= sysroot_exists(root, path);
	}
	names_free(&names);
}

static void sum_device(const struct sysroot *root, const struct pcidev *dev,
                       struct vfio_facts *vfio)
{
	uint64_t total = read_count(root, dev->name, "sriov_totalvfs");

	vfio->devices++;
	sum_display(root, dev, vfio);
	sum_bound(root, dev, vfio);
	if (total) {
		vfio->sriov_capable++;
		vfio->sriov_functions += read_count(root, dev->name, "sriov_numvfs");
	}
	if (dev->sole_reset) {
		if (!vfio->no_reset)
			snprintf(vfio->no_reset_device, sizeof(vfio->no_reset_device),
			         "%s", dev->name);
		vfio->no_reset++;
	}
}

/* ---- groups ---- */

/* "0000:01:00" of "0000:01:00.1" */
static size_t slot_length(const char *name)
{
	return strcspn(name, ".");
}

static bool same_slot(const char *a, const char *b)
{
	size_t n = slot_length(a);

	return n == slot_length(b) && !memcmp(a, b, n);
}

static bool fixed_mapping(const struct sysroot *root, const char *group)
{
	_cleanup_free_ char *text = NULL;
	char path[128];

	snprintf(path, sizeof(path), "sys/kernel/iommu_groups/%s/reserved_regions",
	         group);
	return !sysroot_read_head(root, path, 65536, &text) && strstr(text, " direct\n");
}

static void list_members(const struct pcidev *devs, unsigned count, const char *group,
                         char *buf, size_t size)
{
	for (unsigned i = 0; i < count; i++) {
		size_t len = strlen(buf);

		if (!is_bridge(&devs[i]) && !strcmp(devs[i].group, group) &&
		    len + 16 < size)
			snprintf(buf + len, size - len, "%s%s", len ? " " : "",
			         devs[i].name);
	}
}

/* The group of devs[first], whose first member that is. */
static void sum_group(const struct sysroot *root, const struct pcidev *devs,
                      unsigned count, unsigned first, struct vfio_facts *vfio)
{
	const struct pcidev *head = &devs[first], *held = NULL, *other = NULL;
	bool several = false, fixed = fixed_mapping(root, head->group);

	for (unsigned i = first; i < count; i++) {
		const struct pcidev *dev = &devs[i];

		if (is_bridge(dev) || strcmp(dev->group, head->group))
			continue;
		several |= !same_slot(dev->name, head->name);
		vfio->reserved_devices += fixed;
		if (!strncmp(dev->driver, "vfio-", 5))
			held = dev;
		else if (!harmless(dev->driver))
			other = dev;
	}
	if (fixed && !*vfio->reserved)
		snprintf(vfio->reserved, sizeof(vfio->reserved), "%s", head->name);
	if (several && !vfio->shared_groups++)
		list_members(devs, count, head->group, vfio->shared,
		             sizeof(vfio->shared));
	if (held && other && !*vfio->blocked)
		snprintf(vfio->blocked, sizeof(vfio->blocked), "%s beside %s (driver %s)",
		         held->name, other->name, other->driver);
}

static bool is_first_of_group(const struct pcidev *devs, unsigned index)
{
	for (unsigned i = 0; i < index; i++)
		if (!is_bridge(&devs[i]) && !strcmp(devs[i].group, devs[index].group))
			return false;
	return true;
}

static void sum_all(const struct sysroot *root, const struct pcidev *devs, unsigned count,
                    struct vfio_facts *vfio)
{
	for (unsigned i = 0; i < count; i++) {
		if (is_bridge(&devs[i]))
			continue;
		sum_device(root, &devs[i], vfio);
		if (*devs[i].group && is_first_of_group(devs, i))
			sum_group(root, devs, count, i, vfio);
	}
}

/* ---- around ---- */

static void gather_nodes(const struct sysroot *root, struct vfio_facts *vfio)
{
	struct names names;

	sysroot_list(root, "dev/vfio", &names);
	for (unsigned i = 0; i < names.count; i++) {
		const char *name = names.name[i];
		char path[300];
		struct stat st;

		snprintf(path, sizeof(path), "dev/vfio/%s", name);
		if (name[0] >= '0' && name[0] <= '9') {
			vfio->group_nodes++;
			vfio->private_nodes += !sysroot_stat(root, path, &st) &&
			                       (st.st_mode & 060) != 060;
		}
		vfio->noiommu_nodes += !strncmp(name, "noiommu-", 8);
	}
	names_free(&names);
}

static void gather_framebuffer(const struct sysroot *root, struct vfio_facts *vfio)
{
	static const char *const holders[] = { "BOOTFB",    "efifb",
		                               "vesafb",    "simplefb",
		                               "simpledrm", "simple-framebuffer" };
	_cleanup_free_ char *text = NULL;

	if (sysroot_read_head(root, "proc/iomem", 1 << 20, &text) < 0)
		return;
	for (unsigned i = 0; i < ARRAY_SIZE(holders); i++)
		vfio->framebuffer |= strstr(text, holders[i]) != NULL;
}

/* A binding that the initramfs does not know comes too late for drivers in it. */
static int initramfs_older(const struct sysroot *root, const char *kernel,
                           const char *ids)
{
	static const char *const images[] = { "boot/initrd.img-%s",
		                              "boot/initramfs-%s.img", "boot/initrd-%s" };
	size_t len = strcspn(ids, ":");
	struct stat conf, image;
	char path[200];

	snprintf(path, sizeof(path), "%.*s", (int)(len < 199 ? len : 199), ids);
	if (path[0] != '/' || sysroot_stat(root, path + 1, &conf) < 0)
		return -1;
	for (unsigned i = 0; i < ARRAY_SIZE(images); i++) {
		snprintf(path, sizeof(path), images[i], kernel);
		if (!sysroot_stat(root, path, &image))
			return image.st_mtime < conf.st_mtime;
	}
	return -1;
}

void vfio_gather(const struct sysroot *root, const char *kernel, const char *ids,
                 struct vfio_facts *vfio)
{
	_cleanup_free_ struct pcidev *devs = NULL;
	struct names names;

	sysroot_list(root, DEVICES, &names);
	devs = names.count ? calloc(names.count, sizeof(*devs)) : NULL;
	for (unsigned i = 0; devs && i < names.count; i++)
		read_device(root, names.name[i], &devs[i]);
	if (devs)
		sum_all(root, devs, names.count, vfio);
	names_free(&names);
	gather_nodes(root, vfio);
	gather_framebuffer(root, vfio);
	vfio->initramfs_older = *ids ? initramfs_older(root, kernel, ids) : -1;
}
