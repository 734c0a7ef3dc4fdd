/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The machine: everything hangs off one struct vm. Its lock (the machine lock) is held by
 * the main loop while it runs callbacks and by a vCPU thread while it handles an exit
 * that reaches a region.
 */
#ifndef VMM_CORE_VM_H
#define VMM_CORE_VM_H

#include "common/err.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct block_registry;
struct chardev_registry;
struct device;
struct display;
struct input;
struct irqchip;
struct kvm_vm;
struct loop;
struct mem;
struct migration;
struct net_registry;
struct pci_bus;
struct scsi_bus;
struct spawner;
struct usb_bus;
struct virtio_serial_bus;
struct vfio_space;
struct vnc;

enum vm_runstate {
	VM_PRELAUNCH,
	VM_RUNNING,
	VM_PAUSED,
	VM_SHUTDOWN,
	VM_INTERNAL_ERROR,
	VM_GUEST_PANICKED,
	VM_WATCHDOG, /* paused, because the watchdog's timer ran out */
	VM_DEBUG,    /* paused at a breakpoint, or after a step */
	VM_SAVE_VM,  /* stopped, to be saved in an image */
	VM_RESTORE_VM,
	VM_INMIGRATE,      /* waits for a machine that comes in */
	VM_FINISH_MIGRATE, /* stopped, what is left of it goes out */
	VM_POSTMIGRATE     /* runs elsewhere */
};

/* One member of an event's data; the list ends with a NULL name. */
struct vm_event_field {
	const char *name; /* "outer.inner": in an object inside */
	enum { VM_EVENT_STR, VM_EVENT_BOOL, VM_EVENT_INT } kind;
	const char *str; /* valid during the call */
	int64_t num;     /* VM_EVENT_BOOL, VM_EVENT_INT */
};

/* A property of every device of a class that is not given it by itself. */
struct vm_global {
	char *driver, *property, *value;
};

enum vm_request {
	VM_REQ_SHUTDOWN = 1 << 0, /* the guest or the user wants to end */
	VM_REQ_RESET = 1 << 1,
	VM_REQ_ERROR = 1 << 2,    /* a vCPU cannot go on */
	VM_REQ_PANIC = 1 << 3,    /* the guest's kernel says that it panicked */
	VM_REQ_WATCHDOG = 1 << 4, /* the guest did not feed its watchdog */
	VM_REQ_DEBUG = 1 << 5,    /* a vCPU is where the debugger wants it */
	VM_REQ_BROKEN = 1 << 6,   /* a device is: stops it, until it is reset */
};

struct vm {
	pthread_mutex_t lock;
	struct loop *loop;  /* the main loop */
	struct kvm_vm *kvm; /* NULL on a board without KVM (device tests) */
	struct mem *mem;
	uint64_t ram_size; /* bytes that -m gives */
	struct irqchip *irqchip;
	struct pci_bus *pci;
	struct scsi_bus *scsi_buses;
	struct usb_bus *usb_buses;
	struct device *devices; /* creation order */
	struct block_registry *blocks;
	struct chardev_registry *chardevs;
	struct net_registry *nets;
	struct spawner *spawner; /* starts helpers; NULL: this process does; borrowed */
	/* -global: properties by class; borrowed */
	struct vm_global *globals;
	unsigned global_count;
	/* -L: folders where option ROMs are looked for first; borrowed */
	char *const *rom_dirs;
	unsigned rom_dir_count;
	const char *state_dir; /* of the hand-off files (-state-dir), or NULL; borrowed */
	/* Whether there is an -object of this id, whose type starts with `kind`; NULL:
	 * there is none. */
	bool (*has_object)(const struct vm *vm, const char *id, const char *kind);
	struct vfio_space *vfio; /* of real PCI functions; NULL without one */
	struct display *display; /* NULL on boards that show nothing */
	struct vnc *vnc;         /* NULL without -vnc */
	struct input *input;     /* NULL where nobody types */
	enum vm_runstate runstate;
	struct migration *migration; /* NULL: there was none yet */
	bool moving;                 /* it is under way: nothing is added or removed */
	/* set by the command line */
	bool no_reboot;   /* a reset request ends the VMM */
	bool no_shutdown; /* a shutdown request only stops the vCPUs */
	bool firmware;    /* the guest starts in one, which runs option ROMs */
	bool rom_missed;  /* somebody was told that an option ROM is not installed */
	bool confined;    /* -sandbox: not every file can be opened */
	/* requests: any thread may set them through vm_request(); the main loop acts */
	unsigned requests;           /* enum vm_request, atomic */
	const char *reason;          /* who asked last: static text, for the log */
	int exit_status;             /* of the process, valid with VM_REQ_SHUTDOWN */
	void (*wake)(struct vm *vm); /* tells the owner that requests are pending; any
	                                thread */
	void *wake_opaque;
	/* Asks the guest to let go of a device, as device_del does; NULL on boards that
	 * cannot. Main loop's thread. */
	int (*unplug)(struct device *dev, struct err *err);
	/* The receiver of vm_emit(), or NULL. */
	void (*on_event)(void *opaque, const char *name,
	                 const struct vm_event_field *fields);
	void *event_opaque;
};

static inline void vm_lock(struct vm *vm)
{
	pthread_mutex_lock(&vm->lock);
}

static inline void vm_unlock(struct vm *vm)
{
	pthread_mutex_unlock(&vm->lock);
}

/* Tells whoever watches the machine that something happened; name and fields are those of
 * QMP ("RESET"). fields may be NULL. Machine lock. */
static inline void vm_emit(struct vm *vm, const char *name,
                           const struct vm_event_field *fields)
{
	if (vm->on_event)
		vm->on_event(vm->event_opaque, name, fields);
}

/* Asks the main loop to reset or end the machine; returns at once. Any thread. reason:
 * static text ("ACPI S5", "port 0xcf9"). */
void vm_request(struct vm *vm, enum vm_request request, const char *reason);
/* A shutdown request with the exit status of the process (isa-debug-exit). */
void vm_request_exit(struct vm *vm, int status, const char *reason);

#endif
