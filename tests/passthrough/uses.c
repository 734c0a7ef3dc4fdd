// SPDX-License-Identifier: GPL-2.0-or-later
/* What the host does with disks and interfaces: each use is found, and nothing else. */
#include "passthrough/disk.h"
#include "passthrough/nic.h"
#include "passthrough/share.h"

#include "tests/passthrough/host-lib.h"
#include "tests/tap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SELF "proc/self/mountinfo"

/* ---- disks ---- */

static const char *disk(const struct host *h)
{
	struct pci_function f = host_function(h, "0000:00:05.0");
	struct findings list = { 0 };

	disk_check(&h->root, &f, &list);
	return host_reasons(&list);
}

static const char *disk_text(const struct host *h)
{
	static char text[400];
	struct pci_function f = host_function(h, "0000:00:05.0");
	struct findings list = { 0 };

	disk_check(&h->root, &f, &list);
	snprintf(text, sizeof(text), "%s", list.count ? list.finding[0].text : "");
	findings_free(&list);
	return text;
}

static void test_mounts(const struct host *h)
{
	host_file(h, SELF, "21 1 8:17 / /data rw - ext4 /dev/sdb1 rw\n");
	tap_str(disk(h), "", "another disk's mount");
	host_file(h, SELF,
	          "21 1 8:1 / /data rw shared:1 - ext4 /dev/sda1 rw\n"
	          "22 1 8:1 /x /y rw - ext4 /dev/sda1 rw\n");
	tap_str(disk(h), "mounted mounted ", "two mounts");
	tap_str(disk_text(h), "sda1 is mounted on /data", "in words");
	host_file(h, SELF, "21 1 8:1 / / rw - ext4 /dev/sda1 rw\n");
	tap_str(disk(h), "root-disk ", "the root file system");
	host_file(h, SELF, "21 1 0:30 /@home /home rw - btrfs /dev/sda1 rw\n");
	tap_str(disk(h), "mounted ", "btrfs hides the number");
	host_file(h, SELF, "21 1 8:10 / /data rw - ext4 /dev/sda10 rw\n");
	tap_str(disk(h), "", "sda10 is not sda1, nor 8:10 8:1");
	host_file(h, SELF, "");
	host_link(h, "proc/1/ns/mnt", "mnt:[1]");
	host_link(h, "proc/7/ns/mnt", "mnt:[7]");
	host_file(h, "proc/7/mountinfo", "21 1 8:1 / /srv rw - ext4 /dev/sda1 rw\n");
	tap_str(disk_text(h), "sda1 is mounted on /srv", "a mount of another namespace");
	host_file(h, "proc/7/mountinfo", "");
}

static void test_others(const struct host *h)
{
	host_file(h, "proc/swaps",
	          "Filename Type Size Used Priority\n"
	          "/dev/sda10 partition 1 0 -2\n");
	tap_str(disk(h), "", "swap elsewhere");
	host_file(h, "proc/swaps",
	          "Filename Type Size Used Priority\n"
	          "/dev/sda1                partition 1 0 -2\n");
	tap_str(disk(h), "swap ", "swap");
	host_file(h, "proc/swaps", "");
	host_pci_file(h, "0000:00:05.0", "block/sda/sda1/holders/md0", "");
	tap_str(disk(h), "md ", "a RAID");
	tap_has(disk_text(h), "mdadm --stop /dev/md0", "and its remedy");
	sysroot_remove(&h->root, "sys/devices/pci0000:00/0000:00:05.0/block/sda/sda1/"
	                         "holders/md0");
	host_pci_file(h, "0000:00:05.0", "block/sda/sda1/holders/dm-0", "");
	host_file(h, "sys/devices/virtual/block/dm-0/dm/name", "vg-root\n");
	host_file(h, "sys/devices/virtual/block/dm-0/dm/uuid", "LVM-abc\n");
	host_file(h, "sys/devices/virtual/block/dm-0/dev", "254:0\n");
	host_link(h, "sys/class/block/dm-0", "../../devices/virtual/block/dm-0");
	tap_str(disk(h), "dm ", "LVM");
	tap_has(disk_text(h), "the logical volume vg-root", "and its volume");
	host_file(h, SELF, "21 1 254:0 / / rw - ext4 /dev/mapper/vg-root rw\n");
	tap_str(disk(h), "dm root-disk ", "with the root file system above");
	host_file(h, SELF, "");
	host_file(h, "sys/devices/virtual/block/dm-0/dm/uuid", "CRYPT-LUKS2-abc\n");
	tap_has(disk_text(h), "cryptsetup close", "encryption");
	sysroot_remove(&h->root, "sys/devices/pci0000:00/0000:00:05.0/block/sda/sda1/"
	                         "holders/dm-0");
	host_pci_file(h, "0000:00:05.0", "block/sda/holders/bcache0", "");
	tap_str(disk(h), "claimed ", "any other holder");
	sysroot_remove(&h->root,
	               "sys/devices/pci0000:00/0000:00:05.0/block/sda/holders/bcache0");
}

static void test_content(const struct host *h)
{
	host_file(h, "run/udev/data/b8:1", "E:ID_FS_TYPE=ext4\n");
	tap_str(disk(h), "", "an unmounted file system is no use");
	host_file(h, "run/udev/data/b8:1", "E:ID_FS_TYPE=LVM2_member\n");
	tap_str(disk(h), "signature ", "an unused LVM member is a warning");
	host_file(h, "run/udev/data/b8:1", "E:X=1\nE:ID_FS_TYPE=zfs_member\nE:Y=2\n");
	tap_str(disk(h), "signature ", "a ZFS member without a pool, too");
	host_file(h, "proc/spl/kstat/zfs/tank/state", "ONLINE\n");
	tap_str(disk(h), "zfs ", "with one it is in use");
	host_file(h, "run/udev/data/b8:1", "");
	tap_str(disk(h), "", "nothing");
}

static void test_multipath(const struct host *h)
{
	host_link(h, "sys/class/nvme-subsystem/nvme-subsys0",
	          "../../devices/virtual/nvme-subsystem/nvme-subsys0");
	host_file(h, "sys/devices/virtual/nvme-subsystem/nvme-subsys0/nvme0n1/dev",
	          "259:0\n");
	host_link(h, "sys/class/block/nvme0n1",
	          "../../devices/virtual/nvme-subsystem/nvme-subsys0/nvme0n1");
	host_file(h, SELF, "21 1 259:0 / /data rw - ext4 /dev/nvme0n1 rw\n");
	tap_str(disk(h), "", "a namespace of other controllers");
	host_file(h, "sys/devices/virtual/nvme-subsystem/nvme-subsys0/nvme0", "");
	host_link(h, "sys/class/nvme/nvme0",
	          "../../devices/pci0000:00/0000:00:05.0/nvme/nvme0");
	tap_str(disk_text(h), "nvme0n1 is mounted on /data", "a namespace of this one");
}

/* ---- interfaces ---- */

#define HEAD \
	"Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n"
#define DEFAULT4 "eth0\t00000000\t0100000A\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"
#define NET4     "eth1\t0000000A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n"
#define LOCAL4   "eth2\t0000FEA9\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0\n"
#define REJECT4  "eth4\t00000000\t00000000\t0201\t0\t0\t0\t00000000\t0\t0\t0\n"
#define DOWN4    "eth3\t0000000A\t00000000\t0000\t0\t0\t0\t00FFFFFF\t0\t0\t0\n"
#define REST6                                                                    \
	" 00000000000000000000000000000000 00 00000000000000000000000000000000 " \
	"00000400 00000001 00000000 "
#define DEFAULT6 "00000000000000000000000000000000 00" REST6 "00000003     eth6\n"
#define REJECT6  "00000000000000000000000000000000 00" REST6 "00200200       lo\n"
#define LOCAL6   "fe800000000000000000000000000000 40" REST6 "00000001     eth2\n"
#define NET6     "20010db8000000000000000000000000 20" REST6 "00000001     eth7\n"
#define MULTI6   "ff000000000000000000000000000000 08" REST6 "00000001     eth2\n"

static const char *towards(const char *route, const char *route6, const char *peer)
{
	static char name[NIC_NAME_SIZE];

	nic_towards(route, route6, peer, name);
	return name;
}

static void test_tables(void)
{
	const char *r4 = HEAD DEFAULT4 NET4 LOCAL4 REJECT4 DOWN4;
	const char *r6 = REJECT6 LOCAL6 NET6 MULTI6 DEFAULT6;

	tap_eq(nic_routes(r4, r6, "eth0"), NIC_ROUTE_DEFAULT, "the default route");
	tap_eq(nic_routes(r4, r6, "eth1"), NIC_ROUTE_OTHER, "a network");
	tap_eq(nic_routes(r4, r6, "eth2"), NIC_ROUTE_NONE, "link-local only");
	tap_eq(nic_routes(r4, r6, "eth3"), NIC_ROUTE_NONE, "a route that is down");
	tap_eq(nic_routes(r4, r6, "eth6"), NIC_ROUTE_DEFAULT, "IPv6's default route");
	tap_eq(nic_routes(r4, r6, "eth7"), NIC_ROUTE_OTHER, "an IPv6 network");
	tap_eq(nic_routes(r4, r6, "eth4"), NIC_ROUTE_NONE, "a route that refuses");
	tap_eq(nic_routes(r4, r6, "lo"), NIC_ROUTE_NONE, "a route that rejects");
	tap_eq(nic_routes("", "", "eth0"), NIC_ROUTE_NONE, "no tables");
	tap_eq(nic_routes("junk\n\t\n", "x y z\n", "junk"), NIC_ROUTE_NONE, "junk");
	tap_str(towards(r4, r6, "10.0.0.9"), "eth1", "the most specific route");
	tap_str(towards(r4, r6, "192.0.2.1"), "eth0", "else the default one");
	tap_str(towards(r4, r6, "::ffff:10.0.0.9"), "eth1", "IPv4 in IPv6");
	tap_str(towards(r4, r6, "2001:db8:1::1"), "eth7", "IPv6");
	tap_str(towards(r4, r6, "2001:db9::1"), "eth6", "IPv6 by default");
	tap_str(towards(r4, r6, "nobody"), "", "no address");
	tap_str(towards(HEAD NET4, "", "10.0.1.9"), "", "no way");
}

static const char *nic(const struct host *h, const char *peer)
{
	struct pci_function f = host_function(h, "0000:00:06.0");
	struct findings list = { 0 };

	nic_check(&h->root, &f, peer, &list);
	return host_reasons(&list);
}

static void test_interfaces(const struct host *h)
{
	host_file(h, "proc/net/route", HEAD NET4);
	tap_str(nic(h, ""), "", "an interface without routes");
	host_file(h, "proc/net/route", HEAD NET4 DEFAULT4);
	tap_str(nic(h, ""), "default-route ", "the default route");
	tap_str(nic(h, "192.0.2.1"), "ssh default-route ", "SSH");
	tap_str(nic(h, "10.0.0.9"), "default-route ", "SSH by another way");
	host_file(h, "proc/net/route",
	          HEAD "br0\t00000000\t0100000A\t0003\t0\t0\t0\t00000000\t0\t0\t0\n");
	host_link(h, "sys/class/net/br0", "../../devices/virtual/net/br0");
	host_file(h, "sys/devices/virtual/net/br0/bridge/stp", "0");
	host_link(h, "sys/devices/virtual/net/br0/lower_bond0", "../bond0");
	host_link(h, "sys/class/net/bond0", "../../devices/virtual/net/bond0");
	host_file(h, "sys/devices/virtual/net/bond0/bonding/mode", "x");
	host_link(h, "sys/devices/virtual/net/bond0/lower_eth0", "../eth0");
	host_link(h, "sys/devices/pci0000:00/0000:00:06.0/net/eth0/master",
	          "../../../../virtual/net/bond0");
	tap_str(nic(h, ""), "master ", "a bond");
	tap_str(nic(h, "192.0.2.1"), "ssh master ", "SSH through bridge and bond");
	host_link(h, "sys/devices/pci0000:00/0000:00:06.0/net/eth0/upper_bond0",
	          "../bond0");
	tap_str(nic(h, ""), "master ", "the bond is told once");
	host_link(h, "sys/devices/pci0000:00/0000:00:06.0/net/eth0/upper_eth0.7", "../v");
	tap_str(nic(h, ""), "master upper ", "a VLAN");
	/* A tree that goes round must not hang. */
	host_link(h, "sys/devices/virtual/net/bond0/lower_br0", "../br0");
	tap_str(nic(h, "192.0.2.1"), "ssh master upper ", "a loop of interfaces");
}

/* ---- shared folders and consoles ---- */

static const char *share(const struct host *h)
{
	struct pci_function f = host_function(h, "0000:00:07.0");
	struct findings list = { 0 };

	share_check(&h->root, &f, &list);
	return host_reasons(&list);
}

static void test_shares(const struct host *h)
{
	host_pci(h, "0000:00:07.0", 0x1af4, 0x1009, 0x000200, "virtio-pci", 7);
	host_pci_file(h, "0000:00:07.0", "virtio3/mount_tag", "tools\n");
	host_file(h, SELF, "21 1 0:20 / / rw - ext4 tools rw\n");
	tap_str(share(h), "", "a source of that name, but no shared folder");
	host_file(h, SELF, "21 1 0:20 / / rw - 9p toolsbox rw\n");
	tap_str(share(h), "", "another shared folder");
	host_file(h, SELF, "21 1 0:20 / /mnt rw - 9p tools rw\n");
	tap_str(share(h), "mounted ", "the shared folder is mounted");
	host_file(h, SELF, "21 1 0:20 / / rw - 9p tools rw\n");
	tap_str(share(h), "root-disk ", "the system runs from a shared folder");
	sysroot_remove(&h->root, "sys/devices/pci0000:00/0000:00:07.0/virtio3/mount_tag");
	host_file(h, SELF, "21 1 0:20 / / rw - virtiofs any rw\n");
	tap_str(share(h), "", "no driver of shared folders");
	host_link(h, "sys/devices/pci0000:00/0000:00:07.0/virtio3/driver",
	          "../../../../bus/virtio/drivers/virtiofs");
	tap_str(share(h), "root-disk ", "virtiofs does not say which folder it is");
	host_file(h, SELF, "");
}

static void test_consoles(const struct host *h)
{
	host_pci(h, "0000:00:07.0", 0x1af4, 0x1003, 0x078000, "virtio-pci", 7);
	host_file(h, "proc/consoles", "tty0 -WU (EC  )  4:7\nhvc0 -W- (EC p ) 229:0\n");
	tap_str(share(h), "", "the console of another device");
	sysroot_remove(&h->root, "sys/devices/pci0000:00/0000:00:07.0/virtio3/driver");
	host_link(h, "sys/devices/pci0000:00/0000:00:07.0/virtio3/driver",
	          "../../../../bus/virtio/drivers/virtio_console");
	tap_str(share(h), "console ", "a virtio console");
	host_file(h, "proc/consoles", "ttyS4 -W- (EC p ) 4:68\n");
	tap_str(share(h), "", "a serial console on the board");
	host_link(h, "sys/class/tty/ttyS4",
	          "../../devices/pci0000:00/0000:00:07.0/tty/ttyS4");
	host_pci_file(h, "0000:00:07.0", "tty/ttyS4/dev", "4:68\n");
	tap_str(share(h), "console ", "a serial console on the card");
}

int main(void)
{
	struct host h;

	test_tables();
	if (!host_begin(&h))
		return tap_done();
	host_pci(&h, "0000:00:05.0", 0x1b36, 0x0010, 0x010802, "nvme", 5);
	host_disk(&h, "0000:00:05.0", "sda", "8:0\n");
	host_disk(&h, "0000:00:05.0", "sda/sda1", "8:1\n");
	host_pci(&h, "0000:00:06.0", 0x8086, 0x10d3, 0x020000, "e1000e", 6);
	host_net(&h, "0000:00:06.0", "eth0");
	test_mounts(&h);
	test_others(&h);
	test_content(&h);
	test_multipath(&h);
	test_interfaces(&h);
	test_shares(&h);
	test_consoles(&h);
	host_end(&h);
	return tap_done();
}
