// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The watchdog timer of the Intel 6300ESB (data sheet 300641, chapter 16): two counters
 * of 20 bits that run one after the other, on a clock of 33 MHz divided by 2^15 or 2^5.
 * When the first ends a status bit is set (the interrupt that the chip could raise is not
 * wired); when the second ends the machine is told that its guest does not live. A guest
 * that does writes RELOAD in time.
 *
 * Registers in memory take a write only after two others to RELOAD, so that a guest gone
 * wild does not feed its watchdog. The counters stand while the machine is stopped.
 * Machine lock.
 */
#include "vmm/legacy/i6300esb.h"

#include "common/bytes.h"
#include "vmm/core/vm.h"
#include "vmm/pci/pci.h"

#include <errno.h>

enum {
	/* Configuration space. */
	CONFIG = 0x60,
	CONFIG_WRITABLE = 0x27,
	CONFIG_FAST = 1 << 2,
	CONFIG_NO_REBOOT = 1 << 5,
	LOCK = 0x68,
	LOCK_LOCKED = 1 << 0, /* until a reset */
	LOCK_ENABLE = 1 << 1,
	LOCK_FREE = 1 << 2, /* the first counter follows the second */

	/* Memory. */
	PRELOAD1 = 0x0,
	PRELOAD2 = 0x4,
	STATUS = 0x8,
	RELOAD = 0xc,
	MMIO_SIZE = 0x10,
	RELOAD_RELOAD = 1 << 8,
	RELOAD_TIMEOUT = 1 << 9,
	UNLOCK1 = 0x80,
	UNLOCK2 = 0x86,

	PRELOAD_MASK = 0xfffff,
	CLOCK_HZ = 33000000,
};
#define LEAST_NS 1000000u /* of a stage: what no guest would miss */

struct watchdog {
	struct pci_device pci;
	/* state */
	uint32_t preload[2];
	uint8_t lock;    /* config space may be written, this not always */
	uint8_t unlocks; /* writes of the sequence that were seen */
	uint8_t stage;   /* 1, 2; 0: it stands */
	uint64_t left;   /* ns of it, while the machine is stopped */
	bool status, timeout;
	/* not state */
	bool running;
	struct loop_timer timer;
	struct region mmio;
};

/* ---- the counters ---- */

static void run_on(struct watchdog *w)
{
	if (w->running && w->stage)
		loop_timer_arm(&w->timer, loop_now() + w->left);
}

static void start_stage(struct watchdog *w, unsigned stage)
{
	bool fast = w->pci.config[CONFIG] & CONFIG_FAST;
	uint64_t clocks = (uint64_t)w->preload[stage - 1] << (fast ? 5 : 15);
	uint64_t ns = clocks * 1000 / (CLOCK_HZ / 1000000);

	w->stage = stage;
	w->left = ns > LEAST_NS ? ns : LEAST_NS;
	run_on(w);
}

static void stand(struct watchdog *w)
{
	w->stage = 0;
	w->left = 0;
	loop_timer_disarm(&w->timer);
}

static void expired(void *opaque)
{
	struct watchdog *w = opaque;

	if (w->stage == 1) {
		w->status = true;
		start_stage(w, 2);
		return;
	}
	if (w->lock & LOCK_FREE)
		start_stage(w, 1);
	else
		stand(w);
	if (w->pci.config[CONFIG] & CONFIG_NO_REBOOT)
		return;
	w->timeout = true;
	vm_request(w->pci.dev.vm, VM_REQ_WATCHDOG, "i6300esb");
}

/* ---- registers ---- */

static void config_written(struct pci_device *pdev, unsigned offset, unsigned size)
{
	struct watchdog *w = (struct watchdog *)pdev;
	uint8_t was = w->lock;

	if (offset > LOCK || offset + size <= LOCK)
		return;
	if (was & LOCK_LOCKED)
		pdev->config[LOCK] = was;
	w->lock = pdev->config[LOCK];
	if (!(w->lock & LOCK_ENABLE))
		stand(w);
	else if (!(was & LOCK_ENABLE))
		start_stage(w, 1);
}

static uint64_t mmio_read(void *opaque, uint64_t offset, unsigned size)
{
	const struct watchdog *w = opaque;
	uint8_t regs[MMIO_SIZE] = { 0 };

	st32(regs + PRELOAD1, w->preload[0]);
	st32(regs + PRELOAD2, w->preload[1]);
	regs[STATUS] = w->status;
	st32(regs + RELOAD, w->timeout ? RELOAD_TIMEOUT : 0);
	return ldn(regs + offset, size);
}

static void write_unlocked(struct watchdog *w, uint64_t offset, uint32_t value)
{
	switch (offset) {
	case PRELOAD1:
	case PRELOAD2:
		w->preload[offset / 4] = value & PRELOAD_MASK;
		break;
	case STATUS:
		w->status &= !(value & 1);
		break;
	case RELOAD:
		if (value & RELOAD_TIMEOUT)
			w->timeout = false;
		if (value & RELOAD_RELOAD && w->lock & LOCK_ENABLE)
			start_stage(w, 1);
		break;
	}
}

static void mmio_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
	static const uint8_t sequence[] = { UNLOCK1, UNLOCK2 };
	struct watchdog *w = opaque;
	uint8_t seen = w->unlocks;

	(void)size;
	w->unlocks = 0;
	if (seen == sizeof(sequence))
		write_unlocked(w, offset, value);
	else if (offset == RELOAD && value == sequence[seen])
		w->unlocks = seen + 1;
	else if (offset == RELOAD && value == UNLOCK1)
		w->unlocks = 1;
}

static const struct region_ops mmio_ops = {
	.read = mmio_read,
	.write = mmio_write,
	.max_size = 4,
};

/* ---- life ---- */

static int realize(struct device *dev, struct err *err)
{
	static const struct pci_id id = {
		.vendor = 0x8086,
		.device = 0x25ab,
		.sub_vendor = 0x1af4,
		.sub_device = 0x1100,
		.class_code = 0x088000,
	};
	struct watchdog *w = (struct watchdog *)dev;
	int ret = pci_realize(&w->pci, &id, err);

	loop_timer_init(dev->vm->loop, &w->timer, expired, w);
	if (ret < 0)
		return ret;
	w->pci.wmask[CONFIG] = CONFIG_WRITABLE;
	w->pci.wmask[LOCK] = LOCK_LOCKED | LOCK_ENABLE | LOCK_FREE;
	w->pci.config_written = config_written;
	w->mmio = (struct region){
		.name = "i6300esb",
		.size = MMIO_SIZE,
		.ops = &mmio_ops,
		.opaque = w,
	};
	pci_bar_init(&w->pci, 0, 0, MMIO_SIZE);
	pci_bar_add(&w->pci, 0, 0, &w->mmio);
	return 0;
}

/* That it barked stays to be read after the reset that this caused. */
static void reset(struct device *dev)
{
	struct watchdog *w = (struct watchdog *)dev;

	pci_reset(&w->pci);
	stand(w);
	w->preload[0] = w->preload[1] = PRELOAD_MASK;
	w->lock = w->unlocks = 0;
	w->status = false;
}

static void quiesce(struct device *dev)
{
	struct watchdog *w = (struct watchdog *)dev;
	uint64_t now = loop_now();

	if (w->timer.deadline)
		w->left = w->timer.deadline > now ? w->timer.deadline - now : 0;
	w->running = false;
	loop_timer_disarm(&w->timer);
}

static void resume(struct device *dev)
{
	struct watchdog *w = (struct watchdog *)dev;

	w->running = true;
	run_on(w);
}

static void unrealize(struct device *dev)
{
	struct watchdog *w = (struct watchdog *)dev;

	loop_timer_disarm(&w->timer);
	pci_unrealize(&w->pci);
}

/* ---- state ---- */

static int validate(const void *obj, struct err *err)
{
	const struct watchdog *w = obj;

	if (w->stage > 2 || w->unlocks > 2 || w->left > UINT64_MAX / 2 ||
	    (w->preload[0] | w->preload[1]) > PRELOAD_MASK)
		return err_set(err, EINVAL, "a counter is out of range");
	return pci_device_state.validate(obj, err);
}

static int post_load(void *obj, struct err *err)
{
	struct watchdog *w = obj;

	(void)err;
	pci_post_load(&w->pci);
	loop_timer_disarm(&w->timer);
	run_on(w);
	return 0;
}

static const struct state_field fields[] = {
	STATE_STRUCT_F(struct watchdog, pci, &pci_device_state),
	STATE_U32_ARRAY(struct watchdog, preload, 2),
	STATE_U8_F(struct watchdog, lock),
	STATE_U8_F(struct watchdog, unlocks),
	STATE_U8_F(struct watchdog, stage),
	STATE_U64_F(struct watchdog, left),
	STATE_BOOL_F(struct watchdog, status),
	STATE_BOOL_F(struct watchdog, timeout),
	STATE_END_F,
};

static const struct state_desc state = {
	.name = "i6300esb",
	.version = 1,
	.fields = fields,
	.validate = validate,
	.post_load = post_load,
};

static const struct opt_desc props[] = {
	PCI_PROPS(struct watchdog, pci),
	{ .name = NULL },
};

const struct device_class i6300esb_class = {
	.name = "i6300esb",
	.bus = "pci",
	.help = "watchdog timer; -watchdog-action says what follows when it barks",
	.size = sizeof(struct watchdog),
	.props = props,
	.state = &state,
	.realize = realize,
	.reset = reset,
	.quiesce = quiesce,
	.resume = resume,
	.unrealize = unrealize,
};
