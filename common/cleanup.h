/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Scope-bound release of locals (gcc and clang's cleanup attribute). */
#ifndef COMMON_CLEANUP_H
#define COMMON_CLEANUP_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static inline void cleanup_free(void *p)
{
	free(*(void **)p);
}

static inline void cleanup_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void cleanup_fclose(FILE **f)
{
	if (*f)
		fclose(*f);
}

/* The local is freed / closed when it goes out of scope; set it to NULL / -1 to keep it.
 */
#define _cleanup_free_                  __attribute__((cleanup(cleanup_free)))
#define _cleanup_close_                 __attribute__((cleanup(cleanup_close)))
#define _cleanup_fclose_                __attribute__((cleanup(cleanup_fclose)))

#define ARRAY_SIZE(a)                   (sizeof(a) / sizeof((a)[0]))

/* The structure that holds `member` at address `ptr`. */
#define container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

#endif
