// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Images that are put above others: temporary ones (snapshot=on) and those of a running
 * machine; what each holds, who has which name, and the way back (commit). Zeros that are
 * found in what is written.
 */
#include "common/cleanup.h"
#include "tests/tap.h"
#include "tests/unit/qcow2-lib.h"
#include "vmm/block/qcow2.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

static uint8_t *whole_file(const char *path)
{
	uint8_t *data = malloc(bench_size(path));

	bench_read(path, 0, data, bench_size(path));
	return data;
}

static bool same_file(const char *path, const uint8_t *data, uint64_t size)
{
	_cleanup_free_ uint8_t *now = whole_file(path);

	return bench_size(path) == size && !memcmp(now, data, size);
}

static bool can_lock(const char *path, short type)
{
	struct flock lock = { .l_type = type, .l_whence = SEEK_SET };
	_cleanup_close_ int fd = open(path, O_RDWR | O_CLOEXEC);

	return !fcntl(fd, F_OFD_SETLK, &lock);
}

static void reads(struct bench *b, struct block_node *node, const uint8_t *model,
                  const char *what)
{
	_cleanup_free_ uint8_t *seen = malloc(QCOW2_SIZE);

	tap_eq(bench_do(b, node, BLOCK_READ, 0, seen, QCOW2_SIZE), 0, "read all");
	tap_ok(!memcmp(seen, model, QCOW2_SIZE), "%s", what);
}

static uint8_t *model_of(struct bench *b, const char *name, bool qcow2, const char **path)
{
	uint8_t *model = malloc(QCOW2_SIZE);
	const char *raw = bench_image(b, "raw", QCOW2_SIZE);
	static char kept[400];

	for (unsigned i = 0; i < QCOW2_SIZE; i++)
		model[i] = bench_byte(i);
	snprintf(kept, sizeof(kept), "%s", bench_path(b, name));
	*path = kept;
	if (qcow2)
		qcow2_tool("qemu-img", "convert", "-O", "qcow2", raw, kept, NULL);
	else
		rename(raw, kept);
	return model;
}

static unsigned files_in(const char *folder)
{
	DIR *dir = opendir(folder);
	struct dirent *e;
	unsigned n = 0;

	while (dir && (e = readdir(dir)))
		n += !strncmp(e->d_name, "vl.", 3);
	if (dir)
		closedir(dir);
	return n;
}

/* ---- snapshot=on ---- */

static void test_temporary(struct bench *b, bool qcow2)
{
	const char *path;
	_cleanup_free_ uint8_t *model = model_of(b, "base", qcow2, &path), *before = NULL,
			       *other = malloc(QCOW2_SIZE);
	struct block_node *node, *second;
	struct block_info info;
	struct err err = { 0 };
	char text[600];
	uint64_t size = bench_size(path);

	tap_diag("snapshot=on, %s", qcow2 ? "qcow2" : "raw");
	setenv("TMPDIR", b->dir, 1);
	before = whole_file(path);
	snprintf(text, sizeof(text), "%s,format=%s,id=d,snapshot=on,discard=unmap", path,
	         qcow2 ? "qcow2" : "raw");
	node = bench_open(b, text, NULL);
	tap_eq(files_in(b->dir), 0, "the temporary image has no name");
	block_get_info(node, &info);
	tap_str(info.id, "d", "the drive's name is that of the upper image");
	tap_ok(!info.readonly && info.length == QCOW2_SIZE, "which can be written");
	tap_ok(can_lock(path, F_RDLCK) && !can_lock(path, F_WRLCK),
	       "the image may be read by others, not written");
	/* Later this process may not have the right to open it. */
	tap_eq(fcntl(bench_fd_of(path), F_GETFL) & O_ACCMODE, O_RDWR,
	       "it is open for a commit");
	snprintf(text, sizeof(text), "%s,id=e,snapshot=on", path);
	second = bench_open(b, text, &err);
	tap_ok(second, "and be below another temporary one");
	qcow2_storm(b, node, model, 40);
	reads(b, node, model, "the disk has what was written");
	tap_ok(same_file(path, before, size), "the image does not");
	tap_eq(block_commit(node, &err), -EBUSY, "no commit while another one uses it");
	tap_ok(same_file(path, before, size), "nothing came through");
	reads(b, node, model, "nor went");
	block_close(second);
	err_clear(&err);
	tap_eq(block_commit(node, &err), 0, "commit");
	reads(b, node, model, "the disk is as it was");
	tap_ok(block_allocated(node) < 2 << 20, "and takes little");
	tap_ok(can_lock(path, F_RDLCK), "the image may be read once more");
	qcow2_storm(b, node, model, 10);
	tap_eq(block_commit(node, &err), 0, "and again");
	memcpy(other, model, QCOW2_SIZE);
	qcow2_storm(b, block_find(b->reg, "d"), other, 10);
	block_close(node);
	tap_ok(!block_next(b->reg, NULL), "all of it goes with the drive");
	node = bench_open(b, path, NULL);
	reads(b, node, model, "the image has what was committed, and no more");
	block_close(node);
	if (qcow2)
		qcow2_check(b, path, NULL, model);
	unlink(path);
}

/* What cannot be written, or must not be, has nothing above. */
static void test_readonly(struct bench *b)
{
	const char *path = bench_image(b, "image", 65536);
	struct block_info info;
	struct block_node *node;
	struct err err = { 0 };
	uint8_t block[512] = { 1 };
	char text[500];

	snprintf(text, sizeof(text), "%s,snapshot=on,readonly=on", path);
	node = bench_open(b, text, NULL);
	block_get_info(node, &info);
	tap_ok(info.readonly && !block_backing(node), "readonly=on needs no image above");
	block_close(node);
	snprintf(text, sizeof(text), "%s,snapshot=on", path);
	chmod(path, 0444);
	node = bench_open(b, text, NULL);
	tap_eq(bench_do(b, node, BLOCK_WRITE, 0, block, 512), 0,
	       "a write above an image that may only be read");
	block_close(node);
	setenv("TMPDIR", "/nowhere", 1);
	tap_ok(!bench_open(b, text, &err), "no place for it");
	tap_has(err.text, "snapshot=on: Could not create '/nowhere/vl.", "is told");
	tap_has(err.text, ": No such file or directory; TMPDIR may name another folder",
	        "with what to do");
	tap_ok(!block_next(b->reg, NULL), "and leaves nothing");
	unlink(path);
}

/* ---- while it runs ---- */

static unsigned resizes;

static void resized(void *opaque)
{
	(void)opaque;
	resizes++;
}

/* The closed images after a commit. */
static void check_both(struct bench *b, const char *path, const char *top,
                       const uint8_t *model, bool qcow2)
{
	struct block_node *node = bench_open(b, path, NULL);
	struct block_info info;

	block_get_info(node, &info);
	tap_eq(info.length, QCOW2_SIZE + 65536, "the image below has grown");
	reads(b, node, model, "and has what was committed");
	block_close(node);
	tap_eq(qcow2_tool("qemu-img", "check", "-q", top, NULL), 0, "qemu-img check");
	tap_eq(qcow2_tool("qemu-img", "compare", "-q", "-F", "raw", top, path, NULL) &&
	               !qcow2,
	       0, "qemu-img finds the same in both");
}

static void test_above(struct bench *b, bool qcow2)
{
	const char *path;
	_cleanup_free_ uint8_t *model = model_of(b, "base", qcow2, &path), *before = NULL;
	char top[400], text[600];
	struct block_above how = { .file = top };
	struct block_node *node, *dev = NULL, *new;
	struct block_info info;
	struct qcow2_info q;
	struct err err = { 0 };
	uint64_t size, ops;

	tap_diag("an image above that of a device, %s", qcow2 ? "qcow2" : "raw");
	resizes = 0;
	snprintf(top, sizeof(top), "%s", bench_path(b, "top"));
	snprintf(text, sizeof(text), "%s,format=%s,id=d,cache=unsafe", path,
	         qcow2 ? "qcow2" : "raw");
	dev = node = bench_open(b, text, NULL);
	block_attach(node, &dev, "vda", resized, NULL, &err);
	qcow2_storm(b, node, model, 10);
	ops = block_get_stats(node)->ops[BLOCK_WRITE];
	new = block_new_above(node, &how, &err);
	tap_ok(new, "an image to be put above");
	tap_eq(block_put_above(node, new, &err), 0, "is put above");
	before = whole_file(path);
	size = bench_size(path);
	tap_ok(dev == new, "the device has it");
	tap_ok(block_find(b->reg, "d") == new, "by the drive's name");
	tap_str(block_user(new), "vda", "as before");
	tap_eq(block_get_stats(new)->ops[BLOCK_WRITE], ops, "the counters go on");
	block_get_info(node, &info);
	tap_ok(info.readonly && info.below && info.no_drive, "the old one is below");
	tap_ok(block_find(b->reg, info.node_name) == node, "and has its own name");
	qcow2_get_info(qcow2_find(new), &q);
	tap_ok(q.backing_file && *q.backing_file == '/' &&
	               strstr(q.backing_file, "/base"),
	       "the file says what is below");
	tap_str(q.backing_format, qcow2 ? "qcow2" : "raw", "and its format");
	reads(b, dev, model, "the disk has what it had");
	qcow2_storm(b, dev, model, 40);
	reads(b, dev, model, "the disk has what was written");
	tap_ok(same_file(path, before, size), "the image below does not");
	tap_ok(!block_new_above(dev, &how, &err), "its own file is none to be made anew");
	err_clear(&err);
	tap_eq(block_resize(dev, QCOW2_SIZE + 65536, &err), 0, "it grows");
	tap_eq(resizes, 1, "which the device hears of");
	tap_eq(block_commit(dev, &err), 0, "commit");
	if (err.code)
		tap_diag("%s", err.text);
	reads(b, dev, model, "the disk is as it was");
	block_detach(dev);
	block_close(dev);
	tap_ok(!block_next(b->reg, NULL), "all of it goes with the drive");
	check_both(b, path, top, model, qcow2);
	unlink(path);
	unlink(top);
}

/* Images that grow while they are the upper one, and again when they take a commit. */
static void test_chain(struct bench *b)
{
	const char *path;
	_cleanup_free_ uint8_t *model = model_of(b, "base", true, &path);
	char top[3][400];
	struct block_node *dev = bench_open(b, path, NULL);
	struct err err = { 0 };

	tap_diag("a chain");
	for (unsigned i = 0; i < ARRAY_SIZE(top); i++) {
		struct block_above how = { .file = top[i] };
		struct block_node *new;
		char name[8];

		snprintf(name, sizeof(name), "top%u", i);
		snprintf(top[i], sizeof(top[i]), "%s", bench_path(b, name));
		new = block_new_above(dev, &how, &err);
		tap_ok(new &&block_put_above(dev, new, &err) >= 0, "one more above");
		dev = new;
		qcow2_storm(b, dev, model, 10);
	}
	for (unsigned i = 0; i < 3; i++) {
		tap_eq(block_commit(dev, &err), 0, "commit");
		if (err.code)
			tap_diag("%s", err.text);
		qcow2_storm(b, dev, model, 10);
	}
	reads(b, dev, model, "the disk has what was written");
	block_close(dev);
	qcow2_check(b, top[2], NULL, model);
	for (unsigned i = 0; i < 3; i++)
		tap_eq(qcow2_tool("qemu-img", "check", "-q", top[i], NULL), 0,
		       "qemu-img check");
	for (unsigned i = 0; i < 3; i++)
		unlink(top[i]);
	unlink(path);
}

/* A commit that is killed at any moment: above the one or in the other, all is there. */
static void commit_and_die(struct bench *b, const char *path, unsigned us)
{
	struct err err = { 0 };
	struct block_node *node;
	struct itimerval soon = { .it_value.tv_usec = us };
	char text[600];
	pid_t pid = fork();

	if (!pid) {
		/* With a registry and a ring of its own. */
		b->reg = block_registry_new(b->loop);
		snprintf(text, sizeof(text), "%s,aio=threads,locking=off", path);
		node = bench_open(b, text, NULL);
		signal(SIGALRM, SIG_DFL);
		setitimer(ITIMER_REAL, &soon, NULL);
		block_commit(node, &err);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
}

static void test_killed(struct bench *b)
{
	const char *path;
	_cleanup_free_ uint8_t *model = model_of(b, "base", true, &path);
	unsigned bad = 0, wrong = 0;
	char base[400], top[400], text[600];

	tap_diag("commits that are killed");
	snprintf(base, sizeof(base), "%s", path);
	snprintf(top, sizeof(top), "%s", bench_path(b, "top"));
	qcow2_tool("qemu-img", "create", "-q", "-f", "qcow2", "-b", base, "-F", "qcow2",
	           top, NULL);
	for (unsigned i = 0; i < 30; i++) {
		_cleanup_free_ uint8_t *seen = malloc(QCOW2_SIZE);
		struct block_node *node;
		int ret[2];

		snprintf(text, sizeof(text), "%s,locking=off", top);
		node = bench_open(b, text, NULL);
		for (unsigned n = 0; n < 20; n++) {
			uint64_t at = qcow2_rnd(QCOW2_SIZE / 4096) * 4096ull;

			memset(model + at, qcow2_rnd(256), 4096);
			bench_do(b, node, BLOCK_WRITE, at, model + at, 4096);
		}
		block_close(node);
		commit_and_die(b, top, 200 + qcow2_rnd(6000));
		ret[0] = qcow2_tool("qemu-img", "check", "-U", "-q", base, NULL);
		ret[1] = qcow2_tool("qemu-img", "check", "-U", "-q", top, NULL);
		/* 3: clusters that nobody uses. */
		bad += (ret[0] && ret[0] != 3) + (ret[1] && ret[1] != 3);
		snprintf(text, sizeof(text), "%s,locking=off,readonly=on", top);
		node = bench_open(b, text, NULL);
		bench_do(b, node, BLOCK_READ, 0, seen, QCOW2_SIZE);
		wrong += memcmp(seen, model, QCOW2_SIZE) != 0;
		block_close(node);
	}
	tap_eq(bad, 0, "qemu-img check finds leaks at worst");
	tap_eq(wrong, 0, "the disk always holds what it held");
	unlink(base);
	unlink(top);
}

/* A file that is not of the disk's size, or is somebody's. */
static void test_refused(struct bench *b)
{
	const char *path = bench_image(b, "image", 65536);
	char small[400];
	struct block_above how = { .file = small, .existing = true };
	struct block_node *node = bench_open(b, path, NULL);
	struct err err = { 0 };

	snprintf(small, sizeof(small), "%s", bench_path(b, "small"));
	qcow2_tool("qemu-img", "create", "-f", "qcow2", small, "32K", NULL);
	tap_ok(!block_new_above(node, &how, &err), "an image that is too small");
	tap_ok(strstr(err.text,
	              " has 32768 bytes, the disk above which it shall be 65536"),
	       "is refused");
	err_clear(&err);
	how.file = path;
	how.existing = false;
	tap_ok(!block_new_above(node, &how, &err),
	       "the disk's own file is not made anew");
	tap_ok(strstr(err.text, " is in use by a machine"), "it is in use");
	err_clear(&err);
	how.format = "raw";
	tap_ok(!block_new_above(node, &how, &err), "raw images have nothing below");
	tap_str(err.text, "Backing file not supported for file format 'raw'", "so");
	err_clear(&err);
	tap_eq(block_commit(node, &err), -ENOTSUP, "nor can they be committed");
	tap_eq(bench_size(path), 65536, "nothing happened to it");
	block_close(node);
	unlink(path);
	unlink(small);
}

/* ---- zeros ---- */

static void test_zeros(struct bench *b, const char *how, bool gone)
{
	const char *path = bench_image(b, "image", 1 << 20);
	_cleanup_free_ uint8_t *zeros = calloc(1, 1 << 20), *seen = malloc(1 << 20);
	struct iovec iov[2] = { { zeros, 65536 }, { zeros + 65536, 65536 } };
	struct block_req req = { .op = BLOCK_WRITE, .iov = iov, .iov_count = 2 };
	struct block_node *node;
	struct stat st;
	char text[500];

	snprintf(text, sizeof(text), "%s,discard=unmap,format=raw,detect-zeroes=%s", path,
	         how);
	node = bench_open(b, text, NULL);
	tap_eq(bench_run(b, node, &req), 0, "detect-zeroes=%s: zeros", how);
	req.op = BLOCK_WRITE;
	req.offset = 262144;
	zeros[131071] = 1;
	tap_eq(bench_run(b, node, &req), 0, "nearly zeros");
	tap_eq(bench_do(b, node, BLOCK_READ, 0, seen, 1 << 20), 0, "read");
	zeros[131071] = 0;
	tap_ok(!memcmp(seen, zeros, 131072), "zeros are zeros");
	zeros[131071] = 1;
	tap_ok(!memcmp(seen + 262144, zeros, 131072), "others are not");
	tap_ok(bench_holds(seen + 131072, 131072, 131072), "nor what is beside them");
	block_close(node);
	stat(path, &st);
	tap_eq(st.st_blocks * 512 <= (1 << 20) - 131072, gone, "the place is %s",
	       gone ? "given back" : "kept");
	unlink(path);
}

int main(void)
{
	struct bench b;

	if (qcow2_tool("qemu-img", "--version", NULL))
		tap_skip_all("no qemu-img; run: scripts/deps test");
	bench_init(&b, "/var/tmp");
	test_temporary(&b, false);
	test_temporary(&b, true);
	test_readonly(&b);
	test_above(&b, false);
	test_above(&b, true);
	test_chain(&b);
	test_killed(&b);
	test_refused(&b);
	test_zeros(&b, "off", false);
	test_zeros(&b, "on", false);
	test_zeros(&b, "unmap", true);
	bench_free(&b);
	return tap_done();
}
