/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The screen between the device that draws it and those who look at it.
 *
 * The surface is a memfd of fixed size that is mapped once and never moves, so that
 * another process can map it as well; only its dimensions change. The device is asked to
 * draw from a timer that runs only while there is a consumer: a screen that nobody
 * watches costs nothing. Machine lock everywhere.
 */
#ifndef VMM_DISPLAY_DISPLAY_H
#define VMM_DISPLAY_DISPLAY_H

#include "common/err.h"
#include "common/strbuf.h"
#include "vmm/loop/loop.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	DISPLAY_MIN_WIDTH = 640, /* of what a monitor prefers */
	DISPLAY_MIN_HEIGHT = 480,
	DISPLAY_MAX_WIDTH = 2560,
	DISPLAY_MAX_HEIGHT = 1600,
	DISPLAY_MAX_RECTS = 16,
};

/* Rows of width pixels, without gaps; a pixel is 0x00RRGGBB in host byte order. */
struct surface {
	uint32_t *pixels;
	unsigned width, height;
	int fd;      /* the memfd */
	size_t size; /* of the memfd: for the largest dimensions */
};

struct display_rect {
	uint16_t x, y, width, height;
};

/* The device that draws. */
struct display_source {
	/* Sets the dimensions, brings the pixels up to date and reports what changed; all
	 * of them with full. */
	void (*refresh)(void *opaque, bool full);
	/* When it has to be asked again although it does not call display_hurry() before,
	 * as of loop_now(); 0: pixels may change unseen, so that it is asked every now
	 * and then. NULL: always 0. */
	uint64_t (*due)(void *opaque);
	/* Somebody watches from now on, or nobody does. */
	void (*watch)(void *opaque, bool on);
	/* Appends the characters on the screen as UTF-8 lines; false: they are no text.
	 */
	bool (*text)(void *opaque, struct strbuf *out);
	/* A viewer would like this size, within display_most_pixels(): the guest is told
	 * and does what it likes. NULL: there is no way to tell it. */
	void (*prefer)(void *opaque, unsigned width, unsigned height);
	uint32_t most_pixels; /* that it has memory for */
	void *opaque;
};

/* Somebody who looks; embed it. */
struct display_consumer {
	/* Pixels changed in these rectangles; resized: first of all, dimensions did. */
	void (*update)(void *opaque, const struct display_rect *rects, unsigned count,
	               bool resized);
	void *opaque;
	struct display_consumer *next;
};

struct display;

/* NULL with a sentence on failure. */
struct display *display_new(struct loop *loop, struct err *err);
/* Accepts NULL. Without source and consumers by then. */
void display_free(struct display *display);
const struct surface *display_surface(const struct display *display);

/* ---- for the device ---- */

/* One at a time; -EBUSY when there is one. NULL takes it away. */
int display_set_source(struct display *display, const struct display_source *source);
bool display_has_source(const struct display *display);
/* Dimensions from 1 to the maximum. What the surface showed is gone if they change. */
void display_resize(struct display *display, unsigned width, unsigned height);
/* Inside the dimensions. */
void display_damage(struct display *display, unsigned x, unsigned y, unsigned width,
                    unsigned height);

/* The device sees that what it shows changes, or a viewer types or points: what follows
 * shall be seen soon. Cheap. */
void display_hurry(struct display *display);

/* ---- for those who look ---- */

/* Its first update covers the whole surface. */
void display_add_consumer(struct display *display, struct display_consumer *consumer);
/* Idempotent. */
void display_remove_consumer(struct display *display, struct display_consumer *consumer);
/* How many pixels a viewer may wish for, each side between the minimum and the maximum;
 * 0: the guest cannot be told. */
uint32_t display_most_pixels(const struct display *display);
/* Passes a viewer's wish on if it is within the limits. */
void display_prefer(struct display *display, unsigned width, unsigned height);
/* Draws what is on the screen at this moment. -ENODEV with a sentence without a device.
 */
int display_capture(struct display *display, struct err *err);
/* The text on the screen. -ENODEV, or -EINVAL in a graphics mode, with a sentence. */
int display_text(struct display *display, struct strbuf *out, struct err *err);

#endif
