// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What an image promises when things go wrong: what is on stable storage and when (the
 * kernel tells how many pages of a file are dirty), limits, full file systems, disks
 * whose sync fails, devices of 4 KiB blocks.
 *
 * The parts with devices and file systems of their own need root; they work in a mount
 * namespace that goes with the process.
 */
#include "common/cleanup.h"
#include "tests/tap.h"
#include "tests/unit/block-lib.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SIZE (4u << 20)

static uint8_t *buffer; /* SIZE bytes, aligned */

static struct block_node *open_image(struct bench *b, const char *name, const char *opts,
                                     struct err *err)
{
	char text[500];

	snprintf(text, sizeof(text), "%s,format=raw,%s", bench_path(b, name), opts);
	return bench_open(b, text, err);
}

/* ---- durability ---- */

#define SYS_CACHESTAT 451 /* Linux 6.5; not in every set of headers */
struct cache_range {
	uint64_t off, len;
};
struct cache_stat {
	uint64_t cached, dirty, writeback, evicted, recently_evicted;
};

/* Pages of the file that are not on stable storage; -1 when the kernel does not say. */
static long dirty_pages(const char *path)
{
	struct cache_range range = { 0, 0 };
	struct cache_stat stat = { 0 };
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	long ret = fd < 0 ? -1 : syscall(SYS_CACHESTAT, fd, &range, &stat, 0);

	if (fd >= 0)
		close(fd);
	return ret < 0 ? -1 : (long)(stat.dirty + stat.writeback);
}

/* The control: a plain write stays in memory, or nothing can be told here. */
static bool can_tell(struct bench *b)
{
	const char *path = bench_image(b, "durable", SIZE);
	int fd = open(path, O_RDWR | O_CLOEXEC);
	long dirty;

	if (fd < 0 || fsync(fd) < 0 || pwrite(fd, buffer, 65536, 0) != 65536)
		tap_diag("%s: %s", path, strerror(errno));
	close(fd);
	dirty = dirty_pages(path);
	if (dirty < 0)
		tap_skip("durability", "this kernel has no cachestat()");
	else if (!dirty)
		tap_skip("durability", "this file system writes back at once");
	return dirty > 0;
}

static void test_unsafe(struct bench *b)
{
	struct err err = { 0 };
	struct block_node *node = open_image(b, "durable", "cache=unsafe", &err);

	block_set_write_cache(node, false);
	tap_eq(bench_do(b, node, BLOCK_WRITE, 0, buffer, 65536), 0,
	       "cache=unsafe: write");
	tap_eq(bench_do(b, node, BLOCK_FLUSH, 0, NULL, 0), 0, "cache=unsafe: flush");
	tap_ok(dirty_pages(bench_path(b, "durable")) > 0,
	       "cache=unsafe: neither makes anything durable");
	block_close(node);
}

static void test_durable(struct bench *b, const char *opts, bool each_write)
{
	const char *path = bench_path(b, "durable");
	struct err err = { 0 };
	struct block_node *node = open_image(b, "durable", opts, &err);

	if (!node) {
		tap_skip(opts, err.text);
		return;
	}
	if (fsync(bench_fd_of(path)) < 0)
		tap_diag("fsync: %s", strerror(errno));
	tap_eq(bench_do(b, node, BLOCK_WRITE, 0, buffer, 65536), 0, "%s: write", opts);
	if (each_write)
		tap_eq(dirty_pages(path), 0, "%s: is on stable storage when it completes",
		       opts);
	tap_eq(bench_do(b, node, BLOCK_FLUSH, 0, NULL, 0), 0, "%s: flush", opts);
	tap_eq(dirty_pages(path), 0, "%s: all is on stable storage", opts);
	block_set_write_cache(node, false);
	bench_do(b, node, BLOCK_WRITE, 65536, buffer, 65536);
	tap_eq(dirty_pages(path), 0, "%s: write cache off, each write is durable", opts);
	bench_do(b, node, BLOCK_WRITE_ZEROES, 512, NULL, 4096);
	tap_eq(dirty_pages(path), 0, "%s: zeroes as well", opts);
	block_close(node);
}

/* ---- limits and full file systems ---- */

/* The limit of a shell's `ulimit -f`: an error of the request, not the end of us. */
static void test_file_limit(struct bench *b, const char *opts)
{
	struct rlimit limit, old;
	struct err err = { 0 };
	struct block_node *node;

	bench_image(b, "limit", SIZE);
	node = open_image(b, "limit", opts, &err);
	if (!node) {
		tap_skip(opts, err.text);
		return;
	}
	getrlimit(RLIMIT_FSIZE, &old);
	limit = (struct rlimit){ SIZE / 2, old.rlim_max };
	setrlimit(RLIMIT_FSIZE, &limit);
	tap_eq(bench_do(b, node, BLOCK_WRITE, SIZE - 4096, buffer, 4096), -EFBIG,
	       "%s: a write behind the file size limit", opts);
	tap_eq(bench_do(b, node, BLOCK_WRITE, 0, buffer, 4096), 0, "%s: one before it",
	       opts);
	tap_eq(bench_do(b, node, BLOCK_WRITE, SIZE / 2 - 4096, buffer, 8192), -EFBIG,
	       "%s: one across it", opts);
	setrlimit(RLIMIT_FSIZE, &old);
	tap_eq(bench_do(b, node, BLOCK_WRITE, SIZE - 4096, buffer, 4096), 0,
	       "%s: without the limit it works", opts);
	block_close(node);
}

/* A file system of 1 MiB for images, or NULL. */
static const char *small_fs(struct bench *b)
{
	const char *path = bench_path(b, "small");

	if (mkdir(path, 0700) < 0 ||
	    mount("tmpfs", path, "tmpfs", 0, "size=1m,mode=0700") < 0) {
		tap_diag("%s: %s", path, strerror(errno));
		return NULL;
	}
	return path;
}

static void make_sparse(const char *path, uint64_t size)
{
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0 || ftruncate(fd, size) < 0)
		tap_diag("%s: %s", path, strerror(errno));
	close(fd);
}

static void test_full(struct bench *b, const char *opts)
{
	uint8_t page[4096];
	struct err err = { 0 };
	struct block_node *node;
	unsigned written = 0;
	int ret = 0;

	make_sparse(bench_path(b, "small/image"), SIZE);
	node = open_image(b, "small/image", opts, &err);
	if (!node) {
		tap_skip(opts, err.text);
		return;
	}
	while (written < SIZE && !ret) {
		ret = bench_do(b, node, BLOCK_WRITE, written, buffer, 65536);
		written += ret ? 0 : 65536;
	}
	tap_eq(ret, -ENOSPC, "%s: a full file system", opts);
	tap_ok(written && written <= 1 << 20, "%s: after %u bytes", opts, written);
	tap_eq(bench_do(b, node, BLOCK_READ, 4096, page, 4096), 0, "%s: reads work",
	       opts);
	tap_ok(!memcmp(page, buffer + 4096, 4096), "%s: what was written is there", opts);
	tap_eq(bench_do(b, node, BLOCK_DISCARD, 0, NULL, 524288), 0, "%s: discard", opts);
	tap_eq(bench_do(b, node, BLOCK_WRITE, written, buffer, 65536), 0,
	       "%s: makes room again", opts);
	tap_eq(bench_do(b, node, BLOCK_FLUSH, 0, NULL, 0), 0, "%s: flush", opts);
	block_close(node);
	unlink(bench_path(b, "small/image"));
}

/* ---- block devices ---- */

/* A loop device on the file; it goes when its last user closes it. The name, or NULL. */
static const char *loop_device(const char *path, uint32_t block_size, int *hold)
{
	static char name[40];
	struct loop_config config = { .block_size = block_size,
		                      .info.lo_flags = LO_FLAGS_AUTOCLEAR };
	int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
	int fd = open(path, O_RDWR | O_CLOEXEC), n = -1;

	if (control >= 0)
		n = ioctl(control, LOOP_CTL_GET_FREE);
	snprintf(name, sizeof(name), "/dev/loop%d", n);
	config.fd = fd;
	*hold = n < 0 ? -1 : open(name, O_RDWR | O_CLOEXEC);
	if (*hold >= 0 && ioctl(*hold, LOOP_CONFIGURE, &config) < 0) {
		close(*hold);
		*hold = -1;
	}
	close(control);
	close(fd);
	return *hold < 0 ? NULL : name;
}

/* Zeroes that begin and end inside its blocks. */
static void test_device_zeroes(struct bench *b, struct block_node *node, uint8_t *seen)
{
	static const struct {
		uint32_t offset, len;
	} cases[] = { { 65536 + 512, 512 }, { 131072 + 512, 65536 }, { 262144, 4608 } };

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		uint32_t o = cases[i].offset, n = cases[i].len;
		bool zero = true;

		tap_eq(bench_do(b, node, BLOCK_WRITE_ZEROES, o, NULL, n), 0,
		       "%u bytes of zeroes at %u", n, o);
		bench_do(b, node, BLOCK_READ, o - 4096, seen, n + 8192);
		for (uint32_t at = 0; at < n; at++)
			zero &= !seen[4096 + at];
		tap_ok(zero && bench_holds(seen, o - 4096, 4096) &&
		               bench_holds(seen + 4096 + n, o + n, 4096),
		       "exactly they");
	}
}

static void test_device(struct bench *b)
{
	const char *path = bench_image(b, "backing", SIZE), *dev;
	uint8_t odd[1537], *seen = malloc(SIZE);
	struct err err = { 0 };
	struct block_info info;
	struct block_node *node;
	char text[100];
	int hold;

	dev = loop_device(path, 4096, &hold);
	if (!dev) {
		tap_skip("block device", "no loop device can be had here");
		free(seen);
		return;
	}
	snprintf(text, sizeof(text), "%s,format=raw,cache=none,discard=unmap", dev);
	node = bench_open(b, text, NULL);
	block_get_info(node, &info);
	tap_ok(info.length == SIZE && info.request_align == 4096,
	       "a device of 4 KiB blocks: %u bytes", SIZE);
	tap_ok(!bench_open(b, text, &err) && err.code == EBUSY,
	       "which is locked as well");
	memset(odd, 0x66, sizeof(odd));
	tap_eq(bench_do(b, node, BLOCK_WRITE, 3584, odd + 1, 1536), 0,
	       "three sectors across its blocks");
	tap_eq(bench_do(b, node, BLOCK_READ, 0, seen, SIZE), 0, "read all of it");
	tap_ok(bench_holds(seen, 0, 3584) && !memcmp(seen + 3584, odd + 1, 1536) &&
	               bench_holds(seen + 5120, 5120, SIZE - 5120),
	       "only they have changed");
	tap_eq(bench_do(b, node, BLOCK_WRITE_ZEROES, 8192, NULL, 8192), 0, "zeroes");
	test_device_zeroes(b, node, seen);
	tap_eq(bench_do(b, node, BLOCK_DISCARD, 1 << 20, NULL, 1 << 20), 0, "discard");
	tap_eq(bench_do(b, node, BLOCK_FLUSH, 0, NULL, 0), 0, "flush");
	bench_read(path, 0, seen, SIZE);
	tap_ok(!seen[8192] && !seen[16383] && seen[16384] == bench_byte(16384) &&
	               !seen[1 << 20],
	       "reach the file behind it");
	if (truncate(path, 2 * SIZE) < 0 || ioctl(hold, LOOP_SET_CAPACITY) < 0)
		tap_diag("%s: %s", dev, strerror(errno));
	tap_eq(block_resize(node, 0, &err), 0, "the device grows");
	block_get_info(node, &info);
	tap_eq(info.length, 2 * SIZE, "and the disk with it");
	err_clear(&err);
	tap_eq(block_resize(node, 4 * SIZE, &err), -ENOSPC, "but not beyond it");
	tap_has(err.text, "is a device of 8388608 bytes; enlarge the device first",
	        "why");
	block_close(node);
	close(hold);
	free(seen);
}

/* A device that takes writes into the page cache and cannot store them. The kernel
 * reports that once; a guest that tries again must not be told that all is well. */
static void test_failed_sync(struct bench *b)
{
	const char *path = bench_path(b, "small/backing"), *dev;
	struct block_node *node;
	char text[100];
	int hold, ret;

	make_sparse(path, SIZE);
	dev = loop_device(path, 512, &hold);
	if (!dev) {
		tap_skip("a sync that fails", "no loop device can be had here");
		return;
	}
	snprintf(text, sizeof(text), "%s,format=raw", dev);
	node = bench_open(b, text, NULL);
	tap_eq(bench_do(b, node, BLOCK_WRITE, 0, buffer, SIZE), 0,
	       "4 MiB into the page cache of a device with room for 1 MiB");
	ret = bench_do(b, node, BLOCK_FLUSH, 0, NULL, 0);
	tap_ok(ret == -EIO || ret == -ENOSPC, "the flush fails: %s", strerror(-ret));
	if (ret == -EIO) {
		tap_eq(bench_do(b, node, BLOCK_FLUSH, 0, NULL, 0), -EIO,
		       "so does the next");
		/* Each descriptor is told once. */
		if (!fdatasync(hold))
			tap_diag("%s: the kernel forgot at once", dev);
		tap_eq(fdatasync(hold), 0, "although the kernel has forgotten it");
		tap_eq(bench_do(b, node, BLOCK_FLUSH, 0, NULL, 0), -EIO,
		       "and every other");
	}
	block_close(node);
	close(hold);
	unlink(path);
}

int main(void)
{
	static const char *const modes[] = { "aio=threads,discard=unmap",
		                             "aio=auto,discard=unmap" };
	struct bench b;
	bool own =
		!unshare(CLONE_NEWNS) && !mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL);

	if (posix_memalign((void **)&buffer, 4096, SIZE))
		return 1;
	for (unsigned i = 0; i < SIZE; i++)
		buffer[i] = bench_byte(i + 77);
	/* What a shell gives its children; a test runner may ignore it. */
	signal(SIGXFSZ, SIG_DFL);
	bench_init(&b, "/tmp");
	if (can_tell(&b)) {
		test_unsafe(&b);
		test_durable(&b, "cache=writeback", false);
		test_durable(&b, "cache=writeback,aio=threads", false);
		test_durable(&b, "cache=writethrough", true);
		test_durable(&b, "cache=writethrough,aio=threads", true);
		test_durable(&b, "cache=directsync", true);
		test_durable(&b, "cache=none", false);
	}
	for (unsigned i = 0; i < ARRAY_SIZE(modes); i++)
		test_file_limit(&b, modes[i]);
	/* Here the kernel writes in our thread, which is the one that gets the signal. */
	test_file_limit(&b, "aio=auto,cache=none");
	if (!own || !small_fs(&b)) {
		tap_skip("full file systems and devices", "mounting needs root");
	} else {
		for (unsigned i = 0; i < ARRAY_SIZE(modes); i++)
			test_full(&b, modes[i]);
		test_device(&b);
		test_failed_sync(&b);
		umount2(bench_path(&b, "small"), MNT_DETACH);
	}
	rmdir(bench_path(&b, "small"));
	bench_free(&b);
	free(buffer);
	return tap_done();
}
