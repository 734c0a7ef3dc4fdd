// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Ports for test programs and firmware, as QEMU has them: a write of v to isa-debug-exit
 * ends the machine with the process status (v << 1) | 1, so that 0 still means that the
 * guest powered off; a byte to isa-debugcon is printed, and reading it says that it is
 * there. The console cannot make its guest wait: bytes beyond what a full back end left
 * room for are dropped. Both run under the machine lock.
 */
#include "vmm/legacy/debug.h"

#include "common/log.h"
#include "vmm/core/vm.h"
#include "vmm/legacy/outq.h"
#include "vmm/mem/mem.h"

#include <errno.h>

/* ---- isa-debug-exit ---- */

struct debug_exit {
	struct device dev;
	uint32_t iobase, iosize;
	struct region region;
};

static uint64_t exit_read(void *opaque, uint64_t offset, unsigned size)
{
	(void)opaque;
	(void)offset;
	(void)size;
	return 0;
}

static void exit_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
	struct debug_exit *d = opaque;

	(void)offset;
	(void)size;
	/* A process status has 8 bits. */
	vm_request_exit(d->dev.vm, (value << 1 | 1) & 0xff, "isa-debug-exit");
}

static const struct region_ops exit_ops = { .read = exit_read, .write = exit_write };

static int exit_realize(struct device *dev, struct err *err)
{
	struct debug_exit *d = (struct debug_exit *)dev;
	int ret;

	device_set_path(dev, "isa/debug-exit@%x", d->iobase);
	d->region = (struct region){
		.name = "isa-debug-exit",
		.size = d->iosize,
		.ops = &exit_ops,
		.opaque = d,
	};
	ret = mem_map(dev->vm->mem, MEM_PIO, &d->region, d->iobase);
	return ret < 0 ? err_sys(err, -ret, "cannot map ports 0x%x", d->iobase) : 0;
}

static void exit_unrealize(struct device *dev)
{
	mem_unmap(&((struct debug_exit *)dev)->region);
}

static const struct opt_desc exit_props[] = {
	{ .name = "iobase",
	  .type = OPT_U32,
	  .offset = offsetof(struct debug_exit, iobase),
	  .def = "0x501",
	  .max = 0xffff,
	  .help = "I/O address" },
	{ .name = "iosize",
	  .type = OPT_U32,
	  .offset = offsetof(struct debug_exit, iosize),
	  .def = "2",
	  .min = 1,
	  .max = 8,
	  .help = "number of ports" },
	{ .name = NULL },
};

const struct device_class debug_exit_class = {
	.name = "isa-debug-exit",
	.bus = "isa",
	.help = "a write of v ends the machine with status (v << 1) | 1",
	.size = sizeof(struct debug_exit),
	.props = exit_props,
	.realize = exit_realize,
	.unrealize = exit_unrealize,
};

/* ---- isa-debugcon ---- */

struct debugcon {
	struct device dev;
	uint32_t iobase, readback;
	char *chardev;
	struct outq out;
	struct chardev *chr;
	bool running;
	struct ratelimit log;
	struct region region;
};

static uint64_t debugcon_read(void *opaque, uint64_t offset, unsigned size)
{
	(void)offset;
	(void)size;
	return ((const struct debugcon *)opaque)->readback;
}

static void debugcon_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
	struct debugcon *d = opaque;

	(void)offset;
	(void)size;
	if (!outq_put(&d->out, value))
		log_guest(&d->log, "%s: chardev '%s' is full; output is lost",
		          d->dev.path, d->chardev);
}

static const struct region_ops debugcon_ops = {
	.read = debugcon_read,
	.write = debugcon_write,
	.max_size = 1,
};

static void debugcon_writable(void *opaque)
{
	struct debugcon *d = opaque;

	if (d->running)
		outq_writable(&d->out);
}

static void debugcon_moved(void *opaque, struct chardev *chr)
{
	struct debugcon *d = opaque;

	d->chr = d->out.chr = chr;
}

static int debugcon_connect(struct debugcon *d, struct err *err)
{
	const struct chardev_front front = {
		.writable = debugcon_writable,
		.moved = debugcon_moved,
		.opaque = d,
	};
	struct chardev *chr;
	int ret;

	if (!d->chardev)
		return err_set(err, EINVAL, "it needs chardev=ID, where output goes");
	chr = chardev_find(d->dev.vm->chardevs, d->chardev);
	if (!chr)
		return err_set(err, ENOENT,
		               "there is no chardev '%s'; define it with -chardev "
		               "BACKEND,id=%s",
		               d->chardev, d->chardev);
	ret = chardev_attach(chr, &front, err);
	if (ret >= 0)
		d->chr = chr;
	return ret;
}

static int debugcon_realize(struct device *dev, struct err *err)
{
	struct debugcon *d = (struct debugcon *)dev;
	int ret = debugcon_connect(d, err);

	if (ret < 0)
		return ret;
	outq_init(&d->out, dev->vm->loop, d->chr);
	device_set_path(dev, "isa/debugcon@%x", d->iobase);
	d->region = (struct region){
		.name = "isa-debugcon",
		.size = 1,
		.ops = &debugcon_ops,
		.opaque = d,
	};
	ret = mem_map(dev->vm->mem, MEM_PIO, &d->region, d->iobase);
	return ret < 0 ? err_sys(err, -ret, "cannot map port 0x%x", d->iobase) : 0;
}

static void debugcon_reset(struct device *dev)
{
	outq_flush(&((struct debugcon *)dev)->out);
}

static void debugcon_quiesce(struct device *dev)
{
	struct debugcon *d = (struct debugcon *)dev;

	d->running = false;
	outq_flush(&d->out);
	loop_timer_disarm(&d->out.timer);
}

static void debugcon_resume(struct device *dev)
{
	struct debugcon *d = (struct debugcon *)dev;

	d->running = true;
	outq_writable(&d->out);
}

static void debugcon_unrealize(struct device *dev)
{
	struct debugcon *d = (struct debugcon *)dev;

	mem_unmap(&d->region);
	if (!d->chr)
		return;
	outq_close(&d->out);
	chardev_detach(d->chr, d);
}

static int debugcon_post_load(void *obj, struct err *err)
{
	(void)err;
	outq_post_load(&((struct debugcon *)obj)->out);
	return 0;
}

static const struct state_field debugcon_fields[] = {
	STATE_STRUCT_F(struct debugcon, out, &outq_state),
	STATE_END_F,
};

static const struct state_desc debugcon_state = {
	.name = "isa-debugcon",
	.version = 1,
	.fields = debugcon_fields,
	.post_load = debugcon_post_load,
};

static const struct opt_desc debugcon_props[] = {
	{ .name = "iobase",
	  .type = OPT_U32,
	  .offset = offsetof(struct debugcon, iobase),
	  .def = "0xe9",
	  .max = 0xffff,
	  .help = "I/O address" },
	{ .name = "readback",
	  .type = OPT_U32,
	  .offset = offsetof(struct debugcon, readback),
	  .def = "0xe9",
	  .help = "what a read returns" },
	{ .name = "chardev",
	  .type = OPT_STR,
	  .offset = offsetof(struct debugcon, chardev),
	  .help = "where output goes" },
	{ .name = NULL },
};

const struct device_class debugcon_class = {
	.name = "isa-debugcon",
	.bus = "isa",
	.help = "prints the bytes written to a port",
	.size = sizeof(struct debugcon),
	.props = debugcon_props,
	.state = &debugcon_state,
	.realize = debugcon_realize,
	.reset = debugcon_reset,
	.quiesce = debugcon_quiesce,
	.resume = debugcon_resume,
	.unrealize = debugcon_unrealize,
};
