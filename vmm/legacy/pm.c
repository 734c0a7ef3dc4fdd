// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ACPI power management of the PIIX4 (Intel 82371AB data sheet, chapter 7; ACPI 4.8.3
 * for the meaning of the registers): PM1 event and control block, PM timer, one block of
 * general-purpose events, and the SMI command port, behind which SMM firmware would
 * switch between legacy and ACPI mode: here a write of the right value just does it.
 *
 * The timer's overflow bit is found out when somebody looks; a host timer runs only while
 * the guest enabled that interrupt and the bit is clear. The counter stands still while
 * the machine is stopped, so that a guest sees no jump. S5 and S4 end the machine; other
 * sleep states wake up at once. All functions run under the machine lock.
 */
#include "vmm/legacy/pm.h"

#include "common/bytes.h"
#include "common/log.h"
#include "vmm/core/vm.h"
#include "vmm/pci/pci.h"

#include <errno.h>

#define TIMER_HZ  3579545u
#define SECOND_NS 1000000000u

enum pm_config {
	CONFIG_PMBASE = 0x40,    /* bits 15 to 6: I/O address; bit 0 reads 1 */
	CONFIG_DEVACTB = 0x5b,   /* bits 31 to 24 of DEVACTB */
	CONFIG_PMREGMISC = 0x80, /* bit 0: the block answers */

	PMREGMISC_ENABLE = 0x01,
	DEVACTB_APMC = 0x02, /* SMIs from the command port: SMM is set up already */
};

enum {
	EVENT_TIMER = 0x0001,
	EVENT_GLOBAL = 0x0020,
	EVENT_POWER_BUTTON = 0x0100,
	EVENT_RTC = 0x0400,
	EVENT_RESUME = 0x8000,
	STATUS_MASK = EVENT_TIMER | EVENT_GLOBAL | EVENT_POWER_BUTTON | EVENT_RTC |
	              EVENT_RESUME,
	ENABLE_MASK = EVENT_TIMER | EVENT_GLOBAL | EVENT_POWER_BUTTON | EVENT_RTC,

	CONTROL_SCI = 0x0001,
	CONTROL_SLEEP_TYPE = 0x1c00,
	CONTROL_SLEEP = 0x2000,
	CONTROL_MASK = 0x1c03, /* what is stored: SCI_EN, BM_RLD, SLP_TYP */
};

struct pm {
	struct pci_device pci;
	bool timer32, hotplug; /* properties */
	uint8_t no_s3, no_s4;  /* the same; there is neither */
	uint16_t status, enable, control;
	uint8_t gpe_status[2], gpe_enable[2];
	uint8_t apm[2];       /* ports 0xb2 and 0xb3 */
	uint64_t ticks;       /* the counter, as it was when the machine stopped */
	uint64_t tick_offset; /* counter minus host ticks while it runs */
	uint64_t half;        /* overflows of the counter's high bit noted so far */
	bool running, level;
	struct loop_timer timer;
	struct region io, gpe, smi;
	struct ratelimit log;
};

/* ---- the timer ---- */

static uint64_t host_ticks(void)
{
	return (unsigned __int128)loop_now() * TIMER_HZ / SECOND_NS;
}

static uint64_t now_ticks(const struct pm *pm)
{
	return pm->running ? host_ticks() + pm->tick_offset : pm->ticks;
}

/* The status bit is set whenever the counter's highest bit changes (ACPI 4.8.3.3). */
static unsigned half_shift(const struct pm *pm)
{
	return pm->timer32 ? 31 : 23;
}

static void note_overflow(struct pm *pm)
{
	uint64_t half = now_ticks(pm) >> half_shift(pm);

	if (half != pm->half)
		pm->status |= EVENT_TIMER;
	pm->half = half;
}

static uint32_t read_timer(const struct pm *pm)
{
	uint64_t ticks = now_ticks(pm);

	return pm->timer32 ? ticks : ticks & 0xffffff;
}

/* ---- the interrupt ---- */

/* Brings the status, the line and the overflow timer up to date. */
static void catch_up(struct pm *pm)
{
	bool level;

	note_overflow(pm);
	level = pm->status & pm->enable & ENABLE_MASK ||
	        ((pm->gpe_status[0] & pm->gpe_enable[0]) |
	         (pm->gpe_status[1] & pm->gpe_enable[1]));
	/* Without SCI_EN these events would be SMIs, which nobody handles. */
	level = level && pm->control & CONTROL_SCI;
	if (level != pm->level) {
		pm->level = level;
		irqchip_set(pm->pci.dev.vm->irqchip, PM_SCI, level);
	}
	if (pm->running && pm->enable & EVENT_TIMER && !(pm->status & EVENT_TIMER)) {
		unsigned __int128 tick =
			((pm->half + 1) << half_shift(pm)) - pm->tick_offset;

		loop_timer_arm(&pm->timer, (uint64_t)(tick * SECOND_NS / TIMER_HZ) + 1);
	} else {
		loop_timer_disarm(&pm->timer);
	}
}

static void overflow_due(void *opaque)
{
	catch_up(opaque);
}

bool pm_has_hotplug(const struct device *dev)
{
	return ((const struct pm *)dev)->hotplug;
}

void pm_power_button(struct device *dev)
{
	struct pm *pm = (struct pm *)dev;

	pm->status |= EVENT_POWER_BUTTON;
	catch_up(pm);
}

void pm_gpe_raise(struct device *dev, unsigned bit)
{
	struct pm *pm = (struct pm *)dev;

	pm->gpe_status[bit / 8 & 1] |= 1u << (bit & 7);
	catch_up(pm);
}

/* ---- PM1 and timer block ---- */

static void sleep_state(struct pm *pm)
{
	unsigned type = (pm->control & CONTROL_SLEEP_TYPE) >> 10;

	if (type == PM_SLEEP_S5 || type == PM_SLEEP_S4) {
		vm_request(pm->pci.dev.vm, VM_REQ_SHUTDOWN,
		           type == PM_SLEEP_S5 ? "ACPI S5" : "ACPI S4");
		return;
	}
	/* The guest waits for the resume status after it fell asleep. */
	log_guest(&pm->log, "%s: sleep type %u is not supported; the guest goes on",
	          pm->pci.dev.path, type);
	pm->status |= EVENT_RESUME;
}

static uint16_t with_byte(uint16_t reg, unsigned n, uint8_t byte, uint16_t mask)
{
	uint16_t m = mask & 0xff << (8 * n);

	return (reg & ~m) | (byte << (8 * n) & m);
}

static void write_io_byte(struct pm *pm, unsigned offset, uint8_t byte)
{
	unsigned n = offset & 1;

	switch (offset & ~1u) {
	case PM_IO_EVENT:
		pm->status &= ~(byte << (8 * n) & STATUS_MASK);
		break;
	case PM_IO_EVENT + 2:
		pm->enable = with_byte(pm->enable, n, byte, ENABLE_MASK);
		break;
	case PM_IO_CONTROL:
		pm->control = with_byte(pm->control, n, byte, CONTROL_MASK);
		if (byte << (8 * n) & CONTROL_SLEEP)
			sleep_state(pm);
		break;
	}
}

static void pm_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
	struct pm *pm = opaque;

	note_overflow(pm);
	for (unsigned i = 0; i < size; i++)
		write_io_byte(pm, offset + i, value >> (8 * i));
	catch_up(pm);
}

static uint64_t pm_read(void *opaque, uint64_t offset, unsigned size)
{
	struct pm *pm = opaque;
	uint8_t image[PM_IO_SIZE + 8] = { 0 };

	note_overflow(pm);
	st16(image + PM_IO_EVENT, pm->status);
	st16(image + PM_IO_EVENT + 2, pm->enable);
	st16(image + PM_IO_CONTROL, pm->control);
	st32(image + PM_IO_TIMER, read_timer(pm));
	return ldn(image + offset, size);
}

/* ---- general-purpose events ---- */

static uint64_t gpe_read(void *opaque, uint64_t offset, unsigned size)
{
	const struct pm *pm = opaque;

	(void)size;
	return offset < 2 ? pm->gpe_status[offset] : pm->gpe_enable[offset - 2];
}

static void gpe_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
	struct pm *pm = opaque;

	(void)size;
	if (offset < 2)
		pm->gpe_status[offset] &= ~value;
	else
		pm->gpe_enable[offset - 2] = value;
	catch_up(pm);
}

/* ---- SMI command port ---- */

static uint64_t smi_read(void *opaque, uint64_t offset, unsigned size)
{
	(void)size;
	return ((const struct pm *)opaque)->apm[offset];
}

static void smi_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
	struct pm *pm = opaque;

	(void)size;
	pm->apm[offset] = value;
	if (offset)
		return;
	if (value == PM_SMI_ENABLE)
		pm->control |= CONTROL_SCI;
	else if (value == PM_SMI_DISABLE)
		pm->control &= ~CONTROL_SCI;
	catch_up(pm);
}

static const struct region_ops io_ops = { .read = pm_read, .write = pm_write };
static const struct region_ops gpe_ops = {
	.read = gpe_read,
	.write = gpe_write,
	.max_size = 1,
};
static const struct region_ops smi_ops = {
	.read = smi_read,
	.write = smi_write,
	.max_size = 1,
};

/* ---- configuration space ---- */

/* Maps the block where config space says. */
static void place_block(struct pm *pm)
{
	uint16_t base = ld16(pm->pci.config + CONFIG_PMBASE) & 0xffc0;
	bool on = base && pm->pci.config[CONFIG_PMREGMISC] & PMREGMISC_ENABLE;
	int ret;

	if (pm->io.mem && on && pm->io.base == base)
		return;
	mem_unmap(&pm->io);
	if (!on)
		return;
	ret = mem_map(pm->pci.dev.vm->mem, MEM_PIO, &pm->io, base);
	if (ret < 0)
		log_guest(&pm->log, "%s: cannot map ports 0x%x: errno %d",
		          pm->pci.dev.path, base, -ret);
}

static void config_written(struct pci_device *pdev, unsigned offset, unsigned size)
{
	(void)offset;
	(void)size;
	place_block((struct pm *)pdev);
}

static void init_config(struct pm *pm)
{
	uint8_t *c = pm->pci.config, *w = pm->pci.wmask;

	st16(c + CONFIG_PMBASE, PM_IO_BASE | 1);
	st16(w + CONFIG_PMBASE, 0xffc0);
	/* A firmware that finds this set does not try to install an SMM handler. */
	c[CONFIG_DEVACTB] = DEVACTB_APMC;
	for (unsigned i = 0x44; i < 0x80; i++)
		w[i] = 0xff;
	c[CONFIG_PMREGMISC] = PMREGMISC_ENABLE;
	w[CONFIG_PMREGMISC] = PMREGMISC_ENABLE;
	c[PCI_INTERRUPT_PIN] = 1;
	pm->pci.config_written = config_written;
}

/* ---- life ---- */

static int pm_realize(struct device *dev, struct err *err)
{
	static const struct pci_id id = {
		.vendor = 0x8086,
		.device = 0x7113,
		.sub_vendor = 0x1af4,
		.sub_device = 0x1100,
		.class_code = 0x068000,
		.revision = 3,
	};
	struct pm *pm = (struct pm *)dev;
	int ret = pci_realize(&pm->pci, &id, err);

	if (ret < 0)
		return ret;
	init_config(pm);
	loop_timer_init(dev->vm->loop, &pm->timer, overflow_due, pm);
	pm->io = (struct region){
		.name = "pm", .size = PM_IO_SIZE, .ops = &io_ops, .opaque = pm
	};
	pm->gpe = (struct region){
		.name = "pm-gpe", .size = PM_GPE_SIZE, .ops = &gpe_ops, .opaque = pm
	};
	pm->smi = (struct region){
		.name = "pm-smi", .size = 2, .ops = &smi_ops, .opaque = pm
	};
	ret = mem_map(dev->vm->mem, MEM_PIO, &pm->gpe, PM_GPE_BASE);
	if (ret >= 0)
		ret = mem_map(dev->vm->mem, MEM_PIO, &pm->smi, PM_SMI_PORT);
	if (ret < 0)
		return err_sys(err, -ret, "cannot map the power management ports");
	place_block(pm);
	return 0;
}

static void pm_reset(struct device *dev)
{
	struct pm *pm = (struct pm *)dev;

	pci_reset(&pm->pci);
	place_block(pm);
	pm->status = pm->enable = pm->control = 0;
	for (unsigned i = 0; i < 2; i++)
		pm->gpe_status[i] = pm->gpe_enable[i] = pm->apm[i] = 0;
	pm->ticks = 0;
	pm->tick_offset = -host_ticks();
	pm->half = 0;
	catch_up(pm);
}

/* Stops the counter. */
static void pm_quiesce(struct device *dev)
{
	struct pm *pm = (struct pm *)dev;

	note_overflow(pm);
	pm->ticks = now_ticks(pm);
	pm->running = false;
	catch_up(pm);
}

static void pm_resume(struct device *dev)
{
	struct pm *pm = (struct pm *)dev;

	if (!pm->running)
		pm->tick_offset = pm->ticks - host_ticks();
	pm->running = true;
	catch_up(pm);
}

static void pm_unrealize(struct device *dev)
{
	struct pm *pm = (struct pm *)dev;

	loop_timer_disarm(&pm->timer);
	mem_unmap(&pm->io);
	mem_unmap(&pm->gpe);
	mem_unmap(&pm->smi);
	if (pm->level)
		irqchip_set(dev->vm->irqchip, PM_SCI, false);
	pci_unrealize(&pm->pci);
}

/* ---- state ---- */

static int pm_pre_save(void *obj, struct err *err)
{
	struct pm *pm = obj;

	(void)err;
	note_overflow(pm);
	pm->ticks = now_ticks(pm);
	return 0;
}

static int pm_validate(const void *obj, struct err *err)
{
	const struct pm *pm = obj;

	if (pm->ticks >> 62)
		return err_set(err, EINVAL, "ticks is beyond what a machine can count");
	return pci_device_state.validate(&pm->pci, err);
}

static int pm_post_load(void *obj, struct err *err)
{
	struct pm *pm = obj;

	(void)err;
	pci_post_load(&pm->pci);
	pm->status &= STATUS_MASK;
	pm->enable &= ENABLE_MASK;
	pm->control &= CONTROL_MASK;
	pm->tick_offset = pm->ticks - host_ticks();
	pm->half = pm->ticks >> half_shift(pm);
	place_block(pm);
	catch_up(pm);
	return 0;
}

static const struct state_field pm_fields[] = {
	STATE_STRUCT_F(struct pm, pci, &pci_device_state),
	STATE_U16_F(struct pm, status),
	STATE_U16_F(struct pm, enable),
	STATE_U16_F(struct pm, control),
	STATE_BYTES_F(struct pm, gpe_status),
	STATE_BYTES_F(struct pm, gpe_enable),
	STATE_BYTES_F(struct pm, apm),
	STATE_U64_F(struct pm, ticks),
	STATE_END_F,
};

static const struct state_desc pm_state = {
	.name = "PIIX4_PM",
	.version = 1,
	.fields = pm_fields,
	.pre_save = pm_pre_save,
	.validate = pm_validate,
	.post_load = pm_post_load,
};

static const struct opt_desc pm_props[] = {
	PCI_PROPS(struct pm, pci),
	{ .name = "timer32",
	  .type = OPT_BOOL,
	  .offset = offsetof(struct pm, timer32),
	  .def = "off",
	  .help = "the PM timer has 32 bits instead of 24" },
	{ .name = "acpi-root-pci-hotplug",
	  .type = OPT_BOOL,
	  .offset = offsetof(struct pm, hotplug),
	  .def = "on",
	  .help = "devices on the PCI bus may come and go" },
	{ .name = "disable_s3",
	  .type = OPT_U8,
	  .offset = offsetof(struct pm, no_s3),
	  .def = "1",
	  .help = "guests are not offered to sleep, whatever it says" },
	{ .name = "disable_s4",
	  .type = OPT_U8,
	  .offset = offsetof(struct pm, no_s4),
	  .def = "1",
	  .help = "the same" },
	{ .name = NULL },
};

const struct device_class pm_class = {
	.name = "PIIX4_PM",
	.bus = "pci",
	.help = "ACPI power management",
	.internal = true,
	.size = sizeof(struct pm),
	.props = pm_props,
	.state = &pm_state,
	.realize = pm_realize,
	.reset = pm_reset,
	.quiesce = pm_quiesce,
	.resume = pm_resume,
	.unrealize = pm_unrealize,
};
