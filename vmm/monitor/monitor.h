/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Monitors: the sessions on which people (human monitor, HMP) and programs (QMP) watch
 * and steer the machine. Any number of them; each has one character device. Everything
 * runs in the main loop's thread under the machine lock.
 */
#ifndef VMM_MONITOR_MONITOR_H
#define VMM_MONITOR_MONITOR_H

#include "common/err.h"
#include "common/opts.h"
#include "common/strbuf.h"

struct chardev;
struct monitors;
struct pc;
struct vm_config;

enum monitor_mode { MONITOR_HMP, MONITOR_QMP };

/* Also becomes the receiver of the machine's events. NULL with a sentence. */
struct monitors *monitors_new(struct pc *pc, struct err *err);
/* The sessions of -monitor, -qmp and -mon. 0 or -errno with a sentence. */
int monitors_add_all(struct monitors *set, const struct vm_config *config,
                     struct err *err);
/* One session. pretty: QMP answers over several lines. */
int monitors_add(struct monitors *set, struct chardev *chr, enum monitor_mode mode,
                 bool pretty, struct err *err);
/* Takes a descriptor that this process was started with: migrate-incoming may name its
 * number. 0 or -errno with a sentence. */
int monitors_inherit(struct monitors *set, int fd, struct err *err);
/* Whether there is a session. */
bool monitors_any(const struct monitors *set);
/* Tab-separated rows "QMP-name HMP-names help" of all commands, for the documentation. */
void monitors_dump_commands(struct strbuf *out);
/* Detaches all; before the character devices go. Accepts NULL. */
void monitors_free(struct monitors *set);

#endif
