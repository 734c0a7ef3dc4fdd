// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * QMP from the client's side (docs/interop/qmp-spec of QEMU): one JSON object a line in
 * both directions. The other end is a program of the same user, but what it sends is
 * bounded all the same. Single-threaded.
 */
#include "ctl/client.h"

#include "common/cleanup.h"
#include "common/fdio.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int client_connect(struct client *c, const char *path, struct err *err)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int code;

	c->fd = -1;
	if (strlen(path) >= sizeof(addr.sun_path))
		return err_set(err, ENAMETOOLONG,
		               "the socket path is longer than %zu bytes",
		               sizeof(addr.sun_path) - 1);
	memcpy(addr.sun_path, path, strlen(path));
	c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->fd < 0)
		return err_sys(err, errno, "cannot create a socket");
	if (connect(c->fd, (const struct sockaddr *)&addr, sizeof(addr)) == 0)
		return 0;
	code = errno;
	err_sys(err, code, "cannot connect to %s", path);
	if (code == ENOENT || code == ECONNREFUSED)
		err_hint(err, "start vmm with -qmp unix:%s,server,nowait", path);
	return -code;
}

void client_close(struct client *c)
{
	strbuf_free(&c->in);
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
}

/* More input: the count, 0 at the end, -errno with a sentence. */
static ssize_t receive(struct client *c, int timeout_ms, struct err *err)
{
	struct pollfd pfd = { .fd = c->fd, .events = POLLIN };
	char buf[65536];
	ssize_t n;
	int ready;

	do
		ready = poll(&pfd, 1, timeout_ms);
	while (ready < 0 && errno == EINTR);
	if (!ready)
		return err_set(
			err, ETIMEDOUT,
			"no answer within %d s; another client may have the socket "
			"(--timeout waits longer)",
			timeout_ms / 1000);
	do
		n = read(c->fd, buf, sizeof(buf));
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno == ECONNRESET)
		return 0;
	if (n < 0)
		return err_sys(err, errno, "cannot read from the socket");
	strbuf_add(&c->in, buf, n);
	if (c->in.failed || c->in.len > CLIENT_LINE_MAX)
		return err_set(err, EMSGSIZE, "the answer is longer than %d bytes",
		               CLIENT_LINE_MAX);
	return n;
}

static json_t *take_line(struct client *c, size_t len, struct err *err)
{
	json_t *object = json_loadb(c->in.data, len, 0, NULL);

	c->in.len -= len + 1;
	memmove(c->in.data, c->in.data + len + 1, c->in.len);
	c->seen = 0;
	if (json_is_object(object))
		return object;
	json_decref(object);
	err_set(err, EPROTO, "the socket speaks no QMP; is it that of -qmp?");
	return NULL;
}

json_t *client_next(struct client *c, int timeout_ms, struct err *err)
{
	for (;;) {
		const char *end = c->in.len > c->seen ? memchr(c->in.data + c->seen, '\n',
		                                               c->in.len - c->seen)
		                                      : NULL;

		if (end)
			return take_line(c, end - c->in.data, err);
		c->seen = c->in.len;
		if (receive(c, timeout_ms, err) <= 0)
			return NULL;
	}
}

static int ended(struct err *err)
{
	return err->code ? -err->code : err_set(err, EPIPE, "vmm closed the connection");
}

static int send_command(struct client *c, const char *command, json_t *args,
                        struct err *err)
{
	json_t *object = json_pack("{s:s, s:o*}", "execute", command, "arguments", args);
	_cleanup_free_ char *text = object ? json_dumps(object, JSON_COMPACT) : NULL;
	int ret;

	json_decref(object);
	if (!text)
		return err_set(err, EINVAL, "the command is not UTF-8");
	ret = fd_write(c->fd, text, strlen(text));
	if (ret >= 0)
		ret = fd_write(c->fd, "\n", 1);
	return ret < 0 ? err_sys(err, -ret, "cannot write to the socket") : 0;
}

int client_run(struct client *c, const char *command, json_t *args, json_t **result,
               struct err *err)
{
	int ret = send_command(c, command, args, err);
	json_t *answer;

	if (ret < 0)
		return ret;
	while ((answer = client_next(c, c->timeout_ms, err))) {
		const char *desc = json_string_value(
			json_object_get(json_object_get(answer, "error"), "desc"));

		*result = json_incref(json_object_get(answer, "return"));
		if (desc)
			err_set(err, EINVAL, "%s: %s", command, desc);
		json_decref(answer);
		if (*result || desc)
			return -err->code;
	}
	return ended(err);
}

int client_negotiate(struct client *c, struct err *err)
{
	json_t *greeting = client_next(c, c->timeout_ms, err), *result = NULL;
	bool is_qmp = json_object_get(greeting, "QMP");
	int ret;

	json_decref(greeting);
	if (!greeting)
		return ended(err);
	if (!is_qmp)
		return err_set(err, EPROTO,
		               "the socket speaks no QMP; is it that of -qmp?");
	ret = client_run(c, "qmp_capabilities", NULL, &result, err);
	json_decref(result);
	return ret;
}
