// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * APIC ids from the topology (Intel SDM vol. 3, 9.9.1 "Hierarchical mapping of shared
 * resources"; AMD APM vol. 3, appendix E.5): socket, core and thread number side by side,
 * each as wide as its largest value needs. CPUID and the MADT both use this mapping, so
 * they name the same processors. Pure functions, any thread.
 */
#include "vmm/kvm/cputopo.h"

unsigned cpu_id_bits(unsigned count)
{
	unsigned bits = 0;

	while (bits < 31 && 1u << bits < count)
		bits++;
	return bits;
}

unsigned cpu_thread_bits(const struct cpu_topology *topology)
{
	return cpu_id_bits(topology->threads);
}

unsigned cpu_package_bits(const struct cpu_topology *topology)
{
	return cpu_thread_bits(topology) + cpu_id_bits(topology->cores);
}

uint32_t cpu_apic_id(const struct cpu_topology *topology, unsigned index)
{
	unsigned thread = index % topology->threads;
	unsigned core = index / topology->threads % topology->cores;
	unsigned socket = index / topology->threads / topology->cores;

	return socket << cpu_package_bits(topology) | core << cpu_thread_bits(topology) |
	       thread;
}

uint32_t cpu_apic_id_max(const struct cpu_topology *topology)
{
	return cpu_apic_id(topology, topology->maxcpus - 1);
}
