// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Which ioctls of KVM the seccomp filter lets through: those that the files of this
 * folder make, once a guest runs or before. tests/style/sandbox.t compares.
 */
#include "vmm/kvm/requests.h"

#include "common/cleanup.h"
#include "vmm/kvm/internal.h"

#define REQUESTS(name, ...) const uint32_t name[] = { __VA_ARGS__ }

REQUESTS(kvm_requests, KVM_RUN, KVM_CHECK_EXTENSION, KVM_CREATE_DEVICE, KVM_CREATE_VCPU,
         KVM_ENABLE_CAP, KVM_GET_CLOCK, KVM_GET_DEBUGREGS, KVM_GET_DIRTY_LOG, KVM_GET_FPU,
         KVM_GET_IRQCHIP, KVM_GET_LAPIC, KVM_GET_MP_STATE, KVM_GET_MSRS,
         KVM_GET_MSR_INDEX_LIST, KVM_GET_PIT2, KVM_GET_REGS, KVM_GET_SREGS,
         KVM_GET_SREGS2, KVM_GET_STATS_FD, KVM_GET_SUPPORTED_CPUID, KVM_GET_TSC_KHZ,
         KVM_GET_VCPU_EVENTS, KVM_GET_VCPU_MMAP_SIZE, KVM_GET_XCRS, KVM_GET_XSAVE,
         KVM_GET_XSAVE2, KVM_IOEVENTFD, KVM_IRQFD, KVM_IRQ_LINE, KVM_KVMCLOCK_CTRL,
         KVM_NMI, KVM_SET_CLOCK, KVM_SET_CPUID2, KVM_SET_DEBUGREGS, KVM_SET_DEVICE_ATTR,
         KVM_SET_FPU, KVM_SET_GSI_ROUTING, KVM_SET_GUEST_DEBUG, KVM_SET_IRQCHIP,
         KVM_SET_LAPIC, KVM_SET_MP_STATE, KVM_SET_MSRS, KVM_SET_PIT2, KVM_SET_REGS,
         KVM_SET_SREGS, KVM_SET_SREGS2, KVM_SET_TSC_KHZ, KVM_SET_USER_MEMORY_REGION,
         KVM_SET_VCPU_EVENTS, KVM_SET_XCRS, KVM_SET_XSAVE, KVM_SIGNAL_MSI, KVM_TRANSLATE,
         KVM_X86_GET_MCE_CAP_SUPPORTED, KVM_X86_SETUP_MCE, KVM_X86_SET_MCE);

const unsigned kvm_request_count = ARRAY_SIZE(kvm_requests);
