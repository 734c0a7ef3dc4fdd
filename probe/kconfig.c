// SPDX-License-Identifier: GPL-2.0-or-later
/* Three places hold the same text: /boot on Debian and SUSE, the modules' folder on
 * Fedora. The packed one in /proc is not read. */
#include "probe/kconfig.h"

#include "common/cleanup.h"

#include <stdio.h>
#include <string.h>

char *kconfig_read(const struct sysroot *root, const char *kernel)
{
	static const char *const places[] = { "boot/config-%s", "lib/modules/%s/config",
		                              "usr/lib/modules/%s/config" };
	char *config = NULL;

	for (unsigned i = 0; *kernel && i < ARRAY_SIZE(places) && !config; i++) {
		char path[160];

		snprintf(path, sizeof(path), places[i], kernel);
		if (sysroot_read(root, path, 2 << 20, &config) < 0)
			config = NULL;
	}
	return config;
}

int kconfig_has(const char *config, const char *option)
{
	char line[96];
	const char *at;
	size_t len = snprintf(line, sizeof(line), "%s=y\n", option);

	if (!config)
		return -1;
	for (at = config; (at = strstr(at, line)); at += len)
		if (at == config || at[-1] == '\n')
			return 1;
	return 0;
}
