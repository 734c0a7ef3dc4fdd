/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The processor: CPUID, /proc/cpuinfo and the MSR with which firmware locks
 * virtualization.
 */
#ifndef PROBE_CPU_H
#define PROBE_CPU_H

#include "probe/cpuid.h"
#include "probe/facts.h"

/* Fills cpu (zeroed by the caller). 0, or -errno with a sentence for a broken capture. */
int cpu_gather(const struct sysroot *root, struct cpu_facts *cpu, struct err *err);

/* The parts, for tests: each fills its fields from one source. */
void cpu_from_cpuid(const struct cpuid_table *table, struct cpu_facts *cpu);
void cpu_from_cpuinfo(const char *text, struct cpu_facts *cpu);
/* kvmkit/msr.txt: lines "0x3a 0x5" or "0x3a EACCES". -ENOENT when the MSR is not there.
 */
int cpu_parse_msr(const char *text, uint32_t msr, uint64_t *value);

bool cpu_is_intel(const struct cpu_facts *cpu); /* also Zhaoxin and Centaur: VMX */
bool cpu_is_amd(const struct cpu_facts *cpu);   /* also Hygon: SVM */

#endif
