/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The configuration that the running kernel was built with, where a distribution puts
 * it as text. */
#ifndef PROBE_KCONFIG_H
#define PROBE_KCONFIG_H

#include "probe/sysroot.h"

/* The text for this release, allocated, or NULL. */
char *kconfig_read(const struct sysroot *root, const char *kernel);
/* 1 when config sets option=y, 0 when it does not, -1 when config is NULL. */
int kconfig_has(const char *config, const char *option);

#endif
