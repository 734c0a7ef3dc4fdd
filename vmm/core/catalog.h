/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Every device class there is, in one explicit array. */
#ifndef VMM_CORE_CATALOG_H
#define VMM_CORE_CATALOG_H

#include "vmm/core/device.h"

/* NULL-terminated, sorted by bus and name; internal classes included. */
extern const struct device_class *const device_catalog[];

/* By name or alias; NULL when there is none. */
const struct device_class *catalog_find(const char *name);
/* The list of -device help, and the property list of -device NAME,help. */
void catalog_help(struct strbuf *out);
void catalog_class_help(const struct device_class *cls, struct strbuf *out);

#endif
