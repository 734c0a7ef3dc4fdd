/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The commands of kvm-tune. */
#ifndef TUNE_COMMANDS_H
#define TUNE_COMMANDS_H

#include "tune/cli.h"
#include "tune/session.h"

/* Runs cli->command; text goes to s->out. The session is opened here; session_close() in
 * both cases. 0, or -errno with a sentence (err->usage: the words are wrong). */
int command_run(const struct cli *cli, struct session *s, struct err *err);

#endif
