/* SPDX-License-Identifier: GPL-2.0-or-later */
/* -m and what else is said about memory, for rows of cli_table (cli.h says what collect
 * and answer do). */
#ifndef VMM_MAIN_CLI_MEMORY_H
#define VMM_MAIN_CLI_MEMORY_H

#include "common/err.h"
#include "common/strbuf.h"
#include "vmm/machine/config.h"

/* The keys of -m and -overcommit. */
extern const struct opt_desc cli_ram_table[], cli_overcommit_table[];

int cli_collect_ram(struct vm_config *config, const char *arg, struct err *err);
int cli_collect_mem_path(struct vm_config *config, const char *arg, struct err *err);
int cli_collect_mem_prealloc(struct vm_config *config, const char *arg, struct err *err);
int cli_collect_overcommit(struct vm_config *config, const char *arg, struct err *err);
int cli_collect_object(struct vm_config *config, const char *arg, struct err *err);
bool cli_answer_object(const char *arg, struct strbuf *out, struct err *err);

#endif
