// SPDX-License-Identifier: GPL-2.0-or-later
/* Which helper programs the tests start. */
#include "tests/unit/helper-lib.h"

#include <libgen.h>
#include <stdlib.h>
#include <unistd.h>

/* They are two folders above this program. */
void helper_of_build(void)
{
	char path[4096];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);

	path[n > 0 ? n : 0] = '\0';
	setenv("KVMKIT_HELPER_DIR", dirname(dirname(dirname(path))), 1);
}
