// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Hostile qcow2 images: the input is the file, but for its last 32 bytes, which are
 * requests. Whatever it says, each request ends, and nothing else happens.
 */
#include "vmm/block/qcow2.h"
#include "common/cleanup.h"
#include "common/log.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { REQUESTS = 8, SLOTS = 4, MAX_LEN = 1 << 20 };

static struct loop *loop;
static struct block_registry *reg;
static uint8_t *memory;
static unsigned under_way;

static void done(struct block_req *req, int ret)
{
	(void)req;
	(void)ret;
	under_way--;
}

static bool set_up(void)
{
	if (reg)
		return true;
	loop = loop_new(NULL, NULL);
	reg = loop ? block_registry_new(loop) : NULL;
	memory = calloc(1, MAX_LEN);
	return reg && memory;
}

/* Four bytes: operation, length, place. */
static void start(struct block_node *node, const uint8_t *at, struct block_req *req,
                  struct iovec *iov)
{
	struct block_info info;

	block_get_info(node, &info);
	*iov = (struct iovec){ memory, (at[1] % 64 + 1) * (at[1] & 64 ? 8192 : 512) };
	*req = (struct block_req){
		.op = at[0] % 5,
		.offset = info.length / 65536 * (at[2] << 8 | at[3]) / 512 * 512,
		.iov = iov,
		.iov_count = 1,
		.may_unmap = at[0] & 128,
		.done = done,
	};
	req->len = iov->iov_len;
	if (req->offset + req->len > info.length)
		req->len = iov->iov_len = info.length - req->offset;
	if (req->op == BLOCK_FLUSH)
		req->offset = req->len = 0;
	under_way++;
	block_submit(node, req);
}

static void snapshots(struct block_node *node, const uint8_t *at)
{
	const struct qcow2_snapshot values = { .name = "x", .vm_state_size = at[1] };
	struct block_node *qcow2 = qcow2_find(node);
	const struct qcow2_snapshot *first;
	struct err err = { 0 };

	if (at[0] & 32)
		qcow2_snapshot_create(qcow2, &values, &err);
	err_clear(&err);
	first = qcow2_snapshot_at(qcow2, 0);
	if (at[0] & 64 && first)
		qcow2_snapshot_apply(qcow2, first->id, &err);
	err_clear(&err);
	first = qcow2_snapshot_at(qcow2, 0);
	if (at[0] & 128 && first)
		qcow2_snapshot_delete(qcow2, first->id, &err);
}

static void use(struct block_node *node, const uint8_t *requests)
{
	struct block_req reqs[SLOTS];
	struct iovec iovs[SLOTS];
	struct block_info info;
	struct err err = { 0 };

	block_get_info(node, &info);
	for (unsigned i = 0; i < REQUESTS && info.length; i++) {
		start(node, requests + 4 * i, &reqs[i % SLOTS], &iovs[i % SLOTS]);
		if (i % SLOTS != SLOTS - 1)
			continue;
		block_drain(node);
		if (under_way)
			abort();
	}
	/* Walks of everything take long on disks that seem large. */
	if (info.length <= 1 << 20)
		snapshots(node, requests);
	if (requests[1] & 128 && info.length)
		block_resize(node, (requests[2] + 1) * 512, &err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_close_ int fd = -1;
	struct opt_list opts = { 0 };
	struct err err = { 0 };
	struct block_node *node = NULL;
	char text[100];

	if (size < 600 || !set_up())
		return 0;
	fd = memfd_create("qcow2", MFD_CLOEXEC);
	size -= 4 * REQUESTS;
	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		return 0;
	snprintf(text, sizeof(text), "/proc/self/fd/%d,format=qcow2,%s", fd,
	         data[size] & 16 ? "discard=unmap" : "discard=ignore,cache=writethrough");
	if (opt_list_parse(&opts, text, "file", &err) >= 0)
		node = block_open(reg, &opts, &err);
	opt_list_free(&opts);
	if (node) {
		use(node, data + size);
		block_drain(node);
		block_close(node);
	}
	return 0;
}
