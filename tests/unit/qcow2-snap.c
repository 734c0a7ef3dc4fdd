// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Snapshots of qcow2 images: what each holds, ours and qemu-img's, after all that was
 * written since; the vmstate area; sizes that change.
 */
#include "common/cleanup.h"
#include "tests/tap.h"
#include "tests/unit/qcow2-lib.h"
#include "vmm/block/qcow2.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static struct block_node *open_image(struct bench *b, const char *path)
{
	char text[600];

	snprintf(text, sizeof(text), "%s,discard=unmap", path);
	return bench_open(b, text, NULL);
}

static int create(struct block_node *node, const char *name, uint64_t vm_state)
{
	struct err err = { 0 };
	struct qcow2_snapshot values = {
		.name = (char *)name,
		.date_sec = 1234567890,
		.vm_clock = 5000000000,
		.vm_state_size = vm_state,
		.icount = UINT64_MAX,
	};
	int ret = qcow2_snapshot_create(qcow2_find(node), &values, &err);

	if (ret < 0)
		tap_diag("%s", err.text);
	return ret;
}

static void apply(struct bench *b, struct block_node *node, const char *name,
                  const uint8_t *model)
{
	_cleanup_free_ uint8_t *seen = malloc(QCOW2_SIZE);
	struct err err = { 0 };

	tap_eq(qcow2_snapshot_apply(qcow2_find(node), name, &err), 0, "apply %s", name);
	if (err.code)
		tap_diag("%s", err.text);
	tap_eq(bench_do(b, node, BLOCK_READ, 0, seen, QCOW2_SIZE), 0, "read all");
	tap_ok(!memcmp(seen, model, QCOW2_SIZE), "the disk is that of %s", name);
}

static void test_vmstate(struct block_node *node)
{
	_cleanup_free_ uint8_t *state = malloc(3000000), *seen = malloc(3000000);

	for (unsigned i = 0; i < 3000000; i++)
		state[i] = bench_byte(i + 99);
	tap_eq(qcow2_vmstate_rw(node, true, 0, state, 100), 0, "vmstate");
	tap_eq(qcow2_vmstate_rw(node, true, 100, state + 100, 2999900), 0, "the rest");
	tap_eq(qcow2_vmstate_rw(node, false, 0, seen, 3000000), 0, "is read");
	tap_ok(!memcmp(state, seen, 3000000), "as it was written");
}

static void check_vmstate(struct block_node *node)
{
	_cleanup_free_ uint8_t *seen = malloc(3000000);
	unsigned wrong = 0;

	qcow2_vmstate_rw(node, false, 0, seen, 3000000);
	for (unsigned i = 0; i < 3000000; i++)
		wrong += seen[i] != bench_byte(i + 99);
	tap_eq(wrong, 0, "the vmstate is back");
}

static void delete_last(struct bench *b, const char *path, uint8_t *model)
{
	struct err err = { 0 };
	struct block_node *node;

	tap_eq(qcow2_tool("qemu-img", "snapshot", "-d", "three", path, NULL), 0,
	       "qemu-img deletes one");
	node = open_image(b, path);
	tap_eq(qcow2_snapshot_delete(qcow2_find(node), "two", &err), 0, "the last one");
	tap_ok(!qcow2_snapshot_at(qcow2_find(node), 0), "is gone");
	qcow2_storm(b, node, model, 30);
	block_close(node);
	qcow2_check(b, path, NULL, model);
}

static void test_life(struct bench *b, const char *opts)
{
	char path[400];
	uint8_t *model[3];
	const struct qcow2_snapshot *s;
	struct err err = { 0 };
	struct block_node *node;

	tap_diag("%s", opts);
	for (unsigned i = 0; i < ARRAY_SIZE(model); i++)
		model[i] = calloc(1, QCOW2_SIZE);
	snprintf(path, sizeof(path), "%s", bench_path(b, "life.qcow2"));
	tap_eq(qcow2_tool("qemu-img", "create", "-q", "-f", "qcow2", "-o", opts, path,
	                  "6M", NULL),
	       0, "qemu-img create");
	node = open_image(b, path);
	qcow2_storm(b, node, model[0], 30);
	test_vmstate(qcow2_find(node));
	tap_eq(create(node, "one", 3000000), 0, "a snapshot with vmstate");
	memcpy(model[1], model[0], QCOW2_SIZE);
	qcow2_storm(b, node, model[1], 30);
	tap_eq(create(node, "two", 0), 0, "another one");
	memcpy(model[2], model[1], QCOW2_SIZE);
	qcow2_storm(b, node, model[2], 30);
	block_close(node);
	qcow2_check(b, path, NULL, model[2]);
	qcow2_check(b, path, "one", model[0]);
	qcow2_check(b, path, "two", model[1]);
	/* The same from the other side. */
	tap_eq(qcow2_tool("qemu-img", "snapshot", "-c", "three", path, NULL), 0,
	       "qemu-img makes one");
	node = open_image(b, path);
	s = qcow2_snapshot_at(qcow2_find(node), 0);
	tap_ok(s && !strcmp(s->name, "one") && s->vm_state_size == 3000000 &&
	               s->date_sec == 1234567890 && s->vm_clock == 5000000000 &&
	               s->disk_size == QCOW2_SIZE,
	       "all is known of it");
	s = qcow2_snapshot_find(qcow2_find(node), "3");
	tap_ok(s && !strcmp(s->name, "three"), "and of qemu-img's");
	apply(b, node, "one", model[0]);
	check_vmstate(qcow2_find(node));
	qcow2_storm(b, node, model[0], 30);
	apply(b, node, "three", model[2]);
	qcow2_storm(b, node, model[2], 30);
	tap_eq(qcow2_snapshot_delete(qcow2_find(node), "one", &err), 0, "delete one");
	tap_eq(qcow2_snapshot_delete(qcow2_find(node), "one", &err), -ENOENT, "twice");
	qcow2_storm(b, node, model[2], 30);
	block_close(node);
	qcow2_check(b, path, NULL, model[2]);
	qcow2_check(b, path, "two", model[1]);
	delete_last(b, path, model[2]);
	unlink(path);
	for (unsigned i = 0; i < ARRAY_SIZE(model); i++)
		free(model[i]);
}

static void test_resize(struct bench *b, const char *opts)
{
	char path[400];
	_cleanup_free_ uint8_t *model = calloc(1, QCOW2_SIZE), *seen = malloc(QCOW2_SIZE);
	struct block_node *node;
	struct block_info info;
	struct err err = { 0 };
	unsigned stale = 0;

	tap_diag("resize; %s", opts);
	snprintf(path, sizeof(path), "%s", bench_path(b, "size.qcow2"));
	tap_eq(qcow2_tool("qemu-img", "create", "-q", "-f", "qcow2", "-o", opts, path,
	                  "6M", NULL),
	       0, "qemu-img create");
	node = open_image(b, path);
	qcow2_storm(b, node, model, 20);
	test_vmstate(qcow2_find(node));
	tap_eq(block_resize(node, 700ull << 20, &err), 0, "it grows");
	block_get_info(node, &info);
	tap_eq(info.length, 700ull << 20, "to its length");
	for (uint64_t at = QCOW2_SIZE; at < 700ull << 20; at += QCOW2_SIZE) {
		uint64_t len = (700ull << 20) - at;

		bench_do(b, node, BLOCK_READ, at, seen,
		         len < QCOW2_SIZE ? len : QCOW2_SIZE);
		for (uint64_t i = 0; i < len && i < QCOW2_SIZE; i += 512)
			stale += seen[i] != 0;
	}
	tap_eq(stale, 0, "with zeros, where the vmstate was, too");
	tap_eq(bench_do(b, node, BLOCK_WRITE, (700ull << 20) - 512, model, 512), 0,
	       "its last sector");
	tap_eq(block_resize(node, QCOW2_SIZE, &err), 0, "it shrinks");
	qcow2_storm(b, node, model, 20);
	block_close(node);
	qcow2_check(b, path, NULL, model);
	unlink(path);
}

int main(void)
{
	struct bench b;

	bench_init(&b, "/tmp");
	if (qcow2_tool("qemu-img", "--version", NULL)) {
		tap_skip("snapshots", "qemu-img is not installed");
		return tap_done();
	}
	test_life(&b, "compat=1.1");
	test_life(&b, "compat=0.10,cluster_size=1024");
	test_life(&b, "cluster_size=512,refcount_bits=4");
	test_life(&b, "cluster_size=2M,refcount_bits=64");
	test_life(&b, "lazy_refcounts=on");
	test_resize(&b, "compat=1.1");
	test_resize(&b, "cluster_size=512");
	test_resize(&b, "compat=0.10");
	bench_free(&b);
	return tap_done();
}
