// SPDX-License-Identifier: GPL-2.0-or-later
/* Screen, keyboard and mouse, for those who steer the machine. */
#include "common/cleanup.h"
#include "common/opts.h"
#include "vmm/core/vm.h"
#include "vmm/display/display.h"
#include "vmm/display/input.h"
#include "vmm/display/picture.h"
#include "vmm/display/vnc.h"
#include "vmm/monitor/tables.h"

#include <errno.h>
#include <string.h>
#include <time.h>

/* ---- screendump ---- */

static int dump_text(struct display *display, const char *path, struct err *err)
{
	_cleanup_strbuf_ struct strbuf text = { 0 };
	_cleanup_fclose_ FILE *file = NULL;
	int ret = display_text(display, &text, err);

	if (ret < 0)
		return ret;
	file = fopen(path, "we");
	if (!file || fwrite(text.data, 1, text.len, file) != text.len || fflush(file))
		return err_sys(err, errno, "cannot write %s", path);
	return 0;
}

/* The format, or what the file's name ends with. */
static int find_format(const char *format, const char *path, struct err *err)
{
	const char *dot = strrchr(path, '.');

	for (int i = 0; i < PICTURE_FORMATS; i++)
		if (!strcmp(format ? format : dot ? dot + 1 : "", picture_names[i]))
			return i;
	return format ? err_usage(err, "there is no format '%s'; ppm, png and text are",
	                          format)
	              : PICTURE_PPM;
}

static int run_screendump(struct mon_ctx *ctx, const json_t *args, json_t **result,
                          struct err *err)
{
	const char *path = mon_str(args, "filename", ""),
		   *format = mon_str(args, "format", NULL);
	struct display *display = ctx->vm->display;
	int ret, kind;

	(void)result;
	if (mon_int(args, "head", 0))
		return err_usage(err, "there is only head 0");
	if (format && !strcmp(format, "text"))
		return dump_text(display, path, err);
	kind = find_format(format, path, err);
	if (kind < 0)
		return kind;
	ret = display_capture(display, err);
	return ret < 0 ? ret : picture_write(display_surface(display), kind, path, err);
}

/* ---- keyboard and mouse ---- */

#define HOLD_MS     100
#define HOLD_MS_MAX 10000

static int check_hold(int64_t ms, struct err *err)
{
	return ms >= 0 && ms <= HOLD_MS_MAX
	               ? 0
	               : err_usage(err, "hold-time: 0 to %d milliseconds", HOLD_MS_MAX);
}

/* "ctrl-alt-delete" */
static int run_sendkey(struct mon_ctx *ctx, const json_t *args, json_t **result,
                       struct err *err)
{
	int64_t hold = mon_int(args, "hold-time", HOLD_MS);
	uint16_t codes[INPUT_MAX_KEYS];
	unsigned count = 0;
	int ret = check_hold(hold, err);

	(void)result;
	if (ret < 0)
		return ret;
	for (const char *p = mon_str(args, "keys", "");; p++) {
		unsigned len = strcspn(p, "-");

		if (count == INPUT_MAX_KEYS)
			return err_usage(err, "more than %d keys", INPUT_MAX_KEYS);
		codes[count] = input_find_key(p, len);
		if (!codes[count++])
			return err_usage(err, "there is no key '%.*s'", (int)len, p);
		p += len;
		if (!*p)
			break;
	}
	input_send_keys(ctx->vm->input, codes, count, hold);
	return 0;
}

uint16_t mon_key(const json_t *value, struct err *err)
{
	const json_t *data = json_object_get(value, "data");
	const char *type = mon_str(value, "type", ""), *name = json_string_value(data);
	uint16_t code = 0;
	char number[16];

	if (!strcmp(type, "number") && json_is_integer(data)) {
		snprintf(number, sizeof(number), "0x%x",
		         (unsigned)json_integer_value(data) & 0xffff);
		code = input_find_key(number, strlen(number));
	} else if (!strcmp(type, "qcode") && name) {
		code = input_find_key(name, strlen(name));
	}
	if (!code)
		err_usage(err, "'keys' has something that is no key");
	return code;
}

static int run_send_key(struct mon_ctx *ctx, const json_t *args, json_t **result,
                        struct err *err)
{
	int64_t hold = mon_int(args, "hold-time", HOLD_MS);
	const json_t *keys = json_object_get(args, "keys"), *key;
	uint16_t codes[INPUT_MAX_KEYS];
	int ret = check_hold(hold, err);
	size_t i;

	(void)result;
	if (ret < 0)
		return ret;
	if (!json_is_array(keys) || json_array_size(keys) > INPUT_MAX_KEYS)
		return err_usage(err, "'keys' is not a list of up to %d keys",
		                 INPUT_MAX_KEYS);
	json_array_foreach(keys, i, key)
	{
		codes[i] = mon_key(key, err);
		if (!codes[i])
			return -EINVAL;
	}
	input_send_keys(ctx->vm->input, codes, i, hold);
	return 0;
}

static int run_mouse_move(struct mon_ctx *ctx, const json_t *args, json_t **result,
                          struct err *err)
{
	int64_t dx = mon_int(args, "dx", 0), dy = mon_int(args, "dy", 0),
		dz = mon_int(args, "dz", 0);

	(void)result;
	if (dx < -4096 || dx > 4096 || dy < -4096 || dy > 4096 || dz < -4096 || dz > 4096)
		return err_usage(err, "a movement is at most 4096");
	input_move(ctx->vm->input, dx, dy, dz);
	return 0;
}

static int run_mouse_button(struct mon_ctx *ctx, const json_t *args, json_t **result,
                            struct err *err)
{
	int64_t buttons = mon_int(args, "button_state", 0);

	(void)result;
	if (buttons < 0 || buttons > 7)
		return err_usage(err, "1 is the left button, 2 the right, 4 the middle");
	input_buttons(ctx->vm->input, buttons);
	return 0;
}

/* ---- VNC ---- */

static json_t *pack_end(const char *host, const char *service, const char *family,
                        bool websocket)
{
	return json_pack("{s:o, s:o, s:s, s:b}", "host", mon_text(host), "service",
	                 mon_text(service), "family", family, "websocket", websocket);
}

static void add_auth(json_t *object, const struct vnc_server *s)
{
	json_object_set_new(object, "auth", json_string(s->auth));
	if (s->vencrypt)
		json_object_set_new(object, "vencrypt", json_string(s->vencrypt));
}

static json_t *pack_server(const struct vnc_server *s)
{
	return pack_end(s->host, s->service, s->family, s->websocket);
}

static void add_clients(json_t *object, const struct vnc_info *info)
{
	json_t *list = json_array();

	for (const struct vnc_peer *p = info->clients;
	     p < info->clients + info->client_count; p++)
		json_array_append_new(
			list, pack_end(p->host, p->service, vnc_family(p), p->websocket));
	json_object_set_new(object, "clients", list);
}

static int run_query_vnc(struct mon_ctx *ctx, const json_t *args, json_t **result,
                         struct err *err)
{
	struct vnc_info info;

	(void)args;
	(void)err;
	if (!ctx->vm->vnc) {
		*result = json_pack("{s:b}", "enabled", 0);
		return 0;
	}
	vnc_info(ctx->vm->vnc, &info);
	*result = pack_server(&info.servers[0]);
	json_object_del(*result, "websocket");
	json_object_set_new(*result, "enabled", json_true());
	json_object_set_new(*result, "auth", json_string(info.auth));
	add_clients(*result, &info);
	return 0;
}

static int run_query_vnc_servers(struct mon_ctx *ctx, const json_t *args, json_t **result,
                                 struct err *err)
{
	json_t *display, *servers, *server;
	struct vnc_info info;

	(void)args;
	(void)err;
	*result = json_array();
	if (!ctx->vm->vnc)
		return 0;
	vnc_info(ctx->vm->vnc, &info);
	servers = json_array();
	display = json_pack("{s:s, s:o}", "id", "default", "server", servers);
	for (unsigned i = info.server_count; i--;) {
		server = pack_server(&info.servers[i]);
		add_auth(server, &info.servers[i]);
		json_array_append_new(servers, server);
	}
	add_clients(display, &info);
	add_auth(display, &info.servers[0]);
	json_array_append_new(*result, display);
	return 0;
}

/* "  Client: 127.0.0.1:40000 (ipv4 (Websocket))", and what belongs to it. */
static void print_ends(const json_t *list, const char *what, struct strbuf *out)
{
	const json_t *end;
	size_t i;

	json_array_foreach(list, i, end)
	{
		const char *auth = mon_str(end, "auth", NULL);

		strbuf_addf(out, "  %s: %s:%s (%s%s)\n", what, mon_str(end, "host", ""),
		            mon_str(end, "service", ""), mon_str(end, "family", ""),
		            json_is_true(json_object_get(end, "websocket"))
		                    ? " (Websocket)"
		                    : "");
		strbuf_addf(out,
		            auth ? "    Auth: %s (Sub: %s)\n"
		                 : "    x509_dname: none\n    sasl_username: none\n",
		            auth, mon_str(end, "vencrypt", "none"));
	}
}

/* QEMU's layout. */
static void print_vnc(const json_t *result, struct strbuf *out)
{
	const json_t *display = json_array_get(result, 0);

	strbuf_adds(out, display ? "default:\n" : "None\n");
	print_ends(json_object_get(display, "server"), "Server", out);
	print_ends(json_object_get(display, "clients"), "Client", out);
}

static int set_password(struct mon_ctx *ctx, const char *password, struct err *err)
{
	if (!ctx->vm->vnc)
		return err_set(err, EINVAL, "VNC is not on; start vmm with -vnc");
	return vnc_set_password(ctx->vm->vnc, password, err);
}

static int run_set_password(struct mon_ctx *ctx, const json_t *args, json_t **result,
                            struct err *err)
{
	(void)result;
	if (strcmp(mon_str(args, "protocol", "vnc"), "vnc"))
		return err_usage(err, "protocol: only vnc has a password");
	if (strcmp(mon_str(args, "connected", "keep"), "keep"))
		return err_usage(err, "connected: clients that are there are kept");
	return set_password(ctx, mon_str(args, "password", ""), err);
}

/* "now", "never", "+SECONDS" or the time in seconds since 1970. */
static int run_expire_password(struct mon_ctx *ctx, const json_t *args, json_t **result,
                               struct err *err)
{
	const char *text = mon_str(args, "time", "");
	bool from_now = *text == '+', is_now = !strcmp(text, "now");
	uint64_t seconds = 0;

	(void)result;
	if (strcmp(mon_str(args, "protocol", ""), "vnc"))
		return err_usage(err, "protocol: only vnc has a password");
	if (!is_now && strcmp(text, "never") &&
	    (opt_parse_u64(text + from_now, &seconds) < 0 || seconds > INT64_MAX / 2))
		return err_usage(err,
		                 "time: now, never, +SECONDS, or seconds since 1970");
	if (is_now || from_now)
		seconds += time(NULL);
	if (!ctx->vm->vnc)
		return err_set(err, EINVAL, "VNC is not on; start vmm with -vnc");
	return vnc_expire_password(ctx->vm->vnc, seconds, err);
}

/* "change vnc password [SECRET]" of the human monitor. */
int mon_change_vnc(struct mon_ctx *ctx, const char *target, const char *arg,
                   struct err *err)
{
	if (strcmp(target, "password") && strcmp(target, "passwd"))
		return err_usage(err, "it is: change vnc password [SECRET]");
	if (arg)
		return set_password(ctx, arg, err);
	if (!ctx->can_ask)
		return err_usage(err, "Parameter 'arg' is missing");
	ctx->ask = "arg";
	return 0;
}

static const struct mon_arg set_password_args[] = {
	{ "protocol", MON_STR, false, 0, 0, 0 },
	{ "password", MON_STR, false, 0, 0, 0 },
	{ "connected", MON_STR, true, 0, 0, 0 },
	{ .name = NULL },
};

static const struct mon_arg expire_password_args[] = {
	{ "protocol", MON_STR, false, 0, 0, 0 },
	{ "time", MON_STR, false, 0, 0, 0 },
	{ .name = NULL },
};

static const struct mon_arg vnc_password_args[] = {
	{ "password", MON_STR, false, 0, 0, 0 },
	{ .name = NULL },
};

void mon_propose_keys(struct vm *vm, void (*add)(void *opaque, const char *value),
                      void *opaque)
{
	const char *name;

	(void)vm;
	for (unsigned i = 0; (name = input_key_name(i)); i++)
		add(opaque, name);
}

static const struct mon_arg sendkey_args[] = {
	{ "keys", MON_STR, false, 0, 0, MON_PROPOSE_KEYS },
	{ "hold-time", MON_INT, true, 0, 0, 0 },
	{ .name = NULL },
};

static const struct mon_arg send_key_args[] = {
	{ "keys", MON_ANY, false, 0, MON_OF_KEYS, 0 },
	{ "hold-time", MON_INT, true, 0, 0, 0 },
	{ .name = NULL },
};

static const struct mon_arg mouse_move_args[] = {
	{ "dx", MON_INT, false, 0, 0, 0 },
	{ "dy", MON_INT, false, 0, 0, 0 },
	{ "dz", MON_INT, true, 0, 0, 0 },
	{ .name = NULL },
};

static const struct mon_arg mouse_button_args[] = {
	{ "button_state", MON_INT, false, 0, 0, 0 },
	{ .name = NULL },
};

static const struct mon_arg screendump_args[] = {
	{ "filename", MON_STR, false, 0, 0, 0 },
	{ "format", MON_STR, true, 0, MON_OF_IMAGE_FORMAT, 0 },
	{ "device", MON_STR, true, 0, 0, 0 },
	{ "head", MON_INT, true, 0, 0, 0 },
	{ .name = NULL },
};

const struct mon_command mon_display_commands[] = {
	{ "screendump", "screendump", "the screen to a file: ppm, png, or its text",
	  screendump_args, NULL, run_screendump, NULL },
	{ NULL, "sendkey", "press keys together: sendkey ctrl-alt-delete [ms]",
	  sendkey_args, NULL, run_sendkey, NULL },
	{ "send-key", NULL, "press keys together", send_key_args, NULL, run_send_key,
	  NULL },
	{ NULL, "mouse_move", "move the mouse; dz: the wheel", mouse_move_args, NULL,
	  run_mouse_move, NULL },
	{ NULL, "mouse_button", "press these buttons: 1 left, 2 right, 4 middle",
	  mouse_button_args, NULL, run_mouse_button, NULL },
	{ "query-vnc", NULL, "where VNC listens, and who is connected", NULL, "VncInfo",
	  run_query_vnc, NULL },
	{ "query-vnc-servers", "info vnc", "where VNC listens, and who is connected",
	  NULL, "[VncInfo2]", run_query_vnc_servers, print_vnc },
	{ "set_password", "set_password",
	  "the password for VNC clients: set_password vnc X", set_password_args, NULL,
	  run_set_password, NULL },
	{ "expire_password", "expire_password",
	  "when it ends: expire_password vnc now|never|+SECONDS", expire_password_args,
	  NULL, run_expire_password, NULL },
	{ "change-vnc-password", NULL, "the password for VNC clients", vnc_password_args,
	  NULL, run_set_password, NULL },
	{ .help = NULL },
};
