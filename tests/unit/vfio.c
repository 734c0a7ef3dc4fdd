// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What vfio-pci decides without a function: which capabilities a guest sees, and what it
 * says of functions that are not there. All else needs real ones: tests/rig/vfio.t.
 */
#include "vmm/pci/vfio.h"
#include "common/bytes.h"
#include "tests/tap.h"

#include <string.h>

static uint8_t config[PCI_CONFIG_SIZE];
static struct vfio_cap caps[VFIO_CAPS];

static void start(uint8_t first)
{
	memset(config, 0, sizeof(config));
	st16(config + PCI_STATUS, PCI_STATUS_CAP_LIST);
	config[PCI_CAPABILITY_LIST] = first;
}

static void add(uint8_t at, uint8_t id, uint8_t next)
{
	config[at] = id;
	config[at + 1] = next;
}

static void test_usual(void)
{
	start(0xc8);
	add(0xc8, PCI_CAP_ID_PM, 0xd0);
	add(0xd0, PCI_CAP_ID_MSI, 0xe0);
	add(0xe0, PCI_CAP_ID_EXP, 0xa0);
	add(0xa0, PCI_CAP_ID_MSIX, 0);
	tap_eq(vfio_filter_caps(config, caps), 4, "a NIC's capabilities stay");
	tap_ok(caps[0].offset == 0xc8 && caps[1].offset == 0xd0 &&
	               caps[2].offset == 0xe0 && caps[3].offset == 0xa0 &&
	               caps[3].id == PCI_CAP_ID_MSIX,
	       "where they are, in their order");
	st16(config + PCI_STATUS, 0);
	tap_eq(vfio_filter_caps(config, caps), 0,
	       "without the status bit there are none");
}

static void test_hidden(void)
{
	start(0x40);
	add(0x40, PCI_CAP_ID_PCIX, 0x50);
	add(0x50, PCI_CAP_ID_HT, 0x60);
	add(0x60, PCI_CAP_ID_PM, 0x68);
	add(0x68, PCI_CAP_ID_SHPC, 0x70);
	add(0x70, PCI_CAP_ID_EA, 0x80);
	add(0x80, 0xff, 0);
	tap_eq(vfio_filter_caps(config, caps), 1, "those of other buses are hidden");
	tap_eq(caps[0].id, PCI_CAP_ID_PM, "the one between them is not");
}

static void test_twice(void)
{
	start(0x40);
	add(0x40, PCI_CAP_ID_MSI, 0x50);
	add(0x50, PCI_CAP_ID_VNDR, 0x60);
	add(0x60, PCI_CAP_ID_MSI, 0x70);
	add(0x70, PCI_CAP_ID_VNDR, 0);
	tap_eq(vfio_filter_caps(config, caps), 3,
	       "of two alike the first counts; a vendor may have several");
	tap_ok(caps[0].offset == 0x40 && caps[2].offset == 0x70, "as it does");
}

static void test_hostile(void)
{
	start(0x43);
	add(0x40, PCI_CAP_ID_PM, 0x4b);
	add(0x48, PCI_CAP_ID_VNDR, 0x40);
	tap_eq(vfio_filter_caps(config, caps), 2, "a circle is walked once");
	start(0x3c);
	add(0x3c, PCI_CAP_ID_PM, 0x40);
	tap_eq(vfio_filter_caps(config, caps), 0, "none is in the header");
	start(0xfc);
	add(0xfc, PCI_CAP_ID_MSIX, 0);
	tap_eq(vfio_filter_caps(config, caps), 1, "the last place is one");
	start(0x40);
	for (unsigned at = 0x40; at < PCI_CONFIG_SIZE; at += 4)
		add(at, PCI_CAP_ID_VNDR, at + 4);
	tap_eq(vfio_filter_caps(config, caps), VFIO_CAPS,
	       "no more than there is room for");
}

static void test_names(void)
{
	static const struct {
		const char *host, *sysfsdev, *want;
	} rows[] = {
		{ "ffff:ff:1f.7", NULL, "this host has no PCI function ffff:ff:1f.7; " },
		{ "ff:1f.7", NULL, "no PCI function 0000:ff:1f.7; kvm-assign list" },
		{ NULL, "/sys/bus/pci/devices/ffff:ff:1f.7", "function ffff:ff:1f.7" },
		{ NULL, NULL, "host=ADDRESS names the function" },
		{ "ff:1f.7", "/x", "host=ADDRESS names the function" },
		{ "../../etc", NULL, "'../../etc' is no address of a PCI function" },
		{ NULL, "/sys/../", "'' is no address" },
	};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct vfio_host host = { .state_dir = "/nowhere" };
		struct err err = { 0 };

		vfio_host_find(rows[i].host, rows[i].sysfsdev, &host, &err);
		tap_has(err.text, rows[i].want, "refused: %s", err.text);
	}
}

int main(void)
{
	test_usual();
	test_hidden();
	test_twice();
	test_hostile();
	test_names();
	return tap_done();
}
