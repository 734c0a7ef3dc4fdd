// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Images that change hands between two machines that have them open, one of which runs.
 * The lock of the file says whose they are. Loop's thread, nothing is in flight.
 */
#include "vmm/block/file.h"

#include "common/cleanup.h"

#include <errno.h>
#include <string.h>

/* The file of an image; NULL: a drive is empty, or its image is a node of its own. */
static struct file_node *file_of(struct block_node *node)
{
	if (block_is_removable(node) && node->child && node->child->user)
		return NULL;
	while (node->child)
		node = node->child;
	return node->driver == &file_driver ? (struct file_node *)node : NULL;
}

void block_registry_hold(struct block_registry *reg)
{
	block_set_held(reg, true);
}

/* ---- giving ---- */

static void flushed(struct block_req *req, int ret)
{
	*(int *)req->opaque = ret;
}

static int flush(struct block_node *node, struct err *err)
{
	int ret = -EINPROGRESS;
	struct block_req req = { .op = BLOCK_FLUSH, .done = flushed, .opaque = &ret };

	block_submit(node, &req);
	block_kick(node);
	block_drain(node);
	return ret < 0 ? err_sys(err, -ret, "disk '%s' cannot be flushed", node->id) : 0;
}

int block_registry_give(struct block_registry *reg, struct err *err)
{
	struct block_node *node = NULL;
	struct file_node *file;
	int ret = 0;

	if (block_is_held(reg))
		return 0;
	while ((node = block_next(reg, node)) && ret >= 0)
		if (!node->readonly && file_of(node))
			ret = flush(node, err);
	if (ret < 0)
		return ret;
	while ((node = block_next(reg, node)))
		if ((file = file_of(node)))
			file_unlock(file);
	block_set_held(reg, true);
	return 0;
}

/* ---- taking ---- */

static int refresh(struct block_node *node, struct err *err)
{
	struct file_node *file = file_of(node);
	uint64_t length = 0;
	int ret;

	if (!file)
		return 0;
	/* Another process's requests are checked against this length. */
	ret = file_get_length(file->fd, file->aio_flags & AIO_BLOCK_DEV, &length);
	if (ret < 0)
		return err_sys(err, -ret, "cannot read the size of %s", file->node.path);
	if (&file->node != node && node->driver->refresh)
		return node->driver->refresh(node, err);
	if (length + 511 < file->node.length)
		return err_set(err, EINVAL, "%s became shorter meanwhile",
		               file->node.path);
	return 0;
}

int block_registry_take(struct block_registry *reg, struct err *err)
{
	struct block_node *node = NULL;
	struct file_node *file;
	int ret = 0;

	if (!block_is_held(reg))
		return 0;
	while (ret >= 0 && (node = block_next(reg, node))) {
		file = file_of(node);
		ret = file ? file_lock(file, err) : 0;
		if (ret >= 0)
			ret = refresh(node, err);
	}
	if (ret >= 0) {
		block_set_held(reg, false);
		return 0;
	}
	for (node = NULL; (node = block_next(reg, node));)
		if ((file = file_of(node)))
			file_unlock(file);
	return ret;
}
