// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * virtio-input (virtio 1.2, 5.8): a keyboard, a mouse and a tablet.
 *
 * What happens is told as Linux' input events, each in a buffer that the driver gave; a
 * group of them, which ends with SYN_REPORT, is told whole or not at all. The device gets
 * keys and movements once its driver runs, and gives them back to the others with a
 * reset. Main loop's thread.
 */
#include "vmm/virtio/input.h"

#include "common/bytes.h"
#include "common/cleanup.h"
#include "common/keycode.h"
#include "vmm/block/iov.h"
#include "vmm/core/vm.h"
#include "vmm/display/input.h"
#include "vmm/virtio/pci.h"

#include <linux/input.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_input.h>
#include <string.h>

#define CLASS_KEYBOARD 0x090000
#define CLASS_MOUSE    0x090200
#define QUEUE_SIZE     64
#define MAX_EVENTS     12 /* of one group */
#define VENDOR         0x0627
#define BUTTONS        5

enum { EVENTS, STATUS };

struct virtio_input {
	struct virtio_pci vpci;
	/* state */
	uint8_t select, subsel;
	uint8_t leds;    /* a bit for each LED_ */
	uint8_t buttons; /* as the guest knows them */
	/* not state */
	struct input_device input;
	bool started;
};

static struct virtio_input *to_input(struct virtio_device *vdev)
{
	return container_of(vdev, struct virtio_input, vpci.vdev);
}

/* ---- events ---- */

struct group {
	struct virtio_input_event events[MAX_EVENTS];
	unsigned count;
};

static void add(struct group *g, uint16_t type, uint16_t code, int32_t value)
{
	g->events[g->count++] = (struct virtio_input_event){ type, code, value };
}

static void tell(struct virtio_input *in, struct group *g)
{
	struct virtio_device *vdev = &in->vpci.vdev;
	struct virtqueue *vq = &vdev->queues[EVENTS];
	struct virtq_elem *elems[MAX_EVENTS];
	unsigned n = 0;

	if (!vq->mapped || !virtio_running(vdev))
		return;
	add(g, EV_SYN, SYN_REPORT, 0);
	while (n < g->count && (elems[n] = virtqueue_pop(vq)))
		n++;
	if (n < g->count) {
		while (n)
			virtqueue_unpop(vq, elems[--n]);
		return;
	}
	for (unsigned i = 0; i < n; i++)
		virtqueue_push(vq, elems[i],
		               iov_from_buf(virtq_in(elems[i]), elems[i]->in_count, 0,
		                            &g->events[i], sizeof(g->events[i])));
	virtqueue_flush(vq);
}

static void on_key(void *opaque, uint16_t code, bool down)
{
	struct group g = { .count = 0 };

	add(&g, EV_KEY, keycode_from_set1(code), down);
	if (g.events[0].code)
		tell(opaque, &g);
}

/* In the order of INPUT_LEFT and its siblings. */
static const uint16_t button_keys[BUTTONS] = { BTN_LEFT, BTN_RIGHT, BTN_MIDDLE, BTN_SIDE,
	                                       BTN_EXTRA };

static void add_rest(struct virtio_input *in, struct group *g, int wheel,
                     unsigned buttons)
{
	if (wheel)
		add(g, EV_REL, REL_WHEEL, -wheel);
	for (unsigned i = 0; i < BUTTONS; i++)
		if ((buttons ^ in->buttons) >> i & 1)
			add(g, EV_KEY, button_keys[i], buttons >> i & 1);
	in->buttons = buttons;
}

static void on_move(void *opaque, int dx, int dy, int wheel, unsigned buttons)
{
	struct group g = { .count = 0 };

	if (dx)
		add(&g, EV_REL, REL_X, dx);
	if (dy)
		add(&g, EV_REL, REL_Y, dy);
	add_rest(opaque, &g, wheel, buttons);
	if (g.count)
		tell(opaque, &g);
}

static void on_point(void *opaque, unsigned x, unsigned y, int wheel, unsigned buttons)
{
	struct group g = { .count = 0 };

	add(&g, EV_ABS, ABS_X, x);
	add(&g, EV_ABS, ABS_Y, y);
	add_rest(opaque, &g, wheel, buttons);
	tell(opaque, &g);
}

/* ---- models ---- */

static const struct model {
	const char *name;
	struct input_device input;
	uint32_t class_code;
	uint16_t product;
	/* Which events of a kind there are: a bit each, from the first code on. Keyboards
	 * have all keys there are. */
	uint8_t keys, relative[2], absolute, leds;
} models[] = {
	{ .name = "QEMU Virtio Keyboard",
	  .input = { .key = on_key },
	  .class_code = CLASS_KEYBOARD,
	  .product = 1,
	  .leds = 1 << LED_NUML | 1 << LED_CAPSL | 1 << LED_SCROLLL },
	{ .name = "QEMU Virtio Mouse",
	  .input = { .move = on_move },
	  .class_code = CLASS_MOUSE,
	  .product = 2,
	  .keys = (1 << BUTTONS) - 1,
	  .relative = { 1 << REL_X | 1 << REL_Y, 1 << (REL_WHEEL - 8) } },
	{ .name = "QEMU Virtio Tablet",
	  .input = { .point = on_point },
	  .class_code = CLASS_MOUSE,
	  .product = 3,
	  .keys = (1 << BUTTONS) - 1,
	  .relative = { 0, 1 << (REL_WHEEL - 8) },
	  .absolute = 1 << ABS_X | 1 << ABS_Y },
};

static const struct model *model_of(const struct virtio_input *in)
{
	const struct device_class *cls = in->vpci.pci.dev.cls;

	return &models[cls == &virtio_keyboard_pci_class ? 0
	               : cls == &virtio_mouse_pci_class  ? 1
	                                                 : 2];
}

/* ---- configuration (5.8.5) ---- */

static void fill_keys(const struct model *model, struct virtio_input_config *c)
{
	c->u.bitmap[BTN_LEFT / 8] = model->keys;
	for (unsigned i = 0; i < 256 && model->input.key; i++)
		if (keycode_to_set1(i))
			c->u.bitmap[i / 8] |= 1 << i % 8;
}

static void fill_bits(const struct model *model, struct virtio_input_config *c)
{
	switch (c->subsel) {
	case EV_KEY:
		fill_keys(model, c);
		break;
	case EV_REL:
		memcpy(c->u.bitmap, model->relative, sizeof(model->relative));
		break;
	case EV_ABS:
		c->u.bitmap[0] = model->absolute;
		break;
	case EV_LED:
		c->u.bitmap[0] = model->leds;
		break;
	case EV_REP:
		/* The guest repeats what is held; which keys is not said. */
		c->size = model->input.key ? 1 : 0;
		return;
	default:
		return;
	}
	for (unsigned i = 0; i < sizeof(c->u.bitmap); i++)
		if (c->u.bitmap[i])
			c->size = i + 1;
}

static void get_config(struct virtio_device *vdev, uint8_t *config)
{
	const struct virtio_input *in = to_input(vdev);
	const struct model *model = model_of(in);
	struct virtio_input_config c = { .select = in->select, .subsel = in->subsel };

	switch (in->select) {
	case VIRTIO_INPUT_CFG_ID_NAME:
		c.size = strlen(model->name);
		memcpy(c.u.string, model->name, c.size);
		break;
	case VIRTIO_INPUT_CFG_ID_DEVIDS:
		c.size = sizeof(c.u.ids);
		c.u.ids = (struct virtio_input_devids){ BUS_VIRTUAL, VENDOR,
			                                model->product, 1 };
		break;
	case VIRTIO_INPUT_CFG_EV_BITS:
		fill_bits(model, &c);
		break;
	case VIRTIO_INPUT_CFG_ABS_INFO:
		if (in->subsel > 7 || !(model->absolute >> in->subsel & 1))
			break;
		c.size = sizeof(c.u.abs);
		c.u.abs.max = INPUT_RANGE;
		break;
	}
	memcpy(config, &c, sizeof(c));
}

static void set_config(struct virtio_device *vdev, unsigned offset, uint64_t value,
                       unsigned size)
{
	struct virtio_input *in = to_input(vdev);

	/* The two that are the driver's; some drivers write both at once. */
	if (!offset)
		in->select = value;
	if (offset == 1 || (!offset && size > 1))
		in->subsel = value >> (offset ? 0 : 8);
}

/* ---- the driver ---- */

/* The keyboard's lights, as input_set_leds() has them. */
static void show_leds(struct virtio_input *in)
{
	input_set_leds(in->vpci.pci.dev.vm->input, &in->input,
	               (in->leds >> LED_NUML & 1 ? INPUT_LED_NUM : 0) |
	                       (in->leds >> LED_CAPSL & 1 ? INPUT_LED_CAPS : 0) |
	                       (in->leds >> LED_SCROLLL & 1 ? INPUT_LED_SCROLL : 0));
}

static void take_status(struct virtio_input *in, const struct virtq_elem *elem)
{
	struct virtio_input_event e;

	if (iov_to_buf(elem->iov, elem->out_count, 0, &e, sizeof(e)) != sizeof(e) ||
	    e.type != EV_LED || e.code > LED_SCROLLL)
		return;
	in->leds &= ~(1 << e.code);
	in->leds |= !!e.value << e.code;
	show_leds(in);
}

/* Buffers for events stay in the ring until something happens. */
static void kick(struct virtio_device *vdev, struct virtqueue *vq)
{
	unsigned left = vq->index == STATUS ? QUEUE_SIZE : 0;
	struct virtq_elem *elem;

	if (!left)
		return;
	virtqueue_disable_notify(vq);
	while (left-- && (elem = virtqueue_pop(vq))) {
		take_status(to_input(vdev), elem);
		virtqueue_push(vq, elem, 0);
	}
	virtqueue_flush(vq);
	if (virtqueue_enable_notify(vq))
		vdev->transport->wake(vdev, vq);
}

static void start(struct virtio_device *vdev)
{
	struct virtio_input *in = to_input(vdev);

	in->started = true;
	input_prefer(in->vpci.pci.dev.vm->input, &in->input, true);
	show_leds(in);
}

static void reset(struct virtio_device *vdev)
{
	struct virtio_input *in = to_input(vdev);

	in->select = in->subsel = in->leds = in->buttons = 0;
	show_leds(in);
	if (in->started)
		input_prefer(in->vpci.pci.dev.vm->input, &in->input, false);
	in->started = false;
}

static const struct virtio_ops input_ops = {
	.device_id = VIRTIO_ID_INPUT,
	.config_len = sizeof(struct virtio_input_config),
	.get_config = get_config,
	.set_config = set_config,
	.kick = kick,
	.start = start,
	.reset = reset,
};

/* ---- the device classes ---- */

static int virtio_input_realize(struct device *dev, struct err *err)
{
	struct virtio_input *in = (struct virtio_input *)dev;
	const struct model *model = model_of(in);

	virtio_init(&in->vpci.vdev, dev, &input_ops);
	virtio_add_queue(&in->vpci.vdev, QUEUE_SIZE, sizeof(struct virtq_elem));
	virtio_add_queue(&in->vpci.vdev, QUEUE_SIZE, sizeof(struct virtq_elem));
	in->input = model->input;
	in->input.name = model->name;
	in->input.opaque = in;
	input_add(dev->vm->input, &in->input);
	return virtio_pci_realize(&in->vpci, model->class_code, 3, err);
}

static void virtio_input_unrealize(struct device *dev)
{
	struct virtio_input *in = (struct virtio_input *)dev;

	input_remove(dev->vm->input, &in->input);
	virtio_pci_unrealize(&in->vpci);
}

static const struct opt_desc input_props[] = {
	VIRTIO_PCI_PROPS(struct virtio_input, vpci),
	{ .name = NULL },
};

static const struct state_field input_fields[] = {
	STATE_STRUCT_F(struct virtio_input, vpci, &virtio_pci_state),
	STATE_U8_F(struct virtio_input, select),
	STATE_U8_F(struct virtio_input, subsel),
	STATE_U8_F(struct virtio_input, leds),
	STATE_U8_F(struct virtio_input, buttons),
	STATE_END_F,
};

#define INPUT_CLASS(kind, text)                                 \
	static const struct state_desc kind##_state = {         \
		.name = "virtio-" #kind "-pci",                 \
		.version = 1,                                   \
		.fields = input_fields,                         \
		.pre_save = virtio_pci_pre_save,                \
		.validate = virtio_pci_validate,                \
		.post_load = virtio_pci_post_load,              \
	};                                                      \
	const struct device_class virtio_##kind##_pci_class = { \
		.name = "virtio-" #kind "-pci",                 \
		.alias = "virtio-" #kind,                       \
		.bus = "pci",                                   \
		.help = text,                                   \
		.size = sizeof(struct virtio_input),            \
		.props = input_props,                           \
		.state = &kind##_state,                         \
		.realize = virtio_input_realize,                \
		.reset = virtio_pci_reset,                      \
		.quiesce = virtio_pci_quiesce,                  \
		.resume = virtio_pci_resume,                    \
		.unrealize = virtio_input_unrealize,            \
	}

INPUT_CLASS(keyboard, "keyboard");
INPUT_CLASS(mouse, "mouse with relative movements");
INPUT_CLASS(tablet, "pointer with absolute coordinates, as a viewer's is");
