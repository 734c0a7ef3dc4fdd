/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where a moving machine goes to or comes from: a connection, or a file.
 *
 * Opening happens in the main loop's thread, while this process may; the rest in the
 * thread that moves the machine. Every wait ends when channel_cancel() is called.
 */
#ifndef VMM_MIGRATE_CHANNEL_H
#define VMM_MIGRATE_CHANNEL_H

#include "common/err.h"
#include "common/inet.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CHANNEL_OUT (64 << 10)
#define CHANNEL_IN  (32 << 10)

struct channel {
	int fd;         /* -1: not connected yet */
	int cancel;     /* eventfd; readable: give up */
	bool cancelled; /* atomic */
	bool answers;   /* the other side can say something */
	bool pending;   /* the connection is being made */
	bool has_crc;   /* the processor has an instruction for the checksum */
	uint64_t sent;  /* bytes */
	/* of tcp: that is connected to */
	struct inet_addresses addresses;
	unsigned next;
	/* of a server */
	int listen[INET_MAX];
	char *path; /* of the Unix socket that is bound, or NULL */
	char *uri;  /* for messages */
	/* What is written and read instead of a descriptor; NULL: there is one. -errno.
	 */
	int (*io)(struct channel *c, void *data, size_t len, bool write);
	/* What is not written yet; what was read and nobody has asked for. */
	size_t out_len, in_at, in_len;
	uint8_t out[CHANNEL_OUT], in[CHANNEL_IN];
};

/* Opens "tcp:HOST:PORT", "unix:PATH", "fd:NUMBER" or "file:PATH" to be written to
 * (incoming: to be waited at, and read from). fd: what "fd:" stands for, which is the
 * channel's from now on, also on failure; -1: a NUMBER. quick: a name server may take
 * only so long. NULL with a sentence. */
struct channel *channel_open(const char *uri, int fd, bool incoming, bool quick,
                             struct err *err);
/* For has_crc. */
bool channel_find_crc(void);
/* Accepts NULL. */
void channel_free(struct channel *c);
/* It is not used any more, but for its numbers. */
void channel_close(struct channel *c);
/* Any thread. */
void channel_cancel(struct channel *c);
bool channel_is_cancelled(const struct channel *c);

/* Waits until the other side is there. -errno with a sentence, -ECANCELED without. */
int channel_meet(struct channel *c, struct err *err);
/* All of it, or -errno with a sentence. What is written waits for more, until it is
 * flushed, or something is read. */
int channel_write(struct channel *c, const void *data, size_t len, struct err *err);
int channel_flush(struct channel *c, struct err *err);
int channel_read(struct channel *c, void *data, size_t len, struct err *err);
/* All is written; a file is on stable storage. */
int channel_sync(struct channel *c, struct err *err);
/* Waits so many ms, or until it is cancelled: -ECANCELED. */
int channel_pause(struct channel *c, unsigned ms);

#endif
