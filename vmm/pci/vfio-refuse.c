// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Why a guest cannot have a function of the host, and the command that changes that. What
 * is so is read from the kernel now; what kvm-assign and kvm-check left only adds how it
 * came about, where it still agrees with that.
 */
#include "vmm/pci/vfio.h"

#include "common/cleanup.h"
#include "common/fdio.h"
#include "common/handed.h"
#include "common/handoff.h"
#include "common/opts.h"
#include "vmm/core/vm.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define GROUPS "/sys/kernel/iommu_groups"

static const char *sudo(void)
{
	return geteuid() ? "sudo " : "";
}

/* ---- what others left ---- */

static const char *state_dir(const struct vfio_host *host)
{
	return handoff_dir(host->state_dir);
}

static bool is_id(const char *name, const char *file, uint16_t id)
{
	_cleanup_free_ char *text = NULL;
	uint64_t value;
	char path[80];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/%s", name, file);
	if (fd_read_file(AT_FDCWD, path, 16, &text, NULL) < 0)
		return false;
	text[strcspn(text, "\n")] = '\0';
	return opt_parse_u64(text, &value) >= 0 && value == id;
}

/* What kvm-assign did with it. Another device may be at its address since. */
static void add_history(const struct vfio_host *host, struct err *err)
{
	struct handed_function f;

	if (!handed_function(state_dir(host), host->name, &f) ||
	    !is_id(host->name, "vendor", f.vendor) ||
	    !is_id(host->name, "device", f.device))
		return;
	if (f.earlier)
		err_hint(err,
		         "kvm-assign had bound it to %s before this boot; '%skvm-assign "
		         "persist %s' keeps that",
		         f.driver, sudo(), host->name);
	else if (!strcmp(f.driver, host->driver))
		err_hint(err, "kvm-assign put it there, from %s",
		         *f.was ? f.was : "no driver");
	else
		err_hint(err,
		         "kvm-assign had bound it to %s, and something else undid "
		         "that",
		         f.driver);
}

void vfio_refuse_hint(const struct vfio_host *host, const char *const *checks,
                      struct err *err)
{
	char text[640];

	for (; *checks; checks++) {
		if (!handed_check(state_dir(host), *checks, text, sizeof(text)))
			continue;
		err_hint(err, "kvm-check found: %s", text);
		return;
	}
	err_hint(err, "run kvm-check to see why and what to do");
}

int vfio_refuse_iommu(const struct vfio_host *host, struct err *err)
{
	static const char *const checks[] = { "iommu.table", "iommu.groups", NULL };

	err_set(err, ENODEV,
	        "%s is in no IOMMU group: this host has no IOMMU, or it is off",
	        host->name);
	vfio_refuse_hint(host, checks, err);
	return -err->code;
}

/* ---- the group ---- */

static bool is_free(const char *driver)
{
	return !*driver || strstr(driver, "vfio") || !strcmp(driver, "pci-stub") ||
	       !strcmp(driver, "pcieport");
}

/* The other members with their drivers, as ", NAME (driver)..."; how many the host uses.
 */
static unsigned list_members(const struct vfio_host *host, bool all, char *text,
                             size_t size)
{
	char path[80], member[PATH_MAX], driver[40];
	struct dirent *entry;
	unsigned used = 0;
	size_t len = 0;
	DIR *dir;

	*text = '\0';
	snprintf(path, sizeof(path), GROUPS "/%u/devices", host->group);
	dir = opendir(path);
	while (dir && (entry = readdir(dir))) {
		bool is_used;

		if (*entry->d_name == '.' || !strcmp(entry->d_name, host->name))
			continue;
		snprintf(member, sizeof(member), "%s/%s", path, entry->d_name);
		vfio_host_link(member, "driver", driver, sizeof(driver));
		is_used = !is_free(driver);
		used += is_used;
		if ((all || is_used) && len < size)
			len += snprintf(text + len, size - len, "%s%.40s (%s%s)",
			                len ? ", " : "", entry->d_name,
			                *driver ? "driver " : "no driver", driver);
	}
	if (dir)
		closedir(dir);
	return used;
}

int vfio_refuse_driver(const struct vfio_host *host, struct err *err)
{
	bool stub = !strcmp(host->driver, "pci-stub");
	char others[400];
	unsigned used = list_members(host, true, others, sizeof(others));

	err_set(err, EBUSY, "%s is on %s%s, not on vfio-pci%s", host->name,
	        *host->driver ? "the driver " : "no driver", host->driver,
	        stub ? ": the host is kept from it, but no guest can have it" : "");
	if (*others)
		err_hint(err, "its IOMMU group %u also holds %s", host->group, others);
	add_history(host, err);
	err_hint(err, "run: %skvm-assign bind %s%s --driver vfio-pci", sudo(),
	         used ? "--group " : "", host->name);
	return -err->code;
}

/* The kernel lets nobody have the group then. */
int vfio_refuse_members(const struct vfio_host *host, struct err *err)
{
	char others[400];

	if (!list_members(host, false, others, sizeof(others)))
		snprintf(others, sizeof(others), "other devices");
	return err_set(err, EBUSY,
	               "%s is in IOMMU group %u together with %s, which the host uses; "
	               "run: %skvm-assign bind --group %s",
	               host->name, host->group, others, sudo(), host->name);
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

static int refuse_permission(const struct vfio_host *host, const char *node, int code,
                             struct err *err)
{
	struct stat st;

	err_set(err, code, "no permission to open %s of %s", node, host->name);
	if (!stat(node, &st))
		err_hint(err, "it belongs to UID %u and GID %u with mode %04o", st.st_uid,
		         st.st_gid, st.st_mode & 0777u);
	err_hint(err, "run: %skvm-assign bind --owner %u %s", sudo(), geteuid(),
	         host->name);
	return -code;
}

int vfio_refuse_node(const struct vfio_host *host, const char *node, int code,
                     struct err *err)
{
	switch (code) {
	case EBUSY:
		return refuse_holder(host, node, err);
	case EACCES:
	case EPERM:
		return refuse_permission(host, node, code, err);
	default:
		err_sys(err, code, "cannot open %s of %s", node, host->name);
		if (code == ENOENT)
			err_hint(err,
			         "a container must be given /dev/vfio/vfio and "
			         "/dev/vfio/%u",
			         host->group);
		return -code;
	}
}
