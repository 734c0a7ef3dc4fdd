/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The diagnostic log: standard error, or the file given to -D. The level and the file are
 * the only mutable globals of the project; they are set by a `main` before any thread
 * starts, and by a monitor: log_open() and log_enable() are safe beside log_write().
 */
#ifndef COMMON_LOG_H
#define COMMON_LOG_H

#include "common/err.h"
#include "common/strbuf.h"

#include <stdbool.h>
#include <stdint.h>

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

/* Named classes of -d; LOG_DEBUG messages are shown when their class is enabled. */
enum log_class {
	LOG_C_GUEST = 1 << 0,   /* what a guest did wrong ("guest_errors") */
	LOG_C_UNIMP = 1 << 1,   /* accesses to ports and memory that nothing answers */
	LOG_C_VIRTIO = 1 << 2,  /* virtio device status and queue set-up */
	LOG_C_PCI = 1 << 3,     /* BAR and routing changes */
	LOG_C_KVM = 1 << 4,     /* vCPU life, exits worth a line */
	LOG_C_BOOT = 1 << 5,    /* what the loader placed where */
	LOG_C_SANDBOX = 1 << 6, /* what the process may still do */
};

/* The prefix of every line ("vmm"); the string must outlive the program's last message.
 */
void log_init(const char *program);
/* The descriptor that lines are written to. */
int log_fd(void);
/* Opens the file of -D for append. */
int log_open(const char *path, struct err *err);
/* The time before each line, in UTC with microseconds. */
void log_timestamps(bool on);
/* Enables the comma-separated classes of -d; "help" and unknown names set err (-EINVAL).
 */
int log_enable(const char *classes, struct err *err);
/* Disables them; "none" in either disables all. */
int log_disable(const char *classes, struct err *err);
/* The name of the class 1 << index; NULL past the last. */
const char *log_class_name(unsigned index);
bool log_enabled(enum log_class cls);
/* The classes of -d, one a line. */
void log_help(struct strbuf *out);

/* One line; any thread. */
void log_write(enum log_level level, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
#define log_error(...) log_write(LOG_ERROR, __VA_ARGS__)
#define log_warn(...)  log_write(LOG_WARN, __VA_ARGS__)
#define log_info(...)  log_write(LOG_INFO, __VA_ARGS__)
#define log_debug(cls, ...)                                \
	do {                                               \
		if (log_enabled(cls))                      \
			log_write(LOG_DEBUG, __VA_ARGS__); \
	} while (0)

/* Bounds what a guest can write into the log: at most `burst` lines per second each. */
struct ratelimit {
	uint64_t window;  /* CLOCK_MONOTONIC seconds of the current window */
	unsigned printed; /* lines in this window */
	unsigned dropped; /* lines suppressed in this window */
};

/* True when the caller may print one line. Any thread; counts are approximate under
 * races. */
bool ratelimit_ok(struct ratelimit *rl, unsigned burst);

/* A warning caused by the guest: rate-limited, always at level WARN. */
#define log_guest(rl, ...)                                \
	do {                                              \
		if (ratelimit_ok(rl, 5))                  \
			log_write(LOG_WARN, __VA_ARGS__); \
	} while (0)

#endif
