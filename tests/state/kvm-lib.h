/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A VM with vCPUs and in-kernel chips and nothing else. */
#ifndef TESTS_STATE_KVM_LIB_H
#define TESTS_STATE_KVM_LIB_H

#include "vmm/core/vm.h"
#include "vmm/kvm/vcpu.h"

#define KVM_BOARD_VCPUS 2

struct kvm_board {
	struct vm vm;
	struct vcpus *vcpus;
};

/* False with a sentence; kvm_board_free() is called all the same. */
bool kvm_board_init(struct kvm_board *board, struct err *err);
/* Devices first. */
void kvm_board_free(struct kvm_board *board);

#endif
