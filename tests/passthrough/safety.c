// SPDX-License-Identifier: GPL-2.0-or-later
/* The rules on hosts made of files: groups, interrupts, displays, bridges, resets. */
#include "passthrough/safety.h"

#include "passthrough/group.h"
#include "passthrough/limits.h"
#include "tests/passthrough/host-lib.h"
#include "tests/tap.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define A "0000:00:05.0"
#define B "0000:00:06.0"

/* Reads the host anew and judges A; chosen marks B, too. */
static const char *judge(const struct host *h, bool guest, bool with_b)
{
	struct pci_functions functions;
	struct findings list = { 0 };
	struct holders holders;
	struct err err = { 0 };
	bool chosen[16] = { false };
	struct situation s = { .root = &h->root,
		               .functions = &functions,
		               .holders = &holders,
		               .chosen = chosen,
		               .ssh_peer = "" };
	struct pci_function f = host_function(h, A);

	if (pci_functions_read(&h->root, &functions, &err) < 0 ||
	    holders_read(&h->root, &holders, &err) < 0)
		tap_ok(false, "%s", err.text);
	for (unsigned i = 0; i < functions.count; i++)
		chosen[i] = !strcmp(functions.function[i].name, A) ||
		            (with_b && !strcmp(functions.function[i].name, B));
	situation_read(&s);
	if (guest)
		safety_guest(&s, &f, &list);
	else
		safety_uses(&s, &f, &list);
	free(functions.function);
	holders_free(&holders);
	return host_reasons(&list);
}

static const char *uses(const struct host *h)
{
	return judge(h, false, false);
}

static const char *guest(const struct host *h)
{
	return judge(h, true, false);
}

static void test_groups(const struct host *h)
{
	tap_str(guest(h), "", "alone in its group");
	host_pci(h, B, 0x8086, 0x100e, 0x020000, "e1000", 5);
	tap_str(guest(h), "shared-group slots ", "with another slot's function");
	host_pci_file(h, A, "class", "0x060400\n");
	tap_str(guest(h), "", "which is no reason to move a bridge");
	host_pci_file(h, A, "class", "0x020000\n");
	tap_str(judge(h, true, true), "slots ", "which comes along");
	host_link(h, "sys/devices/pci0000:00/" B "/driver",
	          "../../../bus/pci/drivers/pci-stub");
	tap_str(guest(h), "slots ", "which pci-stub has");
	host_link(h, "sys/devices/pci0000:00/" B "/driver",
	          "../../../bus/pci/drivers/vfio-pci");
	tap_str(guest(h), "slots ", "or vfio-pci");
	host_link(h, "sys/devices/pci0000:00/" B "/driver",
	          "../../../bus/pci/drivers/pcieport");
	host_pci_file(h, B, "class", "0x060400\n");
	tap_str(guest(h), "", "a root port does not matter");
	host_pci_file(h, B, "class", "0x060100\n");
	host_link(h, "sys/devices/pci0000:00/" B "/driver",
	          "../../../bus/pci/drivers/lpc_ich");
	tap_str(guest(h), "shared-group slots ", "an ISA bridge with a driver does");
	host_link(h, "sys/devices/pci0000:00/" B "/iommu_group",
	          "../../../kernel/iommu_groups/6");
	tap_str(guest(h), "", "in another group it does not");
}

static void test_regions(const struct host *h)
{
	host_file(h, "sys/kernel/iommu_groups/5/reserved_regions",
	          "0x00000000000a0000 0x00000000000bffff direct-relaxable\n"
	          "0x00000000fee00000 0x00000000feefffff msi\n");
	tap_str(guest(h), "", "a relaxable region is harmless");
	host_file(h, "sys/kernel/iommu_groups/5/reserved_regions",
	          "0x00000000fee00000 0x00000000feefffff msi\n"
	          "0x00000000bdf00000 0x00000000bdffffff direct\n");
	tap_str(guest(h), "rmrr ", "a direct one is not");
	host_file(h, "sys/kernel/iommu_groups/5/reserved_regions", "");
}

static void test_iommu(const struct host *h)
{
	host_file(h, "proc/interrupts", " 24:  0  IR-PCI-MSI 1-edge nvme\n");
	tap_str(guest(h), "", "remapped interrupts");
	host_file(h, "proc/interrupts", " 24:  0  PCI-MSI 1-edge nvme\n");
	tap_str(guest(h), "unsafe-interrupts ", "interrupts that are not");
	host_file(h, "sys/module/vfio_iommu_type1/parameters/allow_unsafe_interrupts",
	          "Y\n");
	tap_str(guest(h), "", "and are allowed");
	host_file(h, "proc/interrupts", "");
	sysroot_remove(&h->root, "sys/devices/pci0000:00/" A "/iommu_group");
	tap_str(guest(h), "no-iommu ", "no group");
	host_file(h, "sys/module/vfio/parameters/enable_unsafe_noiommu_mode", "Y\n");
	tap_str(guest(h), "noiommu-mode ", "no group, and the kernel would allow it");
	host_link(h, "sys/devices/pci0000:00/" A "/iommu_group",
	          "../../../kernel/iommu_groups/5");
}

static void test_resets(const struct host *h)
{
	host_pci_file(h, A, "reset_method", "flr\n");
	tap_str(guest(h), "", "a function reset");
	host_pci_file(h, A, "reset_method", "bus\n");
	tap_str(guest(h), "reset ", "only with its bus");
	host_pci_file(h, A, "reset_method", "\n");
	tap_str(guest(h), "reset ", "none");
	host_pci_file(h, A, "reset_method", "flr\n");
	host_pci_file(h, A, "power_state", "D3cold\n");
	tap_str(guest(h), "power ", "asleep");
	host_pci_file(h, A, "power_state", "D0\n");
	host_file(h, "sys/module/vfio_pci/parameters/ids", "10de:1234,1B36:0010\n");
	tap_str(guest(h), "", "its IDs are taken, and it is alone");
	host_pci(h, "0000:00:07.0", 0x1b36, 0x0010, 0x010802, "nvme", 7);
	tap_str(guest(h), "twin-ids ", "a twin would be taken as well");
	host_file(h, "sys/module/vfio_pci/parameters/ids", "\n");
}

static void test_host(const struct host *h)
{
	tap_str(uses(h), "", "nobody uses it");
	host_pci_file(h, A, "sriov_totalvfs", "4\n");
	host_pci_file(h, A, "sriov_numvfs", "3\n");
	tap_str(uses(h), "has-vfs ", "it has virtual functions");
	host_pci_file(h, A, "sriov_numvfs", "0\n");
	host_pci_file(h, A, "class", "0x060400\n");
	tap_str(uses(h), "bridge ", "a PCI bridge");
	host_pci_file(h, A, "class", "0x060000\n");
	tap_str(uses(h), "bridge ", "a host bridge");
	host_pci_file(h, A, "class", "0x068000\n");
	tap_str(uses(h), "", "a non-transparent one is an endpoint");
	host_pci_file(h, A, "class", "0x030000\n");
	host_pci_file(h, A, "boot_vga", "1\n");
	tap_str(uses(h), "", "a boot display that nobody uses");
	host_file(h, "sys/class/vtconsole/vtcon0/name", "(S) dummy device\n");
	host_file(h, "sys/class/vtconsole/vtcon0/bind", "1\n");
	tap_str(uses(h), "", "no console on it");
	host_file(h, "sys/class/vtconsole/vtcon1/name", "(M) frame buffer device\n");
	host_file(h, "sys/class/vtconsole/vtcon1/bind", "0\n");
	tap_str(uses(h), "", "one that is not bound");
	host_file(h, "sys/class/vtconsole/vtcon1/bind", "1\n");
	tap_str(uses(h), "boot-vga ", "one that is");
	host_file(h, "sys/class/vtconsole/vtcon1/bind", "0\n");
	host_file(h, "proc/iomem", "e0000000-e07fffff : BOOTFB\n");
	tap_str(uses(h), "boot-vga ", "firmware's frame buffer");
	host_pci_file(h, A, "boot_vga", "0\n");
	tap_str(uses(h), "", "is of another card");
}

static void test_holders(const struct host *h)
{
	static const char cmdline[] = "vmm\0-m\0"
				      "1G\0-name\0guest=web,process=x\0";
	char name[64];

	host_file(h, "proc/77/comm", "vmm\n");
	host_link(h, "proc/77/fd/3", "/dev/vfio/vfio");
	tap_str(uses(h), "", "a container alone holds nothing");
	host_link(h, "proc/77/fd/4", "/dev/vfio/55");
	tap_str(uses(h), "", "another group");
	host_link(h, "proc/77/fd/5", "/dev/vfio/5");
	host_link(h, "proc/77/fd/6", "/dev/vfio/5");
	tap_str(uses(h), "held ", "its group, told once");
	host_link(h, "proc/77/fd/5", "/dev/null");
	host_link(h, "proc/77/fd/6", "/dev/vfio/devices/vfio2");
	tap_str(uses(h), "", "another function's own node");
	host_pci_file(h, A, "vfio-dev/vfio2/dev", "1:1\n");
	tap_str(uses(h), "held ", "its own");
	host_link(h, "proc/77/fd/6", "/dev/vfio/noiommu-5");
	tap_str(uses(h), "held ", "its node without an IOMMU");
	host_link(h, "proc/77/fd/6", "/dev/null");
	holder_guest(cmdline, sizeof(cmdline), name);
	tap_str(name, "web", "a guest's name");
	holder_guest("vmm\0-name", 9, name);
	tap_str(name, "", "none at the end");
}

static void test_forced(void)
{
	struct forced forced = { 0 };
	struct strbuf help = { 0 };
	struct err err = { 0 };

	tap_eq(forced_parse(&forced, "mounted,ssh", &err), 0, "two reasons");
	tap_ok(forced.reason[REASON_MOUNTED] && forced.reason[REASON_SSH] &&
	               !forced.reason[REASON_SWAP],
	       "are those two");
	tap_eq(forced_parse(&forced, "root-disk", &err), -EINVAL, "one that is final");
	tap_has(err.text, "'root-disk' cannot be forced", "says so");
	tap_ok(err.usage && !forced.reason[REASON_ROOT_DISK], "and is not taken");
	err_clear(&err);
	tap_eq(forced_parse(&forced, "mountd", &err), -EINVAL, "a wrong one");
	tap_has(err.text, "did you mean 'mounted'", "has a neighbour");
	err_clear(&err);
	tap_eq(forced_parse(&forced, "reset", &err), -EINVAL, "a warning");
	forced_help(&help);
	tap_has(help.data, "default-route ", "help lists what can be forced");
	tap_ok(!strstr(help.data, "held") && !strstr(help.data, "root-disk"),
	       "and nothing else");
	strbuf_free(&help);
}

static void test_limits(void)
{
	struct limits l = { .locked_soft = 1 << 20,
		            .locked_hard = 1ull << 30,
		            .total = 8ull << 30 };

	tap_eq(limits_judge(&l, 512 << 20), LIMITS_RAISE_SOFT, "below the hard limit");
	tap_eq(limits_judge(&l, 1ull << 30), LIMITS_RAISE_HARD, "above, with the rest");
	tap_eq(limits_judge(&l, 8ull << 30), LIMITS_NO_MEMORY, "more than there is");
	tap_eq(limits_judge(&l, UINT64_MAX), LIMITS_NO_MEMORY, "more than a number");
	l.exempt = true;
	tap_eq(limits_judge(&l, 1ull << 30), LIMITS_FIT, "exempt");
	l = (struct limits){ .locked_soft = UINT64_MAX, .locked_hard = UINT64_MAX };
	tap_eq(limits_judge(&l, 1ull << 40), LIMITS_FIT, "no limit, memory unknown");
}

int main(void)
{
	struct host h;

	test_forced();
	test_limits();
	if (!host_begin(&h))
		return tap_done();
	host_pci(&h, A, 0x1b36, 0x0010, 0x010802, "nvme", 5);
	host_pci_file(&h, A, "reset_method", "flr\n");
	test_groups(&h);
	test_regions(&h);
	test_iommu(&h);
	test_resets(&h);
	test_host(&h);
	test_holders(&h);
	host_end(&h);
	return tap_done();
}
