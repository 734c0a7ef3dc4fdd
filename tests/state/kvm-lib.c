// SPDX-License-Identifier: GPL-2.0-or-later
/* A VM with vCPUs and in-kernel chips and nothing else. */
#include "tests/state/kvm-lib.h"

#include "vmm/core/device.h"
#include "vmm/kvm/cpus.h"
#include "vmm/kvm/irqchip.h"
#include "vmm/kvm/kvm.h"

static bool add_vcpus(struct kvm_board *board, struct err *err)
{
	static const uint32_t ids[KVM_BOARD_VCPUS] = { 0, 1 };
	static const struct vcpu_ops ops = { 0 };
	_cleanup_strbuf_ struct strbuf warnings = { 0 };
	struct cpu_identity identity;
	struct cpu_topology topology = { 1, KVM_BOARD_VCPUS, 1, KVM_BOARD_VCPUS };
	struct cpu_config config;
	int ret;

	board->vcpus = vcpus_new(board->vm.kvm, KVM_BOARD_VCPUS, ids, &ops, board, err);
	if (!board->vcpus)
		return false;
	cpu_config_init(&config);
	ret = cpus_set_cpuid(board->vm.kvm, board->vcpus, &config, &topology, &identity,
	                     &warnings, err);
	cpu_config_free(&config);
	return ret >= 0;
}

bool kvm_board_init(struct kvm_board *board, struct err *err)
{
	*board = (struct kvm_board){ 0 };
	pthread_mutex_init(&board->vm.lock, NULL);
	board->vm.kvm = kvm_vm_new(NULL, err);
	if (!board->vm.kvm)
		return false;
	board->vm.irqchip = irqchip_new(board->vm.kvm, true, err);
	return board->vm.irqchip && add_vcpus(board, err);
}

void kvm_board_free(struct kvm_board *board)
{
	devices_destroy(&board->vm);
	vcpus_free(board->vcpus);
	irqchip_free(board->vm.irqchip);
	kvm_vm_free(board->vm.kvm);
	pthread_mutex_destroy(&board->vm.lock);
}
