// SPDX-License-Identifier: GPL-2.0-or-later
/* Images that two machines have open, one after the other: locks, and what is durable. */
#include "tests/tap.h"

#include "vmm/block/block.h"
#include "vmm/block/qcow2-create.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct side {
	struct loop *loop;
	struct block_registry *reg;
	struct block_node *node;
};

static char path[] = "/tmp/handover.XXXXXX";

static bool open_image(struct side *s, const char *more, struct err *err)
{
	struct opt_list opts = { 0 };
	char text[128];

	snprintf(text, sizeof(text), "file=%s,id=d,format=%s", path, more);
	if (opt_list_parse(&opts, text, NULL, err) >= 0)
		s->node = block_open(s->reg, &opts, err);
	opt_list_free(&opts);
	return s->node;
}

static void init(struct side *s)
{
	*s = (struct side){ .loop = loop_new(NULL, NULL) };
	s->reg = block_registry_new(s->loop);
}

static void end(struct side *s)
{
	block_registry_free(s->reg);
	loop_free(s->loop);
}

static void test_writers(void)
{
	struct err err = { 0 };
	struct side a, b;

	init(&a);
	init(&b);
	tap_ok(open_image(&a, "raw", &err), "the source has the image");
	tap_ok(!open_image(&b, "raw", &err), "nobody else opens it");
	err_clear(&err);
	block_registry_hold(b.reg);
	tap_ok(open_image(&b, "raw", &err), "but whoever holds its images");
	tap_eq(block_registry_take(b.reg, &err), (uint64_t)-EBUSY, "they are not taken");
	tap_has(err.text, "is locked", "the sentence says why");
	err_clear(&err);
	tap_eq(block_registry_give(a.reg, &err), 0, "the source gives them");
	tap_eq(block_registry_give(a.reg, &err), 0, "once");
	tap_eq(block_registry_take(b.reg, &err), 0, "then they are taken");
	tap_eq(block_registry_take(b.reg, &err), 0, "once");
	tap_eq(block_registry_take(a.reg, &err), (uint64_t)-EBUSY, "and are not here");
	err_clear(&err);
	end(&b);
	tap_eq(block_registry_take(a.reg, &err), 0, "but when the other one is gone");
	init(&b);
	tap_ok(!open_image(&b, "raw", NULL), "for good");
	end(&b);
	end(&a);
}

static void test_size(void)
{
	struct err err = { 0 };
	struct side a;

	init(&a);
	block_registry_hold(a.reg);
	tap_ok(open_image(&a, "raw", &err), "an image of 1 MiB");
	if (truncate(path, 512 << 10) < 0)
		tap_diag("%s", strerror(errno));
	tap_eq(block_registry_take(a.reg, &err), (uint64_t)-EINVAL,
	       "that shrank meanwhile");
	tap_has(err.text, "became shorter", "is refused");
	err_clear(&err);
	if (truncate(path, 1 << 20) < 0)
		tap_diag("%s", strerror(errno));
	tap_eq(block_registry_take(a.reg, &err), 0, "nothing was taken then");
	end(&a);
}

static void test_readers(void)
{
	struct err err = { 0 };
	struct side a, b;

	init(&a);
	init(&b);
	tap_ok(open_image(&a, "raw,readonly=on", &err), "an image to read");
	block_registry_hold(b.reg);
	tap_ok(open_image(&b, "raw,readonly=on", &err), "for two");
	tap_eq(block_registry_take(b.reg, &err), 0, "is both's");
	tap_eq(block_registry_give(a.reg, &err), 0, "and given without a flush");
	end(&a);
	end(&b);
}

/* ---- qcow2: what one side knows of its tables is the other's matter later ---- */

static bool make_qcow2(void)
{
	struct qcow2_create create = { 0 };
	struct opt_list none = { 0 };
	int fd = open(path, O_RDWR | O_TRUNC | O_CLOEXEC), ret = -1;

	if (opts_apply(qcow2_create_options, &none, &create, NULL, NULL) >= 0) {
		create.size = 1 << 20;
		create.lazy_refcounts = true;
		ret = qcow2_create(fd, path, &create, NULL);
	}
	opts_free(qcow2_create_options, &create);
	close(fd);
	return ret >= 0;
}

static int rw(struct side *s, enum block_op op, unsigned at, char fill)
{
	static uint8_t buf[4096] __attribute__((aligned(4096)));
	int ret;

	memset(buf, op == BLOCK_WRITE ? fill : 0, sizeof(buf));
	ret = block_rw(s->node, op, at, buf, sizeof(buf));
	return ret < 0 ? ret : buf[0];
}

static void test_qcow2(void)
{
	struct err err = { 0 };
	struct side a, b;

	if (!make_qcow2()) {
		tap_ok(false, "a qcow2 image");
		return;
	}
	init(&a);
	init(&b);
	tap_ok(open_image(&a, "qcow2", &err), "the source has a qcow2 image");
	rw(&a, BLOCK_WRITE, 0, 'a');
	block_registry_hold(b.reg);
	tap_ok(open_image(&b, "qcow2", &err), "the destination has it open");
	/* Tables that the other side has read change. */
	rw(&b, BLOCK_READ, 0, 0);
	rw(&a, BLOCK_WRITE, 512 << 10, 'b');
	tap_eq(block_registry_give(a.reg, &err), 0, "the source gives it");
	tap_eq(block_registry_take(b.reg, &err), 0, "it is taken");
	tap_eq(rw(&b, BLOCK_READ, 0, 0), 'a', "with what was written before");
	tap_eq(rw(&b, BLOCK_READ, 512 << 10, 0), 'b', "and after it was opened there");
	rw(&b, BLOCK_WRITE, 256 << 10, 'c');
	tap_eq(block_registry_give(b.reg, &err), 0, "it goes back");
	tap_eq(block_registry_take(a.reg, &err), 0, "and is taken");
	tap_eq(rw(&a, BLOCK_READ, 256 << 10, 0), 'c', "with what the other one wrote");
	rw(&a, BLOCK_WRITE, 768 << 10, 'd');
	block_registry_give(a.reg, &err);
	block_registry_take(b.reg, &err);
	/* The end of one that gave it away writes nothing. */
	end(&a);
	tap_eq(rw(&b, BLOCK_READ, 768 << 10, 0), 'd', "the third time");
	end(&b);
	init(&a);
	tap_ok(open_image(&a, "qcow2", &err), "it was closed in good order");
	tap_eq(rw(&a, BLOCK_READ, 256 << 10, 0), 'c', "with all that was written");
	end(&a);
	tap_eq(err.code, 0, "without a complaint");
}

int main(void)
{
	int fd = mkostemp(path, O_CLOEXEC);

	if (fd < 0 || ftruncate(fd, 1 << 20) < 0)
		return 1;
	close(fd);
	test_writers();
	test_size();
	test_readers();
	test_qcow2();
	unlink(path);
	return tap_done();
}
