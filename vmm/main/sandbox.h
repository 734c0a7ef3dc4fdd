/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What this process can still do once a guest runs (docs/SPECIFICATION.md has the
 * promise, vmm(1) the words for users).
 *
 * A guest that takes the process over executes no program and no code of its own making,
 * looks into no other process, and opens no file: without a monitor none at all, with one
 * those that the monitor may open. Helpers and scripts are started by a process that was
 * forked before (common/spawn.h).
 */
#ifndef VMM_MAIN_SANDBOX_H
#define VMM_MAIN_SANDBOX_H

#include "common/err.h"

#include <stdbool.h>

struct sandbox_needs {
	bool files;          /* somebody may have files opened: a monitor */
	bool sockets;        /* or a device connects again by itself */
	const char *pidfile; /* to remove at the end, or NULL */
};

/* Confines this process (common/confine.h). -errno with a sentence. */
int sandbox_enter(const struct sandbox_needs *needs, struct err *err);

#endif
