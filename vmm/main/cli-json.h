/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Arguments of options in JSON, as programs that start machines give them. */
#ifndef VMM_MAIN_CLI_JSON_H
#define VMM_MAIN_CLI_JSON_H

#include "common/err.h"

/* '{"driver": "x", "a": {"b": true}}' as "x,a.b=on"; implied: the member whose value
 * stands first ("driver"). To be freed; NULL with a sentence. */
char *cli_json_text(const char *json, const char *implied, struct err *err);

#endif
