/* SPDX-License-Identifier: GPL-2.0-or-later */
/* -k: which keyboard layouts there are is known to the helper that uses them. */
#ifndef VMM_DISPLAY_LAYOUT_H
#define VMM_DISPLAY_LAYOUT_H

#include "common/err.h"
#include "common/strbuf.h"

/* Whether there is a layout of that name. -EINVAL with a sentence of usage. Without the
 * helper nobody needs to know. */
int layout_check(const char *name, struct err *err);
/* The names. -ENOENT with a sentence without the helper. */
int layout_help(struct strbuf *out, struct err *err);

#endif
