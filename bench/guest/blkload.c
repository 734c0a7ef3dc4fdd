// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Guest-side load: reads or writes a block device past the guest's page cache, a fixed
 * number of requests in flight, for a fixed time, and prints what was reached. Linked
 * statically; Linux AIO by system call, io_submit(2).
 *
 * usage: blkload DEVICE read|write BLOCKSIZE DEPTH SECONDS
 * Blocks below 64 KiB are taken at random places, larger ones in sequence.
 */
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <linux/fs.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define MAX_DEPTH  64
#define RANDOM_MAX (64 << 10)

struct load {
	int fd;
	bool write;
	uint64_t block, blocks, next, random;
	unsigned depth;
	aio_context_t aio;
	struct iocb cbs[MAX_DEPTH];
};

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static uint64_t next_block(struct load *load)
{
	if (load->block >= RANDOM_MAX)
		return load->next++ % load->blocks;
	/* xorshift64: enough to leave no pattern for a read-ahead. */
	load->random ^= load->random << 13;
	load->random ^= load->random >> 7;
	load->random ^= load->random << 17;
	return load->random % load->blocks;
}

static void submit(struct load *load, struct iocb *cb)
{
	cb->aio_offset = next_block(load) * load->block;
	if (syscall(SYS_io_submit, load->aio, 1, &cb) != 1)
		fail("io_submit");
}

static void prepare(struct load *load)
{
	for (unsigned i = 0; i < load->depth; i++) {
		void *buf = aligned_alloc(4096, load->block);

		if (!buf)
			fail("memory");
		memset(buf, 0x5a, load->block);
		load->cbs[i] = (struct iocb){
			.aio_data = i,
			.aio_lio_opcode = load->write ? IOCB_CMD_PWRITE : IOCB_CMD_PREAD,
			.aio_fildes = load->fd,
			.aio_buf = (uintptr_t)buf,
			.aio_nbytes = load->block,
		};
	}
	if (syscall(SYS_io_setup, load->depth, &load->aio) < 0)
		fail("io_setup");
}

/* Requests per second. */
static double run(struct load *load, double seconds)
{
	struct io_event events[MAX_DEPTH];
	double start = now(), end = start;
	uint64_t done = 0;
	unsigned flying = 0;

	for (; flying < load->depth; flying++)
		submit(load, &load->cbs[flying]);
	while (flying) {
		long n = syscall(SYS_io_getevents, load->aio, 1, MAX_DEPTH, events, NULL);

		if (n < 0)
			fail("io_getevents");
		end = now();
		for (long i = 0; i < n; i++) {
			if (events[i].res != (int64_t)load->block)
				fail("a request failed");
			done++;
			flying--;
			if (end - start < seconds) {
				submit(load, &load->cbs[events[i].data]);
				flying++;
			}
		}
	}
	return done / (end - start);
}

int main(int argc, char **argv)
{
	struct load load = { .random = 88172645463325252ull };
	double seconds, rate;
	uint64_t size = 0;

	if (argc != 6 || sscanf(argv[3], "%lu", &load.block) != 1 ||
	    sscanf(argv[4], "%u", &load.depth) != 1 ||
	    sscanf(argv[5], "%lf", &seconds) != 1 || load.block % 512 || !load.block ||
	    !load.depth || load.depth > MAX_DEPTH) {
		fprintf(stderr,
		        "usage: blkload DEVICE read|write BLOCKSIZE DEPTH SECONDS\n");
		return 2;
	}
	load.write = !strcmp(argv[2], "write");
	load.fd =
		open(argv[1], (load.write ? O_WRONLY : O_RDONLY) | O_DIRECT | O_CLOEXEC);
	if (load.fd < 0 || ioctl(load.fd, BLKGETSIZE64, &size) < 0)
		fail(argv[1]);
	load.blocks = size / load.block;
	if (!load.blocks)
		fail("the device is too small");
	prepare(&load);
	rate = run(&load, seconds);
	printf("iops=%.0f mbps=%.1f\n", rate, rate * load.block / 1e6);
	return 0;
}
