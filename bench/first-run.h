/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What bench and the library that it preloads agree on. */
#ifndef BENCH_FIRST_RUN_H
#define BENCH_FIRST_RUN_H

/* The number of a socket that is open in the measured process. */
#define FIRST_RUN_ENV "KVMKIT_BENCH_FD"
/* Out of the way of what a VMM opens. */
#define FIRST_RUN_FD  250

#endif
