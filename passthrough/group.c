// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Viability of groups, by the kernel's rule: every member is a bridge, has no driver, or
 * one that leaves DMA to a user (vfio-*, pci-stub).
 */
#include "passthrough/group.h"

#include "common/cleanup.h"

#include <stdio.h>
#include <string.h>

bool group_is_host_driver(const char *driver)
{
	return *driver && !pci_is_vfio_driver(driver) && strcmp(driver, "pci-stub");
}

enum group_role group_role(const struct pci_function *f)
{
	if (pci_is_port(f))
		return GROUP_PORT;
	return group_is_host_driver(f->driver) ? GROUP_IN_USE : GROUP_FREE;
}

/* Lines "0x00000000fee00000 0x00000000feefffff msi". */
void group_regions(const char *text, struct group *group)
{
	for (const char *line = text; *line;) {
		int len = strcspn(line, "\n");
		const char *type = line + len;

		while (type > line && type[-1] != ' ')
			type--;
		if (!strncmp(type, "direct-relaxable", 16)) {
			group->relaxable = true;
		} else if (!strncmp(type, "direct", 6) && !group->direct) {
			group->direct = true;
			snprintf(group->region, sizeof(group->region), "%.*s",
			         (int)(type - line - 1), line);
		}
		line += len + (line[len] == '\n');
	}
}

static bool same_slot(const struct pci_function *a, const struct pci_function *b)
{
	return a->address.domain == b->address.domain &&
	       a->address.bus == b->address.bus && a->address.slot == b->address.slot;
}

void group_read(const struct sysroot *root, int number,
                const struct pci_functions *functions, struct group *group)
{
	_cleanup_free_ char *text = NULL;
	const struct pci_function *last = NULL;
	char path[96];

	*group = (struct group){ .number = number };
	snprintf(path, sizeof(path), "sys/kernel/iommu_groups/%d/type", number);
	sysroot_line(root, path, group->type, sizeof(group->type));
	snprintf(path, sizeof(path), "sys/kernel/iommu_groups/%d/reserved_regions",
	         number);
	if (!sysroot_read(root, path, 1 << 20, &text))
		group_regions(text, group);
	/* The list is sorted by address. */
	for (unsigned i = 0; i < functions->count; i++) {
		const struct pci_function *f = &functions->function[i];

		if (f->group != number || pci_is_port(f))
			continue;
		group->slots += !last || !same_slot(last, f);
		last = f;
	}
}

const struct pci_function *group_blocker(const struct pci_functions *functions,
                                         const struct pci_function *f, const bool *chosen,
                                         unsigned *from)
{
	while (*from < functions->count) {
		unsigned i = (*from)++;
		const struct pci_function *other = &functions->function[i];

		if (f->group >= 0 && other->group == f->group && !chosen[i] &&
		    pci_address_compare(&other->address, &f->address) &&
		    group_role(other) == GROUP_IN_USE)
			return other;
	}
	return NULL;
}
