/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Questions to a helper program that it answers before the machine starts. */
#ifndef VMM_DISPLAY_ASK_H
#define VMM_DISPLAY_ASK_H

#include <stddef.h>

/* Runs helper argv[0]; its exit status, or -errno; out: all that it says. */
int ask_helper(char **argv, char *out, size_t size);

#endif
