/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The SCSI target: buses, and the classes "scsi-hd" and "scsi-cd" on them.
 *
 * A controller owns a bus, takes commands from its driver and submits them; the bus finds
 * the unit and runs them. What the controller does for its bus is in struct scsi_bus_ops.
 * Machine lock everywhere; completions come in the loop's thread.
 */
#ifndef VMM_SCSI_SCSI_H
#define VMM_SCSI_SCSI_H

#include "vmm/block/block.h"
#include "vmm/core/device.h"
#include "vmm/scsi/wire.h"

#define SCSI_MAX_TARGET 255
#define SCSI_MAX_LUN    16383

extern const struct device_class scsi_hd_class, scsi_cd_class;

struct scsi_bus;
struct scsi_device;

enum scsi_status {
	SCSI_GOOD = 0x00,
	SCSI_CHECK_CONDITION = 0x02,
	SCSI_TASK_SET_FULL = 0x28,
};

/* One command. */
struct scsi_req {
	/* by the controller; the lists are the target's until the command is done: it may
	 * shorten segments at their end */
	uint8_t cdb[SCSI_CDB]; /* padded with zeros */
	struct iovec *out, *in;
	unsigned out_count, in_count;
	uint64_t out_len, in_len;
	void (*done)(struct scsi_req *req); /* maybe before scsi_submit() returns */
	/* the result */
	uint8_t status; /* enum scsi_status */
	bool overrun;   /* nothing was done: the command moves more than there is room for
	                 */
	uint32_t sense; /* enum scsi_sense */
	uint64_t moved; /* bytes of out, or of in */
	/* for the target */
	struct scsi_device *dev;
	struct block_req breq;
	int (*more)(struct scsi_req *req);
	uint64_t pos, end;
	struct iovec one;
};

enum scsi_event { SCSI_PLUGGED, SCSI_UNPLUGGED, SCSI_CAPACITY };

/* What a controller does for its bus. */
struct scsi_bus_ops {
	/* Something happened to a unit, which its driver may want to know. */
	void (*event)(struct scsi_bus *bus, const struct scsi_device *dev,
	              enum scsi_event event);
	/* After each batch of completions. */
	void (*batch_done)(struct scsi_bus *bus);
};

struct scsi_bus {
	struct device *dev; /* the controller; a PCI function */
	const struct scsi_bus_ops *ops;
	struct scsi_device *devices; /* by target and LUN */
	struct scsi_bus *next;       /* of the machine */
};

/* bus is zeroed memory; -device scsi-hd finds it from now on. */
void scsi_bus_init(struct scsi_bus *bus, struct device *dev,
                   const struct scsi_bus_ops *ops);
/* Accepts a bus that scsi_bus_init() never saw. Units that are left lose their bus. */
void scsi_bus_free(struct scsi_bus *bus);

/* Starts a command; false: there is no such target, and nothing was done. */
bool scsi_submit(struct scsi_bus *bus, unsigned target, unsigned lun,
                 struct scsi_req *req);
/* Tells the kernel about everything submitted since the last call. */
void scsi_kick(struct scsi_bus *bus);
/* On return no command is in flight. */
void scsi_drain(struct scsi_bus *bus);
/* No command is in flight: each unit is as after a reset. */
void scsi_reset_units(struct scsi_bus *bus);
bool scsi_has_unit(const struct scsi_bus *bus, unsigned target, unsigned lun);
/* On return no command is in flight there. False: there is no such target or unit. lun:
 * SCSI_ALL_LUNS for each of the target. reset: and each is as after a reset. */
#define SCSI_ALL_LUNS UINT32_MAX
bool scsi_settle(struct scsi_bus *bus, unsigned target, unsigned lun, bool reset);

struct scsi_place {
	const struct device *controller;
	unsigned target, lun;
};

void scsi_device_place(const struct scsi_device *dev, struct scsi_place *place);
/* Where a device of the machine is; false when it is none on a SCSI bus. */
bool scsi_find_place(const struct device *dev, struct scsi_place *place);

#endif
