/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Options of QEMU that this program does not have: accepted where nothing is lost by it,
 * else refused with what to use instead. */
#ifndef VMM_MAIN_CLI_FOREIGN_H
#define VMM_MAIN_CLI_FOREIGN_H

#include "common/strbuf.h"

#include <stdbool.h>

struct cli_foreign {
	const char *name; /* without the dash; NULL ends the table */
	bool arg;         /* takes an argument */
	bool accepted;    /* and changes nothing */
	const char *why;  /* what is so; where it is refused, what to do instead */
};

/* NULL when there is none. */
const struct cli_foreign *cli_find_foreign(const char *name);
/* Tab-separated rows "name accepted|refused why", for docs/compatibility.md. */
void cli_dump_foreign(struct strbuf *out);

#endif
