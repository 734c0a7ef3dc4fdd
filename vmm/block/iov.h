/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copies between a list of segments and plain memory. */
#ifndef VMM_BLOCK_IOV_H
#define VMM_BLOCK_IOV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

/* Copies up to len bytes, starting `offset` bytes into the list; returns the count. */
size_t iov_to_buf(const struct iovec *iov, unsigned count, uint64_t offset, void *buf,
                  size_t len);
size_t iov_from_buf(const struct iovec *iov, unsigned count, uint64_t offset,
                    const void *buf, size_t len);
/* Sets len bytes to zero, starting `offset` bytes into the list. */
void iov_zero(const struct iovec *iov, unsigned count, uint64_t offset, uint64_t len);
/* Nothing but zeros, while nobody changes it. */
bool iov_is_zero(const struct iovec *iov, unsigned count);
/* Writes the part of the list behind `offset` to out, at most max segments; returns their
 * number. */
unsigned iov_slice(const struct iovec *iov, unsigned count, uint64_t offset,
                   struct iovec *out, unsigned max);
/* The same for len bytes, which the list has; out has room for count. */
unsigned iov_cut(const struct iovec *iov, unsigned count, uint64_t offset, uint64_t len,
                 struct iovec *out);
/* Removes len bytes from the front, in place; returns how many whole segments went. */
unsigned iov_drop_front(struct iovec *iov, unsigned count, size_t len);
/* Shortens the list to len bytes, which it has, in place; returns its segments then. */
unsigned iov_keep_front(struct iovec *iov, unsigned count, uint64_t len);

#endif
