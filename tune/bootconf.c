// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Reading the files that set knobs at boot: sysctl.d(5), modprobe.d(5), tmpfiles.d(5). A
 * file in an earlier directory hides the file of the same name in a later one; the rest
 * is read in the order of names. Files of others may hold anything: what is not
 * understood is passed over.
 */
#include "tune/bootconf.h"

#include "common/cleanup.h"
#include "tune/hostfile.h"

#include <ctype.h>
#include <errno.h>
#include <fnmatch.h>
#include <string.h>

static const char *const tops[] = { "etc", "run", "usr/local/lib", "usr/lib", "lib" };
static const char *const folders[] = {
	[STORE_SYSCTL] = "sysctl.d",
	[STORE_MODULE] = "modprobe.d",
	[STORE_TMPFILE] = "tmpfiles.d",
};

static int add(struct bootconf *conf, const struct boot_entry *entry)
{
	struct boot_entry *grown =
		realloc(conf->entries, (conf->count + 1) * sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	conf->entries = grown;
	grown[conf->count++] = *entry;
	return 0;
}

static char *trim(char *text)
{
	char *end = text + strlen(text);

	while (end > text && isspace((unsigned char)end[-1]))
		*--end = '\0';
	return text + strspn(text, " \t\r");
}

/* ---- one line of each format; *entry has file and line ---- */

static int sysctl_line(struct bootconf *conf, struct boot_entry *entry, char *line)
{
	char *value = strchr(line, '=');
	bool slashes;

	if (!value || strchr("#;", *line))
		return 0;
	*value++ = '\0';
	line = trim(line + (*line == '-'));
	slashes = line[strcspn(line, "./")] == '/';
	for (char *c = line; slashes && *c; c++)
		*c = *c == '/' ? '.' : *c == '.' ? '/' : *c;
	snprintf(entry->key, sizeof(entry->key), "%s", line);
	snprintf(entry->value, sizeof(entry->value), "%s", trim(value));
	return add(conf, entry);
}

static int option_word(struct bootconf *conf, struct boot_entry *entry,
                       const char *module, const char *word)
{
	size_t len = strcspn(word, "=");
	const char *value = word[len] ? word + len + 1 : "1";

	snprintf(entry->key, sizeof(entry->key), "%s.%.*s", module, (int)len, word);
	for (char *c = entry->key; *c; c++)
		if (*c == '-')
			*c = '_';
	snprintf(entry->value, sizeof(entry->value), "%s", value);
	return add(conf, entry);
}

static int modprobe_line(struct bootconf *conf, struct boot_entry *entry, char *line)
{
	char *word = strtok_r(line, " \t", &line), *module;
	int ret = 0;

	if (!word || strcmp(word, "options"))
		return 0;
	module = strtok_r(NULL, " \t", &line);
	while (module && !ret && (word = strtok_r(NULL, " \t", &line)))
		ret = option_word(conf, entry, module, word);
	return ret;
}

static int tmpfiles_line(struct bootconf *conf, struct boot_entry *entry, char *line)
{
	char *type = strtok_r(line, " \t", &line);
	char *path = type ? strtok_r(NULL, " \t", &line) : NULL;

	if (!path || *type != 'w' || *path != '/')
		return 0;
	/* mode, user, group, age; the argument is the rest. */
	for (unsigned i = 0; i < 4; i++)
		if (!strtok_r(NULL, " \t", &line))
			return 0;
	snprintf(entry->key, sizeof(entry->key), "%s", path + 1);
	snprintf(entry->value, sizeof(entry->value), "%s", line ? trim(line) : "");
	return add(conf, entry);
}

static int profile_line(struct bootconf *conf, struct boot_entry *entry, char *line)
{
	char *value = strchr(line, '=');

	if (!value || *line == '#')
		return 0;
	*value++ = '\0';
	snprintf(entry->key, sizeof(entry->key), "%s", trim(line));
	snprintf(entry->value, sizeof(entry->value), "%s", trim(value));
	return add(conf, entry);
}

static int (*const parsers[])(struct bootconf *, struct boot_entry *, char *) = {
	[STORE_SYSCTL] = sysctl_line,
	[STORE_MODULE] = modprobe_line,
	[STORE_TMPFILE] = tmpfiles_line,
	[STORE_BOOT] = profile_line,
};

/* ---- files ---- */

int bootconf_file(const struct sysroot *root, enum knob_store store, const char *path,
                  struct bootconf *conf)
{
	_cleanup_free_ char *text = NULL;
	struct boot_entry entry = { .store = store };
	char *rest, *line;
	int ret = sysroot_read(root, path, HOSTFILE_MAX, &text);

	if (ret < 0)
		return ret == -ENOMEM ? ret : 0;
	snprintf(entry.file, sizeof(entry.file), "%s", path);
	/* A backslash joins lines in modprobe.d. */
	for (char *c = text; store == STORE_MODULE && (c = strstr(c, "\\\n"));)
		c[0] = c[1] = ' ';
	for (rest = text; !ret && (line = strsep(&rest, "\n"));) {
		entry.line++;
		line = trim(line);
		if (*line && *line != '#')
			ret = parsers[store](conf, &entry, line);
	}
	return ret;
}

struct file {
	const char *name; /* of the directory's list */
	const char *top;
};

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct file *)a)->name, ((const struct file *)b)->name);
}

static int load_folder(const struct sysroot *root, enum knob_store store,
                       struct bootconf *conf)
{
	struct names names[ARRAY_SIZE(tops)] = { 0 };
	_cleanup_free_ struct file *files = NULL;
	unsigned count = 0, room = 0;
	char path[PATH_SIZE];
	int ret = 0;

	for (unsigned t = 0; t < ARRAY_SIZE(tops); t++) {
		snprintf(path, sizeof(path), "%s/%s", tops[t], folders[store]);
		if (sysroot_list(root, path, &names[t]) == -ENOMEM)
			ret = -ENOMEM;
		room += names[t].count;
	}
	files = calloc(room + 1, sizeof(*files));
	if (!files)
		ret = -ENOMEM;
	for (unsigned t = 0; t < ARRAY_SIZE(tops) && !ret; t++) {
		unsigned before = count;

		for (unsigned i = 0; i < names[t].count; i++) {
			bool hidden = fnmatch("*.conf", names[t].name[i], FNM_PERIOD);

			for (unsigned k = 0; k < before && !hidden; k++)
				hidden = !strcmp(files[k].name, names[t].name[i]);
			if (!hidden)
				files[count++] =
					(struct file){ names[t].name[i], tops[t] };
		}
	}
	if (count)
		qsort(files, count, sizeof(*files), by_name);
	for (unsigned i = 0; i < count && !ret; i++) {
		snprintf(path, sizeof(path), "%s/%s/%.100s", files[i].top, folders[store],
		         files[i].name);
		ret = bootconf_file(root, store, path, conf);
	}
	for (unsigned t = 0; t < ARRAY_SIZE(tops); t++)
		names_free(&names[t]);
	return ret;
}

/* What the kernel itself takes: huge pages, transparent or in pools. */
static int kernel_word(struct bootconf *conf, char *word, char size[16])
{
	struct boot_entry entry = { .store = STORE_BOOT, .file = "kernel command line" };
	char *value = strchr(word, '=');

	if (!value)
		return 0;
	*value++ = '\0';
	snprintf(entry.value, sizeof(entry.value), "%s", value);
	if (!strcmp(word, "hugepagesz") || !strcmp(word, "default_hugepagesz"))
		snprintf(size, 16, "%s", value);
	else if (!strcmp(word, "hugepages"))
		snprintf(entry.key, sizeof(entry.key), "hugepages.%s", size);
	else if (!strcmp(word, "transparent_hugepage"))
		snprintf(entry.key, sizeof(entry.key), "thp.enabled");
	return *entry.key ? add(conf, &entry) : 0;
}

/* kvm.nested=1: as modprobe reads it, after all files. */
static int load_cmdline(const char *cmdline, struct bootconf *conf)
{
	struct boot_entry entry = { .store = STORE_MODULE,
		                    .file = "kernel command line" };
	_cleanup_free_ char *copy = strdup(cmdline);
	char *rest = copy, *word, *dot, size[16] = "2M";
	int ret = copy ? 0 : -ENOMEM;

	while (!ret && (word = strsep(&rest, " \n"))) {
		dot = strchr(word, '.');
		if (!dot || dot > strchrnul(word, '=')) {
			ret = kernel_word(conf, word, size);
			continue;
		}
		*dot = '\0';
		ret = option_word(conf, &entry, word, dot + 1);
	}
	return ret;
}

int bootconf_load(const struct sysroot *root, const char *cmdline, struct bootconf *conf)
{
	int ret;

	*conf = (struct bootconf){ 0 };
	ret = load_folder(root, STORE_SYSCTL, conf);
	/* Read last by sysctl --system, and by systemd where 99-sysctl.conf points to it.
	 */
	if (!ret)
		ret = bootconf_file(root, STORE_SYSCTL, "etc/sysctl.conf", conf);
	if (!ret)
		ret = load_folder(root, STORE_MODULE, conf);
	if (!ret)
		ret = load_cmdline(cmdline, conf);
	if (!ret)
		ret = load_folder(root, STORE_TMPFILE, conf);
	if (!ret)
		ret = bootconf_file(root, STORE_BOOT, BOOT_PROFILE, conf);
	return ret;
}

void bootconf_free(struct bootconf *conf)
{
	free(conf->entries);
	*conf = (struct bootconf){ 0 };
}

/* ---- who wins ---- */

static bool concerns(const struct boot_entry *entry, const struct knob *knob,
                     const char *path)
{
	char instance[48], name[96];

	switch (entry->store) {
	case STORE_SYSCTL:
		return knob->store == STORE_SYSCTL &&
		       (!fnmatch(entry->key, knob->name, 0) ||
		        (knob->pair && !fnmatch(entry->key, knob->pair, 0)));
	case STORE_MODULE:
		return knob->store == STORE_MODULE && !strcmp(entry->key, knob->name);
	case STORE_TMPFILE:
		return !fnmatch(entry->key, path, FNM_PATHNAME);
	case STORE_BOOT:
	case STORE_COUNT:
		break;
	}
	knob_instance(knob, path, instance, sizeof(instance));
	snprintf(name, sizeof(name), "%s[%s]", knob->name, instance);
	return !strcmp(entry->key, knob->name) || !strcmp(entry->key, name);
}

const struct boot_entry *bootconf_find(const struct bootconf *conf,
                                       const struct knob *knob, const char *path)
{
	const struct boot_entry *found = NULL;

	/* Modules are loaded before sysctl.d is applied, or tmpfiles.d; ours comes last.
	 */
	for (unsigned i = 0; i < conf->count; i++) {
		const struct boot_entry *entry = &conf->entries[i];

		if (!concerns(entry, knob, path))
			continue;
		if (!found || entry->store != STORE_TMPFILE ||
		    found->store != STORE_TMPFILE)
			found = entry;
	}
	return found;
}
