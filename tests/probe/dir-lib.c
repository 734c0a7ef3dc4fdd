// SPDX-License-Identifier: GPL-2.0-or-later
/* A temporary directory for tests that need real files. */
#include "tests/probe/dir-lib.h"

#include "tests/tap.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>

bool test_dir(char dir[128])
{
	const char *top = getenv("TMPDIR");

	snprintf(dir, 128, "%.100s/kvmkit-test-XXXXXX", top && *top ? top : P_tmpdir);
	if (mkdtemp(dir))
		return true;
	tap_diag("cannot make %s", dir);
	return false;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

bool test_dir_remove(const char *dir)
{
	return !nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}
