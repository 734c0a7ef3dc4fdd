// SPDX-License-Identifier: GPL-2.0-or-later
/* Hosts made of files. */
#include "tests/passthrough/host-lib.h"

#include "tests/probe/dir-lib.h"
#include "tests/tap.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

bool host_begin(struct host *h)
{
	struct err err = { 0 };

	if (!test_dir(h->dir))
		return tap_ok(false, "a directory for the host");
	return !sysroot_open(&h->root, h->dir, &err) || tap_ok(false, "%s", err.text);
}

void host_end(struct host *h)
{
	sysroot_close(&h->root);
	tap_ok(test_dir_remove(h->dir), "the host is removed");
}

void host_file(const struct host *h, const char *path, const char *text)
{
	if (sysroot_replace(&h->root, path, text, 0644) < 0)
		tap_ok(false, "cannot write %s", path);
}

void host_link(const struct host *h, const char *path, const char *target)
{
	char full[700];

	/* A file first, for its folders. */
	host_file(h, path, "");
	snprintf(full, sizeof(full), "%s/%s", h->dir, path);
	if (unlink(full) < 0 || symlink(target, full) < 0)
		tap_ok(false, "cannot link %s", path);
}

void host_pci_file(const struct host *h, const char *address, const char *file,
                   const char *text)
{
	char path[800];

	snprintf(path, sizeof(path), "sys/devices/pci0000:00/%s/%s", address, file);
	host_file(h, path, text);
}

static void number(const struct host *h, const char *address, const char *file,
                   const char *format, unsigned value)
{
	char text[32];

	snprintf(text, sizeof(text), format, value);
	host_pci_file(h, address, file, text);
}

static void pci_link(const struct host *h, const char *address, const char *file,
                     const char *target)
{
	char path[400];

	snprintf(path, sizeof(path), "sys/devices/pci0000:00/%s/%s", address, file);
	host_link(h, path, target);
}

void host_pci(const struct host *h, const char *address, unsigned vendor, unsigned device,
              unsigned class, const char *driver, int group)
{
	char path[400], target[300];

	number(h, address, "vendor", "0x%04x\n", vendor);
	number(h, address, "device", "0x%04x\n", device);
	number(h, address, "class", "0x%06x\n", class);
	host_pci_file(h, address, "driver_override", "(null)\n");
	snprintf(path, sizeof(path), PCI_DEVICES "/%s", address);
	snprintf(target, sizeof(target), "../../../devices/pci0000:00/%s", address);
	host_link(h, path, target);
	if (*driver) {
		snprintf(target, sizeof(target), "../../../bus/pci/drivers/%s", driver);
		pci_link(h, address, "driver", target);
		snprintf(path, sizeof(path), "sys/bus/pci/drivers/%s/unbind", driver);
		host_file(h, path, "");
		snprintf(path, sizeof(path), "sys/bus/pci/drivers/%s/bind", driver);
		host_file(h, path, "");
	}
	if (group >= 0) {
		snprintf(target, sizeof(target), "../../../kernel/iommu_groups/%d",
		         group);
		pci_link(h, address, "iommu_group", target);
		snprintf(path, sizeof(path), "sys/kernel/iommu_groups/%d/type", group);
		host_file(h, path, "DMA-FQ\n");
	}
}

void host_net(const struct host *h, const char *address, const char *name)
{
	char path[400], target[300];

	snprintf(path, sizeof(path), "net/%s/address", name);
	host_pci_file(h, address, path, "02:00:00:00:00:01\n");
	snprintf(path, sizeof(path), "sys/class/net/%s", name);
	snprintf(target, sizeof(target), "../../devices/pci0000:00/%s/net/%s", address,
	         name);
	host_link(h, path, target);
}

void host_disk(const struct host *h, const char *address, const char *path,
               const char *number)
{
	const char *name = strrchr(path, '/');
	char file[200], target[300];

	name = name ? name + 1 : path;
	snprintf(file, sizeof(file), "block/%s/dev", path);
	host_pci_file(h, address, file, number);
	snprintf(file, sizeof(file), "sys/class/block/%s", name);
	snprintf(target, sizeof(target), "../../devices/pci0000:00/%s/block/%s", address,
	         path);
	host_link(h, file, target);
}

struct pci_function host_function(const struct host *h, const char *address)
{
	struct pci_address a = { 0 };
	struct pci_function f = { 0 };
	struct err err = { 0 };

	if (!pci_address_parse(address, &a) ||
	    pci_function_read(&h->root, &a, &f, &err) < 0)
		tap_ok(false, "%s: %s", address, err.text);
	return f;
}

const char *host_reasons(struct findings *list)
{
	static char text[500];

	text[0] = '\0';
	for (unsigned i = 0; i < list->count; i++) {
		strncat(text, reason_name(list->finding[i].reason), 40);
		strncat(text, " ", 2);
	}
	findings_free(list);
	return text;
}
