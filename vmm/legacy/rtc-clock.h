/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Calendar arithmetic of the real-time clock: seconds to registers and back. Pure. */
#ifndef VMM_LEGACY_RTC_CLOCK_H
#define VMM_LEGACY_RTC_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

/* How the registers hold numbers (register B, bits 2 and 1). */
struct rtc_format {
	bool binary; /* else BCD */
	bool h24;    /* else 1 to 12 with bit 7 for the afternoon */
};

struct rtc_time {
	int year; /* with the century */
	int month, day, hour, minute, second;
	int weekday; /* 1 = Sunday, as the calendar has it */
};

/* Seconds since 1970, UTC; any value, also from hostile registers. */
void rtc_time_from_seconds(int64_t seconds, struct rtc_time *t);
/* Fields out of their range carry over (month 14 is February of the next year). */
int64_t rtc_time_to_seconds(const struct rtc_time *t);

uint8_t rtc_encode(struct rtc_format format, int value);
int rtc_decode(struct rtc_format format, uint8_t reg);
uint8_t rtc_encode_hour(struct rtc_format format, int hour);
int rtc_decode_hour(struct rtc_format format, uint8_t reg);

/* An alarm: registers as the guest wrote them; 0xc0 and above match anything. */
struct rtc_alarm {
	uint8_t second, minute, hour;
};

/* The first second after `after` that the alarm matches, or INT64_MAX if none ever does.
 */
int64_t rtc_next_alarm(struct rtc_format format, const struct rtc_alarm *alarm,
                       int64_t after);

#endif
