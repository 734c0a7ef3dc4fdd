// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Images that change hands between two machines that have them open, one of which runs.
 * The lock of the file says whose they are. Loop's thread, nothing is in flight.
 */
#include "vmm/block/file.h"

#include "common/cleanup.h"

#include <errno.h>
#include <string.h>

/* What is below it and no node of its own. */
static struct block_node *below(const struct block_node *node)
{
	return block_is_removable(node) && node->child && node->child->user ? NULL
	                                                                    : node->child;
}

static struct file_node *to_file(struct block_node *node)
{
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

static void unlock(struct block_node *node)
{
	for (; node; node = below(node))
		if (to_file(node))
			file_unlock(to_file(node));
}

/* Upper ones first: what they kept back goes to those below. */
static int settle(struct block_node *node, struct err *err)
{
	int ret = 0;

	for (; node && ret >= 0; node = below(node))
		if (node->driver->refresh)
			ret = node->driver->refresh(node, false, err);
	return ret;
}

int block_registry_give(struct block_registry *reg, struct err *err)
{
	struct block_node *node = NULL;
	int ret = 0;

	if (block_is_held(reg))
		return 0;
	while (ret >= 0 && (node = block_next(reg, node))) {
		if (!node->readonly && node->length)
			ret = flush(node, err);
		if (ret >= 0)
			ret = settle(node, err);
	}
	if (ret < 0)
		return ret;
	while ((node = block_next(reg, node)))
		unlock(node);
	block_set_held(reg, true);
	return 0;
}

/* ---- taking ---- */

int block_take_node(struct block_node *node, struct err *err)
{
	int ret = below(node) ? block_take_node(below(node), err) : 0;

	if (ret >= 0 && to_file(node))
		ret = file_take(to_file(node), err);
	if (ret >= 0 && node->driver->refresh)
		ret = node->driver->refresh(node, true, err);
	return ret;
}

int block_registry_take(struct block_registry *reg, struct err *err)
{
	struct block_node *node = NULL;
	int ret = 0;

	if (!block_is_held(reg))
		return 0;
	block_set_held(reg, false);
	while (ret >= 0 && (node = block_next(reg, node)))
		ret = block_take_node(node, err);
	if (ret >= 0)
		return 0;
	block_set_held(reg, true);
	for (node = NULL; (node = block_next(reg, node));)
		unlock(node);
	return ret;
}
