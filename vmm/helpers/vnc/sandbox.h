/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the helper may still do once clients come. */
#ifndef VMM_HELPERS_VNC_SANDBOX_H
#define VMM_HELPERS_VNC_SANDBOX_H

#include "common/err.h"

enum sandbox_kind { SANDBOX_FRONT, SANDBOX_PAINTER };

/* Leaves the process what serving sockets needs, for good: no file can be opened, nothing
 * started, no connection made. 0 or -errno with a sentence. */
int sandbox_enter(enum sandbox_kind kind, struct err *err);

#endif
