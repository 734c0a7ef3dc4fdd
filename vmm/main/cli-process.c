// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * -daemonize, -pidfile, -runas, -run-with, -sandbox, -uuid, -msg, -action and -global:
 * each row only collects, as all of cli_table.
 */
#include "vmm/main/cli-process.h"

#include "common/cleanup.h"
#include "common/log.h"
#include "vmm/main/cli-machine.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

int cli_collect_daemonize(struct vm_config *config, const char *arg, struct err *err)
{
	(void)arg;
	(void)err;
	config->daemonize = true;
	return 0;
}

int cli_collect_pidfile(struct vm_config *config, const char *arg, struct err *err)
{
	(void)err;
	return cli_set_string(&config->pidfile, arg);
}

int cli_collect_runas(struct vm_config *config, const char *arg, struct err *err)
{
	if (!*arg)
		return err_usage(err, "no user is named");
	return cli_set_string(&config->runas, arg);
}

struct run_with_opts {
	char *user;
};

static const struct opt_desc run_with_table[] = {
	{ .name = "user",
	  .type = OPT_STR,
	  .offset = offsetof(struct run_with_opts, user) },
	{ .name = NULL },
};

int cli_collect_run_with(struct vm_config *config, const char *arg, struct err *err)
{
	struct run_with_opts opts = { 0 };
	int ret = cli_parse_opts(run_with_table, arg, NULL, &opts, err);

	if (ret >= 0 && opts.user)
		ret = cli_collect_runas(config, opts.user, err);
	opts_free(run_with_table, &opts);
	return ret;
}

/* ---- -sandbox ---- */

struct sandbox_opts {
	bool enable;
	int obsolete, elevateprivileges, spawn, resourcecontrol;
};

enum { SANDBOX_ALLOW, SANDBOX_DENY, SANDBOX_CHILDREN };

static const char *const sandbox_words[] = { "allow", "deny", "children", NULL };
static const char *const sandbox_two[] = { "allow", "deny", NULL };

#define SANDBOX(key, words)                                   \
	{                                                     \
		.name = #key, .type = OPT_ENUM,               \
		.offset = offsetof(struct sandbox_opts, key), \
		OPT_CHOICES(words, SANDBOX_ALLOW)             \
	}

const struct opt_desc cli_sandbox_table[] = {
	{ .name = "enable",
	  .type = OPT_BOOL,
	  .offset = offsetof(struct sandbox_opts, enable),
	  .def = "on" },
	SANDBOX(obsolete, sandbox_two),
	SANDBOX(elevateprivileges, sandbox_words),
	SANDBOX(spawn, sandbox_two),
	SANDBOX(resourcecontrol, sandbox_two),
	{ .name = NULL },
};

/* What obsolete= and resourcecontrol= would allow is never needed, and refused anyway. */
int cli_collect_sandbox(struct vm_config *config, const char *arg, struct err *err)
{
	struct sandbox_opts opts = { 0 };
	int ret = cli_parse_opts(cli_sandbox_table, arg, "enable", &opts, err);

	if (ret < 0)
		return ret;
	config->no_sandbox = !opts.enable;
	config->no_scripts = opts.spawn == SANDBOX_DENY;
	config->no_elevation = opts.elevateprivileges == SANDBOX_DENY;
	return 0;
}

/* ---- -uuid ---- */

/* 8-4-4-4-12 hexadecimal digits, in the text's order. */
static int parse_uuid(const char *text, uint8_t *uuid)
{
	static const char shape[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
	unsigned digits = 0;

	if (strlen(text) != strlen(shape))
		return -EINVAL;
	for (unsigned i = 0; shape[i]; i++) {
		char one[2] = { text[i], '\0' };
		uint64_t value;

		if (shape[i] == '-' ? text[i] != '-' : opt_parse_hex(one, &value) < 0)
			return -EINVAL;
		if (shape[i] == '-')
			continue;
		uuid[digits / 2] = uuid[digits / 2] << 4 | value;
		digits++;
	}
	return 0;
}

int cli_collect_uuid(struct vm_config *config, const char *arg, struct err *err)
{
	if (parse_uuid(arg, config->uuid) < 0)
		return err_usage(err,
		                 "'%s' is no UUID; write "
		                 "550e8400-e29b-41d4-a716-446655440000, as uuidgen does",
		                 arg);
	return 0;
}

/* ---- -msg ---- */

struct msg_opts {
	bool timestamp;
};

const struct opt_desc cli_msg_table[] = {
	{ .name = "timestamp",
	  .type = OPT_BOOL,
	  .offset = offsetof(struct msg_opts, timestamp) },
	{ .name = NULL },
};

int cli_collect_msg(struct vm_config *config, const char *arg, struct err *err)
{
	struct msg_opts opts = { 0 };
	int ret = cli_parse_opts(cli_msg_table, arg, NULL, &opts, err);

	(void)config;
	if (ret >= 0)
		log_timestamps(opts.timestamp);
	return ret;
}

/* ---- -action ---- */

struct action_opts {
	int reboot, shutdown, panic, watchdog;
};

#define ACTION(key)                                                                 \
	{                                                                           \
		.name = #key, .type = OPT_ENUM,                                     \
		.offset = offsetof(struct action_opts, key), .choices = key##_words \
	}

const struct opt_desc cli_action_table[] = {
	ACTION(reboot),   ACTION(shutdown), ACTION(panic),
	ACTION(watchdog), { .name = NULL },
};

int cli_collect_action(struct vm_config *config, const char *arg, struct err *err)
{
	struct action_opts opts = {
		.reboot = config->no_reboot,
		.shutdown = config->no_shutdown,
		.panic = config->panic,
		.watchdog = config->watchdog,
	};
	int ret = cli_parse_opts(cli_action_table, arg, NULL, &opts, err);

	if (ret < 0)
		return ret;
	config->no_reboot = opts.reboot;
	config->no_shutdown = opts.shutdown;
	config->panic = opts.panic;
	config->watchdog = opts.watchdog;
	return 0;
}

int cli_collect_watchdog_action(struct vm_config *config, const char *arg,
                                struct err *err)
{
	for (unsigned i = 0; i < WATCHDOG_ACTIONS; i++) {
		if (strcmp(watchdog_words[i], arg))
			continue;
		config->watchdog = i;
		return 0;
	}
	return err_usage(err,
	                 "there is no action '%s'; reset, shutdown, poweroff, pause, "
	                 "debug, none and inject-nmi are supported",
	                 arg);
}

int cli_collect_global(struct vm_config *config, const char *arg, struct err *err)
{
	(void)err;
	return str_list_add(&config->globals, arg);
}

/* ---- -add-fd ---- */

struct add_fd_opts {
	uint32_t fd, set;
	char *opaque; /* of nobody's interest */
};

const struct opt_desc cli_add_fd_table[] = {
	{ .name = "fd",
	  .type = OPT_U32,
	  .offset = offsetof(struct add_fd_opts, fd),
	  .max = INT32_MAX },
	{ .name = "set", .type = OPT_U32, .offset = offsetof(struct add_fd_opts, set) },
	{ .name = "opaque",
	  .type = OPT_STR,
	  .offset = offsetof(struct add_fd_opts, opaque) },
	{ .name = NULL },
};

int cli_collect_add_fd(struct vm_config *config, const char *arg, struct err *err)
{
	struct add_fd_opts opts = { 0 };
	int ret = cli_parse_opts(cli_add_fd_table, arg, NULL, &opts, err);

	opts_free(cli_add_fd_table, &opts);
	if (ret < 0)
		return ret;
	if (!strstr(arg, "set="))
		return err_usage(err, "set= is missing");
	if (opts.fd <= STDERR_FILENO || fcntl(opts.fd, F_GETFD) < 0)
		return err_usage(err, "fd=%u is no descriptor that vmm was started with",
		                 opts.fd);
	if (config->fdset_count == CONFIG_FDSETS)
		return err_usage(err, "more than %d of them", CONFIG_FDSETS);
	config->fdsets[config->fdset_count++] = (struct fdset){ opts.set, opts.fd };
	return 0;
}

/* Of several in a set that which can be written; -1: none. */
static int find_fdset(const struct vm_config *config, uint64_t set)
{
	int fd = -1;

	for (unsigned i = 0; i < config->fdset_count; i++) {
		const struct fdset *f = &config->fdsets[i];

		if (f->set == set &&
		    (fd < 0 || (fcntl(f->fd, F_GETFL) & O_ACCMODE) != O_RDONLY))
			fd = f->fd;
	}
	return fd;
}

char *cli_name_fdsets(const struct vm_config *config, const char *text)
{
	static const char folder[] = "/dev/fdset/";
	struct strbuf out = { 0 };
	const char *at;
	bool any = false;

	while (config->fdset_count && (at = strstr(text, folder))) {
		const char *number = at + strlen(folder);
		size_t len = strspn(number, "0123456789");
		_cleanup_free_ char *digits = strndup(number, len);
		uint64_t set;
		int fd = digits && opt_parse_u64(digits, &set) >= 0
		                 ? find_fdset(config, set)
		                 : -1;

		strbuf_add(&out, text, at - text);
		if (fd >= 0)
			strbuf_addf(&out, "/dev/fd/%d", fd);
		else
			strbuf_add(&out, at, strlen(folder) + len);
		any |= fd >= 0;
		text = number + len;
	}
	strbuf_adds(&out, text);
	if (any)
		return strbuf_take(&out);
	strbuf_free(&out);
	return NULL;
}

/* ---- together ---- */

/* Programs ask for a window by habit: where the screen is shown otherwise, that is no
 * reason to stop. */
static int check_window(const struct vm_config *config, struct err *err)
{
	if (!config->window)
		return 0;
	if (!config->vnc)
		return err_usage(err,
		                 "-display %s: there is no window; show the screen with "
		                 "-vnc :0 and a VNC viewer, or use -display none",
		                 config->window);
	log_warn("-display %s: there is no window; the screen is at -vnc %s",
	         config->window, config->vnc);
	return 0;
}

int cli_check_process(const struct vm_config *config, struct err *err)
{
	const struct {
		const char *option;
		const struct str_list *list;
	} users[] = {
		{ "serial", &config->serials },   { "monitor", &config->monitors },
		{ "qmp", &config->qmps },         { "qmp-pretty", &config->pretty_qmps },
		{ "chardev", &config->chardevs }, { "debugcon", &config->debugcons },
	};

	if (check_window(config, err) < 0 || !config->daemonize)
		return -err->code;
	/* Without the devices that it moves to the terminal it is only -display none. */
	if (config->nographic && !config->nodefaults)
		return err_usage(err,
		                 "-nographic wants the terminal that -daemonize leaves; "
		                 "use -display none");
	for (unsigned i = 0; i < ARRAY_SIZE(users); i++)
		for (unsigned n = 0; n < users[i].list->count; n++)
			if (config_is_stdio(users[i].list->items[n]))
				return err_usage(
					err,
					"-%s %s wants the terminal that -daemonize "
					"leaves; use pty or unix:PATH,server,nowait",
					users[i].option, users[i].list->items[n]);
	return 0;
}
