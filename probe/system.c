// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The surroundings of a guest's process. Nodes are looked at, not opened: opening
 * /dev/net/tun would load its module. Cgroup controllers are what the kernel offers:
 * version 2 has no files for "devices", "freezer" and "cpuacct", but their work is done
 * by BPF, by every group, and by "cpu" (admin-guide/cgroup-v2.rst).
 */
#include "probe/system.h"

#include "common/cleanup.h"
#include "probe/cmdline.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

/* Adds a word once. */
static void add_word(char *buf, size_t size, const char *word)
{
	size_t n = strlen(word), len = strlen(buf);

	for (const char *at = buf; (at = strstr(at, word)); at += n)
		if ((at == buf || at[-1] == ' ') && (!at[n] || at[n] == ' '))
			return;
	if (n && len + n + 2 <= size)
		snprintf(buf + len, size - len, "%s%s", len ? " " : "", word);
}

/* ---- nodes and limits ---- */

void nodes_init(struct nodes_facts *nodes, struct limits_facts *limits)
{
	const struct node_facts untried = { FACT_UNTRIED, 0, FACT_UNTRIED };

	*nodes = (struct nodes_facts){ untried, untried, untried, untried, untried };
	*limits = (struct limits_facts){ -1, -1 };
}

static void one_node(const struct sysroot *root, const char *path,
                     struct node_facts *node)
{
	struct stat st;

	node->err = -sysroot_stat(root, path, &st);
	if (node->err)
		return;
	node->mode = st.st_mode & 07777;
	node->access = -sysroot_access(root, path, R_OK | W_OK);
}

static int64_t limit_of(int resource)
{
	struct rlimit limit;

	if (getrlimit(resource, &limit) < 0)
		return -1;
	return limit.rlim_cur == RLIM_INFINITY ? LIMIT_UNLIMITED
	                                       : (int64_t)limit.rlim_cur;
}

void nodes_gather(const struct sysroot *root, struct nodes_facts *nodes,
                  struct limits_facts *limits)
{
	nodes_init(nodes, limits);
	if (!root->live)
		return;
	one_node(root, "dev/vhost-net", &nodes->vhost_net);
	one_node(root, "dev/net/tun", &nodes->tun);
	one_node(root, "dev/vfio/vfio", &nodes->vfio);
	one_node(root, "dev/iommu", &nodes->iommu);
	one_node(root, "dev/sev", &nodes->sev);
	limits->memlock = limit_of(RLIMIT_MEMLOCK);
	limits->nofile = limit_of(RLIMIT_NOFILE);
}

/* ---- cgroups and namespaces ---- */

/* "#subsys_name hierarchy num_cgroups enabled" */
void system_cgroups(const char *text, char *buf, size_t size)
{
	for (const char *line = text; *line;) {
		char name[32], hierarchy[12], enabled[4];

		if (sscanf(line, "%31s %11[0-9] %*s %3[0-9]", name, hierarchy, enabled) ==
		            3 &&
		    name[0] != '#' && strcmp(hierarchy, "0") && !strcmp(enabled, "1"))
			add_word(buf, size, name);
		line += strcspn(line, "\n");
		line += *line == '\n';
	}
}

static void gather_cgroups(const struct sysroot *root, const char *cmdline,
                           struct system_facts *system)
{
	_cleanup_free_ char *mounts = NULL, *list = NULL;

	cmdline_value(cmdline, "cgroup_disable", true, system->disabled,
	              sizeof(system->disabled));
	system->cgroup = -1;
	if (sysroot_read_head(root, "proc/self/mounts", 1 << 20, &mounts) < 0)
		return;
	system->cgroup = strstr(mounts, " cgroup ")    ? 1
	                 : strstr(mounts, " cgroup2 ") ? 2
	                                               : 0;
	system->favordynmods = strstr(mounts, "favordynmods") != NULL;
	if (system->cgroup == 2)
		sysroot_line(root, "sys/fs/cgroup/cgroup.controllers",
		             system->controllers, sizeof(system->controllers));
	else if (system->cgroup == 1 &&
	         !sysroot_read_head(root, "proc/cgroups", 65536, &list))
		system_cgroups(list, system->controllers, sizeof(system->controllers));
}

static void gather_namespaces(const struct sysroot *root, struct system_facts *system)
{
	struct names names;

	sysroot_list(root, "proc/self/ns", &names);
	for (unsigned i = 0; i < names.count; i++)
		if (!strstr(names.name[i], "_for_children"))
			add_word(system->namespaces, sizeof(system->namespaces),
			         names.name[i]);
	names_free(&names);
	system->fuse = sysroot_exists(root, "sys/fs/fuse");
}

/* ---- network ---- */

/* Iface Destination Gateway Flags RefCnt Use Metric Mask ...; flag 1 is "up". */
void system_routes(const char *text, char *buf, size_t size)
{
	for (const char *line = text; *line;) {
		char name[20], target[12], flags[8], mask[12];

		if (sscanf(line,
		           "%19s %11[0-9A-F] %*s %7[0-9A-F] %*s %*s %*s %11[0-9A-F]",
		           name, target, flags, mask) == 4 &&
		    !strcmp(target, "00000000") && !strcmp(mask, "00000000") &&
		    strchr("13579BDF", flags[strlen(flags) - 1]))
			add_word(buf, size, name);
		line += strcspn(line, "\n");
		line += *line == '\n';
	}
}

/* ---- disks ---- */

static bool virtual_disk(const char *name)
{
	static const char *const starts[] = { "loop", "ram", "zram", "dm-",
		                              "md",   "sr",  "fd",   "nbd" };

	for (unsigned i = 0; i < ARRAY_SIZE(starts); i++)
		if (!strncmp(name, starts[i], strlen(starts[i])))
			return true;
	return false;
}

static void gather_disks(const struct sysroot *root, struct system_facts *system)
{
	struct names names;

	sysroot_list(root, "sys/block", &names);
	for (unsigned i = 0; i < names.count; i++) {
		const char *name = names.name[i];
		char path[400], word[24];

		if (virtual_disk(name))
			continue;
		system->disks++;
		snprintf(path, sizeof(path), "sys/block/%s/queue/scheduler", name);
		sysroot_choice(root, path, word, sizeof(word));
		if (!*system->scheduler && (!strcmp(word, "bfq") || !strcmp(word, "cfq")))
			snprintf(system->scheduler, sizeof(system->scheduler), "%.64s %s",
			         name, word);
	}
	names_free(&names);
}

/* The last file system mounted on "/" is the one that is seen. */
static void gather_root_device(const struct sysroot *root, struct system_facts *system)
{
	_cleanup_free_ char *mounts = NULL;

	if (sysroot_read_head(root, "proc/self/mounts", 1 << 20, &mounts) < 0)
		return;
	for (const char *line = mounts; *line;) {
		char device[64], target[4];

		if (sscanf(line, "%63s %3s", device, target) == 2 && !strcmp(target, "/"))
			strcpy(system->root_device, device);
		line += strcspn(line, "\n");
		line += *line == '\n';
	}
}

void system_gather(const struct sysroot *root, const char *cmdline,
                   struct system_facts *system)
{
	_cleanup_free_ char *routes = NULL;

	sysroot_number(root, "proc/sys/vm/max_map_count", &system->max_map_count);
	gather_cgroups(root, cmdline, system);
	gather_namespaces(root, system);
	if (!sysroot_read_head(root, "proc/net/route", 1 << 20, &routes))
		system_routes(routes, system->route, sizeof(system->route));
	system->bridge_filter =
		sysroot_small(root, "proc/sys/net/bridge/bridge-nf-call-iptables");
	gather_disks(root, system);
	gather_root_device(root, system);
}
