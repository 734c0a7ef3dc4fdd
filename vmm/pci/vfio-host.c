// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The function of the host that is meant, as /sys/bus/pci shows it. The kernel has the
 * last word, in vfio-space.c; vfio-refuse.c tells why a guest cannot have it.
 */
#include "vmm/pci/vfio.h"

#include "common/opts.h"
#include "passthrough/address.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define DEVICES "/sys/bus/pci/devices"

void vfio_host_link(const char *path, const char *name, char *text, size_t size)
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
	char path[80], group[40];
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
	vfio_host_link(path, "driver", found->driver, sizeof(found->driver));
	vfio_host_link(path, "iommu_group", group, sizeof(group));
	if (opt_parse_u64(group, &number) < 0 || number > INT_MAX)
		return vfio_refuse_iommu(found, err);
	found->group = number;
	return strstr(found->driver, "vfio") ? 0 : vfio_refuse_driver(found, err);
}

int vfio_host_open(const struct vfio_host *host, struct err *err)
{
	bool viable = false;
	char node[40];
	int fd, ret;

	snprintf(node, sizeof(node), "/dev/vfio/%u", host->group);
	fd = open(node, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return vfio_refuse_node(host, node, errno, err);
	ret = vfio_group_viable(fd, &viable);
	if (ret >= 0 && viable)
		return fd;
	if (ret < 0)
		err_sys(err, -ret, "%s", node);
	else
		vfio_refuse_members(host, err);
	close(fd);
	return -err->code;
}
