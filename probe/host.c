// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Kernel, distribution, container and user. /etc/passwd and /etc/group are read as files,
 * not through the name service: nothing is loaded, nothing is asked over a network, and a
 * captured host gives the same answers. Members that only a directory service knows are
 * therefore not seen; the groups of the process itself always are.
 */
#include "probe/host.h"

#include "common/cleanup.h"
#include "common/opts.h"

#include <stdio.h>
#include <string.h>

/* Copies len bytes, cut to size. */
static void copy_text(char *out, size_t size, const char *text, size_t len)
{
	if (len >= size)
		len = size - 1;
	memcpy(out, text, len);
	out[len] = '\0';
}

/* ---- the host ---- */

void host_os_value(const char *text, const char *key, char *buf, size_t size)
{
	size_t n = strlen(key);

	buf[0] = '\0';
	for (const char *line = text; *line;) {
		size_t len = strcspn(line, "\n");

		if (!strncmp(line, key, n) && line[n] == '=') {
			const char *v = line + n + 1;
			size_t vlen = len - n - 1;

			if (vlen >= 2 && (*v == '"' || *v == '\'') && v[vlen - 1] == *v) {
				v++;
				vlen -= 2;
			}
			copy_text(buf, size, v, vlen);
			return;
		}
		line += len + (line[len] == '\n');
	}
}

const char *host_container_of_cgroup(const char *text)
{
	static const struct {
		const char *part, *name;
	} marks[] = {
		{ "/docker", "docker" },
		{ "/kubepods", "kubernetes" },
		{ "libpod-", "podman" },
		{ "/lxc/", "lxc" },
		{ "/lxc.payload", "lxc" },
		{ "/machine.slice/", "systemd-nspawn" },
		{ "/cri-containerd", "containerd" },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(marks); i++)
		if (strstr(text, marks[i].part))
			return marks[i].name;
	return "";
}

/* /.dockerenv also stays in images that became the root of a machine of their own: there
 * process 2 is a kernel thread, which a container's process namespace does not show. */
static bool kernel_threads_seen(const struct sysroot *root)
{
	char comm[32];

	return !sysroot_line(root, "proc/2/comm", comm, sizeof(comm)) &&
	       !strcmp(comm, "kthreadd");
}

/* What container managers leave in the container's file system. */
static void find_container(const struct sysroot *root, struct host_facts *host)
{
	_cleanup_free_ char *text = NULL;

	if (!sysroot_line(root, "run/systemd/container", host->container,
	                  sizeof(host->container)) &&
	    host->container[0])
		return;
	if (sysroot_exists(root, "run/.containerenv"))
		strcpy(host->container, "podman");
	else if (sysroot_exists(root, ".dockerenv") && !kernel_threads_seen(root))
		strcpy(host->container, "docker");
	else if (!sysroot_read_head(root, "proc/self/cgroup", 65536, &text))
		strcpy(host->container, host_container_of_cgroup(text));
}

/* "none [integrity] confidentiality" */
static void find_lockdown(const struct sysroot *root, struct host_facts *host)
{
	char line[96];
	const char *open;

	sysroot_line(root, "sys/kernel/security/lockdown", line, sizeof(line));
	open = strchr(line, '[');
	if (open)
		copy_text(host->lockdown, sizeof(host->lockdown), open + 1,
		          strcspn(open + 1, "]"));
}

void host_gather(const struct sysroot *root, struct host_facts *host)
{
	_cleanup_free_ char *text = NULL;

	host->live = root->live;
	sysroot_line(root, "proc/sys/kernel/osrelease", host->kernel,
	             sizeof(host->kernel));
	sysroot_line(root, "proc/sys/kernel/random/boot_id", host->boot_id,
	             sizeof(host->boot_id));
	if (!sysroot_read_head(root, "etc/os-release", 65536, &text) ||
	    !sysroot_read_head(root, "usr/lib/os-release", 65536, &text)) {
		host_os_value(text, "ID", host->os_id, sizeof(host->os_id));
		host_os_value(text, "ID_LIKE", host->os_like, sizeof(host->os_like));
		host_os_value(text, "PRETTY_NAME", host->os_name, sizeof(host->os_name));
	}
	find_container(root, host);
	find_lockdown(root, host);
}

/* ---- the user ---- */

/* Field `index` of a colon-separated line. */
static const char *field(const char *line, unsigned index, size_t *len)
{
	for (; index; index--) {
		line += strcspn(line, ":\n");
		if (*line != ':')
			return NULL;
		line++;
	}
	*len = strcspn(line, ":\n");
	return line;
}

static bool field_number(const char *line, unsigned index, uint64_t *value)
{
	char buf[24];
	size_t len;
	const char *v = field(line, index, &len);

	if (!v || len >= sizeof(buf))
		return false;
	memcpy(buf, v, len);
	buf[len] = '\0';
	return !opt_parse_u64(buf, value);
}

static const char *find_line(const char *text, unsigned index, uint64_t number)
{
	for (const char *line = text; *line;) {
		uint64_t v;

		if (field_number(line, index, &v) && v == number)
			return line;
		line += strcspn(line, "\n");
		line += *line == '\n';
	}
	return NULL;
}

bool user_group(const char *text, uint32_t gid, const char *user, char *name, size_t size,
                bool *member)
{
	const char *line = find_line(text, 2, gid), *v;
	size_t len, n = strlen(user);

	name[0] = '\0';
	*member = false;
	v = line ? field(line, 0, &len) : NULL;
	if (!v)
		return false;
	copy_text(name, size, v, len);
	v = field(line, 3, &len);
	for (const char *end = v ? v + len : NULL; n && v < end;) {
		const char *comma = memchr(v, ',', end - v);
		size_t word = (comma ? comma : end) - v;

		if (word == n && !memcmp(v, user, n))
			*member = true;
		v += word + 1;
	}
	return true;
}

static bool in_process_groups(uint32_t gid)
{
	_cleanup_free_ gid_t *groups = NULL;
	int count = getgroups(0, NULL);

	if (getegid() == gid)
		return true;
	groups = count > 0 ? calloc(count, sizeof(*groups)) : NULL;
	count = groups ? getgroups(count, groups) : 0;
	for (int i = 0; i < count; i++)
		if (groups[i] == gid)
			return true;
	return false;
}

void user_gather(const struct sysroot *root, int64_t node_gid, struct user_facts *user)
{
	_cleanup_free_ char *passwd = NULL, *group = NULL;
	const char *line = NULL;
	bool member = false;
	uint64_t primary;
	size_t len;

	if (root->live)
		user->uid = geteuid();
	if (!sysroot_read_head(root, "etc/passwd", 1 << 20, &passwd) && user->uid >= 0)
		line = find_line(passwd, 2, user->uid);
	if (line) {
		const char *v = field(line, 0, &len);

		copy_text(user->name, sizeof(user->name), v, len);
	}
	if (node_gid < 0)
		return;
	if (root->live)
		user->in_node_group = in_process_groups(node_gid);
	if (sysroot_read_head(root, "etc/group", 4 << 20, &group) < 0)
		return;
	user_group(group, node_gid, user->name, user->node_group,
	           sizeof(user->node_group), &member);
	if (line && field_number(line, 3, &primary) && primary == (uint64_t)node_gid)
		member = true;
	user->listed_in_group = member;
}
