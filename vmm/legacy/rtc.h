/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The class "mc146818rtc": real-time clock and CMOS memory at ports 0x70 and 0x71. */
#ifndef VMM_LEGACY_RTC_H
#define VMM_LEGACY_RTC_H

#include "vmm/core/device.h"

#define RTC_CMOS_SIZE 128

/* Bytes of the CMOS memory with a meaning of their own on a PC. */
enum rtc_cmos {
	RTC_CMOS_SHUTDOWN = 0x0f,
	RTC_CMOS_BASE_MEMORY = 0x15, /* KiB below 640k, 16 bits */
	RTC_CMOS_EXT_MEMORY = 0x17,  /* KiB above 1 MiB, at most 65535; again at 0x30 */
	RTC_CMOS_EXT_MEMORY2 = 0x30,
	RTC_CMOS_CENTURY = 0x32,
	RTC_CMOS_HIGH_MEMORY = 0x34, /* 64 KiB units above 16 MiB, 16 bits */
	RTC_CMOS_4G_MEMORY = 0x5b,   /* 64 KiB units above 4 GiB, 24 bits */
};

extern const struct device_class rtc_class;

/* Writes one byte of CMOS memory (index 0x0e to 0x7f); reset keeps it. */
void rtc_set_cmos(struct device *rtc, unsigned index, uint8_t value);
/* The guest's clock starts so many seconds ahead of UTC; what the guest sets is told
 * relative to that. Before the guest runs. */
void rtc_set_base(struct device *rtc, int64_t seconds);
/* Tells firmware the RAM below and above 4 GiB, in bytes. */
void rtc_set_memory(struct device *rtc, uint64_t below_4g, uint64_t above_4g);

#endif
