// SPDX-License-Identifier: GPL-2.0-or-later
/* Pointers, input events as QMP has them, and what is on USB. */
#include "vmm/core/vm.h"
#include "vmm/display/input.h"
#include "vmm/monitor/tables.h"
#include "vmm/usb/usb.h"

#include "common/cleanup.h"

#include <errno.h>
#include <string.h>

/* ---- which pointer is in use ---- */

static int run_query_mice(struct mon_ctx *ctx, const json_t *args, json_t **result,
                          struct err *err)
{
	const struct input_device *dev = NULL;
	bool current = true;

	(void)args;
	(void)err;
	*result = json_array();
	while ((dev = input_next_mouse(ctx->vm->input, dev))) {
		json_array_append_new(*result,
		                      json_pack("{s:s, s:i, s:b, s:b}", "name", dev->name,
		                                "index", dev->index, "current", current,
		                                "absolute", dev->point != NULL));
		current = false;
	}
	return 0;
}

static void print_mice(const json_t *result, struct strbuf *out)
{
	const json_t *mouse;
	size_t i;

	if (!json_array_size(result))
		strbuf_adds(out, "No mouse devices connected\n");
	json_array_foreach(result, i, mouse) strbuf_addf(
		out, "%c Mouse #%lld: %s%s\n",
		mon_bool(mouse, "current", false) ? '*' : ' ',
		(long long)mon_int(mouse, "index", 0), mon_str(mouse, "name", ""),
		mon_bool(mouse, "absolute", false) ? " (absolute)" : "");
}

static int run_mouse_set(struct mon_ctx *ctx, const json_t *args, json_t **result,
                         struct err *err)
{
	int64_t index = mon_int(args, "index", 0);

	(void)result;
	return input_choose_mouse(ctx->vm->input,
	                          index < 0 || index > UINT16_MAX ? UINT16_MAX : index,
	                          err);
}

/* ---- input-send-event ---- */

static int find_word(const json_t *data, const char *key, const char *const *words,
                     struct err *err)
{
	const char *word = json_string_value(json_object_get(data, key));

	for (int i = 0; word && words[i]; i++)
		if (!strcmp(word, words[i]))
			return i;
	return err_usage(err, "'%s' of an event has no such value", key);
}

static int get_number(const json_t *data, int64_t min, int64_t max, struct err *err,
                      int *number)
{
	const json_t *value = json_object_get(data, "value");
	int64_t n = json_integer_value(value);

	if (!json_is_integer(value) || n < min || n > max)
		return err_usage(err, "'value' of an event is not from %lld to %lld",
		                 (long long)min, (long long)max);
	*number = n;
	return 0;
}

/* What a list of events adds up to before it is sent: one movement, not two. */
struct motion {
	int dx, dy, x, y, wheel; /* x, y: -1: not given */
	unsigned buttons;        /* INPUT_LEFT … */
};

static int take_button(const json_t *data, struct motion *m, struct err *err)
{
	static const char *const names[] = { "left",  "right",    "middle",     "side",
		                             "extra", "wheel-up", "wheel-down", NULL };
	int button = find_word(data, "button", names, err);
	bool down = json_is_true(json_object_get(data, "down"));

	if (button < 0)
		return button;
	if (button >= 5)
		m->wheel += down ? (button == 5 ? -1 : 1) : 0;
	else if (down)
		m->buttons |= 1u << button;
	else
		m->buttons &= ~(1u << button);
	return 0;
}

static int take_axis(const json_t *data, bool absolute, struct motion *m, struct err *err)
{
	static const char *const names[] = { "x", "y", NULL };
	int axis = find_word(data, "axis", names, err), number = 0, ret;

	if (axis < 0)
		return axis;
	ret = absolute ? get_number(data, 0, INPUT_RANGE, err, &number)
	               : get_number(data, -4096, 4096, err, &number);
	if (absolute)
		*(axis ? &m->y : &m->x) = number;
	else
		*(axis ? &m->dy : &m->dx) = number;
	return ret;
}

static int take_key(struct input *input, const json_t *data, struct err *err)
{
	uint16_t code = mon_key(json_object_get(data, "key"), err);

	if (code && input)
		input_key(input, code, json_is_true(json_object_get(data, "down")));
	return code ? 0 : -EINVAL;
}

/* input NULL: only checks keys. */
static int take_event(struct input *input, const json_t *event, struct motion *m,
                      struct err *err)
{
	static const char *const kinds[] = { "key", "btn", "rel", "abs", NULL };
	const json_t *data = json_object_get(event, "data");

	switch (find_word(event, "type", kinds, err)) {
	case 0:
		return take_key(input, data, err);
	case 1:
		return take_button(data, m, err);
	case 2:
		return take_axis(data, false, m, err);
	case 3:
		return take_axis(data, true, m, err);
	}
	return -EINVAL;
}

/* All of them, or, if one is wrong, none. */
static int run_send_event(struct mon_ctx *ctx, const json_t *args, json_t **result,
                          struct err *err)
{
	const json_t *events = json_object_get(args, "events"), *event;
	struct input *input = ctx->vm->input;
	struct motion m = { .x = -1, .y = -1, .buttons = input_pressed(input) };
	struct motion check = m;
	size_t i;

	(void)result;
	if (!json_is_array(events))
		return err_usage(err, "'events' is not a list");
	json_array_foreach(events, i, event)
	{
		if (take_event(NULL, event, &check, err) < 0)
			return -EINVAL;
	}
	json_array_foreach(events, i, event) take_event(input, event, &m, err);
	if (m.x >= 0 || m.y >= 0)
		input_point(input, m.x, m.y);
	input_move(input, m.dx, m.dy, m.wheel);
	input_buttons(input, m.buttons);
	return 0;
}

/* ---- USB ---- */

static int run_usb(struct mon_ctx *ctx, const json_t *args, json_t **result,
                   struct err *err)
{
	_cleanup_strbuf_ struct strbuf out = { 0 };
	unsigned number = 0;

	(void)args;
	(void)err;
	for (const struct usb_bus *bus = ctx->vm->usb_buses; bus;
	     bus = bus->next, number++)
		for (unsigned i = 0; i < bus->ports; i++) {
			const struct usb_device *usb = bus->devices[i];

			if (usb)
				strbuf_addf(&out,
				            "  Device %u.%u, Port %u, Speed 480 Mb/s, "
				            "Product %s%s%s\n",
				            number, usb->addr, i + 1,
				            usb->ops->product_name,
				            usb->dev.id ? ", ID: " : "",
				            usb->dev.id ? usb->dev.id : "");
		}
	*result = mon_text(!ctx->vm->usb_buses ? "USB support not enabled\n"
	                   : out.data          ? out.data
	                                       : "");
	return 0;
}

/* ---- the table ---- */

static const struct mon_arg mouse_set_args[] = {
	{ "index", MON_INT, false, 0, 0, 0 },
	{ .name = NULL },
};

static const struct mon_arg send_event_args[] = {
	{ "events", MON_ANY, false, 0, MON_OF_INPUT_EVENTS, 0 },
	{ "device", MON_STR, true, 0, 0, 0 },
	{ "head", MON_INT, true, 0, 0, 0 },
	{ .name = NULL },
};

const struct mon_command mon_input_commands[] = {
	{ "query-mice", "info mice", "the pointers, and which is in use", NULL,
	  "[MouseInfo]", run_query_mice, print_mice },
	{ NULL, "mouse_set", "use this pointer of info mice", mouse_set_args, NULL,
	  run_mouse_set, NULL },
	{ "input-send-event", NULL, "keys, buttons and movements", send_event_args, NULL,
	  run_send_event, NULL },
	{ NULL, "info usb", "USB devices", NULL, NULL, run_usb, NULL },
	{ .help = NULL },
};
