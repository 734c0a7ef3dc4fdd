/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One connection to a QMP socket: commands and their answers, events. */
#ifndef CTL_CLIENT_H
#define CTL_CLIENT_H

#include "common/err.h"
#include "common/strbuf.h"

#include <jansson.h>

#define CLIENT_LINE_MAX (16 << 20) /* bytes of one answer */

struct client {
	int fd;
	int timeout_ms; /* for one answer; -1: for ever */
	struct strbuf in;
	size_t seen; /* bytes of `in` that have no line end in them */
};

/* Connects to a Unix socket; nothing is said yet. -errno with a sentence. */
int client_connect(struct client *c, const char *path, struct err *err);
/* Reads the greeting and ends the negotiation. */
int client_negotiate(struct client *c, struct err *err);
/* Runs a command (args is taken, or NULL); *result is the caller's. Events that come
 * before the answer are dropped. QMP's errors become sentences. */
int client_run(struct client *c, const char *command, json_t *args, json_t **result,
               struct err *err);
/* The next object, whatever it is; NULL with err->code 0 at the end of the connection.
 * The timeout counts, but for events, which come when they come. */
json_t *client_next(struct client *c, int timeout_ms, struct err *err);
void client_close(struct client *c);

#endif
