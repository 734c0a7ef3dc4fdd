// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Checks of /dev/kvm for this user, and of what the micro-guest did. One cause gives one
 * failure: a check whose precondition failed is skipped and names the one to look at.
 */
#include "probe/checks.h"
#include "probe/decide.h"
#include "probe/factfield.h"
#include "probe/kvmcap.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { KVM_MAJOR = 10, KVM_MINOR = 232 };

/* ---- the node ---- */

static void mode_text(uint32_t mode, char out[12])
{
	static const char letters[] = "rwxrwxrwx";

	out[0] = 'c';
	for (unsigned i = 0; i < 9; i++)
		out[1 + i] = mode >> (8 - i) & 1 ? letters[i] : '-';
	out[10] = '\0';
}

static const char *group_text(const struct facts *f, char buf[16])
{
	if (*f->user.node_group)
		return f->user.node_group;
	snprintf(buf, 16, "%u", f->kvm.node_gid);
	return buf;
}

static void node_missing(const struct facts *f, struct result *r)
{
	if (f->kvm.registered == 1 && *f->host.container) {
		result_set(r, CHECK_FAIL,
		           "the kernel runs KVM, but this container (%s) has no "
		           "/dev/kvm",
		           f->host.container);
		remedy_container(f, r->remedy);
	} else if (f->kvm.registered == 1) {
		result_set(r, CHECK_FAIL,
		           "the kernel runs KVM, but nothing made /dev/kvm");
		result_remedy(
			r,
			"sudo mknod -m 660 /dev/kvm c 10 232 && sudo chgrp kvm /dev/kvm");
	} else if (!has_virt(f)) {
		result_set(r, CHECK_FAIL, "/dev/kvm does not exist: see cpu.virt");
	} else if (firmware_of(f) >= FIRMWARE_OFF) {
		result_set(r, CHECK_FAIL, "/dev/kvm does not exist: see cpu.firmware");
	} else if (!modules_loadable(f)) {
		result_set(r, CHECK_FAIL, "/dev/kvm does not exist: see module.support");
	} else {
		result_set(r, CHECK_FAIL, "/dev/kvm does not exist: KVM is not running");
		remedy_load(f, r->remedy);
	}
}

void check_kvm_node(const struct facts *f, struct result *r)
{
	const struct kvm_facts *k = &f->kvm;
	char mode[12], gid[16], code[16];

	if (k->node_err == FACT_UNTRIED) {
		result_set(r, CHECK_SKIP, "not captured");
	} else if (k->node_err == ENOENT) {
		node_missing(f, r);
	} else if (k->node_err) {
		result_set(r, CHECK_FAIL, "/dev/kvm cannot be looked at: %s",
		           errno_name(k->node_err, code));
	} else if (!k->node_char || k->node_major != KVM_MAJOR ||
	           k->node_minor != KVM_MINOR) {
		result_set(r, CHECK_FAIL, "/dev/kvm is not the character device 10:232");
		result_remedy(
			r,
			"sudo rm /dev/kvm && sudo mknod -m 660 /dev/kvm c 10 232 && sudo "
			"chgrp kvm /dev/kvm");
	} else {
		mode_text(k->node_mode, mode);
		result_set(r, CHECK_PASS, "%s %u:%u, owner %u, group %s", mode,
		           k->node_major, k->node_minor, k->node_uid, group_text(f, gid));
	}
}

/* ---- access ---- */

static bool group_may(const struct kvm_facts *k)
{
	return (k->node_mode & 060) == 060;
}

/* EACCES: mode and groups say why. */
static void denied(const struct facts *f, struct result *r)
{
	const struct user_facts *u = &f->user;
	char gid[16];
	const char *group = group_text(f, gid), *user = *u->name ? u->name : "$USER";

	if (!group_may(&f->kvm) || !f->kvm.node_gid) {
		result_set(
			r, CHECK_FAIL,
			"only root may open /dev/kvm: no udev rule gave it to group kvm");
		result_remedy(
			r,
			"sudo groupadd -rf kvm && sudo chgrp kvm /dev/kvm && sudo chmod 660 "
			"/dev/kvm && sudo usermod -aG kvm %s, then log in again",
			user);
	} else if (u->in_node_group == 1) {
		result_set(r, CHECK_FAIL,
		           "%s is in group %s and is still denied: a security module "
		           "(SELinux, AppArmor) forbids it",
		           user, group);
		result_remedy(
			r, "look for the denial: sudo dmesg | grep -i -e denied -e avc");
	} else if (u->listed_in_group == 1) {
		result_set(r, CHECK_FAIL,
		           "%s was added to group %s, but this session is older", user,
		           group);
		result_remedy(r, "log out and in again, or for this shell: newgrp %s",
		              group);
	} else {
		result_set(r, CHECK_FAIL,
		           "%s is not in group %s, which may open /dev/kvm", user, group);
		result_remedy(
			r,
			"sudo usermod -aG %s %s, then log in again (until then: sudo setfacl "
			"-m u:%s:rw /dev/kvm)",
			group, user, user);
	}
}

static void open_failed(const struct facts *f, struct result *r)
{
	char code[16];

	switch (f->kvm.open_err) {
	case EACCES:
		denied(f, r);
		break;
	case EPERM:
		result_set(r, CHECK_FAIL,
		           "opening /dev/kvm is forbidden (EPERM): the device filter "
		           "of a %s or unit",
		           *f->host.container ? "container" : "cgroup");
		if (*f->host.container)
			remedy_container(f, r->remedy);
		else
			result_remedy(r,
			              "in the service's unit: DeviceAllow=/dev/kvm rw");
		break;
	case ENODEV:
	case ENXIO:
		result_set(r, CHECK_FAIL, "/dev/kvm is stale: no driver answers");
		remedy_load(f, r->remedy);
		break;
	case EBUSY:
		result_set(r, CHECK_FAIL,
		           "/dev/kvm is busy: another hypervisor holds the CPU's "
		           "virtualization");
		result_remedy(r, "stop VirtualBox or VMware machines");
		break;
	default:
		result_set(r, CHECK_FAIL, "/dev/kvm cannot be opened: %s",
		           errno_name(f->kvm.open_err, code));
	}
}

void check_kvm_access(const struct facts *f, struct result *r)
{
	if (f->kvm.node_err == ENOENT || f->kvm.open_err == ENOENT)
		result_set(r, CHECK_SKIP, "needs kvm.node");
	else if (f->kvm.open_err == FACT_UNTRIED)
		result_set(r, CHECK_SKIP, "not captured");
	else if (f->kvm.open_err)
		open_failed(f, r);
	else
		result_set(r, CHECK_PASS, "%s can open /dev/kvm",
		           *f->user.name ? f->user.name : "this user");
}

void check_kvm_group(const struct facts *f, struct result *r)
{
	const struct user_facts *u = &f->user;
	char gid[16];
	const char *group = group_text(f, gid);

	if (f->kvm.node_err || u->in_node_group < 0)
		result_set(r, CHECK_SKIP, "needs kvm.node");
	else if (u->uid == 0)
		result_set(r, CHECK_PASS, "root needs no group");
	else if (u->in_node_group)
		result_set(r, CHECK_PASS, "member of %s", group);
	else if (u->listed_in_group == 1) {
		result_set(r, CHECK_WARN,
		           "listed in group %s, but this session began before that",
		           group);
		result_remedy(r, "log out and in again, or for this shell: newgrp %s",
		              group);
	} else {
		result_set(r, CHECK_NOTE, "not a member of %s", group);
	}
}

/* ---- the interface ---- */

void check_kvm_api(const struct facts *f, struct result *r)
{
	char code[16];

	if (f->kvm.api_err == FACT_UNTRIED) {
		result_set(r, CHECK_SKIP, "needs kvm.access");
	} else if (f->kvm.api_err) {
		result_set(r, CHECK_FAIL,
		           "/dev/kvm does not answer KVM_GET_API_VERSION: %s",
		           errno_name(f->kvm.api_err, code));
	} else if (f->kvm.api != 12) {
		result_set(r, CHECK_FAIL, "API version %d instead of 12", f->kvm.api);
		result_remedy(r, "boot Linux 5.10 or later");
	} else {
		result_set(r, CHECK_PASS, "version 12");
	}
}

static const struct {
	int code;
	const char *value, *remedy;
} vm_errors[] = {
	{ EBUSY, "another hypervisor holds the CPU's virtualization",
	  "stop VirtualBox or VMware machines; then: sudo modprobe -r vboxdrv vmmon" },
	{ EOPNOTSUPP, "the CPU's virtualization could not be switched on",
	  "see cpu.firmware, or sudo dmesg | grep -i kvm" },
	{ EIO, "the CPU's virtualization could not be switched on",
	  "see cpu.firmware, or sudo dmesg | grep -i kvm" },
	{ ENOMEM, "the kernel has no memory for it",
	  "free memory, or raise the cgroup's limit" },
	{ EPERM, "a security policy forbids it",
	  "allow the KVM ioctls in the seccomp or LSM profile of this process" },
	{ EACCES, "a security policy forbids it",
	  "allow the KVM ioctls in the seccomp or LSM profile of this process" },
	{ 0, "the kernel refused", "sudo dmesg | grep -i kvm" },
};

void check_kvm_vm(const struct facts *f, struct result *r)
{
	bool vcpu = !f->kvm.vm_err;
	int code = vcpu ? f->kvm.vcpu_err : f->kvm.vm_err;
	char buf[16];
	unsigned i = 0;

	if (f->kvm.vm_err == FACT_UNTRIED) {
		result_set(r, CHECK_SKIP, "needs kvm.api");
	} else if (kvm_works(f)) {
		result_set(r, CHECK_PASS, "a virtual machine and a vCPU were created");
	} else {
		while (vm_errors[i].code && vm_errors[i].code != code)
			i++;
		result_set(r, CHECK_FAIL, "%s fails with %s: %s",
		           vcpu ? "KVM_CREATE_VCPU" : "KVM_CREATE_VM",
		           errno_name(code, buf), vm_errors[i].value);
		result_remedy(r, "%s", vm_errors[i].remedy);
	}
}

void check_kvm_caps(const struct facts *f, struct result *r)
{
	char missing[160] = "";

	for (unsigned i = 0; i < KVM_CAP_COUNT; i++) {
		size_t len = strlen(missing);

		if (kvm_caps[i].needed && !f->kvm.cap[i])
			snprintf(missing + len, sizeof(missing) - len, " KVM_CAP_%s",
			         kvm_caps[i].name);
	}
	if (kvm_cap_of(&f->kvm, "USER_MEMORY") < 0) {
		result_set(r, CHECK_SKIP, "needs kvm.api");
	} else if (*missing) {
		result_set(r, CHECK_FAIL, "missing:%s", missing);
		result_remedy(r, "boot Linux 5.10 or later");
	} else {
		result_set(r, CHECK_PASS, "up to %d vCPUs and %d memory regions",
		           kvm_cap_of(&f->kvm, "MAX_VCPUS"),
		           kvm_cap_of(&f->kvm, "NR_MEMSLOTS"));
	}
}

/* ---- what runs guests, and how well ---- */

void check_kvm_backend(const struct facts *f, struct result *r)
{
	switch (backend_of(f)) {
	case BACKEND_KVM_INTEL:
	case BACKEND_KVM_AMD:
		result_set(r, CHECK_PASS, "%s", backend_name(backend_of(f)));
		break;
	case BACKEND_SOFTWARE:
		result_set(r, CHECK_WARN, "software%s: KVM runs without VMX or SVM",
		           module_present(f, MODULE_KVM_PVM) ? " (kvm_pvm)" : "");
		break;
	default:
		/* Never "ok" for a host of which nothing is known. */
		if (f->kvm.node_err == FACT_UNTRIED && f->kvm.registered < 0)
			result_set(r, CHECK_WARN,
			           "unknown: nothing tells whether KVM runs here");
		else
			result_set(r, CHECK_SKIP, "needs kvm.node");
	}
}

void check_kvm_trial(const struct facts *f, struct result *r)
{
	const struct trial_facts *t = &f->trial;

	if (t->state == TRIAL_OK) {
		result_set(r, CHECK_PASS,
		           "real mode, long mode and a correct result; set up in %.1f "
		           "ms",
		           t->setup_ns / 1e6);
	} else if (t->state == TRIAL_FAILED) {
		result_set(r, CHECK_FAIL, "the guest did not run: %s", t->why);
		result_remedy(r, "sudo dmesg | grep -i kvm");
	} else {
		result_set(r, CHECK_SKIP, "%s",
		           kvm_works(f) && *t->why ? t->why : "needs kvm.vm");
	}
}

static void rate_text(uint64_t rate, char out[16])
{
	if (rate >= 10000000)
		snprintf(out, 16, "%.0f M", rate / 1e6);
	else
		snprintf(out, 16, "%.1f M", rate / 1e6);
}

static void not_native(const struct facts *f, struct result *r)
{
	const struct trial_facts *t = &f->trial;
	bool software = backend_of(f) == BACKEND_SOFTWARE;
	char guest[16], native[16];

	rate_text(t->long_rate, guest);
	rate_text(t->native_rate, native);
	if (speed_of(f) == SPEED_INTERPRETED)
		result_set(r, CHECK_FAIL,
		           "no: guests are interpreted, %s instructions/s instead of "
		           "%s; small test guests run, a Linux guest does not boot in "
		           "useful time",
		           guest, native);
	else if (software && speed_of(f) == SPEED_UNKNOWN)
		result_set(r, CHECK_FAIL,
		           "no: KVM runs guests in software, not measured");
	else
		result_set(r, CHECK_WARN, "%s: %s instructions/s of %s outside a guest",
		           software ? "no, guests run in software" : "yes, but slow",
		           guest, native);
	if (!software)
		result_remedy(r, "sudo dmesg | grep -i kvm");
	else if (has_virt(f))
		result_remedy(r, "sudo modprobe -r kvm_pvm && sudo kvm-check --load");
	else if (f->cpu.hypervisor)
		remedy_nesting(f, r->remedy);
	else
		result_remedy(r, "use a machine with Intel VT-x or AMD-V");
}

void check_kvm_hardware(const struct facts *f, struct result *r)
{
	enum backend backend = backend_of(f);
	enum speed speed = speed_of(f);
	char guest[16], native[16];

	rate_text(f->trial.long_rate, guest);
	rate_text(f->trial.native_rate, native);
	/* A software backend is one for every user, whether he may open it or not. */
	if (backend == BACKEND_NONE || (backend != BACKEND_SOFTWARE &&
	                                f->kvm.open_err != FACT_UNTRIED && !kvm_works(f)))
		result_set(r, CHECK_SKIP, "needs kvm.vm");
	else if (f->trial.state == TRIAL_FAILED)
		result_set(r, CHECK_SKIP, "needs kvm.trial");
	else if (!hardware_of(f) || speed == SPEED_SLOW)
		not_native(f, r);
	else if (speed == SPEED_UNKNOWN)
		result_set(r, CHECK_PASS, "yes, by module and CPU; not measured");
	else
		result_set(r, CHECK_PASS, "yes: %s instructions/s, %s outside a guest",
		           guest, native);
}

void check_kvm_exit(const struct facts *f, struct result *r)
{
	double us = f->trial.exit_ns / 1e3;

	if (f->trial.state != TRIAL_OK)
		result_set(r, CHECK_SKIP, "needs kvm.trial");
	else if (us <= 5)
		result_set(r, CHECK_PASS, "%.2f us per exit to user space", us);
	else
		result_set(r, CHECK_NOTE,
		           "%.1f us per exit to user space; hardware without a "
		           "hypervisor below needs about 1 us",
		           us);
}
