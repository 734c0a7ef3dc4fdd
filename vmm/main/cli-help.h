/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The lists that options give when they are asked for "help", for rows of cli_table
 * (cli.h says what answer does). */
#ifndef VMM_MAIN_CLI_HELP_H
#define VMM_MAIN_CLI_HELP_H

#include "common/err.h"
#include "common/opts.h"
#include "common/strbuf.h"

#include <stdbool.h>

bool cli_answer_action(const char *arg, struct strbuf *out, struct err *err);
bool cli_answer_boot(const char *arg, struct strbuf *out, struct err *err);
bool cli_answer_chardev(const char *arg, struct strbuf *out, struct err *err);
bool cli_answer_display(const char *arg, struct strbuf *out, struct err *err);
bool cli_answer_drive(const char *arg, struct strbuf *out, struct err *err);
bool cli_answer_msg(const char *arg, struct strbuf *out, struct err *err);
bool cli_answer_netdev(const char *arg, struct strbuf *out, struct err *err);
bool cli_answer_nic(const char *arg, struct strbuf *out, struct err *err);
bool cli_answer_overcommit(const char *arg, struct strbuf *out, struct err *err);
bool cli_answer_memory(const char *arg, struct strbuf *out, struct err *err);
bool cli_answer_rtc(const char *arg, struct strbuf *out, struct err *err);
bool cli_answer_smp(const char *arg, struct strbuf *out, struct err *err);
bool cli_answer_vga(const char *arg, struct strbuf *out, struct err *err);

/* vm_config's list_options. */
void cli_list_options(void (*add)(void *opaque, const char *group,
                                  const struct opt_desc *keys),
                      void *opaque);

#endif
