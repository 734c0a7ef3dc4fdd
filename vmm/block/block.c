// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Block nodes: opening by -drive's keys, the way of a request to its engine, statistics.
 *
 * Every request ends in block_complete(), from the loop or from block_drain(), never from
 * inside block_submit(): what fails at once is posted to the thread pool like anything
 * that blocks.
 */
#include "vmm/block/internal.h"

#include "common/cleanup.h"
#include "common/log.h"

#include <errno.h>
#include <string.h>

static const char *const cache_names[] = {
	[BLOCK_WRITEBACK] = "writeback",
	[BLOCK_WRITETHROUGH] = "writethrough",
	[BLOCK_NONE] = "none",
	[BLOCK_UNSAFE] = "unsafe",
	[BLOCK_DIRECTSYNC] = "directsync",
	NULL,
};
static const char *const aio_names[] = { "io_uring", "threads", NULL };
static const char *const discard_names[] = { "unmap", "ignore", NULL };

#define ROW(n, t, f, d, h)                                                      \
	{                                                                       \
		.name = n, .type = t, .offset = offsetof(struct drive_opts, f), \
		.def = d, .help = h                                             \
	}

const struct opt_desc drive_options[] = {
	ROW("file", OPT_STR, file, NULL, "the image file or block device"),
	ROW("format", OPT_STR, format, NULL, "format of the image (raw)"),
	ROW("id", OPT_STR, id, NULL, "name, for -device drive="),
	ROW("readonly", OPT_BOOL, readonly, "off", "never write to the image"),
	{ .name = "read-only", .alias_of = "readonly" },
	{ .name = "cache",
	  .type = OPT_ENUM,
	  .offset = offsetof(struct drive_opts, cache),
	  .def = "writeback",
	  .choices = cache_names,
	  .help = "host cache and durability" },
	{ .name = "aio",
	  .type = OPT_ENUM,
	  .offset = offsetof(struct drive_opts, aio),
	  .def = "io_uring",
	  .choices = aio_names,
	  .help = "how requests reach the kernel" },
	{ .name = "discard",
	  .type = OPT_ENUM,
	  .offset = offsetof(struct drive_opts, discard),
	  .def = "unmap",
	  .choices = discard_names,
	  .help = "give freed blocks back to the host" },
	ROW("locking", OPT_BOOL, locking, "on", "lock the image against other machines"),
	{ .name = "file.locking", .alias_of = "locking" },
	{ .name = NULL },
};

/* ---- registry ---- */

struct block_registry *block_registry_new(struct loop *loop)
{
	struct block_registry *reg = calloc(1, sizeof(*reg));

	if (reg)
		reg->loop = loop;
	return reg;
}

void block_registry_free(struct block_registry *reg)
{
	if (!reg)
		return;
	while (reg->nodes)
		block_close(reg->nodes);
	uring_free(reg->uring);
	pool_free(reg->pool);
	free(reg);
}

struct block_node *block_find(struct block_registry *reg, const char *id)
{
	for (struct block_node *node = reg->nodes; node; node = node->next)
		if (!strcmp(node->opts.id, id))
			return node;
	return NULL;
}

/* ---- nodes ---- */

static int check_names(struct block_registry *reg, const struct drive_opts *opts,
                       struct err *err)
{
	if (!opts->file || !*opts->file)
		return err_usage(err, "no file= is given");
	if (!opts->id || !*opts->id)
		return err_usage(err, "no id= is given");
	if (block_find(reg, opts->id))
		return err_usage(err,
		                 "id '%s' is taken by another image; choose another id",
		                 opts->id);
	return 0;
}

struct block_node *block_open(struct block_registry *reg, struct opt_list *opts,
                              struct err *err)
{
	struct block_node *node = calloc(1, sizeof(*node));
	int ret;

	if (!node) {
		err_sys(err, ENOMEM, "image");
		return NULL;
	}
	node->fd = -1;
	node->reg = reg;
	pthread_mutex_init(&node->rmw_lock, NULL);
	ret = opts_apply(drive_options, opts, &node->opts, "image", err);
	if (ret >= 0)
		ret = check_names(reg, &node->opts, err);
	if (ret >= 0)
		ret = block_file_open(node, err);
	if (ret < 0) {
		block_close(node);
		return NULL;
	}
	node->next = reg->nodes;
	reg->nodes = node;
	return node;
}

void block_close(struct block_node *node)
{
	for (struct block_node **p = &node->reg->nodes; *p; p = &(*p)->next) {
		if (*p == node) {
			*p = node->next;
			break;
		}
	}
	if (node->fd >= 0) {
		block_drain(node);
		close(node->fd);
	}
	pthread_mutex_destroy(&node->rmw_lock);
	opts_free(drive_options, &node->opts);
	free(node);
}

void block_get_info(const struct block_node *node, struct block_info *info)
{
	enum block_cache cache = node->opts.cache;

	*info = (struct block_info){
		.length = node->length,
		.readonly = node->opts.readonly,
		.discard = node->opts.discard == BLOCK_DISCARD_UNMAP,
		.write_cache = cache != BLOCK_WRITETHROUGH && cache != BLOCK_DIRECTSYNC,
		.request_align = node->align,
		.path = node->opts.file,
		.format = "raw",
		.id = node->opts.id,
	};
}

const struct block_stats *block_get_stats(const struct block_node *node)
{
	return &node->stats;
}

int block_attach(struct block_node *node, const char *device,
                 void (*resized)(void *opaque), void *opaque, struct err *err)
{
	if (node->user)
		return err_set(err, EBUSY, "the image '%s' is already used by %s",
		               node->opts.id, node->user);
	node->user = device;
	node->resized = resized;
	node->resized_opaque = opaque;
	return 0;
}

void block_detach(struct block_node *node)
{
	node->user = NULL;
	node->resized = NULL;
}

int block_resize(struct block_node *node, uint64_t length, struct err *err)
{
	if (length % 512)
		return err_set(err, EINVAL, "%llu bytes are not a multiple of 512",
		               (unsigned long long)length);
	if (node->is_device) {
		int64_t now = block_file_length(node);

		if (now < 0 || length > (uint64_t)now)
			return err_set(err, EINVAL,
			               "the block device %s is not that large",
			               node->opts.file);
	} else if (node->opts.readonly) {
		return err_set(err, EROFS, "the image %s was opened with readonly=on",
		               node->opts.file);
	} else if (ftruncate(node->fd, length) < 0) {
		return err_sys(err, errno, "cannot resize the image %s", node->opts.file);
	}
	node->length = length;
	if (node->resized)
		node->resized(node->resized_opaque);
	return 0;
}

/* ---- requests ---- */

void block_complete(struct block_req *req, int ret)
{
	struct block_node *node = req->node;

	node->in_flight--;
	node->stats.ops[req->op]++;
	if (ret < 0)
		node->stats.errors[req->op]++;
	else
		node->stats.bytes[req->op] += req->len;
	req->done(req, ret);
}

/* A request on its way through the pool. */
struct block_job {
	struct pool_job job;
	struct block_req *req;
	int ret; /* set before run() when the request failed already */
};

static void job_run(struct pool_job *pj)
{
	struct block_job *job = container_of(pj, struct block_job, job);

	if (!job->ret)
		job->ret = block_file_blocking(job->req->node, job->req);
}

static void job_done(struct pool_job *pj)
{
	struct block_job *job = container_of(pj, struct block_job, job);
	struct block_req *req = job->req;
	int ret = job->ret > 0 ? 0 : job->ret;

	free(job);
	block_complete(req, ret);
}

/* ret: 0 to do it, a negative errno to fail, 1 to succeed without doing anything. */
static void submit_job(struct block_node *node, struct block_req *req, int ret)
{
	struct block_registry *reg = node->reg;
	struct block_job *job = calloc(1, sizeof(*job));

	if (!reg->pool)
		reg->pool = pool_new(reg->loop, NULL);
	if (!job || !reg->pool) {
		/* No memory even for the error path: completing here is the lesser evil.
		 */
		free(job);
		block_complete(req, -ENOMEM);
		return;
	}
	job->job = (struct pool_job){ .run = job_run, .done = job_done };
	job->req = req;
	job->ret = ret;
	pool_submit(reg->pool, &job->job);
}

static bool is_aligned(const struct block_node *node, const struct block_req *req)
{
	uint64_t bits = req->offset | req->len;

	if (node->align == 1)
		return true;
	for (unsigned i = 0; i < req->iov_count; i++)
		bits |= (uintptr_t)req->iov[i].iov_base | req->iov[i].iov_len;
	return !(bits & (node->align - 1));
}

static struct uring *get_uring(struct block_node *node)
{
	struct block_registry *reg = node->reg;

	if (node->opts.aio != BLOCK_AIO_URING || reg->no_uring)
		return NULL;
	if (!reg->uring) {
		reg->uring = uring_new(reg);
		reg->no_uring = !reg->uring;
	}
	return reg->uring;
}

/* As submit_job()'s ret. */
static int check_request(const struct block_node *node, const struct block_req *req)
{
	if (req->op == BLOCK_FLUSH)
		return node->opts.cache == BLOCK_UNSAFE ? 1 : 0;
	if ((req->offset | req->len) % 512 || req->offset > node->length ||
	    req->len > node->length - req->offset)
		return -EINVAL;
	if (req->op != BLOCK_READ && node->opts.readonly)
		return -EROFS;
	return req->len ? 0 : 1;
}

void block_submit(struct block_node *node, struct block_req *req)
{
	int ret = check_request(node, req);
	bool moves = req->op == BLOCK_READ || req->op == BLOCK_WRITE;
	struct uring *uring = NULL;

	req->node = node;
	node->in_flight++;
	if (!ret && (req->op == BLOCK_FLUSH || (moves && is_aligned(node, req))))
		uring = get_uring(node);
	if (uring)
		uring_add(uring, req);
	else
		submit_job(node, req, ret);
}

void block_kick(struct block_node *node)
{
	if (node->reg->uring)
		uring_submit(node->reg->uring, false);
}

void block_drain(struct block_node *node)
{
	struct block_registry *reg = node->reg;

	while (node->in_flight) {
		block_kick(node);
		/* Either engine may hold the request: wait for the pool only when it has
		 * work. */
		if (!pool_wait(reg->pool) && reg->uring)
			uring_submit(reg->uring, true);
	}
}
