/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Two hosts side by side: what differs, and whether a guest can move from one to the
 * other. Hosts are facts of this machine or of a report (host.json, --json). */
#ifndef PROBE_COMPAT_H
#define PROBE_COMPAT_H

#include "common/strbuf.h"
#include "cpu/cpumodel.h"
#include "probe/facts.h"

/* Reads the report at path. 0, or -errno with a sentence: what it holds is not trusted.
 */
int compat_load(const char *path, struct facts *facts, struct err *err);

/* KVM on this host can show every feature of a named model. */
bool compat_model_fits(const struct facts *f, const struct cpu_model *model);
/* The newest complete model of this CPU's vendor, or NULL. */
const struct cpu_model *compat_best_model(const struct facts *f);

/* The newest model of the vendor of a that both have complete, or NULL. */
const struct cpu_model *compat_common_model(const struct facts *a, const struct facts *b);

enum compat { COMPAT_YES, COMPAT_NO, COMPAT_UNKNOWN };

/*
 * Whether a guest with `-cpu text` (NULL: host) that was started on `from` runs on `to`.
 * Adds the answer and each feature or property that stops it to out, a line each. A wrong
 * `text` is a negative errno with a sentence of usage.
 */
int compat_migrate(const struct facts *from, const struct facts *to, const char *text,
                   struct strbuf *out, struct err *err);

/* Every fact that differs, a line each: "cpu.model: A | B". What differs from moment to
 * moment, such as free memory, is left out. Returns their number. */
unsigned compat_diff(const struct facts *a, const struct facts *b, struct strbuf *out);

#endif
