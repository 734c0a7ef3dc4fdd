/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A VNC client that looks at a screen and does nothing else. */
#ifndef BENCH_VIEWER_H
#define BENCH_VIEWER_H

#include "common/err.h"

#include <sys/types.h>

/*
 * Connects to a VNC server (RFC 6143) at the UNIX socket `path`, takes the whole screen
 * once, and then, in a process of its own, asks for each next change as viewers do. The
 * process's id, to be killed and waited for, or -errno with a sentence.
 */
pid_t viewer_start(const char *path, struct err *err);

#endif
