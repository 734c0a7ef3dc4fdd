// SPDX-License-Identifier: GPL-2.0-or-later
/* Random requests beside a copy in memory, and qemu-img, for the tests of qcow2. */
#include "tests/unit/qcow2-lib.h"

#include "common/cleanup.h"
#include "tests/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/wait.h>

/* ---- qemu-img ---- */

int qcow2_tool(const char *program, ...)
{
	const char *argv[16] = { program };
	unsigned n = 1;
	va_list ap;
	int status;
	pid_t pid;

	va_start(ap, program);
	while (n < ARRAY_SIZE(argv) - 1 && (argv[n] = va_arg(ap, const char *)))
		n++;
	va_end(ap);
	pid = fork();
	if (!pid) {
		int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

		dup2(null, 1);
		dup2(null, 2);
		execvp(program, (char **)argv);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* ---- random requests ---- */

static uint64_t seed = 1;

uint32_t qcow2_rnd(uint32_t below)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return (seed >> 33) % below;
}

unsigned flights_failed;

void flight_done(struct block_req *req, int ret)
{
	struct flight *f = req->opaque;

	f->busy = false;
	f->ret = ret;
	flights_failed += ret < 0;
}

static void start(struct flight *f, struct block_node *node, uint64_t offset,
                  uint64_t len, uint8_t *model, bool exact)
{
	unsigned what = qcow2_rnd(10);

	f->req = (struct block_req){
		.offset = offset, .len = len, .done = flight_done, .opaque = f
	};
	f->iov[0] = (struct iovec){ f->buf, len / 1024 * 512 };
	f->iov[1] = (struct iovec){ f->buf + f->iov[0].iov_len, len - f->iov[0].iov_len };
	f->is_read = false;
	if (what < 5) {
		uint32_t base = qcow2_rnd(1 << 30);

		f->req.op = BLOCK_WRITE;
		for (uint64_t i = 0; i < len; i++)
			f->buf[i] = (base + i * 7 + (i >> 9)) & 0xff;
		memcpy(model + offset, f->buf, len);
	} else if (what < 7) {
		f->req.op = BLOCK_WRITE_ZEROES;
		f->req.may_unmap = qcow2_rnd(2);
		memset(model + offset, 0, len);
	} else if (what == 7 && exact) {
		/* Discarded bytes are anything: zeros where we ask for it. */
		f->req.op = BLOCK_WRITE_ZEROES;
		f->req.may_unmap = true;
		memset(model + offset, 0, len);
	} else {
		f->req.op = BLOCK_READ;
		f->is_read = true;
		memset(f->buf, 0xaa, len);
	}
	f->req.iov = f->iov;
	f->req.iov_count = 2;
	f->busy = true;
	block_submit(node, &f->req);
}

/* Several requests under way, of disjoint ranges: the model knows what each must find. */
void qcow2_storm(struct bench *b, struct block_node *node, uint8_t *model,
                 unsigned rounds)
{
	enum { N = 12, SLOT = QCOW2_SIZE / N / 512 * 512, MAX = 300000 };
	static struct flight flights[N];
	unsigned wrong = 0;

	flights_failed = 0;
	for (unsigned r = 0; r < rounds; r++) {
		for (unsigned i = 0; i < N; i++) {
			struct flight *f = &flights[i];
			uint64_t len = (1 + qcow2_rnd(qcow2_rnd(4) ? 40 : MAX / 512)) *
			               512,
				 off;

			off = i * SLOT + qcow2_rnd((SLOT - len) / 512) * 512;
			if (!f->buf)
				f->buf = malloc(MAX + 512);
			start(f, node, off, len, model, true);
		}
		block_kick(node);
		block_drain(node);
		for (unsigned i = 0; i < N; i++) {
			struct flight *f = &flights[i];

			if (f->is_read &&
			    memcmp(f->buf, model + f->req.offset, f->req.len)) {
				if (!wrong++)
					tap_diag("round %u: wrong at %#llx + %#llx", r,
					         (unsigned long long)f->req.offset,
					         (unsigned long long)f->req.len);
			}
		}
		if (!qcow2_rnd(8))
			bench_do(b, node, BLOCK_FLUSH, 0, NULL, 0);
	}
	tap_eq(flights_failed, 0, "no request flights_failed");
	tap_eq(wrong, 0, "no read found what it should not");
}

void qcow2_check(struct bench *b, const char *path, const char *snapshot,
                 const uint8_t *model)
{
	char raw[400], out[400];
	int fd;

	snprintf(raw, sizeof(raw), "%s", bench_path(b, "model.raw"));
	snprintf(out, sizeof(out), "%s", bench_path(b, "seen.raw"));
	fd = open(raw, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, model, QCOW2_SIZE) != QCOW2_SIZE)
		tap_diag("%s: %s", raw, strerror(errno));
	close(fd);
	tap_eq(qcow2_tool("qemu-img", "check", "-q", path, NULL), 0, "qemu-img check");
	if (snapshot) {
		tap_eq(qcow2_tool("qemu-img", "convert", "-l", snapshot, "-O", "raw",
		                  path, out, NULL),
		       0, "qemu-img convert -l %s", snapshot);
		path = out;
	}
	tap_eq(qcow2_tool("qemu-img", "compare", "-q", "-F", "raw", path, raw, NULL), 0,
	       "qemu-img compare");
	unlink(raw);
	unlink(out);
}
