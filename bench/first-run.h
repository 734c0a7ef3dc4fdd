/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What bench and the library that it preloads agree on. */
#ifndef BENCH_FIRST_RUN_H
#define BENCH_FIRST_RUN_H

/* The number of a socket that is open in the measured process. */
#define FIRST_RUN_ENV "KVMKIT_BENCH_FD"
/* Standard input: a VMM may close what else it was passed. */
#define FIRST_RUN_FD  0

#endif
