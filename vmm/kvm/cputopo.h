/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where a vCPU sits (socket, core, thread) and the APIC id that says so. Pure functions.
 */
#ifndef VMM_KVM_CPUTOPO_H
#define VMM_KVM_CPUTOPO_H

#include <stdint.h>

/* All counts at least 1; sockets * cores * threads is at least maxcpus. */
struct cpu_topology {
	unsigned sockets;
	unsigned cores;   /* in a socket */
	unsigned threads; /* in a core */
	unsigned maxcpus; /* vCPUs the machine can ever have, hot-plugged ones included */
};

/* The smallest n with count <= 1 << n. count is at least 1. */
unsigned cpu_id_bits(unsigned count);
/* Bits of the APIC id below the core number, and below the socket number. */
unsigned cpu_thread_bits(const struct cpu_topology *topology);
unsigned cpu_package_bits(const struct cpu_topology *topology);
/*
 * The APIC id of vCPU `index` (0 … maxcpus - 1), threads varying fastest. Each level has
 * a field of whole bits, as in hardware: with 3 cores ids 0 1 2 4 5 6 … are used. Ids of
 * 255 and above need x2APIC.
 */
uint32_t cpu_apic_id(const struct cpu_topology *topology, unsigned index);
/* The largest id of the machine: sizes tables indexed by id, and KVM_CAP_MAX_VCPU_ID. */
uint32_t cpu_apic_id_max(const struct cpu_topology *topology);

#endif
