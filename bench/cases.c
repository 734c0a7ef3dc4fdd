// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The cases. All subjects of a start-up case get the same RAM, one vCPU of
 * their default model (on a software-only KVM, QEMU 7.2 aborts with -cpu host) and one
 * serial port that goes nowhere; QEMU's are given nothing else to build.
 */
#include "bench/cases.h"

#include "common/cleanup.h"

#include <errno.h>
#include <string.h>

#define QEMU(machine)                                                                  \
	"{qemu}", "-accel", "kvm", "-M", (machine), "-nodefaults", "-display", "none", \
		"-serial", "null", "-m", "{ram}"
#define VMM    "{vmm}", "-display", "none", "-serial", "null", "-m", "{ram}"
#define KERNEL "-kernel", "{kernel}", "-append", "console=ttyS0 quiet"

const struct bench_case bench_cases[] = {
	{
		.id = "start",
		.title = "execve to the first KVM_RUN, without a kernel",
		.subjects = {
			{ "floor", { "{floor}", "{ram}" } },
			{ "vmm", { VMM } },
			{ "qemu-microvm", { QEMU("microvm") } },
			{ "qemu-pc", { QEMU("pc") } },
		},
		.rivals = { { "floor", 2.0 }, { "qemu-microvm", 0 }, { "qemu-pc", 0 } },
	},
	{
		.id = "start-kernel",
		.title = "execve to the first KVM_RUN, with Debian's cloud kernel",
		.subjects = {
			{ "vmm", { VMM, KERNEL } },
			{ "qemu-microvm", { QEMU("microvm"), KERNEL } },
			{ "qemu-pc", { QEMU("pc"), KERNEL } },
		},
		.rivals = { { "qemu-microvm", 0.25 }, { "qemu-pc", 0 } },
	},
	{ 0 },
};

#define GUEST                                                                          \
	"-no-reboot", "-initrd", "{initrd}", "-kernel", "{kernel}", "-append",         \
		"console=ttyS0 quiet panic=-1 rdinit=/bench/init", "-serial", "stdio", \
		"-display", "none", "-cpu", "host", "-m", "{ram}"

#define QEMU_GUEST(machine, disk)                                            \
	"{qemu}", "-accel", "kvm", "-M", (machine), "-nodefaults", "-drive", \
		"{qemu-drive}", "-device", (disk), GUEST

/*
 * microvm has no RTC under KVM unless asked for one, and Debian's kernel then reads the
 * missing one 20,000 times. The row with it shows what microvm is without that mishap.
 */
/* Firmware boots the kernel, so that both have the same screen. */
#define PC_DEVICES                                                           \
	"-device", "ide-hd,drive=d0,bus=ide.0", "-drive", "{cd}", "-device", \
		"ide-cd,drive=c0,bus=ide.1", "-vga", "std", "-vnc", "{vnc}", GUEST

/* A boot sector, and nothing else. */
#define BOOT_SECTOR                                                                   \
	"-drive", "{boot}", "-device", "ide-hd,drive=b0,bus=ide.0", "-drive", "{cd}", \
		"-device", "ide-cd,drive=c0,bus=ide.1", "-vga", "std", "-serial",     \
		"stdio", "-display", "none", "-m", "{ram}"

/* The disk alone, with an image that is new in each boot. */
#define QCOW2_CASE(name, what)                                                          \
	{                                                                               \
		.id = name, .title = "A Linux guest with a qcow2 disk: " what,          \
		.subjects = {                                                           \
			{ "vmm", { "{vmm}", "-drive", "{vmm-drive}", GUEST } },         \
			{ "qemu-pc", { QEMU_GUEST("pc", "virtio-blk-pci,drive=d0") } }, \
		},                                                                      \
	}

const struct bench_case guest_cases[] = {
	{
		.id = "guest",
		.title = "A Linux guest: boot to userspace, five idle seconds, disk load",
		.subjects = {
			{ "vmm", { "{vmm}", "-drive", "{vmm-drive}", GUEST } },
			{ "qemu-microvm",
			  { QEMU_GUEST("microvm", "virtio-blk-device,drive=d0") } },
			{ "qemu-microvm-rtc",
			  { QEMU_GUEST("microvm,rtc=on", "virtio-blk-device,drive=d0") } },
			{ "qemu-pc", { QEMU_GUEST("pc", "virtio-blk-pci,drive=d0") } },
		},
	},
	{
		.id = "firmware",
		.title = "Firmware: SeaBIOS to a boot sector, which reads through it",
		.subjects = {
			{ "vmm", { "{vmm}", "-nic", "none", BOOT_SECTOR } },
			{ "qemu-pc",
			  { "{qemu}", "-accel", "kvm", "-M", "pc", "-nodefaults",
			    BOOT_SECTOR } },
		},
	},
	{
		.id = "media",
		.title = "A PC with a screen: an idle VNC client, IDE disk and CD-ROM",
		.subjects = {
			{ "vmm",
			  { "{vmm}", "-nic", "none", "-bios", "bios-256k.bin", "-drive",
			    "{qemu-drive}", PC_DEVICES } },
			{ "qemu-pc",
			  { "{qemu}", "-accel", "kvm", "-M", "pc", "-nodefaults",
			    "-drive", "{qemu-drive}", PC_DEVICES } },
		},
	},
	QCOW2_CASE("qcow2-full", "all of it is allocated"),
	QCOW2_CASE("qcow2-empty", "nothing is allocated"),
	QCOW2_CASE("qcow2-above", "nothing is, above another image"),
	{ 0 },
};

int subject_argv(const struct subject *subject, char *const places[PLACES],
                 char *argv[CASE_MAX_ARGS + 1], struct err *err)
{
	static const char *const names[PLACES] = {
		[PLACE_FLOOR] = "{floor}",
		[PLACE_VMM] = "{vmm}",
		[PLACE_QEMU] = "{qemu}",
		[PLACE_KERNEL] = "{kernel}",
		[PLACE_INITRD] = "{initrd}",
		[PLACE_RAM] = "{ram}",
		[PLACE_VMM_DRIVE] = "{vmm-drive}",
		[PLACE_QEMU_DRIVE] = "{qemu-drive}",
		[PLACE_BOOT] = "{boot}",
		[PLACE_CD] = "{cd}",
		[PLACE_VNC] = "{vnc}",
	};
	size_t n = 0;

	for (; n < CASE_MAX_ARGS && subject->args[n]; n++) {
		argv[n] = (char *)subject->args[n];
		for (size_t p = 0; p < PLACES; p++) {
			if (strcmp(subject->args[n], names[p]))
				continue;
			if (!places[p])
				return err_set(err, ENOENT, "no %s was given", names[p]);
			argv[n] = places[p];
		}
	}
	argv[n] = NULL;
	return 0;
}
