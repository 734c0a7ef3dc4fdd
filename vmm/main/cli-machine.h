/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The options that describe the machine itself, for rows of cli_table (cli.h says what
 * collect and answer do), and what all rows share.
 */
#ifndef VMM_MAIN_CLI_MACHINE_H
#define VMM_MAIN_CLI_MACHINE_H

#include "common/err.h"
#include "common/strbuf.h"
#include "vmm/machine/config.h"

/* "help" or "?". */
bool cli_is_help(const char *arg);
/* Replaces *field with a copy. 0 or -ENOMEM. */
int cli_set_string(char **field, const char *arg);
/* Parses arg into obj; implied is the key of a first word without "=". */
int cli_parse_opts(const struct opt_desc *table, const char *arg, const char *implied,
                   void *obj, struct err *err);

/* The keys of -smp and -rtc. */
extern const struct opt_desc cli_smp_table[], cli_rtc_table[];
extern const struct opt_desc cli_machine_table[], cli_name_table[];

int cli_collect_smp(struct vm_config *config, const char *arg, struct err *err);
int cli_collect_machine(struct vm_config *config, const char *arg, struct err *err);
bool cli_answer_machine(const char *arg, struct strbuf *out, struct err *err);
int cli_collect_accel(struct vm_config *config, const char *arg, struct err *err);
bool cli_answer_accel(const char *arg, struct strbuf *out, struct err *err);
int cli_collect_cpu(struct vm_config *config, const char *arg, struct err *err);
bool cli_answer_cpu(const char *arg, struct strbuf *out, struct err *err);
int cli_collect_rtc(struct vm_config *config, const char *arg, struct err *err);
int cli_collect_smbios(struct vm_config *config, const char *arg, struct err *err);
int cli_collect_name(struct vm_config *config, const char *arg, struct err *err);
/* For options that are accepted and change nothing. */
int cli_collect_nothing(struct vm_config *config, const char *arg, struct err *err);

#endif
