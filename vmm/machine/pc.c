// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The board's frame: KVM, memory, interrupt chips and the event loop; what sits on it
 * comes from the other pc-*.c files. Files are opened first, so that a typing error costs
 * nothing; vCPUs come last.
 */
#include "vmm/machine/internal.h"

#include "vmm/display/vnc.h"

#include "common/cleanup.h"
#include "vmm/block/block.h"
#include "vmm/chardev/chardev.h"
#include "vmm/kvm/irqchip.h"
#include "vmm/kvm/kvm.h"
#include "vmm/machine/control.h"
#include "vmm/machine/layout.h"
#include "vmm/mem/mem.h"
#include "vmm/net/net.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

static void wake(struct vm *vm)
{
	loop_quit(vm->loop);
}

/* Guests get the error of their request; who watches the machine hears of it, too. */
static void disk_failed(void *opaque, const char *id, bool is_write, int code)
{
	const struct vm_event_field fields[] = {
		{ "device", VM_EVENT_STR, .str = id },
		{ "operation", VM_EVENT_STR, .str = is_write ? "write" : "read" },
		{ "action", VM_EVENT_STR, .str = "report" },
		{ "nospace", VM_EVENT_BOOL, .num = code == ENOSPC },
		{ "reason", VM_EVENT_STR, .str = strerror(code) },
		{ .name = NULL },
	};

	vm_emit(opaque, "BLOCK_IO_ERROR", fields);
}

/* Of a -netdev stream. */
static void peer_changed(void *opaque, const char *id, const struct net_peer *peer)
{
	bool is_unix = peer && peer->path;
	const struct vm_event_field fields[] = {
		{ "netdev-id", VM_EVENT_STR, .str = id },
		{ peer ? "addr.type" : NULL, VM_EVENT_STR,
		  .str = peer ? peer->type : "" },
		{ is_unix ? "addr.path" : "addr.host", VM_EVENT_STR,
		  .str = !peer     ? ""
		         : is_unix ? peer->path
		                   : peer->host },
		{ is_unix ? NULL : "addr.port", VM_EVENT_STR,
		  .str = peer && !is_unix ? peer->port : "" },
		{ .name = NULL },
	};

	vm_emit(opaque, peer ? "NETDEV_STREAM_CONNECTED" : "NETDEV_STREAM_DISCONNECTED",
	        fields);
}

static int add_frame(struct pc *pc, struct err *err)
{
	struct vm *vm = &pc->vm;

	vm->loop = loop_new(&vm->lock, err);
	if (!vm->loop)
		return -err->code;
	vm->wake = wake;
	vm->unplug = pc_unplug;
	vm->blocks = block_registry_new(vm->loop);
	vm->chardevs = chardev_registry_new(vm->loop);
	vm->nets = net_registry_new(vm->loop);
	if (!vm->blocks || !vm->chardevs || !vm->nets)
		return err_sys(err, ENOMEM, "registries");
	block_registry_on_error(vm->blocks, disk_failed, vm);
	if (pc->config->incoming)
		block_registry_hold(vm->blocks);
	net_registry_use_spawner(vm->nets, vm->spawner);
	net_registry_on_peer(vm->nets, peer_changed, vm);
	vm->display = display_new(vm->loop, err);
	vm->input = vm->display ? input_new(vm->loop, err) : NULL;
	if (!vm->input)
		return -err->code;
	vm->kvm = kvm_vm_new(NULL, err);
	if (!vm->kvm)
		return -err->code;
	if (pc->config->cpu_pm) {
		int ret = kvm_keep_idle(vm->kvm);

		if (ret < 0)
			return err_sys(err, -ret,
			               "-overcommit cpu-pm=on: this host's KVM cannot "
			               "leave halted vCPUs alone");
	}
	vm->mem = mem_new(vm->kvm, err);
	return vm->mem ? 0 : -err->code;
}

/* After the RAM: KVM adds a memory slot ten times faster while it has no interrupt chips,
 * whose creation leaves an SRCU grace period behind that the slot would wait for. */
static int add_irqchip(struct pc *pc, struct err *err)
{
	pc->vm.irqchip = irqchip_new(pc->vm.kvm, !pc->config->no_pit, err);
	return pc->vm.irqchip ? 0 : -err->code;
}

struct pc *pc_new(const struct vm_config *config, struct spawner *spawner,
                  struct err *err)
{
	struct pc *pc = calloc(1, sizeof(*pc));

	if (!pc) {
		err_sys(err, ENOMEM, "machine");
		return NULL;
	}
	pc->config = config;
	pc->vm.spawner = spawner;
	pc->watchdog = config->watchdog;
	pc->panic = config->panic;
	pc->signal_fd = -1;
	pthread_mutex_init(&pc->vm.lock, NULL);
	pc->vm.rom_dirs = config->firmware_dirs.items;
	pc->vm.rom_dir_count = config->firmware_dirs.count;
	pc->vm.state_dir = config->state_dir;
	pc->vm.no_reboot = config->no_reboot;
	pc->vm.no_shutdown = config->no_shutdown;
	if (pc_add_globals(pc, err) < 0 || pc_add_objects(pc, err) < 0 ||
	    pc_open_firmware(pc, err) < 0 || pc_open_boot(pc, err) < 0 ||
	    add_frame(pc, err) < 0 || pc_add_ram(pc, err) < 0 ||
	    add_irqchip(pc, err) < 0 || pc_add_cpus(pc, err) < 0 ||
	    pc_add_devices(pc, err) < 0 || pc_show_display(pc, err) < 0 ||
	    pc_fill_fwcfg(pc, err) < 0 || pc_boot(pc, err) < 0 ||
	    net_registry_ready(pc->vm.nets, err) < 0) {
		pc_free(pc);
		return NULL;
	}
	return pc;
}

void pc_free(struct pc *pc)
{
	struct vm *vm;

	if (!pc)
		return;
	vm = &pc->vm;
	vcpus_free(pc->vcpus);
	if (vm->loop) {
		vnc_free(vm->vnc);
		devices_quiesce(vm);
		devices_destroy(vm);
		if (pc->signal_fd >= 0) {
			loop_remove(vm->loop, &pc->signal_watch);
			close(pc->signal_fd);
		}
		net_registry_free(vm->nets);
		block_registry_free(vm->blocks);
		chardev_registry_free(vm->chardevs);
	}
	pc_debug_free(pc);
	display_free(vm->display);
	input_free(vm->input);
	irqchip_free(vm->irqchip);
	mem_free(vm->mem);
	kvm_vm_free(vm->kvm);
	loop_free(vm->loop);
	pc_free_ram(pc);
	if (pc->firmware)
		munmap(pc->firmware, pc->firmware_size);
	boot_free(pc->boot);
	pc_free_globals(pc);
	pc_free_objects(pc);
	free(pc->apic_ids);
	pthread_mutex_destroy(&vm->lock);
	free(pc);
}

struct vm *pc_vm(struct pc *pc)
{
	return &pc->vm;
}

const struct vm_config *pc_config(const struct pc *pc)
{
	return pc->config;
}

const struct mem_backend *pc_ram_backend(const struct pc *pc)
{
	return pc->ram_backend;
}

unsigned pc_cpu_count(const struct pc *pc)
{
	return pc->smp.cpus;
}

int pc_cpu_thread(const struct pc *pc, unsigned index)
{
	return vcpu_thread_id(pc->vcpus, index);
}
