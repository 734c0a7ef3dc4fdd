// SPDX-License-Identifier: GPL-2.0-or-later
/* Options of the host tools, from tables; see the header. */
#include "common/toolopts.h"

#include "common/opts.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

bool toolopts_is_option(const char *arg)
{
	return arg[0] == '-' && arg[1];
}

const struct toolopt *toolopts_find(const struct toolopts *t, const char *arg)
{
	bool is_long = arg[1] == '-';
	size_t len = strcspn(arg, "=");

	for (unsigned i = 0; i < t->count; i++) {
		const struct toolopt *row = &t->row[i];

		if (t->command && row->mask && !(row->mask & t->command))
			continue;
		if (is_long ? strlen(row->name) == len - 2 &&
		                      !memcmp(row->name, arg + 2, len - 2)
		            : row->letter && row->letter == arg[1] && !arg[2])
			return row;
	}
	return NULL;
}

static int unknown(const struct toolopts *t, const char *arg, struct err *err)
{
	const char *names[65] = { 0 }, *near;
	char word[64] = "";
	unsigned n = 0;

	for (unsigned i = 0; i < t->count && n < 64; i++)
		if (t->row[i].help)
			names[n++] = t->row[i].name;
	strncat(word, arg + strspn(arg, "-"), sizeof(word) - 1);
	word[strcspn(word, "=")] = '\0';
	near = opt_nearest(word, names);
	if (near)
		return err_usage(err, "unknown option '%s', did you mean '--%s'?", arg,
		                 near);
	return err_usage(err, "unknown option '%s'; see %s --help", arg, t->program);
}

static const char *next_value(const struct toolopts *t, int argc, char *const argv[],
                              int *i)
{
	return *i + 1 < argc && (t->empty || *argv[*i + 1]) ? argv[++*i] : NULL;
}

int toolopts_take(const struct toolopts *t, int argc, char *const argv[], int *i,
                  void *target, const struct toolopt **found, struct err *err)
{
	const char *arg = argv[*i], *value, *second = NULL;
	const char *eq = arg[1] == '-' ? strchr(arg, '=') : NULL;
	const struct toolopt *row = toolopts_find(t, arg);
	char *base = target;

	if (!row)
		return unknown(t, arg, err);
	if (found)
		*found = row;
	if (!row->arg) {
		if (eq)
			return err_usage(err, "--%s takes no value", row->name);
		*(bool *)(base + row->offset) = true;
		return 0;
	}
	value = eq ? eq + 1 : next_value(t, argc, argv, i);
	if (value && row->second)
		second = next_value(t, argc, argv, i);
	if (!value || (!*value && !t->empty) || (row->second && !second))
		return err_usage(err, "--%s needs %s: --%s %s", row->name,
		                 row->second ? "two values" : "a value", row->name,
		                 row->arg);
	*(const char **)(base + row->offset) = value;
	if (second)
		*(const char **)(base + row->second) = second;
	return 0;
}

void toolopts_pad(struct strbuf *out, size_t start, unsigned column)
{
	size_t used = out->len - start;

	strbuf_addf(out, "%*s", used < column ? (int)(column - used) : 1, "");
}

void toolopts_help(const struct toolopts *t, unsigned mask, struct strbuf *out)
{
	for (unsigned i = 0; i < t->count; i++) {
		const struct toolopt *row = &t->row[i];
		char letter[] = { '-', row->letter, ',', ' ', '\0' };
		size_t start = out->len;

		if (!row->help || (row->mask && !(row->mask & mask)))
			continue;
		strbuf_addf(out, "  %s--%s%s%s", row->letter ? letter : "    ", row->name,
		            row->arg ? " " : "", row->arg ? row->arg : "");
		toolopts_pad(out, start, t->column);
		strbuf_addf(out, "%s\n", row->help);
	}
}

/* ---- commands ---- */

int toolopts_command(const struct toolopts *t, const char *word, struct err *err)
{
	const char *near;

	for (unsigned i = 0; t->commands[i]; i++)
		if (!strcmp(word, t->commands[i]))
			return i;
	near = opt_nearest(word, t->commands);
	if (near)
		return err_usage(err, "there is no command '%.60s', did you mean '%s'?",
		                 word, near);
	return err_usage(err, "there is no command '%.60s'; see %s --help", word,
	                 t->program);
}

void toolopts_command_help(const struct toolopts *t, unsigned command, struct strbuf *out)
{
	strbuf_addf(out, "usage: %s %s [option...] %s\n%s\n\n", t->program,
	            t->commands[command], t->about[command].words,
	            t->about[command].help);
	toolopts_help(t, 1u << command, out);
}

void toolopts_list_commands(const struct toolopts *t, const char *indent,
                            struct strbuf *out)
{
	for (unsigned i = 0; t->commands[i]; i++)
		strbuf_addf(out, "%s%-10s %s\n", indent, t->commands[i],
		            t->about[i].help);
}

/* ---- for scripts ---- */

static void dump_commands(const struct toolopts *t, unsigned mask, struct strbuf *out)
{
	const char *separator = "";

	if (!mask)
		strbuf_adds(out, "Every command");
	for (unsigned i = 0; mask >> i; i++)
		if (mask & (1u << i)) {
			strbuf_addf(out, "%s%s", separator, t->commands[i]);
			separator = ", ";
		}
}

void toolopts_dump(const struct toolopts *t, struct strbuf *out)
{
	for (unsigned i = 0; i < t->count; i++) {
		const struct toolopt *row = &t->row[i];
		char letter[] = { row->letter, '\0' };

		if (!row->help)
			continue;
		strbuf_addf(out, "%s\t%s\t%s\t", row->name, letter,
		            row->arg ? row->arg : "");
		if (t->commands)
			dump_commands(t, row->mask, out);
		strbuf_addf(out, "\t%s\n", row->help);
	}
}
