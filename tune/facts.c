// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Reading the knobs of a live or captured host. What this user may not read is a setting
 * without a value, never an error: show works for everybody.
 */
#include "tune/facts.h"

#include "common/cleanup.h"
#include "common/opts.h"
#include "tune/hostfile.h"

#include <errno.h>
#include <fnmatch.h>
#include <string.h>

/* ---- single values ---- */

int facts_number(const struct sysroot *root, const char *path, uint64_t *value)
{
	char line[64];
	int ret = sysroot_line(root, path, line, sizeof(line));

	return ret < 0 ? ret : opt_parse_u64(line, value);
}

uint64_t facts_field(const char *text, const char *name)
{
	size_t len = strlen(name);
	char digits[24];
	uint64_t value;

	for (const char *line = text; line && *line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, name, len) || line[len] != ':')
			continue;
		line += len + 1 + strspn(line + len + 1, " \t");
		len = strspn(line, "0123456789");
		snprintf(digits, sizeof(digits), "%.*s", (int)len, line);
		if (opt_parse_u64(digits, &value) < 0 || value >> 53)
			return 0;
		return strncmp(line + len, " kB", 3) ? value : value * 1024;
	}
	return 0;
}

int memory_read(const struct sysroot *root, struct memory *memory, struct err *err)
{
	_cleanup_free_ char *text = NULL;
	int ret = sysroot_read(root, "proc/meminfo", HOSTFILE_MAX, &text);

	if (ret < 0)
		return err_sys(err, -ret, "cannot read /proc/meminfo");
	*memory = (struct memory){
		.total = facts_field(text, "MemTotal"),
		.available = facts_field(text, "MemAvailable"),
		.swap_total = facts_field(text, "SwapTotal"),
		.swap_free = facts_field(text, "SwapFree"),
		.commit_limit = facts_field(text, "CommitLimit"),
		.committed = facts_field(text, "Committed_AS"),
		.hugetlb = facts_field(text, "Hugetlb"),
	};
	return 0;
}

/* ---- knobs ---- */

static enum module_state module_state(const struct sysroot *root, const struct knob *knob)
{
	char module[48], path[96];

	if (knob->store != STORE_MODULE)
		return MODULE_NONE;
	knob_module(knob, module, sizeof(module));
	snprintf(path, sizeof(path), "sys/module/%s/initstate", module);
	if (sysroot_exists(root, path))
		return MODULE_LOADED;
	snprintf(path, sizeof(path), "sys/module/%s", module);
	return sysroot_exists(root, path) ? MODULE_BUILTIN : MODULE_NONE;
}

enum knob_store setting_store(const struct setting *setting)
{
	return setting->module == MODULE_BUILTIN ? STORE_TMPFILE : setting->knob->store;
}

static int add(struct tune_facts *facts, const struct sysroot *root,
               const struct knob *knob, const char *path)
{
	struct setting *grown =
		realloc(facts->settings, (facts->count + 1) * sizeof(*grown));
	struct setting *s;
	char instance[48];
	struct stat st;

	if (!grown)
		return -ENOMEM;
	facts->settings = grown;
	s = &grown[facts->count++];
	*s = (struct setting){ .knob = knob, .module = module_state(root, knob) };
	snprintf(s->path, sizeof(s->path), "%s", path);
	knob_instance(knob, path, instance, sizeof(instance));
	if (*instance && !strchr(instance, '*'))
		snprintf(s->name, sizeof(s->name), "%s[%s]", knob->name, instance);
	else
		snprintf(s->name, sizeof(s->name), "%s", knob->name);
	s->present = !sysroot_stat(root, path, &st);
	s->writable = s->present && (st.st_mode & 0222);
	if (s->present && !sysroot_read(root, path, HOSTFILE_MAX, &s->raw))
		knob_value(knob, s->raw, s->now, sizeof(s->now));
	return 0;
}

/* Disks have a device behind them; loops, RAM disks and volumes only pass requests on. */
static bool wanted(const struct sysroot *root, const struct knob *knob, const char *dir,
                   const char *name)
{
	char device[3 * PATH_SIZE];

	snprintf(device, sizeof(device), "%s%s/device", dir, name);
	return strncmp(knob->name, "block.", 6) || sysroot_exists(root, device);
}

static int expand(struct tune_facts *facts, const struct sysroot *root,
                  const struct knob *knob)
{
	const char *star = strchr(knob->path, '*'), *start = star, *rest = star + 1;
	char dir[PATH_SIZE], pattern[64], path[PATH_SIZE];
	unsigned before = facts->count;
	struct names names;
	int ret;

	while (start[-1] != '/')
		start--;
	snprintf(dir, sizeof(dir), "%.*s", (int)(start - knob->path), knob->path);
	snprintf(pattern, sizeof(pattern), "%.*s", (int)(rest - start), start);
	ret = sysroot_list(root, dir, &names);
	if (ret == -ENOENT)
		ret = 0;
	for (unsigned i = 0; i < names.count && !ret; i++) {
		int len =
			snprintf(path, sizeof(path), "%s%s%s", dir, names.name[i], rest);

		if (len < (int)sizeof(path) && !fnmatch(pattern, names.name[i], 0) &&
		    wanted(root, knob, dir, names.name[i]) && sysroot_exists(root, path))
			ret = add(facts, root, knob, path);
	}
	names_free(&names);
	/* So that show can say that there is none. */
	if (!ret && facts->count == before)
		ret = add(facts, root, knob, knob->path);
	return ret;
}

static void read_node(const struct sysroot *root, struct node_memory *node)
{
	static const char *const fields[] = { "MemFree", "Active(file)",
		                              "Inactive(file)" };
	_cleanup_free_ char *text = NULL;
	char path[64], name[64];

	snprintf(path, sizeof(path), "sys/devices/system/node/node%u/meminfo", node->id);
	if (sysroot_read(root, path, HOSTFILE_MAX, &text) < 0)
		return;
	for (unsigned i = 0; i < ARRAY_SIZE(fields); i++) {
		snprintf(name, sizeof(name), "Node %u %s", node->id, fields[i]);
		node->available += facts_field(text, name);
	}
}

static void gather_nodes(const struct sysroot *root, struct tune_facts *facts)
{
	struct names names;
	uint64_t id;

	sysroot_list(root, "sys/devices/system/node", &names);
	for (unsigned i = 0; i < names.count; i++) {
		if (strncmp(names.name[i], "node", 4) ||
		    opt_parse_u64(names.name[i] + 4, &id) < 0 || id > UINT16_MAX)
			continue;
		if (facts->nodes < NODES_MAX) {
			facts->node[facts->nodes].id = id;
			read_node(root, &facts->node[facts->nodes]);
		}
		facts->nodes++;
	}
	names_free(&names);
	if (!facts->nodes)
		facts->nodes = 1;
}

const struct node_memory *facts_node(const struct tune_facts *facts,
                                     const struct knob *knob, const char *path)
{
	char instance[48], name[48];

	knob_instance(knob, path, instance, sizeof(instance));
	for (unsigned i = 0; i < facts->nodes && i < NODES_MAX; i++) {
		snprintf(name, sizeof(name), "node%u", facts->node[i].id);
		if (!strcmp(name, instance))
			return &facts->node[i];
	}
	return NULL;
}

int tune_facts_gather(const struct sysroot *root, struct tune_facts *facts,
                      struct err *err)
{
	int ret;

	*facts = (struct tune_facts){ .page = sysconf(_SC_PAGESIZE) };
	ret = memory_read(root, &facts->memory, err);
	if (ret < 0)
		return ret;
	gather_nodes(root, facts);
	facts_number(root, "sys/kernel/mm/ksm/pages_sharing", &facts->ksm.sharing);
	facts_number(root, "sys/kernel/mm/ksm/pages_shared", &facts->ksm.shared);
	sysroot_line(root, "proc/cmdline", facts->cmdline, sizeof(facts->cmdline));
	for (const struct knob *knob = knobs; knob->name && !ret; knob++)
		ret = strchr(knob->path, '*') ? expand(facts, root, knob)
		                              : add(facts, root, knob, knob->path);
	return ret < 0 ? err_sys(err, -ret, "cannot read the knobs") : 0;
}

void tune_facts_free(struct tune_facts *facts)
{
	for (unsigned i = 0; i < facts->count; i++)
		free(facts->settings[i].raw);
	free(facts->settings);
	*facts = (struct tune_facts){ 0 };
}

const struct setting *tune_facts_find(const struct tune_facts *facts, const char *name)
{
	for (unsigned i = 0; i < facts->count; i++)
		if (!strcmp(facts->settings[i].knob->name, name))
			return &facts->settings[i];
	return NULL;
}

uint64_t tune_facts_number(const struct tune_facts *facts, const char *name)
{
	const struct setting *s = tune_facts_find(facts, name);
	uint64_t value = 0;

	if (s && s->present)
		opt_parse_u64(s->now, &value);
	return value;
}
