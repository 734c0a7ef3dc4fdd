// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Requests on raw images, through io_uring and through threads, with and without the page
 * cache: bytes, lengths that are no multiple of 512, holes, segments of any shape,
 * resize, drain.
 */
#include "vmm/block/block.h"
#include "common/bytes.h"
#include "common/cleanup.h"
#include "tests/tap.h"
#include "tests/unit/block-lib.h"
#include "vmm/block/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SIZE (4u << 20)

static struct block_node *open_image(struct bench *b, const char *name, uint64_t size,
                                     const char *opts)
{
	char text[500];

	snprintf(text, sizeof(text), "%s,format=raw,%s", bench_image(b, name, size),
	         opts);
	return bench_open(b, text, NULL);
}

/* False, and a skip that says why, where the host cannot do it. */
static bool is_possible(struct bench *b, const char *opts)
{
	struct err err = { 0 };
	char text[500];
	struct block_node *node;

	snprintf(text, sizeof(text), "%s,format=raw,%s", bench_image(b, "try", SIZE),
	         opts);
	node = bench_open(b, text, &err);
	if (node)
		block_close(node);
	else
		tap_skip(opts, err.text);
	return node;
}

static long blocks_of(const char *path)
{
	struct stat st;

	return stat(path, &st) < 0 ? -1 : (long)st.st_blocks;
}

/* ---- bytes ---- */

static void test_bytes(struct bench *b, const char *opts)
{
	struct block_node *node = open_image(b, "bytes", SIZE, opts);
	_cleanup_free_ uint8_t *buf = NULL, *seen = malloc(SIZE);
	const char *path = bench_path(b, "bytes");
	const struct block_stats *stats = block_get_stats(node);
	uint8_t *odd;

	if (posix_memalign((void **)&buf, 4096, SIZE + 4096))
		return;
	odd = buf + 1;
	tap_eq(bench_do(b, node, BLOCK_READ, 0, buf, SIZE), 0, "%s: read all", opts);
	tap_ok(bench_holds(buf, 0, SIZE), "%s: all there", opts);
	tap_eq(bench_do(b, node, BLOCK_READ, 512, odd, 1536), 0, "%s: odd memory", opts);
	tap_ok(bench_holds(odd, 512, 1536), "%s: the right bytes", opts);
	memset(buf, 0x77, SIZE);
	tap_eq(bench_do(b, node, BLOCK_WRITE, 3 * 512, odd, 512), 0, "%s: write", opts);
	tap_eq(bench_do(b, node, BLOCK_WRITE, 2 << 20, buf, 1 << 20), 0,
	       "%s: write 1 MiB", opts);
	tap_eq(bench_do(b, node, BLOCK_FLUSH, 0, NULL, 0), 0, "%s: flush", opts);
	bench_read(path, 0, seen, SIZE);
	tap_ok(bench_holds(seen, 0, 1536) &&
	               bench_holds(seen + 2048, 2048, (2 << 20) - 2048),
	       "%s: what was not written is as it was", opts);
	tap_ok(!memcmp(seen + 1536, buf, 512) &&
	               !memcmp(seen + (2 << 20), buf, 1 << 20) &&
	               bench_holds(seen + (3 << 20), 3 << 20, 1 << 20),
	       "%s: what was written is there", opts);
	tap_eq(bench_do(b, node, BLOCK_READ, SIZE, buf, 512), -EINVAL,
	       "%s: behind the end", opts);
	tap_eq(bench_do(b, node, BLOCK_READ, SIZE - 512, buf, 1024), -EINVAL,
	       "%s: across the end", opts);
	tap_eq(bench_do(b, node, BLOCK_READ, 1, buf, 512), -EINVAL, "%s: odd offset",
	       opts);
	tap_eq(bench_do(b, node, BLOCK_WRITE, 0, buf, 511), -EINVAL, "%s: odd length",
	       opts);
	tap_eq(bench_do(b, node, BLOCK_READ, UINT64_MAX & ~511ull, buf, 512), -EINVAL,
	       "%s: the largest offset", opts);
	tap_eq(bench_do(b, node, BLOCK_READ, 0, buf, 0), 0, "%s: nothing", opts);
	tap_eq(stats->ops[BLOCK_WRITE] * 100 + stats->errors[BLOCK_WRITE], 201,
	       "%s: counted", opts);
	tap_eq(stats->bytes[BLOCK_WRITE], 512 + (1 << 20), "%s: bytes counted", opts);
	tap_eq(stats->highest_written, 3 << 20, "%s: the highest offset", opts);
	tap_ok(stats->time[BLOCK_READ] && stats->time[BLOCK_WRITE] && stats->last &&
	               stats->last <= loop_now(),
	       "%s: time passed", opts);
	block_close(node);
}

/* More segments than one system call takes, none of them a sector. */
static void test_segments(struct bench *b, const char *opts)
{
	unsigned count = IOV_MAX + 500;
	struct block_node *node = open_image(b, "segments", SIZE, opts);
	_cleanup_free_ struct iovec *iov = calloc(count, sizeof(*iov));
	_cleanup_free_ uint8_t *buf = malloc(SIZE), *flat = malloc(SIZE);
	struct block_req req = { .op = BLOCK_READ, .offset = 1024, .iov = iov };
	uint64_t at = 0, len = 0;

	for (unsigned i = 0; i < count; i++) {
		iov[i] = (struct iovec){ buf + at, i + 1 < count ? 1 + i * 7 % 300 : 0 };
		at += iov[i].iov_len + 3;
		len += iov[i].iov_len;
	}
	iov[count - 1] = (struct iovec){ buf + at, 512 - len % 512 };
	len += iov[count - 1].iov_len;
	req.iov_count = count;
	memset(buf, 0xee, SIZE);
	tap_eq(bench_run(b, node, &req), 0, "%s: read into %u segments", opts, count);
	at = 0;
	for (unsigned i = 0; i < count; at += iov[i++].iov_len)
		memcpy(flat + at, iov[i].iov_base, iov[i].iov_len);
	tap_ok(bench_holds(flat, 1024, len), "%s: each has its bytes", opts);
	tap_eq(buf[iov[0].iov_len], 0xee, "%s: nothing between them", opts);
	req.op = BLOCK_WRITE;
	req.offset = 2 << 20;
	tap_eq(bench_run(b, node, &req), 0, "%s: write from them", opts);
	bench_read(bench_path(b, "segments"), 2 << 20, buf, len);
	tap_ok(!memcmp(buf, flat, len), "%s: is in the image", opts);
	block_close(node);
}

/* ---- sizes ---- */

static void test_short_file(struct bench *b, const char *opts)
{
	struct block_node *node = open_image(b, "short", 4096 + 100, opts);
	const char *path = bench_path(b, "short");
	struct block_info info;
	uint8_t buf[1024], zeroes[412] = { 0 };

	block_get_info(node, &info);
	tap_eq(info.length, 4096 + 512, "%s: 4196 bytes are a disk of 9 sectors", opts);
	memset(buf, 0xee, sizeof(buf));
	tap_eq(bench_do(b, node, BLOCK_READ, 3584, buf, 1024), 0, "%s: read its end",
	       opts);
	tap_ok(bench_holds(buf, 3584, 612), "%s: the bytes that are there", opts);
	tap_ok(!memcmp(buf + 612, zeroes, 412), "%s: the others are zeros", opts);
	tap_eq(bench_size(path), 4196, "%s: reading changes nothing", opts);
	memset(buf, 0x55, 512);
	tap_eq(bench_do(b, node, BLOCK_WRITE, 4096, buf, 512), 0, "%s: write there",
	       opts);
	tap_eq(bench_size(path), 4608, "%s: the file has its sectors now", opts);
	block_close(node);
	node = open_image(b, "tiny", 1, opts);
	tap_eq(bench_do(b, node, BLOCK_READ, 0, buf, 512), 0, "%s: a file of one byte",
	       opts);
	tap_ok(buf[0] == bench_byte(0) && !buf[1] && !buf[511], "%s: is a sector", opts);
	tap_eq(bench_do(b, node, BLOCK_WRITE_ZEROES, 0, NULL, 512), 0, "%s: zero it",
	       opts);
	bench_read(bench_path(b, "tiny"), 0, buf, 1);
	tap_eq(buf[0], 0, "%s: it is", opts);
	block_close(node);
}

static unsigned resized_calls;

static void resized(void *opaque)
{
	resized_calls++;
}

static void test_resize(struct bench *b)
{
	struct block_node *node = open_image(b, "resize", SIZE, "cache=writeback");
	const char *path = bench_path(b, "resize");
	struct err err = { 0 };
	struct block_info info;
	uint8_t buf[512];

	block_attach(node, NULL, "test", resized, NULL, &err);
	tap_eq(block_resize(node, 2 * SIZE, &err), 0, "resize");
	block_get_info(node, &info);
	tap_ok(info.length == 2 * SIZE && bench_size(path) == 2 * SIZE,
	       "doubles the file");
	tap_eq(resized_calls, 1, "the device hears of it");
	tap_eq(bench_do(b, node, BLOCK_READ, 2 * SIZE - 512, buf, 512), 0,
	       "read its end");
	tap_eq(block_resize(node, 0, &err), 0, "a look at the file's size");
	tap_eq(resized_calls, 1, "which has not changed");
	if (truncate(path, 1000) < 0)
		tap_diag("truncate: %s", strerror(errno));
	tap_eq(block_resize(node, 0, &err), 0, "and when it has");
	block_get_info(node, &info);
	tap_eq(info.length, 1024, "1000 bytes are two sectors");
	tap_eq(resized_calls, 2, "the device hears of it");
	tap_eq(block_resize(node, 1000, &err), -EINVAL, "1000 bytes cannot be asked for");
	tap_has(err.text, "1000 bytes is not a multiple of 512", "why");
	block_detach(node);
	block_close(node);
	node = open_image(b, "resize", SIZE, "readonly=on");
	err_clear(&err);
	tap_eq(block_resize(node, 2 * SIZE, &err), -EROFS,
	       "a read-only one is not resized");
	tap_eq(bench_size(path), SIZE, "nor is its file");
	block_close(node);
}

static void test_attach(struct bench *b)
{
	struct block_node *node = open_image(b, "attach", SIZE, "id=disk");
	struct err err = { 0 };

	tap_eq(block_attach(node, NULL, "vda", NULL, NULL, &err), 0,
	       "a device takes the drive");
	tap_eq(block_attach(node, NULL, "vdb", NULL, NULL, &err), -EBUSY,
	       "a second one cannot");
	tap_str(err.text, "drive 'disk' is in use by vda; each drive takes one device",
	        "why");
	block_detach(node);
	tap_eq(block_attach(node, NULL, "vdb", NULL, NULL, &err), 0,
	       "when it left, it can");
	block_detach(node);
	block_close(node);
}

/* ---- holes ---- */

static void zero_range(struct bench *b, struct block_node *node, bool unmap, int *ret)
{
	struct block_req req = { .op = BLOCK_WRITE_ZEROES,
		                 .offset = 65536 + 512,
		                 .len = 131072,
		                 .may_unmap = unmap };

	*ret = bench_run(b, node, &req);
}

static void test_holes(struct bench *b, const char *opts, bool unmap)
{
	struct block_node *node = open_image(b, "holes", SIZE, opts);
	const char *path = bench_path(b, "holes");
	_cleanup_free_ uint8_t *seen = malloc(SIZE), *zeroes = calloc(1, SIZE);
	long before = blocks_of(path);
	struct block_info info;
	int ret;

	block_get_info(node, &info);
	tap_eq(info.discard, unmap, "%s: discard reaches the host: %d", opts, unmap);
	tap_eq(bench_do(b, node, BLOCK_DISCARD, 1 << 20, NULL, 1 << 20), 0, "%s: discard",
	       opts);
	if (unmap)
		tap_ok(blocks_of(path) <= before - 2000, "%s: 1 MiB is given back", opts);
	else
		tap_eq(blocks_of(path), before, "%s: nothing is given back", opts);
	before = blocks_of(path);
	tap_eq(bench_do(b, node, BLOCK_DISCARD, 3 << 20, NULL, SIZE), -EINVAL,
	       "%s: discard across the end", opts);
	zero_range(b, node, false, &ret);
	tap_eq(ret, 0, "%s: write zeroes", opts);
	tap_ok(blocks_of(path) >= before, "%s: which stay allocated", opts);
	bench_read(path, 0, seen, SIZE);
	tap_ok(bench_holds(seen, 0, 66048) && !memcmp(seen + 66048, zeroes, 131072) &&
	               bench_holds(seen + 197120, 197120, (1 << 20) - 197120),
	       "%s: exactly that range is zero", opts);
	tap_ok(!unmap || !memcmp(seen + (1 << 20), zeroes, 1 << 20),
	       "%s: the hole reads as zeros", opts);
	tap_ok(bench_holds(seen + (2 << 20), 2 << 20, 2 << 20), "%s: the rest is whole",
	       opts);
	before = blocks_of(path);
	zero_range(b, node, true, &ret);
	tap_ok(!ret && (unmap ? blocks_of(path) < before : blocks_of(path) == before),
	       "%s: zeroes that may unmap%s", opts, unmap ? " do" : " do not");
	block_close(node);
}

/* ---- larger blocks ---- */

/* A device of 4 KiB blocks is rare on test machines; the file driver is told that this
 * file is one. What the host then sees is checked by the bytes around each write. */
static struct block_node *coarse(struct bench *b, const char *name, const char *opts)
{
	struct block_node *node = open_image(b, name, SIZE, opts);
	struct file_node *file = (struct file_node *)node->child;

	file->direct = true;
	file->mem_align = 512;
	file->node.request_align = node->request_align = file->rmw.align = 4096;
	return node;
}

static void test_coarse(struct bench *b, const char *opts)
{
	struct block_node *node = coarse(b, "coarse", opts);
	_cleanup_free_ uint8_t *buf = malloc(SIZE), *seen = malloc(SIZE);
	static const struct {
		uint32_t offset, len;
	} cases[] = { { 512, 512 },         { 4096 - 512, 1024 },
		      { 0, 512 },           { 4096, 4096 },
		      { 8192 - 512, 9216 }, { 512, (1 << 20) + 4096 },
		      { SIZE - 512, 512 },  { SIZE - 5 * 512, 5 * 512 } };

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		uint32_t o = cases[i].offset, n = cases[i].len;
		bool right;

		bench_image(b, "coarse", SIZE);
		right = !bench_do(b, node, BLOCK_READ, o, buf + 1, n) &&
		        bench_holds(buf + 1, o, n);
		tap_ok(right, "%s: blocks of 4 KiB: read %u at %u", opts, n, o);
		/* Other bytes in the driver's buffer than those of this block. */
		bench_do(b, node, BLOCK_READ, (o / 4096 * 4096 + SIZE / 2 + 512) % SIZE,
		         seen, 512);
		memset(buf, 0xa5, n + 1);
		right = !bench_do(b, node, BLOCK_WRITE, o, buf + 1, n);
		bench_read(bench_path(b, "coarse"), 0, seen, SIZE);
		right &= bench_holds(seen, 0, o) && !memcmp(seen + o, buf, n) &&
		         bench_holds(seen + o + n, o + n, SIZE - o - n);
		tap_ok(right, "%s: blocks of 4 KiB: write %u at %u", opts, n, o);
	}
	tap_eq(bench_size(bench_path(b, "coarse")), SIZE, "%s: the size is as it was",
	       opts);
	block_close(node);
}

struct pair {
	struct block_req part, whole; /* one sector, and the block that it is in */
	unsigned done;
	int failed;
};

static void pair_done(struct block_req *req, int ret)
{
	struct pair *p = req->opaque;

	p->done++;
	p->failed |= ret;
}

/* Both at once, in either order: the sectors that only the larger one writes are its. */
static void test_coarse_race(struct bench *b, const char *opts, enum block_op op)
{
	struct block_node *node = coarse(b, "race", opts);
	static uint8_t one[512], block[8192] __attribute__((aligned(4096)));
	struct iovec iov[2] = { { one, sizeof(one) }, { block, sizeof(block) } };
	_cleanup_close_ int fd = open(bench_path(b, "race"), O_WRONLY | O_CLOEXEC);
	_cleanup_free_ uint8_t *seen = malloc(8192);
	unsigned lost = 0;

	for (unsigned round = 0; round < 200; round++) {
		uint8_t fill = op == BLOCK_WRITE ? 0xaa : 0;
		struct pair p = {
			.part = { .op = BLOCK_WRITE,
			          .offset = 512,
			          .len = 512,
			          .iov = &iov[0],
			          .iov_count = 1 },
			.whole = { .op = op,
			           .len = sizeof(block),
			           .iov = &iov[1],
			           .iov_count = 1 },
		};
		uint64_t end = loop_now() + 60000000000ull;

		memset(one, 0xee, sizeof(one));
		memset(block, 0x55, sizeof(block));
		lost += pwrite(fd, block, sizeof(block), 0) != sizeof(block);
		memset(block, fill, sizeof(block));
		p.part.done = p.whole.done = pair_done;
		p.part.opaque = p.whole.opaque = &p;
		block_submit(node, round & 1 ? &p.part : &p.whole);
		block_submit(node, round & 1 ? &p.whole : &p.part);
		block_kick(node);
		while (p.done < 2 && loop_now() < end)
			loop_run_once(b->loop, 100);
		bench_read(bench_path(b, "race"), 0, seen, sizeof(block));
		lost += p.done < 2 || p.failed || memcmp(seen, block, 512) ||
		        memcmp(seen + 1024, block + 1024, sizeof(block) - 1024);
	}
	tap_eq(lost, 0, "%s: a write of part of a block beside a %s of all of it", opts,
	       op == BLOCK_WRITE ? "write" : "zeroing");
	block_close(node);
}

/* Zeroes in blocks of 4 KiB: exactly the range, and no space is given back unasked. */
static void test_coarse_zeroes(struct bench *b, const char *opts)
{
	struct block_node *node = coarse(b, "coarse", opts);
	const char *path = bench_path(b, "coarse");
	_cleanup_free_ uint8_t *seen = malloc(SIZE), *zeroes = calloc(1, SIZE);
	static const struct {
		uint32_t offset, len;
	} cases[] = {
		{ 512, 512 }, { 512, 8192 }, { 0, 4608 }, { 65536 + 3584, 1 << 20 }
	};

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		uint32_t o = cases[i].offset, n = cases[i].len;
		struct block_req req = {
			.op = BLOCK_WRITE_ZEROES, .offset = o, .len = n, .may_unmap = true
		};
		long before;

		bench_image(b, "coarse", SIZE);
		before = blocks_of(path);
		tap_eq(bench_run(b, node, &req), 0, "%s: blocks of 4 KiB: zero %u at %u",
		       opts, n, o);
		bench_read(path, 0, seen, SIZE);
		tap_ok(bench_holds(seen, 0, o) && !memcmp(seen + o, zeroes, n) &&
		               bench_holds(seen + o + n, o + n, SIZE - o - n),
		       "%s: exactly they", opts);
		tap_ok(blocks_of(path) >= before,
		       "%s: with discard=ignore they stay allocated", opts);
	}
	block_close(node);
}

static void test_coarse_resize(struct bench *b)
{
	struct block_node *node = coarse(b, "coarse", "aio=threads");
	struct err err = { 0 };
	struct block_info info;

	tap_eq(block_resize(node, SIZE + 512, &err), -EINVAL,
	       "blocks of 4 KiB: a size that ends inside one");
	tap_has(err.text,
	        "direct I/O needs a size that is a multiple of 4096 bytes here; "
	        "4194816 is not",
	        "why");
	tap_eq(bench_size(bench_path(b, "coarse")), SIZE, "the file is as it was");
	tap_eq(block_resize(node, SIZE + 4096, &err), 0, "one that does not");
	if (truncate(bench_path(b, "coarse"), SIZE + 512) < 0)
		tap_diag("truncate: %s", strerror(errno));
	tap_eq(block_resize(node, 0, &err), 0, "the file ends inside a block");
	block_get_info(node, &info);
	tap_eq(info.length, SIZE, "the disk before it");
	block_close(node);
}

/* ---- many at once ---- */

struct many {
	struct block_req req;
	struct iovec iov;
	unsigned calls;
	int ret;
};

static void many_done(struct block_req *req, int ret)
{
	struct many *m = req->opaque;

	m->calls++;
	m->ret = ret;
}

static unsigned batches;

static void batch(void *opaque)
{
	batches++;
}

/* Parts of blocks, each of another value, all at the same time: none undoes another. */
static void test_many(struct bench *b, const char *opts, bool coarse_blocks)
{
	enum { COUNT = 2000 };
	struct block_node *node = coarse_blocks ? coarse(b, "many", opts)
	                                        : open_image(b, "many", SIZE, opts);
	_cleanup_free_ struct many *all = calloc(COUNT, sizeof(*all));
	_cleanup_free_ uint8_t *buf = NULL, *seen = malloc(SIZE);
	unsigned right = 0;
	struct err err = { 0 };

	if (posix_memalign((void **)&buf, 4096, SIZE))
		return;
	block_attach(node, NULL, "test", NULL, NULL, &err);
	block_set_batch_done(node, batch);
	batches = 0;
	for (unsigned i = 0; i < COUNT; i++) {
		struct many *m = &all[i];

		memset(buf + i * 512, i % 251, 512);
		m->iov = (struct iovec){ buf + i * 512, 512 };
		m->req = (struct block_req){ .op = BLOCK_WRITE,
			                     .offset = i * 1024,
			                     .len = 512,
			                     .iov = &m->iov,
			                     .iov_count = 1,
			                     .done = many_done,
			                     .opaque = m };
		block_submit(node, &m->req);
	}
	block_kick(node);
	block_drain(node);
	for (unsigned i = 0; i < COUNT; i++)
		right += all[i].calls == 1 && !all[i].ret;
	tap_eq(right, COUNT, "%s: drain: each request completed once", opts);
	tap_ok(batches >= 1 && batches <= COUNT, "%s: in batches", opts);
	bench_read(bench_path(b, "many"), 0, seen, SIZE);
	right = 0;
	for (unsigned i = 0; i < COUNT; i++)
		right += !memcmp(seen + i * 1024, buf + i * 512, 512) &&
		         bench_holds(seen + i * 1024 + 512, i * 1024 + 512, 512);
	tap_eq(right, COUNT, "%s: each is in the image, and nothing else", opts);
	while (loop_run_once(b->loop, 0))
		;
	right = 0;
	for (unsigned i = 0; i < COUNT; i++)
		right += all[i].calls == 1;
	tap_eq(right, COUNT, "%s: none completes again", opts);
	block_detach(node);
	block_close(node);
}

/* ---- the end ---- */

static void no_matter(struct block_req *req, int ret)
{
	(void)req;
	(void)ret;
}

static void never(void *opaque)
{
	(void)opaque;
	tap_ok(false, "work that was cancelled");
}

/* What a drain did itself the loop was to do as well: it must have forgotten about it. */
static void test_end(void)
{
	struct bench b;
	struct loop_work work = { .fn = never };
	struct block_node *node;
	struct block_req req = {
		.op = BLOCK_READ, .offset = SIZE, .len = 512, .done = no_matter
	};

	bench_init(&b, "/tmp");
	node = open_image(&b, "end", SIZE, "aio=threads");
	block_submit(node, &req);
	block_drain(node);
	block_registry_free(b.reg);
	b.reg = NULL;
	loop_post(b.loop, &work);
	loop_cancel(b.loop, &work);
	loop_run_once(b.loop, 0);
	tap_ok(true, "a registry ends with its work");
	bench_free(&b);
}

int main(void)
{
	static const char *const modes[] = { "aio=io_uring",
		                             "aio=threads",
		                             "aio=io_uring,cache=none",
		                             "aio=threads,cache=none",
		                             "aio=threads,cache=directsync",
		                             "aio=auto,cache=writethrough" };
	struct bench b;

	bench_init(&b, "/tmp");
	for (unsigned i = 0; i < ARRAY_SIZE(modes); i++) {
		if (!is_possible(&b, modes[i]))
			continue;
		test_bytes(&b, modes[i]);
		test_segments(&b, modes[i]);
		test_many(&b, modes[i], false);
	}
	for (unsigned i = 0; i < 2; i++) {
		if (!is_possible(&b, modes[i]))
			continue;
		test_short_file(&b, modes[i]);
		test_coarse(&b, modes[i]);
		test_coarse_race(&b, modes[i], BLOCK_WRITE);
		test_coarse_race(&b, modes[i], BLOCK_WRITE_ZEROES);
		test_coarse_zeroes(&b, modes[i]);
		test_many(&b, modes[i], true);
	}
	test_coarse_resize(&b);
	test_resize(&b);
	test_attach(&b);
	test_holes(&b, "discard=unmap", true);
	test_holes(&b, "discard=ignore", false);
	if (is_possible(&b, "discard=unmap,cache=none"))
		test_holes(&b, "discard=unmap,cache=none", true);
	bench_free(&b);
	test_end();
	return tap_done();
}
