// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The board's processors: topology from -smp, CPUID from -cpu, exits to the memory map,
 * and the devices that hold the registers' state.
 */
#include "vmm/machine/internal.h"

#include "common/log.h"
#include "cpu/cpumodel.h"
#include "vmm/kvm/cpus.h"
#include "vmm/kvm/cputopo.h"
#include "vmm/kvm/kvm.h"
#include "vmm/machine/control.h"
#include "vmm/machine/kvmstate.h"
#include "vmm/mem/mem.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- what vCPU threads call ---- */

static void access_guest(void *opaque, bool pio, uint64_t addr, void *data, unsigned len,
                         unsigned count, bool is_write)
{
	struct pc *pc = opaque;

	vm_lock(&pc->vm);
	mem_access_repeat(pc->vm.mem, pio ? MEM_PIO : MEM_MMIO, addr, data, len, count,
	                  is_write);
	/* What follows a reset in the guest's code is often not meant to run. With the
	 * lock, so that a request that changes nothing lets all of them go on. */
	if (__atomic_load_n(&pc->vm.requests, __ATOMIC_ACQUIRE))
		vcpus_hold(pc->vcpus);
	vm_unlock(&pc->vm);
}

static void report(void *opaque, enum vcpu_event event, const char *reason)
{
	static const enum vm_request requests[] = {
		[VCPU_EVENT_RESET] = VM_REQ_RESET,
		[VCPU_EVENT_SHUTDOWN] = VM_REQ_SHUTDOWN,
		[VCPU_EVENT_CRASH] = VM_REQ_ERROR,
		[VCPU_EVENT_ERROR] = VM_REQ_ERROR,
		[VCPU_EVENT_DEBUG] = VM_REQ_DEBUG,
	};
	struct pc *pc = opaque;

	vm_request(&pc->vm, requests[event], reason);
}

static int peek(void *opaque, uint64_t gpa, void *buf, size_t len)
{
	struct pc *pc = opaque;

	return dma_read(pc->vm.mem, gpa, buf, len);
}

static const struct vcpu_ops cpu_ops = { .access = access_guest,
	                                 .event = report,
	                                 .peek = peek };

/* ---- construction ---- */

static int check_count(struct pc *pc, unsigned cpus, struct err *err)
{
	unsigned max = kvm_max_vcpus(pc->vm.kvm),
		 good = kvm_recommended_vcpus(pc->vm.kvm);

	if (cpus > max)
		return err_set(
			err, EINVAL,
			"-smp %u: this host's KVM allows at most %u vCPUs; choose fewer",
			cpus, max);
	if (cpus > good)
		log_warn("-smp %u: KVM recommends at most %u vCPUs on this host", cpus,
		         good);
	return 0;
}

static void print_warnings(struct strbuf *warnings)
{
	char *line = warnings->data, *rest;

	for (; line && *line; line = rest) {
		rest = strchr(line, '\n');
		if (rest)
			*rest++ = '\0';
		log_warn("%s", line);
	}
}

static int set_cpuid(struct pc *pc, const struct cpu_topology *topology, struct err *err)
{
	_cleanup_strbuf_ struct strbuf warnings = { 0 };
	struct cpu_config cpu;
	int ret = 0;

	cpu_config_init(&cpu);
	if (pc->config->cpu)
		ret = cpu_config_parse(&cpu, pc->config->cpu, err);
	if (ret >= 0)
		ret = cpus_set_cpuid(pc->vm.kvm, pc->vcpus, &cpu, topology,
		                     &pc->cpu_identity, &warnings, err);
	cpu_config_free(&cpu);
	print_warnings(&warnings);
	return ret;
}

static struct cpu_topology topology_of(const struct smp_config *smp)
{
	return (struct cpu_topology){
		.sockets = smp->sockets,
		.cores = smp->cores,
		.threads = smp->threads,
		.maxcpus = smp->maxcpus,
	};
}

int pc_cpu_expand(struct pc *pc, const char *text, struct cpu_identity *identity,
                  struct err *err)
{
	struct cpu_topology topology = topology_of(&pc->smp);
	struct cpu_config cpu;
	int ret;

	cpu_config_init(&cpu);
	ret = cpu_config_parse(&cpu, text, err);
	if (ret >= 0)
		ret = cpus_expand(pc->vm.kvm, pc->vcpus, &cpu, &topology, identity, err);
	cpu_config_free(&cpu);
	return ret;
}

int pc_add_cpus(struct pc *pc, struct err *err)
{
	struct smp_config smp = pc->config->smp;
	struct cpu_topology topology;
	int ret = config_smp(&smp, err);

	if (ret < 0)
		return ret;
	ret = check_count(pc, smp.cpus, err);
	if (ret < 0)
		return ret;
	topology = topology_of(&smp);
	pc->smp = smp;
	pc->apic_ids = calloc(smp.cpus, sizeof(*pc->apic_ids));
	if (!pc->apic_ids)
		return err_sys(err, ENOMEM, "vCPUs");
	for (unsigned i = 0; i < smp.cpus; i++)
		pc->apic_ids[i] = cpu_apic_id(&topology, i);
	pc->vcpus = vcpus_new(pc->vm.kvm, smp.cpus, pc->apic_ids, &cpu_ops, pc, err);
	if (!pc->vcpus)
		return -err->code;
	ret = set_cpuid(pc, &topology, err);
	for (unsigned i = 0; i < smp.cpus && ret >= 0; i++)
		if (!kvmstate_add_vcpu(&pc->vm, i, vcpu_fd(pc->vcpus, i), err))
			ret = -err->code;
	if (ret >= 0 && !kvmstate_add_chips(&pc->vm, err))
		ret = -err->code;
	return ret;
}

const struct cpu_identity *pc_cpu_identity(const struct pc *pc)
{
	return &pc->cpu_identity;
}
