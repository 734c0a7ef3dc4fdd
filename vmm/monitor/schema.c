// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * query-qmp-schema: what the tables say, in the form of QAPI's introspection (SchemaInfo
 * in the QMP reference). Type names are those of mon_types; an array of X is "[X]", the
 * arguments of a command C are "C-arg".
 */
#include "vmm/monitor/command.h"

#include "common/cleanup.h"

#include <errno.h>
#include <string.h>

static const struct builtin {
	const char *name, *json_type;
} builtins[] = {
	{ "str", "string" },    { "int", "int" },   { "bool", "boolean" },
	{ "number", "number" }, { "any", "value" },
};

static const struct builtin *find_builtin(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(builtins); i++)
		if (!strcmp(builtins[i].name, name))
			return &builtins[i];
	return NULL;
}

struct member {
	const char *name, *type;
	bool optional;
};

/* Reads the member at `at`; returns where the next one is, NULL when there was none. */
static const char *const *next_member(const char *const *at, struct member *m)
{
	const char *text = *at++;

	if (!text)
		return NULL;
	m->type = NULL;
	for (size_t i = 0; i < ARRAY_SIZE(builtins); i++)
		if (*builtins[i].name == *text)
			m->type = builtins[i].name;
	if (!m->type)
		m->type = *at++;
	m->optional = text[1] == '*';
	m->name = text + 1 + m->optional;
	return at;
}

const struct mon_type *mon_find_type(const char *name)
{
	for (const struct mon_type *type = mon_types; type->name; type++)
		if (!strcmp(type->name + 1, name))
			return type;
	return NULL;
}

static bool is_object(const struct mon_type *type)
{
	return *type->name == *MON_OBJECT;
}

static const char *arg_type(const struct mon_arg *arg)
{
	static const char *const kinds[] = {
		[MON_STR] = "str",   [MON_INT] = "int",    [MON_SIZE] = "int",
		[MON_BOOL] = "bool", [MON_FLAG] = "bool",  [MON_REST] = "str",
		[MON_ANY] = "any",   [MON_FORMAT] = "str", [MON_OTHERS] = "any",
	};
	static const char *const types[] = {
		[MON_OF_STRINGS] = "[str]",
		[MON_OF_DATA_FORMAT] = "DataFormat",
		[MON_OF_KEYS] = "[KeyValue]",
		[MON_OF_IMAGE_FORMAT] = "ImageFormat",
		[MON_OF_INPUT_EVENTS] = "[InputEvent]",
		[MON_OF_READ_ONLY_MODE] = "BlockdevChangeReadOnlyMode",
		[MON_OF_QMP_CAPABILITIES] = "[QMPCapability]",
		[MON_OF_MIGRATION_CAPABILITIES] = "[MigrationCapabilityStatus]",
		[MON_OF_NEW_IMAGE_MODE] = "NewImageMode",
		[MON_OF_WATCHDOG_ACTION] = "WatchdogAction",
		[MON_OF_REBOOT_ACTION] = "RebootAction",
		[MON_OF_SHUTDOWN_ACTION] = "ShutdownAction",
		[MON_OF_PANIC_ACTION] = "PanicAction",
		[MON_OF_STATS_TARGET] = "StatsTarget",
		[MON_OF_STATS_REQUESTS] = "[StatsRequest]",
		[MON_OF_STATS_PROVIDER] = "StatsProvider",
		[MON_OF_CPU_EXPANSION] = "CpuModelExpansionType",
		[MON_OF_CPU_MODEL] = "CpuModelInfo",
	};

	return arg->type ? types[arg->type] : kinds[arg->kind];
}

/* ---- the list ---- */

static bool known(const json_t *list, const char *name)
{
	size_t i;
	json_t *info;

	json_array_foreach(
		list, i,
		info) if (!strcmp(json_string_value(json_object_get(info, "name")),
	                          name)) return true;
	return false;
}

/* Arrays are described where they are first used. */
static void use_type(json_t *list, const char *name)
{
	_cleanup_free_ char *element = NULL;

	if (*name != '[' || known(list, name))
		return;
	element = strndup(name + 1, strlen(name) - 2);
	if (element)
		json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "name", name,
		                                      "meta-type", "array",
		                                      "element-type", element));
}

static json_t *member(json_t *list, const char *name, const char *type, bool optional)
{
	json_t *info = json_pack("{s:s, s:s}", "name", name, "type", type);

	use_type(list, type);
	if (optional)
		json_object_set_new(info, "default", json_null());
	return info;
}

static void add_object(json_t *list, const char *name, json_t *members)
{
	json_array_append_new(list, json_pack("{s:s, s:s, s:o}", "name", name,
	                                      "meta-type", "object", "members", members));
}

static void add_type(json_t *list, const struct mon_type *type)
{
	json_t *items = json_array();
	struct member m;

	if (!is_object(type)) {
		for (const char *const *v = type->list; *v; v++)
			json_array_append_new(items, json_string(*v));
		json_array_append_new(list,
		                      json_pack("{s:s, s:s, s:o}", "name", type->name + 1,
		                                "meta-type", "enum", "values", items));
		return;
	}
	for (const char *const *at = type->list; (at = next_member(at, &m));)
		json_array_append_new(items, member(list, m.name, m.type, m.optional));
	add_object(list, type->name + 1, items);
}

static void add_command(json_t *list, const struct mon_command *command)
{
	json_t *members = json_array();
	char name[128] = "empty";
	const char *result = command->result ? command->result : "empty";

	if (command->args)
		snprintf(name, sizeof(name), "%s-arg", command->qmp);
	use_type(list, result);
	json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s}", "name",
	                                      command->qmp, "meta-type", "command",
	                                      "arg-type", name, "ret-type", result));
	for (const struct mon_arg *arg = command->args;
	     arg && arg->name && arg->kind != MON_OTHERS; arg++)
		json_array_append_new(
			members, member(list, arg->name, arg_type(arg), arg->optional));
	if (command->args)
		add_object(list, name, members);
	else
		json_decref(members);
}

json_t *mon_schema(void)
{
	json_t *list = json_array();

	MON_FOR_EACH(command)
	if (command->qmp)
		add_command(list, command);
	for (const struct mon_event *event = mon_events; event->name; event++)
		json_array_append_new(list,
		                      json_pack("{s:s, s:s, s:s}", "name", event->name,
		                                "meta-type", "event", "arg-type",
		                                event->data ? event->data : "empty"));
	for (const struct mon_type *type = mon_types; type->name; type++)
		add_type(list, type);
	for (size_t i = 0; i < ARRAY_SIZE(builtins); i++)
		json_array_append_new(list,
		                      json_pack("{s:s, s:s, s:s}", "name",
		                                builtins[i].name, "meta-type", "builtin",
		                                "json-type", builtins[i].json_type));
	add_object(list, "empty", json_array());
	return list;
}

/* ---- holding values to it ---- */

static bool is_builtin(const char *name, const json_t *value)
{
	return !strcmp(name, "any") || (!strcmp(name, "str") && json_is_string(value)) ||
	       (!strcmp(name, "int") && json_is_integer(value)) ||
	       (!strcmp(name, "bool") && json_is_boolean(value)) ||
	       (!strcmp(name, "number") && json_is_number(value));
}

static int check_array(const char *type, const json_t *value, struct err *err)
{
	_cleanup_free_ char *element = strndup(type + 1, strlen(type) - 2);
	size_t i;
	json_t *item;
	int ret = 0;

	if (!json_is_array(value) || !element)
		return err_set(err, EINVAL, "no %s", type);
	json_array_foreach(value, i,
	                   item) if (ret >= 0 &&
	                             (ret = mon_check_type(element, item, err)) < 0)
		err_prefix(err, "[%zu]", i);
	return ret;
}

static int check_object(const struct mon_type *type, const json_t *value, struct err *err)
{
	const char *name = type->name + 1;
	size_t found = 0;
	struct member m;
	int ret = 0;

	if (!json_is_object(value))
		return err_set(err, EINVAL, "no %s", name);
	for (const char *const *at = type->list;
	     ret >= 0 && (at = next_member(at, &m));) {
		const json_t *item = json_object_get(value, m.name);

		found += !!item;
		if (!item && !m.optional)
			ret = err_set(err, EINVAL, "%s lacks '%s'", name, m.name);
		else if (item && (ret = mon_check_type(m.type, item, err)) < 0)
			err_prefix(err, "%s.%s", name, m.name);
	}
	if (ret >= 0 && found != json_object_size(value))
		ret = err_set(err, EINVAL, "%s has members that its type lacks", name);
	return ret;
}

int mon_check_type(const char *name, const json_t *value, struct err *err)
{
	const struct mon_type *type;

	if (*name == '[')
		return check_array(name, value, err);
	if (find_builtin(name))
		return is_builtin(name, value) ? 0 : err_set(err, EINVAL, "no %s", name);
	type = mon_find_type(name);
	if (!type)
		return err_set(err, EINVAL, "type %s is not described", name);
	if (is_object(type))
		return check_object(type, value, err);
	for (const char *const *v = type->list; *v; v++)
		if (json_is_string(value) && !strcmp(json_string_value(value), *v))
			return 0;
	return err_set(err, EINVAL, "no %s", name);
}
