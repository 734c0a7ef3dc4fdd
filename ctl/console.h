/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The user's terminal as that of a serial port on a socket. */
#ifndef CTL_CONSOLE_H
#define CTL_CONSOLE_H

#include "common/err.h"

/* Copies between fd and standard input and output until the connection ends, the input
 * ends, or Ctrl-] is typed on a terminal, which is raw meanwhile and restored afterwards,
 * also by SIGTERM, SIGINT and SIGHUP. 0, or -errno with a sentence. */
int console_run(int fd, struct err *err);

#endif
