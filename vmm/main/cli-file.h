/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Options that name a file with options, for rows of cli_table (cli.h says what collect
 * does). */
#ifndef VMM_MAIN_CLI_FILE_H
#define VMM_MAIN_CLI_FILE_H

#include "common/err.h"
#include "vmm/machine/config.h"

int cli_collect_options(struct vm_config *config, const char *arg, struct err *err);
int cli_collect_readconfig(struct vm_config *config, const char *arg, struct err *err);

#endif
