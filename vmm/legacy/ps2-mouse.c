// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The PS/2 mouse (IBM PS/2 Hardware Interface Technical Reference, "Mouse") with the
 * wheel and five buttons of Microsoft's IntelliMouse, which a sequence of sample rates
 * unlocks. Movements gather until they fit into the queue. Machine lock.
 */
#include "vmm/legacy/ps2.h"

#include <errno.h>
#include <string.h>

enum {
	CMD_SCALING_1 = 0xe6,
	CMD_SCALING_2 = 0xe7,
	CMD_RESOLUTION = 0xe8,
	CMD_STATUS = 0xe9,
	CMD_STREAM = 0xea,
	CMD_READ = 0xeb,
	CMD_UNWRAP = 0xec,
	CMD_WRAP = 0xee,
	CMD_REMOTE = 0xf0,
	CMD_IDENTIFY = 0xf2,
	CMD_RATE = 0xf3,
	CMD_ENABLE = 0xf4,
	CMD_DISABLE = 0xf5,
	CMD_DEFAULTS = 0xf6,
	CMD_RESEND = 0xfe,
	CMD_RESET = 0xff,

	ANSWER_GOOD = 0xaa,
	ANSWER_ACK = 0xfa,
	ANSWER_RESEND = 0xfe,

	ID_PLAIN = 0,
	ID_WHEEL = 3,
	ID_FIVE = 4,
};

static void send(struct ps2_mouse *m, uint8_t byte)
{
	if (m->queue.len == PS2_QUEUE)
		return;
	m->queue.data[m->queue.len++] = byte;
	m->last = byte;
}

static void answer(struct ps2_mouse *m, uint8_t byte)
{
	m->queue.len = 0;
	send(m, byte);
}

static void set_defaults(struct ps2_mouse *m)
{
	m->rate = 100;
	m->resolution = 2;
	m->enabled = m->remote = m->wrap = m->scaling = false;
	m->command = m->knock = 0;
	m->dx = m->dy = m->dz = 0;
	m->told = m->buttons;
}

void ps2_mouse_reset(struct ps2_mouse *m)
{
	*m = (struct ps2_mouse){ 0 };
	set_defaults(m);
}

/* ---- movements ---- */

static int take(uint32_t *sum, int min, int max)
{
	int all = (int32_t)*sum, part = all < min ? min : all > max ? max : all;

	*sum = all - part;
	return part;
}

static void send_packet(struct ps2_mouse *m)
{
	int dx = take(&m->dx, -255, 255), dy = take(&m->dy, -255, 255), dz;

	m->told = m->buttons;
	send(m, 0x08 | (m->buttons & 7) | (dx < 0) << 4 | (dy < 0) << 5);
	send(m, dx);
	send(m, dy);
	if (m->id == ID_PLAIN) {
		m->dz = 0;
		return;
	}
	dz = take(&m->dz, m->id == ID_FIVE ? -7 : -127, m->id == ID_FIVE ? 7 : 127);
	send(m, m->id == ID_FIVE ? (dz & 15) | (m->buttons & 0x18) << 1 : dz);
}

static bool has_news(const struct ps2_mouse *m)
{
	return m->dx || m->dy || m->dz || m->buttons != m->told;
}

void ps2_mouse_fill(struct ps2_mouse *m)
{
	if (!m->enabled || m->remote || m->wrap)
		return;
	while (has_news(m) && m->queue.len + 4 <= PS2_QUEUE)
		send_packet(m);
}

static void gather(uint32_t *sum, int by)
{
	int64_t all = (int64_t)(int32_t)*sum + by;

	*sum = (uint32_t)(int32_t)(all > 4096 ? 4096 : all < -4096 ? -4096 : all);
}

void ps2_mouse_move(struct ps2_mouse *m, int dx, int dy, int wheel, unsigned buttons)
{
	m->buttons = buttons & 0x1f;
	if (!m->enabled && !m->remote) {
		m->told = m->buttons;
		return;
	}
	gather(&m->dx, dx);
	gather(&m->dy, -dy);
	gather(&m->dz, wheel);
	ps2_mouse_fill(m);
}

/* ---- commands ---- */

static void set_rate(struct ps2_mouse *m, uint8_t rate)
{
	/* 200, 100, 80: the wheel; with it 200, 200, 80: two more buttons */
	static const uint8_t wheel[] = { 200, 100, 80 }, five[] = { 200, 200, 80 };
	const uint8_t *want = m->id == ID_PLAIN ? wheel : five;

	m->rate = rate;
	m->knock = rate == want[m->knock] ? m->knock + 1 : rate == want[0];
	if (m->knock < sizeof(wheel))
		return;
	m->knock = 0;
	m->id = want == wheel ? ID_WHEEL : ID_FIVE;
}

static void write_argument(struct ps2_mouse *m, uint8_t command, uint8_t byte)
{
	answer(m, ANSWER_ACK);
	if (command == CMD_RATE)
		set_rate(m, byte);
	else
		m->resolution = byte & 3;
}

static void run_command(struct ps2_mouse *m, uint8_t byte, uint8_t last)
{
	answer(m, ANSWER_ACK);
	switch (byte) {
	case CMD_SCALING_1:
	case CMD_SCALING_2:
		m->scaling = byte == CMD_SCALING_2;
		break;
	case CMD_RESOLUTION:
	case CMD_RATE:
		m->command = byte;
		break;
	case CMD_STATUS:
		/* The buttons stand the other way round here. */
		send(m, m->remote << 6 | m->enabled << 5 | m->scaling << 4 |
		                (m->buttons & 1) << 2 | (m->buttons & 4) >> 1 |
		                (m->buttons & 2) >> 1);
		send(m, m->resolution);
		send(m, m->rate);
		break;
	case CMD_STREAM:
	case CMD_REMOTE:
		m->remote = byte == CMD_REMOTE;
		break;
	case CMD_READ:
		send_packet(m);
		break;
	case CMD_UNWRAP:
	case CMD_WRAP:
		m->wrap = byte == CMD_WRAP;
		break;
	case CMD_IDENTIFY:
		send(m, m->id);
		break;
	case CMD_ENABLE:
	case CMD_DISABLE:
		m->enabled = byte == CMD_ENABLE;
		break;
	case CMD_DEFAULTS:
		set_defaults(m);
		break;
	case CMD_RESEND:
		answer(m, last);
		break;
	case CMD_RESET:
		m->id = ID_PLAIN;
		set_defaults(m);
		send(m, ANSWER_GOOD);
		send(m, ID_PLAIN);
		break;
	default:
		answer(m, ANSWER_RESEND);
	}
}

void ps2_mouse_write(struct ps2_mouse *m, uint8_t byte)
{
	uint8_t command = m->command;

	m->command = 0;
	if (m->wrap && byte != CMD_UNWRAP && byte != CMD_RESET)
		answer(m, byte);
	else if (command)
		write_argument(m, command, byte);
	else
		run_command(m, byte, m->last);
}

/* ---- state ---- */

static const struct state_field mouse_fields[] = {
	STATE_VBYTES_F(struct ps2_mouse, queue.data, queue.len),
	STATE_U8_F(struct ps2_mouse, command),
	STATE_U8_F(struct ps2_mouse, id),
	STATE_U8_F(struct ps2_mouse, rate),
	STATE_U8_F(struct ps2_mouse, resolution),
	STATE_U8_F(struct ps2_mouse, last),
	STATE_U8_F(struct ps2_mouse, knock),
	STATE_BOOL_F(struct ps2_mouse, enabled),
	STATE_BOOL_F(struct ps2_mouse, remote),
	STATE_BOOL_F(struct ps2_mouse, wrap),
	STATE_BOOL_F(struct ps2_mouse, scaling),
	STATE_U8_F(struct ps2_mouse, buttons),
	STATE_U8_F(struct ps2_mouse, told),
	STATE_U32_F(struct ps2_mouse, dx),
	STATE_U32_F(struct ps2_mouse, dy),
	STATE_U32_F(struct ps2_mouse, dz),
	STATE_END_F,
};

const struct state_desc ps2_mouse_state = {
	.name = "ps2-mouse",
	.version = 1,
	.fields = mouse_fields,
};

int ps2_mouse_validate(const struct ps2_mouse *m, struct err *err)
{
	if (m->id != ID_PLAIN && m->id != ID_WHEEL && m->id != ID_FIVE)
		return err_set(err, EINVAL, "there is no mouse of type %u", m->id);
	if (m->knock > 2)
		return err_set(err, EINVAL, "a sequence of %u sample rates", m->knock);
	return 0;
}
