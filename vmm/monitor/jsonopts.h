/* SPDX-License-Identifier: GPL-2.0-or-later */
/* QMP's nested objects as the flat options of the command line. */
#ifndef VMM_MONITOR_JSONOPTS_H
#define VMM_MONITOR_JSONOPTS_H

#include "common/err.h"
#include "common/opts.h"

#include <jansson.h>

/* One pair: booleans are on and off. -EINVAL with a sentence for what is no scalar. */
int jsonopts_add(struct opt_list *opts, const char *key, const json_t *value,
                 struct err *err);
/* All members: those of an object inside become "outer.inner"; an array gives one pair
 * for each element (a string, or an object whose one member is "str"). */
int jsonopts_flatten(struct opt_list *opts, const json_t *object, struct err *err);

#endif
