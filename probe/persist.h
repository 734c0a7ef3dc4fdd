/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * --persist: modules and parameters for every boot, in two files of our own:
 * modules-load.d/kvmkit.conf and modprobe.d/kvmkit.conf. Their first line says whose they
 * are and holds a checksum of the rest, so that a file that someone edited, or that was
 * never ours, is neither replaced nor removed.
 */
#ifndef PROBE_PERSIST_H
#define PROBE_PERSIST_H

#include "common/err.h"
#include "common/strbuf.h"

/* Writes both files below etc ("/etc"), each atomically; an empty text removes its file.
 * Nothing is changed when either file is not ours. Adds the names of the files that are
 * now there to *done, separated by ", ". 0, or -errno with a sentence. */
int persist_write(const char *etc, const char *modules, const char *options,
                  struct strbuf *done, struct err *err);
/* Removes them. Nothing to remove is no error: *done stays empty. */
int persist_remove(const char *etc, struct strbuf *done, struct err *err);

#endif
