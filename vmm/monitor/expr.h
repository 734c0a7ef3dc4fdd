/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Arithmetic of the human monitor: "$rsp+8", "(0x10+2)*4". */
#ifndef VMM_MONITOR_EXPR_H
#define VMM_MONITOR_EXPR_H

#include "common/err.h"

#include <stdint.h>

#define EXPR_DEPTH 32 /* nested parentheses and signs */

/*
 * Numbers are 64 bits and wrap: decimal, 0x hex, 0 octal, 'c' for a character. Operators
 * bind in this order: unary + - ~, then * / %, then & | ^, then + - (as in QEMU). `reg`
 * gives the value of "$name": 0 or -errno. -EINVAL with a sentence.
 */
int expr_eval(const char *text,
              int (*reg)(void *opaque, const char *name, uint64_t *value), void *opaque,
              int64_t *value, struct err *err);

#endif
