// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The diagnostic log. Each line is formatted first and written with one write(2), so that
 * lines of different threads never mix. On a terminal, which may be in
 * raw mode (serial on stdio), lines end in CR LF.
 */
#include "common/log.h"

#include "common/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>

static struct {
	const char *program;
	int fd;
	unsigned classes;
	bool timestamps;
} g_log = { .program = "kvmkit", .fd = STDERR_FILENO };

static const struct {
	const char *name;
	unsigned mask;
	const char *help;
} log_classes[] = {
	{ "guest_errors", LOG_C_GUEST, "what a guest did wrong" },
	{ "unimp", LOG_C_UNIMP, "accesses to ports and memory that nothing answers" },
	{ "virtio", LOG_C_VIRTIO, "virtio device status and queue set-up" },
	{ "pci", LOG_C_PCI, "BAR and interrupt routing changes" },
	{ "kvm", LOG_C_KVM, "vCPU life and rare exits" },
	{ "boot", LOG_C_BOOT, "what the loader placed where" },
	{ "sandbox", LOG_C_SANDBOX, "what the process may still do" },
	{ "all", ~0u, "everything above" },
};

void log_init(const char *program)
{
	g_log.program = program;
}

int log_fd(void)
{
	return __atomic_load_n(&g_log.fd, __ATOMIC_ACQUIRE);
}

int log_open(const char *path, struct err *err)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644), ret = 0;

	if (fd < 0) {
		int code = errno;

		err_sys(err, code, "cannot open the log file %s", path);
		err_hint(err, "check the path given to -D");
		return -code;
	}
	/* Another thread may be writing: the number stays, unless it is that of standard
	 * error. */
	if (g_log.fd == STDERR_FILENO) {
		__atomic_store_n(&g_log.fd, fd, __ATOMIC_RELEASE);
		return 0;
	}
	if (dup3(fd, g_log.fd, O_CLOEXEC) < 0)
		ret = err_sys(err, errno, "cannot open the log file %s", path);
	close(fd);
	return ret;
}

static int set_one(const char *name, size_t len, bool on, struct err *err)
{
	char known[256] = "";

	for (size_t i = 0; i < ARRAY_SIZE(log_classes); i++) {
		if (strlen(log_classes[i].name) == len &&
		    !strncmp(log_classes[i].name, name, len)) {
			if (on)
				g_log.classes |= log_classes[i].mask;
			else
				g_log.classes &= ~log_classes[i].mask;
			return 0;
		}
		strcat(known, i ? ", " : "");
		strcat(known, log_classes[i].name);
	}
	return err_usage(err, "unknown log class '%.*s'; known classes: %s", (int)len,
	                 name, known);
}

static int set_classes(const char *classes, bool on, struct err *err)
{
	if (!strcmp(classes, "none")) {
		g_log.classes = 0;
		return 0;
	}
	while (*classes) {
		size_t len = strcspn(classes, ",");
		int ret = set_one(classes, len, on, err);

		if (ret < 0)
			return ret;
		classes += len + (classes[len] == ',');
	}
	return 0;
}

int log_enable(const char *classes, struct err *err)
{
	return set_classes(classes, true, err);
}

int log_disable(const char *classes, struct err *err)
{
	return set_classes(classes, false, err);
}

const char *log_class_name(unsigned index)
{
	for (size_t i = 0; i < ARRAY_SIZE(log_classes); i++)
		if (log_classes[i].mask == 1u << index)
			return log_classes[i].name;
	return NULL;
}

void log_help(struct strbuf *out)
{
	for (size_t i = 0; i < ARRAY_SIZE(log_classes); i++)
		strbuf_addf(out, "%-14s %s\n", log_classes[i].name, log_classes[i].help);
}

void log_timestamps(bool on)
{
	g_log.timestamps = on;
}

static size_t add_time(char *line, size_t size)
{
	struct timespec now;
	struct tm tm;
	size_t len;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	len = strftime(line, size, "%Y-%m-%dT%H:%M:%S", &tm);
	return len + snprintf(line + len, size - len, ".%06ldZ ", now.tv_nsec / 1000);
}

bool log_enabled(enum log_class cls)
{
	return g_log.classes & cls;
}

void log_write(enum log_level level, const char *fmt, ...)
{
	static const char *const tag[] = { "", "warning: ", "", "" };
	char line[1200];
	size_t len = g_log.timestamps ? add_time(line, sizeof(line)) : 0;
	va_list ap;

	snprintf(line + len, sizeof(line) - len, "%s: %s", g_log.program, tag[level]);
	len += strlen(line + len);
	va_start(ap, fmt);
	vsnprintf(line + len, sizeof(line) - len - 2, fmt, ap);
	va_end(ap);
	/* Escape sequences in a guest's text must not reach the terminal. */
	for (char *p = line; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?';
	/* CR LF is harmless in a cooked terminal and needed in a raw one. */
	strcat(line, isatty(g_log.fd) ? "\r\n" : "\n");
	if (write(g_log.fd, line, strlen(line)) < 0)
		return; /* nowhere left to say so */
}

bool ratelimit_ok(struct ratelimit *rl, unsigned burst)
{
	struct timespec now;
	unsigned dropped = 0;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	if (rl->window != (uint64_t)now.tv_sec) {
		rl->window = now.tv_sec;
		dropped = rl->dropped;
		rl->printed = rl->dropped = 0;
	}
	if (dropped)
		log_write(LOG_WARN, "%u similar messages suppressed", dropped);
	if (rl->printed >= burst) {
		rl->dropped++;
		return false;
	}
	rl->printed++;
	return true;
}
