// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The back end "ringbuf": keeps the last bytes of output in memory, for the monitor's
 * ringbuf_read. The oldest bytes give way; it is never full and has no input.
 */
#include "vmm/chardev/backend.h"

#include <errno.h>
#include <string.h>

struct ringbuf {
	struct chardev chr;
	uint64_t size;
	uint8_t *data;
	size_t start, len;
};

static const struct opt_desc ringbuf_opts[] = {
	CHARDEV_OPTS(struct ringbuf, "off"),
	{ .name = "size",
	  .type = OPT_SIZE,
	  .offset = offsetof(struct ringbuf, size),
	  .def = "64k",
	  .min = 1,
	  .max = 16 << 20,
	  .help = "bytes that are kept: a power of two up to 16M" },
	{ .name = NULL },
};

static int ringbuf_open(struct chardev *chr, struct err *err)
{
	struct ringbuf *r = (struct ringbuf *)chr;

	if (r->size & (r->size - 1))
		return err_usage(err, "size=%llu is no power of two",
		                 (unsigned long long)r->size);
	r->data = malloc(r->size);
	if (!r->data)
		return err_sys(err, ENOMEM, "size=%llu", (unsigned long long)r->size);
	chr->open = true;
	return 0;
}

static ssize_t ringbuf_write(struct chardev *chr, const void *data, size_t len)
{
	struct ringbuf *r = (struct ringbuf *)chr;
	const uint8_t *bytes = data;

	for (size_t i = 0; i < len; i++) {
		r->data[(r->start + r->len) & (r->size - 1)] = bytes[i];
		if (r->len < r->size)
			r->len++;
		else
			r->start++;
	}
	return len;
}

static void ringbuf_close(struct chardev *chr)
{
	free(((struct ringbuf *)chr)->data);
}

static int check_kind(const struct chardev *chr, struct err *err)
{
	return chr->ops == &chardev_ringbuf_ops
	               ? 0
	               : err_set(err, EINVAL, "%s is not a ringbuf device", chr->id);
}

ssize_t chardev_ringbuf_read(struct chardev *chr, void *data, size_t len, struct err *err)
{
	struct ringbuf *r = (struct ringbuf *)chr;
	uint8_t *bytes = data;
	size_t n;

	if (check_kind(chr, err) < 0)
		return -EINVAL;
	n = len < r->len ? len : r->len;
	for (size_t i = 0; i < n; i++)
		bytes[i] = r->data[(r->start + i) & (r->size - 1)];
	r->start = (r->start + n) & (r->size - 1);
	r->len -= n;
	return n;
}

int chardev_ringbuf_write(struct chardev *chr, const void *data, size_t len,
                          struct err *err)
{
	int ret = check_kind(chr, err);

	if (ret >= 0)
		ringbuf_write(chr, data, len);
	return ret;
}

const struct chardev_ops chardev_ringbuf_ops = {
	.name = "ringbuf",
	.alias = "memory",
	.help = "the last output in memory, for the monitor to read",
	.size = sizeof(struct ringbuf),
	.opts = ringbuf_opts,
	.open = ringbuf_open,
	.write = ringbuf_write,
	.close = ringbuf_close,
};
