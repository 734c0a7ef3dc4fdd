// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * QMP, the monitor for programs: greeting, negotiation, commands with ids, errors with a
 * class. Messages are one JSON object a line, as the public QMP specification has it;
 * the wording of errors follows what clients already parse.
 */
#include "common/cleanup.h"
#include "vmm/monitor/session.h"

#include <errno.h>
#include <string.h>

void qmp_send(struct monitor *mon, const json_t *value)
{
	_cleanup_free_ char *text = json_dumps(value, mon->pretty ? JSON_INDENT(4) : 0);
	struct strbuf lines = { .data = text, .len = text ? strlen(text) : 0 };

	hmp_add_lines(&mon->out, &lines);
	strbuf_adds(&mon->out, "\r\n");
}

static void send_new(struct monitor *mon, json_t *value)
{
	qmp_send(mon, value);
	json_decref(value);
}

void qmp_greet(struct monitor *mon)
{
	send_new(mon, json_pack("{s:{s:o, s:[]}}", "QMP", "version", mon_version(),
	                        "capabilities"));
}

/* id: borrowed, or NULL. */
static void send_error(struct monitor *mon, const char *cls, const char *text, json_t *id)
{
	send_new(mon, json_pack("{s:{s:s, s:o}, s:O*}", "error", "class", cls, "desc",
	                        mon_text(text), "id", id));
}

static const char *check_request(const json_t *request, struct err *err)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)request, key, value)
	{
		if (!strcmp(key, "execute") && !json_is_string(value))
			err_set(err, EINVAL,
			        "QMP input member 'execute' must be a string");
		else if (!strcmp(key, "arguments") && !json_is_object(value))
			err_set(err, EINVAL,
			        "QMP input member 'arguments' must be an object");
		else if (strcmp(key, "execute") && strcmp(key, "arguments") &&
		         strcmp(key, "id"))
			err_set(err, EINVAL, "QMP input member '%s' is unexpected", key);
	}
	if (!err->code && !json_object_get(request, "execute"))
		err_set(err, EINVAL, "QMP input lacks member 'execute'");
	return err->code ? NULL : json_string_value(json_object_get(request, "execute"));
}

static void negotiate(struct monitor *mon, const json_t *args, json_t *id)
{
	const json_t *enable = json_object_get(args, "enable");

	if (mon->negotiated) {
		send_error(
			mon, "CommandNotFound",
			"Capabilities negotiation is already complete, command ignored",
			id);
	} else if (json_array_size(enable)) {
		send_error(mon, "GenericError",
		           "QMP capability in 'enable' is not available", id);
	} else {
		mon->negotiated = true;
		send_new(mon, json_pack("{s:{}, s:O*}", "return", "id", id));
	}
}

static void execute(struct monitor *mon, const struct mon_command *command,
                    const json_t *args, json_t *id)
{
	struct err err = { 0 };
	json_t *result = NULL;
	json_t *none = json_object();
	int ret = mon_check_args(command, args, &err);

	if (ret >= 0)
		ret = mon_run(command, &mon->ctx, args ? args : none, &result, &err);
	if (ret < 0 && !mon->ctx.later)
		send_error(mon,
		           ret == -ENODEV     ? "DeviceNotFound"
		           : ret == -ENOTCONN ? "DeviceNotActive"
		                              : "GenericError",
		           err.code ? err.text : strerror(-ret), id);
	else if (ret >= 0)
		send_new(mon, json_pack("{s:O, s:O*}", "return", result ? result : none,
		                        "id", id));
	json_decref(result);
	json_decref(none);
}

static void dispatch(struct monitor *mon, const json_t *request)
{
	json_t *id = json_object_get(request, "id");
	const json_t *args = json_object_get(request, "arguments");
	const struct mon_command *command;
	struct err err = { 0 };
	const char *name = check_request(request, &err);

	if (!name) {
		send_error(mon, "GenericError", err.text, id);
		return;
	}
	if (!strcmp(name, "qmp_capabilities")) {
		negotiate(mon, args, id);
		return;
	}
	if (!mon->negotiated) {
		send_error(mon, "CommandNotFound",
		           "Expecting capabilities negotiation with 'qmp_capabilities'",
		           id);
		return;
	}
	command = mon_find_qmp(name);
	if (!command) {
		err_set(&err, ENOENT, "The command %.200s has not been found", name);
		send_error(mon, "CommandNotFound", err.text, id);
		return;
	}
	execute(mon, command, args, id);
}

void qmp_go_on(struct monitor *mon)
{
	json_t *request = mon->request;

	mon->request = NULL;
	mon->ctx.later = false;
	dispatch(mon, request);
	if (mon->ctx.later)
		mon->request = request;
	else
		json_decref(request);
}

void qmp_forget(struct monitor *mon)
{
	json_decref(mon->request);
	mon->request = NULL;
}

bool qmp_feed(struct monitor *mon, uint8_t byte)
{
	const char *reason = NULL;

	switch (jsonstream_feed(&mon->json, byte, &mon->request, &reason)) {
	case JSONSTREAM_MORE:
		return false;
	case JSONSTREAM_ERROR:
		send_error(mon, "GenericError", reason, NULL);
		return true;
	case JSONSTREAM_OBJECT:
		break;
	}
	qmp_go_on(mon);
	return true;
}
