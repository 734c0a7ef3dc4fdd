/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * TLS of a server (GnuTLS): credentials, which QEMU's tls-creds-x509 and tls-creds-anon
 * describe (common/vncproto.h), and sessions on sockets that never wait. What a session
 * writes is taken as a whole record or not at all.
 */
#ifndef VMM_HELPERS_VNC_TLS_H
#define VMM_HELPERS_VNC_TLS_H

#include "common/err.h"
#include "common/vncproto.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct tls;
struct tls_session;

/* Reads the files; they stay the caller's. NULL with a sentence. */
struct tls *tls_new(const struct vnc_tls *config, const int *files, struct err *err);
/* Accepts NULL. Without sessions by then. */
void tls_free(struct tls *tls);

/* A session on the socket, which stays the caller's. NULL: no memory. */
struct tls_session *tls_open(struct tls *tls, int fd);
/* Accepts NULL. */
void tls_close(struct tls_session *session);
/* Goes on with the handshake. 1: it is done, 0: it waits, -1: it failed. */
int tls_shake(struct tls_session *session);
/* The handshake waits for room to write, not for bytes. */
bool tls_is_writing(const struct tls_session *session);
/* As recv() and send() with MSG_DONTWAIT: bytes, 0 at the end, -1 with errno. After
 * EAGAIN the next write has the same data. */
ssize_t tls_read(struct tls_session *session, void *data, size_t len);
ssize_t tls_write(struct tls_session *session, const void *data, size_t len);
/* Bytes that were received and not yet read. */
bool tls_has_pending(const struct tls_session *session);

#endif
