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

struct chardev {
	const struct chardev_ops *ops;
	struct chardev_registry *reg;
	struct chardev *next;
	char *id;
	char *desc;
	struct chardev_front front;
	bool attached;
	bool open;    /* somebody is there; else output is dropped */
	bool blocked; /* a write was cut short: the front end waits for `writable` */
	bool starved; /* the front end had no room when it was asked last */
	int out_fd;   /* for chardev_write_wait(); -1: none */
	struct loop_work work;
};

struct chardev_registry {
	struct loop *loop;
	struct chardev *first;
	void (*quit)(void *opaque);
	void *quit_opaque;
};

/* A descriptor and what it is watched for at the moment. */
struct chardev_watch {
	struct loop_fd lfd;
	uint32_t events;
};

#define CHARDEV_OPTS(object)                                                       \
	{                                                                          \
		.name = "id", .type = OPT_STR, .offset = offsetof(object, chr.id), \
		.help = "how -device, -serial and -mon refer to it"                \
	}

/* Watches fd for events; 0 stops watching, so that a hang-up cannot spin the loop. 0 or
 * -errno. Loop's thread. */
int chardev_watch(struct chardev *chr, struct chardev_watch *watch, int fd,
                  uint32_t events, void (*fn)(void *opaque, uint32_t events));
void chardev_unwatch(struct chardev *chr, struct chardev_watch *watch);

/* How many bytes the front end takes now; 0 also when there is none. */
size_t chardev_room(struct chardev *chr);
/* Hands input to the front end: at most chardev_room() bytes. */
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

extern const struct chardev_ops chardev_stdio_ops, chardev_null_ops, chardev_file_ops,
	chardev_socket_ops, chardev_pty_ops;

#endif
