// SPDX-License-Identifier: GPL-2.0-or-later
/* Files for the next boot: what is in them, which systems get which, and whose they are.
 */
#include "passthrough/persist.h"

#include "common/cleanup.h"
#include "tests/passthrough/host-lib.h"
#include "tests/tap.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const struct persisted nvme = { .name = "0000:00:05.0",
	                               .vendor = 0x1b36,
	                               .device = 0x10,
	                               .driver = "vfio-pci",
	                               .module = "nvme" };
static const struct persisted nic = {
	.name = "0000:04:00.0", .vendor = 0x8086, .device = 0x10d3, .driver = "vfio-pci"
};
static const struct persisted pf = {
	.name = "0000:05:00.0", .vendor = 0x8086, .device = 0x1521, .vfs = 4
};

static void free_files(struct persist_file files[PERSIST_FILES])
{
	for (unsigned i = 0; i < PERSIST_FILES; i++)
		free(files[i].text);
}

static void test_texts(struct host *h)
{
	struct persist_file files[PERSIST_FILES];
	struct persist_list list = { .owner = ":kvm" }, back = { 0 };
	const char *rebuild;
	struct err err = { 0 };

	persist_put(&list, &nvme);
	persist_put(&list, &nic);
	persist_put(&list, &pf);
	tap_eq(persist_files(&h->root, &list, files, &rebuild, &err), 0, "files");
	tap_ok(!rebuild && !files[2].text && !files[3].text && !files[4].text,
	       "no initramfs is known");
	tap_has(files[0].text,
	        "\nACTION==\"add\", SUBSYSTEM==\"pci\", KERNEL==\"0000:00:05.0\", "
	        "ATTR{vendor}==\"0x1b36\", ATTR{device}==\"0x0010\", "
	        "ATTR{driver_override}=\"vfio-pci\", ",
	        "a device is known by address and IDs");
	tap_has(files[0].text,
	        "ATTR{sriov_drivers_autoprobe}=\"0\", "
	        "ATTR{sriov_numvfs}=\"4\"\n",
	        "virtual functions");
	tap_has(files[0].text, "SUBSYSTEM==\"vfio\", GROUP:=\"kvm\", MODE:=\"0660\"\n",
	        "the owner of nodes");
	tap_has(files[1].text, "\nsoftdep nvme pre: vfio-pci\n", "a softdep");
	tap_ok(!strstr(files[1].text, "softdep - ") &&
	               !strstr(files[1].text, "softdep  "),
	       "none for an unknown module");
	tap_eq(persist_parse(files[0].text, &back, &err), 0, "the rules are read back");
	tap_ok(back.count == 3 && !memcmp(back.entry, list.entry, 3 * sizeof(nvme)) &&
	               !strcmp(back.owner, ":kvm"),
	       "all of them");
	persist_remove(&back, nic.name);
	tap_ok(back.count == 2 && !persist_find(&back, nic.name), "one is taken out");
	free_files(files);
	persist_free(&list);
	persist_free(&back);
}

static void test_store(struct host *h)
{
	static const char *const bad[] = {
		"# by hand\n",
		"# Written by kvm-assign persist; it is replaced as a whole.\n#assign x\n",
		"# Written by kvm-assign persist; it is replaced as a whole.\n"
		"#assign 0000:00:05.0 1b36 0010 - - 0\n",
		"# Written by kvm-assign persist; it is replaced as a whole.\n"
		"#assign 0000:00:05.0 1b36 0010 a\"b - 0\n",
		"# Written by kvm-assign persist; it is replaced as a whole.\n"
		"#assign 0000:00:05.0 11b36 0010 vfio-pci - 0\n",
		"# Written by kvm-assign persist; it is replaced as a whole.\n"
		"#owner a\"b\n",
	};
	struct persist_list list = { 0 };
	struct err err = { 0 };

	tap_ok(!persist_read(&h->root, &list, &err) && !list.count, "no store");
	for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
		err_clear(&err);
		persist_free(&list);
		tap_eq(persist_parse(bad[i], &list, &err), -EINVAL, "not as written: %u",
		       i);
	}
	persist_free(&list);
}

static void test_files(struct host *h)
{
	struct persist_file files[PERSIST_FILES];
	struct persist_list list = { 0 };
	const char *rebuild;
	struct err err = { 0 };
	struct stat st;

	persist_put(&list, &nvme);
	host_file(h, "etc/initramfs-tools/modules", "");
	tap_eq(persist_files(&h->root, &list, files, &rebuild, &err), 0, "Debian");
	tap_str(rebuild, "update-initramfs -u -k all", "has its command");
	tap_has(files[2].text, "manual_add_modules vfio-pci\n", "and its hook");
	tap_eq(persist_write(&h->root, files, &err), 0, "written");
	tap_ok(!sysroot_stat(&h->root, files[2].path, &st) && st.st_mode & 0100,
	       "the hook is a program");
	free_files(files);
	persist_remove(&list, nvme.name);
	tap_eq(persist_files(&h->root, &list, files, &rebuild, &err), 0,
	       "nothing persists");
	tap_eq(persist_write(&h->root, files, &err), 0, "files are removed");
	tap_ok(!sysroot_exists(&h->root, files[0].path) &&
	               !sysroot_exists(&h->root, files[1].path) &&
	               !sysroot_exists(&h->root, files[2].path),
	       "all of them");
	free_files(files);
	persist_put(&list, &nvme);
	host_file(h, "etc/modprobe.d/kvm-assign.conf", "options x\n");
	persist_files(&h->root, &list, files, &rebuild, &err);
	tap_eq(persist_write(&h->root, files, &err), -EEXIST, "a stranger's file");
	tap_has(err.text, "/etc/modprobe.d/kvm-assign.conf was not written by kvm-assign",
	        "is named");
	tap_ok(!sysroot_exists(&h->root, files[0].path), "and nothing is written");
	free_files(files);
	host_file(h, "usr/lib/dracut/x", "");
	host_file(h, "etc/mkinitcpio.conf", "");
	persist_files(&h->root, &list, files, &rebuild, &err);
	tap_has(files[3].text, "add_drivers+=\" vfio-pci \"\n", "dracut");
	tap_has(files[4].text, "MODULES+=( vfio-pci )\nFILES+=(/" PERSIST_RULES ")\n",
	        "mkinitcpio");
	free_files(files);
	persist_free(&list);
}

int main(void)
{
	struct host h;

	if (!host_begin(&h))
		return tap_done();
	test_texts(&h);
	test_store(&h);
	test_files(&h);
	host_end(&h);
	return tap_done();
}
