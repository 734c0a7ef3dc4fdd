// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Verdicts as pure functions of facts: the backend and "hardware" for combinations that
 * no captured host has, each errno of /dev/kvm explained, and laws that hold for every
 * check.
 */
#include "probe/decide.h"

#include "probe/kvmcap.h"
#include "probe/report.h"
#include "tests/tap.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A good AMD host, measured. */
static struct facts good(void)
{
	struct facts f;

	memset(&f, 0, sizeof(f));
	strcpy(f.cpu.vendor, "AuthenticAMD");
	strcpy(f.host.kernel, "6.1.0");
	strcpy(f.host.os_id, "debian");
	strcpy(f.user.name, "user");
	strcpy(f.user.node_group, "kvm");
	f.user.uid = 1000;
	f.user.in_node_group = f.user.listed_in_group = 1;
	f.cpu.cpuid_known = f.cpu.svm = f.cpu.long_mode = f.cpu.nx = f.cpu.npt = true;
	f.cpu.cpus = f.cpu.flag_cpus = 2;
	f.cpu.flag_svm = true;
	f.cpu.msr_err = EACCES;
	f.modules.supported = f.modules.directory = true;
	f.modules.module[MODULE_KVM].state = MODULE_LOADED;
	f.modules.module[MODULE_KVM_AMD].state = MODULE_LOADED;
	f.modules.nested = f.modules.slat = 1;
	f.kvm = (struct kvm_facts){ .node_char = true,
		                    .node_major = 10,
		                    .node_minor = 232,
		                    .node_mode = 0660,
		                    .node_gid = 108,
		                    .registered = 1,
		                    .api = 12 };
	for (unsigned i = 0; i < KVM_CAP_COUNT; i++)
		f.kvm.cap[i] = 1;
	f.trial = (struct trial_facts){ .state = TRIAL_OK,
		                        .exit_ns = 1200,
		                        .long_rate = 6000000000,
		                        .native_rate = 6000000000 };
	return f;
}

static void test_backend(void)
{
	struct facts f = good();

	tap_ok(backend_of(&f) == BACKEND_KVM_AMD && hardware_of(&f), "a good host");
	/* A kernel with both modules built in. */
	f.modules.module[MODULE_KVM_INTEL].state = MODULE_BUILTIN;
	f.modules.module[MODULE_KVM_AMD].state = MODULE_BUILTIN;
	tap_ok(backend_of(&f) == BACKEND_KVM_AMD, "both built in: the CPU decides");
	f = good();
	f.trial.long_rate = f.trial.native_rate / 1000;
	tap_ok(backend_of(&f) == BACKEND_KVM_AMD && !hardware_of(&f),
	       "kvm_amd that interprets is not hardware");
	f.trial.long_rate = f.trial.native_rate / 20;
	tap_ok(hardware_of(&f) && speed_of(&f) == SPEED_SLOW, "slow is not interpreted");
	f = good();
	f.trial = (struct trial_facts){ .state = TRIAL_UNTRIED };
	tap_ok(hardware_of(&f), "without a trial the evidence counts");
	f.kvm.vm_err = EBUSY;
	tap_ok(!hardware_of(&f), "but not against a VM that cannot be created");
	f = good();
	f.trial.state = TRIAL_FAILED;
	tap_ok(!hardware_of(&f), "nor against a guest that did not run");
	f = good();
	f.kvm.registered = 0;
	tap_ok(backend_of(&f) == BACKEND_NONE,
	       "a module without /dev/kvm serves nothing");
	f = good();
	f.modules.module[MODULE_KVM_AMD].state = MODULE_MISSING;
	tap_ok(backend_of(&f) == BACKEND_KVM_AMD,
	       "modules hidden, KVM works: by the CPU");
}

static void test_software(void)
{
	struct facts f = good();

	f.cpu.svm = f.cpu.flag_svm = false;
	f.cpu.flag_cpus = 0;
	tap_ok(backend_of(&f) == BACKEND_SOFTWARE && !hardware_of(&f),
	       "KVM that works without svm is software, whatever its module is called");
	f = good();
	f.modules.module[MODULE_KVM_AMD].state = MODULE_BUILTIN;
	f.modules.module[MODULE_KVM_PVM].state = MODULE_LOADED;
	f.cpu.flag_svm = false;
	f.cpu.flag_cpus = 0;
	tap_ok(backend_of(&f) == BACKEND_SOFTWARE, "kvm_pvm where firmware locked SVM");
	f.cpu.msr_err = 0;
	f.cpu.msr = 0x10;
	f.cpu.flag_svm = true;
	f.cpu.flag_cpus = 2;
	tap_ok(backend_of(&f) == BACKEND_SOFTWARE, "an old kernel that left the flag");
}

static void test_firmware(void)
{
	struct facts f = good();

	tap_ok(firmware_of(&f) == FIRMWARE_ON, "a running KVM is proof");
	f.kvm.vm_err = f.kvm.vcpu_err = EOPNOTSUPP;
	f.cpu.msr_err = 0;
	f.cpu.msr = 1 << 4;
	tap_ok(firmware_of(&f) == FIRMWARE_OFF, "SVMDIS");
	f.cpu.msr = 1 << 3;
	tap_ok(firmware_of(&f) == FIRMWARE_ON, "LOCK alone is no harm");
	f.cpu.vmx = true;
	f.cpu.svm = false;
	f.cpu.msr = 0;
	tap_ok(firmware_of(&f) == FIRMWARE_ON, "unlocked VMX: the kernel sets it");
	f.cpu.msr = 3;
	tap_ok(firmware_of(&f) == FIRMWARE_OFF, "inside SMX only is off");
	f.cpu.msr = 5;
	tap_ok(firmware_of(&f) == FIRMWARE_ON, "locked on");
	f.cpu.msr_err = EACCES;
	f.cpu.flag_cpus = 0;
	tap_ok(firmware_of(&f) == FIRMWARE_SEEMS_OFF, "no MSR: the cleared flag tells");
}

static struct result run(const char *id, const struct facts *f)
{
	struct result r = { .status = CHECK_SKIP };

	check_find(id)->run(f, &r);
	return r;
}

static void test_access(void)
{
	static const struct {
		int code;
		int in_group, listed;
		const char *value, *remedy;
	} rows[] = {
		{ EACCES, 0, 0, "not in group kvm", "usermod -aG kvm user" },
		{ EACCES, 0, 1, "session is older", "newgrp kvm" },
		{ EACCES, 1, 1, "security module", "dmesg" },
		{ EPERM, 1, 1, "EPERM", "DeviceAllow" },
		{ ENODEV, 1, 1, "stale", "--load" },
		{ EBUSY, 1, 1, "busy", "VirtualBox" },
		{ EMFILE, 1, 1, "EMFILE", "" },
	};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct facts f = good();
		struct result r;

		f.kvm.open_err = rows[i].code;
		f.user.in_node_group = rows[i].in_group;
		f.user.listed_in_group = rows[i].listed;
		r = run("kvm.access", &f);
		tap_eq(r.status, CHECK_FAIL, "open fails, row %u", i);
		tap_has(r.value, rows[i].value, "why");
		tap_has(r.remedy, rows[i].remedy, "what to do");
	}
}

static void test_container(void)
{
	struct facts f = good();
	struct result r;

	strcpy(f.host.container, "lxc");
	f.kvm.open_err = EPERM;
	r = run("kvm.access", &f);
	tap_has(r.remedy, "lxc.cgroup2.devices.allow = c 10:232 rwm",
	        "LXC's own setting");
	f.kvm.node_err = ENOENT;
	r = run("kvm.node", &f);
	tap_has(r.value, "this container (lxc)", "the container is blamed, not the host");
	f.host.container[0] = '\0';
	r = run("kvm.node", &f);
	tap_has(r.remedy, "mknod", "no container, no udev");
}

static void test_api(void)
{
	struct facts f = good();
	struct result r;

	f.kvm.api = 11;
	tap_eq(run("kvm.api", &f).status, CHECK_FAIL, "another API version");
	f = good();
	f.kvm.vm_err = EOPNOTSUPP;
	r = run("kvm.vm", &f);
	tap_has(r.value, "KVM_CREATE_VM fails with EOPNOTSUPP",
	        "the ioctl and its errno");
	f.kvm.vm_err = 0;
	f.kvm.vcpu_err = ENOMEM;
	tap_has(run("kvm.vm", &f).value, "KVM_CREATE_VCPU", "or the vCPU's");
	f = good();
	f.kvm.cap[4] = 0;
	tap_has(run("kvm.caps", &f).value, "KVM_CAP_IRQFD",
	        "a missing capability is named");
}

/* What no captured host has. */
static void test_cpus(void)
{
	struct facts f = good();

	strcpy(f.cpu.vendor, "RiseRiseRise");
	tap_eq(run("cpu.vendor", &f).status, CHECK_NOTE, "a vendor without KVM");
	f.cpu.long_mode = false;
	tap_eq(run("cpu.long_mode", &f).status, CHECK_FAIL, "a 32-bit CPU");
	f.cpu.npt = f.cpu.flag_npt = false;
	tap_eq(run("cpu.slat", &f).status, CHECK_WARN, "SVM without nested paging");
	tap_eq(run("kvm.models", &f).status, CHECK_NOTE, "no model is complete");
	f.kvm.features_err = EACCES;
	tap_eq(run("kvm.models", &f).status, CHECK_SKIP, "nothing is known of features");
}

/* No parameter for what the kernel does by itself. */
static void test_iommu_parameter(void)
{
	struct facts f = good();
	struct result r;

	f.iommu = (struct iommu_facts){ .tables_known = 1,
		                        .dmar = true,
		                        .intel_built = 1,
		                        .intel_default_on = 1,
		                        .amd_built = 1 };
	r = run("iommu.groups", &f);
	tap_eq(r.status, CHECK_WARN, "a table, no groups");
	tap_ok(!strstr(r.remedy, "intel_iommu=on"), "on by default: not asked for");
	tap_has(r.remedy, "dmesg", "but looked into");
	f.iommu.intel_default_on = 0;
	tap_has(run("iommu.groups", &f).remedy, "intel_iommu=on", "off by default");
	f.iommu.intel_default_on = -1;
	tap_has(run("iommu.groups", &f).remedy, "intel_iommu=on",
	        "unknown: it does no harm");
	strcpy(f.iommu.intel_iommu, "on");
	tap_ok(!strstr(run("iommu.groups", &f).remedy, "intel_iommu=on"),
	       "it is there already");
	f.iommu.intel_built = 0;
	tap_has(run("iommu.groups", &f).value, "no driver",
	        "a kernel without the driver");
}

/* Remedies of the distributions, as ID or ID_LIKE names them. */
static void test_distributions(void)
{
	static const struct {
		const char *id, *like, *microcode, *initramfs;
	} rows[] = {
		{ "debian", "", "apt install amd64-microcode", "update-initramfs -u" },
		{ "linuxmint", "ubuntu debian", "apt install amd64-microcode",
		  "update-initramfs -u" },
		{ "fedora", "", "dnf upgrade microcode_ctl", "dracut -f" },
		{ "rocky", "rhel centos fedora", "dnf upgrade microcode_ctl",
		  "dracut -f" },
		{ "opensuse-leap", "suse opensuse", "zypper install ucode-amd",
		  "dracut -f" },
		{ "arch", "", "pacman -S amd-ucode", "mkinitcpio -P" },
		{ "gentoo", "", "newest microcode", "distribution's tool" },
	};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct facts f = good();
		char text[REMEDY_MAX];

		strcpy(f.host.os_id, rows[i].id);
		strcpy(f.host.os_like, rows[i].like);
		remedy_microcode(&f, text);
		tap_has(text, rows[i].microcode, "microcode on %s", rows[i].id);
		remedy_initramfs(&f, text);
		tap_has(text, rows[i].initramfs, "initramfs on %s", rows[i].id);
	}
}

static void test_versions(void)
{
	static const struct {
		const char *release;
		enum check_status status;
	} rows[] = {
		{ "5.9.16", CHECK_WARN },  { "5.10.0-28-amd64", CHECK_PASS },
		{ "5.100.1", CHECK_PASS }, { "4.20.17", CHECK_WARN },
		{ "6.1.0", CHECK_PASS },   { "10.0-rc1", CHECK_PASS },
		{ "custom", CHECK_SKIP },  { "", CHECK_SKIP },
	};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct facts f = good();

		strcpy(f.host.kernel, rows[i].release);
		tap_eq(run("kvm.kernel", &f).status, rows[i].status, "release '%s'",
		       rows[i].release);
	}
}

static void test_blacklist(void)
{
	struct facts f = good();
	struct result r;

	f.modules.module[MODULE_KVM_AMD].state = MODULE_AVAILABLE;
	f.modules.module[MODULE_KVM_AMD].refused = true;
	r = run("module.blacklist", &f);
	tap_eq(r.status, CHECK_FAIL, "module_blacklist= of the kernel");
	tap_has(r.remedy, "s| *module_blacklist=kvm_amd||", "the parameter to remove");
	strcpy(f.host.os_id, "almalinux");
	strcpy(f.host.os_like, "rhel centos fedora");
	tap_has(run("module.blacklist", &f).remedy,
	        "grubby --update-kernel=ALL --remove-args",
	        "the distribution's own command, by ID_LIKE");
	strcpy(f.host.os_id, "unknown");
	f.host.os_like[0] = '\0';
	tap_has(run("module.blacklist", &f).remedy, "boot loader", "or a sentence");
}

/* Laws: a failure or warning has a value; nothing that is fine has a remedy; ids are
 * unique and belong to their category; no check writes beyond its result for empty facts.
 */
static void test_laws(void)
{
	struct facts cases[3] = { good() };
	struct result results[CHECKS_MAX];

	kvm_facts_init(&cases[1].kvm);
	memset(cases[2].host.os_name, 'x', sizeof(cases[2].host.os_name) - 1);
	for (unsigned k = 0; k < 3; k++) {
		unsigned n = checks_run(&cases[k], 1u << GOAL_ALL, results), bad = 0;

		for (unsigned i = 0; i < n; i++) {
			bool fine = results[i].status == CHECK_PASS ||
			            results[i].status == CHECK_SKIP;

			bad += !*results[i].value || (fine && *results[i].remedy);
		}
		tap_eq(bad, 0, "facts %u: values everywhere, remedies only where needed",
		       k);
	}
	for (const struct check *c = checks; c->id; c++) {
		bool whole = c->category && c->title && c->source && c->explain &&
		             c->run && strlen(c->goals) == GOAL_COUNT &&
		             strspn(c->goals, ".nwfF") == GOAL_COUNT;

		if (!whole || check_find(c->id) != c || strlen(c->id) > 17)
			tap_ok(false, "row %s", c->id);
	}
	tap_ok(check_find("kvm.hardware") && !check_find("kvm"), "rows are found by id");
}

static void test_report(void)
{
	struct report *report = calloc(1, sizeof(*report));
	struct text_options options = { .colour = true };
	struct strbuf out = { 0 };

	report->facts = good();
	strcpy(report->facts.host.os_name, "Evil\033[2J\nOS");
	report_judge(report);
	tap_str(report_verdict(report), "warn", "no IOMMU is a warning");
	report_text(report, &options, &out);
	tap_has(out.data, "Evil?[2J?OS",
	        "no control characters of the host reach a terminal");
	tap_has(out.data, "\033[32mpass\033[0m  cpu.vendor", "colour");
	strbuf_free(&out);
	options = (struct text_options){ .quiet = true };
	report_text(report, &options, &out);
	tap_ok(!strstr(out.data, "pass ") && strstr(out.data, "WARN  iommu.table"),
	       "quiet leaves out what passed");
	strbuf_free(&out);
	report_summary(report, &out);
	tap_has(out.data, "hardware  yes\n", "the summary");
	tap_has(out.data, "verdict   warn: iommu.table:", "and its first cause");
	strbuf_free(&out);
	report->facts.kvm.open_err = report->facts.kvm.vm_err = EACCES;
	report_judge(report);
	report_summary(report, &out);
	tap_has(out.data, "hardware  unknown\n", "of one who may not open the node");
	strbuf_free(&out);
	free(report);
}

int main(void)
{
	test_backend();
	test_software();
	test_firmware();
	test_access();
	test_container();
	test_api();
	test_blacklist();
	test_cpus();
	test_iommu_parameter();
	test_distributions();
	test_versions();
	test_laws();
	test_report();
	return tap_done();
}
