// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Opening images: what each option promises of the descriptor, locks against other
 * processes and other drives, and every refusal with its words.
 */
#include "common/cleanup.h"
#include "common/strbuf.h"
#include "tests/tap.h"
#include "tests/unit/block-lib.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define SIZE (1u << 20)

/* ---- flags ---- */

static void test_flags(struct bench *b)
{
	static const struct {
		const char *opts;
		int mode;
		bool direct, write_cache;
	} cases[] = {
		{ "", O_RDWR, false, true },
		{ ",cache=writeback", O_RDWR, false, true },
		{ ",cache=writethrough", O_RDWR, false, false },
		{ ",cache=none", O_RDWR, true, true },
		{ ",cache=directsync", O_RDWR, true, false },
		{ ",cache=unsafe", O_RDWR, false, true },
		{ ",readonly=on", O_RDONLY, false, true },
		{ ",read-only=on,cache=none", O_RDONLY, true, true },
	};
	const char *path = bench_image(b, "flags", SIZE);
	char text[500];

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		struct block_node *node;
		struct block_info info;
		int flags, fd;

		snprintf(text, sizeof(text), "%s,format=raw%s", path, cases[i].opts);
		node = bench_open(b, text, NULL);
		block_get_info(node, &info);
		fd = bench_fd_of(path);
		flags = fcntl(fd, F_GETFL);
		tap_eq(flags & (O_ACCMODE | O_DIRECT),
		       cases[i].mode | (cases[i].direct ? O_DIRECT : 0), "flags of '%s'",
		       cases[i].opts);
		tap_ok(fcntl(fd, F_GETFD) & FD_CLOEXEC, "which a child does not inherit");
		tap_eq(info.write_cache, cases[i].write_cache, "write cache");
		tap_eq(info.readonly, cases[i].mode == O_RDONLY, "read-only");
		tap_eq(info.length, SIZE, "length");
		block_close(node);
		tap_eq(bench_fd_of(path), -1, "closed");
	}
}

static void test_names(struct bench *b)
{
	char text[500];
	struct err err = { 0 };
	struct block_info info;
	struct block_node *node;

	snprintf(text, sizeof(text), "driver=raw,file.filename=%s,node-name=disk",
	         bench_image(b, "names", SIZE));
	node = bench_open(b, text, NULL);
	block_get_info(node, &info);
	tap_str(info.id, "disk", "node-name names a drive without an id");
	tap_str(info.format, "raw", "format");
	tap_ok(block_find(b->reg, "disk") == node, "it is found by that name");
	snprintf(text, sizeof(text), "file=%s,format=raw,id=disk",
	         bench_image(b, "second", SIZE));
	tap_ok(!bench_open(b, text, &err), "a second one of that name is refused");
	tap_str(err.text, "id 'disk' is taken by another drive; choose another", "why");
	tap_eq(bench_fd_of(bench_path(b, "second")), -1, "and not left open");
	block_close(node);
	node = bench_open(b, bench_path(b, "second"), NULL);
	block_get_info(node, &info);
	tap_str(info.id, "drive0", "a drive without a name gets one");
	block_close(node);
}

/* ---- locks ---- */

/* Another process tries to lock the file: 0, or errno. */
static int lock_elsewhere(const char *path, short type)
{
	struct flock lock = { .l_type = type, .l_whence = SEEK_SET };
	int status = -1;
	pid_t pid = fork();

	if (!pid) {
		int fd = open(path, O_RDWR | O_CLOEXEC);

		_exit(fd < 0 ? 255 : fcntl(fd, F_OFD_SETLK, &lock) < 0 ? errno : 0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0 || !WIFEXITED(status))
		return -1;
	return WEXITSTATUS(status);
}

static void test_lock(struct bench *b, const char *opts, int reader, int writer)
{
	const char *path = bench_image(b, "lock", SIZE);
	char text[500];
	struct block_node *node;

	snprintf(text, sizeof(text), "%s,format=raw%s", path, opts);
	node = bench_open(b, text, NULL);
	tap_eq(lock_elsewhere(path, F_RDLCK), reader, "'%s': a reader elsewhere", opts);
	tap_eq(lock_elsewhere(path, F_WRLCK), writer, "'%s': a writer elsewhere", opts);
	block_close(node);
	tap_eq(lock_elsewhere(path, F_WRLCK), 0, "'%s': closed, the lock is gone", opts);
}

/* The other way round: another description holds the lock. */
static void test_locked(struct bench *b, short type, const char *opts, bool refused)
{
	struct flock lock = { .l_type = type, .l_whence = SEEK_SET };
	const char *path = bench_image(b, "locked", SIZE);
	int fd = open(path, O_RDWR | O_CLOEXEC);
	struct err err = { 0 };
	struct block_node *node;
	char text[500], want[500];

	fcntl(fd, F_OFD_SETLK, &lock);
	snprintf(text, sizeof(text), "%s,format=raw%s", path, opts);
	node = bench_open(b, text, &err);
	tap_eq(!node, refused, "%s elsewhere, '%s'",
	       type == F_WRLCK ? "writer" : "reader", opts);
	if (node)
		block_close(node);
	snprintf(want, sizeof(want),
	         "%s is locked: another process, or another drive of this one, uses it; "
	         "stop the other one, open it readonly=on on both sides, or give "
	         "file.locking=off",
	         path);
	if (refused)
		tap_str(err.text, want, "and says what to do");
	close(fd);
}

static void test_two_drives(struct bench *b)
{
	char text[500];
	struct err err = { 0 };
	struct block_node *one, *two;

	snprintf(text, sizeof(text), "%s,format=raw", bench_image(b, "two", SIZE));
	one = bench_open(b, text, NULL);
	tap_ok(!bench_open(b, text, &err) && err.code == EBUSY,
	       "two drives of one process cannot write one image");
	block_close(one);
	snprintf(text, sizeof(text), "%s,format=raw,readonly=on", bench_path(b, "two"));
	one = bench_open(b, text, NULL);
	two = bench_open(b, text, NULL);
	tap_ok(one && two, "but both may read it");
	block_close(one);
	block_close(two);
}

/* ---- refusals ---- */

static void refused(struct bench *b, const char *file, const char *opts, const char *want)
{
	const char *path = bench_path(b, file);
	struct err err = { 0 };
	_cleanup_strbuf_ struct strbuf full = { 0 };
	struct block_node *node;
	char text[500];

	snprintf(text, sizeof(text), "%s%s", path, opts);
	node = bench_open(b, text, &err);
	/* In the expected words '@' stands for the path. */
	for (; *want; want++)
		strbuf_addf(&full, "%.*s", *want == '@' ? 400 : 1,
		            *want == '@' ? path : want);
	tap_str(err.text, full.data, "%s%s", file, opts);
	if (node)
		block_close(node);
}

static void put(struct bench *b, const char *name, unsigned offset, const char *bytes,
                unsigned len)
{
	int fd = open(bench_image(b, name, SIZE), O_WRONLY | O_CLOEXEC);
	static const char zeroes[512];

	if (pwrite(fd, zeroes, sizeof(zeroes), 0) != sizeof(zeroes) ||
	    pwrite(fd, bytes, len, offset) != (ssize_t)len)
		tap_diag("%s: %s", name, strerror(errno));
	close(fd);
}

static void test_refusals(struct bench *b)
{
	bench_image(b, "image", SIZE);
	bench_image(b, "empty", 0);
	if (mkdir(bench_path(b, "folder"), 0700) < 0 ||
	    mkfifo(bench_path(b, "fifo"), 0600) < 0)
		tap_diag("%s", strerror(errno));
	refused(b, "none", "",
	        "cannot open the disk image @: No such file or directory; check the path, or "
	        "make an empty disk: truncate -s 10G @");
	refused(b, "folder", "",
	        "@ is a directory, not a disk image; name a file or a block device");
	refused(b, "fifo", "",
	        "@ is neither a regular file nor a block device; name one");
	refused(b, "empty", "",
	        "@ is empty; give it a size, for example: truncate -s 10G");
	refused(b, "image", ",cache=write",
	        "cache=write is not valid; expected "
	        "writeback|writethrough|none|unsafe|directsync");
	refused(b, "image", ",detect-zeroes=unmap",
	        "setting detect-zeroes to unmap is not allowed without setting discard "
	        "operation to unmap");
	refused(b, "image", ",copy-on-read=on",
	        "copy-on-read=on is not supported; drop it");
	refused(b, "image", ",file=", "no image is named; add file=PATH");
	refused(b, "image", ",format=qcow2", "@ is not a qcow2 image; give its format=");
	rmdir(bench_path(b, "folder"));
}

/* A file in a format that is not supported is not taken for a disk of its bytes. */
static void test_probe(struct bench *b)
{
	static const struct {
		const char *name, *bytes;
		unsigned offset, len;
	} formats[] = {
		{ "qcow", "QFI\xfb\0\0\0\1", 0, 8 },
		{ "vmdk", "KDMV", 0, 4 },
		{ "vmdk", "# Disk DescriptorFile", 0, 21 },
		{ "vdi", "\x7f\x10\xda\xbe", 64, 4 },
		{ "vhdx", "vhdxfile", 0, 8 },
		{ "vpc", "conectix", 0, 8 },
		{ "luks", "LUKS\xba\xbe", 0, 6 },
	};
	char want[300], text[500];
	struct block_node *node;

	for (unsigned i = 0; i < ARRAY_SIZE(formats); i++) {
		put(b, "format", formats[i].offset, formats[i].bytes, formats[i].len);
		snprintf(
			want, sizeof(want),
			"@ is a %s image, a format that is not supported yet; convert it "
			"with 'qemu-img convert -O raw', or give format=raw to use the "
			"bytes as they are",
			formats[i].name);
		refused(b, "format", "", want);
	}
	snprintf(text, sizeof(text), "%s,format=raw", bench_path(b, "format"));
	node = bench_open(b, text, NULL);
	tap_ok(node, "format=raw takes the bytes as they are");
	block_close(node);
}

/* What was guessed to be raw stays so. */
static void test_guess(struct bench *b)
{
	uint8_t *buf = aligned_alloc(4096, 4096);
	struct block_node *node;

	bench_image(b, "guess", 65536);
	node = bench_open(b, bench_path(b, "guess"), NULL);
	memset(buf, 0, 4096);
	tap_eq(bench_do(b, node, BLOCK_WRITE, 0, buf, 4096), 0,
	       "a first sector of zeros");
	memcpy(buf, "QFI\xfb\0\0\0\3", 8);
	tap_eq(bench_do(b, node, BLOCK_WRITE, 512, buf, 512), 0, "a header elsewhere");
	tap_eq(bench_do(b, node, BLOCK_WRITE, 0, buf, 4096), -EPERM,
	       "a header where one is looked for");
	bench_do(b, node, BLOCK_READ, 0, buf, 512);
	tap_eq(buf[0], 0, "is not written");
	block_close(node);
	free(buf);
}

/* As a user who may not write; root is asked to be one for the time of the test. */
static void test_permissions(struct bench *b)
{
	bool root = !geteuid();
	struct block_node *node;
	char text[500];

	bench_image(b, "readonly", SIZE);
	chmod(bench_path(b, "readonly"), 0444);
	chmod(b->dir, 0755);
	if (root && seteuid(65534) < 0)
		tap_diag("seteuid: %s", strerror(errno));
	refused(b, "readonly", ",format=raw",
	        "@ cannot be opened for writing (Permission denied); give readonly=on, or "
	        "change its permissions");
	snprintf(text, sizeof(text), "%s,format=raw,readonly=on",
	         bench_path(b, "readonly"));
	node = bench_open(b, text, NULL);
	tap_ok(node, "a file that may only be read, readonly=on");
	block_close(node);
	if (root && seteuid(0) < 0)
		tap_diag("seteuid: %s", strerror(errno));
	chmod(bench_path(b, "readonly"), 0);
	if (root && seteuid(65534) < 0)
		tap_diag("seteuid: %s", strerror(errno));
	refused(b, "readonly", ",format=raw",
	        "cannot open the disk image @: Permission denied; change its permissions");
	if (root && seteuid(0) < 0)
		tap_diag("seteuid: %s", strerror(errno));
}

static void test_devices(struct bench *b)
{
	struct err err = { 0 };

	tap_ok(!bench_open(b, "/dev/full,format=raw", &err), "/dev/full is no disk");
	tap_str(err.text,
	        "/dev/full is neither a regular file nor a block device; name one",
	        "why");
}

int main(void)
{
	struct bench b;

	bench_init(&b, "/tmp");
	test_flags(&b);
	test_names(&b);
	test_lock(&b, "", EAGAIN, EAGAIN);
	test_lock(&b, ",readonly=on", 0, EAGAIN);
	test_lock(&b, ",file.locking=off", 0, 0);
	test_lock(&b, ",locking=on", EAGAIN, EAGAIN);
	test_locked(&b, F_WRLCK, "", true);
	test_locked(&b, F_WRLCK, ",readonly=on", true);
	test_locked(&b, F_RDLCK, "", true);
	test_locked(&b, F_RDLCK, ",readonly=on", false);
	test_locked(&b, F_WRLCK, ",file.locking=off", false);
	test_two_drives(&b);
	test_refusals(&b);
	test_probe(&b);
	test_guess(&b);
	test_permissions(&b);
	test_devices(&b);
	bench_free(&b);
	return tap_done();
}
