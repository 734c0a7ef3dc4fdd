// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Drives whose medium comes and goes (CD-ROM): a node of its own that stays, with an
 * image below it, or nothing.
 *
 * What is known of the medium (length, whether it is read-only …) is copied when it is
 * put in; without one every request fails with -ENOMEDIUM. The tray is the device's: it
 * says whether it is open or locked, and is asked to move. A medium is put in and taken
 * out only while the tray is open. Loop's thread or under its lock.
 */
#include "common/bytes.h"
#include "common/cleanup.h"
#include "vmm/block/node.h"

#include <errno.h>
#include <string.h>

struct drive {
	struct block_node node; /* child: the medium, or NULL */
	bool borrowed; /* it is a node of blockdev-add's, and stays when it leaves */
	const struct block_tray *tray;
};

static struct drive *to_drive(const struct block_node *node)
{
	return (struct drive *)node;
}

/* ---- requests ---- */

static void drive_submit(struct block_node *node, struct block_req *req)
{
	if (node->child)
		node->child->driver->submit(node->child, req);
	else
		block_complete_soon(req, -ENOMEDIUM);
}

static int drive_resize(struct block_node *node, uint64_t length, struct err *err)
{
	int ret;

	if (!node->child)
		return err_set(err, ENOMEDIUM, "Device '%s' has no medium", node->id);
	ret = node->child->driver->resize(node->child, length, err);
	node->length = node->child->length;
	return ret;
}

static void take_out(struct block_node *node)
{
	struct drive *drive = to_drive(node);

	if (node->child && drive->borrowed)
		block_detach(node->child);
	else if (node->child)
		block_close(node->child);
	node->child = NULL;
	drive->borrowed = false;
	node->length = 0;
	node->readonly = true;
	node->discard = node->write_cache = false;
	node->request_align = 512;
}

static const struct block_driver drive_driver = {
	.name = "drive",
	.submit = drive_submit,
	.resize = drive_resize,
	.close = take_out,
};

bool block_is_removable(const struct block_node *node)
{
	return node->driver == &drive_driver;
}

static void put_in(struct block_node *node, struct block_node *medium)
{
	node->child = medium;
	node->length = medium->length;
	node->readonly = medium->readonly;
	node->discard = medium->discard;
	node->cache = medium->cache;
	node->write_cache = medium->write_cache;
	node->request_align = medium->request_align;
}

/* ---- making one ---- */

struct block_node *block_new_drive(struct block_registry *reg, const char *id,
                                   struct err *err)
{
	struct drive *drive = calloc(1, sizeof(*drive));
	struct block_node *node = &drive->node;

	if (drive)
		node->id = strdup(id);
	if (!drive || !node->id) {
		err_sys(err, ENOMEM, "drive '%s'", id);
		free(drive);
		return NULL;
	}
	node->driver = &drive_driver;
	node->reg = reg;
	take_out(node);
	if (block_link(node, err) < 0) {
		block_close(node);
		return NULL;
	}
	return node;
}

struct block_node *block_make_removable(struct block_node *medium, struct err *err)
{
	struct block_node *node;

	if (block_is_removable(medium))
		return medium;
	if (medium->user) {
		block_in_use(medium, err);
		return NULL;
	}
	/* The name is the drive's from now on. */
	block_unlink(medium);
	node = block_new_drive(medium->reg, medium->id, err);
	if (!node) {
		block_link(medium, NULL);
		return NULL;
	}
	node->auto_close = medium->auto_close;
	node->no_drive = medium->no_drive;
	put_in(node, medium);
	return node;
}

int block_attach_tray(struct block_node *node, const char *device,
                      const struct block_tray *tray, void *opaque, struct err *err)
{
	if (node->user)
		return block_in_use(node, err);
	node->user = strdup(device);
	if (!node->user)
		return err_sys(err, ENOMEM, "drive '%s'", node->id);
	node->opaque = opaque;
	to_drive(node)->tray = tray;
	return 0;
}

/* ---- for monitors ---- */

static const struct block_tray *tray_of(const struct block_node *node)
{
	return block_is_removable(node) && node->user ? to_drive(node)->tray : NULL;
}

bool block_tray_is_open(const struct block_node *node)
{
	const struct block_tray *tray = tray_of(node);

	return tray && tray->is_open(node->opaque);
}

bool block_tray_is_locked(const struct block_node *node)
{
	const struct block_tray *tray = tray_of(node);

	return tray && tray->is_locked(node->opaque);
}

static int check_removable(const struct block_node *node, struct err *err)
{
	return block_is_removable(node)
	               ? 0
	               : err_set(err, EINVAL, "Device '%s' is not removable", node->id);
}

int block_open_tray(struct block_node *node, bool force, struct err *err)
{
	const struct block_tray *tray = tray_of(node);
	int ret = check_removable(node, err);

	if (ret < 0 || !tray || tray->is_open(node->opaque))
		return ret;
	if (tray->is_locked(node->opaque)) {
		tray->request(node->opaque, force);
		if (!force)
			return err_set(err, EBUSY,
			               "Device '%s' is locked and force was not "
			               "specified, wait for tray to open and try again",
			               node->id);
	}
	block_drain(node);
	tray->move(node->opaque, true);
	return 0;
}

int block_close_tray(struct block_node *node, struct err *err)
{
	const struct block_tray *tray = tray_of(node);
	int ret = check_removable(node, err);

	if (ret >= 0 && tray && tray->is_open(node->opaque))
		tray->move(node->opaque, false);
	return ret;
}

static int check_open(const struct block_node *node, struct err *err)
{
	int ret = check_removable(node, err);

	if (ret >= 0 && tray_of(node) && !block_tray_is_open(node))
		return err_set(err, EBUSY, "Tray of device '%s' is not open", node->id);
	return ret;
}

int block_remove_medium(struct block_node *node, struct err *err)
{
	int ret = check_open(node, err);

	if (ret >= 0) {
		block_drain(node);
		take_out(node);
	}
	return ret;
}

int block_insert_medium(struct block_node *node, struct block_node *medium,
                        struct err *err)
{
	int ret = check_open(node, err);

	if (ret < 0)
		return ret;
	if (node->child)
		return err_set(err, EBUSY, "There already is a medium in device '%s'",
		               node->id);
	ret = block_attach(medium, NULL, node->id, NULL, NULL, err);
	if (ret < 0)
		return ret;
	put_in(node, medium);
	medium->below = true;
	to_drive(node)->borrowed = true;
	return 0;
}

int block_change_medium(struct block_node *node, struct opt_list *opts, bool force,
                        struct err *err)
{
	struct err own = { 0 };
	struct block_node *medium;
	int ret;

	if (!err)
		err = &own;
	ret = check_removable(node, err);
	if (ret < 0)
		return ret;
	/* Opened before the old one is let go: what cannot be opened changes nothing. */
	medium = block_open_image(node->reg, opts, err);
	if (!medium)
		return -err->code;
	ret = block_open_tray(node, force, err);
	if (ret < 0) {
		block_close(medium);
		return ret;
	}
	block_drain(node);
	take_out(node);
	put_in(node, medium);
	return block_close_tray(node, err);
}

/* ---- what is on a CD ---- */

enum { VOLUME = 0x8000, VOLUME_BLOCKS = 80, CD_BLOCK = 2048 };

/* One of the descriptors that begin at VOLUME (ECMA-119, 8.1); false: there is none. */
static bool read_descriptor(struct block_node *node, unsigned index, uint8_t *out,
                            unsigned len)
{
	uint8_t blocks[2 * CD_BLOCK];
	struct block_node *file = node;
	int n;

	while (file->child)
		file = file->child;
	n = file->path ? file_peek(file, VOLUME, blocks, sizeof(blocks)) : 0;
	if (n < (int)(index * CD_BLOCK + len))
		return false;
	memcpy(out, blocks + index * CD_BLOCK, len);
	return !memcmp(out + 1, "CD001", 5);
}

int block_check_cd(struct block_node *node, struct err *err)
{
	uint8_t volume[VOLUME_BLOCKS + 4];
	struct block_info info;
	uint64_t want;

	if (!read_descriptor(node, 0, volume, sizeof(volume)) || volume[0] != 1)
		return 0;
	want = (uint64_t)ld32(volume + VOLUME_BLOCKS) * CD_BLOCK;
	if (want <= node->length)
		return 0;
	block_get_info(node, &info);
	return err_set(err, EINVAL,
	               "the CD image %s is truncated: its volume has %llu bytes, the "
	               "file %llu; copy it again",
	               info.path, (unsigned long long)want,
	               (unsigned long long)node->length);
}

bool block_cd_boots(struct block_node *node)
{
	static const char system[] = "EL TORITO SPECIFICATION";
	uint8_t descriptor[7 + sizeof(system)];

	return !read_descriptor(node, 0, descriptor, sizeof(descriptor)) ||
	       (read_descriptor(node, 1, descriptor, sizeof(descriptor)) &&
	        !descriptor[0] && !memcmp(descriptor + 7, system, sizeof(system)));
}
