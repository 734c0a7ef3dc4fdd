// SPDX-License-Identifier: GPL-2.0-or-later
/* Checks of what surrounds a guest's process: network and disks, limits, cgroups and
 * namespaces. */
#include "probe/checks.h"
#include "probe/decide.h"
#include "probe/factfield.h"
#include "probe/module.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static bool has_word(const char *list, const char *word)
{
	size_t n = strlen(word);

	for (const char *at = list; (at = strstr(at, word)); at += n)
		if ((at == list || at[-1] == ' ') && (!at[n] || at[n] == ' '))
			return true;
	return false;
}

/* ---- network ---- */

/* A node that belongs to a module: there, or why not. what: what guests lose. */
static void check_node(const struct facts *f, const struct node_facts *node,
                       const char *path, enum module_id id, const char *what,
                       struct result *r)
{
	const char *name = module_names[id];
	char code[16];

	if (node->err == FACT_UNTRIED) {
		result_set(r, CHECK_SKIP, "not captured");
	} else if (!node->err && node->access > 0) {
		result_set(r, CHECK_NOTE,
		           "%s is there, but not for this user (%s, mode %04o)", path,
		           errno_name(node->access, code), node->mode);
	} else if (!node->err) {
		result_set(r, CHECK_PASS, "%s can be opened", path);
	} else if (*f->host.container) {
		result_set(r, CHECK_WARN, "this container (%s) has no %s: %s",
		           f->host.container, path, what);
		result_remedy(r, "start the container with --device %s, or its like",
		              path);
	} else if (f->modules.module[id].state == MODULE_MISSING) {
		result_set(r, CHECK_WARN, "kernel %s has no module %s: %s",
		           f->host.kernel, name, what);
		remedy_kernel_package(f, r->remedy);
	} else {
		result_set(r, CHECK_WARN, "%s is missing, %s is not loaded: %s", path,
		           name, what);
		result_remedy(r, "sudo kvm-check --load --modules %s", name);
	}
}

void check_network_vhost(const struct facts *f, struct result *r)
{
	check_node(f, &f->nodes.vhost_net, "/dev/vhost-net", MODULE_VHOST_NET,
	           "virtio networking runs in user space", r);
}

void check_network_tun(const struct facts *f, struct result *r)
{
	check_node(f, &f->nodes.tun, "/dev/net/tun", MODULE_TUN,
	           "guests cannot join a bridge", r);
}

void check_network_bridge(const struct facts *f, struct result *r)
{
	if (f->system.bridge_filter == 1) {
		result_set(r, CHECK_WARN,
		           "the host's iptables also filter frames between guests of a "
		           "bridge");
		remedy_sysctl("net.bridge.bridge-nf-call-iptables", "0", r->remedy);
	} else {
		result_set(r, CHECK_PASS,
		           "frames between guests of a bridge are not filtered "
		           "by the host");
	}
}

void check_network_route(const struct facts *f, struct result *r)
{
	if (*f->system.route)
		result_set(r, CHECK_PASS, "the default route goes through %s: keep it",
		           f->system.route);
	else
		result_set(r, CHECK_PASS, "no default route");
}

/* ---- disks ---- */

void check_storage_io_uring(const struct facts *f, struct result *r)
{
	int disabled = f->security.io_uring_disabled;

	if (disabled < 1) {
		result_set(r, CHECK_PASS, "io_uring may be used");
		return;
	}
	result_set(r, CHECK_WARN,
	           "kernel.io_uring_disabled=%d: disks of %s guests use threads instead",
	           disabled, disabled == 2 ? "all" : "unprivileged users'");
	remedy_sysctl("kernel.io_uring_disabled", "0", r->remedy);
}

void check_storage_scheduler(const struct facts *f, struct result *r)
{
	if (!f->system.disks) {
		result_set(r, CHECK_SKIP, "no disks in /sys/block");
	} else if (*f->system.scheduler) {
		result_set(r, CHECK_WARN,
		           "%s: it reorders what guests have ordered already",
		           f->system.scheduler);
		result_remedy(r,
		              "echo mq-deadline | sudo tee "
		              "/sys/block/%.*s/queue/scheduler",
		              (int)strcspn(f->system.scheduler, " "),
		              f->system.scheduler);
	} else {
		result_set(r, CHECK_PASS, "%u disks, none with a scheduler for desktops",
		           f->system.disks);
	}
}

void check_storage_root(const struct facts *f, struct result *r)
{
	if (*f->system.root_device)
		result_set(r, CHECK_PASS, "the host lives on %s: keep it",
		           f->system.root_device);
	else
		result_set(r, CHECK_SKIP, "the mounts could not be read");
}

/* ---- limits ---- */

void check_limits_memlock(const struct facts *f, struct result *r)
{
	int64_t limit = f->limits.memlock;

	if (f->user.uid == 0) {
		result_set(r, CHECK_PASS, "root may lock all memory");
	} else if (limit < 0) {
		result_set(r, CHECK_SKIP, "not captured");
	} else if (limit == LIMIT_UNLIMITED) {
		result_set(r, CHECK_PASS, "unlimited");
	} else {
		result_set(r, CHECK_WARN,
		           "%lld KiB: a guest with an assigned device locks all of its "
		           "memory and fails (\"VFIO_MAP_DMA failed: Cannot allocate "
		           "memory\")",
		           (long long)limit / 1024);
		result_remedy(r,
		              "echo '@kvm - memlock unlimited' | sudo tee "
		              "/etc/security/limits.d/kvm.conf, then log in again; in a "
		              "unit: LimitMEMLOCK=infinity");
	}
}

void check_limits_nofile(const struct facts *f, struct result *r)
{
	int64_t limit = f->limits.nofile;

	if (limit < 0)
		result_set(r, CHECK_SKIP, "not captured");
	else if (limit == LIMIT_UNLIMITED)
		result_set(r, CHECK_PASS, "unlimited");
	else
		result_set(r, limit < 1024 ? CHECK_WARN : CHECK_PASS, "%lld files",
		           (long long)limit);
	if (r->status == CHECK_WARN)
		result_remedy(r, "ulimit -n 1024; in a unit: LimitNOFILE=1024");
}

void check_limits_maps(const struct facts *f, struct result *r)
{
	uint64_t count = f->system.max_map_count;

	if (!count)
		result_set(r, CHECK_SKIP, "vm.max_map_count could not be read");
	else
		result_set(r, count < 65530 ? CHECK_WARN : CHECK_PASS, "%llu mappings",
		           (unsigned long long)count);
	if (r->status == CHECK_WARN)
		remedy_sysctl("vm.max_map_count", "65530", r->remedy);
}

/* What shares a host between guests; the second name is version 1's. */
static const struct {
	const char *name, *old;
} controllers[] = {
	{ "cpu", "cpu" },       { "cpuset", "cpuset" }, { "io", "blkio" },
	{ "memory", "memory" }, { "pids", "pids" },
};

void check_limits_cgroup(const struct facts *f, struct result *r)
{
	const struct system_facts *s = &f->system;
	char missing[80] = "";
	bool outer = *f->host.container;

	for (unsigned i = 0; i < sizeof(controllers) / sizeof(controllers[0]); i++) {
		const char *name =
			s->cgroup == 1 ? controllers[i].old : controllers[i].name;
		size_t len = strlen(missing);

		if (!has_word(s->controllers, name))
			snprintf(missing + len, sizeof(missing) - len, " %s", name);
	}
	if (s->cgroup < 0) {
		result_set(r, CHECK_SKIP, "the mounts could not be read");
	} else if (!s->cgroup) {
		result_set(r, outer ? CHECK_NOTE : CHECK_WARN, "no cgroup is mounted");
		result_remedy(r, "sudo mount -t cgroup2 none /sys/fs/cgroup");
	} else if (*missing) {
		result_set(r, outer ? CHECK_NOTE : CHECK_WARN,
		           "version %d without%s: guests cannot be limited there%s%s",
		           s->cgroup, missing, *s->disabled ? "; cgroup_disable=" : "",
		           s->disabled);
	} else {
		result_set(r, CHECK_PASS, "version %d: %s", s->cgroup, s->controllers);
	}
	if (*missing && *s->disabled && r->status == CHECK_WARN) {
		char param[96];

		snprintf(param, sizeof(param), "cgroup_disable=%s", s->disabled);
		remedy_param(f, param, false, r->remedy);
	} else if (r->status == CHECK_WARN && !*r->remedy) {
		result_remedy(r, "boot a kernel with these controllers (CONFIG_CGROUPS, "
		                 "CONFIG_MEMCG, CONFIG_BLK_CGROUP)");
	}
}

void check_limits_dynmods(const struct facts *f, struct result *r)
{
	if (f->system.cgroup != 2)
		result_set(r, CHECK_SKIP, "needs version 2 of cgroups");
	else if (f->system.favordynmods)
		result_set(r, CHECK_PASS, "favordynmods: groups change quickly");
	else
		result_set(
			r, CHECK_NOTE,
			"moving a guest into a cgroup can take 10 ms (since Linux 6.0)");
	if (r->status == CHECK_NOTE)
		result_remedy(r, "sudo mount -o remount,favordynmods /sys/fs/cgroup");
}

/* ---- containers on this host ---- */

void check_container_ns(const struct facts *f, struct result *r)
{
	static const char *const kinds[] = { "ipc", "mnt", "net", "pid", "user", "uts" };
	char missing[48] = "";

	for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		size_t len = strlen(missing);

		if (!has_word(f->system.namespaces, kinds[i]))
			snprintf(missing + len, sizeof(missing) - len, " %s", kinds[i]);
	}
	if (!*f->system.namespaces)
		result_set(r, CHECK_SKIP, "/proc/self/ns could not be read");
	else if (*missing)
		result_set(r, CHECK_WARN, "the kernel has no namespaces of kind%s",
		           missing);
	else
		result_set(r, CHECK_PASS, "all kinds that a sandbox needs");
	if (r->status == CHECK_WARN)
		result_remedy(r,
		              "boot a kernel with CONFIG_NAMESPACES, CONFIG_USER_NS and "
		              "CONFIG_NET_NS");
}

void check_container_fuse(const struct facts *f, struct result *r)
{
	if (!*f->system.namespaces)
		result_set(r, CHECK_SKIP, "not captured");
	else if (f->system.fuse)
		result_set(r, CHECK_PASS,
		           "FUSE is there: LXC can show containers their own "
		           "/proc");
	else
		result_set(r, CHECK_NOTE,
		           "no FUSE: LXC containers see the host's /proc "
		           "values");
	if (r->status == CHECK_NOTE)
		result_remedy(r, "sudo modprobe fuse");
}
