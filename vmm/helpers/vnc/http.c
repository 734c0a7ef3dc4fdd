// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A small HTTP/1.1 server (RFC 9110, 9112; RFC 6455, 4.2.1): GET and HEAD of files, one
 * request for each connection. The files were mapped before the sandbox closed: a request
 * is a name in a table, and nothing is opened for it.
 */
#include "vmm/helpers/vnc/http.h"

#include "common/cleanup.h"
#include "common/log.h"
#include "vmm/helpers/vnc/websocket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define MAX_FILES 1024

struct file {
	char *name; /* "/vnc.html" */
	const char *data;
	size_t len;
};

struct http {
	struct file *files;
	unsigned count;
	bool local;
	struct ratelimit warned;
};

/* ---- files ---- */

/* nftw() passes nothing along. */
static struct http *loading;
static size_t root_len;

static int load_file(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	struct file *f = &loading->files[loading->count];
	_cleanup_close_ int fd = -1;
	void *data;

	(void)ftw;
	if (type != FTW_F || !S_ISREG(st->st_mode) || !st->st_size)
		return 0;
	if (loading->count == MAX_FILES)
		return E2BIG;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == EACCES ? 0 : errno;
	data = mmap(NULL, st->st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (data == MAP_FAILED)
		return errno;
	f->name = strdup(path + root_len);
	f->data = data;
	f->len = st->st_size;
	loading->count++;
	return f->name ? 0 : ENOMEM;
}

static int load(struct http *http, const char *dir, struct err *err)
{
	int ret;

	http->files = calloc(MAX_FILES, sizeof(http->files[0]));
	if (!http->files)
		return err_sys(err, ENOMEM, "%s", dir);
	loading = http;
	root_len = strlen(dir);
	ret = nftw(dir, load_file, 16, 0);
	if (ret < 0)
		ret = errno;
	return ret ? err_sys(err, ret, "the pages of %s", dir) : 0;
}

static const struct file *find_file(const struct http *http, const char *name, size_t len)
{
	for (unsigned i = 0; i < http->count; i++)
		if (strlen(http->files[i].name) == len &&
		    !memcmp(http->files[i].name, name, len))
			return &http->files[i];
	return NULL;
}

/* ---- life ---- */

struct http *http_new(const char *dir, bool local, struct err *err)
{
	struct http *http = calloc(1, sizeof(*http));

	if (!http) {
		err_sys(err, ENOMEM, "HTTP");
		return NULL;
	}
	http->local = local;
	if (*dir && load(http, dir, err) < 0) {
		http_free(http);
		return NULL;
	}
	return http;
}

void http_free(struct http *http)
{
	if (!http)
		return;
	for (unsigned i = 0; i < http->count; i++) {
		munmap((void *)http->files[i].data, http->files[i].len);
		free(http->files[i].name);
	}
	free(http->files);
	free(http);
}

/* ---- answers ---- */

static const char *type_of(const char *name)
{
	static const struct {
		const char *suffix, *type;
	} types[] = {
		{ ".html", "text/html; charset=utf-8" },
		{ ".js", "text/javascript; charset=utf-8" },
		{ ".json", "application/json" },
		{ ".css", "text/css; charset=utf-8" },
		{ ".svg", "image/svg+xml" },
		{ ".png", "image/png" },
		{ ".ico", "image/x-icon" },
		{ ".ttf", "font/ttf" },
		{ ".woff", "font/woff" },
		{ ".oga", "audio/ogg" },
		{ ".mp3", "audio/mpeg" },
	};
	const char *dot = strrchr(name, '.');

	for (size_t i = 0; dot && i < ARRAY_SIZE(types); i++)
		if (!strcmp(dot, types[i].suffix))
			return types[i].type;
	return "application/octet-stream";
}

/* more: header lines. */
static void answer(struct http_reply *reply, const char *status, const char *type,
                   const char *more, const char *body, size_t len, bool with_body)
{
	reply->body = body;
	reply->body_len = with_body ? len : 0;
	strbuf_addf(&reply->head,
	            "HTTP/1.1 %s\r\n"
	            "Content-Type: %s\r\n"
	            "Content-Length: %zu\r\n"
	            "Connection: close\r\n"
	            "X-Content-Type-Options: nosniff\r\n"
	            "Content-Security-Policy: frame-ancestors 'none'\r\n"
	            "%s\r\n",
	            status, type, len, more);
}

static void refuse(struct http_reply *reply, const char *status)
{
	answer(reply, status, "text/plain", "", status, strlen(status), true);
}

static void answer_file(const struct http *http, struct http_reply *reply,
                        const char *name, size_t len, bool with_body)
{
	const struct file *f;

	if (len == 1 && http->count) {
		answer(reply, "302 Found", "text/plain",
		       "Location: /vnc.html?autoconnect=true\r\n", "", 0, true);
		return;
	}
	f = find_file(http, name, len);
	if (f)
		answer(reply, "200 OK", type_of(f->name), "", f->data, f->len, with_body);
	else
		refuse(reply, "404 Not Found");
}

/* ---- requests; text ends with a NUL ---- */

/* The value of a header, without the blanks around it; *len 0: there is none. */
static const char *header(const char *text, const char *name, size_t *len)
{
	size_t n = strlen(name);
	const char *p = text;

	*len = 0;
	while ((p = strstr(p, "\r\n"))) {
		p += 2;
		if (strncasecmp(p, name, n) || p[n] != ':')
			continue;
		p += n + 1;
		p += strspn(p, " \t");
		*len = strcspn(p, "\r\n");
		while (*len && (p[*len - 1] == ' ' || p[*len - 1] == '\t'))
			--*len;
		return p;
	}
	return "";
}

/* A host that nobody else's name server can have said: an address, or localhost. */
static bool is_plain_host(const char *host, size_t len)
{
	struct in6_addr address;
	char text[64];
	size_t n = len;

	if (len && host[0] == '[') {
		host++;
		len--;
		n = strcspn(host, "]");
	} else {
		n = strcspn(host, ":");
	}
	if (n > len)
		n = len;
	snprintf(text, sizeof(text), "%.*s", (int)n, host);
	return !strcasecmp(text, "localhost") ||
	       inet_pton(AF_INET, text, &address) == 1 ||
	       inet_pton(AF_INET6, text, &address) == 1;
}

/* The page that connects comes from here; what is no browser says nothing. */
static bool is_same_origin(const struct http *http, const char *text)
{
	size_t host_len, origin_len;
	const char *host = header(text, "Host", &host_len),
		   *origin = header(text, "Origin", &origin_len), *slashes;

	if (http->local && !is_plain_host(host, host_len))
		return false;
	if (!origin_len)
		return true;
	slashes = memmem(origin, origin_len, "://", 3);
	if (!slashes)
		return false;
	origin_len -= slashes + 3 - origin;
	return origin_len == host_len && !strncasecmp(slashes + 3, host, host_len);
}

static bool wants_websocket(const char *text)
{
	size_t len;
	const char *value = header(text, "Upgrade", &len);

	return len == 9 && !strncasecmp(value, "websocket", 9) &&
	       !strncmp(text, "GET /", 5);
}

/* Only frames of 13, the version of RFC 6455. */
static enum http_result upgrade(const char *text, struct http_reply *reply)
{
	size_t version_len, key_len, list_len;
	const char *version = header(text, "Sec-WebSocket-Version", &version_len),
		   *key = header(text, "Sec-WebSocket-Key", &key_len),
		   *list = header(text, "Sec-WebSocket-Protocol", &list_len);

	if (version_len != 2 || memcmp(version, "13", 2) || !key_len) {
		answer(reply, "426 Upgrade Required", "text/plain",
		       "Sec-WebSocket-Version: 13\r\n", "", 0, true);
		return HTTP_REPLY;
	}
	return websocket_accept(key, key_len, memmem(list, list_len, "binary", 6),
	                        &reply->head) < 0
	               ? HTTP_BAD
	               : HTTP_WEBSOCKET;
}

/* "GET /path?query HTTP/1.1" */
enum http_result http_take(struct http *http, const char *text, size_t len, size_t *used,
                           struct http_reply *reply)
{
	bool get = !strncmp(text, "GET /", 5), head = !strncmp(text, "HEAD /", 6);
	const char *path = text + (get ? 4 : 5), *end = strstr(text, "\r\n\r\n");

	if (!end)
		return strlen(text) < len ? HTTP_BAD : HTTP_MORE;
	*used = end + 4 - text;
	if (!get && !head) {
		refuse(reply, "405 Method Not Allowed");
	} else if (!is_same_origin(http, text)) {
		log_guest(&http->warned,
		          "a page from elsewhere was kept from connecting");
		refuse(reply, "403 Forbidden");
	} else if (wants_websocket(text)) {
		return upgrade(text, reply);
	} else {
		answer_file(http, reply, path, strcspn(path, "? \r\n"), get);
	}
	return HTTP_REPLY;
}
