// SPDX-License-Identifier: GPL-2.0-or-later
/* Checks of clocks, idle states, frequencies and the scheduler: what makes guests late,
 * or their clocks wrong. */
#include "probe/checks.h"
#include "probe/decide.h"

#include <string.h>

void check_power_governor(const struct facts *f, struct result *r)
{
	const struct power_facts *p = &f->power;

	if (!*p->governor) {
		result_set(r, CHECK_SKIP, "the kernel does not set frequencies here");
	} else if (strcmp(p->governor, "performance")) {
		result_set(r, CHECK_WARN,
		           "%s (driver %s): CPUs speed up after the work has "
		           "come",
		           p->governor, p->frequency_driver);
		result_remedy(r, "echo performance | sudo tee "
		                 "/sys/devices/system/cpu/cpu*/cpufreq/scaling_governor");
	} else if (p->governor_others) {
		result_set(r, CHECK_WARN, "performance, but not on %u other CPUs",
		           p->governor_others);
		result_remedy(r, "echo performance | sudo tee "
		                 "/sys/devices/system/cpu/cpu*/cpufreq/scaling_governor");
	} else {
		result_set(r, CHECK_PASS, "performance (driver %s)", p->frequency_driver);
	}
}

void check_power_turbo(const struct facts *f, struct result *r)
{
	if (f->power.turbo < 0)
		result_set(r, CHECK_SKIP, "the kernel does not tell");
	else
		result_set(r, f->power.turbo ? CHECK_PASS : CHECK_NOTE, "turbo is %s",
		           f->power.turbo ? "on" : "off");
}

void check_power_idle(const struct facts *f, struct result *r)
{
	const char *driver = f->power.idle_driver;

	if (!*driver)
		result_set(r, CHECK_SKIP, "the kernel does not tell");
	else if (!strcmp(driver, "none") || !strncmp(driver, "haltpoll", 8))
		result_set(r, CHECK_PASS, "driver %s: no deep idle states", driver);
	else
		result_set(
			r, CHECK_NOTE,
			"driver %s: leaving a deep idle state can take more than 100 us",
			driver);
	if (r->status == CHECK_NOTE)
		result_remedy(
			r, "hold /dev/cpu_dma_latency open with a limit in us, or boot "
			   "with processor.max_cstate=1 intel_idle.max_cstate=1");
}

void check_power_halt_poll(const struct facts *f, struct result *r)
{
	const char *ns = f->params.value[PARAM_kvm_halt_poll_ns];

	if (!*ns)
		result_set(r, CHECK_SKIP, "no such parameter");
	else if (strcmp(ns, "0"))
		result_set(r, CHECK_PASS, "a halted vCPU is polled for up to %s ns", ns);
	else
		result_set(r, CHECK_WARN,
		           "halt_poll_ns=0: every wake-up of a vCPU goes through the "
		           "scheduler");
	if (r->status == CHECK_WARN)
		result_remedy(r, "echo 200000 | sudo tee "
		                 "/sys/module/kvm/parameters/halt_poll_ns");
}

void check_power_preempt(const struct facts *f, struct result *r)
{
	const char *p = f->power.preempt;

	if (!*p)
		result_set(r, CHECK_SKIP, "the kernel's configuration could not be read");
	else if (!strcmp(p, "full") || !strcmp(p, "rt"))
		result_set(r, CHECK_PASS, "%s preemption", p);
	else
		result_set(r, CHECK_NOTE,
		           "%s preemption: good for throughput, late by milliseconds at "
		           "worst",
		           p);
	if (r->status == CHECK_NOTE && strcmp(p, "lazy"))
		remedy_param(f, "preempt=full", true, r->remedy);
}

void check_power_isolation(const struct facts *f, struct result *r)
{
	if (f->cpu.cpus < 2)
		result_set(r, CHECK_SKIP, "needs several CPUs");
	else if (*f->power.isolated)
		result_set(r, CHECK_PASS, "%s", f->power.isolated);
	else
		result_set(r, CHECK_NOTE, "no CPU is kept free for guests%s",
		           f->power.nohz_full == 0
		                   ? "; this kernel cannot (no NO_HZ_FULL)"
		                   : "");
	if (r->status == CHECK_NOTE && f->power.nohz_full != 0)
		result_remedy(r, "kernel parameters isolcpus=, nohz_full= and rcu_nocbs= "
		                 "with the CPUs of the guests");
}

void check_power_console(const struct facts *f, struct result *r)
{
	int level = f->power.loglevel;

	if (level < 0)
		result_set(r, CHECK_SKIP, "kernel.printk could not be read");
	else if (level <= 4)
		result_set(r, CHECK_PASS, "console log level %d", level);
	else
		result_set(
			r, CHECK_NOTE,
			"console log level %d: each message stops a CPU for the time of "
			"a serial line",
			level);
	if (r->status == CHECK_NOTE)
		remedy_sysctl("kernel.printk", "4 4 1 7", r->remedy);
}

/* ---- time ---- */

void check_time_clocksource(const struct facts *f, struct result *r)
{
	const char *clock = f->power.clocksource;

	if (!*clock) {
		result_set(r, CHECK_SKIP, "the clock source could not be read");
	} else if (!strcmp(clock, "tsc")) {
		result_set(r, CHECK_PASS, "tsc");
	} else if (f->cpu.hypervisor) {
		result_set(
			r, CHECK_NOTE,
			"%s: this machine's hypervisor keeps time; guests' clocks cost "
			"exits",
			clock);
	} else if (f->power.tsc_usable == 1) {
		result_set(r, CHECK_WARN, "%s, although the kernel finds the TSC good",
		           clock);
		result_remedy(r, "echo tsc | sudo tee "
		                 "/sys/devices/system/clocksource/clocksource0/"
		                 "current_clocksource");
	} else {
		result_set(r, CHECK_WARN,
		           "%s: the kernel found the TSC unstable, so guests' clocks are "
		           "slow and may drift",
		           clock);
		result_remedy(
			r, "update the firmware (BIOS); see: sudo dmesg | grep -i tsc");
	}
}

void check_time_tsc(const struct facts *f, struct result *r)
{
	if (f->cpu.invariant_tsc < 0)
		result_set(r, CHECK_SKIP, "CPUID 80000007 could not be read");
	else if (f->cpu.invariant_tsc && f->kvm.tsc_khz)
		result_set(r, CHECK_PASS, "runs at one rate, %u.%03u MHz",
		           f->kvm.tsc_khz / 1000, f->kvm.tsc_khz % 1000);
	else if (f->cpu.invariant_tsc)
		result_set(r, CHECK_PASS, "runs at one rate in all power states");
	else
		result_set(r, CHECK_NOTE,
		           "no invariant TSC: guests should not use it as a clock");
}

void check_time_split_lock(const struct facts *f, struct result *r)
{
	const struct power_facts *p = &f->power;

	if (!strcmp(p->split_lock_detect, "off"))
		result_set(r, CHECK_PASS, "split_lock_detect=off");
	else if (p->split_lock_mitigate < 0)
		result_set(r, CHECK_SKIP, "this kernel does not slow split locks down");
	else if (!p->split_lock_mitigate)
		result_set(r, CHECK_PASS, "kernel.split_lock_mitigate=0");
	else
		result_set(r, CHECK_WARN,
		           "kernel.split_lock_mitigate=%d: where the CPU detects them, a "
		           "guest with split locks is stopped for 10 ms at each",
		           p->split_lock_mitigate);
	if (r->status == CHECK_WARN)
		remedy_sysctl("kernel.split_lock_mitigate", "0", r->remedy);
}
