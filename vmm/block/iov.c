// SPDX-License-Identifier: GPL-2.0-or-later
/* Segment lists. Their memory may be a guest's: it is touched once and never trusted. */
#include "vmm/block/iov.h"

#include <string.h>

enum copy { TO_BUF, FROM_BUF, ZERO };

static uint64_t copy(const struct iovec *iov, unsigned count, uint64_t offset,
                     uint8_t *buf, uint64_t len, enum copy how)
{
	uint64_t done = 0;

	for (unsigned i = 0; i < count && done < len; i++) {
		uint8_t *at = (uint8_t *)iov[i].iov_base + offset;
		uint64_t part;

		if (offset >= iov[i].iov_len) {
			offset -= iov[i].iov_len;
			continue;
		}
		part = iov[i].iov_len - offset;
		if (part > len - done)
			part = len - done;
		if (how == ZERO)
			memset(at, 0, part);
		else if (how == TO_BUF)
			memcpy(buf + done, at, part);
		else
			memcpy(at, buf + done, part);
		done += part;
		offset = 0;
	}
	return done;
}

size_t iov_to_buf(const struct iovec *iov, unsigned count, uint64_t offset, void *buf,
                  size_t len)
{
	return copy(iov, count, offset, buf, len, TO_BUF);
}

size_t iov_from_buf(const struct iovec *iov, unsigned count, uint64_t offset,
                    const void *buf, size_t len)
{
	return copy(iov, count, offset, (uint8_t *)buf, len, FROM_BUF);
}

void iov_zero(const struct iovec *iov, unsigned count, uint64_t offset, uint64_t len)
{
	copy(iov, count, offset, NULL, len, ZERO);
}

bool iov_is_zero(const struct iovec *iov, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		const uint8_t *p = iov[i].iov_base;
		size_t len = iov[i].iov_len;

		/* Each byte is like the one before. */
		if (len && (*p || memcmp(p, p + 1, len - 1)))
			return false;
	}
	return true;
}

unsigned iov_slice(const struct iovec *iov, unsigned count, uint64_t offset,
                   struct iovec *out, unsigned max)
{
	unsigned n = 0;

	for (unsigned i = 0; i < count && n < max; i++) {
		if (offset >= iov[i].iov_len) {
			offset -= iov[i].iov_len;
			continue;
		}
		out[n++] = (struct iovec){
			.iov_base = (uint8_t *)iov[i].iov_base + offset,
			.iov_len = iov[i].iov_len - offset,
		};
		offset = 0;
	}
	return n;
}

unsigned iov_cut(const struct iovec *iov, unsigned count, uint64_t offset, uint64_t len,
                 struct iovec *out)
{
	unsigned n = iov_slice(iov, count, offset, out, count);

	for (unsigned i = 0; i < n; i++) {
		if (out[i].iov_len >= len) {
			out[i].iov_len = len;
			return i + 1;
		}
		len -= out[i].iov_len;
	}
	return n;
}

unsigned iov_drop_front(struct iovec *iov, unsigned count, size_t len)
{
	unsigned i = 0;

	while (i < count && len >= iov[i].iov_len)
		len -= iov[i++].iov_len;
	if (i < count) {
		iov[i].iov_base = (uint8_t *)iov[i].iov_base + len;
		iov[i].iov_len -= len;
	}
	return i;
}

unsigned iov_keep_front(struct iovec *iov, unsigned count, uint64_t len)
{
	for (unsigned i = 0; i < count; i++) {
		if (len <= iov[i].iov_len) {
			iov[i].iov_len = len;
			return i + 1;
		}
		len -= iov[i].iov_len;
	}
	return count;
}
