// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Character devices come, go and change while the machine runs; what a ringbuf holds.
 *
 * QMP describes a back end as nested objects, the command line as a flat list: the
 * objects are flattened by their members' names, and then both are one thing.
 */
#include "common/base64.h"
#include "common/cleanup.h"
#include "common/opts.h"
#include "vmm/chardev/chardev.h"
#include "vmm/core/vm.h"
#include "vmm/monitor/jsonopts.h"
#include "vmm/monitor/tables.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define RINGBUF_READ_MAX (1 << 20) /* bytes in one answer */
#define NESTING_MAX      4

static struct chardev *find(struct mon_ctx *ctx, const char *id, struct err *err)
{
	struct chardev *chr = chardev_find(ctx->vm->chardevs, id);

	if (!chr)
		err_set(err, ENOENT, "Chardev '%s' not found", id);
	return chr;
}

/* ---- QMP's description of a back end ---- */

/* Members that have another name as options; "": their members count, not they. */
static const struct {
	const char *member, *option;
} renames[] = {
	{ "data", "" },    { "addr", "" },       { "backend", "" },
	{ "out", "path" }, { "device", "path" }, { "str", "fd" },
};

static const char *option_name(const char *member)
{
	for (unsigned i = 0; i < ARRAY_SIZE(renames); i++)
		if (!strcmp(renames[i].member, member))
			return renames[i].option;
	return member;
}

static int flatten(struct opt_list *opts, const json_t *object, unsigned depth,
                   struct err *err)
{
	const char *member;
	json_t *value;
	int ret = 0;

	json_object_foreach((json_t *)object, member, value)
	{
		const char *key = option_name(member);
		bool is_type = !strcmp(member, "type");
		bool nested = !*key && json_is_object(value) && depth < NESTING_MAX;

		/* The kinds of addresses ("inet", "unix") are told apart by their
		 * members. */
		if (is_type && depth)
			continue;
		if (!*key && !nested)
			ret = err_usage(err,
			                "Invalid parameter type for '%s', expected: "
			                "object",
			                member);
		else if (nested)
			ret = flatten(opts, value, depth + 1, err);
		else
			ret = jsonopts_add(opts, is_type ? "backend" : key, value, err);
		if (ret < 0)
			return ret;
	}
	return 0;
}

static int options_of(const json_t *backend, struct opt_list *opts, struct err *err)
{
	const char *type;

	if (!json_is_object(backend))
		return err_usage(
			err, "Invalid parameter type for 'backend', expected: object");
	type = json_string_value(json_object_get(backend, "type"));
	if (!type)
		return err_usage(err, "Parameter 'backend.type' is missing");
	/* QMP's defaults are not those of the command line. */
	if (!strcmp(type, "socket") && opt_list_add(opts, "server", "on") < 0)
		return err_sys(err, ENOMEM, "backend");
	return flatten(opts, backend, 0, err);
}

/* A machine that runs waits for nobody. */
static int do_not_wait(struct opt_list *opts, struct err *err)
{
	const char *wait = opt_list_get(opts, "wait"),
		   *backend = opt_list_get(opts, "backend");
	bool on;

	if (!backend || strcmp(backend, "socket"))
		return 0;
	if (wait && opt_parse_bool(wait, &on) >= 0 && on)
		return err_usage(err, "wait=on would stop the machine until a client "
		                      "comes; use wait=off");
	return opt_list_add(opts, "wait", "off") < 0 ? err_sys(err, ENOMEM, "wait") : 0;
}

/* ---- chardev-add, -change, -remove ---- */

static json_t *answer(const struct chardev *chr)
{
	const char *desc = chardev_describe(chr);
	json_t *result = json_object();

	if (!strncmp(desc, "pty:", 4))
		json_object_set_new(result, "pty", mon_text(desc + 4));
	return result;
}

/* args of the human monitor: "backend,key=value,…"; of QMP: backend. */
static int collect(const json_t *args, struct opt_list *opts, struct err *err)
{
	const char *text = mon_str(args, "args", NULL);
	int ret = text ? opt_list_parse(opts, text, "backend", err)
	               : options_of(json_object_get(args, "backend"), opts, err);

	return ret < 0 ? ret : do_not_wait(opts, err);
}

static int run_add(struct mon_ctx *ctx, const json_t *args, json_t **result,
                   struct err *err)
{
	const char *id = mon_str(args, "id", NULL);
	struct opt_list opts = { 0 };
	struct chardev *chr = NULL;
	int ret = collect(args, &opts, err);

	if (ret >= 0 && id && opt_list_add(&opts, "id", id) < 0)
		ret = err_sys(err, ENOMEM, "chardev");
	if (ret >= 0)
		chr = chardev_create(ctx->vm->chardevs, &opts, err);
	opt_list_free(&opts);
	if (!chr)
		return -err->code;
	if (id)
		*result = answer(chr);
	return 0;
}

static int run_change(struct mon_ctx *ctx, const json_t *args, json_t **result,
                      struct err *err)
{
	struct chardev *chr = find(ctx, mon_str(args, "id", ""), err);
	struct opt_list opts = { 0 };

	if (chr && collect(args, &opts, err) >= 0)
		chr = chardev_change(chr, &opts, err);
	opt_list_free(&opts);
	if (err->code)
		return -err->code;
	if (!mon_str(args, "args", NULL))
		*result = answer(chr);
	return 0;
}

static int run_remove(struct mon_ctx *ctx, const json_t *args, json_t **result,
                      struct err *err)
{
	struct chardev *chr = find(ctx, mon_str(args, "id", ""), err);

	(void)result;
	return chr ? chardev_remove(chr, err) : -err->code;
}

/* ---- ringbuf ---- */

static int check_format(const json_t *args, bool *is_base64, struct err *err)
{
	const char *format = mon_str(args, "format", "utf8");

	*is_base64 = !strcmp(format, "base64");
	if (*is_base64 || !strcmp(format, "utf8"))
		return 0;
	return err_usage(err, "Invalid parameter '%s'; use utf8 or base64", format);
}

static struct chardev *find_device(struct mon_ctx *ctx, const json_t *args,
                                   struct err *err)
{
	const char *id = mon_str(args, "device", "");
	struct chardev *chr = chardev_find(ctx->vm->chardevs, id);

	if (!chr)
		err_set(err, ENOENT, "Device '%s' not found", id);
	return chr;
}

static int run_read(struct mon_ctx *ctx, const json_t *args, json_t **result,
                    struct err *err)
{
	_cleanup_strbuf_ struct strbuf out = { 0 };
	_cleanup_free_ uint8_t *data = NULL;
	struct chardev *chr = find_device(ctx, args, err);
	int64_t size = mon_int(args, "size", 0);
	bool is_base64;
	ssize_t n;

	if (!chr || check_format(args, &is_base64, err) < 0)
		return -err->code;
	if (size <= 0)
		return err_usage(err, "size must be greater than zero");
	size = size < RINGBUF_READ_MAX ? size : RINGBUF_READ_MAX;
	data = malloc(size);
	if (!data)
		return err_sys(err, ENOMEM, "size");
	n = chardev_ringbuf_read(chr, data, size, err);
	if (n < 0)
		return n;
	if (is_base64)
		base64_encode(data, n, &out);
	for (ssize_t i = 0; i < n && !is_base64; i++)
		strbuf_addc(&out, data[i] ? data[i] : '?');
	*result = mon_text(out.data ? out.data : "");
	return 0;
}

static void print_read(const json_t *result, struct strbuf *out)
{
	for (const char *p = json_string_value(result); p && *p; p++) {
		unsigned char c = *p;

		if (c == '\\')
			strbuf_adds(out, "\\\\");
		else if ((iscntrl(c) && c != '\n' && c != '\t') || c == 0x7f)
			strbuf_addf(out, "\\%03o", c);
		else
			strbuf_addc(out, c);
	}
	strbuf_addc(out, '\n');
}

static int run_break(struct mon_ctx *ctx, const json_t *args, json_t **result,
                     struct err *err)
{
	struct chardev *chr = find(ctx, mon_str(args, "id", ""), err);

	(void)result;
	if (!chr)
		return -err->code;
	chardev_line_break(chr);
	return 0;
}

static int run_write(struct mon_ctx *ctx, const json_t *args, json_t **result,
                     struct err *err)
{
	_cleanup_strbuf_ struct strbuf bytes = { 0 };
	struct chardev *chr = find_device(ctx, args, err);
	const char *data = mon_str(args, "data", "");
	bool is_base64;

	(void)result;
	if (!chr || check_format(args, &is_base64, err) < 0)
		return -err->code;
	if (!is_base64)
		strbuf_adds(&bytes, data);
	else if (base64_decode(data, &bytes) < 0)
		return err_usage(err, "data is not base64");
	return chardev_ringbuf_write(chr, bytes.data, bytes.len, err);
}

/* ---- the table ---- */

void mon_propose_chardevs(struct vm *vm, void (*add)(void *opaque, const char *value),
                          void *opaque)
{
	struct chardev *chr = NULL;

	while ((chr = chardev_next(vm->chardevs, chr)))
		add(opaque, chardev_id(chr));
}

static const struct mon_arg qmp_args[] = {
	{ "id", MON_STR, false, 0, 0, 0 },
	{ "backend", MON_ANY, false, 0, 0, 0 },
	{ .name = NULL },
};

static const struct mon_arg add_args[] = {
	{ "args", MON_STR, false, 0, 0, 0 },
	{ .name = NULL },
};

static const struct mon_arg change_args[] = {
	{ "id", MON_STR, false, 0, 0, MON_PROPOSE_CHARDEVS },
	{ "args", MON_STR, false, 0, 0, 0 },
	{ .name = NULL },
};

static const struct mon_arg remove_args[] = {
	{ "id", MON_STR, false, 0, 0, MON_PROPOSE_CHARDEVS },
	{ .name = NULL },
};

static const struct mon_arg read_args[] = {
	{ "device", MON_STR, false, 0, 0, MON_PROPOSE_CHARDEVS },
	{ "size", MON_INT, false, 0, 0, 0 },
	{ "format", MON_STR, true, 0, MON_OF_DATA_FORMAT, 0 },
	{ .name = NULL },
};

static const struct mon_arg write_args[] = {
	{ "device", MON_STR, false, 0, 0, MON_PROPOSE_CHARDEVS },
	{ "data", MON_STR, false, 0, 0, 0 },
	{ "format", MON_STR, true, 0, MON_OF_DATA_FORMAT, 0 },
	{ .name = NULL },
};

const struct mon_command mon_chardev_commands[] = {
	{ "chardev-add", NULL, "a new character device", qmp_args, "ChardevReturn",
	  run_add, NULL },
	{ NULL, "chardev-add", "a new character device; args as for -chardev", add_args,
	  NULL, run_add, NULL },
	{ "chardev-change", NULL, "another back end for a character device", qmp_args,
	  "ChardevReturn", run_change, NULL },
	{ NULL, "chardev-change", "another back end for a character device", change_args,
	  NULL, run_change, NULL },
	{ "chardev-remove", "chardev-remove", "close a character device that nobody uses",
	  remove_args, NULL, run_remove, NULL },
	{ "chardev-send-break", "chardev-send-break",
	  "a break, as if it came from a character device's other side", remove_args,
	  NULL, run_break, NULL },
	{ "ringbuf-read", "ringbuf_read", "takes output out of a ringbuf", read_args,
	  "str", run_read, print_read },
	{ "ringbuf-write", "ringbuf_write", "puts data into a ringbuf", write_args, NULL,
	  run_write, NULL },
	{ .help = NULL },
};
