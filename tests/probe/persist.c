// SPDX-License-Identifier: GPL-2.0-or-later
/* --persist and --unpersist: what they own, and that nothing else is touched. Requests of
 * --load as text. */
#include "probe/persist.h"

#include "common/cleanup.h"
#include "common/fdio.h"
#include "probe/load.h"
#include "tests/probe/dir-lib.h"
#include "tests/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static char etc[128], load_conf[200], option_conf[200];

static void put(const char *path, const char *text)
{
	FILE *f = fopen(path, "we");

	if (!f || fputs(text, f) < 0 || fclose(f))
		tap_ok(false, "cannot write %s", path);
}

static char *get(const char *path)
{
	char *text = NULL;

	return fd_read_file(AT_FDCWD, path, 65536, &text, NULL) < 0 ? NULL : text;
}

static unsigned entries(const char *name)
{
	struct sysroot root;
	struct names names;
	struct err err = { 0 };
	unsigned n;

	sysroot_open(&root, etc, &err);
	sysroot_list(&root, name, &names);
	n = names.count;
	names_free(&names);
	sysroot_close(&root);
	return n;
}

static int write_both(const char *modules, const char *options, struct err *err)
{
	_cleanup_strbuf_ struct strbuf done = { 0 };

	err_clear(err);
	return persist_write(etc, modules, options, &done, err);
}

static int remove_both(struct strbuf *done, struct err *err)
{
	strbuf_free(done);
	err_clear(err);
	return persist_remove(etc, done, err);
}

static void test_round_trip(void)
{
	_cleanup_strbuf_ struct strbuf done = { 0 };
	_cleanup_free_ char *text = NULL;
	struct err err = { 0 };
	mode_t old = umask(077);
	struct stat st;

	tap_eq(write_both("kvm_amd\ntun\n", "options kvm_amd nested=1\n", &err), 0,
	       "both files are written");
	umask(old);
	text = get(load_conf);
	tap_has(text ? text : "", "\nkvm_amd\ntun\n", "modules, a line each");
	tap_ok(!stat(load_conf, &st) && (st.st_mode & 0777) == 0644,
	       "readable whatever the umask");
	tap_eq(entries("modules-load.d") + entries("modprobe.d"), 2,
	       "no temporary file is left");
	tap_eq(write_both("kvm_amd\n", "", &err), 0, "once more, without options");
	tap_ok(access(option_conf, F_OK) < 0, "the file of the options is gone");
	tap_eq(remove_both(&done, &err), 0, "removed");
	tap_has(done.data ? done.data : "", load_conf, "and named");
	tap_eq(entries("modules-load.d") + entries("modprobe.d"), 0,
	       "the folders are as before");
	tap_eq(remove_both(&done, &err), 0, "nothing to remove is no error");
	tap_eq(done.len, 0, "and nothing is named");
}

/* A file of someone else, of ours but edited, and no file at all. */
static void test_refusals(void)
{
	static const char theirs[] = "options kvm_amd npt=0\n";
	_cleanup_strbuf_ struct strbuf done = { 0 };
	_cleanup_free_ char *text = NULL, *edited = NULL, *now = NULL;
	struct err err = { 0 };

	put(option_conf, theirs);
	tap_eq(write_both("kvm_amd\n", "", &err), -EEXIST,
	       "another's file is not removed");
	tap_has(err.text, option_conf, "it is named");
	tap_has(err.text, "was not written by kvm-check", "and so is the reason");
	tap_ok(access(load_conf, F_OK) < 0, "and nothing else was written");
	tap_eq(remove_both(&done, &err), -EEXIST, "nor by --unpersist");
	text = get(option_conf);
	tap_str(text ? text : "", theirs, "it is as it was");
	unlink(option_conf);
	write_both("kvm_amd\n", "options kvm_amd nested=1\n", &err);
	edited = get(option_conf);
	edited[strlen(edited) - 2] = '0';
	put(option_conf, edited);
	tap_eq(remove_both(&done, &err), -EEXIST, "an edited file stays");
	tap_has(err.text, "edited", "that is the reason");
	tap_ok(!access(load_conf, F_OK), "the other one stays, too");
	now = get(option_conf);
	tap_str(now ? now : "", edited, "to the byte");
	unlink(option_conf);
	tap_eq(mkdir(option_conf, 0755), 0, "a folder of that name");
	tap_eq(write_both("kvm_amd\n", "", &err), -EEXIST, "is refused");
	rmdir(option_conf);
	tap_eq(remove_both(&done, &err), 0, "and the rest is removed");
}

static void test_no_folder(const char *dir)
{
	_cleanup_strbuf_ struct strbuf done = { 0 };
	struct err err = { 0 };
	char none[200];

	snprintf(none, sizeof(none), "%s/none", dir);
	tap_eq(persist_write(none, "kvm_amd\n", "", &done, &err), -ENOENT,
	       "no folder modules-load.d");
	tap_has(err.text, none, "is named");
	err_clear(&err);
	tap_eq(persist_remove(none, &done, &err), 0, "and has nothing to remove");
}

/* ---- requests ---- */

static void test_request(void)
{
	static const struct {
		const char *modules, *params, *says;
	} bad[] = {
		{ "vhost", NULL, "'vhost' is none of" },
		{ "tun,vboxdrv", NULL, "'vboxdrv'" },
		{ "../tun", NULL, "'../tun'" },
		{ NULL, "nested=1", "MODULE.NAME=VALUE" },
		{ NULL, "kvm_intel.nested", "MODULE.NAME=VALUE" },
		{ NULL, "kvm_intel.=1", "MODULE.NAME=VALUE" },
		{ NULL, "kvm_intel.nested=", "MODULE.NAME=VALUE" },
		{ NULL, "ext4.x=1", "names no module" },
		{ NULL, "kvm.a=1\ninstall kvm /bin/x", "MODULE.NAME=VALUE" },
		{ NULL, "kvm.a=b c", "MODULE.NAME=VALUE" },
	};
	struct load_request request;
	struct err err = { 0 };

	tap_eq(load_request_parse("vhost-net,tun,vfio-pci",
	                          "kvm-intel.nested=1,kvm.halt_poll_ns=0", &request,
	                          &err),
	       0, "a request; '-' is '_'");
	tap_ok(request.module[MODULE_VHOST_NET] && request.module[MODULE_TUN] &&
	               request.module[MODULE_VFIO_PCI] && !request.module[MODULE_KVM],
	       "the modules");
	tap_eq(request.params, 2, "two parameters");
	tap_str(request.param[0].text, "nested=1", "the first");
	tap_eq(request.param[0].module, MODULE_KVM_INTEL, "its module");
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		err_clear(&err);
		tap_ok(load_request_parse(bad[i].modules, bad[i].params, &request,
		                          &err) == -EINVAL &&
		               err.usage,
		       "refused: row %u", i);
		tap_has(err.text, bad[i].says, "and says why");
	}
}

static void test_lines(void)
{
	_cleanup_strbuf_ struct strbuf modules = { 0 }, options = { 0 };
	_cleanup_free_ struct facts *f = calloc(1, sizeof(*f));
	struct load_request request;
	struct err err = { 0 };

	load_request_parse("tun", "kvm_amd.nested=1,kvm_amd.avic=1", &request, &err);
	tap_eq(load_lines(f, &request, &modules, &options, &err), -ENODEV,
	       "no CPU to load a module for");
	err_clear(&err);
	f->cpu.svm = true;
	tap_eq(load_lines(f, &request, &modules, &options, &err), 0, "an AMD CPU");
	tap_str(modules.data, "kvm_amd\ntun\n", "its module and the one asked for");
	tap_str(options.data, "options kvm_amd nested=1 avic=1\n", "the parameters");
}

int main(void)
{
	char path[200];

	if (!tap_ok(test_dir(etc), "a directory for the test"))
		return tap_done();
	snprintf(path, sizeof(path), "%s/modules-load.d", etc);
	tap_eq(mkdir(path, 0755), 0, "modules-load.d");
	snprintf(path, sizeof(path), "%s/modprobe.d", etc);
	tap_eq(mkdir(path, 0755), 0, "modprobe.d");
	snprintf(load_conf, sizeof(load_conf), "%s/modules-load.d/kvmkit.conf", etc);
	snprintf(option_conf, sizeof(option_conf), "%s/modprobe.d/kvmkit.conf", etc);
	test_round_trip();
	test_refusals();
	test_no_folder(etc);
	test_request();
	test_lines();
	tap_ok(test_dir_remove(etc), "removed");
	return tap_done();
}
