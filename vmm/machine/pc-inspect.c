// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A look into vCPUs and in-kernel chips, for monitors. KVM answers questions about a vCPU
 * only while that is out of the guest: a machine that runs is paused for the answer, the
 * guest notices nothing but the time. Machine lock, as control.h says.
 */
#include "vmm/machine/internal.h"

#include "common/log.h"
#include "vmm/kvm/inspect.h"
#include "vmm/kvm/kvm.h"
#include "vmm/machine/control.h"
#include "vmm/mem/mem.h"

#include <errno.h>

#define PAGE 4096u

static bool pause_cpus(struct pc *pc)
{
	bool running = pc->vm.runstate == VM_RUNNING;

	if (running) {
		vm_unlock(&pc->vm);
		vcpus_pause(pc->vcpus);
		vm_lock(&pc->vm);
	}
	return running;
}

static void run_cpus(struct pc *pc, bool running)
{
	struct err err = { 0 };

	if (running && vcpus_run(pc->vcpus, &err) < 0)
		log_error("%s", err.text);
}

void pc_cpu_dump(struct pc *pc, unsigned index, struct strbuf *out)
{
	bool running = pause_cpus(pc);

	vcpu_dump(pc->vcpus, index, VCPU_DUMP_FPU, out);
	run_cpus(pc, running);
}

int pc_cpu_registers(struct pc *pc, unsigned index, const char *const *names,
                     uint64_t *values, unsigned count)
{
	bool running = pause_cpus(pc);
	int ret = 0;

	for (unsigned i = 0; i < count && ret >= 0; i++)
		ret = inspect_register(vcpu_fd(pc->vcpus, index), names[i], &values[i]);
	run_cpus(pc, running);
	return ret;
}

int pc_cpu_register(struct pc *pc, unsigned index, const char *name, uint64_t *value)
{
	return pc_cpu_registers(pc, index, &name, value, 1);
}

int pc_cpu_translate(struct pc *pc, unsigned index, uint64_t gva, uint64_t *gpa)
{
	bool running = pause_cpus(pc);
	int ret = inspect_translate(vcpu_fd(pc->vcpus, index), gva, gpa);

	run_cpus(pc, running);
	return ret;
}

size_t pc_cpu_read(struct pc *pc, unsigned index, uint64_t gva, void *buf, size_t len)
{
	bool running = pause_cpus(pc);
	size_t done = 0;

	while (done < len) {
		size_t n = PAGE - (gva + done) % PAGE;
		uint64_t gpa;

		n = n < len - done ? n : len - done;
		if (inspect_translate(vcpu_fd(pc->vcpus, index), gva + done, &gpa) < 0 ||
		    dma_read(pc->vm.mem, gpa, (char *)buf + done, n) < 0)
			break;
		done += n;
	}
	run_cpus(pc, running);
	return done;
}

int pc_lapic_dump(struct pc *pc, unsigned index, struct strbuf *out, struct err *err)
{
	bool running = pause_cpus(pc);
	int ret = inspect_lapic(vcpu_fd(pc->vcpus, index), index, out, err);

	run_cpus(pc, running);
	return ret;
}

int pc_mce(struct pc *pc, unsigned index, const struct machine_check *mce, bool broadcast)
{
	/* What the other processors of a package see of an uncorrected error: that one
	 * of them has it (SDM volume 3, 16.10.4.1). */
	const struct machine_check elsewhere = {
		.status = 1ull << 63 | 1ull << 61, /* valid, uncorrected */
		.mcg_status = 1 << 2 | 1,          /* in progress, may be restarted */
		.bank = 1,
	};
	bool running = pause_cpus(pc);
	int ret = inspect_mce(vcpu_fd(pc->vcpus, index), mce);

	for (unsigned i = 0; i < pc_cpu_count(pc) && broadcast && ret >= 0; i++)
		if (i != index)
			ret = inspect_mce(vcpu_fd(pc->vcpus, i), &elsewhere);
	run_cpus(pc, running);
	return ret;
}

/* KVM takes it for a vCPU that is out of the guest only; one that halts never comes out
 * by itself. */
int pc_nmi(struct pc *pc, int index)
{
	bool running = pause_cpus(pc);
	int ret = 0;

	for (unsigned i = 0; i < pc_cpu_count(pc) && ret >= 0; i++)
		if (index < 0 || (unsigned)index == i)
			ret = vcpu_nmi(pc->vcpus, i);
	run_cpus(pc, running);
	return ret;
}

int pc_stats(struct pc *pc, int index, kvm_stat_fn *fn, void *opaque, struct err *err)
{
	bool running;
	int ret;

	if (index < 0)
		return inspect_stats(kvm_vm_fd(pc->vm.kvm), fn, opaque, err);
	running = pause_cpus(pc);
	ret = inspect_stats(vcpu_fd(pc->vcpus, index), fn, opaque, err);
	run_cpus(pc, running);
	return ret;
}
