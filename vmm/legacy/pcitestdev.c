// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * pci-testdev, as QEMU's docs/specs/pci-testdev describes it: a memory BAR and a port BAR
 * with three tests each. A guest writes the number of a test to the first byte of a BAR,
 * reads there what to write where, and measures how long that takes: when the write ends
 * here, which counts it, and when KVM signals an eventfd instead, for any value or for
 * one. Each register has a width of one byte. Under the machine lock.
 */
#include "vmm/legacy/pcitestdev.h"

#include "common/bytes.h"
#include "vmm/core/vm.h"
#include "vmm/pci/pci.h"

#include <errno.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum {
	/* What a BAR starts with while a test is chosen. */
	TEST = 0,
	WIDTH = 1,
	OFFSET = 4,
	DATA = 8,
	COUNT = 12,
	NAME = 16,
	HEADER_MAX = 64,

	TESTS = 3, /* of a BAR */
	NONE = 0xff,
	MATCHING = 0xfa, /* what is to be written */
	OTHER = 0xce,    /* the same, where the value makes no difference */
};

static const struct {
	const char *name;
	bool event, match;
} tests[TESTS] = {
	{ "no-eventfd", false, true },
	{ "wildcard-eventfd", true, false },
	{ "datamatch-eventfd", true, true },
};

static const struct {
	const char *name, *region;
	uint8_t type;
	uint32_t half; /* registers to be written are in the second one */
	unsigned any;  /* an event's size that KVM handles fastest, for any value */
} kinds[2] = {
	{ "mmio", "pci-testdev-mmio", PCI_BASE_ADDRESS_SPACE_MEMORY, 2048, 0 },
	{ "portio", "pci-testdev-portio", PCI_BASE_ADDRESS_SPACE_IO, 128, 1 },
};

struct testdev {
	struct pci_device pci;
	/* state */
	uint8_t current; /* test: its BAR * TESTS + its number there; or NONE */
	uint32_t count;  /* writes of it that ended here */
	/* not state */
	uint8_t armed; /* the test whose eventfd is in place, or NONE */
	int fd;        /* of that one; nobody listens */
	struct side {
		struct testdev *t;
		unsigned bar;
		struct region region;
	} sides[2];
};

/* ---- the test that was chosen ---- */

static uint32_t register_of(unsigned test)
{
	return kinds[test / TESTS].half + test;
}

static struct region_event event_of(const struct testdev *t, unsigned test)
{
	bool match = tests[test % TESTS].match;

	return (struct region_event){
		.offset = register_of(test),
		.size = match ? 1 : kinds[test / TESTS].any,
		.match = match,
		.value = MATCHING,
		.fd = t->fd,
	};
}

static void disarm(struct testdev *t)
{
	struct region_event event;

	if (t->armed == NONE)
		return;
	event = event_of(t, t->armed);
	region_remove_event(&t->sides[t->armed / TESTS].region, &event);
	t->armed = NONE;
}

/* Without memory for the event the write ends here, as in the test without one. */
static void arm(struct testdev *t)
{
	struct region_event event;

	disarm(t);
	if (t->current == NONE || !tests[t->current % TESTS].event)
		return;
	event = event_of(t, t->current);
	if (region_add_event(&t->sides[t->current / TESTS].region, &event) >= 0)
		t->armed = t->current;
}

/* ---- registers ---- */

static uint64_t bar_read(void *opaque, uint64_t offset, unsigned size)
{
	const struct testdev *t = ((struct side *)opaque)->t;
	uint8_t header[HEADER_MAX] = { 0 };

	(void)size;
	if (t->current == NONE || offset >= HEADER_MAX)
		return 0;
	header[TEST] = t->current;
	header[WIDTH] = 1;
	st32(header + OFFSET, register_of(t->current));
	header[DATA] = tests[t->current % TESTS].match ? MATCHING : OTHER;
	st32(header + COUNT, t->count);
	snprintf((char *)header + NAME, HEADER_MAX - NAME, "%s:%s",
	         kinds[t->current / TESTS].name, tests[t->current % TESTS].name);
	return header[offset];
}

static void bar_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
	struct side *side = opaque;
	struct testdev *t = side->t;

	(void)size;
	if (offset == TEST) {
		t->current = value < TESTS ? side->bar * TESTS + value : NONE;
		t->count = 0;
		arm(t);
	} else if (t->current != NONE && t->current / TESTS == side->bar &&
	           offset == register_of(t->current) &&
	           (!tests[t->current % TESTS].match || value == MATCHING)) {
		t->count++;
	}
}

static const struct region_ops bar_ops = {
	.read = bar_read,
	.write = bar_write,
	.max_size = 1,
};

/* ---- life ---- */

static int realize(struct device *dev, struct err *err)
{
	static const struct pci_id id = {
		.vendor = 0x1b36,
		.device = 0x0005,
		.sub_vendor = 0x1af4,
		.sub_device = 0x1100,
		.class_code = 0xff0000,
	};
	struct testdev *t = (struct testdev *)dev;
	int ret = pci_realize(&t->pci, &id, err);

	t->current = t->armed = NONE;
	t->fd = -1;
	if (ret < 0)
		return ret;
	t->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (t->fd < 0)
		return err_sys(err, errno, "eventfd");
	t->pci.config[PCI_INTERRUPT_PIN] = 0;
	for (unsigned i = 0; i < 2; i++) {
		struct side *side = &t->sides[i];
		uint32_t bytes = 2 * kinds[i].half;

		*side = (struct side){ t, i, { 0 } };
		side->region = (struct region){
			.name = kinds[i].region,
			.size = bytes,
			.ops = &bar_ops,
			.opaque = side,
		};
		pci_bar_init(&t->pci, i, kinds[i].type, bytes);
		pci_bar_add(&t->pci, i, 0, &side->region);
	}
	return 0;
}

static void reset(struct device *dev)
{
	struct testdev *t = (struct testdev *)dev;

	pci_reset(&t->pci);
	t->current = NONE;
	t->count = 0;
	disarm(t);
}

static void unrealize(struct device *dev)
{
	struct testdev *t = (struct testdev *)dev;

	disarm(t);
	pci_unrealize(&t->pci);
	for (unsigned i = 0; i < 2; i++)
		region_free(&t->sides[i].region);
	if (t->fd >= 0)
		close(t->fd);
}

/* ---- state ---- */

static int validate(const void *obj, struct err *err)
{
	const struct testdev *t = obj;

	if (t->current != NONE && t->current >= 2 * TESTS)
		return err_set(err, EINVAL, "there is no test %u", t->current);
	return pci_device_state.validate(obj, err);
}

static int post_load(void *obj, struct err *err)
{
	struct testdev *t = obj;

	(void)err;
	pci_post_load(&t->pci);
	arm(t);
	return 0;
}

static const struct state_field fields[] = {
	STATE_STRUCT_F(struct testdev, pci, &pci_device_state),
	STATE_U8_F(struct testdev, current),
	STATE_U32_F(struct testdev, count),
	STATE_END_F,
};

static const struct state_desc state = {
	.name = "pci-testdev",
	.version = 1,
	.fields = fields,
	.validate = validate,
	.post_load = post_load,
};

static const struct opt_desc props[] = {
	PCI_PROPS(struct testdev, pci),
	{ .name = NULL },
};

const struct device_class pci_testdev_class = {
	.name = "pci-testdev",
	.bus = "pci",
	.help = "registers behind BARs for test programs (kvm-unit-tests)",
	.size = sizeof(struct testdev),
	.props = props,
	.state = &state,
	.realize = realize,
	.reset = reset,
	.unrealize = unrealize,
};
