// SPDX-License-Identifier: GPL-2.0-or-later
/* vmm-img snapshot: lists those inside qcow2 images. */
#include "img/commands.h"
#include "img/image.h"
#include "img/info.h"
#include "vmm/block/qcow2.h"

#include <errno.h>

int command_snapshot(struct session *s, struct err *err)
{
	const struct cli *cli = s->cli;
	struct block_node *image, *q;

	if (cli_check_words(cli, 1, 1, err) < 0)
		return -EINVAL;
	image = image_open(s, cli->words[0], cli->format,
	                   cli->force_share ? IMAGE_SHARE : 0, NULL, err);
	if (!image)
		return -err->code;
	q = qcow2_find(image);
	if (q && qcow2_snapshot_at(q, 0))
		info_print_snapshots(q, &s->out);
	return 0;
}
