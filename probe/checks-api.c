// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Checks of the kernel's KVM beyond "it works": its age, its limits, what it offers for
 * migration and for Windows, which CPU models a guest can have, who else may start
 * guests.
 */
#include "common/opts.h"
#include "cpu/cpumodel.h"
#include "probe/checks.h"
#include "probe/compat.h"
#include "probe/decide.h"
#include "probe/kvmcap.h"

#include <stdio.h>
#include <string.h>

void check_kvm_kernel(const struct facts *f, struct result *r)
{
	const char *release = f->host.kernel;
	char major[8], minor[8];
	uint64_t a, b;

	if (sscanf(release, "%7[0-9].%7[0-9]", major, minor) != 2 ||
	    opt_parse_u64(major, &a) < 0 || opt_parse_u64(minor, &b) < 0)
		result_set(r, CHECK_SKIP, "the release could not be read");
	else if (a > 5 || (a == 5 && b >= 10))
		result_set(r, CHECK_PASS, "Linux %s", release);
	else
		result_set(
			r, CHECK_WARN,
			"Linux %s is older than 5.10, the oldest that vmm is tested with",
			release);
	if (r->status == CHECK_WARN)
		result_remedy(r, "boot Linux 5.10 or later");
}

void check_kvm_mode(const struct facts *f, struct result *r)
{
	const struct kvm_facts *k = &f->kvm;
	const char *group = *f->user.node_group ? f->user.node_group : "its group";

	if (k->node_err)
		result_set(r, CHECK_SKIP, "needs kvm.node");
	else if (k->node_mode & 06)
		result_set(r, CHECK_WARN, "mode %04o: every user may start guests",
		           k->node_mode);
	else if ((k->node_mode & 060) != 060 || !k->node_gid)
		result_set(r, CHECK_NOTE, "mode %04o: only root may start guests",
		           k->node_mode);
	else
		result_set(r, CHECK_PASS, "mode %04o: root and the members of %s",
		           k->node_mode, group);
	if (r->status == CHECK_WARN || r->status == CHECK_NOTE)
		result_remedy(
			r, "echo 'KERNEL==\"kvm\", GROUP=\"kvm\", MODE=\"0660\"' | sudo "
			   "tee /etc/udev/rules.d/65-kvm.rules && sudo udevadm control "
			   "--reload && sudo udevadm trigger /dev/kvm");
}

void check_kvm_limits(const struct facts *f, struct result *r)
{
	char missing[160] = "";

	for (unsigned i = 0; i < KVM_CAP_COUNT; i++) {
		size_t len = strlen(missing);

		if (!kvm_caps[i].needed && !f->kvm.cap[i])
			snprintf(missing + len, sizeof(missing) - len, " %s",
			         kvm_caps[i].name);
	}
	if (kvm_cap_of(&f->kvm, "USER_MEMORY") < 0)
		result_set(r, CHECK_SKIP, "needs kvm.api");
	else if (*missing)
		result_set(r, CHECK_NOTE, "%d vCPUs at best, %d recommended; without:%s",
		           kvm_cap_of(&f->kvm, "MAX_VCPUS"),
		           kvm_cap_of(&f->kvm, "NR_VCPUS"), missing);
	else
		result_set(r, CHECK_PASS,
		           "%d vCPUs at best, %d recommended, APIC ids below %d",
		           kvm_cap_of(&f->kvm, "MAX_VCPUS"),
		           kvm_cap_of(&f->kvm, "NR_VCPUS"),
		           kvm_cap_of(&f->kvm, "MAX_VCPU_ID"));
}

void check_kvm_hyperv(const struct facts *f, struct result *r)
{
	if (kvm_cap_of(&f->kvm, "HYPERV") < 0)
		result_set(r, CHECK_SKIP, "needs kvm.api");
	else if (kvm_cap_of(&f->kvm, "HYPERV") && kvm_cap_of(&f->kvm, "HYPERV_SYNIC") > 0)
		result_set(r, CHECK_PASS, "hypercalls, interrupt controller and timers");
	else
		result_set(r, CHECK_NOTE,
		           "this kernel offers Windows guests no full set");
}

void check_kvm_tsc_scaling(const struct facts *f, struct result *r)
{
	if (kvm_cap_of(&f->kvm, "TSC_CONTROL") < 0)
		result_set(r, CHECK_SKIP, "needs kvm.api");
	else if (kvm_cap_of(&f->kvm, "TSC_CONTROL"))
		result_set(r, CHECK_PASS, "guests keep their TSC rate on another host");
	else
		result_set(r, CHECK_WARN,
		           "no TSC scaling: guests from hosts with another rate see "
		           "their clock change");
	if (r->status == CHECK_WARN)
		result_remedy(
			r, "migrate between hosts of one CPU model only, or let guests "
			   "use kvmclock");
}

void check_kvm_timer(const struct facts *f, struct result *r)
{
	const char *period = f->params.value[PARAM_kvm_min_timer_period_us];

	if (*period)
		result_set(r, CHECK_PASS, "a guest's timer fires every %s us at most",
		           period);
	else
		result_set(r, CHECK_SKIP, "no such parameter");
}

/* The best model that every feature of is there, of this CPU's vendor. */
void check_kvm_models(const struct facts *f, struct result *r)
{
	const struct cpu_model *best = compat_best_model(f);
	unsigned count = 0;

	if (f->kvm.features_err) {
		result_set(r, CHECK_SKIP, "needs kvm.api");
		return;
	}
	for (const struct cpu_model *m = cpu_models; m->name; m++)
		count += compat_model_fits(f, m);
	if (best)
		result_set(r, CHECK_PASS,
		           "%u CPU models are complete here; the newest is %s%s%.0u",
		           count, best->name, best->version > 1 ? "-v" : "",
		           best->version > 1 ? best->version : 0);
	else
		result_set(r, CHECK_NOTE,
		           "%u CPU models are complete here, none of them of "
		           "this vendor",
		           count);
}
