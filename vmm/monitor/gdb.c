// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The server for GDB: packets in and out, clients that come and go. As with monitors a
 * packet is run from work that was posted to the loop, so that it may release the machine
 * lock; after each the loop gets its turn.
 */
#include "vmm/monitor/gdb.h"

#include "common/cleanup.h"
#include "common/log.h"
#include "vmm/chardev/chardev.h"
#include "vmm/core/vm.h"
#include "vmm/machine/control.h"
#include "vmm/monitor/gdb-session.h"
#include "vmm/monitor/session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define INTERRUPT 0x03 /* what GDB sends for Ctrl-C */

/* ---- output ---- */

static size_t backlog(const struct gdb *gdb)
{
	return gdb->out.len - gdb->out_pos;
}

static void flush(struct gdb *gdb)
{
	if (backlog(gdb))
		gdb->out_pos += chardev_write(gdb->chr, gdb->out.data + gdb->out_pos,
		                              backlog(gdb));
	if (!backlog(gdb)) {
		strbuf_free(&gdb->out);
		gdb->out_pos = 0;
	}
}

void gdb_send(struct gdb *gdb, const char *data, size_t len)
{
	uint8_t sum = 0;

	strbuf_free(&gdb->last);
	strbuf_addc(&gdb->last, '$');
	for (size_t i = 0; i < len; i++) {
		uint8_t c = data[i];

		if (strchr("#$}*", c) && c) {
			strbuf_addc(&gdb->last, '}');
			sum += '}';
			c ^= 0x20;
		}
		strbuf_addc(&gdb->last, c);
		sum += c;
	}
	strbuf_addf(&gdb->last, "#%02x", sum);
	strbuf_add(&gdb->out, gdb->last.data, gdb->last.len);
	flush(gdb);
}

void gdb_stopped(struct gdb *gdb)
{
	_cleanup_strbuf_ struct strbuf reply = { 0 };

	if (!gdb->waiting)
		return;
	gdb->waiting = false;
	gdb_add_stop(gdb, &reply);
	gdb_send(gdb, reply.data, reply.len);
}

/* ---- input ---- */

static void run_packet(struct gdb *gdb)
{
	_cleanup_strbuf_ struct strbuf reply = { 0 };

	gdb->packet[gdb->len] = '\0';
	if (gdb_run(gdb, &reply))
		gdb_send(gdb, reply.data ? reply.data : "", reply.len);
}

/* The two digits are there. */
static void end_packet(struct gdb *gdb)
{
	char sum[3];
	bool good;

	snprintf(sum, sizeof(sum), "%02x", gdb->sum);
	good = gdb->no_ack || !strcasecmp(sum, gdb->given);
	gdb->reading = GDB_IDLE;
	if (!gdb->no_ack)
		strbuf_addc(&gdb->out, good ? '+' : '-');
	if (!good)
		flush(gdb);
	else if (gdb->too_long)
		gdb_send(gdb, "E07", 3); /* E2BIG */
	else
		run_packet(gdb);
}

static void add_data(struct gdb *gdb, uint8_t byte)
{
	if (gdb->len < GDB_PACKET)
		gdb->packet[gdb->len++] = byte;
	else
		gdb->too_long = true;
}

static bool feed_idle(struct gdb *gdb, uint8_t byte)
{
	if (byte == '$') {
		gdb->reading = GDB_DATA;
		gdb->len = gdb->sum = gdb->digits = 0;
		gdb->too_long = false;
	} else if (byte == '-') {
		strbuf_add(&gdb->out, gdb->last.data, gdb->last.len);
		flush(gdb);
	} else if (byte == INTERRUPT) {
		pc_stop(gdb->ctx.pc);
		return true;
	}
	return false;
}

/* True when the byte led to something that may have taken its time. */
static bool feed(struct gdb *gdb, uint8_t byte)
{
	switch (gdb->reading) {
	case GDB_IDLE:
		return feed_idle(gdb, byte);
	case GDB_DATA:
		if (byte == '#') {
			gdb->reading = GDB_SUM;
			return false;
		}
		gdb->sum += byte;
		if (byte == '}')
			gdb->reading = GDB_ESCAPE;
		else
			add_data(gdb, byte);
		return false;
	case GDB_ESCAPE:
		gdb->sum += byte;
		gdb->reading = GDB_DATA;
		add_data(gdb, byte ^ 0x20);
		return false;
	case GDB_SUM:
		gdb->given[gdb->digits++] = byte;
		if (gdb->digits < 2)
			return false;
		end_packet(gdb);
		return true;
	}
	return false;
}

/* ---- clients ---- */

void gdb_let_go(struct gdb *gdb)
{
	bool running = gdb->ctx.vm->runstate == VM_RUNNING;
	struct err err = { 0 };

	gdb->waiting = false;
	pc_stop(gdb->ctx.pc);
	pc_debug_clear(gdb->ctx.pc);
	if (running && pc_cont(gdb->ctx.pc, &err) < 0)
		log_error("gdb: %s", err.text);
}

static void forget(struct gdb *gdb)
{
	strbuf_free(&gdb->out);
	strbuf_free(&gdb->last);
	gdb->out_pos = 0;
	gdb->in_len = 0;
	gdb->reading = GDB_IDLE;
	gdb->no_ack = gdb->swbreak = gdb->hwbreak = gdb->physical = false;
	gdb->cpu = gdb->run_cpu = 0;
}

static void work(void *opaque)
{
	struct gdb *gdb = opaque;
	unsigned used = 0;
	bool ran = false;

	if (gdb->went) {
		gdb_let_go(gdb);
		if (gdb->ctx.vm->runstate != VM_RUNNING)
			log_info("gdb: the debugger went, the machine stands; the "
			         "monitor's 'cont' or another debugger lets it go "
			         "on");
	}
	if (gdb->came)
		pc_stop(gdb->ctx.pc);
	gdb->went = gdb->came = false;
	while (used < gdb->in_len && !ran && backlog(gdb) <= GDB_OUT_BUSY)
		ran = feed(gdb, gdb->in[used++]);
	/* The client may have gone meanwhile, and its input with it. */
	used = used < gdb->in_len ? used : gdb->in_len;
	gdb->in_len -= used;
	memmove(gdb->in, gdb->in + used, gdb->in_len);
	flush(gdb);
	if (gdb->in_len && backlog(gdb) <= GDB_OUT_BUSY)
		loop_post(gdb->ctx.vm->loop, &gdb->work);
	chardev_accept_input(gdb->chr);
}

static size_t chr_can_read(void *opaque)
{
	struct gdb *gdb = opaque;

	return backlog(gdb) > GDB_OUT_BUSY ? 0 : GDB_IN - gdb->in_len;
}

static void chr_read(void *opaque, const uint8_t *data, size_t len)
{
	struct gdb *gdb = opaque;

	memcpy(gdb->in + gdb->in_len, data, len);
	gdb->in_len += len;
	loop_post(gdb->ctx.vm->loop, &gdb->work);
}

static void chr_writable(void *opaque)
{
	struct gdb *gdb = opaque;

	flush(gdb);
	if (gdb->in_len)
		loop_post(gdb->ctx.vm->loop, &gdb->work);
	chardev_accept_input(gdb->chr);
}

static void chr_opened(void *opaque, bool open)
{
	struct gdb *gdb = opaque;

	forget(gdb);
	gdb->came = open;
	gdb->went |= !open;
	loop_post(gdb->ctx.vm->loop, &gdb->work);
}

/* ---- life ---- */

/* "tcp::1234" is "tcp:localhost:1234,server=on,wait=off". */
static struct chardev *open_device(struct chardev_registry *reg, const char *dev,
                                   struct err *err)
{
	_cleanup_strbuf_ struct strbuf text = { 0 };
	bool tcp = !strncmp(dev, "tcp:", 4), here = !strncmp(dev, "tcp::", 5);

	strbuf_addf(&text, "%s%s", here ? "tcp:localhost:" : "", here ? dev + 5 : dev);
	if ((tcp || !strncmp(dev, "unix:", 5)) && !strstr(dev, ",server"))
		strbuf_adds(&text, ",server=on,wait=off");
	if (!text.data) {
		err_sys(err, ENOMEM, "gdb");
		return NULL;
	}
	return chardev_create_short(reg, text.data, "gdb", err);
}

static int check(const struct chardev *chr, struct err *err)
{
	if (!chardev_is_exposed(chr))
		return 0;
	return err_set(err, EPERM,
	               "other hosts could steer the machine, without a password; use "
	               "tcp::PORT or a Unix socket, or add allow=insecure");
}

struct gdb *gdb_new(struct monitors *set, const char *dev, struct err *err)
{
	struct gdb *gdb = calloc(1, sizeof(*gdb));
	struct chardev_front front = {
		.can_read = chr_can_read,
		.read = chr_read,
		.writable = chr_writable,
		.opened = chr_opened,
		.opaque = gdb,
	};
	struct err ignored = { 0 };

	if (!gdb) {
		err_sys(err, ENOMEM, "gdb");
		return NULL;
	}
	gdb->ctx = (struct mon_ctx){ .set = set, .pc = set->pc, .vm = set->vm };
	gdb->work = (struct loop_work){ .fn = work, .opaque = gdb };
	gdb->chr = open_device(set->vm->chardevs, dev, err);
	if (gdb->chr && check(gdb->chr, err) >= 0 &&
	    chardev_attach(gdb->chr, &front, err) >= 0)
		return gdb;
	if (gdb->chr)
		chardev_remove(gdb->chr, &ignored);
	err_prefix(err, "gdb on %s", dev);
	free(gdb);
	return NULL;
}

void gdb_free(struct gdb *gdb)
{
	struct err ignored = { 0 };

	if (!gdb)
		return;
	if (gdb->waiting)
		gdb_send(gdb, "W00", 3);
	loop_cancel(gdb->ctx.vm->loop, &gdb->work);
	chardev_detach(gdb->chr, gdb);
	chardev_remove(gdb->chr, &ignored);
	strbuf_free(&gdb->out);
	strbuf_free(&gdb->last);
	free(gdb);
}

bool gdb_is_busy(const struct gdb *gdb)
{
	return gdb->busy;
}
