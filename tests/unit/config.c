// SPDX-License-Identifier: GPL-2.0-or-later
/* The arithmetic of -smp: what is left out is derived as QEMU does since 6.2. */
#include "vmm/machine/config.h"

#include "common/cleanup.h"
#include "tests/tap.h"

#include <errno.h>
#include <string.h>

static void test_derived(void)
{
	static const struct {
		const char *text;
		struct smp_config given, want;
	} rows[] = {
		{ "1", { .cpus = 1 }, { 1, 1, 1, 1, 1 } },
		{ "4: cores first", { .cpus = 4 }, { 4, 1, 4, 1, 4 } },
		{ "4,threads=2", { .cpus = 4, .threads = 2 }, { 4, 1, 2, 2, 4 } },
		{ "4,sockets=2", { .cpus = 4, .sockets = 2 }, { 4, 2, 2, 1, 4 } },
		{ "4,cores=2: then sockets",
		  { .cpus = 4, .cores = 2 },
		  { 4, 2, 2, 1, 4 } },
		{ "4,sockets=1,cores=2: threads last",
		  { .cpus = 4, .sockets = 1, .cores = 2 },
		  { 4, 1, 2, 2, 4 } },
		{ "sockets=2", { .sockets = 2 }, { 2, 2, 1, 1, 2 } },
		{ "sockets=2,cores=3,threads=2",
		  { .sockets = 2, .cores = 3, .threads = 2 },
		  { 12, 2, 3, 2, 12 } },
		{ "maxcpus=8", { .maxcpus = 8 }, { 8, 1, 8, 1, 8 } },
		{ "2,maxcpus=8,sockets=2",
		  { .cpus = 2, .maxcpus = 8, .sockets = 2 },
		  { 2, 2, 4, 1, 8 } },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		struct smp_config smp = rows[i].given;
		struct err err = { 0 };

		tap_eq(config_smp(&smp, &err), 0, "%s", rows[i].text);
		tap_ok(!memcmp(&smp, &rows[i].want, sizeof(smp)),
		       "  %u CPUs, %u sockets, %u cores, %u threads, at most %u",
		       smp.cpus, smp.sockets, smp.cores, smp.threads, smp.maxcpus);
	}
}

static void test_refused(void)
{
	static const struct {
		struct smp_config given;
		const char *want;
	} rows[] = {
		{ { 0 }, "a machine has at least one CPU" },
		{ { .cpus = 2, .sockets = 2, .cores = 2 }, "are 4 CPUs, not 2" },
		{ { .cpus = 3, .cores = 2 }, "are 2 CPUs, not 3" },
		{ { .cpus = 4, .maxcpus = 2 }, "4 CPUs are more than maxcpus=2" },
		{ { .cpus = 4, .maxcpus = 6, .sockets = 4 }, "are 4 CPUs, not 6" },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		struct smp_config smp = rows[i].given;
		struct err err = { 0 };

		tap_eq(config_smp(&smp, &err), -EINVAL, "refused");
		tap_has(err.text, rows[i].want, "  with the reason");
		tap_ok(err.usage, "  as wrong usage");
	}
}

int main(void)
{
	test_derived();
	test_refused();
	return tap_done();
}
