/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between the files of the server for GDB: packets, and what they ask for. */
#ifndef VMM_MONITOR_GDB_SESSION_H
#define VMM_MONITOR_GDB_SESSION_H

#include "common/strbuf.h"
#include "vmm/loop/loop.h"
#include "vmm/machine/debug.h"
#include "vmm/monitor/command.h"

enum {
	GDB_IN = 4096,            /* bytes of input that wait for their turn */
	GDB_PACKET = 16384,       /* bytes of a packet's contents */
	GDB_OUT_BUSY = 256 << 10, /* output beyond which no packet is read */
};

enum gdb_read { GDB_IDLE, GDB_DATA, GDB_ESCAPE, GDB_SUM };

struct gdb {
	struct chardev *chr;
	struct mon_ctx ctx;
	struct loop_work work;
	uint8_t in[GDB_IN];
	unsigned in_len;
	struct strbuf out, last; /* last: the answer, to be repeated */
	size_t out_pos;
	bool came, went; /* a client did, and the machine does not know yet */
	bool busy;       /* in a monitor's command */
	/* the packet that comes */
	enum gdb_read reading;
	uint8_t sum, digits;
	char given[3]; /* its check sum, as it came */
	bool too_long;
	char packet[GDB_PACKET + 1];
	unsigned len;
	/* what the client said */
	bool no_ack, swbreak, hwbreak;
	bool physical; /* addresses of memory are */
	bool waiting;  /* for the machine to stop */
	unsigned cpu;  /* of registers and memory */
	unsigned run_cpu;
	unsigned next_thread;
};

/* Runs one packet: returns true when *reply is the answer, false when that comes later.
 * gdb-packet.c */
bool gdb_run(struct gdb *gdb, struct strbuf *reply);
/* The answer to a machine that stopped. */
void gdb_add_stop(struct gdb *gdb, struct strbuf *reply);
/* Sends one packet. gdb.c */
void gdb_send(struct gdb *gdb, const char *data, size_t len);
/* The target description (target.xml). gdb-target.c */
void gdb_add_target(struct strbuf *out);

#endif
