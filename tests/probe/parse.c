// SPDX-License-Identifier: GPL-2.0-or-later
/* Parsers of what the host's files say: intact, odd and damaged input. */
#include "probe/cmdline.h"
#include "probe/cpu.h"
#include "probe/factfield.h"
#include "probe/host.h"
#include "probe/kconfig.h"
#include "probe/kvmcap.h"
#include "probe/memory.h"
#include "probe/modoption.h"
#include "probe/module.h"
#include "probe/system.h"
#include "tests/tap.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void test_cmdline(void)
{
	const char *line =
		"quiet iommu=pt iommu=off x=\"a b iommu=no\" module-blacklist=a,kvm-amd "
		"-- nomodule iommu=last\n";
	char buf[48], tiny[6];

	tap_ok(cmdline_has(line, "quiet"), "a word alone");
	tap_ok(!cmdline_has(line, "qui"), "not by its beginning");
	tap_ok(!cmdline_has(line, "nomodule"), "nothing behind -- counts");
	tap_ok(cmdline_value(line, "iommu", true, buf, sizeof(buf)), "a value is found");
	tap_str(buf, "pt,off", "values add up; quoted text is no parameter");
	cmdline_value(line, "iommu", false, buf, sizeof(buf));
	tap_str(buf, "off", "or the last one counts");
	tap_ok(!cmdline_value(line, "intel_iommu", true, buf, sizeof(buf)) && !*buf,
	       "absent");
	cmdline_value("iommu=averylongvalue", "iommu", true, tiny, sizeof(tiny));
	tap_str(tiny, "", "what does not fit is left out, not cut in two");
	tap_ok(cmdline_list_has(line, "module_blacklist", "kvm_amd"),
	       "- and _ are the same");
	tap_ok(!cmdline_list_has(line, "module_blacklist", "kvm"),
	       "list items match whole");
	tap_ok(!cmdline_has("", "a") && !cmdline_has("   ", "a"), "an empty line");
}

static void test_cpuid(void)
{
	struct cpuid_table table;
	struct err err = { 0 };
	const char *good =
		"CPU 0:\n   0x00000001 0x00: eax=0x000506e3 ebx=0x0 ecx=0x80000020 "
		"edx=0x0\n\n# note\nCPU 1:\n   0x00000001 0x00: eax=0x1 ebx=0x0 "
		"ecx=0x0 edx=0x0\n";
	char many[CPUID_MAX * 64 + 200] = "";

	tap_eq(cpuid_parse(good, &table, &err), 0, "lines of cpuid -r");
	tap_eq(table.count, 1, "the first CPU counts");
	tap_eq(cpuid_reg(&table, 1, ECX), 0x80000020, "ecx of leaf 1");
	tap_eq(cpuid_reg(&table, 2, ECX), 0, "an absent leaf is 0");
	tap_eq(cpuid_parse("0x1 0x0: eax=zz ebx=0x0 ecx=0x0 edx=0x0\n", &table, &err),
	       -EINVAL, "no number");
	tap_has(err.text, "line 1", "the line is named");
	tap_eq(cpuid_parse("0x1 0x0: eax=0x100000000 ebx=0 ecx=0 edx=0", &table, &err),
	       -EINVAL, "33 bits");
	tap_eq(cpuid_parse("hello", &table, &err), -EINVAL, "another text");
	for (int i = 0; i <= CPUID_MAX; i++)
		strcat(many, "0x1 0x0: eax=0x0 ebx=0x0 ecx=0x0 edx=0x0\n");
	tap_eq(cpuid_parse(many, &table, &err), -EINVAL, "too many leaves");
}

static void test_cpuinfo(void)
{
	char *text = malloc(6000);
	struct cpu_facts cpu = { 0 };

	/* A flag behind the first 1023 bytes of its line. */
	strcpy(text, "processor\t: 0\nvendor_id\t: GenuineIntel\nflags\t\t: ");
	for (int i = 0; i < 400; i++)
		strcat(text, "filler ");
	strcat(text,
	       "vmx\nvmx flags\t: vnmi ept vpid\n\nprocessor\t: 1\nflags\t\t: vmxx xvmx\n");
	cpu_from_cpuinfo(text, &cpu);
	tap_eq(cpu.cpus, 2, "two CPUs");
	tap_eq(cpu.flag_cpus, 1, "vmx on one of them, whole words only");
	tap_ok(cpu.flag_vmx && cpu.flag_ept && !cpu.flag_svm,
	       "vmx far behind, ept in its line");
	tap_str(cpu.vendor, "GenuineIntel", "vendor");
	cpu = (struct cpu_facts){ 0 };
	cpu_from_cpuinfo("flags", &cpu);
	cpu_from_cpuinfo("", &cpu);
	tap_eq(cpu.cpus, 0, "an empty or cut file");
	free(text);
}

static void test_brand(void)
{
	struct cpuid_table t = {
		.count = 2,
		.leaf = { { 0x80000002, 0, { 0x20202020, 0x1b5d3041, 0, 0 } },
		          { 1, 0, { 0x00a20f12, 0, 0x80000000, 0 } } }
	};
	struct cpu_facts cpu = { 0 };

	cpu_from_cpuid(&t, &cpu);
	tap_str(cpu.model, "A0]?", "blanks and control characters of the brand string");
	tap_ok(cpu.family == 0x19 && cpu.model_number == 0x21 && cpu.stepping == 2,
	       "extended family and model");
	tap_ok(cpu.hypervisor && !cpu.vmx && !cpu.svm, "feature bits");
}

static void test_msr(void)
{
	uint64_t v = 0;

	tap_eq(cpu_parse_msr("0x3b 0x9\n0x3a 0x5\n", 0x3a, &v), 0, "the line of the MSR");
	tap_eq(v, 5, "its value");
	tap_eq(cpu_parse_msr("0x3a EACCES\n", 0x3a, &v), -EACCES, "an errno");
	tap_eq(cpu_parse_msr("0x3a what\n", 0x3a, &v), -EINVAL, "nonsense");
	tap_eq(cpu_parse_msr("", 0x3a, &v), -ENOENT, "nothing");
}

static void test_modules(void)
{
	struct modules_facts m = { 0 };

	tap_ok(module_listed("kernel/arch/x86/kvm/kvm-amd.ko.xz: kernel/a.ko\n",
	                     "kvm_amd"),
	       "a compressed module");
	tap_ok(!module_listed("kernel/arch/x86/kvm/kvm-amd.ko:\n", "kvm"),
	       "not by its prefix");
	tap_ok(!module_listed("kernel/x.ko: kernel/arch/x86/kvm/kvm.ko\n", "kvm"),
	       "a dependency is no entry");
	module_scan_conf(
		"# blacklist kvm\nblacklist\tkvm-intel\n  install kvm /bin/false\n"
		"options kvm_amd nested=1\nblacklist kvm_intel_more\ninstall",
		"/etc/modprobe.d/a.conf", &m);
	tap_str(m.module[MODULE_KVM_INTEL].blacklist, "/etc/modprobe.d/a.conf:2",
	        "blacklist");
	tap_str(m.module[MODULE_KVM].install, "/etc/modprobe.d/a.conf:3", "install");
	tap_str(m.module[MODULE_KVM_AMD].blacklist, "", "options are something else");
}

static void test_host(void)
{
	char buf[32];
	bool member;

	host_os_value("NAME=x\nID_LIKE='a b'\nID=\"debian\"\n", "ID", buf, sizeof(buf));
	tap_str(buf, "debian", "a quoted value, not another key's");
	host_os_value("ID=\"", "ID", buf, sizeof(buf));
	tap_str(buf, "\"", "a lone quote");
	tap_str(host_container_of_cgroup("0::/docker/abc\n"), "docker",
	        "a container's cgroup");
	tap_str(host_container_of_cgroup("0::/user.slice\n"), "", "a session's cgroup");
	tap_ok(user_group("a:x:1:\nkvm:x:108:x,userx,user\n", 108, "user", buf,
	                  sizeof(buf), &member) &&
	               member,
	       "a member, by its whole name");
	tap_str(buf, "kvm", "the group's name");
	user_group("kvm:x:108:userx\n", 108, "user", buf, sizeof(buf), &member);
	tap_ok(!member, "no member");
	tap_ok(!user_group("kvm:x:\n108\nkvm\n", 108, "user", buf, sizeof(buf), &member),
	       "damaged lines");
}

static void test_others(void)
{
	char buf[16];

	tap_ok(kvm_in_misc("232 kvm\n") && kvm_in_misc("1 psaux\n232 kvm"),
	       "kvm in /proc/misc");
	tap_ok(!kvm_in_misc("232 kvmx\n233 vhost-kvm\n"), "other devices");
	tap_eq(kconfig_has("CONFIG_INTEL_IOMMU=y\n", "CONFIG_INTEL_IOMMU"), 1, "built");
	tap_eq(kconfig_has("# CONFIG_A is not set\nXCONFIG_A=y\nCONFIG_A=m\n",
	                   "CONFIG_A"),
	       0, "not built");
	tap_str(errno_name(EBUSY, buf), "EBUSY", "a known errno");
	tap_eq(errno_by_name(errno_name(133, buf)), 133, "an unknown one comes back");
	tap_eq(errno_by_name("ENOWHERE"), -EINVAL, "no errno");
}

static void test_memory(void)
{
	uint64_t v = 7;

	tap_eq(memory_line("MemTotal:   123 kB\nMemFree: 4 kB\n", "MemFree", &v), 0,
	       "a line");
	tap_eq(v, 4, "its number");
	tap_eq(memory_line("Node 1 MemTotal:  55 kB\n", "MemTotal", &v), 0, "of a node");
	tap_eq(v, 55, "its number");
	tap_eq(memory_line("XMemTotal: 1 kB\nMemTotalX: 2 kB\n", "MemTotal", &v), -ENOENT,
	       "not a part of a name");
	tap_eq(memory_line("MemTotal: none\n", "MemTotal", &v), -EINVAL, "no number");
}

static void test_system(void)
{
	char buf[20] = "";

	system_cgroups(
		"#subsys_name\thierarchy\tnum\tenabled\ncpu\t2\t1\t1\nmemory\t0\t1\t0\n"
		"blkio\t0\t1\t1\npids\t3\t1\t1\npids\t3\t1\t1\n",
		buf, sizeof(buf));
	tap_str(buf, "cpu pids", "enabled and mounted controllers, each once");
	system_cgroups("averyveryverylongname\t1\t1\t1\ncpu\nx\t1", buf, sizeof(buf));
	tap_str(buf, "cpu pids", "what does not fit, and damaged lines");
	buf[0] = '\0';
	system_routes("Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\n"
	              "br0\t00000000\t0101A8C0\t0003\t0\t0\t0\t00000000\n"
	              "eth1\t0000A8C0\t00000000\t0001\t0\t0\t0\t0000FFFF\n"
	              "vpn0\t00000000\t00000000\t0001\t0\t0\t0\t00000080\n"
	              "eth2\t00000000\t0101A8C0\t0002\t0\t0\t0\t00000000\n",
	              buf, sizeof(buf));
	tap_str(buf, "br0", "the default route that is up");
}

static void test_options(void)
{
	struct module_options o = { 0 };

	module_options_scan(
		"options kvm_intel nested=1 ept=Y\n#options kvm_intel nested=0\n"
		"options ext4 nested=0\noptions kvm-intel ept=1\n",
		"/etc/modprobe.d/a.conf", &o);
	tap_str(o.conflict, "",
	        "equal values, comments and other modules are no conflict");
	module_options_scan("options kvm ignore_msrs=N report\noptions kvm ignore_msrs=0 "
	                    "report=1\n",
	                    "/a.conf", &o);
	tap_str(o.conflict, "", "N is 0, and a switch alone is on");
	module_options_scan("options vfio-pci ids=10de:1b80\n", "/b.conf", &o);
	tap_str(o.vfio_ids, "/b.conf:1", "devices by their IDs");
	module_options_cmdline("quiet kvm-intel.nested=0 -- kvm_intel.ept=0", &o);
	tap_str(o.conflict,
	        "kvm_intel.nested=1 (/etc/modprobe.d/a.conf:1) and nested=0 (/proc/cmdline)",
	        "both places are named");
	o = (struct module_options){ 0 };
	for (unsigned i = 0; i < 2 * MODULE_OPTIONS_MAX; i++) {
		char line[64];

		snprintf(line, sizeof(line), "options kvm p%u=1 p%u", i, i);
		module_options_scan(line, "x", &o);
	}
	tap_eq(o.count, MODULE_OPTIONS_MAX, "no more than the table holds");
}

/* Every damaged value is refused with the field's name; nothing is stored half. */
static void test_capture(void)
{
	static const struct {
		const char *json, *field;
	} bad[] = {
		{ "{\"kvm\":[]}", "kvm" },
		{ "{\"kvm\":{\"api\":\"12\"}}", "kvm.api" },
		{ "{\"kvm\":{\"api\":-2}}", "kvm.api" },
		{ "{\"kvm\":{\"node_gid\":4294967296}}", "kvm.node_gid" },
		{ "{\"kvm\":{\"node_char\":1}}", "kvm.node_char" },
		{ "{\"kvm\":{\"open_err\":\"EWHAT\"}}", "kvm.open_err" },
		{ "{\"kvm\":{\"cap\":{\"IRQFD\":-1}}}", "kvm.cap" },
		{ "{\"trial\":{\"state\":\"fine\"}}", "trial.state" },
		{ "{\"trial\":{\"exit_ns\":1.5}}", "trial.exit_ns" },
		{ "{\"user\":{\"name\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		  "aaaaaaaaaaaa\"}}",
		  "user.name" },
	};

	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		json_t *json = json_loads(bad[i].json, 0, NULL);
		struct facts facts = { 0 };
		struct err err = { 0 };

		tap_eq(facts_from_json(&facts, json, false, &err), -EINVAL, "refused: %s",
		       bad[i].json);
		tap_has(err.text, bad[i].field, "and named");
		json_decref(json);
	}
}

/* What one walker writes, the other reads. */
static void test_round_trip(void)
{
	struct facts a, b;
	struct err err = { 0 };
	json_t *json;

	memset(&a, 0, sizeof(a));
	memset(&b, 0, sizeof(b));
	kvm_facts_init(&a.kvm);
	a.user = (struct user_facts){ .uid = 1000,
		                      .in_node_group = -1,
		                      .listed_in_group = 1 };
	strcpy(a.user.name, "user");
	a.kvm.open_err = EACCES;
	a.kvm.cap[3] = 1;
	a.trial = (struct trial_facts){ .state = TRIAL_OK, .exit_ns = 1ull << 40 };
	memset(b.kvm.cap, 0xff, sizeof(b.kvm.cap));
	json = facts_to_json(&a);
	tap_eq(facts_from_json(&b, json, false, &err), 0,
	       "a report's facts are a capture");
	tap_ok(!memcmp(&a.user, &b.user, sizeof(a.user)), "user");
	tap_ok(!memcmp(&a.kvm, &b.kvm, sizeof(a.kvm)), "kvm");
	tap_ok(!memcmp(&a.trial, &b.trial, sizeof(a.trial)), "trial");
	json_decref(json);
}

int main(void)
{
	test_cmdline();
	test_cpuid();
	test_cpuinfo();
	test_brand();
	test_msr();
	test_modules();
	test_host();
	test_others();
	test_memory();
	test_system();
	test_options();
	test_capture();
	test_round_trip();
	return tap_done();
}
