// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A KVM host is often a virtual machine itself, whose root file system is a folder of its
 * own host and whose console is virtio: a guest that got these would end it. 9p shows its
 * tag in sysfs. virtiofs does so from Linux 6.9 on, elsewhere than at the device, and the
 * hvc consoles are nobody's children: of these, any in use counts.
 */
#include "passthrough/share.h"

#include "common/cleanup.h"
#include "passthrough/mounts.h"
#include "passthrough/resolve.h"

#include <stdio.h>
#include <string.h>

static void check_virtio(const struct sysroot *root, const struct pci_function *f,
                         const char *name, bool *hvc, struct findings *findings)
{
	char path[PCI_PATH_SIZE], file[64], driver[DRIVER_SIZE], tag[128], what[160];

	snprintf(file, sizeof(file), "%.32s/driver", name);
	pci_path(path, f->name, file);
	sysroot_link_name(root, path, driver, sizeof(driver));
	*hvc |= !strcmp(driver, "virtio_console");
	if (!strcmp(driver, "virtiofs"))
		mounts_check(root, &(struct mount_match){ .type = "virtiofs" },
		             "a shared folder (virtiofs)", findings);
	snprintf(file, sizeof(file), "%.32s/mount_tag", name);
	pci_path(path, f->name, file);
	sysroot_line(root, path, tag, sizeof(tag));
	snprintf(what, sizeof(what), "the shared folder '%s'", tag);
	if (*tag)
		mounts_check(root, &(struct mount_match){ .source = tag, .type = "9p" },
		             what, findings);
}

/* Lines of "ttyS0   -W- (EC p a)    4:64": where the kernel's messages go. */
static void check_consoles(const struct sysroot *root, const struct pci_function *f,
                           bool hvc, struct findings *findings)
{
	_cleanup_free_ char *text = NULL;

	if (sysroot_read(root, "proc/consoles", 1 << 16, &text) < 0)
		return;
	for (const char *line = text; *line;) {
		size_t len = 0;
		const char *at = line_word(line, 0, &len);
		char name[64], path[1024];

		snprintf(name, sizeof(name), "%.*s", at ? (int)len : 0, at ? at : "");
		if ((hvc && !strncmp(name, "hvc", 3)) ||
		    (*name && !class_path(root, "tty", name, path, sizeof(path)) &&
		     pci_path_through(path, f->name)))
			findings_add(findings, REASON_CONSOLE,
			             "the console %s of this host is on it; boot with "
			             "another console=",
			             name);
		line += strcspn(line, "\n");
		line += *line == '\n';
	}
}

void share_check(const struct sysroot *root, const struct pci_function *f,
                 struct findings *findings)
{
	struct names names;
	char path[PCI_PATH_SIZE];
	bool hvc = false;

	pci_path(path, f->name, "");
	sysroot_list(root, path, &names);
	for (unsigned i = 0; i < names.count; i++)
		if (!strncmp(names.name[i], "virtio", 6))
			check_virtio(root, f, names.name[i], &hvc, findings);
	names_free(&names);
	check_consoles(root, f, hvc, findings);
}
