// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * PCI functions as sysfs shows them (Documentation/ABI/testing/sysfs-bus-pci). A missing
 * file is an unknown fact, never an error: kernels differ, and functions come and go.
 */
#include "passthrough/pcidev.h"

#include "common/opts.h"
#include "passthrough/slow.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void pci_path(char path[PCI_PATH_SIZE], const char *name, const char *file)
{
	snprintf(path, PCI_PATH_SIZE, PCI_DEVICES "/%s/%s", name, file);
}

static void read_text(const struct sysroot *root, const struct pci_function *f,
                      const char *file, char *buf, size_t size)
{
	char path[PCI_PATH_SIZE];

	pci_path(path, f->name, file);
	sysroot_line(root, path, buf, size);
}

/* Decimal, or hexadecimal with 0x; `unknown` for anything else, such as "-1". */
static int64_t read_number(const struct sysroot *root, const struct pci_function *f,
                           const char *file, int64_t unknown)
{
	char text[32];
	uint64_t value;

	read_text(root, f, file, text, sizeof(text));
	return *text && !opt_parse_u64(text, &value) && value <= INT32_MAX
	               ? (int64_t)value
	               : unknown;
}

/* The last component of a link's target. */
static void read_link(const struct sysroot *root, const struct pci_function *f,
                      const char *file, char *buf, size_t size)
{
	char path[PCI_PATH_SIZE], target[512];
	const char *name;
	size_t len;

	pci_path(path, f->name, file);
	sysroot_link(root, path, target, sizeof(target));
	name = strrchr(target, '/');
	name = name ? name + 1 : target;
	len = strnlen(name, size - 1);
	memcpy(buf, name, len);
	buf[len] = '\0';
}

static void read_ids(const struct sysroot *root, struct pci_function *f)
{
	f->vendor = read_number(root, f, "vendor", 0);
	f->device = read_number(root, f, "device", 0);
	f->subvendor = read_number(root, f, "subsystem_vendor", 0);
	f->subdevice = read_number(root, f, "subsystem_device", 0);
	f->class = read_number(root, f, "class", 0) & 0xffffff;
}

static void read_resets(const struct sysroot *root, struct pci_function *f)
{
	char path[PCI_PATH_SIZE];

	/* Without any method the kernel shows neither file. */
	pci_path(path, f->name, "reset_method");
	f->resets_known = sysroot_exists(root, path);
	read_text(root, f, "reset_method", f->resets, sizeof(f->resets));
	pci_path(path, f->name, "reset");
	if (!f->resets_known)
		f->resets_known = !sysroot_exists(root, path);
}

/* Files whose reading takes the lock of the function, which a hanging unbind holds. It
 * hangs where guests are concerned: functions of vfio, which show no driver any more by
 * then, and parents of virtual ones. */
static void read_locked(const struct sysroot *root, struct pci_function *f,
                        const char *file, char *buf, size_t size)
{
	char path[PCI_PATH_SIZE];

	buf[0] = '\0';
	pci_path(path, f->name, file);
	if (f->stuck)
		return;
	if (f->sriov || pci_is_vfio_driver(f->driver) ||
	    (!*f->driver && !pci_is_bridge(f)))
		f->stuck = slow_line(root, path, buf, size) == -ETIMEDOUT;
	else
		sysroot_line(root, path, buf, size);
}

static void read_sriov(const struct sysroot *root, struct pci_function *f)
{
	int64_t max = read_number(root, f, "sriov_totalvfs", -1);
	char text[16];
	uint64_t vfs;

	read_link(root, f, "physfn", f->physfn, sizeof(f->physfn));
	if (max <= 0)
		return;
	f->sriov = true;
	f->vfs_max = max;
	read_locked(root, f, "sriov_numvfs", text, sizeof(text));
	f->vfs = !opt_parse_u64(text, &vfs) && vfs <= UINT16_MAX ? vfs : 0;
}

static void read_function(const struct sysroot *root, struct pci_function *f)
{
	char text[64];
	uint64_t group;

	read_ids(root, f);
	read_link(root, f, "driver", f->driver, sizeof(f->driver));
	read_sriov(root, f);
	read_locked(root, f, "driver_override", f->override, sizeof(f->override));
	if (!strcmp(f->override, "(null)"))
		f->override[0] = '\0';
	read_link(root, f, "iommu_group", text, sizeof(text));
	f->group = !opt_parse_u64(text, &group) && group <= INT32_MAX ? (int)group : -1;
	f->node = read_number(root, f, "numa_node", -1);
	f->boot_vga = read_number(root, f, "boot_vga", 0) == 1;
	read_resets(root, f);
	read_text(root, f, "power_state", f->power, sizeof(f->power));
	f->d3cold_allowed = read_number(root, f, "d3cold_allowed", -1);
}

int pci_function_read(const struct sysroot *root, const struct pci_address *address,
                      struct pci_function *f, struct err *err)
{
	char path[PCI_PATH_SIZE];

	*f = (struct pci_function){ .address = *address };
	pci_address_text(address, f->name);
	pci_path(path, f->name, "vendor");
	if (!sysroot_exists(root, path))
		return err_set(err, ENODEV,
		               "there is no PCI function %s; see kvm-assign list",
		               f->name);
	read_function(root, f);
	return 0;
}

static int by_address(const void *a, const void *b)
{
	const struct pci_function *x = a, *y = b;

	return pci_address_compare(&x->address, &y->address);
}

int pci_functions_read(const struct sysroot *root, struct pci_functions *list,
                       struct err *err)
{
	struct names names;
	int ret = sysroot_list(root, PCI_DEVICES, &names);

	*list = (struct pci_functions){ 0 };
	if (ret < 0 && ret != -ENOENT) {
		names_free(&names);
		return err_sys(err, -ret, "cannot list /" PCI_DEVICES);
	}
	list->function = calloc(names.count + 1, sizeof(*list->function));
	for (unsigned i = 0; list->function && i < names.count; i++) {
		struct pci_address address;

		if (pci_address_parse(names.name[i], &address) &&
		    !pci_function_read(root, &address, &list->function[list->count],
		                       NULL))
			list->count++;
	}
	names_free(&names);
	if (!list->function)
		return err_sys(err, ENOMEM, "cannot list PCI functions");
	qsort(list->function, list->count, sizeof(*list->function), by_address);
	return 0;
}

/* Base class 06: 00 host, 01 ISA ... 09 semi-transparent; 80 (other) has NTBs, which are
 * endpoints. */
bool pci_is_bridge(const struct pci_function *f)
{
	return f->class >> 16 == 0x06 && (f->class >> 8 & 0xff) < 0x80;
}

bool pci_is_port(const struct pci_function *f)
{
	return f->class >> 8 == 0x0604;
}

bool pci_is_vfio_driver(const char *driver)
{
	return !strncmp(driver, "vfio-", 5) || strstr(driver, "-vfio-pci") ||
	       strstr(driver, "_vfio_pci");
}
