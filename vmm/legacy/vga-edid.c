// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The monitor's self-description: one block of VESA E-EDID release A revision 2 (version
 * 1.4), with a detailed timing by the reduced blanking of VESA CVT 1.2. Pure.
 */
#include "vmm/legacy/vga-core.h"

#include "common/bytes.h"

#define H_BLANK    160 /* reduced blanking */
#define H_FRONT    48
#define H_SYNC     32
#define V_BLANK    30
#define V_FRONT    3
#define V_SYNC     6
#define MM(pixels) ((pixels)*254 / 1000) /* at 100 dots an inch */

static void add_timing(uint8_t *d, unsigned w, unsigned h)
{
	unsigned mm_w = MM(w), mm_h = MM(h);

	st16(d, (w + H_BLANK) * (h + V_BLANK) * 60 / 10000);
	d[2] = w;
	d[3] = H_BLANK;
	d[4] = w >> 8 << 4;
	d[5] = h;
	d[6] = V_BLANK;
	d[7] = h >> 8 << 4;
	d[8] = H_FRONT;
	d[9] = H_SYNC;
	d[10] = V_FRONT << 4 | V_SYNC;
	d[12] = mm_w;
	d[13] = mm_h;
	d[14] = mm_w >> 8 << 4 | mm_h >> 8;
	d[17] = 0x1a; /* digital separate sync, + horizontal */
}

static void add_text(uint8_t *d, uint8_t tag, const char *text)
{
	size_t len = strlen(text);

	d[3] = tag;
	memset(d + 5, ' ', 13);
	memcpy(d + 5, text, len);
	if (len < 13)
		d[5 + len] = '\n';
}

void vga_edid_fill(uint8_t e[128], unsigned width, unsigned height)
{
	static const uint8_t header[] = { 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0 };
	/* 640x480, 800x600 and 1024x768, at 60 Hz */
	static const uint8_t established[] = { 0x21, 0x08, 0 };
	/* 1280x1024, 1600x1200, 1920x1080, 1280x800: width / 8 - 31, aspect, 60 Hz */
	static const uint8_t standard[] = {
		0x81, 0x80, 0xa9, 0x40, 0xd1, 0xc0, 0x81, 0x00
	};
	static const uint8_t limits[] = { 50, 125, 30, 160, 60 }; /* V, H, 600 MHz */
	uint8_t sum = 0;

	memset(e, 0, 128);
	memcpy(e, header, sizeof(header));
	e[8] = 0x2d; /* "KVM" in five-bit letters, high byte first */
	e[9] = 0xcd;
	st16(e + 10, 0x1234);
	e[17] = 2024 - 1990;
	e[18] = 1;
	e[19] = 4;
	e[20] = 0xa5; /* digital, 8 bits, DisplayPort */
	e[21] = MM(width) / 10;
	e[22] = MM(height) / 10;
	e[23] = 120;  /* gamma 2.2 */
	e[24] = 0x06; /* sRGB, the first timing is preferred */
	/* chromaticity of sRGB */
	memcpy(e + 25,
	       (uint8_t[]){ 0xee, 0x91, 0xa3, 0x54, 0x4c, 0x99, 0x26, 0x0f, 0x50, 0x54 },
	       10);
	memcpy(e + 35, established, sizeof(established));
	memset(e + 38, 0x01, 16);
	memcpy(e + 38, standard, sizeof(standard));
	add_timing(e + 54, width, height);
	add_text(e + 72, 0xfc, "kvmkit");
	e[93] = 0xfd;
	memcpy(e + 95, limits, sizeof(limits));
	e[100] = 0x01; /* no formula */
	e[101] = '\n';
	memset(e + 102, ' ', 6);
	add_text(e + 108, 0xff, "0");
	for (unsigned i = 0; i < 127; i++)
		sum += e[i];
	e[127] = -sum;
}
