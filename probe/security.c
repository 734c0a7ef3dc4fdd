// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * CPU vulnerabilities as the kernel judges them (ABI/testing/sysfs-devices-system-cpu,
 * admin-guide/hw-vuln), hyper-threading and security modules. A file that no check knows
 * is still looked at: newer kernels add some.
 */
#include "probe/security.h"

#include <stdio.h>
#include <string.h>

#define CPUS "sys/devices/system/cpu/"

const char *const vulnerability_names[VULN_COUNT] = {
#define ROW(name) #name,
	VULNERABILITIES(ROW)
#undef ROW
};

static int known(const char *name)
{
	for (unsigned i = 0; i < VULN_COUNT; i++)
		if (!strcmp(vulnerability_names[i], name))
			return i;
	return -1;
}

static void gather_vulnerabilities(const struct sysroot *root,
                                   struct security_facts *security)
{
	struct names names;

	sysroot_list(root, CPUS "vulnerabilities", &names);
	for (unsigned i = 0; i < names.count; i++) {
		const char *name = names.name[i];
		int id = known(name);
		char path[400], line[160];

		snprintf(path, sizeof(path), CPUS "vulnerabilities/%s", name);
		sysroot_line(root, path, line, sizeof(line));
		if (id >= 0)
			memcpy(security->vulnerability[id], line, sizeof(line));
		else if (!strncmp(line, "Vulnerable", 10) && !*security->unnamed)
			snprintf(security->unnamed, sizeof(security->unnamed), "%.63s",
			         name);
	}
	names_free(&names);
}

void security_gather(const struct sysroot *root, struct security_facts *security)
{
	gather_vulnerabilities(root, security);
	sysroot_line(root, CPUS "smt/control", security->smt, sizeof(security->smt));
	sysroot_line(root, "sys/kernel/security/lsm", security->lsm,
	             sizeof(security->lsm));
	security->selinux = sysroot_small(root, "sys/fs/selinux/enforce");
	security->apparmor =
		sysroot_small(root, "sys/module/apparmor/parameters/enabled");
	security->io_uring_disabled =
		sysroot_small(root, "proc/sys/kernel/io_uring_disabled");
}
