// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Clock source, idle driver, frequency governor (admin-guide/pm), split-lock detection
 * (arch/x86/buslock.rst), preemption and isolation.
 */
#include "probe/power.h"

#include "common/cleanup.h"
#include "common/opts.h"
#include "probe/cmdline.h"
#include "probe/kconfig.h"

#include <stdio.h>
#include <string.h>

#define CLOCK "sys/devices/system/clocksource/clocksource0/"
#define CPUS  "sys/devices/system/cpu/"

static void gather_clock(const struct sysroot *root, struct power_facts *power)
{
	char line[128], words[132];

	power->tsc_usable = -1;
	sysroot_line(root, CLOCK "current_clocksource", power->clocksource,
	             sizeof(power->clocksource));
	if (sysroot_line(root, CLOCK "available_clocksource", line, sizeof(line)) < 0)
		return;
	snprintf(words, sizeof(words), " %s ", line);
	power->tsc_usable = strstr(words, " tsc ") != NULL;
}

static void gather_governors(const struct sysroot *root, struct power_facts *power)
{
	struct names names;

	sysroot_line(root, CPUS "cpu0/cpufreq/scaling_governor", power->governor,
	             sizeof(power->governor));
	sysroot_line(root, CPUS "cpu0/cpufreq/scaling_driver", power->frequency_driver,
	             sizeof(power->frequency_driver));
	if (!*power->governor)
		return;
	/* One policy covers the CPUs that change together. */
	sysroot_list(root, CPUS "cpufreq", &names);
	for (unsigned i = 0; i < names.count; i++) {
		char path[512], governor[24];

		snprintf(path, sizeof(path), CPUS "cpufreq/%s/scaling_governor",
		         names.name[i]);
		if (!sysroot_line(root, path, governor, sizeof(governor)))
			power->governor_others += strcmp(governor, power->governor) != 0;
	}
	names_free(&names);
}

static void gather_turbo(const struct sysroot *root, struct power_facts *power)
{
	int off = sysroot_small(root, CPUS "intel_pstate/no_turbo");

	power->turbo = off >= 0 ? !off : sysroot_small(root, CPUS "cpufreq/boost");
}

/* The running kernel tells root; its configuration tells the default. */
static void gather_preempt(const struct sysroot *root, const char *kernel,
                           const char *cmdline, struct power_facts *power)
{
	_cleanup_free_ char *config = kconfig_read(root, kernel);
	char line[64];

	power->nohz_full = kconfig_has(config, "CONFIG_NO_HZ_FULL");
	if (cmdline_value(cmdline, "preempt", false, power->preempt,
	                  sizeof(power->preempt)))
		return;
	sysroot_choice(root, "sys/kernel/debug/sched/preempt", line, sizeof(line));
	if (strchr(line, '('))
		snprintf(power->preempt, sizeof(power->preempt), "%.*s",
		         (int)strcspn(strchr(line, '(') + 1, ")"), strchr(line, '(') + 1);
	else if (kconfig_has(config, "CONFIG_PREEMPT_RT") == 1)
		strcpy(power->preempt, "rt");
	else if (kconfig_has(config, "CONFIG_PREEMPT") == 1)
		strcpy(power->preempt, "full");
	else if (kconfig_has(config, "CONFIG_PREEMPT_LAZY") == 1)
		strcpy(power->preempt, "lazy");
	else if (kconfig_has(config, "CONFIG_PREEMPT_VOLUNTARY") == 1)
		strcpy(power->preempt, "voluntary");
	else if (kconfig_has(config, "CONFIG_PREEMPT_NONE") == 1)
		strcpy(power->preempt, "none");
}

static void gather_isolation(const char *cmdline, struct power_facts *power)
{
	static const char *const names[] = { "isolcpus", "nohz_full", "rcu_nocbs" };

	for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
		size_t len = strlen(power->isolated);
		char value[32];

		if (cmdline_value(cmdline, names[i], false, value, sizeof(value)))
			snprintf(power->isolated + len, sizeof(power->isolated) - len,
			         "%s%s=%s", len ? " " : "", names[i], value);
	}
}

/* The first of four numbers. */
static int console_level(const struct sysroot *root)
{
	char line[32], first[12];
	uint64_t level;

	sysroot_line(root, "proc/sys/kernel/printk", line, sizeof(line));
	if (sscanf(line, "%11[0-9]", first) != 1 || opt_parse_u64(first, &level) < 0)
		return -1;
	return level < 16 ? (int)level : -1;
}

void power_gather(const struct sysroot *root, const char *kernel, const char *cmdline,
                  struct power_facts *power)
{
	gather_clock(root, power);
	sysroot_line(root, CPUS "cpuidle/current_driver", power->idle_driver,
	             sizeof(power->idle_driver));
	gather_governors(root, power);
	gather_turbo(root, power);
	gather_preempt(root, kernel, cmdline, power);
	gather_isolation(cmdline, power);
	power->split_lock_mitigate =
		sysroot_small(root, "proc/sys/kernel/split_lock_mitigate");
	cmdline_value(cmdline, "split_lock_detect", false, power->split_lock_detect,
	              sizeof(power->split_lock_detect));
	power->loglevel = console_level(root);
}
