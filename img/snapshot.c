// SPDX-License-Identifier: GPL-2.0-or-later
/* vmm-img snapshot: lists, makes, goes back to and deletes those inside qcow2 images. */
#include "img/commands.h"
#include "img/image.h"
#include "img/info.h"
#include "vmm/block/qcow2.h"

#include <errno.h>
#include <time.h>

static int make(struct block_node *image, const char *name, struct err *err)
{
	struct qcow2_snapshot values = { .name = (char *)name };
	struct timespec now;

	if (qcow2_snapshot_find(image, name))
		return err_set(err, EEXIST,
		               "there is a snapshot '%s' already; give another name, or "
		               "delete that one with -d",
		               name);
	clock_gettime(CLOCK_REALTIME, &now);
	values.date_sec = now.tv_sec;
	values.date_nsec = now.tv_nsec;
	return qcow2_snapshot_create(image, &values, err);
}

/* The disk becomes as long as it was; what that loses is no part of the snapshot. */
static int apply(struct block_node *image, const char *name, struct err *err)
{
	const struct qcow2_snapshot *snap = qcow2_snapshot_find(image, name);
	struct block_info info;
	int ret = 0;

	block_get_info(image, &info);
	if (snap && snap->disk_size && snap->disk_size != info.length)
		ret = block_resize(image, snap->disk_size, err);
	return ret < 0 ? ret : qcow2_snapshot_apply(image, name, err);
}

int command_snapshot(struct session *s, struct err *err)
{
	const struct cli *cli = s->cli;
	unsigned actions = cli->list + !!cli->make + !!cli->apply + !!cli->drop;
	bool write = cli->make || cli->apply || cli->drop;
	struct block_node *image, *q;
	int ret = cli_check_words(cli, 1, 1, err);

	if (ret >= 0 && actions > 1)
		ret = err_usage(err, "one of -l, -a, -c and -d at a time");
	if (ret >= 0 && write && cli->force_share)
		ret = err_usage(err, "a change needs the image for itself; drop -U");
	if (ret < 0)
		return ret;
	image = image_open(s, cli->words[0], cli->format,
	                   (write ? IMAGE_WRITE : 0) |
	                           (cli->force_share ? IMAGE_SHARE : 0),
	                   NULL, err);
	if (!image)
		return -err->code;
	q = qcow2_find(image);
	if (!q && !write)
		return 0;
	if (!q)
		return err_set(err, ENOTSUP,
		               "%s is no qcow2 image: it cannot have snapshots",
		               cli->words[0]);
	if (cli->make)
		return make(q, cli->make, err);
	if (cli->apply)
		return apply(q, cli->apply, err);
	if (cli->drop)
		return qcow2_snapshot_delete(q, cli->drop, err);
	if (qcow2_snapshot_at(q, 0))
		info_print_snapshots(q, &s->out);
	return 0;
}
