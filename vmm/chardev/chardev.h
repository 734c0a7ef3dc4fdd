/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Character devices: the host end of a serial port, a virtio console, a debug port or a
 * monitor.
 *
 * A chardev belongs to one loop (the main loop) and is used under its lock. It has one
 * front end, or with mux=on up to four: all of them write, the one in focus gets the
 * input, and Ctrl-A c moves the focus. A back end that is slow or absent never blocks:
 * chardev_write() says how much it took.
 */
#ifndef VMM_CHARDEV_CHARDEV_H
#define VMM_CHARDEV_CHARDEV_H

#include "common/err.h"
#include "common/opts.h"
#include "vmm/loop/loop.h"

#include <sys/types.h>

struct chardev;
struct chardev_registry;

/* What the front end is told. */
struct chardev_front {
	/* How many bytes the front end can take now; 0 stops reading until
	 * chardev_accept_input(). */
	size_t (*can_read)(void *opaque);
	void (*read)(void *opaque, const uint8_t *data, size_t len);
	/* What was read is not answered yet: a peer that has said all that it will is
	 * not let go before chardev_accept_input(). NULL: never. */
	bool (*busy)(void *opaque);
	/* The back end takes data again after a short chardev_write(). */
	void (*writable)(void *opaque);
	/* A client came (true) or went; NULL: not interested. */
	void (*opened)(void *opaque, bool open);
	/* The user sent a break (Ctrl-A b); NULL: not interested. */
	void (*line_break)(void *opaque);
	/* With mux=on: input goes to this front end from now on (true), or to another.
	 * One that is never told has the focus. NULL: not interested. */
	void (*focus)(void *opaque, bool focused);
	/* chr replaces the chardev it was attached to, which goes away. NULL: it cannot
	 * be replaced. */
	void (*moved)(void *opaque, struct chardev *chr);
	/* Takes descriptors that come with the data: chardev_take_fd(). Without, they are
	 * not received. */
	bool takes_fds;
	void *opaque;
};

/* NULL when memory is short. Ignores SIGPIPE from now on: a reader that goes away is an
 * error of the write. */
struct chardev_registry *chardev_registry_new(struct loop *loop);
/* Closes every chardev and restores the terminal. After the devices are gone and the loop
 * has run for the last time, before loop_free(); accepts NULL. */
void chardev_registry_free(struct chardev_registry *reg);
/* The machine runs from now on: no name server or peer is waited for any more. */
void chardev_registry_start(struct chardev_registry *reg);
/* What Ctrl-A x does; called in the loop's thread. */
void chardev_registry_set_quit(struct chardev_registry *reg, void (*fn)(void *opaque),
                               void *opaque);

/* -chardev BACKEND,id=ID,…; the back end's name is the value of the key "backend". NULL
 * with a sentence on failure. */
struct chardev *chardev_create(struct chardev_registry *reg, struct opt_list *opts,
                               struct err *err);
/* The short forms of -serial and friends: "stdio", "null", "file:P", "pipe:P",
 * "unix:P,server,nowait", "tcp:HOST:PORT,…", "telnet:HOST:PORT,…", "pty", "/dev/TTY",
 * "chardev:ID"; "mon:" before one of them shares it with a monitor. "none" is the
 * caller's business. id names the new chardev; "chardev:ID" returns the existing one. */
struct chardev *chardev_create_short(struct chardev_registry *reg, const char *text,
                                     const char *id, struct err *err);
struct chardev *chardev_find(struct chardev_registry *reg, const char *id);
/* The chardev after chr, or the first for NULL; NULL at the end. */
struct chardev *chardev_next(struct chardev_registry *reg, struct chardev *chr);
bool chardev_is_attached(const struct chardev *chr);
/* A human monitor shall share it: its short form began with "mon:". */
bool chardev_wants_monitor(const struct chardev *chr);
/* It is a TCP socket that other hosts may reach, and allow=insecure was not given. */
bool chardev_is_exposed(const struct chardev *chr);
/* The id and a description such as "pty:/dev/pts/3", for the user. */
const char *chardev_id(const struct chardev *chr);
const char *chardev_describe(const struct chardev *chr);

/* Attaches a front end. -EBUSY with a sentence when there is one already, or four with
 * mux=on. front is copied; its opaque tells it from others. */
int chardev_attach(struct chardev *chr, const struct chardev_front *front,
                   struct err *err);
void chardev_detach(struct chardev *chr, const void *opaque);
/* Writes up to len bytes; returns the count taken. Less than len: `writable` will be
 * called. A back end with no client (a server socket nobody connected to) takes and drops
 * everything. */
size_t chardev_write(struct chardev *chr, const void *data, size_t len);
/* The same for last words: waits up to timeout_ms for a back end that is full, then gives
 * up. Only while the machine goes down. */
size_t chardev_write_wait(struct chardev *chr, const void *data, size_t len,
                          unsigned timeout_ms);
/* The descriptor that a client passed last, which is the caller's from now on; -1: none.
 */
int chardev_take_fd(struct chardev *chr);
/* can_read may have become non-zero. */
void chardev_accept_input(struct chardev *chr);
/* The peer sent a break, or the user in its place: the front end in focus hears of it. */
void chardev_line_break(struct chardev *chr);
/* Closes one that nobody uses. -EBUSY with a sentence when somebody does. Loop's thread.
 */
int chardev_remove(struct chardev *chr, struct err *err);
/* Gives the front end of chr another back end, created from opts (whose id is set to that
 * of chr). On failure everything stays as it was, but for what the options name (a file
 * that was emptied). Loop's thread. NULL with a sentence. */
struct chardev *chardev_change(struct chardev *chr, struct opt_list *opts,
                               struct err *err);
/* The back end "ringbuf": takes the oldest bytes out (up to len; the count), or appends
 * as a guest would. -EINVAL with a sentence for other back ends. */
ssize_t chardev_ringbuf_read(struct chardev *chr, void *data, size_t len,
                             struct err *err);
int chardev_ringbuf_write(struct chardev *chr, const void *data, size_t len,
                          struct err *err);
/* -chardev help, or NAME,help. */
void chardev_help(const char *name, struct strbuf *out);

#endif
