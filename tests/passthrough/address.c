// SPDX-License-Identifier: GPL-2.0-or-later
/* Addresses of functions, and the names that lead to them. */
#include "passthrough/address.h"

#include "passthrough/resolve.h"
#include "tests/passthrough/host-lib.h"
#include "tests/tap.h"

#include <stdlib.h>
#include <string.h>

static const char *canonical(const char *text)
{
	static char name[PCI_ADDRESS_SIZE];
	struct pci_address a;

	if (!pci_address_parse(text, &a))
		return "no";
	pci_address_text(&a, name);
	return name;
}

static void test_forms(void)
{
	struct pci_address a, b;

	tap_str(canonical("0000:04:00.0"), "0000:04:00.0", "the kernel's form");
	tap_str(canonical("04:00.7"), "0000:04:00.7", "without a domain");
	tap_str(canonical("AF:1f.3"), "0000:af:1f.3", "capital letters");
	tap_str(canonical("pci_0000_04_00_1"), "0000:04:00.1", "libvirt's form");
	tap_str(canonical("10000:e1:00.0"), "10000:e1:00.0", "a domain of five digits");
	tap_str(canonical("04:00"), "no", "no function");
	tap_str(canonical("04:20.0"), "no", "slot 32");
	tap_str(canonical("04:00.8"), "no", "function 8");
	tap_str(canonical("4:00.0"), "no", "a short bus");
	tap_str(canonical("000:04:00.0"), "no", "a short domain");
	tap_str(canonical("123456789:04:00.0"), "no", "a long domain");
	tap_str(canonical("04:00.0 "), "no", "something after it");
	tap_str(canonical("pci_0000_04_00.1"), "no", "mixed forms");
	tap_str(canonical(""), "no", "nothing");
	tap_ok(pci_address_parse("04:00.1", &a) && pci_address_parse("04:01.0", &b) &&
	               pci_address_compare(&a, &b) < 0 &&
	               pci_address_compare(&b, &a) > 0 && !pci_address_compare(&a, &a),
	       "they have an order");
}

static void test_paths(void)
{
	struct pci_address a;
	char name[PCI_ADDRESS_SIZE];

	tap_ok(pci_address_in_path(
		       "devices/pci0000:00/0000:00:1c.0/0000:04:00.0/net/eth0", &a),
	       "a path with two");
	pci_address_text(&a, name);
	tap_str(name, "0000:04:00.0", "the last counts");
	tap_ok(!pci_address_in_path("devices/virtual/net/lo", &a), "a path without");
	tap_ok(pci_path_through("devices/pci0000:00/0000:00:05.0/block/sda",
	                        "0000:00:05.0"),
	       "through it");
	tap_ok(!pci_path_through("devices/pci0000:00/x0000:00:05.0/y", "0000:00:05.0") &&
	               !pci_path_through("devices/0000:00:05.00/y", "0000:00:05.0"),
	       "parts of names do not count");
}

static const char *resolved(const struct host *h, const char *word, struct err *err)
{
	static char name[PCI_ADDRESS_SIZE];
	struct pci_address a;

	err_clear(err);
	if (resolve_device(&h->root, word, &a, err) < 0)
		return "no";
	pci_address_text(&a, name);
	return name;
}

static void test_names(struct host *h)
{
	struct err err = { 0 };

	host_pci(h, "0000:00:05.0", 0x8086, 0x10d3, 0x020000, "e1000e", 5);
	host_pci(h, "0000:00:06.0", 0x1b36, 0x0010, 0x010802, "nvme", 6);
	host_pci(h, "0000:00:07.0", 0x1b36, 0x0010, 0x010802, "nvme", 7);
	host_net(h, "0000:00:05.0", "eth0");
	host_disk(h, "0000:00:06.0", "sda", "8:0\n");
	host_disk(h, "0000:00:06.0", "sda/sda1", "8:1\n");
	host_link(h, "sys/class/net/lo", "../../devices/virtual/net/lo");
	host_link(h, "dev/disk/by-id/ata-x", "../../sda1");
	tap_str(resolved(h, "eth0", &err), "0000:00:05.0", "an interface");
	tap_str(resolved(h, "sda", &err), "0000:00:06.0", "a disk");
	tap_str(resolved(h, "/dev/sda1", &err), "0000:00:06.0", "a node of a partition");
	tap_str(resolved(h, "/dev/disk/by-id/ata-x", &err), "0000:00:06.0",
	        "a link to a node");
	tap_str(resolved(h, "lo", &err), "no", "no PCI device");
	tap_has(err.text, "lo is no PCI device: it hangs at /sys/devices/virtual/net/lo",
	        "is named");
	tap_str(resolved(h, "../net/eth0", &err), "no", "no way out of the class");
	tap_str(resolved(h, "eth9", &err), "no", "nothing of that name");
	tap_has(err.text, "'eth9' is neither", "is named");

	/* Two controllers, one subsystem, one namespace. */
	host_link(h, "sys/class/nvme-subsystem/nvme-subsys0",
	          "../../devices/virtual/nvme-subsystem/nvme-subsys0");
	host_file(h, "sys/devices/virtual/nvme-subsystem/nvme-subsys0/nvme0n1/dev",
	          "259:0");
	host_link(h, "sys/class/block/nvme0n1",
	          "../../devices/virtual/nvme-subsystem/nvme-subsys0/nvme0n1");
	host_link(h, "sys/devices/virtual/nvme-subsystem/nvme-subsys0/nvme0",
	          "../../../pci0000:00/0000:00:06.0/nvme/nvme0");
	host_link(h, "sys/class/nvme/nvme0",
	          "../../devices/pci0000:00/0000:00:06.0/nvme/nvme0");
	tap_str(resolved(h, "nvme0n1", &err), "0000:00:06.0",
	        "a namespace with one controller");
	host_link(h, "sys/devices/virtual/nvme-subsystem/nvme-subsys0/nvme1",
	          "../../../pci0000:00/0000:00:07.0/nvme/nvme1");
	host_link(h, "sys/class/nvme/nvme1",
	          "../../devices/pci0000:00/0000:00:07.0/nvme/nvme1");
	tap_str(resolved(h, "nvme0n1", &err), "no", "a namespace with two");
	tap_has(err.text, "reached through 2 PCI functions", "is ambiguous");
	tap_str(resolved(h, "nvme1", &err), "0000:00:07.0", "a controller is not");
}

static void test_functions(struct host *h)
{
	struct pci_function f;
	struct pci_functions list;
	struct err err = { 0 };

	host_pci_file(h, "0000:00:05.0", "numa_node", "-1\n");
	host_pci_file(h, "0000:00:05.0", "reset_method", "flr bus\n");
	host_pci_file(h, "0000:00:05.0", "reset", "");
	host_pci_file(h, "0000:00:06.0", "reset", "");
	host_pci_file(h, "0000:00:06.0", "sriov_totalvfs", "4\n");
	host_pci_file(h, "0000:00:06.0", "sriov_numvfs", "2\n");
	host_pci_file(h, "0000:00:06.0", "driver_override", "vfio-pci\n");
	f = host_function(h, "0000:00:05.0");
	tap_ok(f.vendor == 0x8086 && f.device == 0x10d3 && f.class == 0x020000,
	       "its IDs");
	tap_ok(!strcmp(f.driver, "e1000e") && !*f.override && f.group == 5, "its driver");
	tap_ok(f.node == -1 && f.resets_known && !strcmp(f.resets, "flr bus"),
	       "its resets");
	f = host_function(h, "0000:00:06.0");
	tap_ok(f.sriov && f.vfs_max == 4 && f.vfs == 2, "its virtual functions");
	tap_ok(!strcmp(f.override, "vfio-pci") && !f.resets_known,
	       "an old kernel does not name resets");
	f = host_function(h, "0000:00:07.0");
	tap_ok(f.resets_known && !*f.resets, "no reset at all is known");
	tap_eq(pci_functions_read(&h->root, &list, &err), 0, "all functions");
	tap_ok(list.count == 3 && !strcmp(list.function[2].name, "0000:00:07.0"),
	       "are in order");
	free(list.function);
}

int main(void)
{
	struct host h;

	test_forms();
	test_paths();
	if (!host_begin(&h))
		return tap_done();
	test_names(&h);
	test_functions(&h);
	host_end(&h);
	return tap_done();
}
