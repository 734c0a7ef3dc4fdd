/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whole reads and writes on file descriptors; EINTR and short counts are handled here. */
#ifndef COMMON_FDIO_H
#define COMMON_FDIO_H

#include "common/err.h"
#include "common/strbuf.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* First in each main: what the caller closed of standard input, output and errors stays
 * closed. The number is taken, so that no file, socket or image that is opened later is
 * read or written in its place. */
void fd_reserve_std(void);

/* Reads until len bytes, end of file or an error. Returns the count read or -errno. */
ssize_t fd_read(int fd, void *buf, size_t len);
ssize_t fd_pread(int fd, void *buf, size_t len, uint64_t offset);
/* Writes everything: 0, or -errno (-EAGAIN on a full non-blocking fd: the data is cut).
 */
int fd_write(int fd, const void *buf, size_t len);
/* Writes all of text to standard output: 0, or -errno with a sentence, marked as one of
 * output. -EPIPE, nobody reads any longer, is for the caller to judge. */
int fd_print(const struct strbuf *text, struct err *err);
int fd_pwrite(int fd, const void *buf, size_t len, uint64_t offset);

/* A whole small file as a NUL-terminated allocated string (*len may be NULL: its length).
 * Files beyond max bytes are refused with -EFBIG. path is for openat(dirfd). */
int fd_read_file(int dirfd, const char *path, size_t max, char **text, size_t *len);

/* Opens a regular file for reading and returns its fd; *size is its length. A directory,
 * a device or a file that cannot be opened is an error that names `what` and path. */
int fd_open_regular(const char *path, const char *what, uint64_t *size, struct err *err);

#endif
