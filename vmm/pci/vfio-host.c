// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The function of the host that is meant, as /sys/bus/pci shows it, and why a guest
 * cannot have it: most of that is the host's state, for which kvm-assign has a command.
 * The kernel has the last word, in vfio-space.c.
 */
#include "vmm/pci/vfio.h"

#include "common/cleanup.h"
#include "common/opts.h"
#include "passthrough/address.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#define DEVICES "/sys/bus/pci/devices"

/* The last component of the link at path/name, or "". */
static void link_name(const char *path, const char *name, char *text, size_t size)
{
	char link[PATH_MAX], target[PATH_MAX];
	const char *slash;
	ssize_t n;

	snprintf(link, sizeof(link), "%.200s/%.200s", path, name);
	n = readlink(link, target, sizeof(target) - 1);
	target[n > 0 ? n : 0] = '\0';
	slash = strrchr(target, '/');
	snprintf(text, size, "%.*s", (int)size - 1, slash ? slash + 1 : target);
}

static int take_name(const char *host, const char *sysfsdev, struct vfio_host *found,
                     struct err *err)
{
	struct pci_address address;
	const char *text = host;

	if (!host == !sysfsdev)
		return err_usage(err, "host=ADDRESS names the function, as in "
		                      "host=04:00.0; kvm-assign list shows them");
	if (sysfsdev)
		text = strrchr(sysfsdev, '/') ? strrchr(sysfsdev, '/') + 1 : sysfsdev;
	if (!pci_address_parse(text, &address))
		return err_usage(
			err,
			"'%s' is no address of a PCI function; one is 04:00.0 or "
			"0000:04:00.0",
			text);
	pci_address_text(&address, found->name);
	return 0;
}

int vfio_host_find(const char *host, const char *sysfsdev, struct vfio_host *found,
                   struct err *err)
{
	char path[80], driver[40], group[40];
	uint64_t number;
	int ret = take_name(host, sysfsdev, found, err);

	if (ret < 0)
		return ret;
	snprintf(path, sizeof(path), DEVICES "/%s", found->name);
	if (access(path, F_OK) < 0)
		return err_set(err, ENODEV,
		               "this host has no PCI function %s; kvm-assign list shows "
		               "those that it has",
		               found->name);
	link_name(path, "driver", driver, sizeof(driver));
	link_name(path, "iommu_group", group, sizeof(group));
	if (opt_parse_u64(group, &number) < 0 || number > INT_MAX)
		return err_set(
			err, ENODEV,
			"%s is in no IOMMU group: this host has no IOMMU, or it is "
			"off; kvm-check tells how to turn it on",
			found->name);
	found->group = number;
	if (strstr(driver, "vfio"))
		return 0;
	return err_set(
		err, EBUSY, "%s is on %s%s, not on vfio-pci; run: kvm-assign bind %s",
		found->name, *driver ? "the driver " : "no driver", driver, found->name);
}

/* ---- the group ---- */

static bool is_free(const char *driver)
{
	return !*driver || strstr(driver, "vfio") || !strcmp(driver, "pci-stub") ||
	       !strcmp(driver, "pcieport");
}

/* Members that the host uses: the kernel lets nobody have the group then. */
static int refuse_members(const struct vfio_host *host, struct err *err)
{
	char path[80], member[PATH_MAX], driver[40], text[400] = "";
	struct dirent *entry;
	size_t len = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "/sys/kernel/iommu_groups/%u/devices", host->group);
	dir = opendir(path);
	while (dir && (entry = readdir(dir))) {
		if (*entry->d_name == '.')
			continue;
		snprintf(member, sizeof(member), "%s/%s", path, entry->d_name);
		link_name(member, "driver", driver, sizeof(driver));
		if (!is_free(driver) && len < sizeof(text))
			len += snprintf(text + len, sizeof(text) - len,
			                "%s%s (driver %s)", len ? ", " : "",
			                entry->d_name, driver);
	}
	if (dir)
		closedir(dir);
	return err_set(err, EBUSY,
	               "%s is in IOMMU group %u together with %s, which the host uses; "
	               "run: kvm-assign bind --group %s",
	               host->name, host->group, len ? text : "other devices", host->name);
}

/* ---- its node ---- */

static bool holds(const char *pid, const char *node)
{
	char path[PATH_MAX], target[PATH_MAX];
	struct dirent *entry;
	bool found = false;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%.20s/fd", pid);
	dir = opendir(path);
	while (dir && !found && (entry = readdir(dir))) {
		ssize_t n =
			readlinkat(dirfd(dir), entry->d_name, target, sizeof(target) - 1);

		target[n > 0 ? n : 0] = '\0';
		found = !strcmp(target, node);
	}
	if (dir)
		closedir(dir);
	return found;
}

static int refuse_holder(const struct vfio_host *host, const char *node, struct err *err)
{
	DIR *dir = opendir("/proc");
	struct dirent *entry = NULL;
	char who[48] = "another process";

	while (dir && (entry = readdir(dir)))
		if (isdigit((unsigned char)*entry->d_name) && holds(entry->d_name, node))
			break;
	if (entry)
		snprintf(who, sizeof(who), "PID %.20s", entry->d_name);
	if (dir)
		closedir(dir);
	return err_set(err, EBUSY,
	               "%s is in use: %s holds %s; kvm-assign status %s tells more",
	               host->name, who, node, host->name);
}

static int refuse_node(const struct vfio_host *host, const char *node, int code,
                       struct err *err)
{
	switch (code) {
	case EBUSY:
		return refuse_holder(host, node, err);
	case EACCES:
	case EPERM:
		return err_set(err, code,
		               "no permission to open %s of %s; run: kvm-assign bind "
		               "--owner USER %s",
		               node, host->name, host->name);
	default:
		return err_sys(err, code, "cannot open %s of %s", node, host->name);
	}
}

int vfio_host_open(const struct vfio_host *host, struct err *err)
{
	bool viable = false;
	char node[40];
	int fd, ret;

	snprintf(node, sizeof(node), "/dev/vfio/%u", host->group);
	fd = open(node, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return refuse_node(host, node, errno, err);
	ret = vfio_group_viable(fd, &viable);
	if (ret >= 0 && viable)
		return fd;
	if (ret < 0)
		err_sys(err, -ret, "%s", node);
	else
		refuse_members(host, err);
	close(fd);
	return -err->code;
}
