// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * SCSI buses: which unit a command is for, which command it is, and how it ends (SAM-5,
 * SPC-5).
 *
 * A command is looked up in one table; what only CD-ROM drives know is theirs (cd.c). A
 * target with any unit answers for the units that it has not: it lists those it has. A
 * unit attention is told once, by the first command that may tell it, in the sense data
 * that comes with its status.
 */
#include "vmm/scsi/core.h"

#include "common/cleanup.h"
#include "vmm/block/iov.h"
#include "vmm/core/vm.h"

/* ---- the bus ---- */

void scsi_bus_init(struct scsi_bus *bus, struct device *dev,
                   const struct scsi_bus_ops *ops)
{
	struct scsi_bus **p = &dev->vm->scsi_buses;

	bus->dev = dev;
	bus->ops = ops;
	while (*p)
		p = &(*p)->next;
	*p = bus;
}

void scsi_bus_free(struct scsi_bus *bus)
{
	if (!bus->dev)
		return;
	for (struct scsi_bus **p = &bus->dev->vm->scsi_buses; *p; p = &(*p)->next) {
		if (*p == bus) {
			*p = bus->next;
			break;
		}
	}
	while (bus->devices) {
		struct scsi_device *d = bus->devices;

		bus->devices = d->next;
		d->bus = NULL;
	}
}

static bool is_before(const struct scsi_device *a, const struct scsi_device *b)
{
	return a->id != b->id ? a->id < b->id : a->lun < b->lun;
}

/* The other units of the target tell that there is one more, or one less. */
static void tell_luns(const struct scsi_bus *bus, const struct scsi_device *which)
{
	for (struct scsi_device *d = bus->devices; d; d = d->next)
		if (d != which && d->id == which->id)
			d->ua |= UA_LUNS;
}

void scsi_bus_add(struct scsi_bus *bus, struct scsi_device *d)
{
	struct scsi_device **p = &bus->devices;

	while (*p && is_before(*p, d))
		p = &(*p)->next;
	d->next = *p;
	*p = d;
	d->bus = bus;
	if (d->dev.vm->runstate != VM_PRELAUNCH)
		tell_luns(bus, d);
	bus->ops->event(bus, d, SCSI_PLUGGED);
}

void scsi_bus_remove(struct scsi_device *d)
{
	struct scsi_bus *bus = d->bus;

	if (!bus)
		return;
	for (struct scsi_device **p = &bus->devices; *p; p = &(*p)->next) {
		if (*p == d) {
			*p = d->next;
			break;
		}
	}
	tell_luns(bus, d);
	bus->ops->event(bus, d, SCSI_UNPLUGGED);
	d->bus = NULL;
}

struct scsi_device *scsi_bus_find(const struct scsi_bus *bus, unsigned target,
                                  unsigned lun)
{
	struct scsi_device *d = bus->devices;

	while (d && (d->id != target || (d->lun != lun && lun != SCSI_ALL_LUNS)))
		d = d->next;
	return d;
}

bool scsi_has_unit(const struct scsi_bus *bus, unsigned target, unsigned lun)
{
	return scsi_bus_find(bus, target, lun);
}

void scsi_kick(struct scsi_bus *bus)
{
	/* What the images of a machine wait for goes to the kernel together. */
	if (bus->devices)
		block_kick(bus->devices->node);
}

void scsi_drain(struct scsi_bus *bus)
{
	for (struct scsi_device *d = bus->devices; d; d = d->next)
		block_drain(d->node);
}

void scsi_reset_units(struct scsi_bus *bus)
{
	for (struct scsi_device *d = bus->devices; d; d = d->next)
		scsi_device_reset(d, UA_RESET);
}

bool scsi_settle(struct scsi_bus *bus, unsigned target, unsigned lun, bool reset)
{
	bool any = false;

	for (struct scsi_device *d = bus->devices; d; d = d->next) {
		if (d->id != target || (d->lun != lun && lun != SCSI_ALL_LUNS))
			continue;
		any = true;
		block_drain(d->node);
		if (reset)
			scsi_device_reset(d, UA_RESET);
	}
	return any;
}

void scsi_device_place(const struct scsi_device *d, struct scsi_place *place)
{
	*place = (struct scsi_place){ d->bus->dev, d->id, d->lun };
}

bool scsi_find_place(const struct device *dev, struct scsi_place *place)
{
	const struct scsi_device *d = (const struct scsi_device *)dev;

	if ((dev->cls != &scsi_hd_class && dev->cls != &scsi_cd_class) || !d->bus)
		return false;
	scsi_device_place(d, place);
	return true;
}

/* ---- commands that every unit has ---- */

static uint32_t take_attention(struct scsi_device *d)
{
	static const uint32_t senses[] = { SENSE_POWER_ON, SENSE_DEVICE_RESET,
		                           SENSE_LUNS_CHANGED, SENSE_CAPACITY_CHANGED };
	unsigned first;

	if (d->ua) {
		first = __builtin_ctz(d->ua);
		d->ua &= d->ua - 1;
		return senses[first];
	}
	if (!d->cd.changed)
		return SENSE_NONE;
	d->cd.changed = false;
	/* A medium comes with what it is on the host. */
	block_set_write_cache(d->node, d->wce);
	return SENSE_CHANGED;
}

/* SPC-5, 4.5.6: there is none to fetch, as it came with the status. */
static int request_sense(struct scsi_req *req, uint8_t *b)
{
	if (req->cdb[1] & 1) /* as descriptors */
		return scsi_fail(req, SENSE_FIELD);
	scsi_put_sense(b, req->dev ? take_attention(req->dev) : SENSE_LUN);
	return SCSI_SENSE_LEN;
}

static int nothing(struct scsi_req *req, uint8_t *b)
{
	return 0;
}

/* ---- units that are not there ---- */

/* SPC-5, 6.33. The list goes where the answer belongs at once: it may be long. */
static int report_luns(const struct scsi_bus *bus, unsigned target, struct scsi_req *req)
{
	uint64_t allowed = scsi_get32(req->cdb + 6), at = 8;
	uint8_t entry[8] = { 0 };

	if (allowed < 16 || req->cdb[2] > 2)
		return scsi_fail(req, SENSE_FIELD);
	if (allowed > req->in_len)
		return scsi_overrun(req);
	for (const struct scsi_device *d = bus->devices; d; d = d->next) {
		if (d->id != target || req->cdb[2] == 1) /* well-known units: none */
			continue;
		scsi_put16(entry, d->lun > 0xff ? d->lun | 0x4000 : d->lun);
		if (at + 8 <= allowed)
			iov_from_buf(req->in, req->in_count, at, entry, 8);
		at += 8;
	}
	memset(entry, 0, sizeof(entry));
	scsi_put32(entry, at - 8);
	iov_from_buf(req->in, req->in_count, 0, entry, 8);
	req->moved = at < allowed ? at : allowed & ~7ull;
	return 0;
}

static int run_absent(struct scsi_req *req, unsigned lun, uint8_t *b)
{
	static const uint8_t data[8] = { 0x3f, 0, 5, 0x12, 31, 0, 0, 2 };

	if (req->cdb[0] == SCSI_REQUEST_SENSE)
		return request_sense(req, b);
	if (req->cdb[0] != SCSI_INQUIRY)
		return scsi_fail(req, SENSE_LUN);
	if (req->cdb[1] & 1 || req->cdb[2])
		return scsi_fail(req, SENSE_FIELD);
	memset(b, 0, 36);
	memcpy(b, data, sizeof(data));
	if (lun) /* there cannot be one, rather than there is none */
		b[0] = 0x7f;
	return 36;
}

/* ---- commands ---- */

enum {
	MEDIUM = 0x80,   /* needs one */
	DISK = 0x40,     /* is none of a CD-ROM drive's, or it has its own */
	WIDTH_16 = 0x10, /* the length of the answer has 2 bytes, or 4, not 1 */
	WIDTH_32 = 0x20,
	PLACE = 0x0f, /* where that is; 0: nowhere */
};

/* The first are the most frequent. */
static const struct command {
	scsi_handler *fn;
	uint8_t opcode, flags;
} commands[] = {
	{ scsi_read, SCSI_READ_10, MEDIUM },
	{ scsi_write, SCSI_WRITE_10, MEDIUM | DISK },
	{ scsi_flush, SCSI_SYNCHRONIZE_CACHE_10, MEDIUM | DISK },
	{ scsi_read, SCSI_READ_16, MEDIUM },
	{ scsi_write, SCSI_WRITE_16, MEDIUM | DISK },
	{ scsi_unmap, SCSI_UNMAP, MEDIUM | DISK },
	{ scsi_read, SCSI_READ_6, MEDIUM },
	{ scsi_read, SCSI_READ_12, MEDIUM },
	{ scsi_write, SCSI_WRITE_6, MEDIUM | DISK },
	{ scsi_write, SCSI_WRITE_12, MEDIUM | DISK },
	{ scsi_write, SCSI_WRITE_VERIFY_10, MEDIUM | DISK },
	{ scsi_write, SCSI_WRITE_VERIFY_12, MEDIUM | DISK },
	{ scsi_write, SCSI_WRITE_VERIFY_16, MEDIUM | DISK },
	{ scsi_write_same, SCSI_WRITE_SAME_10, MEDIUM | DISK },
	{ scsi_write_same, SCSI_WRITE_SAME_16, MEDIUM | DISK },
	{ scsi_flush, SCSI_SYNCHRONIZE_CACHE_16, MEDIUM | DISK },
	{ scsi_verify, SCSI_VERIFY_10, MEDIUM | DISK },
	{ scsi_verify, SCSI_VERIFY_12, MEDIUM | DISK },
	{ scsi_verify, SCSI_VERIFY_16, MEDIUM | DISK },
	{ nothing, SCSI_TEST_UNIT_READY, MEDIUM },
	{ request_sense, SCSI_REQUEST_SENSE, 4 },
	{ scsi_inquiry, SCSI_INQUIRY, WIDTH_16 | 3 },
	{ scsi_mode_sense, SCSI_MODE_SENSE_6, 4 },
	{ scsi_mode_sense, SCSI_MODE_SENSE_10, WIDTH_16 | 7 },
	{ scsi_mode_select, SCSI_MODE_SELECT_6, 0 },
	{ scsi_mode_select, SCSI_MODE_SELECT_10, 0 },
	{ scsi_capacity_10, SCSI_READ_CAPACITY_10, MEDIUM },
	{ scsi_service_action_16, SCSI_SERVICE_ACTION_IN_16, MEDIUM | WIDTH_32 | 10 },
	{ nothing, SCSI_START_STOP_UNIT, DISK },
	{ nothing, SCSI_PREVENT_ALLOW, DISK },
};

/* SPC-5, 5.14.5: they are answered whatever happened, and do not tell of it. */
static bool is_quiet(uint8_t opcode)
{
	return opcode == SCSI_INQUIRY || opcode == SCSI_REQUEST_SENSE ||
	       opcode == SCSI_GET_CONFIGURATION || opcode == SCSI_GET_EVENT_STATUS;
}

/* A disk with a tray has only the commands for that in common with a CD-ROM drive. */
static bool is_cd_command(const struct scsi_device *d, const struct command *cmd,
                          uint8_t opcode)
{
	if (d->type == SCSI_TYPE_CD)
		return !cmd || cmd->flags & DISK;
	return d->removable &&
	       (opcode == SCSI_START_STOP_UNIT || opcode == SCSI_PREVENT_ALLOW);
}

/* Brings the answer to the driver, as far as it wants it. */
static int answer(struct scsi_req *req, const uint8_t *b, uint32_t len, uint32_t allowed)
{
	if ((allowed == UINT32_MAX ? len : allowed) > req->in_len)
		return scsi_overrun(req);
	req->moved =
		iov_from_buf(req->in, req->in_count, 0, b, len < allowed ? len : allowed);
	return 0;
}

static int run_cd(struct scsi_req *req, uint8_t *b)
{
	struct cd_drive *cd = &req->dev->cd;
	struct cd_result result;
	uint32_t allowed;

	switch (cd_run(cd, req->cdb, b, &result, &allowed)) {
	case CD_ANSWERED:
		return answer(req, b, result.len, allowed);
	case CD_WANTS_READ:
		return result.raw ? scsi_fail(req, SENSE_FIELD)
		                  : scsi_read_blocks(req, result.lba, result.count);
	default:
		scsi_fail(req, cd->sense_key << 16 | cd->asc << 8 | cd->ascq);
		cd_set_sense(cd, SENSE_NONE);
		return SCSI_FAILED;
	}
}

static int run(struct scsi_device *d, struct scsi_req *req, uint8_t *b)
{
	const struct command *cmd = commands, *end = cmd + ARRAY_SIZE(commands);
	const uint8_t *cdb = req->cdb;
	uint32_t sense, allowed = UINT32_MAX;
	unsigned at;
	int ret;

	while (cmd < end && cmd->opcode != cdb[0])
		cmd++;
	if (cmd == end)
		cmd = NULL;
	sense = is_quiet(cdb[0]) ? SENSE_NONE : take_attention(d);
	if (sense)
		return scsi_fail(req, sense);
	if (is_cd_command(d, cmd, cdb[0]))
		return run_cd(req, b);
	if (!cmd)
		return scsi_fail(req, SENSE_OPCODE);
	if (cmd->flags & MEDIUM && !scsi_has_medium(d))
		return scsi_fail(req, cd_no_medium(&d->cd));
	ret = cmd->fn(req, b);
	at = cmd->flags & PLACE;
	if (at)
		allowed = cmd->flags & WIDTH_32   ? scsi_get32(cdb + at)
		          : cmd->flags & WIDTH_16 ? scsi_get16(cdb + at)
		                                  : cdb[at];
	return ret > 0 ? answer(req, b, ret, allowed) : ret;
}

void scsi_finish(struct scsi_req *req, int ret)
{
	struct scsi_device *d = req->dev;

	if (d && d->pattern_user == req)
		d->pattern_user = NULL;
	if (ret == SCSI_FAILED) {
		req->moved = 0;
		if (req->sense)
			req->status = SCSI_CHECK_CONDITION;
	}
	req->done(req);
}

bool scsi_submit(struct scsi_bus *bus, unsigned target, unsigned lun,
                 struct scsi_req *req)
{
	struct scsi_device *d = scsi_bus_find(bus, target, lun);
	uint8_t b[SCSI_ANSWER];
	int ret;

	if (!d && !scsi_bus_find(bus, target, SCSI_ALL_LUNS))
		return false;
	req->dev = d;
	req->status = SCSI_GOOD;
	req->overrun = false;
	req->sense = SENSE_NONE;
	req->moved = 0;
	req->more = NULL;
	if (req->cdb[0] == SCSI_REPORT_LUNS)
		ret = report_luns(bus, target, req);
	else if (d)
		ret = run(d, req, b);
	else
		ret = run_absent(req, lun, b);
	if (!d && ret > 0)
		ret = answer(req, b, ret,
		             req->cdb[0] == SCSI_INQUIRY ? scsi_get16(req->cdb + 3)
		                                         : req->cdb[4]);
	if (ret != SCSI_PENDING)
		scsi_finish(req, ret);
	return true;
}
