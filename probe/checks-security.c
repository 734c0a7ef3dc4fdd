// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Checks of what keeps guests apart: CPU vulnerabilities as the kernel reports them,
 * hyper-threading, security modules, memory encryption. The part of a report behind
 * "VMX:" or "SMT" is about guests (admin-guide/hw-vuln/l1tf.rst, mds.rst).
 */
#include "probe/checks.h"
#include "probe/cpu.h"
#include "probe/decide.h"
#include "probe/param.h"
#include "probe/security.h"

#include <stdio.h>
#include <string.h>

static bool starts(const char *text, const char *with)
{
	return !strncmp(text, with, strlen(with));
}

/* Mitigated, but not where two guests share a core. */
static bool smt_open(const char *line)
{
	return strstr(line, "SMT vulnerable") != NULL;
}

/* param: what the kernel does about it when asked, or NULL: only microcode helps. */
static void one_bug(const struct facts *f, enum vulnerability id, const char *param,
                    struct result *r)
{
	const char *line = f->security.vulnerability[id];

	if (!*line) {
		result_set(r, CHECK_SKIP, "the kernel does not tell");
	} else if (starts(line, "Vulnerable") || starts(line, "KVM: Vulnerable") ||
	           strstr(line, "VMX: vulnerable")) {
		result_set(r, CHECK_WARN, "%s", line);
		if (param && !strstr(line, "no microcode"))
			remedy_param(f, param, true, r->remedy);
		else
			remedy_microcode(f, r->remedy);
	} else if (smt_open(line)) {
		result_set(r, CHECK_WARN, "%s", line);
		remedy_param(f, "nosmt", true, r->remedy);
	} else {
		result_set(r, CHECK_PASS, "%s", line);
	}
}

void check_security_l1tf(const struct facts *f, struct result *r)
{
	one_bug(f, VULN_l1tf, "l1tf=full,force", r);
}

void check_security_mds(const struct facts *f, struct result *r)
{
	one_bug(f, VULN_mds, "mds=full,nosmt", r);
}

void check_security_taa(const struct facts *f, struct result *r)
{
	one_bug(f, VULN_tsx_async_abort, "tsx_async_abort=full,nosmt", r);
}

void check_security_mmio(const struct facts *f, struct result *r)
{
	one_bug(f, VULN_mmio_stale_data, "mmio_stale_data=full,nosmt", r);
}

void check_security_retbleed(const struct facts *f, struct result *r)
{
	one_bug(f, VULN_retbleed, "retbleed=auto,nosmt", r);
}

void check_security_srso(const struct facts *f, struct result *r)
{
	one_bug(f, VULN_spec_rstack_overflow, NULL, r);
}

void check_security_vmscape(const struct facts *f, struct result *r)
{
	one_bug(f, VULN_vmscape, "vmscape=force", r);
}

void check_security_spectre(const struct facts *f, struct result *r)
{
	one_bug(f, VULN_spectre_v2, "spectre_v2=on", r);
}

/* Old Intel CPUs; the mitigation has its price, so that it is named. */
void check_security_meltdown(const struct facts *f, struct result *r)
{
	one_bug(f, VULN_meltdown, "pti=on", r);
	if (r->status == CHECK_PASS && strstr(r->value, "PTI"))
		result_set(r, CHECK_NOTE,
		           "Mitigation: PTI; system calls and exits to user "
		           "space are slower");
}

/* A guest can stop the machine when huge pages may hold code. */
void check_security_itlb(const struct facts *f, struct result *r)
{
	const char *pages = f->params.value[PARAM_kvm_nx_huge_pages];
	const char *line = f->security.vulnerability[VULN_itlb_multihit];
	bool never =
		!strcmp(pages, "N") || !strcmp(pages, "0") || !strcmp(pages, "never");

	if (*line && !starts(line, "Not affected") && never) {
		result_set(r, CHECK_WARN,
		           "kvm.nx_huge_pages=%s on a CPU with the bug: a guest can stop "
		           "this host",
		           pages);
		result_remedy(r, "echo auto | sudo tee "
		                 "/sys/module/kvm/parameters/nx_huge_pages");
		return;
	}
	one_bug(f, VULN_itlb_multihit, "kvm.nx_huge_pages=force", r);
	/* Without guests there is nothing to protect from. */
	if (r->status == CHECK_WARN && !kvm_works(f) && !module_present(f, MODULE_KVM))
		result_set(r, CHECK_NOTE, "%s (KVM is not loaded)", line);
}

void check_security_bugs(const struct facts *f, struct result *r)
{
	static const uint8_t others[] = {
		VULN_gather_data_sampling,
		VULN_reg_file_data_sampling,
		VULN_spec_store_bypass,
		VULN_spectre_v1,
		VULN_srbds,
		VULN_tsa,
	};
	char names[160] = "";
	bool known = false;

	for (unsigned i = 0; i < sizeof(others); i++) {
		const char *line = f->security.vulnerability[others[i]];
		size_t len = strlen(names);

		known |= *line;
		if (starts(line, "Vulnerable"))
			snprintf(names + len, sizeof(names) - len, " %s",
			         vulnerability_names[others[i]]);
	}
	if (*f->security.unnamed) {
		size_t len = strlen(names);

		snprintf(names + len, sizeof(names) - len, " %s", f->security.unnamed);
	}
	if (*names) {
		result_set(r, CHECK_WARN, "vulnerable:%s", names);
		remedy_microcode(f, r->remedy);
	} else {
		result_set(r, known ? CHECK_PASS : CHECK_SKIP, "%s",
		           known ? "nothing else that the kernel knows of"
		                 : "the kernel does not tell");
	}
}

/* ---- hyper-threading ---- */

static bool smt_on(const struct facts *f)
{
	return !strcmp(f->security.smt, "on");
}

void check_security_smt(const struct facts *f, struct result *r)
{
	if (!*f->security.smt)
		result_set(r, CHECK_SKIP, "the kernel does not tell");
	else if (!smt_on(f))
		result_set(r, CHECK_PASS, "%s", f->security.smt);
	else
		result_set(
			r, CHECK_WARN,
			"on: two guests on one core can watch each other; schedule them "
			"apart or switch it off");
	if (r->status == CHECK_WARN)
		remedy_param(f, "nosmt", true, r->remedy);
}

/* CVE-2022-27672: Zen 1 and 2, whose family is 17h, and Hygon's 18h. */
void check_security_smt_rsb(const struct facts *f, struct result *r)
{
	bool cpu =
		cpu_is_amd(&f->cpu) && (f->cpu.family == 0x17 || f->cpu.family == 0x18);
	int on = param_switch(&f->params, PARAM_kvm_mitigate_smt_rsb);

	if (!cpu || !smt_on(f))
		result_set(r, CHECK_PASS,
		           "this CPU does not mix return addresses of threads");
	else if (on < 0)
		result_set(r, CHECK_SKIP, "no such parameter");
	else if (on)
		result_set(r, CHECK_PASS, "kvm.mitigate_smt_rsb=Y");
	else
		result_set(r, CHECK_NOTE, "kvm.mitigate_smt_rsb=N on a CPU of family %xh",
		           f->cpu.family);
	if (r->status == CHECK_NOTE)
		remedy_option(f, "kvm", "mitigate_smt_rsb=1", r->remedy);
}

/* ---- policy ---- */

void check_security_lockdown(const struct facts *f, struct result *r)
{
	const char *mode = f->host.lockdown;

	if (!*mode)
		result_set(r, CHECK_SKIP, "the kernel does not tell");
	else if (!strcmp(mode, "none"))
		result_set(r, CHECK_NOTE, "none: root can change the running kernel");
	else
		result_set(r, CHECK_PASS,
		           "%s: guests and VFIO work; MSRs cannot be written, unsigned "
		           "modules not loaded",
		           mode);
}

void check_security_lsm(const struct facts *f, struct result *r)
{
	const struct security_facts *s = &f->security;

	if (s->selinux == 1)
		result_set(r, CHECK_PASS, "SELinux enforces");
	else if (s->apparmor == 1)
		result_set(r, CHECK_PASS, "AppArmor is enabled%s",
		           s->selinux == 0 ? "; SELinux only warns" : "");
	else if (s->selinux == 0)
		result_set(r, CHECK_WARN, "SELinux only warns (permissive)");
	else if (!*s->lsm && s->apparmor < 0)
		result_set(r, CHECK_SKIP, "the kernel does not tell");
	else
		result_set(r, CHECK_WARN,
		           "neither SELinux nor AppArmor confines a guest's "
		           "process");
	if (r->status == CHECK_WARN && s->selinux == 0)
		result_remedy(r, "sudo setenforce 1, and SELINUX=enforcing in "
		                 "/etc/selinux/config");
	else if (r->status == CHECK_WARN)
		result_remedy(r,
		              "boot with lsm=...,apparmor or lsm=...,selinux on a kernel "
		              "that has it");
}

/* A whole word of the list. */
static bool has_module(const char *list, const char *name)
{
	size_t len = strlen(name);

	for (const char *at = list; *at; at += strcspn(at, ","), at += *at == ',')
		if (strcspn(at, ",") == len && !strncmp(at, name, len))
			return true;
	return false;
}

/* Linux 5.13, and its place in the list that the kernel was built or booted with. */
void check_security_landlock(const struct facts *f, struct result *r)
{
	const char *lsm = f->security.lsm;

	if (!*lsm) {
		result_set(r, CHECK_SKIP, "the kernel does not tell");
	} else if (has_module(lsm, "landlock")) {
		result_set(r, CHECK_PASS, "Landlock is active");
	} else {
		result_set(
			r, CHECK_WARN,
			"no Landlock: permissions alone keep vmm's process from files");
		result_remedy(r, "boot with lsm=landlock,%s on a kernel that has it",
		              lsm);
	}
}

static const struct {
	uint32_t bit;
	const char *name;
	enum kvm_param param;
} encryption[] = {
	{ 1u << 1, "SEV", PARAM_kvm_amd_sev },
	{ 1u << 3, "SEV-ES", PARAM_kvm_amd_sev_es },
	{ 1u << 4, "SEV-SNP", PARAM_kvm_amd_sev_snp },
};

void check_security_encrypt(const struct facts *f, struct result *r)
{
	char on[40] = "", off[40] = "";

	for (unsigned i = 0; i < sizeof(encryption) / sizeof(encryption[0]); i++) {
		bool enabled = param_switch(&f->params, encryption[i].param) == 1;
		char *list = enabled ? on : off;
		size_t len = strlen(list);

		if (f->cpu.encryption & encryption[i].bit)
			snprintf(list + len, sizeof(on) - len, " %s", encryption[i].name);
	}
	if (f->cpu.flag_tdx && param_switch(&f->params, PARAM_kvm_intel_tdx) == 1)
		strcpy(on, " TDX");
	else if (f->cpu.flag_tdx)
		strcpy(off, " TDX");
	if (!*on && !*off)
		result_set(r, CHECK_PASS, "this CPU does not encrypt guests");
	else if (*on)
		result_set(r, CHECK_PASS, "KVM offers%s%s%s", on, *off ? "; off:" : "",
		           off);
	else
		result_set(r, CHECK_NOTE, "the CPU has%s, KVM does not use it", off);
	if (r->status != CHECK_NOTE)
		return;
	if (f->cpu.flag_tdx)
		remedy_option(f, "kvm_intel", "tdx=1", r->remedy);
	else
		remedy_option(f, "kvm_amd", "sev=1", r->remedy);
}
