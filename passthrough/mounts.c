// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Reads mountinfo (proc(5)). Containers and services have mounts of their own: one
 * process of each namespace tells them, and there are few namespaces.
 */
#include "passthrough/mounts.h"

#include "common/cleanup.h"
#include "common/opts.h"
#include "common/strbuf.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct search {
	const struct mount_match *match;
	const char *what;
	struct findings *findings;
	unsigned count;
};

const char *line_word(const char *line, unsigned n, size_t *len)
{
	const char *end = line + strcspn(line, "\n");

	for (;; n--) {
		line += strspn(line, " \t");
		*len = strcspn(line, " \t\n");
		if (line >= end)
			return NULL;
		if (!n)
			return line;
		line += *len;
	}
}

static bool is_word(const char *at, size_t len, const char *text)
{
	return at && text && strlen(text) == len && !memcmp(at, text, len);
}

static bool runs_the_system(const char *where)
{
	static const char *const places[] = { "/", "/usr", "/boot", "/boot/efi", "/var" };

	for (unsigned i = 0; i < ARRAY_SIZE(places); i++)
		if (!strcmp(places[i], where))
			return true;
	return false;
}

static void note_mount(struct search *search, const char *where)
{
	char text[sizeof(search->findings->finding->text)];

	search->count++;
	snprintf(text, sizeof(text), "%.100s is mounted on %.250s", search->what, where);
	/* The same mount in another namespace is told once. */
	for (unsigned i = 0; i < search->findings->count; i++)
		if (!strcmp(search->findings->finding[i].text, text))
			return;
	findings_add(search->findings,
	             runs_the_system(where) ? REASON_ROOT_DISK : REASON_MOUNTED, "%s",
	             text);
}

static void check_line(struct search *search, const char *line)
{
	const struct mount_match *match = search->match;
	size_t number_len, where_len, type_len = 0, source_len = 0;
	const char *number = line_word(line, 2, &number_len);
	const char *where = line_word(line, 4, &where_len);
	const char *dash = strstr(line, " - ");
	const char *type = NULL, *source = NULL;
	char text[256];

	if (!number || !where)
		return;
	if (dash && dash < line + strcspn(line, "\n")) {
		type = line_word(dash + 3, 0, &type_len);
		source = line_word(dash + 3, 1, &source_len);
	}
	if (match->type && !is_word(type, type_len, match->type))
		return;
	if ((match->number || match->source) &&
	    !is_word(number, number_len, match->number) &&
	    !is_word(source, source_len, match->source))
		return;
	snprintf(text, sizeof(text), "%.*s", (int)where_len, where);
	note_mount(search, text);
}

static void check_process(struct search *search, const struct sysroot *root,
                          const char *pid)
{
	_cleanup_free_ char *text = NULL;
	char path[64];

	snprintf(path, sizeof(path), "proc/%.20s/mountinfo", pid);
	if (sysroot_read(root, path, 8 << 20, &text))
		return;
	for (const char *line = text; *line;) {
		check_line(search, line);
		line += strcspn(line, "\n");
		line += *line == '\n';
	}
}

unsigned mounts_check(const struct sysroot *root, const struct mount_match *match,
                      const char *what, struct findings *findings)
{
	_cleanup_strbuf_ struct strbuf seen = { 0 };
	struct search search = { .match = match, .what = what, .findings = findings };
	struct names names;

	check_process(&search, root, "self");
	sysroot_list(root, "proc", &names);
	for (unsigned i = 0; i < names.count; i++) {
		char path[64], id[64];

		if (names.name[i][0] < '0' || names.name[i][0] > '9')
			continue;
		snprintf(path, sizeof(path), "proc/%.20s/ns/mnt", names.name[i]);
		if (sysroot_link(root, path, id, sizeof(id)) < 0 ||
		    (seen.data && strstr(seen.data, id)))
			continue;
		strbuf_adds(&seen, id);
		check_process(&search, root, names.name[i]);
	}
	names_free(&names);
	return search.count;
}
