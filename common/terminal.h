/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The user's terminal in raw mode, and its way back on every path out of the process. */
#ifndef COMMON_TERMINAL_H
#define COMMON_TERMINAL_H

#include <stdbool.h>

/*
 * Puts the terminal fd into raw mode; signals: Ctrl-C, Ctrl-Z and Ctrl-\ still send their
 * signals. From now on exit(), fatal signals and stop signals restore it, and SIGCONT
 * sets it again. Signals that the program handles or ignores already stay as they are:
 * whoever handles them ends in exit() or terminal_restore(). One terminal at a time: a
 * second call is refused with -EBUSY. 0 or -errno (-ENOTTY: fd is no terminal).
 */
int terminal_raw(int fd, bool signals);
/* Back to what it was; idempotent. */
void terminal_restore(void);

#endif
