/* SPDX-License-Identifier: GPL-2.0-or-later */
/* --load: KVM's modules into the running kernel. */
#ifndef PROBE_LOAD_H
#define PROBE_LOAD_H

#include "common/err.h"
#include "probe/facts.h"

/* Loads kvm and the module of this CPU with their dependencies, as modprobe would. facts
 * come from the same host and decide which module; what modprobe.d blacklists is refused.
 * *loaded names the module that was asked for. 0 (also when it was there before), or
 * -errno with a sentence that ends in the remedy. */
int load_modules(const struct facts *facts, const char **loaded, struct err *err);

#endif
