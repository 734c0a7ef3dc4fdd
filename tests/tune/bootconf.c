// SPDX-License-Identifier: GPL-2.0-or-later
/* Which file decides about a knob at boot: directories, order, formats, counterparts. */
#include "tune/bootconf.h"

#include "common/cleanup.h"
#include "tests/probe/dir-lib.h"
#include "tests/tap.h"

#include <stdio.h>
#include <string.h>

static char dir[128];
static struct sysroot root;

static void put(const char *path, const char *text)
{
	int ret = sysroot_replace(&root, path, text, 0644);

	if (ret < 0)
		tap_ok(false, "cannot write %s", path);
}

static void gone(const char *path)
{
	if (sysroot_remove(&root, path) < 0)
		tap_ok(false, "cannot remove %s", path);
}

/* "file:line value" of the entry that wins for a knob. */
static void wins(const char *name, const char *cmdline, const char *want,
                 const char *what)
{
	const struct knob *knob = knob_find(name, NULL);
	const struct boot_entry *entry;
	struct bootconf conf;
	char got[2 * PATH_SIZE + KNOB_VALUE_MAX] = "none";

	tap_ok(!bootconf_load(&root, cmdline, &conf), "loaded");
	entry = bootconf_find(&conf, knob, knob->path);
	if (entry)
		snprintf(got, sizeof(got), "%s:%u %s", entry->file, entry->line,
		         entry->value);
	tap_str(got, want, "%s", what);
	bootconf_free(&conf);
}

static void test_sysctl(void)
{
	wins("vm.swappiness", "", "none", "no files: the default");
	put("usr/lib/sysctl.d/50-default.conf", "# x\n; y\nvm.swappiness = 1\n");
	wins("vm.swappiness", "", "usr/lib/sysctl.d/50-default.conf:3 1", "the vendor's");
	put("etc/sysctl.d/90-kvmkit.conf", "vm/swappiness=2\n-vm.dirty_ratio = 7\n");
	wins("vm.swappiness", "", "etc/sysctl.d/90-kvmkit.conf:1 2",
	     "a later name, slashes");
	wins("vm.dirty_ratio", "", "etc/sysctl.d/90-kvmkit.conf:2 7", "a minus in front");
	put("run/sysctl.d/95-x.conf", "vm.swappiness = 3\n");
	wins("vm.swappiness", "", "run/sysctl.d/95-x.conf:1 3",
	     "names decide, not folders");
	put("etc/sysctl.d/95-x.conf", "\n");
	wins("vm.swappiness", "", "etc/sysctl.d/90-kvmkit.conf:1 2",
	     "a file in /etc hides the one of its name");
	put("etc/sysctl.d/99-late.conf", "vm.dirty_bytes = 9\nvm.swappiness=4");
	wins("vm.dirty_ratio", "", "etc/sysctl.d/99-late.conf:1 9",
	     "the counterpart counts");
	wins("vm.swappiness", "", "etc/sysctl.d/99-late.conf:2 4",
	     "no newline at the end");
	put("etc/sysctl.d/99-zz.conf.bak", "vm.swappiness = 5\n");
	put("etc/sysctl.d/.99-zz.conf", "vm.swappiness = 5\n");
	wins("vm.swappiness", "", "etc/sysctl.d/99-late.conf:2 4", "other names do not");
	put("etc/sysctl.conf", "vm.swapp* = 6\n");
	wins("vm.swappiness", "", "etc/sysctl.conf:1 6", "sysctl.conf is last; patterns");
	put("etc/sysctl.conf", "vm.swappiness\n= 3\n\x01\xff\n==\n");
	wins("vm.swappiness", "", "etc/sysctl.d/99-late.conf:2 4", "junk is passed over");
}

static void test_modprobe(void)
{
	put("etc/modprobe.d/a.conf", "options kvm_amd nested=0 npt\n"
	                             "options kvm \\\n halt_poll_ns=5\nblacklist kvm\n");
	wins("kvm_amd.nested", "", "etc/modprobe.d/a.conf:1 0", "an option");
	wins("kvm.halt_poll_ns", "", "etc/modprobe.d/a.conf:2 5", "a continued line");
	put("etc/modprobe.d/b.conf", "options kvm-amd nested\n");
	wins("kvm_amd.nested", "", "etc/modprobe.d/b.conf:1 1",
	     "a dash is an underscore, a flag alone is on");
	gone("etc/modprobe.d/b.conf");
	wins("kvm_amd.nested", "quiet kvm-amd.nested=1 kvm_amd.npt=0",
	     "kernel command line:0 1", "the command line comes last");
	wins("hugepages.1G", "hugepages=64 hugepagesz=1G hugepages=4",
	     "kernel command line:0 4", "pools, by size");
	wins("hugepages.2M", "hugepages=64 hugepagesz=1G hugepages=4",
	     "kernel command line:0 64", "2M unless it says so");
	wins("thp.enabled", "quiet transparent_hugepage=never",
	     "kernel command line:0 never", "transparent ones");
	wins("kvm_amd.nested", "root=/dev/kvm_amd.nested", "etc/modprobe.d/a.conf:1 0",
	     "a value is no name");
}

static void test_tmpfiles(void)
{
	put("etc/tmpfiles.d/b.conf", "w /sys/kernel/mm/ksm/run - - - - 1\n");
	wins("ksm.run", "", "etc/tmpfiles.d/b.conf:1 1", "tmpfiles.d");
	put("usr/lib/tmpfiles.d/a.conf",
	    "d /sys/kernel/mm/ksm/run\nw! /sys/kernel/mm/ksm/run "
	    "- - - - 0 \nw /sys\n");
	wins("ksm.run", "", "usr/lib/tmpfiles.d/a.conf:2 0", "there the first name wins");
	put("usr/lib/tmpfiles.d/a.conf",
	    "w /sys/kernel/mm/transparent_hugepage/* - - - - never\n");
	wins("thp.enabled", "", "usr/lib/tmpfiles.d/a.conf:1 never", "patterns");
	put("etc/tmpfiles.d/b.conf", "w /proc/sys/vm/swappiness - - - - 8\n");
	wins("vm.swappiness", "", "etc/tmpfiles.d/b.conf:1 8",
	     "they come after sysctl.d");
	put(BOOT_PROFILE, "vm.swappiness = 9\nblock.scheduler[0] = none\n");
	wins("vm.swappiness", "", BOOT_PROFILE ":1 9", "and our unit after them");
}

int main(void)
{
	struct err err = { 0 };

	if (!test_dir(dir))
		return 1;
	tap_eq(sysroot_open(&root, dir, &err), 0, "a root");
	test_sysctl();
	test_modprobe();
	test_tmpfiles();
	sysroot_close(&root);
	test_dir_remove(dir);
	return tap_done();
}
