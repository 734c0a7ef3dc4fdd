/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bytes as a person reads them. */
#ifndef TUNE_SIZE_H
#define TUNE_SIZE_H

#include <stdint.h>
#include <stdio.h>

#define SIZE_TEXT 24

/* "512 B", "4.0 KiB", "1.5 GiB". */
static inline void size_text(uint64_t bytes, char buf[SIZE_TEXT])
{
	static const char units[] = "KMGTPE";
	unsigned unit = 0;
	uint64_t tenths;

	if (bytes < 1024) {
		snprintf(buf, SIZE_TEXT, "%u B", (unsigned)bytes);
		return;
	}
	for (; bytes >> 20; unit++)
		bytes >>= 10;
	tenths = bytes * 10 / 1024;
	snprintf(buf, SIZE_TEXT, "%u.%u %ciB", (unsigned)(tenths / 10),
	         (unsigned)(tenths % 10), units[unit]);
}

#endif
