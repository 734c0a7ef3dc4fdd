// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The human monitor: words of a line to the JSON arguments of a command, and back to
 * text. "info X" commands are rows like all others, named "info X".
 */
#include "common/cleanup.h"
#include "common/opts.h"
#include "common/version.h"
#include "vmm/chardev/chardev.h"
#include "vmm/machine/control.h"
#include "vmm/monitor/expr.h"
#include "vmm/monitor/session.h"
#include "vmm/monitor/tables.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

/* ---- names ---- */

bool hmp_is_named(const char *names, const char *word, size_t n)
{
	while (*names) {
		size_t len = strcspn(names, "|");

		if (len == n && !strncmp(names, word, n))
			return true;
		names += len + (names[len] == '|');
	}
	return false;
}

static const char *skip_blanks(const char *p)
{
	while (isspace((unsigned char)*p))
		p++;
	return p;
}

/* The command at the start of line, and what follows it. */
static const struct mon_command *find_command(const char *line, const char **rest)
{
	size_t n = strcspn(line, " \t"), prefix = 0;
	const char *word = line;

	if (n == 4 && !strncmp(line, "info", 4)) {
		word = skip_blanks(line + 4);
		n = strcspn(word, " \t");
		prefix = 5;
	}
	/* "x/8x 0" has no blank before its format. */
	if (!prefix && memchr(word, '/', n))
		n = strcspn(word, "/");
	*rest = skip_blanks(word + n);
	MON_FOR_EACH(command)
	{
		if (!command->hmp || !strncmp(command->hmp, "info ", 5) != !!prefix)
			continue;
		if (hmp_is_named(command->hmp + prefix, word, n))
			return command;
	}
	return NULL;
}

/* ---- arguments ---- */

/* The next word, in quotes or not. False at the end of the line. */
static bool next_word(const char **line, struct strbuf *word)
{
	const char *p = skip_blanks(*line);
	char quote = 0;

	if (!*p)
		return false;
	strbuf_adds(word, "");
	for (; *p && (quote || !isspace((unsigned char)*p)); p++) {
		if (*p == '"')
			quote ^= '"';
		else if (quote && *p == '\\' && p[1])
			strbuf_addc(word, *++p);
		else
			strbuf_addc(word, *p);
	}
	*line = p;
	return true;
}

static int get_register(void *opaque, const char *name, uint64_t *value)
{
	struct mon_ctx *ctx = opaque;

	return pc_cpu_register(ctx->pc, ctx->cpu, name, value);
}

static json_t *parse_value(struct mon_ctx *ctx, const struct mon_arg *arg,
                           const char *text, struct err *err)
{
	uint64_t size;
	int64_t number;
	bool flag;

	switch (arg->kind) {
	case MON_INT:
		if (expr_eval(text, get_register, ctx, &number, err) >= 0)
			return json_integer(number);
		err_prefix(err, "%s", arg->name);
		return NULL;
	case MON_SIZE:
		if (opt_parse_size(text, 'M', &size) >= 0 && size <= INT64_MAX)
			return json_integer(size);
		err_usage(err, "%s: '%s' is not a size; write 512, 512M or 2G", arg->name,
		          text);
		return NULL;
	case MON_BOOL:
		if (opt_parse_bool(text, &flag) >= 0)
			return json_boolean(flag);
		err_usage(err, "%s: '%s' is neither on nor off", arg->name, text);
		return NULL;
	default:
		return mon_text(text);
	}
}

/* "-fd" sets the flags f and d; other words starting with a dash are values. */
static bool take_flags(const struct mon_command *command, const char **line, json_t *args)
{
	const char *p = skip_blanks(*line);
	bool all = *p == '-' && p[1] && !isspace((unsigned char)p[1]);

	for (unsigned pass = 0; pass < 2 && all; pass++) {
		for (p = skip_blanks(*line) + 1; *p && !isspace((unsigned char)*p) && all;
		     p++) {
			const struct mon_arg *arg = command->args;

			while (arg->name && !(arg->kind == MON_FLAG && arg->flag == *p))
				arg++;
			all = arg->name;
			if (pass && all)
				json_object_set_new(args, arg->name, json_true());
		}
	}
	if (all)
		*line = p;
	return all;
}

static int take_arg(struct mon_ctx *ctx, const struct mon_arg *arg, const char **line,
                    json_t *args, struct err *err)
{
	_cleanup_strbuf_ struct strbuf word = { 0 };
	json_t *value;

	if (arg->kind == MON_FORMAT && *skip_blanks(*line) != '/')
		return 0;
	if (arg->kind == MON_REST) {
		strbuf_adds(&word, skip_blanks(*line));
		if (!word.len)
			return 0;
		*line += strlen(*line);
	} else if (!next_word(line, &word)) {
		return 0;
	}
	if (word.failed)
		return err_sys(err, ENOMEM, "%s", arg->name);
	value = parse_value(ctx, arg, word.data, err);
	if (!value)
		return -EINVAL;
	json_object_set_new(args, arg->name, value);
	return 0;
}

static int parse_args(struct mon_ctx *ctx, const struct mon_command *command,
                      const char *line, json_t *args, struct err *err)
{
	int ret = 0;

	for (const struct mon_arg *arg = command->args; arg && arg->name && ret >= 0;
	     arg++) {
		while (take_flags(command, &line, args))
			;
		if (arg->kind != MON_FLAG && arg->kind != MON_ANY &&
		    arg->kind != MON_OTHERS)
			ret = take_arg(ctx, arg, &line, args, err);
	}
	line = skip_blanks(line);
	if (ret >= 0 && *line)
		ret = err_usage(err, "'%s' is too much; try 'help %s'", line,
		                command->hmp);
	return ret < 0 ? ret : mon_check_args(command, args, err);
}

/* ---- running ---- */

static void unknown_command(const char *line, struct strbuf *out)
{
	const char *names[256], *near;
	unsigned count = 0;
	_cleanup_free_ char *word = NULL;
	bool info = !strncmp(line, "info ", 5);

	line = info ? skip_blanks(line + 4) : line;
	word = strndup(line, strcspn(line, " \t"));
	MON_FOR_EACH(command)
	if (command->hmp && count < ARRAY_SIZE(names) - 1 &&
	    !strncmp(command->hmp, "info ", 5) == info)
		names[count++] = command->hmp + (info ? 5 : 0);
	names[count] = NULL;
	near = word ? opt_nearest(word, names) : NULL;
	strbuf_addf(out, "unknown command: '%s%s'", info ? "info " : "",
	            word ? word : "");
	if (near)
		strbuf_addf(out, ", did you mean '%s%s'?\n", info ? "info " : "", near);
	else
		strbuf_adds(out, "; 'help' lists the commands\n");
}

static void print_result(const struct mon_command *command, const json_t *result,
                         struct strbuf *out)
{
	if (command->print)
		command->print(result, out);
	else if (!command->qmp && json_is_string(result))
		strbuf_adds(out, json_string_value(result));
}

/* Keeps the command if it asks for something. */
static void run_command(struct mon_ctx *ctx, const struct mon_command *command,
                        json_t *args, struct strbuf *out)
{
	json_t *result = NULL;
	struct err err = { 0 };
	int ret;

	ctx->ask = NULL;
	ret = mon_run(command, ctx, args, &result, &err);
	if (ctx->later)
		return;
	if (ret < 0)
		strbuf_addf(out, "Error: %s\n", err.code ? err.text : strerror(-ret));
	else
		print_result(command, result, out);
	json_decref(result);
	if (!ctx->ask)
		return;
	ctx->asking = command;
	ctx->asking_args = json_incref(args);
}

static void run_answer(struct mon_ctx *ctx, const char *text, struct strbuf *out)
{
	const struct mon_command *command = ctx->asking;
	json_t *args = ctx->asking_args;

	ctx->asking = NULL;
	ctx->asking_args = NULL;
	json_object_set_new(args, ctx->ask, mon_text(text));
	run_command(ctx, command, args, out);
	json_decref(args);
}

void hmp_run(struct mon_ctx *ctx, const char *line, struct strbuf *out)
{
	const struct mon_command *command;
	json_t *args = json_object();
	struct err err = { 0 };
	const char *rest;

	ctx->later = false;
	line = skip_blanks(line);
	if (!*line || *line == '#' || !args)
		goto out;
	if (!strcmp(line, "info"))
		line = "help info";
	command = find_command(line, &rest);
	if (!command)
		unknown_command(line, out);
	else if (parse_args(ctx, command, rest, args, &err) < 0)
		strbuf_addf(out, "Error: %s\n", err.text);
	else
		run_command(ctx, command, args, out);
out:
	json_decref(args);
}

/* ---- completion ---- */

static void complete_name(const char *prefix, bool info,
                          void (*add)(void *opaque, const char *word), void *opaque)
{
	/* The one word that is no row. */
	if (!info && !strncmp("info", prefix, strlen(prefix)))
		add(opaque, "info");
	MON_FOR_EACH(command)
	{
		const char *names = command->hmp;

		if (!names || !strncmp(names, "info ", 5) != info)
			continue;
		for (names += info ? 5 : 0; *names;) {
			size_t len = strcspn(names, "|");
			_cleanup_free_ char *name = strndup(names, len);

			if (name && !strncmp(name, prefix, strlen(prefix)))
				add(opaque, name);
			names += len + (names[len] == '|');
		}
	}
}

struct filter {
	const char *prefix;
	void (*add)(void *opaque, const char *word);
	void *opaque;
};

static void add_filtered(void *opaque, const char *value)
{
	struct filter *f = opaque;

	if (!strncmp(value, f->prefix, strlen(f->prefix)))
		f->add(f->opaque, value);
}

static void (*const proposals[])(struct vm *vm,
                                 void (*add)(void *opaque, const char *value),
                                 void *opaque) = {
	[MON_PROPOSE_CHARDEVS] = mon_propose_chardevs,
	[MON_PROPOSE_DEVICES] = mon_propose_devices,
	[MON_PROPOSE_DRIVERS] = mon_propose_drivers,
	[MON_PROPOSE_DRIVES] = mon_propose_drives,
	[MON_PROPOSE_EVENTS] = mon_propose_events,
	[MON_PROPOSE_KEYS] = mon_propose_keys,
	[MON_PROPOSE_NETS] = mon_propose_nets,
	[MON_PROPOSE_TARGETS] = mon_propose_targets,
	[MON_PROPOSE_WATCHDOG] = mon_propose_watchdog,
};

static void complete_arg(struct mon_ctx *ctx, const char *line, struct filter *f)
{
	const struct mon_command *command;
	const char *rest;
	unsigned n = 0;

	command = find_command(line, &rest);
	if (!command)
		return;
	/* Which argument the last word is. */
	for (const char *p = rest; *p; p++)
		if (isspace((unsigned char)*p) && p[1] && !isspace((unsigned char)p[1]))
			n++;
	if (!*f->prefix && *rest)
		n++;
	for (const struct mon_arg *arg = command->args; arg && arg->name; arg++) {
		if (arg->kind == MON_FLAG || n--)
			continue;
		if (proposals[arg->propose])
			proposals[arg->propose](ctx->vm, add_filtered, f);
		return;
	}
}

void hmp_complete(void *ctx, const char *before,
                  void (*add)(void *opaque, const char *word), void *opaque)
{
	const char *line = skip_blanks(before), *last = strrchr(before, ' ');
	struct filter f = { last ? last + 1 : before, add, opaque };
	const char *word;

	if (!strpbrk(line, " ")) {
		complete_name(line, false, add, opaque);
		return;
	}
	if (!strncmp(line, "help ", 5) || !strncmp(line, "? ", 2)) {
		word = skip_blanks(strchr(line, ' '));
		if (!strncmp(word, "info ", 5))
			complete_name(skip_blanks(word + 5), true, add, opaque);
		else
			complete_name(word, false, add, opaque);
		return;
	}
	if (!strncmp(line, "info ", 5)) {
		word = skip_blanks(line + 5);
		if (!strpbrk(word, " ")) {
			complete_name(word, true, add, opaque);
			return;
		}
	}
	complete_arg(ctx, line, &f);
}

/* ---- the session ---- */

void hmp_greet(struct monitor *mon)
{
	strbuf_adds(&mon->out, "kvmkit vmm " KVMKIT_VERSION
	                       " monitor - type 'help' for more information\r\n");
	readline_start(&mon->rl);
}

void hmp_add_lines(struct strbuf *out, const struct strbuf *text)
{
	for (size_t i = 0; i < text->len; i++) {
		if (text->data[i] == '\n')
			strbuf_addc(out, '\r');
		strbuf_addc(out, text->data[i]);
	}
}

/* An empty line, with the prompt for what may be typed there. */
static void next_line(struct monitor *mon)
{
	struct readline *rl = &mon->rl;

	readline_next(rl);
	if (rl->hidden)
		explicit_bzero(rl->line, sizeof(rl->line));
	rl->hidden = mon->ctx.asking;
	rl->prompt = rl->hidden ? "Password: " : HMP_PROMPT;
}

void hmp_forget(struct monitor *mon)
{
	json_decref(mon->ctx.asking_args);
	mon->ctx.asking_args = NULL;
	mon->ctx.asking = NULL;
	next_line(mon);
	mon->rl.state = RL_PLAIN;
}

void hmp_go_on(struct monitor *mon)
{
	_cleanup_strbuf_ struct strbuf out = { 0 };

	if (mon->ctx.asking)
		run_answer(&mon->ctx, mon->rl.line, &out);
	else
		hmp_run(&mon->ctx, mon->rl.line, &out);
	if (mon->ctx.later)
		return;
	hmp_add_lines(&mon->out, &out);
	/* The client may have gone in the command. */
	next_line(mon);
	if (!mon->ctx.quit)
		readline_start(&mon->rl);
}

bool hmp_feed(struct monitor *mon, uint8_t byte)
{
	if (!readline_feed(&mon->rl, byte))
		return false;
	hmp_go_on(mon);
	return true;
}
