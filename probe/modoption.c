// SPDX-License-Identifier: GPL-2.0-or-later
/* modprobe.d(5): "options MODULE name=value ...", and the words of the kernel command
 * line that modprobe adds to them. All of them reach the module; the last one wins, so
 * two that differ mean that one of them has no effect. */
#include "probe/modoption.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static bool matters(const char *module)
{
	static const char *const modules[] = { "kvm",  "kvm_intel", "kvm_amd",
		                               "vfio", "vfio_pci",  "vfio_iommu_type1" };

	for (unsigned i = 0; i < sizeof(modules) / sizeof(modules[0]); i++)
		if (!strcmp(module, modules[i]))
			return true;
	return false;
}

static void fold(char *name)
{
	for (; *name; name++)
		if (*name == '-')
			*name = '_';
}

/* A switch without a value is on; N, n and 0 are one value, as are Y, y and 1. */
static const char *canonical(const char *value)
{
	if (!*value || !strcmp(value, "y") || !strcmp(value, "1"))
		return "Y";
	return !strcmp(value, "n") || !strcmp(value, "0") ? "N" : value;
}

static void note(struct module_options *options, const char *module, const char *name,
                 const char *value, const char *where)
{
	struct module_option *o;
	char key[56];

	snprintf(key, sizeof(key), "%.24s.%.30s", module, name);
	if (!strcmp(key, "vfio_pci.ids") && !*options->vfio_ids)
		snprintf(options->vfio_ids, sizeof(options->vfio_ids), "%s", where);
	for (unsigned i = 0; i < options->count; i++) {
		o = &options->seen[i];
		if (strcmp(o->key, key) || !strcmp(canonical(o->value), canonical(value)))
			continue;
		if (!*options->conflict)
			snprintf(options->conflict, sizeof(options->conflict),
			         "%s=%.20s (%.50s) and %.30s=%.20s (%.50s)", key,
			         o->value, o->where, name, value, where);
		return;
	}
	if (options->count == MODULE_OPTIONS_MAX)
		return;
	o = &options->seen[options->count++];
	strcpy(o->key, key);
	snprintf(o->value, sizeof(o->value), "%s", value);
	snprintf(o->where, sizeof(o->where), "%s", where);
}

/* The next word, cut to size; false at the end of the line. */
static bool next_word(const char **p, const char *end, char *word, size_t size)
{
	size_t len = 0;

	while (*p < end && isspace((unsigned char)**p))
		(*p)++;
	for (; *p < end && !isspace((unsigned char)**p); (*p)++)
		if (len + 1 < size)
			word[len++] = **p;
	word[len] = '\0';
	return len;
}

/* Cuts "name=value" in two. */
static const char *cut(char *word)
{
	char *eq = strchr(word, '=');

	if (!eq)
		return "";
	*eq = '\0';
	return eq + 1;
}

static void scan_line(const char *line, const char *end, const char *where,
                      struct module_options *options)
{
	char word[96], module[32];

	if (!next_word(&line, end, word, sizeof(word)) || strcmp(word, "options") ||
	    !next_word(&line, end, module, sizeof(module)))
		return;
	fold(module);
	while (matters(module) && next_word(&line, end, word, sizeof(word))) {
		const char *value = cut(word);

		fold(word);
		note(options, module, word, value, where);
	}
}

void module_options_scan(const char *text, const char *path,
                         struct module_options *options)
{
	unsigned number = 1;

	for (const char *line = text; *line; number++) {
		const char *end = line + strcspn(line, "\n");
		char where[96];

		snprintf(where, sizeof(where), "%.80s:%u", path, number);
		scan_line(line, end, where, options);
		line = end + (*end == '\n');
	}
}

void module_options_cmdline(const char *cmdline, struct module_options *options)
{
	const char *end = cmdline + strlen(cmdline);
	char word[96];

	while (next_word(&cmdline, end, word, sizeof(word))) {
		const char *value = cut(word);
		char *dot = strchr(word, '.');

		if (!strcmp(word, "--"))
			return;
		if (!dot)
			continue;
		*dot = '\0';
		fold(word);
		fold(dot + 1);
		if (matters(word))
			note(options, word, dot + 1, value, "/proc/cmdline");
	}
}
