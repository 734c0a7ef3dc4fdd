// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Calendar arithmetic of the real-time clock (Gregorian, no leap seconds).
 *
 * Register values come from the guest: nothing here traps or loops long on nonsense.
 * Years are counted in eras of 400 from March, so that the leap day is the last of a year
 * and needs no table.
 */
#include "vmm/legacy/rtc-clock.h"

#define DAY_SECONDS  86400
#define ERA_DAYS     146097 /* 400 years */
#define UNIX_TO_ERA0 719468 /* days from 0000-03-01 to 1970-01-01 */

static int64_t floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

static int64_t days_from_date(int64_t year, int month, int day)
{
	int64_t era;
	int year_of_era, day_of_year;

	year += floor_div(month - 1, 12);
	month = month - 1 - 12 * floor_div(month - 1, 12); /* 0 is January */
	year -= month < 2;
	era = floor_div(year, 400);
	year_of_era = year - era * 400;
	day_of_year = (153 * ((month + 10) % 12) + 2) / 5 + day - 1;
	return era * ERA_DAYS + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 +
	       day_of_year - UNIX_TO_ERA0;
}

int64_t rtc_time_to_seconds(const struct rtc_time *t)
{
	return days_from_date(t->year, t->month, t->day) * DAY_SECONDS + t->hour * 3600 +
	       t->minute * 60 + t->second;
}

void rtc_time_from_seconds(int64_t seconds, struct rtc_time *t)
{
	int64_t days = floor_div(seconds, DAY_SECONDS);
	int rest = seconds - days * DAY_SECONDS;
	int64_t since = days + UNIX_TO_ERA0, era = floor_div(since, ERA_DAYS);
	int day_of_era = since - era * ERA_DAYS;
	int year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 -
	                   day_of_era / (ERA_DAYS - 1)) /
	                  365;
	int day_of_year =
		day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	int month = (5 * day_of_year + 2) / 153; /* 0 is March */

	t->day = day_of_year - (153 * month + 2) / 5 + 1;
	t->month = month < 10 ? month + 3 : month - 9;
	t->year = era * 400 + year_of_era + (t->month <= 2);
	t->hour = rest / 3600;
	t->minute = rest / 60 % 60;
	t->second = rest % 60;
	/* 1970-01-01 was a Thursday. */
	t->weekday = (int)(days + 4 - 7 * floor_div(days + 4, 7)) + 1;
}

uint8_t rtc_encode(struct rtc_format format, int value)
{
	return format.binary ? value : value / 10 % 10 << 4 | value % 10;
}

int rtc_decode(struct rtc_format format, uint8_t reg)
{
	return format.binary ? reg : (reg >> 4) * 10 + (reg & 15);
}

uint8_t rtc_encode_hour(struct rtc_format format, int hour)
{
	if (format.h24)
		return rtc_encode(format, hour);
	return rtc_encode(format, hour % 12 ? hour % 12 : 12) | (hour >= 12 ? 0x80 : 0);
}

int rtc_decode_hour(struct rtc_format format, uint8_t reg)
{
	if (format.h24)
		return rtc_decode(format, reg);
	return rtc_decode(format, reg & 0x7f) % 12 + (reg & 0x80 ? 12 : 0);
}

static bool dont_care(uint8_t reg)
{
	return reg >= 0xc0;
}

int64_t rtc_next_alarm(struct rtc_format format, const struct rtc_alarm *alarm,
                       int64_t after)
{
	int64_t t = after + 1, end = t + 2 * DAY_SECONDS;
	int hour = rtc_decode_hour(format, alarm->hour);
	int minute = rtc_decode(format, alarm->minute);
	int second = rtc_decode(format, alarm->second);

	/* At most 48 hours, 60 minutes and 60 seconds are skipped. */
	while (t < end) {
		struct rtc_time now;

		rtc_time_from_seconds(t, &now);
		if (!dont_care(alarm->hour) && now.hour != hour)
			t += 3600 - now.minute * 60 - now.second;
		else if (!dont_care(alarm->minute) && now.minute != minute)
			t += 60 - now.second;
		else if (!dont_care(alarm->second) && now.second != second)
			t++;
		else
			return t;
	}
	return INT64_MAX;
}
