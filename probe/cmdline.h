/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel command line as the kernel splits it: words at blanks outside quotes; what
 * follows "--" belongs to init. '-' and '_' in names are the same. */
#ifndef PROBE_CMDLINE_H
#define PROBE_CMDLINE_H

#include <stdbool.h>
#include <stddef.h>

/* True when the word `name`, alone or with "=value", is there. */
bool cmdline_has(const char *cmdline, const char *name);
/* The value of the last "name=value", cut to size. All of them, joined by ",", when
 * `joined`: parameters such as iommu= add up. False, and buf "", when there is none. */
bool cmdline_value(const char *cmdline, const char *name, bool joined, char *buf,
                   size_t size);
/* True when a comma-separated value of any "name=" holds item ('-' equals '_'). */
bool cmdline_list_has(const char *cmdline, const char *name, const char *item);

#endif
