// SPDX-License-Identifier: GPL-2.0-or-later
/* The screen without a device: damage, and pictures of a surface read back. */
#include "vmm/display/display.h"
#include "common/bytes.h"
#include "common/cleanup.h"
#include "common/fdio.h"
#include "tests/tap.h"
#include "vmm/display/picture.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

struct seen {
	struct display_consumer consumer;
	struct display_rect rects[DISPLAY_MAX_RECTS];
	unsigned count, updates;
	bool resized;
};

static void on_update(void *opaque, const struct display_rect *rects, unsigned count,
                      bool resized)
{
	struct seen *seen = opaque;

	memcpy(seen->rects, rects, count * sizeof(*rects));
	seen->count = count;
	seen->resized = resized;
	seen->updates++;
}

static bool is_rect(const struct display_rect *r, unsigned x, unsigned y, unsigned w,
                    unsigned h)
{
	return r->x == x && r->y == y && r->width == w && r->height == h;
}

static void wait_for(struct loop *loop, struct seen *seen, unsigned updates)
{
	uint64_t end = loop_now() + 60000000000ull;

	while (seen->updates < updates && loop_now() < end)
		loop_run_once(loop, 100);
}

static void test_damage(struct loop *loop, struct display *d)
{
	struct seen seen = { .consumer = { .update = on_update, .opaque = &seen } };

	display_add_consumer(d, &seen.consumer);
	wait_for(loop, &seen, 1);
	tap_ok(seen.resized && seen.count == 1 && is_rect(&seen.rects[0], 0, 0, 640, 400),
	       "a consumer gets all at first");
	display_damage(d, 10, 10, 5, 1);
	display_damage(d, 8, 11, 5, 1);
	display_damage(d, 0, 100, 2, 2);
	wait_for(loop, &seen, 2);
	tap_ok(!seen.resized && seen.count == 2, "two places");
	tap_ok(is_rect(&seen.rects[0], 8, 10, 7, 2), "neighbouring rows are one");
	tap_ok(is_rect(&seen.rects[1], 0, 100, 2, 2), "the other is apart");
	for (unsigned i = 0; i < 30; i++)
		display_damage(d, i, 10 * i, 1, 1);
	wait_for(loop, &seen, 3);
	tap_eq(seen.count, DISPLAY_MAX_RECTS, "no more rectangles than there is room");
	tap_ok(is_rect(&seen.rects[15], 15, 150, 15, 141), "the last holds the rest");
	display_resize(d, 32, 16);
	display_damage(d, 1, 1, 1, 1);
	wait_for(loop, &seen, 4);
	tap_ok(seen.resized && is_rect(&seen.rects[0], 0, 0, 32, 16), "resized");
	display_remove_consumer(d, &seen.consumer);
	display_remove_consumer(d, &seen.consumer);
	tap_eq(seen.updates, 4, "four updates in all");
}

struct blinker {
	struct display *display;
	unsigned count;
	bool still;
};

static void blink(void *opaque, bool full)
{
	struct blinker *b = opaque;

	b->count++;
	if (!b->still)
		display_damage(b->display, 0, 0, 9, 16);
}

static uint64_t never(void *opaque)
{
	return loop_now() + 3600000000000ull;
}

static void watch(void *opaque, bool on)
{
}

/* Looks during a second. */
static unsigned count_looks(struct loop *loop, const struct blinker *b)
{
	uint64_t end = loop_now() + 1000000000;
	unsigned before = b->count;

	while (loop_now() < end)
		loop_run_once(loop, 10);
	return b->count - before;
}

static void wait_for_looks(struct loop *loop, const struct blinker *b, unsigned count)
{
	uint64_t end = loop_now() + 60000000000ull;

	while (b->count < count && loop_now() < end)
		loop_run_once(loop, 100);
}

/* A cursor that blinks at each look: ten looks a second, not thirty; nothing at all: two;
 * and none where the device tells. */
static void test_still(struct loop *loop, struct display *d)
{
	struct seen seen = { .consumer = { .update = on_update, .opaque = &seen } };
	struct blinker b = { .display = d };
	struct display_source source = { .refresh = blink, .watch = watch, .opaque = &b };
	unsigned looks;

	display_set_source(d, &source);
	display_add_consumer(d, &seen.consumer);
	wait_for(loop, &seen, 32);
	looks = count_looks(loop, &b);
	tap_ok(looks && looks <= 11, "%u looks a second at a screen whose cursor blinks",
	       looks);
	tap_eq(seen.updates, b.count, "and each change is told");
	b.still = true;
	wait_for_looks(loop, &b, b.count + 10);
	looks = count_looks(loop, &b);
	tap_ok(looks && looks <= 3, "%u at a screen that is still", looks);
	b.still = false;
	wait_for_looks(loop, &b, b.count + 1);
	looks = count_looks(loop, &b);
	tap_ok(looks > 3 && looks <= 11, "%u when the cursor blinks again", looks);
	display_set_source(d, NULL);
	source.due = never;
	display_set_source(d, &source);
	display_hurry(d);
	wait_for_looks(loop, &b, b.count + 10);
	tap_eq(count_looks(loop, &b), 0, "none where the device tells");
	display_hurry(d);
	looks = b.count;
	wait_for_looks(loop, &b, looks + 1);
	tap_ok(b.count > looks, "until it does");
	display_remove_consumer(d, &seen.consumer);
	display_set_source(d, NULL);
}

static void test_pictures(struct display *d)
{
	static const uint8_t tail[] = { 0,   0,   0,    0,    'I',  'E',
		                        'N', 'D', 0xae, 0x42, 0x60, 0x82 };
	const struct surface *s = display_surface(d);
	char path[] = "/tmp/kvmkit-display-XXXXXX";
	_cleanup_close_ int fd = mkostemp(path, O_CLOEXEC);
	_cleanup_free_ char *ppm = NULL, *png = NULL;
	struct err err = { 0 };
	size_t len = 0;

	for (unsigned i = 0; i < 32 * 16; i++)
		s->pixels[i] = i * 0x010307;
	tap_ok(fd >= 0 && !picture_write(s, PICTURE_PPM, path, &err), "PPM written");
	fd_read_file(AT_FDCWD, path, 1 << 20, &ppm, &len);
	tap_eq(len, 13 + 3 * 32 * 16, "PPM: length");
	tap_ok(!memcmp(ppm, "P6\n32 16\n255\n\x00\x00\x00\x01\x03\x07", 19),
	       "PPM: header, and pixels as RGB");
	tap_ok(!picture_write(s, PICTURE_PNG, path, &err), "PNG written");
	fd_read_file(AT_FDCWD, path, 1 << 20, &png, &len);
	/* signature, IHDR, IDAT of 16 stored blocks of 1 + 96 bytes, IEND */
	tap_eq(len, 8 + 25 + 12 + 2 + 16 * (5 + 97) + 4 + 12, "PNG: length");
	tap_ok(!memcmp(png + len - sizeof(tail), tail, sizeof(tail)),
	       "PNG: the last chunk with its known checksum");
	tap_ok(!memcmp(png + 8 + 25 + 8 + 2 + 6, ppm + 13, 96), "PNG: the first row");
	tap_eq(picture_write(s, PICTURE_PNG, "/proc/none/x", &err), (uint64_t)-ENOENT,
	       "a bad path");
	tap_has(err.text, "cannot write /proc/none/x: ", "is named");
	unlink(path);
}

int main(void)
{
	struct err err = { 0 };
	struct loop *loop = loop_new(NULL, &err);
	struct display *d = display_new(loop, &err);

	tap_ok(d, "a display");
	tap_eq(display_capture(d, &err), (uint64_t)-ENODEV, "no device: no picture");
	tap_has(err.text, "-vga std", "but advice");
	test_damage(loop, d);
	test_pictures(d);
	test_still(loop, d);
	display_free(d);
	loop_free(loop);
	return tap_done();
}
