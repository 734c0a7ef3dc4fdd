// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Requests to the machine. Devices and vCPUs only ask; the owner of the main loop, which
 * vm->wake tells, acts when no vCPU is inside the machine. A second request while one is
 * pending is merged with it; the first reason stays.
 */
#include "vmm/core/vm.h"

#include <stddef.h>

void vm_request(struct vm *vm, enum vm_request request, const char *reason)
{
	const char *none = NULL;

	__atomic_compare_exchange_n(&vm->reason, &none, reason, false, __ATOMIC_ACQ_REL,
	                            __ATOMIC_ACQUIRE);
	__atomic_fetch_or(&vm->requests, request, __ATOMIC_ACQ_REL);
	if (vm->wake)
		vm->wake(vm);
}

void vm_request_exit(struct vm *vm, int status, const char *reason)
{
	vm->exit_status = status;
	vm_request(vm, VM_REQ_SHUTDOWN, reason);
}
