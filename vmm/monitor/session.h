/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between the files of the monitor: one session, and its two languages. */
#ifndef VMM_MONITOR_SESSION_H
#define VMM_MONITOR_SESSION_H

#include "vmm/loop/loop.h"
#include "vmm/monitor/command.h"
#include "vmm/monitor/jsonstream.h"
#include "vmm/monitor/monitor.h"
#include "vmm/monitor/readline.h"

#define HMP_PROMPT "(qemu) "

enum {
	MONITOR_IN = 4096,           /* bytes of input that wait for their turn */
	MONITOR_OUT_BUSY = 64 << 10, /* output beyond which no new command is read */
	MONITOR_OUT_MAX = 1 << 20,   /* … and no event is queued */
};

struct monitor {
	struct monitors *set;
	struct monitor *next;
	struct chardev *chr;
	enum monitor_mode mode;
	bool pretty, open;
	bool unfocused; /* the character device is shared, and another has the input */
	uint8_t in[MONITOR_IN];
	unsigned in_len;
	struct strbuf out;
	size_t out_pos; /* written so far */
	unsigned events_lost;
	struct loop_work work;
	struct mon_ctx ctx;
	/* HMP */
	struct readline rl;
	/* QMP */
	struct jsonstream json;
	bool negotiated;
	/* While a command waits (ctx.later). */
	struct loop_timer timer;
	json_t *request; /* of QMP; the human monitor's is the line */
};

/* Descriptors that clients passed, by name. */
enum { MONITOR_FDS = 64 };
struct named_fd {
	char *name;
	int fd;
};

struct monitors {
	struct pc *pc;
	struct vm *vm;
	struct monitor *first;
	struct gdb *gdb;            /* -gdb, or NULL */
	struct event_limit *limits; /* of events in this second */
	uint64_t started;           /* CLOCK_MONOTONIC ns */
	struct named_fd fds[MONITOR_FDS];
	unsigned fd_count;
	unsigned compat_count; /* of chardevs that -monitor and -qmp named */
};

/* Opens the server for GDB, instead of one that is there; "none": closes it. */
int monitors_set_gdb(struct monitors *set, const char *dev, struct err *err);

/* Closes what getfd left. cmd-fd.c */
void mon_close_fds(struct monitors *set);

/* Each takes one byte and returns true when that ran a command. */
bool hmp_feed(struct monitor *mon, uint8_t byte);
bool qmp_feed(struct monitor *mon, uint8_t byte);
/* A command that waited is run again. */
void hmp_go_on(struct monitor *mon);
void qmp_go_on(struct monitor *mon);
/* Something happened that one may wait for. For net_registry_on_progress(). */
void monitors_go_on(void *set);
/* The line that is typed, and a question that waits for it, are forgotten; the request
 * that waits. */
void hmp_forget(struct monitor *mon);
void qmp_forget(struct monitor *mon);
/* A client came. */
void hmp_greet(struct monitor *mon);
void qmp_greet(struct monitor *mon);

/* Runs one line of the human monitor; what it prints is appended to out, lines end in LF:
 * nothing while ctx->later. */
void hmp_run(struct mon_ctx *ctx, const char *line, struct strbuf *out);
/* Appends text, with line ends as terminals and clients expect them: CR LF. */
void hmp_add_lines(struct strbuf *out, const struct strbuf *text);
/* One of the names in "stop|s" is the n characters at word. */
bool hmp_is_named(const char *names, const char *word, size_t n);
/* Completion of a line, for readline. ctx is a struct mon_ctx. */
void hmp_complete(void *ctx, const char *before_cursor,
                  void (*add)(void *opaque, const char *word), void *opaque);

/* Appends an object and an end of line to the session's output. */
void qmp_send(struct monitor *mon, const json_t *value);

/* The version as greeting and query-version give it. */
json_t *mon_version(void);

/* One event to all sessions that negotiated, now or when its limit allows. For
 * vm->on_event. */
struct vm_event_field;
void monitors_event(void *set, const char *name, const struct vm_event_field *fields);
/* Whether a session negotiated. */
bool monitors_any_listens(const struct monitors *set);
/* To each of them, at once. */
void monitors_send(struct monitors *set, const json_t *event);
/* Those that wait are never sent. */
void monitors_forget_events(struct monitors *set);

#endif
