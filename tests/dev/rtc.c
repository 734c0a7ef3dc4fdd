// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The real-time clock through ports 0x70 and 0x71, against the MC146818A data sheet and,
 * for the calendar, against the C library.
 */
#include "vmm/legacy/rtc.h"
#include "tests/dev/clock-lib.h"
#include "tests/dev/legacy-lib.h"
#include "tests/tap.h"
#include "vmm/legacy/rtc-clock.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define IRQ 8

static uint8_t get(struct board *b, uint8_t index)
{
	outb(b, 0x70, index);
	return inb(b, 0x71);
}

static void set(struct board *b, uint8_t index, uint8_t value)
{
	outb(b, 0x70, index);
	outb(b, 0x71, value);
}

static bool irq_is_high(void *opaque)
{
	return board_irq(opaque, IRQ);
}

/* ---- the calendar ---- */

static void test_calendar(void)
{
	const int64_t samples[] = { 0,           951782399,   951782400,  1709164800,
		                    4107542400,  4102444799,  -1,         -86401,
		                    -2203891200, 13569465600, 1735689599, 68169600 };
	struct rtc_time odd = { .year = 2023, .month = 14, .day = 31, .hour = 25 };
	unsigned wrong = 0;

	for (unsigned i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		struct rtc_time t;
		struct tm tm;
		time_t s = samples[i];

		rtc_time_from_seconds(samples[i], &t);
		gmtime_r(&s, &tm);
		wrong += t.year != tm.tm_year + 1900 || t.month != tm.tm_mon + 1 ||
		         t.day != tm.tm_mday || t.hour != tm.tm_hour ||
		         t.minute != tm.tm_min || t.second != tm.tm_sec ||
		         t.weekday != tm.tm_wday + 1 ||
		         rtc_time_to_seconds(&t) != samples[i];
	}
	for (int64_t day = -150000; day < 150000; day += 7) {
		struct rtc_time t;
		struct tm tm;
		time_t s = day * 86400 + 3661;

		rtc_time_from_seconds(s, &t);
		gmtime_r(&s, &tm);
		wrong += t.year != tm.tm_year + 1900 || t.month != tm.tm_mon + 1 ||
		         t.day != tm.tm_mday || t.weekday != tm.tm_wday + 1 ||
		         rtc_time_to_seconds(&t) != s;
	}
	tap_eq(wrong, 0, "dates agree with the C library, there and back");
	/* 2023-14-31 25:00:00 is 2024-03-03 01:00:00 (February 2024 has 29 days). */
	tap_eq(rtc_time_to_seconds(&odd), 1709427600, "fields out of range carry over");
}

static void test_formats(void)
{
	const struct rtc_format bcd24 = { false, true }, bin12 = { true, false },
				bcd12 = { false, false };
	unsigned wrong = 0;

	tap_eq(rtc_encode(bcd24, 59), 0x59, "BCD");
	tap_eq(rtc_decode(bcd24, 0x59), 59, "BCD back");
	tap_eq(rtc_encode_hour(bcd12, 0), 0x12, "midnight is 12 AM");
	tap_eq(rtc_encode_hour(bcd12, 12), 0x92, "noon is 12 PM");
	tap_eq(rtc_encode_hour(bin12, 23), 0x8b, "11 PM");
	for (int h = 0; h < 24; h++)
		wrong += rtc_decode_hour(bcd12, rtc_encode_hour(bcd12, h)) != h ||
		         rtc_decode_hour(bin12, rtc_encode_hour(bin12, h)) != h ||
		         rtc_decode_hour(bcd24, rtc_encode_hour(bcd24, h)) != h;
	tap_eq(wrong, 0, "all hours there and back");
}

static void test_alarm_search(void)
{
	const struct rtc_format f = { true, true };
	const struct rtc_alarm every = { 0xff, 0xff, 0xff }, noon = { 0, 0, 12 },
			       minute = { 0, 0xff, 0xff }, hour = { 30, 15, 0xc0 },
			       never = { 61, 0, 0 };

	tap_eq(rtc_next_alarm(f, &every, 1000), 1001, "don't care: every second");
	tap_eq(rtc_next_alarm(f, &noon, 0), 43200, "12:00:00 the same day");
	tap_eq(rtc_next_alarm(f, &noon, 43200), 43200 + 86400,
	       "and not now, but tomorrow");
	tap_eq(rtc_next_alarm(f, &minute, 59), 60, "every minute");
	tap_eq(rtc_next_alarm(f, &hour, 0), 930, "every hour at 15:30");
	tap_ok(rtc_next_alarm(f, &never, 0) == INT64_MAX, "second 61 never comes");
}

/* ---- the device ---- */

static int64_t guest_time(struct board *b)
{
	const struct rtc_format f = { get(b, 0xb) & 4, get(b, 0xb) & 2 };
	struct rtc_time t = {
		.year = rtc_decode(f, get(b, 0x32)) * 100 + rtc_decode(f, get(b, 9)),
		.month = rtc_decode(f, get(b, 8)),
		.day = rtc_decode(f, get(b, 7)),
		.hour = rtc_decode_hour(f, get(b, 4)),
		.minute = rtc_decode(f, get(b, 2)),
		.second = rtc_decode(f, get(b, 0)),
	};

	return rtc_time_to_seconds(&t);
}

/* Sets a time as Linux does: SET and the divider's reset around the writes. */
static void set_time(struct board *b, struct rtc_format f, const struct rtc_time *t)
{
	uint8_t a = get(b, 0xa), ctl = (f.binary ? 4 : 0) | (f.h24 ? 2 : 0);

	set(b, 0xb, 0x80 | ctl);
	set(b, 0xa, a | 0x70);
	set(b, 0, rtc_encode(f, t->second));
	set(b, 2, rtc_encode(f, t->minute));
	set(b, 4, rtc_encode_hour(f, t->hour));
	set(b, 6, rtc_encode(f, t->weekday));
	set(b, 7, rtc_encode(f, t->day));
	set(b, 8, rtc_encode(f, t->month));
	set(b, 9, rtc_encode(f, t->year % 100));
	set(b, 0x32, rtc_encode(f, t->year / 100));
	set(b, 0xb, ctl);
	set(b, 0xa, a);
}

static void test_registers(struct board *b)
{
	struct timespec now;

	tap_eq(get(b, 0xa) & 0x7f, 0x26, "register A: 32768 Hz, rate 6");
	tap_eq(get(b, 0xb), 0x02, "register B: 24 hours, BCD");
	tap_eq(get(b, 0xd), 0x80, "register D: valid");
	tap_eq(inb(b, 0x70), 0xff, "the index cannot be read");
	clock_gettime(CLOCK_REALTIME, &now);
	tap_eq(guest_time(b), now.tv_sec, "the time is the host's UTC");
	set(b, 0x80 | 0x40, 0x5a);
	tap_eq(get(b, 0x40), 0x5a, "bit 7 of the index is the NMI mask");
	set(b, 0x0d, 0);
	tap_eq(get(b, 0xd), 0x80, "register D is read-only");
	set(b, 0x0f, 0x0a);
	devices_reset(&b->vm);
	tap_eq(get(b, 0xf), 0x0a, "the shutdown byte survives a reset");
	tap_eq(get(b, 0x40), 0x5a, "and so does memory");
}

static void test_setting(struct board *b)
{
	const struct rtc_format formats[] = {
		{ false, true }, { false, false }, { true, true }, { true, false }
	};
	const struct rtc_time target = { .year = 1999,
		                         .month = 12,
		                         .day = 31,
		                         .hour = 23,
		                         .minute = 59,
		                         .second = 58,
		                         .weekday = 6 };

	for (unsigned i = 0; i < 4; i++) {
		set_time(b, formats[i], &target);
		tap_eq(guest_time(b), 946684798, "set and read, binary %d, 24h %d",
		       formats[i].binary, formats[i].h24);
		tap_eq(get(b, 6), 6, "it is a Friday");
	}
	set(b, 0xb, 0x06);
	set(b, 9, 24);
	set(b, 0x32, 20);
	tap_eq(get(b, 9), 24, "a field written while the clock runs");
	tap_eq(get(b, 0x32), 20, "the century too");
	set(b, 0xb, 0x86);
	set(b, 7, 99);
	set(b, 8, 255);
	set(b, 4, 255);
	tap_eq(get(b, 8), 255, "a stopped clock keeps what was written");
	set(b, 0xb, 0x06);
	tap_ok(get(b, 8) >= 1 && get(b, 8) <= 12, "nonsense becomes some date");
	set(b, 0xb, 0x02);
}

static void test_update_interrupt(struct board *b)
{
	const struct rtc_format f = { false, true };
	const struct rtc_time target = { .year = 2020,
		                         .month = 2,
		                         .day = 28,
		                         .hour = 23,
		                         .minute = 59,
		                         .second = 59,
		                         .weekday = 6 };
	uint64_t start;

	set_time(b, f, &target);
	start = loop_now();
	get(b, 0xc);
	tap_eq(board_wakeups(b, 50), 0, "no wake-up while no interrupt is enabled");
	set(b, 0xb, 0x12);
	tap_ok(board_until(b, irq_is_high, b, 2000), "update-ended interrupt");
	tap_eq(loop_now() - start, 500000000,
	       "half a second after the divider was started");
	tap_eq(guest_time(b), 1582934400, "and now it is a leap day");
	tap_eq(get(b, 6), 7, "a Saturday");
	tap_eq(board_wakeups(b, 1200), 0, "no wake-up before it is acknowledged");
	tap_eq(get(b, 0xc) & 0x90, 0x90, "register C: IRQF and UF");
	tap_ok(!board_irq(b, IRQ), "reading it lowers the line");
	tap_eq(get(b, 0xc) & 0x80, 0, "and clears the flags");
	tap_ok(board_until(b, irq_is_high, b, 1100), "the next second interrupts again");
	set(b, 0xb, 0x82);
	tap_eq(get(b, 0xb), 0x82, "SET clears the update interrupt's enable");
	tap_ok(!board_irq(b, IRQ), "and so the line falls");
	set(b, 0xb, 0x02);
	get(b, 0xc);
}

static void test_alarm(struct board *b)
{
	const struct rtc_format f = { false, true };
	const struct rtc_time target = { .year = 2021,
		                         .month = 6,
		                         .day = 30,
		                         .hour = 6,
		                         .minute = 59,
		                         .second = 59,
		                         .weekday = 4 };

	set(b, 1, 0x01);
	set(b, 3, 0x00);
	set(b, 5, 0x07);
	set_time(b, f, &target);
	get(b, 0xc);
	set(b, 0xb, 0x22);
	tap_eq(board_wakeups(b, 700), 0, "one wake-up for the alarm, none before");
	tap_ok(board_until(b, irq_is_high, b, 2000), "alarm interrupt");
	tap_eq(get(b, 0), 0x01, "at the second that was set");
	tap_eq(get(b, 0xc) & 0xb0, 0xb0, "register C: IRQF, AF and UF");
	set(b, 1, 0x3f);
	tap_eq(board_wakeups(b, 100), 0, "an impossible alarm arms nothing");
	set(b, 0xb, 0x02);
	/* Found out lazily, without an enable. */
	set(b, 1, 0xff);
	set(b, 3, 0xff);
	set(b, 5, 0xff);
	get(b, 0xc);
	board_wakeups(b, 1050);
	tap_eq(get(b, 0xc) & 0xb0, 0x30, "flags without enables do not interrupt");
}

static void test_periodic(struct board *b)
{
	unsigned count = 0;
	uint64_t end;

	set(b, 0xa, 0x26);
	get(b, 0xc);
	board_wakeups(b, 3);
	tap_eq(get(b, 0xc) & 0xc0, 0x40, "periodic flag without its enable");
	set(b, 0xb, 0x42);
	end = loop_now() + 200000000;
	while (loop_now() < end) {
		loop_run_once(b->vm.loop, 1);
		count += get(b, 0xc) >> 7;
	}
	tap_ok(count > 203 && count <= 206, "1024 Hz: %u interrupts in 0.2 s", count);
	tap_ok(board_until(b, irq_is_high, b, 100), "one more");
	tap_eq(board_wakeups(b, 50), 0, "no wake-up before it is acknowledged");
	set(b, 0xa, 0x20);
	get(b, 0xc);
	tap_eq(board_wakeups(b, 50), 0, "rate 0 is off");
	set(b, 0xa, 0x26);
	devices_quiesce(&b->vm);
	tap_ok(board_wakeups(b, 50) <= 1, "a stopped machine arms no timer");
	devices_resume(&b->vm);
	tap_ok(board_until(b, irq_is_high, b, 100), "and goes on");
	devices_reset(&b->vm);
	tap_ok(!board_irq(b, IRQ), "reset lowers the line");
	tap_eq(get(b, 0xb), 0x02, "and clears the enables");
}

/* The next period ends while register C is read: what was acknowledged and what comes
 * then are two edges, or an edge-triggered controller would wait for ever. The moment is
 * searched for. */
static void test_edges(struct board *b)
{
	enum { HZ = 8192, ROUNDS = 3000, SECOND = 1000000000 };
	unsigned first, acknowledged = 0, at_once = 0;

	test_clock_look(100);
	set(b, 0xa, 0x23);
	set(b, 0xb, 0x42);
	get(b, 0xc);
	get(b, 0xc);
	first = board_edges(b, IRQ) - board_irq(b, IRQ);
	for (unsigned i = 0; i < ROUNDS; i++) {
		uint64_t period = loop_now() / 1000 * HZ / (SECOND / 1000) + 2;
		uint64_t end = period * (SECOND / 1000) / HZ * 1000;

		while (loop_now() < end + 1000 - i % 2000)
			;
		acknowledged += get(b, 0xc) >> 7;
		at_once += board_irq(b, IRQ);
	}
	tap_eq(board_edges(b, IRQ) - first, acknowledged + board_irq(b, IRQ),
	       "each interrupt is an edge (%u came while the last one was read)",
	       at_once);
	tap_ok(at_once > 100, "and many did");
	test_clock_look(0);
	set(b, 0xb, 0x02);
	get(b, 0xc);
}

static void test_board_bytes(struct board *b, struct device *dev)
{
	rtc_set_memory(dev, 3ull << 30, 2ull << 30);
	tap_eq(get(b, 0x15) | get(b, 0x16) << 8, 640, "base memory, KiB");
	tap_eq(get(b, 0x30) | get(b, 0x31) << 8, 0xffff, "extended memory is capped");
	tap_eq(get(b, 0x34) | get(b, 0x35) << 8, (3072 - 16) * 16,
	       "above 16 MiB, 64 KiB");
	tap_eq(get(b, 0x5b) | get(b, 0x5c) << 8 | get(b, 0x5d) << 16, 2 << 14,
	       "above 4 GiB, 64 KiB");
	rtc_set_memory(dev, 32 << 20, 0);
	tap_eq(get(b, 0x17) | get(b, 0x18) << 8, 31 << 10, "32 MiB: extended memory");
	tap_eq(get(b, 0x34) | get(b, 0x35) << 8, 256, "32 MiB: above 16 MiB");
}

static void test_state(struct board *b, struct device *dev)
{
	const struct rtc_format f = { false, true };
	const struct rtc_time target = {
		.year = 2050, .month = 1, .day = 2, .weekday = 3
	};
	struct board c;
	struct device *copy;

	board_init(&c, false);
	copy = board_add(&c, &rtc_class, "");
	set_time(b, f, &target);
	set(b, 0xb, 0x42);
	board_until(b, irq_is_high, b, 100);
	tap_ok(board_copy_state(dev, copy), "save, load, compare");
	tap_ok(board_irq(&c, IRQ), "the copy's interrupt is pending");
	tap_eq(guest_time(&c), guest_time(b), "the copy keeps the offset");
	board_free(&c);
}

static void on_event(void *opaque, const char *name, const struct vm_event_field *fields)
{
	int64_t *offset = opaque;

	if (!strcmp(name, "RTC_CHANGE") && !strcmp(fields[0].name, "offset"))
		*offset = fields[0].num;
}

/* -rtc base=, and what the guest then sets. */
static void test_base(void)
{
	const struct rtc_format f = { false, true };
	struct rtc_time t;
	int64_t offset = 0, before;
	struct device *dev;
	struct board b;

	board_init(&b, false);
	dev = board_add(&b, &rtc_class, "");
	b.vm.on_event = on_event;
	b.vm.event_opaque = &offset;
	before = guest_time(&b);
	rtc_set_base(dev, 7200);
	tap_eq(guest_time(&b) - before, 7200, "the clock starts two hours ahead");
	tap_eq(offset, 0, "which is no event");
	rtc_time_from_seconds(before + 7200 + 86400, &t);
	set_time(&b, f, &t);
	tap_eq(offset, 86400, "RTC_CHANGE tells how far from that it is set");
	board_free(&b);
}

int main(void)
{
	struct board b;
	struct device *dev;

	test_calendar();
	test_formats();
	test_alarm_search();
	test_clock_start();
	board_init(&b, false);
	dev = board_add(&b, &rtc_class, "");
	test_registers(&b);
	test_setting(&b);
	test_update_interrupt(&b);
	test_alarm(&b);
	test_periodic(&b);
	test_edges(&b);
	test_board_bytes(&b, dev);
	test_state(&b, dev);
	board_free(&b);
	test_base();
	return tap_done();
}
