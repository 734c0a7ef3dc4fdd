/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a machine is made of, as lines of text in pairs (what, value), and the comparison
 * with the machine that a stream comes from. Machine lock.
 */
#ifndef VMM_MIGRATE_CONFIG_H
#define VMM_MIGRATE_CONFIG_H

#include "common/err.h"
#include "common/strbuf.h"

#include <stdbool.h>

struct pc;

void config_describe(struct pc *pc, struct strbuf *out);
/* 0 when the text that came (any bytes; a NUL follows them) describes what `here` does;
 * else -EINVAL, and a sentence that says what differs first. disks: they are compared,
 * too. */
int config_compare(const char *there, const char *here, bool disks, struct err *err);

#endif
