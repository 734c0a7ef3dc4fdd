// SPDX-License-Identifier: GPL-2.0-or-later
/* Finding helper programs from where this program itself is, not from PATH, which others
 * may have set. */
#include "common/helper.h"

#include "common/cleanup.h"

#include <limits.h>
#include <string.h>

static char *in_folder(const char *folder, const char *name)
{
	char *path;

	if (asprintf(&path, "%s/%s", folder, name) < 0)
		return NULL;
	if (!access(path, X_OK))
		return path;
	free(path);
	return NULL;
}

char *helper_find(const char *name)
{
	const char *dir = getenv("KVMKIT_HELPER_DIR");
	_cleanup_free_ char *libexec = NULL;
	char self[PATH_MAX];
	ssize_t n;
	char *path;

	if (dir)
		return in_folder(dir, name);
	n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	if (n <= 0)
		return NULL;
	self[n] = '\0';
	*strrchr(self, '/') = '\0';
	path = in_folder(self, name);
	if (path || asprintf(&libexec, "%s/../libexec/kvmkit", self) < 0)
		return path;
	return in_folder(libexec, name);
}
