// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * PPM (Netpbm's raw format) and PNG (ISO/IEC 15948) without compression: the deflate
 * stream consists of stored blocks (RFC 1951, 3.2.4), so that no library is needed.
 * Main loop's thread.
 */
#include "vmm/display/picture.h"

#include "common/cleanup.h"

#include <errno.h>
#include <string.h>

const char *const picture_names[PICTURE_FORMATS] = { "ppm", "png" };

static void put_row(const struct surface *s, unsigned y, uint8_t *out)
{
	const uint32_t *pixel = s->pixels + (size_t)y * s->width;

	for (unsigned x = 0; x < s->width; x++) {
		*out++ = pixel[x] >> 16;
		*out++ = pixel[x] >> 8;
		*out++ = pixel[x];
	}
}

static void write_ppm(const struct surface *s, FILE *file)
{
	uint8_t row[3 * DISPLAY_MAX_WIDTH];

	fprintf(file, "P6\n%u %u\n255\n", s->width, s->height);
	for (unsigned y = 0; y < s->height; y++) {
		put_row(s, y, row);
		fwrite(row, 3, s->width, file);
	}
}

/* ---- PNG ---- */

static uint32_t crc32(uint32_t crc, const void *data, size_t len)
{
	static const uint32_t nibble[16] = {
		0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4,
		0x4db26158, 0x5005713c, 0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
		0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
	};

	for (const uint8_t *p = data; len; len--, p++) {
		crc ^= *p;
		crc = crc >> 4 ^ nibble[crc & 15];
		crc = crc >> 4 ^ nibble[crc & 15];
	}
	return crc;
}

struct chunk {
	FILE *file;
	uint32_t crc;
};

static void put(struct chunk *c, const void *data, size_t len)
{
	c->crc = crc32(c->crc, data, len);
	fwrite(data, 1, len, c->file);
}

static void put_be32(struct chunk *c, uint32_t v)
{
	put(c, (uint8_t[]){ v >> 24, v >> 16, v >> 8, v }, 4);
}

static void begin(struct chunk *c, const char *type, uint32_t len)
{
	put_be32(c, len);
	c->crc = UINT32_MAX;
	put(c, type, 4);
}

static void end(struct chunk *c)
{
	put_be32(c, ~c->crc);
}

/* Each row is a stored block of its own: filter type 0, then the pixels. */
static void write_rows(const struct surface *s, struct chunk *c)
{
	unsigned len = 1 + 3 * s->width;
	uint8_t row[1 + 3 * DISPLAY_MAX_WIDTH] = { 0 };
	uint32_t a = 1, b = 0; /* Adler-32 */

	begin(c, "IDAT", 2 + s->height * (5 + len) + 4);
	put(c, "\x78\x01", 2);
	for (unsigned y = 0; y < s->height; y++) {
		put_row(s, y, row + 1);
		for (unsigned i = 0; i < len; i++) {
			a = (a + row[i]) % 65521;
			b = (b + a) % 65521;
		}
		put(c,
		    (uint8_t[]){ y + 1 == s->height, len, len >> 8, ~len,
		                 (uint16_t)~len >> 8 },
		    5);
		put(c, row, len);
	}
	put_be32(c, b << 16 | a);
	end(c);
}

static void write_png(const struct surface *s, FILE *file)
{
	struct chunk c = { .file = file };

	fwrite("\x89PNG\r\n\x1a\n", 1, 8, file);
	begin(&c, "IHDR", 13);
	put_be32(&c, s->width);
	put_be32(&c, s->height);
	put(&c, "\x08\x02\x00\x00", 5); /* 8 bits, RGB, no interlace */
	end(&c);
	write_rows(s, &c);
	begin(&c, "IEND", 0);
	end(&c);
}

int picture_write(const struct surface *surface, enum picture_format format,
                  const char *path, struct err *err)
{
	FILE *file = fopen(path, "we");
	bool failed;

	if (!file)
		return err_sys(err, errno, "cannot write %s", path);
	if (format == PICTURE_PNG)
		write_png(surface, file);
	else
		write_ppm(surface, file);
	failed = ferror(file);
	if (fclose(file) || failed) {
		err_sys(err, errno, "cannot write %s", path);
		unlink(path);
		return -err->code;
	}
	return 0;
}
