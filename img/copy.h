/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Copies the bytes of one disk to another, several requests at a time. */
#ifndef IMG_COPY_H
#define IMG_COPY_H

#include "img/session.h"

struct copy_opts {
	struct block_node *from, *to;
	const char *from_name, *to_name; /* for errors */
	bool to_is_zero;                 /* what is not written reads as zeros */
	bool only_top;                   /* leave out what is in images below `from` */
	bool compress;                   /* `to` is a qcow2 node */
	bool unordered;                  /* write as it was read; otherwise by offset */
	bool fill;                       /* write zeros, too, as data */
	unsigned parallel;               /* requests under way */
	/* Zeros of at least that many bytes at a multiple of it are not written; a power
	 * of two. */
	uint64_t sparse;
	bool progress;
};

/* 0, or -errno with a sentence. */
int copy_run(struct session *s, const struct copy_opts *opts, struct err *err);

#endif
