/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Monitor commands as tables: one row gives the QMP command, the human monitor's command,
 * its help, its completion, and what query-qmp-schema says about it. The human monitor
 * prints the answer of the same handler.
 *
 * Handlers run in the main loop's thread under the machine lock, at the top of a loop
 * callback: those that must wait for vCPUs (pc_stop() and its siblings) may release the
 * lock meanwhile. Those that wait for another process return mon_later() instead.
 */
#ifndef VMM_MONITOR_COMMAND_H
#define VMM_MONITOR_COMMAND_H

#include "common/err.h"
#include "common/strbuf.h"

#include <jansson.h>
#include <stdint.h>

struct chardev;
struct mon_command;
struct monitors;
struct pc;
struct readline;
struct vm;

enum mon_arg_kind {
	MON_STR,
	MON_INT,  /* int64; the human monitor takes expressions of numbers */
	MON_SIZE, /* int64 bytes; the human monitor takes k, M, G; M when there is none */
	MON_BOOL, /* the human monitor takes on and off */
	MON_FLAG, /* MON_BOOL in QMP; "-x" in the human monitor */
	MON_REST, /* MON_STR; the human monitor takes the rest of the line */
	MON_FORMAT, /* human monitor: "/8xb" right behind the command, or nothing */
	MON_ANY,    /* any JSON; not in the human monitor */
	MON_OTHERS, /* the last row: arguments of any other name; QMP only */
};

/* A schema type that is more special than the kind. */
enum mon_arg_type {
	MON_OF_KIND,
	MON_OF_STRINGS,
	MON_OF_DATA_FORMAT,
	MON_OF_KEYS,
	MON_OF_IMAGE_FORMAT,
	MON_OF_INPUT_EVENTS,
	MON_OF_READ_ONLY_MODE,
	MON_OF_QMP_CAPABILITIES,
	MON_OF_MIGRATION_CAPABILITIES,
	MON_OF_NEW_IMAGE_MODE,
	MON_OF_WATCHDOG_ACTION,
	MON_OF_REBOOT_ACTION,
	MON_OF_SHUTDOWN_ACTION,
	MON_OF_PANIC_ACTION,
	MON_OF_STATS_TARGET,
	MON_OF_STATS_REQUESTS,
	MON_OF_STATS_PROVIDER,
	MON_OF_CPU_EXPANSION,
	MON_OF_CPU_MODEL,
};

/* Which values the human monitor's completion proposes. */
enum mon_proposal {
	MON_PROPOSE_NOTHING,
	MON_PROPOSE_CHARDEVS,
	MON_PROPOSE_DEVICES,
	MON_PROPOSE_DRIVERS,
	MON_PROPOSE_DRIVES,
	MON_PROPOSE_EVENTS,
	MON_PROPOSE_KEYS,
	MON_PROPOSE_NETS,
	MON_PROPOSE_TARGETS,
	MON_PROPOSE_WATCHDOG,
};

/* There are hundreds of rows: all but the name are bytes. */
struct mon_arg {
	const char *name; /* NULL ends a table */
	enum mon_arg_kind kind : 8;
	bool optional;
	char flag; /* MON_FLAG: the letter */
	enum mon_arg_type type : 8;
	enum mon_proposal propose : 8;
};

/* What a handler knows of its caller. */
struct mon_ctx {
	struct monitors *set;
	struct pc *pc;
	struct vm *vm;
	struct chardev *chr; /* its client is there */
	unsigned cpu;        /* the human monitor's current CPU */
	bool can_ask;        /* a person is there */
	/* Set by a handler that needs a secret: it is run again with what that person
	 * types, without an echo, as this argument. */
	const char *ask;
	const struct mon_command *asking;
	json_t *asking_args;
	const struct readline *readline; /* of a human monitor, else NULL */
	/* Of a command that is run again: not 0. */
	uint64_t deadline;
	uint64_t ticket; /* as its handler left it */
	bool later;      /* the last one did not end yet */
	bool quit;       /* it was quit: nothing follows */
};

struct mon_command {
	const char *qmp;            /* "query-status"; NULL: human monitor only */
	const char *hmp;            /* "info status", or "stop|s"; NULL: QMP only */
	const char *help;           /* one line */
	const struct mon_arg *args; /* NULL: none */
	const char *result; /* type in mon_types, "[X]" an array of it; NULL: nothing */
	/* args: an object that was checked against the table. *result stays NULL where
	 * the table says nothing, else it is owned by the caller. -ENODEV becomes QMP's
	 * class DeviceNotFound, -ENOTCONN DeviceNotActive, others GenericError. */
	int (*run)(struct mon_ctx *ctx, const json_t *args, json_t **result,
	           struct err *err);
	/* The answer for people; NULL: nothing is printed. A command without a QMP name
	 * may return a JSON string, which is printed as it is. */
	void (*print)(const json_t *result, struct strbuf *out);
};

/* All commands, by table; each table ends with an all-NULL row. NULL-terminated. */
extern const struct mon_command *const mon_tables[];

#define MON_FOR_EACH(command)                                                      \
	for (const struct mon_command *const *mon_t = mon_tables; *mon_t; mon_t++) \
		for (const struct mon_command *command = *mon_t; command->help; command++)

/* NULL when there is none. */
const struct mon_command *mon_find_qmp(const char *name);

/* For a handler that waits: has it run again, with the same arguments, when something
 * happened (monitors_go_on()) or ms after the first time. -EINPROGRESS, which is its
 * result then, or -ETIMEDOUT without a sentence when that time is over. No other command
 * of the session runs meanwhile. */
int mon_later(struct mon_ctx *ctx, unsigned ms);

/* Runs it; an error that may come from the sandbox says so. -EINPROGRESS: ctx->later. */
int mon_run(const struct mon_command *command, struct mon_ctx *ctx, const json_t *args,
            json_t **result, struct err *err);
/* Checks names, types and presence; the sentence names the argument. args may be NULL (no
 * arguments were given). */
int mon_check_args(const struct mon_command *command, const json_t *args,
                   struct err *err);

/* Arguments of a checked object; the default when it is absent. */
const char *mon_str(const json_t *args, const char *name, const char *def);
int64_t mon_int(const json_t *args, const char *name, int64_t def);
bool mon_bool(const json_t *args, const char *name, bool def);

/* A JSON string of any bytes: what is not UTF-8 becomes '?'. */
json_t *mon_text(const char *text);

/* ---- schema ---- */

/* Members of an object type are strings, which end with NULL: a letter, that of the type
 * "str", "int", "bool", "number" or "any", and the name, "*name" when it is optional;
 * where the letter is '=' the next string is the type, "[x]" or the name of a row. */
#define MON_OBJECT "{"
#define MON_ENUM   "="

struct mon_type {
	const char *name;        /* behind MON_OBJECT or MON_ENUM; NULL ends the table */
	const char *const *list; /* members, or names of values, up to NULL */
};

extern const struct mon_type mon_types[];

const struct mon_type *mon_find_type(const char *name);

struct mon_event {
	const char *name;
	const char *data; /* type, or NULL */
};

extern const struct mon_event mon_events[];

/* The answer of query-qmp-schema. Owned by the caller. */
json_t *mon_schema(void);
/* 0 when value is what `type` describes; else -EINVAL and where it is not. For tests:
 * handlers are held to what the schema promises. */
int mon_check_type(const char *type, const json_t *value, struct err *err);

#endif
