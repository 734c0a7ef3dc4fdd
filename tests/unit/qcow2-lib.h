/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Random requests beside a copy in memory, and qemu-img, for the tests of qcow2. */
#ifndef TESTS_UNIT_QCOW2_LIB_H
#define TESTS_UNIT_QCOW2_LIB_H

#include "tests/unit/block-lib.h"

#define QCOW2_SIZE (6u << 20) /* of each image */

/* A request that is under way. */
struct flight {
	struct block_req req;
	struct iovec iov[2];
	uint8_t *buf;
	bool busy, is_read;
	int ret;
};

/* For req.done, with the flight as opaque: counts failures. */
void flight_done(struct block_req *req, int ret);
extern unsigned flights_failed;

/* Runs a program with these arguments, NULL at their end, silently; its exit code. */
int qcow2_tool(const char *program, ...);
/* The same sequence in each run. */
uint32_t qcow2_rnd(uint32_t below);
/* Writes, zeroes, discards and reads, several at a time; model: what the disk holds. */
void qcow2_storm(struct bench *b, struct block_node *node, uint8_t *model,
                 unsigned rounds);
/* What qemu-img says of the closed image, and that it holds what the model does.
 * snapshot: of that one; NULL: the disk. */
void qcow2_check(struct bench *b, const char *path, const char *snapshot,
                 const uint8_t *model);

#endif
