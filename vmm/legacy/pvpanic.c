// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The port through which a guest's kernel tells of its end, with the bits and the ACPI
 * device (QEMU0001) of QEMU's docs/specs/pvpanic. Reading says which events are listened
 * to. Nothing is kept: an event is passed on at once. Runs under the machine lock.
 */
#include "vmm/legacy/pvpanic.h"

#include "common/log.h"
#include "vmm/core/vm.h"
#include "vmm/mem/mem.h"

enum {
	EVENT_PANIC = 0x01, /* the guest panicked: the host shall act */
	EVENT_CRASH = 0x02, /* it panicked, and goes on with its crash kernel */
	EVENT_SHUTDOWN = 0x04,
	EVENTS = EVENT_PANIC | EVENT_CRASH | EVENT_SHUTDOWN,
};

struct pvpanic {
	struct device dev;
	uint32_t ioport, events; /* properties */
	struct region region;
	struct ratelimit log;
};

static uint64_t pvpanic_read(void *opaque, uint64_t offset, unsigned size)
{
	(void)offset;
	(void)size;
	return ((const struct pvpanic *)opaque)->events;
}

static void pvpanic_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
	struct pvpanic *p = opaque;

	(void)offset;
	(void)size;
	if (value & ~(uint64_t)p->events)
		log_guest(&p->log, "%s: event 0x%llx is not listened to", p->dev.path,
		          (unsigned long long)(value & ~(uint64_t)p->events));
	value &= p->events;
	if (value & EVENT_CRASH)
		log_guest(&p->log, "%s: the guest crashed, and handles it itself",
		          p->dev.path);
	if (value & EVENT_PANIC)
		vm_request(p->dev.vm, VM_REQ_PANIC, "pvpanic");
	if (value & EVENT_SHUTDOWN)
		vm_request(p->dev.vm, VM_REQ_SHUTDOWN, "pvpanic");
}

static const struct region_ops pvpanic_ops = {
	.read = pvpanic_read,
	.write = pvpanic_write,
	.max_size = 1,
};

uint16_t pvpanic_port(struct vm *vm)
{
	for (struct device *dev = vm->devices; dev; dev = dev->next)
		if (dev->cls == &pvpanic_class)
			return ((const struct pvpanic *)dev)->ioport;
	return 0;
}

static int pvpanic_realize(struct device *dev, struct err *err)
{
	struct pvpanic *p = (struct pvpanic *)dev;
	int ret;

	device_set_path(dev, "isa/pvpanic@%x", p->ioport);
	p->region = (struct region){
		.name = "pvpanic",
		.size = 1,
		.ops = &pvpanic_ops,
		.opaque = p,
	};
	ret = mem_map(dev->vm->mem, MEM_PIO, &p->region, p->ioport);
	return ret < 0 ? err_sys(err, -ret, "cannot map port 0x%x", p->ioport) : 0;
}

static void pvpanic_unrealize(struct device *dev)
{
	mem_unmap(&((struct pvpanic *)dev)->region);
}

static const struct opt_desc pvpanic_props[] = {
	{ .name = "ioport",
	  .type = OPT_U32,
	  .offset = offsetof(struct pvpanic, ioport),
	  .def = "0x505",
	  .min = 1,
	  .max = 0xffff,
	  .help = "I/O address" },
	{ .name = "events",
	  .type = OPT_U32,
	  .offset = offsetof(struct pvpanic, events),
	  .def = "7",
	  .max = EVENTS,
	  .help = "1: panic, 2: crash that the guest handles, 4: shutdown" },
	{ .name = NULL },
};

const struct device_class pvpanic_class = {
	.name = "pvpanic",
	.bus = "isa",
	.help = "a guest's panic prints registers and ends the machine with status 1",
	.size = sizeof(struct pvpanic),
	.props = pvpanic_props,
	.realize = pvpanic_realize,
	.unrealize = pvpanic_unrealize,
};
