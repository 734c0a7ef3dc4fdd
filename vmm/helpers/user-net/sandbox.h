/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What vmm-user-net may still ask of the kernel once it runs. */
#ifndef VMM_HELPERS_USER_NET_SANDBOX_H
#define VMM_HELPERS_USER_NET_SANDBOX_H

#include "common/err.h"

#include <stdbool.h>

/* Sockets (Unix ones if unix_sockets), reading of name servers' addresses and of the
 * folder tftp (or NULL), memory and time; no new programs, no writing to files.
 * Everything else fails from now on. -errno with a sentence. */
int sandbox_enter(const char *tftp, bool unix_sockets, struct err *err);

#endif
