/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A report for other programs: monitoring and schedulers. */
#ifndef PROBE_EXPORT_H
#define PROBE_EXPORT_H

#include "common/strbuf.h"
#include "probe/report.h"

/* The text format of Prometheus, for the textfile collector of its node exporter. */
void export_prometheus(const struct report *report, struct strbuf *out);
/* "name=value" lines of a local feature file of node-feature-discovery: labels of a
 * Kubernetes node. */
void export_nfd(const struct report *report, struct strbuf *out);

#endif
