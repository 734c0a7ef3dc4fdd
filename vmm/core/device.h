/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The device contract: classes, instances and their life.
 *
 * create(opts) -> realize -> reset | load -> resume -> run -> quiesce -> [save] -> resume
 * | unrealize. The command line and hot-plug both go through device_create(). Everything
 * here runs under the machine lock, or before vCPUs exist.
 */
#ifndef VMM_CORE_DEVICE_H
#define VMM_CORE_DEVICE_H

#include "common/err.h"
#include "common/opts.h"
#include "common/state.h"

struct vm;
struct device;

/* One const per model, one row in core/catalog.c. */
struct device_class {
	const char *name;  /* "virtio-blk-pci" */
	const char *alias; /* further names ("virtio-blk", "a|b"), or NULL */
	const char *bus;   /* "pci", "isa", "virtio-serial", "usb-bus", "system" */
	const char *help;  /* one line */
	bool internal;     /* made by the board only, refused on the command line */
	bool no_hotplug;   /* stays as long as the machine */
	/* Why a machine with an instance cannot be saved or migrated; NULL: it can. */
	const char *no_migrate;
	size_t size; /* of the instance, whose first member is struct device */
	const struct opt_desc *props;   /* may be NULL */
	const struct state_desc *state; /* may be NULL: no state of its own */
	/* Claims resources and connects to the bus. On failure the core calls unrealize.
	 */
	int (*realize)(struct device *dev, struct err *err);
	void (*reset)(struct device *dev);
	/* On return: no I/O in flight, none will start. */
	void (*quiesce)(struct device *dev);
	void (*resume)(struct device *dev);
	/* Accepts a half-realized device. Does not free the instance itself. */
	void (*unrealize)(struct device *dev);
};

struct device {
	const struct device_class *cls;
	struct vm *vm;
	char *id;            /* from id=, or NULL */
	char path[64];       /* unique and stable: "isa/serial@3f8",
	                        "pci/00:03.0/virtio-blk-pci" */
	struct device *next; /* creation order */
	bool realized;
	bool unplugged; /* it is about to go, and the machine runs on */
};

/* The row of a class that firmware can boot from; the member is a uint32_t. */
#define BOOTINDEX_PROP(object, member)                                   \
	{                                                                \
		.name = "bootindex", .type = OPT_U32,                    \
		.offset = offsetof(object, member), .def = "0xffffffff", \
		.help = "place in the firmware's boot order"             \
	}

/*
 * Creates, configures and realizes one device. opts holds the class's properties plus
 * "id"; keys of the bus ("bus", "addr", "bootindex") are properties of the bus's devices.
 * An id or path that is taken, an unknown key or a failing realize is an error with a
 * sentence, to which the caller adds which device it asked for; nothing is left behind.
 */
struct device *device_create(struct vm *vm, const struct device_class *cls,
                             struct opt_list *opts, struct err *err);
/* The same from name=value literals, for the board: device_create_simple(vm, &cls,
 * "iobase=0x3f8", err). */
struct device *device_create_simple(struct vm *vm, const struct device_class *cls,
                                    const char *opts, struct err *err);
/* Quiesces, unrealizes, unlinks and frees. */
void device_destroy(struct device *dev);
/* Instances of the class may come and go while the machine runs. */
bool device_class_hotplugs(const struct device_class *cls);
/* Destroys a device of a machine that goes on, the devices on it first, and tells who
 * watches: DEVICE_DELETED. Any thread that holds the machine lock. */
void device_unplug(struct device *dev);

/* Sets the path; called once by realize (through the bus helpers). */
void device_set_path(struct device *dev, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
struct device *device_find(struct vm *vm, const char *id);
/* By which clients that know QEMU refer to it: "/machine/peripheral/ID", without an id
 * "/machine/peripheral-anon/device[N]", and "/machine/unattached/device[N]" for what the
 * board made; N counts those that are there. */
#define DEVICE_QOM_PATH 128 /* bytes that are enough */
void device_qom_path(const struct device *dev, char *path, size_t size);
/* The same, or only the id of one that has one: as events and query-block name it. */
void device_show_name(const struct device *dev, char *name, size_t size);

/* All devices, in creation order (quiesce: in reverse). */
void devices_reset(struct vm *vm);
void devices_quiesce(struct vm *vm);
void devices_resume(struct vm *vm);
void devices_destroy(struct vm *vm);

#endif
