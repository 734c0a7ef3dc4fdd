/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One run of vmm-img: the loop and the images that are open on it. */
#ifndef IMG_SESSION_H
#define IMG_SESSION_H

#include "img/cli.h"
#include "vmm/block/block.h"

struct session {
	const struct cli *cli;
	struct loop *loop;
	struct block_registry *reg;
	struct strbuf out; /* for standard output */
	int code;          /* exit code of a command that did its work */
	int fail_code;     /* of one that could not; 1 unless it says otherwise */
};

/* 0, or -errno with a sentence. session_close() in both cases. */
int session_open(struct session *s, const struct cli *cli, struct err *err);
void session_close(struct session *s);

#endif
