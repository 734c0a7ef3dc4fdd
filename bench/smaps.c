// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Adds up /proc/PID/smaps without the guest's RAM. proc(5): a mapping is a line with its
 * range, permissions, offset, device, inode and path, and then lines "Name: value kB".
 */
#include "bench/smaps.h"

#include "common/cleanup.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

struct mapping {
	uint64_t start, end; /* kB */
	uint64_t dirty_kb, pss_kb;
	bool memory; /* anonymous or memfd */
};

struct mappings {
	struct mapping *list;
	size_t count;
};

static bool parse_range(const char *line, struct mapping *map)
{
	unsigned long start, end;
	int path = 0;

	if (sscanf(line, "%lx-%lx %*4s %*x %*x:%*x %*u %n", &start, &end, &path) != 2)
		return false;
	*map = (struct mapping){ .start = start >> 10, .end = end >> 10 };
	line += path;
	map->memory = !path || !*line || *line == '\n' || !strncmp(line, "/memfd:", 7) ||
	              !strncmp(line, "[anon", 5) || !strncmp(line, "/dev/zero", 9);
	return true;
}

static int parse(FILE *in, struct mappings *maps)
{
	char line[4400];

	while (fgets(line, sizeof(line), in)) {
		struct mapping map, *last = maps->list + maps->count - 1;
		unsigned long kb;

		if (parse_range(line, &map)) {
			struct mapping *grown = realloc(
				maps->list, (maps->count + 1) * sizeof(*maps->list));

			if (!grown)
				return -ENOMEM;
			maps->list = grown;
			grown[maps->count++] = map;
		} else if (!maps->count) {
			return -EINVAL;
		} else if (sscanf(line, "Private_Dirty: %lu", &kb) == 1) {
			last->dirty_kb = kb;
		} else if (sscanf(line, "Pss: %lu", &kb) == 1) {
			last->pss_kb = kb;
		}
	}
	return maps->count ? 0 : -EINVAL;
}

/* The mappings first ... last that are the guest's RAM. */
static bool find_ram(const struct mappings *maps, uint64_t ram_kb, size_t *first,
                     size_t *last)
{
	const struct mapping *m = maps->list;
	uint64_t largest = 0;

	for (size_t i = 0; i < maps->count; i++) {
		if (m[i].memory && m[i].end - m[i].start > largest) {
			largest = m[i].end - m[i].start;
			*first = *last = i;
		}
	}
	while (largest && m[*last].end - m[*first].start < ram_kb) {
		if (*last + 1 < maps->count && m[*last + 1].memory &&
		    m[*last + 1].start == m[*last].end)
			++*last;
		else if (*first && m[*first - 1].memory &&
		         m[*first - 1].end == m[*first].start)
			--*first;
		else
			break;
	}
	return largest;
}

int smaps_read(FILE *in, uint64_t ram_kb, struct smaps *smaps)
{
	struct mappings maps = { 0 };
	size_t first = 0, last = 0;
	int ret = parse(in, &maps);

	*smaps = (struct smaps){ 0 };
	if (!ret && !find_ram(&maps, ram_kb, &first, &last))
		ret = -EINVAL;
	for (size_t i = 0; !ret && i < maps.count; i++) {
		if (i >= first && i <= last) {
			smaps->ram_kb += maps.list[i].end - maps.list[i].start;
			continue;
		}
		smaps->private_dirty_kb += maps.list[i].dirty_kb;
		smaps->pss_kb += maps.list[i].pss_kb;
	}
	free(maps.list);
	return ret;
}
