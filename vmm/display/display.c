// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The surface, its damage, and the refresh timer (display.h has the contract). The timer
 * slows down while nothing changes, so that a still screen with a viewer costs little,
 * and waits for the device where that knows when the next change comes. Main loop's
 * thread, but for display_hurry(), which vCPUs call under the machine lock.
 */
#include "vmm/display/display.h"

#include "common/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

#define REFRESH_NS  33000000ull  /* while something moves */
#define STILL_NS    100000000ull /* after STILL_AFTER refreshes with small changes */
#define SLOWER_NS   50000000ull  /* more after each one without any … */
#define IDLE_NS     500000000ull /* … up to this */
#define STILL_AFTER 10
#define SMALL       1024 /* pixels: two large text cells */

struct display {
	struct surface surface;
	struct display_source source; /* refresh NULL: none */
	struct display_consumer *consumers;
	struct loop_timer timer;
	struct display_rect rects[DISPLAY_MAX_RECTS];
	unsigned rect_count, still;
	bool resized, full;
};

static int make_surface(struct surface *surface, struct err *err)
{
	surface->size = (size_t)DISPLAY_MAX_WIDTH * DISPLAY_MAX_HEIGHT * 4;
	surface->fd = memfd_create("vmm-display", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (surface->fd < 0 || ftruncate(surface->fd, surface->size) < 0)
		return err_sys(err, errno, "display");
	/* Whoever maps it can rely on its size. */
	if (fcntl(surface->fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) <
	    0)
		return err_sys(err, errno, "display");
	surface->pixels = mmap(NULL, surface->size, PROT_READ | PROT_WRITE, MAP_SHARED,
	                       surface->fd, 0);
	if (surface->pixels == MAP_FAILED) {
		surface->pixels = NULL;
		return err_sys(err, errno, "display");
	}
	surface->width = 640;
	surface->height = 400;
	return 0;
}

static uint64_t interval(const struct display *d)
{
	uint64_t ns;

	if (d->still < STILL_AFTER)
		return REFRESH_NS;
	ns = STILL_NS + (d->still - STILL_AFTER) * SLOWER_NS;
	return ns < IDLE_NS ? ns : IDLE_NS;
}

static void arm(struct display *d)
{
	uint64_t due = 0;

	if (d->still >= STILL_AFTER && d->source.due)
		due = d->source.due(d->source.opaque);
	loop_timer_arm(&d->timer, due ? due : loop_now() + interval(d));
}

/* A cursor that blinks does not make a screen move. */
static bool is_small(const struct display *d)
{
	unsigned pixels = 0;

	for (unsigned i = 0; i < d->rect_count; i++)
		pixels += d->rects[i].width * d->rects[i].height;
	return pixels <= SMALL;
}

/* Tells everybody what has gathered. */
static void deliver(struct display *d)
{
	struct display_consumer *c, *next;
	struct display_rect rects[DISPLAY_MAX_RECTS];
	unsigned count = d->rect_count;
	bool resized = d->resized;

	if (resized || !is_small(d))
		d->still = 0;
	else if (!count || d->still < STILL_AFTER)
		d->still++;
	else
		d->still = STILL_AFTER;
	if (!count && !resized)
		return;
	memcpy(rects, d->rects, sizeof(rects));
	d->rect_count = 0;
	d->resized = false;
	for (c = d->consumers; c; c = next) {
		next = c->next;
		c->update(c->opaque, rects, count, resized);
	}
}

static void on_timer(void *opaque)
{
	struct display *d = opaque;

	if (!d->consumers)
		return;
	if (d->source.refresh)
		d->source.refresh(d->source.opaque, d->full);
	d->full = false;
	deliver(d);
	if (d->consumers)
		arm(d);
}

struct display *display_new(struct loop *loop, struct err *err)
{
	struct display *d = calloc(1, sizeof(*d));

	if (!d) {
		err_sys(err, ENOMEM, "display");
		return NULL;
	}
	d->surface.fd = -1;
	loop_timer_init(loop, &d->timer, on_timer, d);
	if (make_surface(&d->surface, err) < 0) {
		display_free(d);
		return NULL;
	}
	return d;
}

void display_free(struct display *d)
{
	if (!d)
		return;
	loop_timer_disarm(&d->timer);
	if (d->surface.pixels)
		munmap(d->surface.pixels, d->surface.size);
	if (d->surface.fd >= 0)
		close(d->surface.fd);
	free(d);
}

const struct surface *display_surface(const struct display *d)
{
	return &d->surface;
}

/* ---- for the device ---- */

int display_set_source(struct display *d, const struct display_source *source)
{
	if (source && d->source.refresh)
		return -EBUSY;
	d->source = source ? *source : (struct display_source){ 0 };
	d->full = true;
	if (source && d->consumers)
		source->watch(source->opaque, true);
	return 0;
}

bool display_has_source(const struct display *d)
{
	return d->source.refresh;
}

void display_resize(struct display *d, unsigned width, unsigned height)
{
	struct surface *s = &d->surface;

	if (width == s->width && height == s->height)
		return;
	s->width = width;
	s->height = height;
	memset(s->pixels, 0, (size_t)width * height * 4);
	d->resized = true;
	d->rect_count = 0;
	display_damage(d, 0, 0, width, height);
}

static unsigned min(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

static unsigned max(unsigned a, unsigned b)
{
	return a > b ? a : b;
}

static void merge(struct display_rect *a, const struct display_rect *b)
{
	unsigned x = min(a->x, b->x), y = min(a->y, b->y);
	unsigned right = max(a->x + a->width, b->x + b->width);
	unsigned bottom = max(a->y + a->height, b->y + b->height);

	*a = (struct display_rect){ x, y, right - x, bottom - y };
}

void display_damage(struct display *d, unsigned x, unsigned y, unsigned width,
                    unsigned height)
{
	const struct display_rect rect = { x, y, width, height };
	struct display_rect *last = d->rect_count ? &d->rects[d->rect_count - 1] : NULL;

	if (!width || !height)
		return;
	/* Rows are reported from top to bottom: neighbours become one. */
	if (last && (d->rect_count == DISPLAY_MAX_RECTS ||
	             (y <= last->y + last->height && y >= last->y)))
		merge(last, &rect);
	else
		d->rects[d->rect_count++] = rect;
}

void display_hurry(struct display *d)
{
	if (d->consumers && d->still >= STILL_AFTER)
		loop_timer_arm(&d->timer, loop_now() + REFRESH_NS);
	d->still = 0;
}

/* ---- for those who look ---- */

void display_add_consumer(struct display *d, struct display_consumer *consumer)
{
	bool first = !d->consumers;

	consumer->next = d->consumers;
	d->consumers = consumer;
	d->resized = d->full = true;
	d->still = 0;
	display_damage(d, 0, 0, d->surface.width, d->surface.height);
	if (first && d->source.watch)
		d->source.watch(d->source.opaque, true);
	loop_timer_arm(&d->timer, loop_now());
}

void display_remove_consumer(struct display *d, struct display_consumer *consumer)
{
	for (struct display_consumer **p = &d->consumers; *p; p = &(*p)->next) {
		if (*p != consumer)
			continue;
		*p = consumer->next;
		if (!d->consumers) {
			loop_timer_disarm(&d->timer);
			if (d->source.watch)
				d->source.watch(d->source.opaque, false);
		}
		return;
	}
}

uint32_t display_most_pixels(const struct display *d)
{
	return d->source.prefer ? d->source.most_pixels : 0;
}

void display_prefer(struct display *d, unsigned width, unsigned height)
{
	if (width >= DISPLAY_MIN_WIDTH && width <= DISPLAY_MAX_WIDTH &&
	    height >= DISPLAY_MIN_HEIGHT && height <= DISPLAY_MAX_HEIGHT &&
	    width * height <= display_most_pixels(d))
		d->source.prefer(d->source.opaque, width, height);
}

int display_capture(struct display *d, struct err *err)
{
	if (!d->source.refresh)
		return err_set(err, ENODEV,
		               "this machine has no screen; start it with -vga std");
	d->source.refresh(d->source.opaque, true);
	return 0;
}

int display_text(struct display *d, struct strbuf *out, struct err *err)
{
	if (!d->source.text)
		return err_set(err, ENODEV,
		               "this machine has no screen; start it with -vga std");
	return d->source.text(d->source.opaque, out)
	               ? 0
	               : err_set(err, EINVAL, "the screen shows graphics, not text");
}
