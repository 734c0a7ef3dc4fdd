/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What kvm-check does besides reporting on a host. Each adds what it has to say to out.
 */
#ifndef PROBE_COMMAND_H
#define PROBE_COMMAND_H

#include "probe/cli.h"
#include "probe/facts.h"

/* The checks of the goals, a line each. */
void command_list(unsigned goals, struct strbuf *out);
/* -ENOENT with a sentence that has the nearest id. */
int command_explain(const char *id, struct strbuf *out, struct err *err);
/* Two reports, or this host (facts) and one: what differs, and whether guests can move,
 * in both directions. 1 when they can in both, 0 when something stops them or is unknown,
 * or -errno with a sentence. */
int command_diff(const struct cli *cli, struct strbuf *out, struct err *err);
int command_compatible(const struct cli *cli, const struct facts *facts,
                       struct strbuf *out, struct err *err);
/* --load and --persist with their lists; facts are this host's. What was done goes to out
 * as sentences. -errno with a sentence. */
int command_load(const struct cli *cli, const struct facts *facts, struct strbuf *out,
                 struct err *err);
int command_unpersist(struct strbuf *out, struct err *err);

#endif
