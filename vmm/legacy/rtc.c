// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Real-time clock and CMOS memory (Motorola MC146818A data sheet; PC extensions: century
 * byte, memory sizes, NMI mask in bit 7 of port 0x70).
 *
 * The time is the host's UTC plus an offset; the time registers are computed when they
 * are read. While the guest stops the clock to set it (SET in register B, or the divider
 * held in reset), they live in cmos[]; when it goes on, their difference to the host's
 * time becomes the offset. Flags of register C are found out lazily: catch_up() notes
 * what happened since it ran last. A timer runs only while an enabled interrupt is not
 * pending yet, so an idle guest, or one that has not acknowledged, costs no wake-up.
 *
 * Like the battery-backed chip it keeps time, memory and modes over a reset; only the
 * interrupt enables and flags are cleared. All functions run under the machine lock.
 */
#include "vmm/legacy/rtc.h"

#include "common/bytes.h"
#include "common/cleanup.h"
#include "vmm/core/vm.h"
#include "vmm/kvm/irqchip.h"
#include "vmm/legacy/rtc-clock.h"
#include "vmm/loop/loop.h"
#include "vmm/mem/mem.h"

#include <errno.h>
#include <time.h>

#define RTC_PORT     0x70
#define RTC_IRQ      8
#define SECOND_NS    1000000000u
#define UIP_NS       244000u /* "update in progress" before the second changes */
#define CRYSTAL_HZ   32768u
#define OFFSET_LIMIT (1ll << 40) /* seconds; what registers can say is far below */

enum rtc_reg {
	REG_SECOND = 0,
	REG_SECOND_ALARM = 1,
	REG_MINUTE = 2,
	REG_MINUTE_ALARM = 3,
	REG_HOUR = 4,
	REG_HOUR_ALARM = 5,
	REG_WEEKDAY = 6,
	REG_DAY = 7,
	REG_MONTH = 8,
	REG_YEAR = 9,
	REG_A = 10,
	REG_B = 11,
	REG_C = 12,
	REG_D = 13,
};

enum {
	A_UIP = 0x80,
	A_DIVIDER_STOP = 0x60, /* both bits: the divider is held in reset */
	A_RATE = 0x0f,
	A_DEFAULT = 0x26, /* 32768 Hz, 1024 periodic interrupts a second */

	B_SET = 0x80,
	B_PIE = 0x40,
	B_AIE = 0x20,
	B_UIE = 0x10,
	B_SQWE = 0x08,
	B_BINARY = 0x04,
	B_24H = 0x02,

	C_IRQF = 0x80,
	C_PF = 0x40, /* the flags have the bits of their enables in B */
	C_AF = 0x20,
	C_UF = 0x10,
	C_FLAGS = 0x70,

	D_VALID = 0x80,
};

struct rtc {
	struct device dev;
	uint8_t cmos[RTC_CMOS_SIZE];
	uint8_t index;
	bool nmi_masked;
	uint64_t offset;        /* guest minus host seconds, two's complement */
	uint32_t phase;         /* and nanoseconds, below one second */
	uint8_t weekday_offset; /* the weekday counts on its own: 0 to 6 days ahead */
	int64_t base;           /* of -rtc, in seconds before the host's UTC */
	/* derived */
	int64_t seen_second; /* update and alarm are noted up to here */
	uint64_t seen_period;
	bool level, running;
	struct loop_timer timer;
	struct region region;
};

struct rtc_now {
	int64_t second;
	uint32_t ns;
};

/* ---- time ---- */

static struct rtc_now guest_now(const struct rtc *rtc)
{
	struct timespec ts;
	struct rtc_now now;

	clock_gettime(CLOCK_REALTIME, &ts);
	now.second = ts.tv_sec + (int64_t)rtc->offset;
	now.ns = ts.tv_nsec + rtc->phase;
	if (now.ns >= SECOND_NS) {
		now.ns -= SECOND_NS;
		now.second++;
	}
	return now;
}

static void set_guest_now(struct rtc *rtc, struct rtc_now now)
{
	struct timespec ts;
	int64_t ns;

	clock_gettime(CLOCK_REALTIME, &ts);
	ns = (int64_t)now.ns - ts.tv_nsec;
	rtc->offset = now.second - ts.tv_sec - (ns < 0);
	rtc->phase = ns < 0 ? ns + SECOND_NS : ns;
	rtc->seen_second = now.second;
}

static struct rtc_format format(const struct rtc *rtc)
{
	return (struct rtc_format){
		.binary = rtc->cmos[REG_B] & B_BINARY,
		.h24 = rtc->cmos[REG_B] & B_24H,
	};
}

static bool divider_stopped(const struct rtc *rtc)
{
	return (rtc->cmos[REG_A] & A_DIVIDER_STOP) == A_DIVIDER_STOP;
}

static bool frozen(const struct rtc *rtc)
{
	return rtc->cmos[REG_B] & B_SET || divider_stopped(rtc);
}

static bool is_time_reg(unsigned index)
{
	return index == REG_SECOND || index == REG_MINUTE || index == REG_HOUR ||
	       (index >= REG_WEEKDAY && index <= REG_YEAR) || index == RTC_CMOS_CENTURY;
}

/* Puts the current time into the registers. */
static void store_time(struct rtc *rtc)
{
	struct rtc_format f = format(rtc);
	struct rtc_time t;
	int year; /* four digits, also of a year before 0 */

	rtc_time_from_seconds(guest_now(rtc).second, &t);
	year = (int)((t.year % 10000 + 10000) % 10000);
	rtc->cmos[REG_SECOND] = rtc_encode(f, t.second);
	rtc->cmos[REG_MINUTE] = rtc_encode(f, t.minute);
	rtc->cmos[REG_HOUR] = rtc_encode_hour(f, t.hour);
	rtc->cmos[REG_WEEKDAY] =
		rtc_encode(f, (t.weekday - 1 + rtc->weekday_offset) % 7 + 1);
	rtc->cmos[REG_DAY] = rtc_encode(f, t.day);
	rtc->cmos[REG_MONTH] = rtc_encode(f, t.month);
	rtc->cmos[REG_YEAR] = rtc_encode(f, year % 100);
	rtc->cmos[RTC_CMOS_CENTURY] = rtc_encode(f, year / 100);
}

/* The guest has set its clock. */
static void tell_change(struct rtc *rtc)
{
	const struct vm_event_field fields[] = {
		{ "offset", VM_EVENT_INT, .num = (int64_t)rtc->offset - rtc->base },
		{ "qom-path", VM_EVENT_STR, .str = rtc->dev.path },
		{ .name = NULL },
	};

	vm_emit(rtc->dev.vm, "RTC_CHANGE", fields);
}

/* Makes the registers the current time, `ns` into that second. */
static void take_time(struct rtc *rtc, uint32_t ns)
{
	struct rtc_format f = format(rtc);
	int weekday = rtc_decode(f, rtc->cmos[REG_WEEKDAY]);
	struct rtc_time t = {
		.year = rtc_decode(f, rtc->cmos[RTC_CMOS_CENTURY]) * 100 +
		        rtc_decode(f, rtc->cmos[REG_YEAR]),
		.month = rtc_decode(f, rtc->cmos[REG_MONTH]),
		.day = rtc_decode(f, rtc->cmos[REG_DAY]),
		.hour = rtc_decode_hour(f, rtc->cmos[REG_HOUR]),
		.minute = rtc_decode(f, rtc->cmos[REG_MINUTE]),
		.second = rtc_decode(f, rtc->cmos[REG_SECOND]),
	};
	struct rtc_now now = { rtc_time_to_seconds(&t), ns };

	set_guest_now(rtc, now);
	rtc_time_from_seconds(now.second, &t);
	rtc->weekday_offset = (weekday + 7 - t.weekday % 7) % 7;
	tell_change(rtc);
}

static void clear_time(struct rtc *rtc)
{
	for (unsigned i = 0; i < RTC_CMOS_SIZE; i++)
		if (is_time_reg(i))
			rtc->cmos[i] = 0;
}

/* ---- interrupts ---- */

/* Periods are 2^shift ticks of the crystal; -1: none (rate 0). Rates 1 and 2 are slower
 * than 3 with this crystal (data sheet, table 5). */
static int period_shift(const struct rtc *rtc)
{
	int rate = rtc->cmos[REG_A] & A_RATE;

	if (!rate || divider_stopped(rtc))
		return -1;
	return rate < 3 ? rate + 6 : rate - 1;
}

static uint64_t current_period(const struct rtc *rtc)
{
	int shift = period_shift(rtc);
	unsigned __int128 ticks = (unsigned __int128)loop_now() * CRYSTAL_HZ;

	return shift < 0 ? 0 : (uint64_t)(ticks / SECOND_NS) >> shift;
}

static int64_t next_alarm(const struct rtc *rtc)
{
	struct rtc_alarm alarm = {
		.second = rtc->cmos[REG_SECOND_ALARM],
		.minute = rtc->cmos[REG_MINUTE_ALARM],
		.hour = rtc->cmos[REG_HOUR_ALARM],
	};

	return rtc_next_alarm(format(rtc), &alarm, rtc->seen_second);
}

/* Sets the flags of what happened since the last call. */
static void note_events(struct rtc *rtc)
{
	uint64_t period = current_period(rtc);
	int64_t second = guest_now(rtc).second;

	if (period > rtc->seen_period)
		rtc->cmos[REG_C] |= C_PF;
	rtc->seen_period = period;
	if (!frozen(rtc) && second > rtc->seen_second) {
		rtc->cmos[REG_C] |= C_UF;
		if (next_alarm(rtc) <= second)
			rtc->cmos[REG_C] |= C_AF;
	}
	rtc->seen_second = second;
}

static void update_irq(struct rtc *rtc)
{
	bool level = rtc->cmos[REG_C] & rtc->cmos[REG_B] & C_FLAGS;

	if (level)
		rtc->cmos[REG_C] |= C_IRQF;
	else
		rtc->cmos[REG_C] &= ~C_IRQF;
	if (level == rtc->level)
		return;
	rtc->level = level;
	irqchip_set(rtc->dev.vm->irqchip, RTC_IRQ, level);
}

static uint64_t min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* When the next enabled event is due, monotonic ns; UINT64_MAX: never. */
static uint64_t next_event(const struct rtc *rtc)
{
	uint8_t enabled = rtc->cmos[REG_B] & C_FLAGS;
	struct rtc_now now = guest_now(rtc);
	uint64_t mono = loop_now(), next = UINT64_MAX;
	int shift = period_shift(rtc);

	if (enabled & B_PIE && shift >= 0) {
		unsigned __int128 ticks = (rtc->seen_period + 1) << shift;

		next = (ticks * SECOND_NS + CRYSTAL_HZ - 1) / CRYSTAL_HZ;
	}
	if (frozen(rtc))
		return next;
	if (enabled & B_UIE)
		next = min_u64(next, mono + SECOND_NS - now.ns);
	if (enabled & B_AIE) {
		int64_t alarm = next_alarm(rtc);

		/* Never: and a clock before 1970 is a negative number. */
		if (alarm == INT64_MAX)
			return next;
		next = min_u64(next, alarm <= now.second
		                             ? mono
		                             : mono + (alarm - now.second) * SECOND_NS -
		                                       now.ns);
	}
	return next;
}

/* Brings flags, line and timer up to date. */
static void catch_up(struct rtc *rtc)
{
	uint64_t next;

	note_events(rtc);
	update_irq(rtc);
	/* While the line is high another event changes nothing. */
	next = rtc->running && !rtc->level ? next_event(rtc) : UINT64_MAX;
	if (next == UINT64_MAX)
		loop_timer_disarm(&rtc->timer);
	else
		loop_timer_arm(&rtc->timer, next);
}

static void event_due(void *opaque)
{
	catch_up(opaque);
}

/* ---- registers ---- */

static uint8_t read_a(const struct rtc *rtc)
{
	bool updating = !frozen(rtc) && guest_now(rtc).ns >= SECOND_NS - UIP_NS;

	return rtc->cmos[REG_A] | (updating ? A_UIP : 0);
}

static uint8_t read_c(struct rtc *rtc)
{
	uint8_t c;

	note_events(rtc);
	update_irq(rtc);
	c = rtc->cmos[REG_C];
	rtc->cmos[REG_C] = 0;
	/* What happens from now on is an edge of its own, even if it has happened by the
	 * time it is looked for. */
	update_irq(rtc);
	catch_up(rtc);
	return c;
}

static uint8_t read_reg(struct rtc *rtc)
{
	if (rtc->index == REG_A)
		return read_a(rtc);
	if (rtc->index == REG_C)
		return read_c(rtc);
	if (is_time_reg(rtc->index) && !frozen(rtc)) {
		uint8_t value;

		store_time(rtc);
		value = rtc->cmos[rtc->index];
		clear_time(rtc);
		return value;
	}
	return rtc->cmos[rtc->index];
}

/* Registers A and B may stop the clock or let it go on. */
static void write_control(struct rtc *rtc, unsigned reg, uint8_t value)
{
	bool was_frozen = frozen(rtc), was_stopped = divider_stopped(rtc);
	uint8_t old = rtc->cmos[reg];

	note_events(rtc);
	rtc->cmos[reg] = value;
	if (!was_frozen && frozen(rtc)) {
		/* In the format that was in force while the clock ran. */
		rtc->cmos[reg] = old;
		store_time(rtc);
		rtc->cmos[reg] = value;
	} else if (was_frozen && !frozen(rtc)) {
		/* Half a second after the divider starts the first update is due. */
		take_time(rtc, was_stopped ? SECOND_NS / 2 : guest_now(rtc).ns);
		clear_time(rtc);
	}
	rtc->seen_period = current_period(rtc);
	catch_up(rtc);
}

static void write_time(struct rtc *rtc, uint8_t value)
{
	if (frozen(rtc)) {
		rtc->cmos[rtc->index] = value;
		return;
	}
	note_events(rtc);
	store_time(rtc);
	rtc->cmos[rtc->index] = value;
	take_time(rtc, guest_now(rtc).ns);
	clear_time(rtc);
	catch_up(rtc);
}

static void write_reg(struct rtc *rtc, uint8_t value)
{
	switch (rtc->index) {
	case REG_A:
		write_control(rtc, REG_A, value & ~A_UIP);
		return;
	case REG_B:
		/* SET clears the update interrupt's enable. */
		write_control(rtc, REG_B, value & B_SET ? value & ~B_UIE : value);
		return;
	case REG_C:
	case REG_D:
		return;
	case REG_SECOND_ALARM:
	case REG_MINUTE_ALARM:
	case REG_HOUR_ALARM:
		note_events(rtc);
		rtc->cmos[rtc->index] = value;
		catch_up(rtc);
		return;
	}
	if (is_time_reg(rtc->index))
		write_time(rtc, value);
	else
		rtc->cmos[rtc->index] = value;
}

static uint64_t rtc_read(void *opaque, uint64_t offset, unsigned size)
{
	(void)size;
	/* The index cannot be read back. */
	return offset ? read_reg(opaque) : 0xff;
}

static void rtc_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
	struct rtc *rtc = opaque;

	(void)size;
	if (offset) {
		write_reg(rtc, value);
		return;
	}
	rtc->index = value & 0x7f;
	rtc->nmi_masked = value & 0x80;
}

static const struct region_ops rtc_ops = {
	.read = rtc_read,
	.write = rtc_write,
	.max_size = 1,
};

/* ---- for the board ---- */

void rtc_set_cmos(struct device *dev, unsigned index, uint8_t value)
{
	struct rtc *rtc = (struct rtc *)dev;

	if (index > REG_D && index < RTC_CMOS_SIZE && index != RTC_CMOS_CENTURY)
		rtc->cmos[index] = value;
}

static void set_cmos16(struct device *dev, unsigned index, uint64_t value)
{
	uint16_t v = value < 0xffff ? value : 0xffff;

	rtc_set_cmos(dev, index, v);
	rtc_set_cmos(dev, index + 1, v >> 8);
}

void rtc_set_memory(struct device *dev, uint64_t below_4g, uint64_t above_4g)
{
	const uint64_t mib = 1 << 20;
	uint64_t units = above_4g >> 16;

	set_cmos16(dev, RTC_CMOS_BASE_MEMORY,
	           below_4g < 640 << 10 ? below_4g >> 10 : 640);
	set_cmos16(dev, RTC_CMOS_EXT_MEMORY, below_4g > mib ? (below_4g - mib) >> 10 : 0);
	set_cmos16(dev, RTC_CMOS_EXT_MEMORY2,
	           below_4g > mib ? (below_4g - mib) >> 10 : 0);
	set_cmos16(dev, RTC_CMOS_HIGH_MEMORY,
	           below_4g > 16 * mib ? (below_4g - 16 * mib) >> 16 : 0);
	for (unsigned i = 0; i < 3; i++)
		rtc_set_cmos(dev, RTC_CMOS_4G_MEMORY + i, units >> (8 * i));
}

/* ---- life ---- */

static int rtc_realize(struct device *dev, struct err *err)
{
	struct rtc *rtc = (struct rtc *)dev;
	int ret;

	loop_timer_init(dev->vm->loop, &rtc->timer, event_due, rtc);
	rtc->cmos[REG_A] = A_DEFAULT;
	rtc->cmos[REG_B] = B_24H;
	rtc->cmos[REG_D] = D_VALID;
	rtc->seen_second = guest_now(rtc).second;
	rtc->seen_period = current_period(rtc);
	device_set_path(dev, "isa/mc146818rtc");
	rtc->region = (struct region){
		.name = "rtc",
		.size = 2,
		.ops = &rtc_ops,
		.opaque = rtc,
	};
	ret = mem_map(dev->vm->mem, MEM_PIO, &rtc->region, RTC_PORT);
	return ret < 0 ? err_sys(err, -ret, "cannot map ports 0x%x", RTC_PORT) : 0;
}

static void rtc_reset(struct device *dev)
{
	struct rtc *rtc = (struct rtc *)dev;

	note_events(rtc);
	rtc->cmos[REG_B] &= ~(B_PIE | B_AIE | B_UIE | B_SQWE);
	rtc->cmos[REG_C] = 0;
	rtc->index = 0;
	rtc->nmi_masked = false;
	catch_up(rtc);
}

static void rtc_quiesce(struct device *dev)
{
	struct rtc *rtc = (struct rtc *)dev;

	rtc->running = false;
	catch_up(rtc);
}

static void rtc_resume(struct device *dev)
{
	struct rtc *rtc = (struct rtc *)dev;

	rtc->running = true;
	catch_up(rtc);
}

void rtc_set_base(struct device *dev, int64_t seconds)
{
	struct rtc *rtc = (struct rtc *)dev;

	rtc->base = seconds;
	rtc->offset += seconds;
	rtc->seen_second = guest_now(rtc).second;
}

static void rtc_unrealize(struct device *dev)
{
	struct rtc *rtc = (struct rtc *)dev;

	loop_timer_disarm(&rtc->timer);
	mem_unmap(&rtc->region);
	if (rtc->level)
		irqchip_set(dev->vm->irqchip, RTC_IRQ, false);
}

/* ---- state ---- */

static int rtc_pre_save(void *obj, struct err *err)
{
	(void)err;
	catch_up(obj);
	return 0;
}

static int rtc_validate(const void *obj, struct err *err)
{
	const struct rtc *rtc = obj;
	int64_t offset = rtc->offset;

	if (rtc->index >= RTC_CMOS_SIZE)
		return err_set(err, EINVAL, "index is %u, at most 127 exist", rtc->index);
	if (rtc->phase >= SECOND_NS || rtc->weekday_offset > 6)
		return err_set(err, EINVAL, "phase or weekday_offset is out of range");
	if (offset > OFFSET_LIMIT || offset < -OFFSET_LIMIT)
		return err_set(err, EINVAL, "offset is beyond the calendar");
	return 0;
}

static int rtc_post_load(void *obj, struct err *err)
{
	struct rtc *rtc = obj;

	(void)err;
	rtc->seen_second = guest_now(rtc).second;
	rtc->seen_period = current_period(rtc);
	catch_up(rtc);
	return 0;
}

static const struct state_field rtc_fields[] = {
	STATE_BYTES_F(struct rtc, cmos),
	STATE_U8_F(struct rtc, index),
	STATE_BOOL_F(struct rtc, nmi_masked),
	STATE_U64_F(struct rtc, offset),
	STATE_U32_F(struct rtc, phase),
	STATE_U8_F(struct rtc, weekday_offset),
	STATE_END_F,
};

static const struct state_desc rtc_state = {
	.name = "mc146818rtc",
	.version = 1,
	.fields = rtc_fields,
	.pre_save = rtc_pre_save,
	.validate = rtc_validate,
	.post_load = rtc_post_load,
};

const struct device_class rtc_class = {
	.name = "mc146818rtc",
	.bus = "isa",
	.help = "real-time clock and CMOS memory",
	.internal = true,
	.size = sizeof(struct rtc),
	.state = &rtc_state,
	.realize = rtc_realize,
	.reset = rtc_reset,
	.quiesce = rtc_quiesce,
	.resume = rtc_resume,
	.unrealize = rtc_unrealize,
};
