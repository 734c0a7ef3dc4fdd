/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The micro-guest: a guest of two hundred bytes that really runs, goes from real mode to
 * long mode by itself, computes, and is timed. Flags say what a host should be able to
 * do; this says what it does.
 */
#ifndef PROBE_TRIAL_H
#define PROBE_TRIAL_H

#include "probe/facts.h"

/*
 * Runs the micro-guest on kvm_fd (an open /dev/kvm of API version 12) and fills trial. A
 * failure is a fact, not an error: state TRIAL_FAILED and a sentence in why. Takes about
 * 20 ms, at most some seconds when KVM does not answer. The calling thread's SIGALRM is
 * blocked meanwhile; no handler is installed.
 */
void trial_run(int kvm_fd, struct trial_facts *trial);

/* The middle value; sorts v. count > 0. */
uint64_t trial_median(uint64_t *v, unsigned count);

#endif
