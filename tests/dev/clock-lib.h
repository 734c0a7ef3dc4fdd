/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Time as a test makes it, for what depends on timers alone: from test_clock_start() on
 * the clocks stand still but for test_clock_look() and for waiting in a loop, which leaps
 * to the next timer or to the end of the wait. So nothing is early or late on a busy
 * machine, and no time passes. Takes the place of clock_gettime(), timerfd_settime() and
 * epoll_wait() of the C library; absolute timers of at most 8 loops. One thread.
 */
#ifndef TESTS_DEV_CLOCK_LIB_H
#define TESTS_DEV_CLOCK_LIB_H

#include <stdint.h>

/* CLOCK_MONOTONIC and CLOCK_REALTIME go on from what they are, the latter from a quarter
 * of a second. Before the first loop is made. */
void test_clock_start(void);
/* From now on each look at a clock takes so long. */
void test_clock_look(uint64_t ns);

#endif
