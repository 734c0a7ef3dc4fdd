/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The port for browsers: pages of a folder (noVNC) by HTTP, and WebSockets, which become
 * clients like others. A page of somebody else's must not connect: browsers name the page
 * (Origin), and it has to come from where it connects to.
 */
#ifndef VMM_HELPERS_VNC_HTTP_H
#define VMM_HELPERS_VNC_HTTP_H

#include "common/err.h"

#include <poll.h>

enum { HTTP_MAX_CONNECTIONS = 16 };

struct http;

/* dir: where the pages are, which are read now; "": WebSockets only. local: others cannot
 * reach the port. accept gets sockets whose request for a WebSocket was not read yet.
 * NULL with a sentence on failure. */
struct http *http_new(const char *dir, bool local, void (*accept)(void *opaque, int fd),
                      void *opaque, struct err *err);
void http_free(struct http *http);
/* Takes the socket. */
void http_add(struct http *http, int fd);
/* What it waits for, up to HTTP_MAX_CONNECTIONS: their number. *timeout: milliseconds
 * after which http_serve() has to be called; unchanged if never. */
unsigned http_gather(struct http *http, struct pollfd *fds, int *timeout);
/* fds as http_gather() filled them, with what happened. */
void http_serve(struct http *http, const struct pollfd *fds, unsigned count);

#endif
