// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Names of devices. A class in sysfs links to where the device hangs; the last PCI
 * address on that path is its function. With NVMe multipath a namespace hangs below a
 * virtual subsystem instead, whose controllers are links beside it.
 */
#include "passthrough/resolve.h"

#include "common/cleanup.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char *const classes[] = { "net",   "block", "nvme",       "drm",
	                               "sound", "hwmon", "infiniband", "scsi_host" };

int class_path(const struct sysroot *root, const char *class, const char *name,
               char *path, size_t size)
{
	char link[300], target[1024];
	const char *at = target;
	int ret;

	if ((size_t)snprintf(link, sizeof(link), "sys/class/%s/%s", class, name) >=
	    sizeof(link))
		return -ENAMETOOLONG;
	ret = sysroot_link(root, link, target, sizeof(target));
	if (ret < 0)
		return ret;
	while (!strncmp(at, "../", 3))
		at += 3;
	snprintf(path, size, "%s", at);
	return 0;
}

void nvme_subsystem_paths(const struct sysroot *root, const char *path,
                          void (*visit)(void *data, const char *path), void *data)
{
	const char *at = strstr(path, "/nvme-subsystem/");
	char dir[300], controller[600];
	struct names names;
	size_t len;

	if (!at)
		return;
	at += strlen("/nvme-subsystem/");
	len = strcspn(at, "/");
	snprintf(dir, sizeof(dir), "%.*s", (int)len, at);
	if (class_path(root, "nvme-subsystem", dir, controller, sizeof(controller)) < 0)
		return;
	snprintf(dir, sizeof(dir), "sys/%.250s", controller);
	sysroot_list(root, dir, &names);
	for (unsigned i = 0; i < names.count; i++)
		if (!strncmp(names.name[i], "nvme", 4) &&
		    !class_path(root, "nvme", names.name[i], controller,
		                sizeof(controller)))
			visit(data, controller);
	names_free(&names);
}

struct found {
	struct pci_address address;
	unsigned count;
};

static void note_path(void *data, const char *path)
{
	struct found *found = data;
	struct pci_address address;

	if (pci_address_in_path(path, &address) &&
	    (!found->count || pci_address_compare(&address, &found->address))) {
		found->address = address;
		found->count++;
	}
}

/* "/dev/disk/by-id/x" links to "../../sda". */
static void follow_dev(const struct sysroot *root, const char *word, char *name,
                       size_t size)
{
	char target[256];
	const char *slash;

	if (sysroot_link(root, word + 1, target, sizeof(target)) < 0)
		snprintf(target, sizeof(target), "%s", word);
	slash = strrchr(target, '/');
	snprintf(name, size, "%s", slash ? slash + 1 : target);
}

int resolve_device(const struct sysroot *root, const char *word,
                   struct pci_address *address, struct err *err)
{
	char name[256], path[1024];
	struct found found = { .count = 0 };
	bool known = false;

	if (pci_address_parse(word, address))
		return 0;
	if (!strncmp(word, "/dev/", 5))
		follow_dev(root, word, name, sizeof(name));
	else
		snprintf(name, sizeof(name), "%s", word);
	for (unsigned i = 0;
	     !strchr(name, '/') && *name && i < ARRAY_SIZE(classes) && !known; i++) {
		known = !class_path(root, classes[i], name, path, sizeof(path));
		if (known) {
			note_path(&found, path);
			nvme_subsystem_paths(root, path, note_path, &found);
		}
	}
	if (!known)
		return err_set(err, ENODEV,
		               "'%s' is neither a PCI address (such as 04:00.0) nor an "
		               "interface or a disk here; see kvm-assign list",
		               word);
	if (!found.count)
		return err_set(err, ENODEV,
		               "%s is no PCI device: it hangs at /sys/%s; see kvm-assign "
		               "list",
		               word, path);
	if (found.count > 1)
		return err_set(err, EMLINK,
		               "%s is reached through %u PCI functions; name one of them "
		               "by its address",
		               word, found.count);
	*address = found.address;
	return 0;
}
