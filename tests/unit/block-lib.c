// SPDX-License-Identifier: GPL-2.0-or-later
/* Images, nodes and synchronous requests, for the tests of the block layer. */
#include "tests/unit/block-lib.h"

#include "common/cleanup.h"
#include "tests/tap.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

static void die(const char *what, const struct err *err)
{
	tap_diag("%s: %s", what, err && err->code ? err->text : strerror(errno));
	exit(1);
}

void bench_init(struct bench *b, const char *base)
{
	struct err err = { 0 };

	snprintf(b->dir, sizeof(b->dir), "%s/kvmkit-block-XXXXXX", base);
	if (!mkdtemp(b->dir))
		die(b->dir, NULL);
	b->loop = loop_new(NULL, &err);
	b->reg = b->loop ? block_registry_new(b->loop) : NULL;
	if (!b->reg)
		die("registry", &err);
}

void bench_free(struct bench *b)
{
	DIR *dir = opendir(b->dir);
	struct dirent *e;

	block_registry_free(b->reg);
	loop_free(b->loop);
	while (dir && (e = readdir(dir)))
		if (e->d_name[0] != '.')
			unlink(bench_path(b, e->d_name));
	if (dir)
		closedir(dir);
	if (rmdir(b->dir) < 0)
		tap_diag("%s is left behind: %s", b->dir, strerror(errno));
}

const char *bench_path(struct bench *b, const char *name)
{
	static char path[4][400];
	static unsigned next;
	char *p = path[next++ % 4];

	snprintf(p, sizeof(path[0]), "%s/%s", b->dir, name);
	return p;
}

uint8_t bench_byte(uint64_t i)
{
	return (i * 5 + (i >> 9) * 11 + (i >> 17) * 3 + 1) & 0xff;
}

const char *bench_image(struct bench *b, const char *name, uint64_t size)
{
	const char *path = bench_path(b, name);
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	_cleanup_free_ uint8_t *data = malloc(size ? size : 1);

	for (uint64_t i = 0; data && i < size; i++)
		data[i] = bench_byte(i);
	if (fd < 0 || !data || write(fd, data, size) != (ssize_t)size)
		die(path, NULL);
	close(fd);
	return path;
}

struct block_node *bench_open(struct bench *b, const char *text, struct err *err)
{
	struct err own = { 0 };
	struct opt_list opts = { 0 };
	struct block_node *node = NULL;

	if (opt_list_parse(&opts, text, "file", err ? err : &own) >= 0)
		node = block_open(b->reg, &opts, err ? err : &own);
	opt_list_free(&opts);
	if (!node && !err)
		die(text, &own);
	return node;
}

struct waiter {
	bool done;
	int ret;
	unsigned calls;
};

static void waiter_done(struct block_req *req, int ret)
{
	struct waiter *w = req->opaque;

	w->done = true;
	w->ret = ret;
	w->calls++;
}

int bench_run(struct bench *b, struct block_node *node, struct block_req *req)
{
	uint64_t end = loop_now() + 60000000000ull;
	struct waiter w = { 0 };

	if (req->op <= BLOCK_WRITE) {
		req->len = 0;
		for (unsigned i = 0; i < req->iov_count; i++)
			req->len += req->iov[i].iov_len;
	}
	req->done = waiter_done;
	req->opaque = &w;
	block_submit(node, req);
	if (w.done)
		tap_ok(false, "a request completed inside its submit");
	block_kick(node);
	while (!w.done && loop_now() < end)
		loop_run_once(b->loop, 100);
	if (w.calls != 1)
		tap_ok(false, "a request completed %u times", w.calls);
	return w.done ? w.ret : -ETIMEDOUT;
}

int bench_do(struct bench *b, struct block_node *node, enum block_op op, uint64_t offset,
             void *buf, uint64_t len)
{
	struct iovec iov = { buf, len };
	struct block_req req = {
		.op = op, .offset = offset, .len = len, .iov = &iov, .iov_count = 1
	};

	return bench_run(b, node, &req);
}

bool bench_holds(const uint8_t *buf, uint64_t offset, uint64_t len)
{
	for (uint64_t i = 0; i < len; i++)
		if (buf[i] != bench_byte(offset + i))
			return false;
	return true;
}

void bench_read(const char *path, uint64_t offset, void *buf, size_t len)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || pread(fd, buf, len, offset) != (ssize_t)len)
		die(path, NULL);
	close(fd);
}

uint64_t bench_size(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		die(path, NULL);
	return st.st_size;
}

int bench_fd_of(const char *path)
{
	struct stat want, st;

	if (stat(path, &want) < 0)
		return -1;
	for (int fd = 3; fd < 1024; fd++)
		if (!fstat(fd, &st) && st.st_dev == want.st_dev &&
		    st.st_ino == want.st_ino)
			return fd;
	return -1;
}
