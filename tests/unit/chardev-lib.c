// SPDX-License-Identifier: GPL-2.0-or-later
/* A front end that records what a chardev tells it. */
#include "tests/unit/chardev-lib.h"

#include "tests/tap.h"

#include <stdlib.h>
#include <string.h>

static size_t can_read(void *opaque)
{
	const struct recorder *r = opaque;
	size_t left = sizeof(r->data) - r->len;

	return r->room < left ? r->room : left;
}

static void record(void *opaque, const uint8_t *data, size_t len)
{
	struct recorder *r = opaque;

	if (len > can_read(r)) {
		tap_diag("more input than there is room for");
		abort();
	}
	memcpy(r->data + r->len, data, len);
	r->len += len;
	if (r->room != SIZE_MAX)
		r->room -= len;
}

static void writable(void *opaque)
{
	((struct recorder *)opaque)->writables++;
}

static void opened(void *opaque, bool open)
{
	struct recorder *r = opaque;

	if (open)
		r->opened++;
	else
		r->closed++;
}

static void line_break(void *opaque)
{
	((struct recorder *)opaque)->breaks++;
}

static void quit(void *opaque)
{
	((struct recorder *)opaque)->quits++;
}

void recorder_init(struct recorder *r)
{
	struct err err = { 0 };

	memset(r, 0, sizeof(*r));
	r->room = SIZE_MAX;
	r->loop = loop_new(NULL, &err);
	r->reg = r->loop ? chardev_registry_new(r->loop) : NULL;
	if (!r->reg) {
		tap_diag("%s", err.text);
		exit(1);
	}
	chardev_registry_set_quit(r->reg, quit, r);
}

void recorder_free(struct recorder *r)
{
	chardev_registry_free(r->reg);
	loop_free(r->loop);
}

static struct chardev *attach(struct recorder *r, struct chardev *chr, struct err *err)
{
	const struct chardev_front front = {
		.can_read = can_read,
		.read = record,
		.writable = writable,
		.opened = opened,
		.line_break = line_break,
		.opaque = r,
	};

	if (!chr || chardev_attach(chr, &front, err) < 0)
		return NULL;
	r->chr = chr;
	return chr;
}

struct chardev *recorder_open(struct recorder *r, const char *text, struct err *err)
{
	return attach(r, chardev_create_short(r->reg, text, "test", err), err);
}

struct chardev *recorder_create(struct recorder *r, const char *text, struct err *err)
{
	struct opt_list opts = { 0 };
	struct chardev *chr = NULL;

	if (opt_list_parse(&opts, text, "backend", err) >= 0)
		chr = attach(r, chardev_create(r->reg, &opts, err), err);
	opt_list_free(&opts);
	return chr;
}

unsigned recorder_settle(struct recorder *r)
{
	unsigned rounds = 0;

	while (rounds < 100000 && loop_run_once(r->loop, 0))
		rounds++;
	return rounds;
}

bool recorder_until(struct recorder *r, const unsigned *counter, unsigned value)
{
	uint64_t end = loop_now() + 60000000000ull;

	while (*counter < value && loop_now() < end)
		loop_run_once(r->loop, 100);
	return *counter >= value;
}

bool recorder_until_len(struct recorder *r, size_t len)
{
	uint64_t end = loop_now() + 60000000000ull;

	while (r->len < len && loop_now() < end)
		loop_run_once(r->loop, 100);
	return r->len >= len;
}
