// SPDX-License-Identifier: GPL-2.0-or-later
/* The one array of device classes, and the help that is read from it. */
#include "vmm/core/catalog.h"

#include <string.h>

/* list: "pci-assign|kvm-pci-assign", or NULL. */
static bool is_among(const char *list, const char *name)
{
	size_t len;

	for (; list && *list; list += len + (list[len] == '|')) {
		len = strcspn(list, "|");
		if (strlen(name) == len && !memcmp(list, name, len))
			return true;
	}
	return false;
}

const struct device_class *catalog_find(const char *name)
{
	for (const struct device_class *const *c = device_catalog; *c; c++)
		if (!strcmp((*c)->name, name) || is_among((*c)->alias, name))
			return *c;
	return NULL;
}

void catalog_help(struct strbuf *out)
{
	const char *bus = "";

	for (const struct device_class *const *c = device_catalog; *c; c++) {
		const struct device_class *cls = *c;

		if (cls->internal)
			continue;
		if (strcmp(bus, cls->bus)) {
			strbuf_addf(out, "%s%s devices:\n", *bus ? "\n" : "", cls->bus);
			bus = cls->bus;
		}
		strbuf_addf(out, "name \"%s\", bus %s", cls->name, cls->bus);
		if (cls->alias)
			strbuf_addf(out, ", alias \"%s\"", cls->alias);
		strbuf_addf(out, ", desc \"%s\"\n", cls->help);
	}
}

void catalog_class_help(const struct device_class *cls, struct strbuf *out)
{
	strbuf_addf(out, "%s options:\n", cls->name);
	if (cls->props)
		opts_help(cls->props, out);
	strbuf_addf(out, "  %-28s %s\n", "id=<str>", "the name of this device");
}
