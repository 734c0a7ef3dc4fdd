// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The short forms of -serial, -monitor, -qmp and -debugcon: one word, which becomes the
 * options of -chardev. "mon:" before a form shares the device with a monitor.
 */
#include "vmm/chardev/backend.h"

#include <errno.h>
#include <string.h>

/* How the text behind the prefix is read. */
enum short_rest {
	REST_NONE,
	REST_PATH,    /* all of it is a path */
	REST_PATHS,   /* a path that the prefix belongs to */
	REST_OPTS,    /* a path, then options */
	REST_ADDRESS, /* HOST:PORT, then options */
	REST_REFUSE,
};

static const struct short_form {
	const char *prefix, *backend, *fixed; /* fixed: options that come with the form */
	enum short_rest rest;
} short_forms[] = {
	{ "stdio", "stdio", "", REST_NONE },
	{ "null", "null", "", REST_NONE },
	{ "pty", "pty", "", REST_NONE },
	{ "ringbuf", "ringbuf", "", REST_NONE },
	{ "file:", "file", "", REST_PATH },
	{ "pipe:", "pipe", "", REST_PATH },
	{ "unix:", "socket", "", REST_OPTS },
	{ "tcp:", "socket", "", REST_ADDRESS },
	{ "telnet:", "socket", "telnet=on", REST_ADDRESS },
	{ "/dev/", "serial", "", REST_PATHS },
	{ "vc", NULL, "", REST_REFUSE },
	{ "vc:", NULL, "", REST_REFUSE },
};

/* Which form text has, and where the part behind its prefix starts. */
static const struct short_form *find_short(const char *text, const char **rest)
{
	for (unsigned i = 0; i < ARRAY_SIZE(short_forms); i++) {
		const struct short_form *form = &short_forms[i];
		size_t len = strlen(form->prefix);
		bool whole = form->prefix[len - 1] != ':' && form->prefix[len - 1] != '/';

		if (strncmp(text, form->prefix, len) || (whole && text[len]))
			continue;
		*rest = form->rest == REST_PATHS ? text : text + len;
		return form;
	}
	return NULL;
}

/* "HOST:PORT,options"; an IPv6 address is in brackets, or ends at the last colon. */
static int add_address(struct opt_list *opts, const char *text, struct err *err)
{
	size_t len = strcspn(text, ",");
	const char *end = text + len, *colon = end;
	_cleanup_free_ char *host = NULL, *port = NULL;
	int ret;

	while (colon > text && *colon != ':')
		colon--;
	if (*colon != ':')
		return err_usage(err, "'%.*s' is no address; write HOST:PORT", (int)len,
		                 text);
	if (*text == '[' && colon > text && colon[-1] == ']')
		host = strndup(text + 1, colon - text - 2);
	else
		host = strndup(text, colon - text);
	port = strndup(colon + 1, end - colon - 1);
	ret = host && port ? opt_list_add(opts, "host", host) : -ENOMEM;
	if (ret >= 0)
		ret = opt_list_add(opts, "port", port);
	return ret < 0 || !*end ? ret : opt_list_parse(opts, end + 1, NULL, err);
}

static int short_opts(struct opt_list *opts, const struct short_form *form,
                      const char *rest, const char *id, struct err *err)
{
	int ret = opt_list_parse(opts, form->fixed, NULL, err);

	if (ret >= 0 && (form->rest == REST_PATH || form->rest == REST_PATHS))
		ret = opt_list_add(opts, "path", rest);
	if (ret >= 0 && form->rest == REST_OPTS)
		ret = opt_list_parse(opts, rest, "path", err);
	if (ret >= 0 && form->rest == REST_ADDRESS)
		ret = add_address(opts, rest, err);
	/* Last, so that no option of the text can replace them. */
	if (ret >= 0)
		ret = opt_list_add(opts, "backend", form->backend);
	if (ret >= 0)
		ret = opt_list_add(opts, "id", id);
	return ret < 0 ? err_sys(err, -ret, "chardev") : 0;
}

/* The keys of the monitor share the device. Ctrl-C on a terminal belongs to the guest. */
static int share(struct opt_list *opts, const struct short_form *form)
{
	int ret = opt_list_add(opts, "mux", "on");

	return ret >= 0 && !strcmp(form->prefix, "stdio")
	               ? opt_list_add(opts, "signal", "off")
	               : ret;
}

static struct chardev *create(struct chardev_registry *reg, const struct short_form *form,
                              const char *rest, const char *id, bool monitor,
                              struct err *err)
{
	struct opt_list opts = { 0 };
	struct chardev *chr = NULL;

	if (short_opts(&opts, form, rest, id, err) >= 0) {
		if (monitor && share(&opts, form) < 0)
			err_sys(err, ENOMEM, "chardev");
		else
			chr = chardev_create(reg, &opts, err);
	}
	if (chr)
		chr->wants_monitor = monitor;
	opt_list_free(&opts);
	return chr;
}

struct chardev *chardev_create_short(struct chardev_registry *reg, const char *text,
                                     const char *id, struct err *err)
{
	bool monitor = !strncmp(text, "mon:", 4);
	const struct short_form *form;
	const char *rest;

	if (!strncmp(text, "chardev:", 8)) {
		struct chardev *chr = chardev_find(reg, text + 8);

		if (!chr)
			err_usage(err,
			          "there is no chardev '%s'; define it with -chardev "
			          "BACKEND,id=%s",
			          text + 8, text + 8);
		return chr;
	}
	form = find_short(text + (monitor ? 4 : 0), &rest);
	if (form && form->rest != REST_REFUSE)
		return create(reg, form, rest, id, monitor, err);
	if (form)
		err_usage(err,
		          "'%s' is a console in a window, which this program does not "
		          "have; use stdio, pty or unix:PATH,server,nowait",
		          text);
	else
		err_usage(err,
		          "'%s' is no character device; expected stdio, null, none, pty, "
		          "ringbuf, file:PATH, pipe:PATH, unix:PATH, tcp:HOST:PORT, "
		          "telnet:HOST:PORT, /dev/TTY, chardev:ID, or mon: before one",
		          text);
	return NULL;
}
