/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Between chardev.c and the back ends: what a back end provides and what it may call.
 *
 * A back end's structure starts with struct chardev. Its descriptors are watched in the
 * loop's thread only, by update(); other threads (a vCPU inside chardev_write()) ask for
 * that through chardev_poke(). Everything runs under the loop's lock.
 */
#ifndef VMM_CHARDEV_BACKEND_H
#define VMM_CHARDEV_BACKEND_H

#include "common/cleanup.h"
#include "vmm/chardev/chardev.h"

struct chardev_ops {
	const char *name, *help;
	const char *alias; /* another name that users type, or NULL */
	size_t size;
	const struct opt_desc *opts;
	/* Options are set. On failure close() is called. */
	int (*open)(struct chardev *chr, struct err *err);
	/* Takes some bytes: the count, -EAGAIN when full, another -errno when broken
	 * (what was written is then lost). Any thread under the lock. */
	ssize_t (*write)(struct chardev *chr, const void *data, size_t len);
	/* Loop's thread: watch what chardev_room() and chr->blocked ask for. NULL: there
	 * is nothing to watch. */
	void (*update)(struct chardev *chr);
	/* Accepts a half-open back end. */
	void (*close)(struct chardev *chr);
};

enum { CHARDEV_FRONTS = 4 }; /* that may share a back end with mux=on */

struct chardev_slot {
	struct chardev_front front;
	bool attached;
};

struct mux;

struct chardev {
	const struct chardev_ops *ops;
	struct chardev_registry *reg;
	struct chardev *next;
	char *id;
	char *desc;
	struct chardev_slot slots[CHARDEV_FRONTS];
	unsigned focus;  /* the slot that gets input */
	int mux_mode;    /* enum opt_tri; OPT_TRI_ON: several front ends */
	struct mux *mux; /* the keys behind Ctrl-A work; NULL: input is not looked at */
	char *logfile;   /* a copy of the output goes there; NULL: none */
	bool logappend;
	int log_fd;
	bool log_failed;
	bool wants_monitor; /* "mon:" was in its short form */
	bool exposed;       /* strangers on the network may reach it */
	bool open;          /* somebody is there; else output is dropped */
	bool blocked; /* a write was cut short: the front end waits for `writable` */
	bool starved; /* the front end had no room when it was asked last */
	int passed;   /* a descriptor that came, for chardev_take_fd(); -1: none */
	int out_fd;   /* for chardev_write_wait(); -1: none */
	struct loop_work work;
};

struct chardev_registry {
	struct loop *loop;
	struct chardev *first;
	bool running; /* the machine does: nothing waits for long any more */
	void (*quit)(void *opaque);
	void *quit_opaque;
};

/* A descriptor and what it is watched for at the moment. */
struct chardev_watch {
	struct loop_fd lfd;
	uint32_t events;
};

/* The first rows of every back end's table; mux: the default of that key. */
#define CHARDEV_OPTS(object, mux)                                                \
	{ .name = "id",                                                          \
	  .type = OPT_STR,                                                       \
	  .offset = offsetof(object, chr.id),                                    \
	  .help = "how -device, -serial and -mon refer to it" },                 \
		{ .name = "mux",                                                 \
		  .type = OPT_TRI,                                               \
		  .offset = offsetof(object, chr.mux_mode),                      \
		  .def = mux,                                                    \
		  .help = "on: up to four front ends share it; Ctrl-A is the "   \
		          "VMM's own key" },                                     \
		{ .name = "logfile",                                             \
		  .type = OPT_STR,                                               \
		  .offset = offsetof(object, chr.logfile),                       \
		  .help = "a file that gets a copy of the output" },             \
	{                                                                        \
		.name = "logappend", .type = OPT_BOOL,                           \
		.offset = offsetof(object, chr.logappend), .def = "off",         \
		.help = "keep what is in the log file; off: it is emptied first" \
	}

/* Watches fd for events; 0 stops watching, so that a hang-up cannot spin the loop. 0 or
 * -errno. Loop's thread. */
int chardev_watch(struct chardev *chr, struct chardev_watch *watch, int fd,
                  uint32_t events, void (*fn)(void *opaque, uint32_t events));
void chardev_unwatch(struct chardev *chr, struct chardev_watch *watch);

/* How many bytes of input are taken now; 0 also when there is no front end. */
size_t chardev_room(struct chardev *chr);
/* A front end still works on what the peer sent: its leaving waits for update(). */
bool chardev_busy(struct chardev *chr);
/* A front end takes descriptors. */
bool chardev_wants_fds(const struct chardev *chr);
/* Hands input over: at most chardev_room() bytes. */
void chardev_deliver(struct chardev *chr, const void *data, size_t len);
/* A peer came or went. When it went, a front end that waits is told that it can go on. */
void chardev_set_open(struct chardev *chr, bool open);
/* The back end takes data again. Loop's thread. */
void chardev_unblock(struct chardev *chr);
/* Has update() called soon. Any thread under the lock. */
void chardev_poke(struct chardev *chr);
/* Sets the description. */
void chardev_set_desc(struct chardev *chr, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* write(), or send() without a signal: the count or -errno; EINTR is handled. */
ssize_t chardev_fd_write(int fd, bool socket, const void *data, size_t len);
ssize_t chardev_fd_read(int fd, bool socket, void *data, size_t len);

/* Lets the keys behind Ctrl-A work from now on. drop: input beyond what is kept for a
 * front end without room is dropped, so that the keys always work; else it is not read.
 * 0 or -ENOMEM. */
int chardev_enable_keys(struct chardev *chr, bool drop);

/* mux.c, for chardev.c */
size_t mux_room(struct chardev *chr);
void mux_take(struct chardev *chr, const uint8_t *data, size_t len);
/* A front end has gone: what was typed for it as well. */
void mux_forget(struct chardev *chr, unsigned slot);
/* The next front end gets input from now on. */
void mux_switch(struct chardev *chr);

extern const struct chardev_ops chardev_file_ops, chardev_null_ops, chardev_pipe_ops,
	chardev_pty_ops, chardev_ringbuf_ops, chardev_serial_ops, chardev_socket_ops,
	chardev_stdio_ops;

#endif
