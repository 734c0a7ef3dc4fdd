/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between the files that make up the board: construction, disks, running. */
#ifndef VMM_MACHINE_INTERNAL_H
#define VMM_MACHINE_INTERNAL_H

#include "common/log.h"
#include "vmm/core/device.h"
#include "vmm/core/vm.h"
#include "vmm/display/display.h"
#include "vmm/display/input.h"
#include "vmm/kvm/cpus.h"
#include "vmm/kvm/vcpu.h"
#include "vmm/loop/loop.h"
#include "vmm/machine/acpi.h"
#include "vmm/machine/boot.h"
#include "vmm/machine/config.h"
#include "vmm/machine/debug.h"
#include "vmm/machine/pc.h"
#include "vmm/machine/smbios.h"
#include "vmm/mem/backend.h"

struct breakpoint;
struct object;

/* pc-debug.c: what a debugger set. */
struct pc_debug {
	struct breakpoint *points;
	enum pc_debug_how *how; /* what each vCPU was last told; NULL: to run */
};

struct pc {
	struct vm vm;
	const struct vm_config *config;
	struct object *objects;
	struct mem_backend plain_ram;    /* what -m and -mem-path describe */
	struct mem_backend *ram_backend; /* this one, or that of an object */
	uint8_t *ram;                    /* low RAM, then high RAM */
	uint64_t low_size, high_size;
	struct vcpus *vcpus;
	struct smp_config smp; /* as config_smp() completed it */
	uint32_t *apic_ids;
	struct cpu_identity cpu_identity;
	struct boot_source *boot; /* NULL: firmware finds something to boot */
	bool uefi;                /* of vm.firmware: it is UEFI */
	uint8_t *firmware;        /* its image, unless that is in flash, or NULL */
	uint64_t firmware_size;
	struct device *flash;       /* the chip with the firmware, or NULL */
	struct device *rtc, *fwcfg; /* fwcfg: NULL without firmware and -fw_cfg */
	bool booted;                /* guest RAM was used once */
	bool wait;                  /* a machine that comes in does not run at once */
	enum watchdog_action watchdog;
	enum panic_action panic;
	char boot_order[4]; /* letters that boot_set gave, or "" */
	uint64_t barked;    /* when that was told last, monotonic ns */
	const char *cause;  /* of the pending request, if the guest did not make it */
	struct pc_debug debug;
	int signal_fd;
	struct loop_fd signal_watch;
	struct ratelimit panics; /* those that do not end the machine */
};

/* pc-run.c: pc_cont() for the vCPUs that are not frozen. */
int pc_resume(struct pc *pc, struct err *err);
/* pc-debug.c: all vCPUs run again, none of them for one step only. */
void pc_debug_thaw(struct pc *pc);
/* The vCPUs came out for the debugger, without the machine lock. True: what they met was
 * the guest's own, and they are on their way. */
bool pc_debug_pass(struct pc *pc);
void pc_debug_free(struct pc *pc);
/* pc-objects.c: -object. A memory backend by id: NULL when there is none. */
int pc_add_objects(struct pc *pc, struct err *err);
void pc_free_objects(struct pc *pc);
struct mem_backend *pc_find_memory(struct pc *pc, const char *id);
/* pc-memory.c: guest RAM. */
int pc_add_ram(struct pc *pc, struct err *err);
void pc_free_ram(struct pc *pc);
/* pc-cpu.c: vCPUs with their CPUID, and the devices that hold their state. */
int pc_add_cpus(struct pc *pc, struct err *err);
/* pc-devices.c: the board's own devices, then those of the command line. */
int pc_add_devices(struct pc *pc, struct err *err);
/* The device that the key "driver" of opts names, for -device and device_add. NULL with a
 * sentence, which starts with what was asked for: "-device ", or nothing. */
struct device *pc_create_device(struct pc *pc, struct opt_list *opts, const char *option,
                                struct err *err);
/* pc-hotplug.c: the device goes, once the guest has let go of it. */
int pc_unplug(struct device *dev, struct err *err);
/* pc-global.c: -global */
int pc_add_globals(struct pc *pc, struct err *err);
void pc_free_globals(struct pc *pc);
/* The text of an -object secret; for vnc_new(). opaque is the struct pc. */
const char *pc_find_secret(void *opaque, const char *id, struct err *err);
/* Those of an -object tls-creds-…, in the same way. */
const struct vnc_credentials *pc_find_credentials(void *opaque, const char *id,
                                                  struct err *err);
/* pc-display.c: the graphics card; then, after all else, who shows it. */
int pc_add_display(struct pc *pc, struct err *err);
int pc_show_display(struct pc *pc, struct err *err);
/* pc-disks.c: -drive and -hda to -hdd, and a drive for a CD that may come. */
int pc_add_disks(struct pc *pc, struct err *err);
/* pc-net.c: -netdev, -nic and -net. */
int pc_add_nets(struct pc *pc, struct err *err);
/* As in QEMU a card on a user network, unless some option speaks of networks; it costs a
 * process only when the guest uses it. After all devices, whose addresses come first. */
int pc_add_default_net(struct pc *pc, struct err *err);
/* pc-disks.c: the keys of a -drive that says nothing of it get what -snapshot says. */
int pc_default_snapshot(struct pc *pc, struct opt_list *opts, struct err *err);
/* pc-flash.c: -drive if=pflash; creates the chips. */
bool pc_drive_is_flash(const char *drive);
bool pc_has_flash(const struct vm_config *config);
int pc_add_flash(struct pc *pc, struct err *err);
/* firmware.c: finds and reads the firmware's image, if the guest starts in firmware; maps
 * it, or the flash that it is in; makes the next start of vCPU 0 enter it. */
int pc_open_firmware(struct pc *pc, struct err *err);
int pc_map_firmware(struct pc *pc, struct err *err);
int pc_start_firmware(struct pc *pc, struct err *err);
/* A file of that name from -L and the usual folders, or as it is: its path, to be freed;
 * NULL when there is none. */
char *firmware_find(const struct vm_config *config, const char *name);
/* fwitems.c: fw_cfg, if somebody will read it, with the user's files; the rest of what
 * firmware reads, after all devices were made. */
int pc_add_fwcfg(struct pc *pc, struct err *err);
int pc_fill_fwcfg(struct pc *pc, struct err *err);
/* fwkernel.c: the kernel of -kernel as items of fw_cfg. */
int pc_add_kernel_items(struct pc *pc, struct err *err);
/* The option ROM with which SeaBIOS starts them. */
#define LINUXBOOT_ROM "linuxboot_dma.bin"
/* bootorder.c: the boot order for the BIOS, at each start. first: -boot once counts. */
int pc_set_boot_order(struct pc *pc, bool first, struct err *err);
/* The part of it that depends on the devices. */
int pc_set_boot_paths(struct pc *pc, struct err *err);
/* pc-boot.c: for guests without firmware, what it would do for PCI. */
int pc_set_up_pci(struct pc *pc, struct err *err);
/* pc-boot.c: what the tables say about this machine. */
struct acpi_config pc_acpi_config(struct pc *pc);
struct smbios_config pc_smbios_config(struct pc *pc);
/* pc-boot.c: tables, kernel and entry state; at start and after each reset. */
int pc_boot(struct pc *pc, struct err *err);
/* -kernel and friends are opened and checked before anything costly happens. */
int pc_open_boot(struct pc *pc, struct err *err);

#endif
