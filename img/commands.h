/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The commands of vmm-img, each in a file of its own. Text goes to s->out; s->code is set
 * where 0 is not what success means. 0, or -errno with a sentence. */
#ifndef IMG_COMMANDS_H
#define IMG_COMMANDS_H

#include "img/session.h"

int command_create(struct session *s, struct err *err);
int command_info(struct session *s, struct err *err);
int command_check(struct session *s, struct err *err);
int command_convert(struct session *s, struct err *err);
int command_resize(struct session *s, struct err *err);
int command_snapshot(struct session *s, struct err *err);
int command_map(struct session *s, struct err *err);
int command_compare(struct session *s, struct err *err);
int command_measure(struct session *s, struct err *err);
int command_rebase(struct session *s, struct err *err);
int command_commit(struct session *s, struct err *err);

#endif
