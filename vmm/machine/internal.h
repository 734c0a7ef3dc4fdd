/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between the files that make up the board: construction, disks, running. */
#ifndef VMM_MACHINE_INTERNAL_H
#define VMM_MACHINE_INTERNAL_H

#include "vmm/core/device.h"
#include "vmm/core/vm.h"
#include "vmm/kvm/vcpu.h"
#include "vmm/loop/loop.h"
#include "vmm/machine/boot.h"
#include "vmm/machine/config.h"
#include "vmm/machine/pc.h"

struct pc {
	struct vm vm;
	const struct vm_config *config;
	uint8_t *ram; /* low RAM, then high RAM */
	uint64_t low_size, high_size;
	struct vcpus *vcpus;
	struct smp_config smp; /* as config_smp() completed it */
	uint32_t *apic_ids;
	struct boot_source *boot;
	bool booted;       /* guest RAM was used once */
	const char *cause; /* of the pending request, if the guest did not make it */
	int signal_fd;
	struct loop_fd signal_watch;
};

/* pc-cpu.c: vCPUs with their CPUID, and the devices that hold their state. */
int pc_add_cpus(struct pc *pc, struct err *err);
/* pc-devices.c: the board's own devices, then those of the command line. */
int pc_add_devices(struct pc *pc, struct err *err);
/* pc-disks.c: -drive and -hda to -hdd. */
int pc_add_disks(struct pc *pc, struct err *err);
/* pc-net.c: -netdev, -nic and -net. */
int pc_add_nets(struct pc *pc, struct err *err);
/* As in QEMU a card on a user network, unless some option speaks of networks; it costs a
 * process only when the guest uses it. After all devices, whose addresses come first. */
int pc_add_default_net(struct pc *pc, struct err *err);
/* pc-boot.c: tables, kernel and entry state; at start and after each reset. */
int pc_boot(struct pc *pc, struct err *err);
/* -kernel and friends are opened and checked before anything costly happens. */
int pc_open_boot(struct pc *pc, struct err *err);

#endif
