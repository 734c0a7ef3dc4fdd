// SPDX-License-Identifier: GPL-2.0-or-later
/* Images that two machines have open, one after the other: locks, and what is durable. */
#include "tests/tap.h"

#include "vmm/block/block.h"

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

	snprintf(text, sizeof(text), "file=%s,format=raw,id=d%s", path, more);
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
	tap_ok(open_image(&a, "", &err), "the source has the image");
	tap_ok(!open_image(&b, "", &err), "nobody else opens it");
	err_clear(&err);
	block_registry_hold(b.reg);
	tap_ok(open_image(&b, "", &err), "but whoever holds its images");
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
	tap_ok(!open_image(&b, "", NULL), "for good");
	end(&b);
	end(&a);
}

static void test_size(void)
{
	struct err err = { 0 };
	struct side a;

	init(&a);
	block_registry_hold(a.reg);
	tap_ok(open_image(&a, "", &err), "an image of 1 MiB");
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
	tap_ok(open_image(&a, ",readonly=on", &err), "an image to read");
	block_registry_hold(b.reg);
	tap_ok(open_image(&b, ",readonly=on", &err), "for two");
	tap_eq(block_registry_take(b.reg, &err), 0, "is both's");
	tap_eq(block_registry_give(a.reg, &err), 0, "and given without a flush");
	end(&a);
	end(&b);
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
	unlink(path);
	return tap_done();
}
