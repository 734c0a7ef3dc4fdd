/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Opening images, and requests that are waited for. */
#ifndef IMG_IMAGE_H
#define IMG_IMAGE_H

#include "img/session.h"

enum image_flags {
	IMAGE_WRITE = 1 << 0,
	IMAGE_SHARE = 1 << 1, /* no lock: somebody may be writing to it */
	IMAGE_ALONE = 1 << 2, /* without the images below it */
};

/* format, cache: NULL: found out, the usual one. NULL with a sentence. The session closes
 * it if nobody else does. */
struct block_node *image_open(struct session *s, const char *file, const char *format,
                              unsigned flags, const char *cache, struct err *err);
/* The same above an image that is named here, not in its header. */
struct block_node *image_open_above(struct session *s, const char *file,
                                    const char *format, unsigned flags, const char *cache,
                                    const char *below, const char *below_format,
                                    struct err *err);
/* Only its file, whatever is in it; block_close() it. NULL with a sentence. */
struct block_node *image_open_file(struct session *s, const char *file, unsigned flags,
                                   struct err *err);
/* The path of the file that the image calls `name`: relative ones begin in the image's
 * folder. Allocated; NULL: no memory. */
char *image_beside(const char *image, const char *name);
/* A number with suffix as every command takes it; `what` is for the sentence. */
int image_parse_size(const char *text, const char *what, uint64_t *size, struct err *err);

/* "2 MiB", "1.5 GiB" as people read it. */
void image_print_size(struct strbuf *out, uint64_t bytes);

#endif
