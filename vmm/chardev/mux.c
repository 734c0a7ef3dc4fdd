// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Input of a terminal that is shared: the keys behind Ctrl-A are the VMM's, everything
 * else goes to the front end in focus.
 *
 * What a front end has no room for is kept, for each front end by itself: what was typed
 * for a guest that does not read neither reaches the monitor nor stands in its way.
 * Loop's thread.
 */
#include "vmm/chardev/backend.h"
#include "vmm/chardev/escape.h"

#include <errno.h>
#include <string.h>

struct mux {
	struct escape escape;
	bool drop;
	struct {
		uint8_t data[4096];
		size_t len;
	} kept[CHARDEV_FRONTS];
};

int chardev_enable_keys(struct chardev *chr, bool drop)
{
	chr->mux = calloc(1, sizeof(*chr->mux));
	if (!chr->mux)
		return -ENOMEM;
	chr->mux->drop = drop;
	return 0;
}

/* Gives a front end what it has room for. */
static void pump(struct chardev *chr, unsigned n)
{
	const struct chardev_slot *slot = &chr->slots[n];
	struct mux *mux = chr->mux;
	size_t *len = &mux->kept[n].len;

	while (*len && slot->attached && slot->front.can_read) {
		size_t room = slot->front.can_read(slot->front.opaque);

		if (!room)
			return;
		room = room < *len ? room : *len;
		slot->front.read(slot->front.opaque, mux->kept[n].data, room);
		*len -= room;
		memmove(mux->kept[n].data, mux->kept[n].data + room, *len);
	}
}

size_t mux_room(struct chardev *chr)
{
	struct mux *mux = chr->mux;

	chr->starved = false;
	for (unsigned i = 0; i < CHARDEV_FRONTS; i++) {
		pump(chr, i);
		chr->starved |= mux->kept[i].len > 0;
	}
	return sizeof(mux->kept[0].data) - (mux->drop ? 0 : mux->kept[chr->focus].len);
}

void mux_switch(struct chardev *chr)
{
	struct chardev_slot *old = &chr->slots[chr->focus], *slot = old;

	for (unsigned i = 1; i < CHARDEV_FRONTS && slot == old; i++)
		if (chr->slots[(chr->focus + i) % CHARDEV_FRONTS].attached)
			slot = &chr->slots[(chr->focus + i) % CHARDEV_FRONTS];
	if (slot == old)
		return;
	if (old->attached && old->front.focus)
		old->front.focus(old->front.opaque, false);
	chr->focus = slot - chr->slots;
	if (slot->front.focus)
		slot->front.focus(slot->front.opaque, true);
}

static void take_byte(struct chardev *chr, uint8_t byte)
{
	struct chardev_registry *reg = chr->reg;
	struct mux *mux = chr->mux;

	switch (escape_feed(&mux->escape, &byte)) {
	case ESCAPE_PASS:
		if (mux->kept[chr->focus].len < sizeof(mux->kept[0].data))
			mux->kept[chr->focus].data[mux->kept[chr->focus].len++] = byte;
		break;
	case ESCAPE_QUIT:
		if (reg->quit)
			reg->quit(reg->quit_opaque);
		break;
	case ESCAPE_HELP:
		chardev_write(chr, escape_help, strlen(escape_help));
		break;
	case ESCAPE_BREAK:
		chardev_line_break(chr);
		break;
	case ESCAPE_SWITCH:
		pump(chr, chr->focus);
		mux_switch(chr);
		break;
	case ESCAPE_EAT:
		break;
	}
}

void mux_take(struct chardev *chr, const uint8_t *data, size_t len)
{
	for (size_t i = 0; i < len; i++)
		take_byte(chr, data[i]);
	mux_room(chr);
}

void mux_forget(struct chardev *chr, unsigned slot)
{
	chr->mux->kept[slot].len = 0;
}

void chardev_line_break(struct chardev *chr)
{
	const struct chardev_slot *slot = &chr->slots[chr->focus];

	/* After what was typed before it. */
	if (chr->mux)
		pump(chr, chr->focus);
	if (slot->attached && slot->front.line_break)
		slot->front.line_break(slot->front.opaque);
}
