// SPDX-License-Identifier: GPL-2.0-or-later
/* What a ring takes: transfers and syncs, and nothing that opens, connects or unlinks:
 * it is out of the seccomp filter's sight. */
#include "vmm/block/uring.c"

#include "tests/tap.h"

#include <fcntl.h>
#include <sys/socket.h>

static void no_completion(struct aio_op *op, int res)
{
	(void)op;
	(void)res;
}

static void no_batch(void *opaque)
{
	(void)opaque;
}

/* The result of what was prepared. */
static int result(struct uring *u)
{
	struct io_uring_cqe *cqe;
	int ret = io_uring_submit_and_wait(&u->ring, 1);

	if (ret < 0 || io_uring_peek_cqe(&u->ring, &cqe) < 0)
		return ret < 0 ? ret : -EIO;
	ret = cqe->res;
	io_uring_cqe_seen(&u->ring, cqe);
	return ret;
}

int main(void)
{
	struct err err = { 0 };
	struct loop *loop = loop_new(NULL, &err);
	_cleanup_close_ int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	struct uring *u = NULL;
	struct io_uring probe;
	char byte = 'x';
	int ret;

	ret = uring_new(loop, no_completion, no_batch, NULL, &u);
	if (ret < 0)
		tap_skip_all("this host gives no io_uring");
	io_uring_prep_write(io_uring_get_sqe(&u->ring), null, &byte, 1, 0);
	tap_eq(result(u), 1, "a write");
	if (io_uring_queue_init(1, &probe, IORING_SETUP_R_DISABLED) < 0) {
		tap_skip("restrictions", "Linux before 5.10 has none");
		return tap_done();
	}
	io_uring_queue_exit(&probe);
	io_uring_prep_openat(io_uring_get_sqe(&u->ring), AT_FDCWD, "/dev/null", O_RDONLY,
	                     0);
	tap_eq(result(u), -EACCES, "no open");
	io_uring_prep_connect(io_uring_get_sqe(&u->ring), null, NULL, 0);
	tap_eq(result(u), -EACCES, "no connect");
	io_uring_prep_unlinkat(io_uring_get_sqe(&u->ring), AT_FDCWD, "x", 0);
	tap_eq(result(u), -EACCES, "no unlink");
	io_uring_prep_nop(io_uring_get_sqe(&u->ring));
	tap_eq(result(u), -EACCES, "not even nothing");
	tap_ok(syscall(SYS_io_uring_register, u->ring.ring_fd, IORING_REGISTER_PROBE,
	               &byte, 0) < 0 &&
	               errno == EACCES,
	       "and it stays so");
	uring_free(u);
	loop_free(loop);
	return tap_done();
}
