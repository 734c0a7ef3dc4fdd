/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Images, nodes and synchronous requests, for the tests of the block layer. */
#ifndef TESTS_UNIT_BLOCK_LIB_H
#define TESTS_UNIT_BLOCK_LIB_H

#include "vmm/block/block.h"

struct bench {
	char dir[80]; /* for images */
	struct loop *loop;
	struct block_registry *reg;
};

/* base: the folder that the images' folder is made in. */
void bench_init(struct bench *b, const char *base);
void bench_free(struct bench *b);
/* "dir/name"; four names are valid at a time. */
const char *bench_path(struct bench *b, const char *name);
/* An image of that size whose byte i is bench_byte(i). Its path. */
const char *bench_image(struct bench *b, const char *name, uint64_t size);
uint8_t bench_byte(uint64_t i);
/* block_open() from "key=value,…"; NULL with err. Failing where it must not ends the
 * program when err is NULL. */
struct block_node *bench_open(struct bench *b, const char *opts, struct err *err);
/* One request of one segment, waited for in the loop; its result. */
int bench_do(struct bench *b, struct block_node *node, enum block_op op, uint64_t offset,
             void *buf, uint64_t len);
/* The same with segments, flags and callback of the caller's req; len is set here. */
int bench_run(struct bench *b, struct block_node *node, struct block_req *req);
bool bench_holds(const uint8_t *buf, uint64_t offset, uint64_t len);
/* Bytes of the file as any process reads them. */
void bench_read(const char *path, uint64_t offset, void *buf, size_t len);
uint64_t bench_size(const char *path);
/* The descriptor that this process holds on the file, -1 for none. */
int bench_fd_of(const char *path);

#endif
