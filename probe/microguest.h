/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the micro-guest (microguest.S) and trial.c agree on; read by the assembler too. */
#ifndef PROBE_MICROGUEST_H
#define PROBE_MICROGUEST_H

/* Guest-physical layout: everything lies in the first 64 KiB. */
#define MG_LOAD       0x1000 /* the code, entered in real mode */
#define MG_RESULT     0x3000 /* 64 bits that the guest stores */
#define MG_PML4       0x4000 /* the host builds the page tables */
#define MG_PDPT       0x5000
#define MG_PD         0x6000
#define MG_STACK      0x8000 /* top */
#define MG_RAM        0x10000

/*
 * Ports. A 32-bit read asks the host for an iteration count, 0 means "go on to the next
 * part"; a write to the port above it says that they are done.
 */
#define MG_REAL_COUNT 0xb0
#define MG_REAL_DONE  0xb1
#define MG_LONG_COUNT 0xb2
#define MG_LONG_DONE  0xb3
#define MG_PRIV_COUNT 0xb4
#define MG_PRIV_DONE  0xb5
#define MG_SUM_SEED   0xb6 /* a seed for the computation */
#define MG_SUM_DONE   0xb7 /* MG_RESULT is stored */
#define MG_PING       0xb8 /* written for ever: one exit each */

/* Steps of the computation x = x * 5 + step, which the host repeats. */
#define MG_SUM_STEPS  100

#endif
