// SPDX-License-Identifier: GPL-2.0-or-later
/* Reading the pools of huge pages, and turning "2M=1G" into a wish for a plan. */
#include "tune/hugepage.h"

#include "common/cleanup.h"
#include "common/opts.h"
#include "tune/mount.h"
#include "tune/plan.h"
#include "tune/size.h"

#include <errno.h>
#include <string.h>

/* ---- what there is ---- */

static int add(const struct sysroot *root, struct pools *pools, const char *dir,
               const char *name, int node)
{
	struct pool pool = { .node = node }, *grown;
	char digits[24], path[2 * PATH_SIZE];
	uint64_t kb;

	/* "hugepages-2048kB" */
	if (strncmp(name, "hugepages-", 10))
		return 0;
	snprintf(digits, sizeof(digits), "%.*s", (int)strspn(name + 10, "0123456789"),
	         name + 10);
	if (opt_parse_u64(digits, &kb) < 0 || !kb || kb > UINT32_MAX)
		return 0;
	pool.size = kb * 1024;
	snprintf(path, sizeof(path), "%s/%.60s/nr_hugepages", dir, name);
	facts_number(root, path, &pool.total);
	snprintf(path, sizeof(path), "%s/%.60s/free_hugepages", dir, name);
	facts_number(root, path, &pool.free);
	snprintf(path, sizeof(path), "%s/%.60s/surplus_hugepages", dir, name);
	facts_number(root, path, &pool.surplus);
	if (node < 0)
		mount_find(root, pool.size, pool.mount, sizeof(pool.mount));
	grown = realloc(pools->list, (pools->count + 1) * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	pools->list = grown;
	grown[pools->count++] = pool;
	return 0;
}

static int add_folder(const struct sysroot *root, struct pools *pools, const char *dir,
                      int node)
{
	struct names names;
	int ret = sysroot_list(root, dir, &names) == -ENOMEM ? -ENOMEM : 0;

	for (unsigned i = 0; i < names.count && !ret; i++)
		ret = add(root, pools, dir, names.name[i], node);
	names_free(&names);
	return ret;
}

int pools_gather(const struct sysroot *root, unsigned nodes, struct pools *pools)
{
	char dir[PATH_SIZE];
	struct names names;
	uint64_t id;
	int ret;

	*pools = (struct pools){ 0 };
	ret = add_folder(root, pools, "sys/kernel/mm/hugepages", -1);
	if (ret < 0 || nodes < 2)
		return ret;
	sysroot_list(root, "sys/devices/system/node", &names);
	for (unsigned i = 0; i < names.count && !ret; i++) {
		if (strncmp(names.name[i], "node", 4) ||
		    opt_parse_u64(names.name[i] + 4, &id) < 0 || id > UINT16_MAX)
			continue;
		snprintf(dir, sizeof(dir), "sys/devices/system/node/node%u/hugepages",
		         (unsigned)id);
		ret = add_folder(root, pools, dir, id);
	}
	names_free(&names);
	return ret;
}

void pools_free(struct pools *pools)
{
	free(pools->list);
	*pools = (struct pools){ 0 };
}

void pools_text(const struct pools *pools, struct strbuf *out)
{
	if (!pools->count)
		strbuf_adds(out, "this kernel has no huge pages\n");
	else
		strbuf_addf(out, "%-9s %-5s %8s %8s %10s  %s\n", "PAGE", "NODE", "PAGES",
		            "FREE", "MEMORY", "MOUNTED ON");
	for (unsigned i = 0; i < pools->count; i++) {
		const struct pool *p = &pools->list[i];
		char size[SIZE_TEXT], all[SIZE_TEXT], node[16] = "all";

		size_text(p->size, size);
		size_text(p->size * p->total, all);
		if (p->node >= 0)
			snprintf(node, sizeof(node), "%d", p->node);
		strbuf_addf(out, "%-9s %-5s %8llu %8llu %10s  %s\n", size, node,
		            (unsigned long long)p->total, (unsigned long long)p->free,
		            all,
		            p->node >= 0 ? ""
		            : *p->mount  ? p->mount
		                         : "-");
	}
}

json_t *pools_json(const struct pools *pools)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < pools->count; i++) {
		const struct pool *p = &pools->list[i];

		json_array_append_new(
			list, json_pack("{s:I, s:o, s:I, s:I, s:I, s:o}", "page",
		                        (json_int_t)p->size, "node",
		                        p->node < 0 ? json_null() : json_integer(p->node),
		                        "pages", (json_int_t)p->total, "free",
		                        (json_int_t)p->free, "surplus",
		                        (json_int_t)p->surplus, "mount",
		                        *p->mount ? json_string(p->mount) : json_null()));
	}
	return list;
}

/* ---- what is wanted ---- */

/* As many as the limits of the plan allow. */
static uint64_t most(const struct tune_facts *facts, const struct setting *s,
                     uint64_t size)
{
	const struct node_memory *node = facts_node(facts, s->knob, s->path);
	uint64_t reserve = plan_reserve(&facts->memory), room = 0, now = 0;

	if (facts->memory.available > reserve)
		room = facts->memory.available - reserve;
	if (node && node->available < room)
		room = node->available;
	opt_parse_u64(s->now, &now);
	return now + room / size;
}

/* A plain number counts pages, one with a suffix is an amount of memory. */
static int parse_amount(const char *text, const struct tune_facts *facts,
                        const struct setting *s, uint64_t size, uint64_t *pages,
                        struct err *err)
{
	uint64_t bytes;

	if (!strcmp(text, "max")) {
		*pages = most(facts, s, size);
		return 0;
	}
	if (!text[strspn(text, "0123456789")] && !opt_parse_u64(text, pages))
		return 0;
	if (opt_parse_size(text, 'B', &bytes) < 0)
		return err_usage(
			err,
			"'%s' is no number of pages, no size such as 4G, and not max",
			text);
	*pages = bytes / size;
	if (bytes % size)
		return err_usage(err, "%s is no multiple of the page size", text);
	return 0;
}

static const struct setting *find_pool(const struct tune_facts *facts, const char *name,
                                       int node)
{
	char full[96];

	snprintf(full, sizeof(full), "%s.node[node%d]", name, node);
	for (unsigned i = 0; i < facts->count; i++)
		if (!strcmp(facts->settings[i].name, node < 0 ? name : full))
			return &facts->settings[i];
	return NULL;
}

int hugepage_wish(struct profile *profile, const struct tune_facts *facts,
                  const char *word, int node, uint64_t *size, struct err *err)
{
	const char *eq = strchr(word, '=');
	const struct setting *s;
	char name[32], text[160];
	uint64_t pages;
	int ret;

	if (!eq || (strncmp(word, "2M=", 3) && strncmp(word, "1G=", 3)))
		return err_usage(err, "'%.60s' is no 2M=COUNT or 1G=COUNT", word);
	*size = *word == '2' ? 2ull << 20 : 1ull << 30;
	snprintf(name, sizeof(name), "hugepages.%.2s", word);
	s = find_pool(facts, name, node);
	if (!s && tune_facts_find(facts, name)->present)
		return err_usage(err, "there is no NUMA node %d", node);
	if (!s)
		s = tune_facts_find(facts, name);
	ret = parse_amount(eq + 1, facts, s, *size, &pages, err);
	if (ret < 0)
		return ret;
	snprintf(text, sizeof(text), "%s=%llu", s->name, (unsigned long long)pages);
	return profile_add(profile, text, err);
}
