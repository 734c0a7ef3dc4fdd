/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Zeroed memory for objects of many pages of which few are ever used, as those with
 * buffers and tables of the largest size are: pages cost nothing before they are touched,
 * where calloc() clears them all. Any thread. */
#ifndef COMMON_LAZY_H
#define COMMON_LAZY_H

#include <stddef.h>

/* NULL when there is no memory (or size is 0). Released with lazy_free(). */
void *lazy_alloc(size_t size);
/* size: as it was allocated. p may be NULL. */
void lazy_free(void *p, size_t size);

#endif
