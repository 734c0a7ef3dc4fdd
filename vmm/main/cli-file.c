// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Options from files: -options (command-line options, one a line) and -readconfig (QEMU's
 * sections with keys). Each line or section becomes one option with its argument, and the
 * same rows collect it; files do not name further files.
 */
#include "vmm/main/cli-file.h"

#include "common/cleanup.h"
#include "common/fdio.h"
#include "vmm/main/cli.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#define FILE_MAX (64 << 10)

struct reader {
	const char *path;
	unsigned line;
	struct vm_config *config;
	/* -readconfig: the section that is being read; NULL: none yet */
	const struct cli_row *row;
	struct strbuf arg;
	unsigned row_line;
};

static char *trim(char *text)
{
	size_t len;

	while (isspace((unsigned char)*text))
		text++;
	len = strlen(text);
	while (len && isspace((unsigned char)text[len - 1]))
		text[--len] = '\0';
	return text;
}

static int collect(struct reader *r, const struct cli_row *row, const char *arg,
                   unsigned line, struct err *err)
{
	int ret;

	if (!strcmp(row->name, "options") || !strcmp(row->name, "readconfig"))
		ret = err_usage(err, "a file of options names no other one");
	else
		ret = cli_collect(row, arg, r->config, err);
	if (ret < 0)
		err_prefix(err, "%s:%u", r->path, line);
	return ret;
}

static int read_lines(const char *path, struct reader *r,
                      int (*take)(struct reader *r, char *line, struct err *err),
                      struct err *err)
{
	_cleanup_free_ char *text = NULL;
	char *line, *rest;
	int ret = fd_read_file(AT_FDCWD, path, FILE_MAX, &text, NULL);

	if (ret < 0)
		return err_sys(err, -ret, "cannot read %s", path);
	for (line = text; line && ret >= 0; line = rest) {
		rest = strchr(line, '\n');
		if (rest)
			*rest++ = '\0';
		r->line++;
		line = trim(line);
		if (*line && *line != '#')
			ret = take(r, line, err);
	}
	return ret;
}

/* ---- -options ---- */

static int take_option(struct reader *r, char *line, struct err *err)
{
	char *name = line + (*line == '-') + (line[0] == '-' && line[1] == '-');
	char *arg = name + strcspn(name, " \t");
	const struct cli_row *row;

	if (*arg)
		*arg++ = '\0';
	arg = trim(arg);
	row = *line == '-' ? cli_find(name) : NULL;
	if (!row || !row->collect)
		return err_usage(err, "%s:%u: '%s' is no option that a file can have",
		                 r->path, r->line, line);
	if (!row->arg != !*arg)
		return err_usage(err, "%s:%u: option -%s %s: %s", r->path, r->line,
		                 row->name, row->arg ? "needs an argument" : "takes none",
		                 row->arg ? row->arg : arg);
	return collect(r, row, row->arg ? arg : NULL, r->line, err);
}

int cli_collect_options(struct vm_config *config, const char *arg, struct err *err)
{
	struct reader r = { .path = arg, .config = config };

	return read_lines(arg, &r, take_option, err);
}

/* ---- -readconfig ---- */

/* Sections that have another name than their option. */
static const struct {
	const char *section, *option;
} sections[] = { { "memory", "m" }, { "smp-opts", "smp" }, { "boot-opts", "boot" } };

static int end_section(struct reader *r, struct err *err)
{
	int ret = 0;

	if (r->arg.failed)
		ret = err_sys(err, ENOMEM, "%s", r->path);
	else if (r->row && r->arg.len)
		ret = collect(r, r->row, r->arg.data, r->row_line, err);
	strbuf_free(&r->arg);
	return ret;
}

static void add_pair(struct reader *r, const char *key, const char *value)
{
	strbuf_addf(&r->arg, "%s%s=", r->arg.len ? "," : "", key);
	for (; *value; value++)
		strbuf_adds(&r->arg, *value == ',' ? ",," : (char[]){ *value, '\0' });
}

/* [name] or [name "id"] */
static int start_section(struct reader *r, char *line, struct err *err)
{
	char *name = line + 1, *end = strrchr(line, ']'), *quote = strchr(line, '"');
	int ret = end_section(r, err);

	if (ret < 0)
		return ret;
	if (!end || end[1] || (quote && (end - quote < 2 || end[-1] != '"')))
		return err_usage(err, "%s:%u: a section is [NAME] or [NAME \"ID\"]",
		                 r->path, r->line);
	*end = '\0';
	if (quote) {
		*quote++ = '\0';
		end[-1] = '\0';
		add_pair(r, "id", quote);
	}
	name = trim(name);
	for (unsigned i = 0; i < ARRAY_SIZE(sections); i++)
		if (!strcmp(sections[i].section, name))
			name = (char *)sections[i].option;
	r->row = cli_find(name);
	r->row_line = r->line;
	return r->row && r->row->arg && r->row->collect
	               ? 0
	               : err_usage(err, "%s:%u: there is no section [%s]", r->path,
	                           r->line, name);
}

/* key = "value" */
static int take_config(struct reader *r, char *line, struct err *err)
{
	size_t len;
	char *value;

	if (*line == '[')
		return start_section(r, line, err);
	value = strchr(line, '=');
	len = value ? strlen(value = trim(value + 1)) : 0;
	if (!r->row || len < 2 || *value != '"' || value[len - 1] != '"')
		return err_usage(err, "%s:%u: expected KEY = \"VALUE\" in a section",
		                 r->path, r->line);
	value[len - 1] = '\0';
	line[strcspn(line, " \t=")] = '\0';
	add_pair(r, line, value + 1);
	return 0;
}

int cli_collect_readconfig(struct vm_config *config, const char *arg, struct err *err)
{
	struct reader r = { .path = arg, .config = config };
	int ret = read_lines(arg, &r, take_config, err);

	if (ret >= 0)
		ret = end_section(&r, err);
	strbuf_free(&r.arg);
	return ret;
}
