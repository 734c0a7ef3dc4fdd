// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The name of the backing file stands in the first cluster, behind the header extensions,
 * one of which is its format. All other extensions stay, whatever they are.
 */
#include "vmm/block/qcow2-rename.h"

#include "common/bytes.h"
#include "common/cleanup.h"
#include "common/fdio.h"
#include "vmm/block/file.h"
#include "vmm/block/qcow2.h"

#include <endian.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#define MAX_HEAD 65536 /* what is looked at: header and extensions */

/* Appends; false: there is no room. */
static bool add(uint8_t *to, uint32_t *at, uint32_t room, const void *data, uint32_t len)
{
	if (len > room || align_up(*at + len, 8) > room)
		return false;
	memcpy(to + *at, data, len);
	*at = align_up(*at + len, 8);
	return true;
}

static bool add_extension(uint8_t *to, uint32_t *at, uint32_t room, uint32_t type,
                          const void *data, uint32_t len)
{
	struct qcow2_extension e = { htobe32(type), htobe32(len) };

	return add(to, at, room, &e, sizeof(e)) && add(to, at, room, data, len);
}

/* All extensions but that of the format. -EINVAL: they have no end. */
static int copy_extensions(const uint8_t *from, uint32_t pos, uint8_t *to, uint32_t *at,
                           uint32_t room)
{
	while (pos + sizeof(struct qcow2_extension) <= room) {
		uint32_t type = be32toh(ld32(from + pos)),
			 len = be32toh(ld32(from + pos + 4));

		if (type == QCOW2_EXT_END)
			return 0;
		pos += sizeof(struct qcow2_extension);
		if (len > room - pos)
			return -EINVAL;
		if (type != QCOW2_EXT_BACKING_FMT &&
		    !add_extension(to, at, room, type, from + pos, len))
			return -ENOSPC;
		pos = align_up(pos + len, 8);
	}
	return -EINVAL;
}

static int build(const uint8_t *old, uint8_t *new, uint32_t room, const char *name,
                 const char *format)
{
	struct qcow2_header h;
	uint32_t start = QCOW2_V2_HEADER, at, len = name ? strlen(name) : 0;
	int ret;

	memcpy(&h, old, sizeof(h));
	if (be32toh(h.version) >= 3)
		start = be32toh(h.header_len);
	if (start < QCOW2_V2_HEADER || start > room || start & 7)
		return -EINVAL;
	memcpy(new, old, start);
	at = start;
	if (name && format &&
	    !add_extension(new, &at, room, QCOW2_EXT_BACKING_FMT, format, strlen(format)))
		return -ENOSPC;
	ret = copy_extensions(old, start, new, &at, room);
	if (ret < 0)
		return ret;
	if (!add_extension(new, &at, room, QCOW2_EXT_END, "", 0) || len > room - at)
		return -ENOSPC;
	if (len)
		memcpy(new + at, name, len);
	st64(new + offsetof(struct qcow2_header, backing_offset), htobe64(len ? at : 0));
	st32(new + offsetof(struct qcow2_header, backing_len), htobe32(len));
	return 0;
}

int qcow2_set_backing(struct block_node *file, const char *name, const char *format,
                      struct err *err)
{
	int fd = container_of(file, struct file_node, node)->fd, ret;
	_cleanup_free_ uint8_t *old = calloc(1, MAX_HEAD), *new = calloc(1, MAX_HEAD);
	uint32_t bits, room;
	ssize_t got;

	if (!old || !new)
		return err_sys(err, ENOMEM, "%s", file->path);
	if (name && strlen(name) > QCOW2_MAX_BACKING_NAME)
		return err_usage(err,
		                 "the name of the backing file is too long; 1023 bytes "
		                 "are possible");
	got = fd_pread(fd, old, MAX_HEAD, 0);
	if (got < 0)
		return err_sys(err, -got, "cannot read %s", file->path);
	bits = be32toh(ld32(old + offsetof(struct qcow2_header, cluster_bits)));
	if (be32toh(ld32(old)) != QCOW2_MAGIC || bits < QCOW2_MIN_CLUSTER_BITS ||
	    bits > QCOW2_MAX_CLUSTER_BITS)
		return err_set(err, EINVAL, "%s is no sound qcow2 image", file->path);
	room = bits < 16 ? 1u << bits : MAX_HEAD;
	ret = build(old, new, room, name, format);
	if (ret == -ENOSPC)
		return err_set(
			err, ENOSPC,
			"%s: the name of the backing file does not fit into the first "
			"cluster; give a shorter one",
			file->path);
	if (ret < 0)
		return err_set(err, -ret, "%s: its header is damaged; try vmm-img check",
		               file->path);
	ret = fd_pwrite(fd, new, room, 0);
	if (!ret && fdatasync(fd) < 0)
		ret = -errno;
	return ret < 0 ? err_sys(err, -ret, "cannot write %s", file->path) : 0;
}
