// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * QEMU's options that are not in cli_table. Programs that start machines give some of
 * them by habit; where ignoring one cannot surprise the guest or its user it is accepted.
 */
#include "vmm/main/cli-foreign.h"

#include <string.h>

#define ACCEPTED(name, why)            \
	{                              \
		name, false, true, why \
	}
#define ACCEPTED_ARG(name, why)       \
	{                             \
		name, true, true, why \
	}
#define REFUSED(name, why)              \
	{                               \
		name, false, false, why \
	}
#define REFUSED_ARG(name, why)         \
	{                              \
		name, true, false, why \
	}

#define NO_EMULATOR "guests run on KVM, not in an emulator"
#define NO_XEN      "guests run on KVM, not on Xen"

static const struct cli_foreign foreign[] = {
	ACCEPTED("async-teardown", "memory is given back when the process ends"),
	ACCEPTED_ARG("audiodev", "there is no sound card"),
	ACCEPTED_ARG("compat", "there are no deprecated interfaces"),
	ACCEPTED_ARG("dfilter", "no code is generated whose log could be filtered"),
	ACCEPTED("enable-sync-profile", "locks are not profiled"),
	ACCEPTED("full-screen", "there is no window"),
	ACCEPTED("no-fd-bootchk", "there is no floppy drive"),
	ACCEPTED("no-hpet", "there is no HPET"),
	ACCEPTED("only-migratable", "devices without saved state do not exist"),
	ACCEPTED_ARG("seed", "random numbers come from the kernel"),
	ACCEPTED("win2k-hack", "the disk's interrupts are always late enough"),

	REFUSED_ARG("acpitable", "the ACPI tables are the board's"),
	REFUSED_ARG("audio", "there is no sound card"),
	REFUSED("audio-help", "there is no sound card"),
	REFUSED_ARG("chroot", "use -runas"),
	REFUSED_ARG("dtb", "PCs have ACPI tables, no device tree"),
	REFUSED_ARG("dump-vmstate", "the tables of state are in tests/state"),
	REFUSED_ARG("echr", "the key before commands is Ctrl-A"),
	REFUSED_ARG("fda", "there is no floppy drive; use -cdrom or -drive"),
	REFUSED_ARG("fdb", "there is no floppy drive; use -cdrom or -drive"),
	REFUSED_ARG("fsdev", "share files over the network, or on a disk"),
	REFUSED_ARG("icount", NO_EMULATOR),
	REFUSED_ARG("iscsi", "let the host's iscsiadm attach it, and give the disk to "
	                     "-drive"),
	REFUSED_ARG("mtdblock", "there is no such bus; use -drive"),
	REFUSED("no-acpi", "the machine always has ACPI tables"),
	REFUSED_ARG("numa", "the guest has one NUMA node"),
	REFUSED_ARG("pflash", "use -drive if=pflash,file=FILE"),
	REFUSED_ARG("plugin", NO_EMULATOR),
	REFUSED("portrait", "there is no window"),
	REFUSED("preconfig", "use -S"),
	REFUSED_ARG("rotate", "there is no window"),
	REFUSED_ARG("sd", "there is no card reader; use -drive"),
	REFUSED_ARG("set", "write it in the option itself"),
	REFUSED("singlestep", NO_EMULATOR),
	REFUSED_ARG("spice", "use -vnc"),
	REFUSED_ARG("tpmdev", "there is no TPM"),
	REFUSED_ARG("trace", "use -d and -D"),
	REFUSED_ARG("virtfs", "share files over the network, or on a disk"),
	REFUSED("xen-attach", NO_XEN),
	REFUSED_ARG("xen-domid", NO_XEN),
	REFUSED("xen-domid-restrict", NO_XEN),

	/* Of older versions, as in scripts and courses. */
	ACCEPTED("nodefconfig", "there is no default configuration"),
	ACCEPTED("no-quit", "there is no window"),
	ACCEPTED("show-cursor", "there is no window"),
	REFUSED("curses", "use -nographic, or -vnc"),
	REFUSED("sdl", "there is no window; use -vnc"),
	REFUSED_ARG("watchdog", "use -device i6300esb"),
	ACCEPTED("tdf", "KVM's timer makes up for lost ticks"),
	REFUSED("localtime", "use -rtc base=localtime"),
	REFUSED("no-kvm", NO_EMULATOR),
	REFUSED_ARG("redir", "use -netdev user,hostfwd="),
	REFUSED_ARG("soundhw", "there is no sound card"),
	REFUSED_ARG("startdate", "use -rtc base=DATE"),
	REFUSED_ARG("tftp", "use -netdev user,tftp="),
	REFUSED_ARG("writeconfig",
	            "put the options into a file for -options, one a line"),
	{ .name = NULL },
};

const struct cli_foreign *cli_find_foreign(const char *name)
{
	for (const struct cli_foreign *f = foreign; f->name; f++)
		if (!strcmp(f->name, name))
			return f;
	return NULL;
}

void cli_dump_foreign(struct strbuf *out)
{
	for (const struct cli_foreign *f = foreign; f->name; f++)
		strbuf_addf(out, "%s\t%s\t%s\n", f->name,
		            f->accepted ? "accepted" : "refused", f->why);
}
