/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Steering a machine that runs, for monitors. Main loop's thread, machine lock held, at
 * the top of a callback: calls that wait for vCPUs release the lock meanwhile, so that
 * nothing read from the machine before them may be trusted after.
 */
#ifndef VMM_MACHINE_CONTROL_H
#define VMM_MACHINE_CONTROL_H

#include "common/err.h"
#include "common/opts.h"
#include "common/strbuf.h"
#include "vmm/core/vm.h"

struct cpu_identity;
struct device;
struct kvm_stat;
struct machine_check;
struct mem_backend;
struct pc;
struct vm_config;

struct vm *pc_vm(struct pc *pc);
const struct vm_config *pc_config(const struct pc *pc);
/* Where guest RAM comes from. */
const struct mem_backend *pc_ram_backend(const struct pc *pc);
unsigned pc_cpu_count(const struct pc *pc);
/* The host thread that runs a vCPU; 0 before there is one. */
int pc_cpu_thread(const struct pc *pc, unsigned index);

/* What KVM tells about a vCPU; the vCPUs are stopped meanwhile. Registers as text; one
 * register (-ENOENT: there is none of that name), or `count` of them as they are at one
 * moment; guest-virtual to guest-physical (-EFAULT where nothing is mapped); memory at a
 * virtual address (the bytes that could be read); the local APIC as text. */
void pc_cpu_dump(struct pc *pc, unsigned index, struct strbuf *out);
int pc_cpu_register(struct pc *pc, unsigned index, const char *name, uint64_t *value);
int pc_cpu_registers(struct pc *pc, unsigned index, const char *const *names,
                     uint64_t *values, unsigned count);
int pc_cpu_translate(struct pc *pc, unsigned index, uint64_t gva, uint64_t *gpa);
size_t pc_cpu_read(struct pc *pc, unsigned index, uint64_t gva, void *buf, size_t len);
int pc_lapic_dump(struct pc *pc, unsigned index, struct strbuf *out, struct err *err);
/* Statistics of the kernel: of one vCPU, or of the machine (index -1); fn: kvm_stat_fn of
 * kvm/inspect.h. -errno with a sentence. */
int pc_stats(struct pc *pc, int index,
             void (*fn)(void *opaque, const struct kvm_stat *stat), void *opaque,
             struct err *err);

/* What guests can tell the processors from others by. */
const struct cpu_identity *pc_cpu_identity(const struct pc *pc);
/* The same of processors that -cpu TEXT would give on this host. -errno with a sentence.
 */
int pc_cpu_expand(struct pc *pc, const char *text, struct cpu_identity *identity,
                  struct err *err);

/* Takes vCPUs out of the guest and completes all I/O. Idempotent. */
void pc_stop(struct pc *pc);
/* The same for a reason of its own, also when it is stopped already. */
void pc_halt(struct pc *pc, enum vm_runstate state);
/* It goes on as it was before pc_halt(), with its disks. -errno with a sentence. */
int pc_go_on(struct pc *pc, enum vm_runstate was, struct err *err);
/* -incoming comes to its end: the machine that came in runs (was: its run state) unless
 * it shall wait for "cont". -errno with a sentence. */
int pc_came_in(struct pc *pc, enum vm_runstate was, struct err *err);
/* -EINVAL with a sentence when the machine has ended and needs a reset first. */
int pc_cont(struct pc *pc, struct err *err);
/* A request that does not come from the guest; cause is the reason that QMP's events give
 * ("host-qmp-quit"), static. Acted on when the callback has returned. */
void pc_request(struct pc *pc, enum vm_request request, const char *cause);
void pc_power_button(struct pc *pc);
/* enum watchdog_action: what follows from now on when the guest's watchdog barks; enum
 * panic_action: when its kernel panics. */
void pc_set_watchdog(struct pc *pc, unsigned action);
void pc_set_panic(struct pc *pc, unsigned action);
/* Letters of -boot: what the BIOS tries from the next start on. -errno with a sentence.
 */
int pc_set_boot_letters(struct pc *pc, const char *order, struct err *err);
/* A machine check on one vCPU; broadcast: the others learn of it. 0 or -errno. */
int pc_mce(struct pc *pc, unsigned index, const struct machine_check *mce,
           bool broadcast);
/* A non-maskable interrupt to every vCPU, or to one. 0 or -errno. */
int pc_nmi(struct pc *pc, int index);

/* device_add: as -device, and the guest is told. *added (may be NULL) is the new device.
 * Nothing is left on failure. */
int pc_device_add(struct pc *pc, struct opt_list *opts, struct device **added,
                  struct err *err);
/* device_del: a PCI device goes when the guest lets go of it, others at once; that it
 * went is told by DEVICE_DELETED. id: also "/machine/peripheral/ID". */
int pc_device_del(struct pc *pc, const char *id, struct err *err);
/* object-add, with the keys of -object, and object-del. */
int pc_object_add(struct pc *pc, struct opt_list *opts, struct err *err);
int pc_object_del(struct pc *pc, const char *id, struct err *err);
/* The n-th type of -object and its keys; NULL behind the last. */
const char *pc_object_type(unsigned n, const struct opt_desc **rows);
/* drive_add: keys of -drive with if=none or if=virtio; slot: where that disk goes, or
 * NULL. *added is the disk's device, or NULL. */
int pc_drive_add(struct pc *pc, const char *slot, struct opt_list *opts,
                 struct device **added, struct err *err);

#endif
