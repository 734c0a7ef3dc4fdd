// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The block registry: opening images from -drive keys, and what all requests share (range
 * checks, accounting, completion, batches).
 *
 * A completion never runs inside block_submit(): results that are known at once wait in a
 * list for the loop. One batch is what a single wake-up of the loop completes; the
 * attached device hears of its end once.
 */
#include "vmm/block/block.h"

#include "common/cleanup.h"
#include "common/log.h"
#include "vmm/block/file.h"
#include "vmm/block/iov.h"
#include "vmm/block/node.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

struct block_registry {
	struct loop *loop;
	struct aio *aio; /* made with the first image */
	struct block_node *first;
	unsigned names;           /* node names that were made up */
	bool held;                /* another machine has the images */
	struct block_node *batch; /* nodes with completions in this batch */
	struct block_req *soon, **soon_tail;
	struct block_node *soon_nodes;
	struct loop_work soon_work;
	void (*on_error)(void *opaque, const char *id, bool is_write, int code);
	void *error_opaque;
};

/* ---- completion ---- */

static void batch_done(void *opaque)
{
	struct block_registry *reg = opaque;

	while (reg->batch) {
		struct block_node *node = reg->batch;

		reg->batch = node->batch_next;
		node->batch_pending = false;
		if (node->batch_done)
			node->batch_done(node->opaque);
	}
}

void block_registry_on_error(struct block_registry *reg,
                             void (*fn)(void *opaque, const char *id, bool is_write,
                                        int code),
                             void *opaque)
{
	reg->on_error = fn;
	reg->error_opaque = opaque;
}

static void count(struct block_stats *stats, const struct block_req *req, int ret)
{
	uint64_t end = req->offset + req->len;
	bool written = req->op == BLOCK_WRITE || req->op == BLOCK_WRITE_ZEROES;

	stats->last = loop_now();
	stats->time[req->op] += stats->last - req->submitted;
	if (ret < 0) {
		stats->errors[req->op]++;
		return;
	}
	stats->ops[req->op]++;
	stats->bytes[req->op] += req->len;
	if (written && stats->highest_written < end)
		stats->highest_written = end;
}

void block_complete(struct block_req *req, int ret)
{
	struct block_node *node = req->node;

	node->in_flight--;
	if (req->below) {
		req->done(req, ret);
		return;
	}
	count(&node->stats, req, ret);
	if (ret < 0 && node->reg->on_error)
		node->reg->on_error(node->reg->error_opaque, node->id,
		                    req->op != BLOCK_READ, -ret);
	if (!node->batch_pending) {
		node->batch_pending = true;
		node->batch_next = node->reg->batch;
		node->reg->batch = node;
	}
	req->done(req, ret);
}

void block_complete_soon(struct block_req *req, int ret)
{
	struct block_registry *reg = req->node->reg;

	req->result = ret;
	req->next = NULL;
	*reg->soon_tail = req;
	reg->soon_tail = &req->next;
	loop_post(reg->loop, &reg->soon_work);
}

void block_call_soon(struct block_node *node)
{
	struct block_registry *reg = node->reg;

	if (node->soon_pending)
		return;
	node->soon_pending = true;
	node->soon_next = reg->soon_nodes;
	reg->soon_nodes = node;
	loop_post(reg->loop, &reg->soon_work);
}

static void call_soon(struct block_registry *reg)
{
	struct block_node *node;

	while ((node = reg->soon_nodes)) {
		reg->soon_nodes = node->soon_next;
		node->soon_pending = false;
		node->driver->soon(node);
	}
}

static void run_soon(void *opaque)
{
	struct block_registry *reg = opaque;
	struct block_req *req, *next;

	call_soon(reg);
	req = reg->soon;

	reg->soon = NULL;
	reg->soon_tail = &reg->soon;
	for (; req; req = next) {
		next = req->next;
		block_complete(req, req->result);
	}
	batch_done(reg);
	/* Drivers go on with what has completed. */
	if (reg->aio)
		aio_kick(reg->aio);
}

/* ---- submission ---- */

static int check(const struct block_node *node, const struct block_req *req)
{
	if (req->op == BLOCK_FLUSH)
		return 0;
	if ((req->offset | req->len) & 511 || req->offset > node->length ||
	    req->len > node->length - req->offset)
		return node->length ? -EINVAL : -ENOMEDIUM;
	return node->readonly && req->op != BLOCK_READ ? -EROFS : 0;
}

void block_submit(struct block_node *node, struct block_req *req)
{
	int ret = check(node, req);

	req->node = node;
	req->below = false;
	req->durable = !node->write_cache;
	req->submitted = loop_now();
	node->in_flight++;
	if (node->detect_zeroes && req->op == BLOCK_WRITE && ret >= 0 &&
	    iov_is_zero(req->iov, req->iov_count)) {
		req->op = BLOCK_WRITE_ZEROES;
		req->may_unmap = node->detect_zeroes == IMAGE_DETECT_UNMAP;
	}
	if (ret < 0 || (!req->len && req->op != BLOCK_FLUSH))
		block_complete_soon(req, ret);
	else
		node->driver->submit(node, req);
}

void block_submit_below(struct block_node *node, struct block_req *req)
{
	req->node = node;
	req->below = true;
	node->in_flight++;
	node->driver->submit(node, req);
}

void block_kick(struct block_node *node)
{
	/* There is none before the first image: a drive may be empty. */
	if (node->reg->aio)
		aio_kick(node->reg->aio);
}

void block_pool_ran(struct block_registry *reg)
{
	batch_done(reg);
	aio_kick(reg->aio);
}

void block_wait(struct block_registry *reg)
{
	bool soon = reg->soon || reg->soon_nodes;

	run_soon(reg);
	if (!soon)
		aio_wait(reg->aio);
}

void block_drain(struct block_node *node)
{
	while (node->in_flight)
		block_wait(node->reg);
}

static void rw_done(struct block_req *req, int ret)
{
	*(int *)req->opaque = ret;
}

int block_rw_by(block_submit_fn *submit, struct block_node *node, enum block_op op,
                uint64_t offset, void *buf, uint64_t len)
{
	struct iovec iov = { buf, len };
	int ret = -EAGAIN;
	struct block_req req = {
		.op = op,
		.offset = offset,
		.len = len,
		.iov = &iov,
		.iov_count = 1,
		.done = rw_done,
		.opaque = &ret,
	};

	submit(node, &req);
	while (ret == -EAGAIN)
		block_wait(node->reg);
	return ret;
}

int block_rw(struct block_node *node, enum block_op op, uint64_t offset, void *buf,
             uint64_t len)
{
	return block_rw_by(block_submit_below, node, op, offset, buf, len);
}

int block_flush(struct block_node *node)
{
	return block_rw(node, BLOCK_FLUSH, 0, NULL, 0);
}

int block_map(struct block_node *node, uint64_t offset, uint64_t len,
              struct block_extent *extent)
{
	if (!len || offset > node->length || len > node->length - offset)
		return -EINVAL;
	if (node->driver->map)
		return node->driver->map(node, offset, len, extent);
	*extent = (struct block_extent){ BLOCK_DATA, len, true, offset };
	return 0;
}

/* ---- opening ---- */

#define ID_TAKEN "id '%s' is taken by another drive; choose another"

static int set_id(struct block_registry *reg, struct block_node *node,
                  const struct image_opts *image, struct err *err)
{
	const char *id = image->id ? image->id : image->node_name;
	char made[24];

	for (unsigned i = 0; !id && i < UINT16_MAX; i++) {
		snprintf(made, sizeof(made), "drive%u", i);
		if (!block_find(reg, made))
			id = made;
	}
	if (!id || block_find(reg, id))
		return err_usage(err, ID_TAKEN, id ? id : made);
	node->id = strdup(id);
	node->no_drive = !image->id && image->node_name;
	return node->id ? 0 : err_sys(err, ENOMEM, "drive");
}

/* QEMU's way of naming images that have no name: no user's begins with #. */
static int set_node_name(struct block_node *node, const char *name, struct err *err)
{
	if (name && block_find(node->reg, name))
		return err_usage(err, ID_TAKEN, name);
	if (name)
		node->node_name = strdup(name);
	else if (asprintf(&node->node_name, "#block%u", node->reg->names++) < 0)
		node->node_name = NULL;
	return node->node_name ? 0 : err_sys(err, ENOMEM, "drive");
}

struct block_node *block_open_by(struct block_registry *reg,
                                 const struct image_opts *image, struct err *err)
{
	struct image_opts opts = *image;
	struct block_node *node, *above = NULL;

	if (block_check_opts(image, err) < 0)
		return NULL;
	if (!reg->aio)
		reg->aio = aio_new(reg->loop, batch_done, reg, err);
	if (!reg->aio)
		return NULL;
	opts.snapshot &= !opts.readonly;
	opts.may_write = opts.snapshot;
	opts.readonly |= opts.snapshot;
	node = file_open(reg, &opts, err);
	if (node)
		node = format_open(reg, node, &opts, err);
	if (!node)
		return NULL;
	node->cache = image->cache;
	if (set_node_name(node, image->node_name, err) >= 0)
		above = opts.snapshot ? block_put_temporary(node, image, err) : node;
	if (above)
		above->detect_zeroes = image->detect_zeroes;
	else
		block_close(node);
	return above;
}

struct block_node *block_open_below(struct block_registry *reg,
                                    const struct image_opts *image, struct err *err)
{
	struct block_node *node = file_open(reg, image, err);
	uint64_t dev, ino;

	for (const struct image_chain *c = image->above; node && c; c = c->above) {
		if (!file_identity(node, &dev, &ino) || dev != c->dev || ino != c->ino)
			continue;
		err_set(err, ELOOP, "%s is below itself", node->path);
		block_close(node);
		return NULL;
	}
	return node ? format_open(reg, node, image, err) : NULL;
}

struct block_node *block_open(struct block_registry *reg, struct opt_list *opts,
                              struct err *err)
{
	struct image_opts image = { 0 };
	struct block_node *node = NULL;

	if (opts_take(block_options, opts, &image, NULL, err) >= 0)
		node = block_open_by(reg, &image, err);
	if (node && (set_id(reg, node, &image, err) < 0 || block_link(node, err) < 0)) {
		block_close(node);
		node = NULL;
	}
	opts_free(block_options, &image);
	return node;
}

struct block_node *block_open_image(struct block_registry *reg, struct opt_list *opts,
                                    struct err *err)
{
	struct image_opts image = { 0 };
	struct block_node *node = NULL;

	if (opts_take(block_options, opts, &image, NULL, err) >= 0)
		node = block_open_by(reg, &image, err);
	opts_free(block_options, &image);
	return node;
}

int block_link(struct block_node *node, struct err *err)
{
	struct block_node **tail = &node->reg->first;

	if (block_find(node->reg, node->id))
		return err_usage(err, ID_TAKEN, node->id);
	while (*tail)
		tail = &(*tail)->next;
	*tail = node;
	return 0;
}

void block_replace(struct block_node *node, struct block_node *new)
{
	struct block_node **p = &node->reg->first;

	while (*p && *p != node)
		p = &(*p)->next;
	if (!*p)
		return;
	new->next = node->next;
	node->next = NULL;
	*p = new;
}

void block_unlink(struct block_node *node)
{
	for (struct block_node **p = &node->reg->first; *p; p = &(*p)->next) {
		if (*p == node) {
			*p = node->next;
			node->next = NULL;
			return;
		}
	}
}

static void forget_soon(struct block_node *node)
{
	struct block_node **p = &node->reg->soon_nodes;

	while (*p && *p != node)
		p = &(*p)->soon_next;
	if (*p)
		*p = node->soon_next;
	node->soon_pending = false;
}

void block_close(struct block_node *node)
{
	block_unlink(node);
	node->driver->close(node);
	forget_soon(node);
	free(node->id);
	free(node->node_name);
	free(node->path);
	free(node->user);
	free(node);
}

/* ---- the registry ---- */

struct block_registry *block_registry_new(struct loop *loop)
{
	struct block_registry *reg = calloc(1, sizeof(*reg));

	if (!reg)
		return NULL;
	/* A write behind the limit of `ulimit -f` is an error of that request. */
	signal(SIGXFSZ, SIG_IGN);
	reg->loop = loop;
	reg->soon_tail = &reg->soon;
	reg->soon_work = (struct loop_work){ .fn = run_soon, .opaque = reg };
	return reg;
}

void block_registry_free(struct block_registry *reg)
{
	if (!reg)
		return;
	while (reg->first) {
		struct block_node *node = reg->first;

		/* Nodes that use others go before them. */
		while (node && node->user)
			node = node->next;
		node = node ? node : reg->first;
		block_drain(node);
		block_close(node);
	}
	aio_free(reg->aio);
	/* What was to come soon came while the nodes were closed. */
	loop_cancel(reg->loop, &reg->soon_work);
	free(reg);
}

void block_registry_ready(struct block_registry *reg)
{
	/* NULL: there are at most empty drives. Without a ring threads do the work. */
	if (reg->aio)
		aio_need_uring(reg->aio);
}

struct aio *block_aio(struct block_registry *reg)
{
	return reg->aio;
}

bool block_is_held(const struct block_registry *reg)
{
	return reg->held;
}

void block_set_held(struct block_registry *reg, bool held)
{
	reg->held = held;
}

struct block_node *block_find(struct block_registry *reg, const char *id)
{
	for (struct block_node *node = reg->first; node; node = node->next)
		if (!strcmp(node->id, id) ||
		    (node->node_name && !strcmp(node->node_name, id)))
			return node;
	return NULL;
}

/* ---- the attached device ---- */

/* What a device is left with when its image is removed. */

struct block_node *block_want(struct block_registry *reg, const char *id, struct err *err)
{
	struct block_node *node = reg && id ? block_find(reg, id) : NULL;

	if (!id)
		err_usage(err, "it needs a disk; add drive=ID, and a -drive "
		               "if=none,id=ID,file=PATH");
	else if (!node)
		err_usage(err,
		          "there is no drive '%s'; define it with -drive "
		          "if=none,id=%s,file=PATH",
		          id, id);
	return node;
}

static void removed_submit(struct block_node *node, struct block_req *req)
{
	(void)node;
	block_complete_soon(req, -ENOMEDIUM);
}

static int removed_resize(struct block_node *node, uint64_t length, struct err *err)
{
	(void)length;
	return err_set(err, ENOMEDIUM, "drive '%s' was removed", node->id);
}

static void removed_close(struct block_node *node)
{
	(void)node;
}

static const struct block_driver removed_driver = {
	.name = "removed",
	.submit = removed_submit,
	.resize = removed_resize,
	.close = removed_close,
};

struct block_node *block_next(struct block_registry *reg, struct block_node *node)
{
	return node ? node->next : reg->first;
}

const char *block_user(const struct block_node *node)
{
	return node->user;
}

void block_get_info(const struct block_node *node, struct block_info *info)
{
	*info = (struct block_info){
		.length = node->length,
		.readonly = node->readonly,
		.discard = node->discard,
		.cache = node->cache,
		.write_cache = node->write_cache,
		.request_align = node->request_align,
		.path = node->path,
		.format = node->driver->name,
		.id = node->id,
		.detect_zeroes = block_detects[node->detect_zeroes],
		.node_name = node->node_name,
		.no_drive = node->no_drive,
		.below = node->below,
	};
	/* Of a drive: what is in it. */
	if (block_is_removable(node)) {
		info->path = node->child ? node->child->path : NULL;
		info->format = node->child ? node->child->driver->name : NULL;
		info->node_name = node->child ? node->child->node_name : NULL;
	}
}

int64_t block_allocated(const struct block_node *node)
{
	while (node->child)
		node = node->child;
	return node->driver == &file_driver ? file_allocated(node) : -1;
}

const struct block_stats *block_get_stats(const struct block_node *node)
{
	return &node->stats;
}

int block_in_use(const struct block_node *node, struct err *err)
{
	return err_set(err, EBUSY,
	               "drive '%s' is in use by %s; each drive takes one device",
	               node->id, node->user);
}

int block_attach(struct block_node *node, struct block_node **slot, const char *device,
                 void (*resized)(void *opaque), void *opaque, struct err *err)
{
	if (node->user)
		return block_in_use(node, err);
	if (!node->length)
		return err_set(err, ENOMEDIUM,
		               "drive '%s' is empty; this device needs a medium",
		               node->id);
	node->user = strdup(device);
	if (!node->user)
		return err_sys(err, ENOMEM, "drive '%s'", node->id);
	node->slot = slot;
	node->resized = resized;
	node->batch_done = NULL;
	node->opaque = opaque;
	return 0;
}

void block_detach(struct block_node *node)
{
	free(node->user);
	node->user = NULL;
	node->below = false;
	node->slot = NULL;
	node->resized = NULL;
	node->batch_done = NULL;
	if (node->driver == &removed_driver)
		block_close(node);
}

void block_set_auto_close(struct block_node *node)
{
	node->auto_close = true;
}

void block_release(struct block_node *node)
{
	bool close = node->auto_close && node->driver != &removed_driver;

	block_detach(node);
	if (close)
		block_close(node);
}

void block_remove(struct block_node *node)
{
	block_drain(node);
	if (!node->user) {
		block_close(node);
		return;
	}
	block_unlink(node);
	node->driver->close(node);
	forget_soon(node);
	node->driver = &removed_driver;
	node->length = 0;
}

void block_set_batch_done(struct block_node *node, void (*fn)(void *opaque))
{
	node->batch_done = fn;
}

void block_set_write_cache(struct block_node *node, bool on)
{
	node->write_cache = on;
}

int block_resize(struct block_node *node, uint64_t length, struct err *err)
{
	uint64_t old = node->length;
	int ret;

	if (length & 511)
		return err_set(err, EINVAL,
		               "drive '%s': %llu bytes is not a multiple of 512",
		               node->id, (unsigned long long)length);
	if (length && node->readonly)
		return err_set(err, EROFS,
		               "drive '%s' is read-only and cannot be resized", node->id);
	block_drain(node);
	ret = node->driver->resize(node, length, err);
	if (ret < 0)
		return ret;
	if (node->length != old && node->resized)
		node->resized(node->opaque);
	return 0;
}
