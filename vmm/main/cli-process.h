/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Options about vmm as a process of the host, and about how it ends, for rows of
 * cli_table (cli.h says what collect does). */
#ifndef VMM_MAIN_CLI_PROCESS_H
#define VMM_MAIN_CLI_PROCESS_H

#include "common/err.h"
#include "vmm/machine/config.h"

/* The keys of -msg and -action. */
int cli_collect_add_fd(struct vm_config *config, const char *arg, struct err *err);
/* A copy of text in which /dev/fdset/SET of -add-fd is the descriptor's name; NULL: there
 * is none in it. */
char *cli_name_fdsets(const struct vm_config *config, const char *text);
extern const struct opt_desc cli_msg_table[], cli_action_table[], cli_sandbox_table[];

int cli_collect_daemonize(struct vm_config *config, const char *arg, struct err *err);
int cli_collect_pidfile(struct vm_config *config, const char *arg, struct err *err);
int cli_collect_runas(struct vm_config *config, const char *arg, struct err *err);
int cli_collect_run_with(struct vm_config *config, const char *arg, struct err *err);
int cli_collect_sandbox(struct vm_config *config, const char *arg, struct err *err);
int cli_collect_uuid(struct vm_config *config, const char *arg, struct err *err);
int cli_collect_msg(struct vm_config *config, const char *arg, struct err *err);
int cli_collect_action(struct vm_config *config, const char *arg, struct err *err);
int cli_collect_watchdog_action(struct vm_config *config, const char *arg,
                                struct err *err);
int cli_collect_global(struct vm_config *config, const char *arg, struct err *err);
/* What the options say together: a process in the background has no terminal. -EINVAL
 * with a sentence. */
int cli_check_process(const struct vm_config *config, struct err *err);

#endif
