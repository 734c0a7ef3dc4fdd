// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * qcow2 images against qemu-img's: random requests on images of many shapes, beside a
 * plain copy in memory; then what qemu-img says of the image, and what it reads from it.
 */
#include "vmm/block/qcow2.h"
#include "common/cleanup.h"
#include "tests/tap.h"
#include "tests/unit/qcow2-lib.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void test_image(struct bench *b, const char *path, const char *open_opts,
                       uint8_t *model)
{
	_cleanup_free_ uint8_t *seen = malloc(QCOW2_SIZE);
	char text[600];

	for (unsigned again = 0; again < 2; again++) {
		struct block_node *node;

		snprintf(text, sizeof(text), "%s,%s", path, open_opts);
		node = bench_open(b, text, NULL);
		memset(seen, 1, QCOW2_SIZE);
		tap_eq(bench_do(b, node, BLOCK_READ, 0, seen, QCOW2_SIZE), 0, "read all");
		tap_ok(!memcmp(seen, model, QCOW2_SIZE), "holds what it held");
		qcow2_storm(b, node, model, 60);
		block_close(node);
		qcow2_check(b, path, NULL, model);
	}
	unlink(path);
}

static void test_shape(struct bench *b, const char *create, const char *open_opts)
{
	_cleanup_free_ uint8_t *model = calloc(1, QCOW2_SIZE);
	char path[400];

	snprintf(path, sizeof(path), "%s", bench_path(b, "shape.qcow2"));
	tap_diag("%s; %s", create, open_opts);
	tap_eq(qcow2_tool("qemu-img", "create", "-q", "-f", "qcow2", "-o", create, path,
	                  "6M", NULL),
	       0, "qemu-img create");
	test_image(b, path, open_opts, model);
}

/* What is below is shorter (and its end is no cluster's) or longer. */
static void test_backing(struct bench *b, uint64_t size, const char *create)
{
	char base[400], top[400], opts[600];
	_cleanup_free_ uint8_t *model = calloc(1, QCOW2_SIZE), *before = malloc(size),
			       *after = malloc(size);

	tap_diag("below: %llu bytes; %s", (unsigned long long)size, create);
	snprintf(base, sizeof(base), "%s", bench_image(b, "base.raw", size));
	snprintf(top, sizeof(top), "%s", bench_path(b, "top.qcow2"));
	snprintf(opts, sizeof(opts), "backing_fmt=raw,backing_file=base.raw,%s", create);
	tap_eq(qcow2_tool("qemu-img", "create", "-q", "-f", "qcow2", "-o", opts, top,
	                  "6M", NULL),
	       0, "qemu-img create");
	bench_read(base, 0, before, size);
	memcpy(model, before, size < QCOW2_SIZE ? size : QCOW2_SIZE);
	test_image(b, top, "discard=unmap", model);
	bench_read(base, 0, after, size);
	tap_ok(!memcmp(before, after, size), "what is below is as it was");
}

static void test_compressed(struct bench *b, const char *create)
{
	_cleanup_free_ uint8_t *model = calloc(1, QCOW2_SIZE);
	char raw[400], path[400];
	int fd;

	tap_diag("compressed; %s", create);
	snprintf(raw, sizeof(raw), "%s", bench_path(b, "source.raw"));
	snprintf(path, sizeof(path), "%s", bench_path(b, "small.qcow2"));
	/* Text, bytes that do not shrink, runs. */
	for (unsigned i = 0; i < QCOW2_SIZE; i++)
		model[i] = i % 300000 < 100000
		                   ? (uint8_t) "the quick brown fox "[i * i % 20]
		           : i % 300000 < 200000 ? (qcow2_rnd(256) & 0xff)
		                                 : i >> 12;
	fd = open(raw, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, model, QCOW2_SIZE) != QCOW2_SIZE)
		tap_diag("%s: %s", raw, strerror(errno));
	close(fd);
	tap_eq(qcow2_tool("qemu-img", "convert", "-c", "-O", "qcow2", "-o", create, raw,
	                  path, NULL),
	       0, "qemu-img convert -c");
	test_image(b, path, "discard=unmap", model);
}

/* ---- an end without notice ---- */

enum { SLOTS = 3000, BATCH = 24 };

/* Any slot has the same bytes always: 4 KiB at places that are not in a row. */
static uint64_t slot_at(unsigned i)
{
	return (uint64_t)(i * 1237u % SLOTS) * 12288 + 512;
}

static void fill_slot(uint8_t *buf, unsigned i)
{
	for (unsigned n = 0; n < 4096; n++)
		buf[n] = (i * 31 + n * 3 + 1) | 1;
}

/* Writes batches, with a flush behind each, and tells how many slots are safe. */
static void write_for_ever(const char *path, const char *opts, unsigned from, int fd)
{
	static struct flight flights[BATCH];
	struct bench b;
	struct block_node *node;
	char text[600];

	bench_init(&b, "/tmp");
	rmdir(b.dir);
	snprintf(text, sizeof(text), "%s,locking=off,%s", path, opts);
	node = bench_open(&b, text, NULL);
	for (unsigned at = from; at < SLOTS; at += BATCH) {
		for (unsigned i = 0; i < BATCH; i++) {
			struct flight *f = &flights[i];

			if (!f->buf)
				f->buf = malloc(4096);
			fill_slot(f->buf, at + i);
			f->iov[0] = (struct iovec){ f->buf, 4096 };
			f->req = (struct block_req){
				.op = BLOCK_WRITE,
				.offset = slot_at(at + i),
				.len = 4096,
				.iov = f->iov,
				.iov_count = 1,
				.done = flight_done,
				.opaque = f,
			};
			block_submit(node, &f->req);
		}
		block_kick(node);
		block_drain(node);
		if (bench_do(&b, node, BLOCK_FLUSH, 0, NULL, 0) < 0)
			_exit(1);
		at += BATCH;
		if (write(fd, &at, sizeof(at)) != sizeof(at))
			_exit(1);
		at -= BATCH;
	}
	_exit(0);
}

/* How many slots are safe when the writer is killed. */
static unsigned run_and_kill(const char *path, const char *opts, unsigned from,
                             unsigned batches)
{
	unsigned safe = from, got;
	int fds[2];
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return from;
	pid = fork();
	if (!pid)
		write_for_ever(path, opts, from, fds[1]);
	close(fds[1]);
	while (batches-- && read(fds[0], &got, sizeof(got)) == sizeof(got))
		safe = got;
	/* Somewhere in the batches that follow. */
	for (volatile unsigned i = qcow2_rnd(3000000); i; i--)
		;
	kill(pid, SIGKILL);
	while (read(fds[0], &got, sizeof(got)) == sizeof(got))
		safe = got;
	close(fds[0]);
	waitpid(pid, NULL, 0);
	return safe;
}

static void test_kill(struct bench *b, const char *create, const char *opts)
{
	uint8_t want[4096], seen[4096];
	char path[400], text[600];
	unsigned safe = 0, wrong = 0, bad = 0;

	tap_diag("killed; %s; %s", create, opts);
	snprintf(path, sizeof(path), "%s", bench_path(b, "killed.qcow2"));
	tap_eq(qcow2_tool("qemu-img", "create", "-q", "-f", "qcow2", "-o", create, path,
	                  "40M", NULL),
	       0, "qemu-img create");
	for (unsigned i = 0; i < 12 && safe < SLOTS; i++) {
		int ret;

		safe = run_and_kill(path, opts, safe, 1 + qcow2_rnd(6));
		/* Its transfers may outlive it, and hold the lock. */
		ret = qcow2_tool("qemu-img", "check", "-U", "-q", path, NULL);
		/* 3: clusters that nobody uses. */
		bad += ret != 0 && ret != 3;
	}
	tap_eq(bad, 0, "qemu-img check finds leaks at worst");
	tap_ok(safe, "%u slots are safe", safe);
	snprintf(text, sizeof(text), "%s,readonly=on,locking=off", path);
	{
		struct block_node *node = bench_open(b, text, NULL);

		for (unsigned i = 0; i < safe; i++) {
			fill_slot(want, i);
			bench_do(b, node, BLOCK_READ, slot_at(i), seen, 4096);
			wrong += memcmp(want, seen, 4096) != 0;
		}
		block_close(node);
	}
	tap_eq(wrong, 0, "what was flushed is there");
	unlink(path);
}

int main(void)
{
	static const char *const shapes[][2] = {
		{ "compat=1.1", "cache=writeback,discard=unmap" },
		{ "compat=0.10", "cache=writeback,discard=unmap" },
		{ "cluster_size=512", "discard=unmap" },
		{ "cluster_size=2M", "discard=unmap" },
		{ "cluster_size=4096,refcount_bits=1", "discard=unmap" },
		{ "cluster_size=1024,refcount_bits=64", "discard=ignore" },
		{ "cluster_size=8192,refcount_bits=2", "cache=none,discard=unmap" },
		{ "lazy_refcounts=on", "cache=writethrough,discard=unmap" },
		{ "preallocation=metadata", "aio=threads" },
	};
	struct bench b;

	bench_init(&b, "/tmp");
	if (qcow2_tool("qemu-img", "--version", NULL)) {
		tap_skip("qcow2", "qemu-img is not installed");
		return tap_done();
	}
	for (unsigned i = 0; i < ARRAY_SIZE(shapes); i++)
		test_shape(&b, shapes[i][0], shapes[i][1]);
	test_backing(&b, 3 * 1000 * 512, "compat=1.1");
	test_backing(&b, 7 << 20, "compat=0.10");
	test_backing(&b, 5 << 20, "cluster_size=512");
	test_backing(&b, 6 << 20, "cluster_size=2M");
	test_compressed(&b, "compat=1.1");
	test_compressed(&b, "compat=0.10,cluster_size=512");
	test_compressed(&b, "cluster_size=2M");
	test_kill(&b, "compat=1.1", "discard=unmap");
	test_kill(&b, "cluster_size=512", "aio=threads");
	test_kill(&b, "cluster_size=4096,refcount_bits=64", "cache=writethrough");
	bench_free(&b);
	return tap_done();
}
