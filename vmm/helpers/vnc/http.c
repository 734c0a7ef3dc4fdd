// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A small HTTP/1.1 server (RFC 9110, 9112; RFC 6455, 4.2.1): GET and HEAD of files, one
 * request for each connection. The files were mapped before the sandbox closed: a request
 * is a name in a table, and nothing is opened for it.
 *
 * A request is looked at, not read, until all of it is there: the one for a WebSocket is
 * for LibVNCServer, which would wait for the rest of it.
 */
#include "vmm/helpers/vnc/http.h"

#include "common/cleanup.h"
#include "common/log.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>

#define MAX_FILES   1024
#define MAX_REQUEST 4096
#define PATIENCE_MS 10000 /* for a request, and for taking an answer */

struct file {
	char *name; /* "/vnc.html" */
	const char *data;
	size_t len;
};

struct connection {
	int fd; /* -1: free */
	int64_t deadline;
	bool answering;
	char head[512];
	size_t head_len, sent; /* sent: of head and body together */
	const char *body;
	size_t body_len;
};

struct http {
	struct file *files;
	unsigned count;
	bool local;
	struct ratelimit warned;
	void (*accept)(void *opaque, int fd);
	void *opaque;
	struct connection connections[HTTP_MAX_CONNECTIONS];
};

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

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

struct http *http_new(const char *dir, bool local, void (*accept)(void *opaque, int fd),
                      void *opaque, struct err *err)
{
	struct http *http = calloc(1, sizeof(*http));

	if (!http) {
		err_sys(err, ENOMEM, "HTTP");
		return NULL;
	}
	http->local = local;
	http->accept = accept;
	http->opaque = opaque;
	for (unsigned i = 0; i < HTTP_MAX_CONNECTIONS; i++)
		http->connections[i].fd = -1;
	if (*dir && load(http, dir, err) < 0) {
		http_free(http);
		return NULL;
	}
	return http;
}

static void drop(struct connection *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
}

void http_free(struct http *http)
{
	if (!http)
		return;
	for (unsigned i = 0; i < HTTP_MAX_CONNECTIONS; i++)
		drop(&http->connections[i]);
	for (unsigned i = 0; i < http->count; i++) {
		munmap((void *)http->files[i].data, http->files[i].len);
		free(http->files[i].name);
	}
	free(http->files);
	free(http);
}

void http_add(struct http *http, int fd)
{
	for (unsigned i = 0; i < HTTP_MAX_CONNECTIONS; i++) {
		struct connection *c = &http->connections[i];

		if (c->fd >= 0)
			continue;
		*c = (struct connection){ .fd = fd, .deadline = now_ms() + PATIENCE_MS };
		fcntl(fd, F_SETFL, O_NONBLOCK);
		return;
	}
	close(fd);
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
static void answer(struct connection *c, const char *status, const char *type,
                   const char *more, const char *body, size_t len, bool with_body)
{
	c->answering = true;
	c->deadline = now_ms() + PATIENCE_MS;
	c->body = body;
	c->body_len = with_body ? len : 0;
	c->head_len = snprintf(c->head, sizeof(c->head),
	                       "HTTP/1.1 %s\r\n"
	                       "Content-Type: %s\r\n"
	                       "Content-Length: %zu\r\n"
	                       "Connection: close\r\n"
	                       "X-Content-Type-Options: nosniff\r\n"
	                       "Content-Security-Policy: frame-ancestors 'none'\r\n"
	                       "%s\r\n",
	                       status, type, len, more);
}

static void refuse(struct connection *c, const char *status)
{
	answer(c, status, "text/plain", "", status, strlen(status), true);
}

static void answer_file(const struct http *http, struct connection *c, const char *name,
                        size_t len, bool with_body)
{
	const struct file *f;

	if (len == 1 && http->count) {
		answer(c, "302 Found", "text/plain",
		       "Location: /vnc.html?autoconnect=true\r\n", "", 0, true);
		return;
	}
	f = find_file(http, name, len);
	if (f)
		answer(c, "200 OK", type_of(f->name), "", f->data, f->len, with_body);
	else
		refuse(c, "404 Not Found");
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

/* "GET /path?query HTTP/1.1" */
static void take_request(struct http *http, struct connection *c, const char *text)
{
	bool get = !strncmp(text, "GET /", 5), head = !strncmp(text, "HEAD /", 6);
	const char *path = text + (get ? 4 : 5);
	size_t len;

	header(text, "Upgrade", &len);
	if (!get && !head) {
		refuse(c, "405 Method Not Allowed");
	} else if (!is_same_origin(http, text)) {
		log_guest(&http->warned,
		          "a page from elsewhere was kept from connecting");
		refuse(c, "403 Forbidden");
	} else {
		answer_file(http, c, path, strcspn(path, "? \r\n"), get);
	}
}

static bool wants_websocket(const char *text)
{
	size_t len;
	const char *value = header(text, "Upgrade", &len);

	return len == 9 && !strncasecmp(value, "websocket", 9) &&
	       !strncmp(text, "GET /", 5);
}

static void set_mark(int fd, int bytes)
{
	setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &bytes, sizeof(bytes));
}

static void read_request(struct http *http, struct connection *c)
{
	char text[MAX_REQUEST + 1];
	ssize_t n = recv(c->fd, text, MAX_REQUEST, MSG_PEEK);
	int fd = c->fd;

	if (n <= 0) {
		if (!n || (errno != EAGAIN && errno != EINTR))
			drop(c);
		return;
	}
	text[n] = '\0';
	if (!strstr(text, "\r\n\r\n")) {
		if (n == MAX_REQUEST || strlen(text) < (size_t)n)
			drop(c);
		else
			set_mark(fd, n + 1); /* wake up for more than this */
		return;
	}
	if (wants_websocket(text) && is_same_origin(http, text)) {
		set_mark(fd, 1);
		c->fd = -1;
		http->accept(http->opaque, fd);
		return;
	}
	if (recv(fd, text, n, 0) != n) {
		drop(c);
		return;
	}
	take_request(http, c, text);
}

static void send_answer(struct connection *c)
{
	while (c->sent < c->head_len + c->body_len) {
		bool head = c->sent < c->head_len;
		const char *from =
			head ? c->head + c->sent : c->body + (c->sent - c->head_len);
		size_t len = head ? c->head_len - c->sent
		                  : c->body_len - (c->sent - c->head_len);
		ssize_t n = send(c->fd, from, len, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n <= 0)
			break;
		c->sent += n;
		c->deadline = now_ms() + PATIENCE_MS;
	}
	drop(c);
}

/* ---- the loop ---- */

unsigned http_gather(struct http *http, struct pollfd *fds, int *timeout)
{
	int64_t now = now_ms();
	unsigned n = 0;

	for (unsigned i = 0; i < HTTP_MAX_CONNECTIONS; i++) {
		const struct connection *c = &http->connections[i];
		int left;

		if (c->fd < 0)
			continue;
		left = c->deadline > now ? c->deadline - now : 0;
		if (*timeout < 0 || left < *timeout)
			*timeout = left;
		fds[n++] = (struct pollfd){ .fd = c->fd,
			                    .events = c->answering ? POLLOUT : POLLIN };
	}
	return n;
}

static bool happened(const struct pollfd *fds, unsigned count, int fd)
{
	for (unsigned i = 0; i < count; i++)
		if (fds[i].fd == fd)
			return fds[i].revents;
	return false;
}

void http_serve(struct http *http, const struct pollfd *fds, unsigned count)
{
	int64_t now = now_ms();

	for (unsigned i = 0; i < HTTP_MAX_CONNECTIONS; i++) {
		struct connection *c = &http->connections[i];

		if (c->fd < 0)
			continue;
		if (happened(fds, count, c->fd) && !c->answering)
			read_request(http, c);
		if (c->fd >= 0 && c->answering)
			send_answer(c);
		if (c->fd >= 0 && c->deadline <= now)
			drop(c);
	}
}
