// SPDX-License-Identifier: GPL-2.0-or-later
/* A guest with one virtio-blk disk, for device tests. */
#include "tests/dev/virtio-disk-lib.h"

#include "common/bytes.h"
#include "tests/tap.h"
#include "vmm/virtio/blk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SEGS_MAX 300

static void die(const char *what)
{
	tap_diag("%s: %s", what, strerror(errno));
	exit(1);
}

static void make_image(const char *path)
{
	uint64_t *image = calloc(1, DISK_SIZE);
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	for (uint64_t i = 0; image && i < DISK_SIZE / 512; i++)
		image[i * 64] = i;
	if (!image || fd < 0 || write(fd, image, DISK_SIZE) != DISK_SIZE)
		die(path);
	close(fd);
	free(image);
}

void disk_init(struct disk *k, const char *drive, const char *opts)
{
	char text[300];

	memset(k, 0, sizeof(*k));
	guest_init(&k->g);
	snprintf(k->path, sizeof(k->path), "%s/image", k->g.board.dir);
	make_image(k->path);
	snprintf(text, sizeof(text), "file=%s,format=raw,id=d0%s%s", k->path,
	         *drive ? "," : "", drive);
	k->node = guest_drive(&k->g, text);
	snprintf(text, sizeof(text), "drive=d0%s%s", *opts ? "," : "", opts);
	vdrv_init(&k->d, &k->g, board_add(&k->g.board, &virtio_blk_pci_class, text));
	k->header = guest_alloc(&k->g, sizeof(struct virtio_blk_outhdr));
	k->status = guest_alloc(&k->g, 1);
	k->data = guest_alloc(&k->g, DISK_MAX);
}

void disk_free(struct disk *k)
{
	unlink(k->path);
	guest_free(&k->g);
}

void disk_start(struct disk *k, uint64_t features)
{
	if (!vdrv_negotiate(&k->d, features))
		die("negotiation");
	vqueue_init(&k->q, &k->d, 0, 0, VIRTIO_MSI_NO_VECTOR);
	vdrv_ready(&k->d);
}

void disk_header(struct disk *k, uint64_t gpa, uint32_t type, uint64_t sector)
{
	uint8_t *h = guest_ptr(&k->g, gpa);

	st32(h, type);
	st32(h + 4, 0);
	st64(h + 8, sector);
}

uint8_t disk_segs(struct disk *k, uint32_t type, uint64_t sector, const struct vseg *segs,
                  unsigned count)
{
	struct vseg all[SEGS_MAX + 2] = { { k->header, 16, false } };
	uint8_t *status = guest_ptr(&k->g, k->status);

	if (count > SEGS_MAX)
		die("too many segments");
	if (count)
		memcpy(&all[1], segs, count * sizeof(*segs));
	all[count + 1] = (struct vseg){ k->status, 1, true };
	disk_header(k, k->header, type, sector);
	*status = 0xff;
	return vqueue_do(&k->q, all, count + 2) == UINT32_MAX ? 0xff : *status;
}

uint8_t disk_do(struct disk *k, uint32_t type, uint64_t sector, uint32_t len, bool in)
{
	struct vseg seg = { k->data, len, in };

	return disk_segs(k, type, sector, &seg, len ? 1 : 0);
}

void disk_image(struct disk *k, uint64_t offset, void *buf, size_t len)
{
	int fd = open(k->path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || pread(fd, buf, len, offset) != (ssize_t)len)
		die(k->path);
	close(fd);
}

void *disk_data(struct disk *k)
{
	return guest_ptr(&k->g, k->data);
}

static uint8_t pattern(size_t i, unsigned seed)
{
	return (i * 7 + (i >> 9) * 13 + seed * 31 + 1) & 0xff;
}

void disk_fill(void *buf, size_t len, unsigned seed)
{
	for (size_t i = 0; i < len; i++)
		((uint8_t *)buf)[i] = pattern(i, seed);
}

bool disk_holds(const void *buf, size_t len, unsigned seed)
{
	for (size_t i = 0; i < len; i++)
		if (((const uint8_t *)buf)[i] != pattern(i, seed))
			return false;
	return true;
}
