// SPDX-License-Identifier: GPL-2.0-or-later
/* JSON to option lists. Depth and width are bounded by the parser of QMP and by
 * OPT_LIST_MAX. */
#include "vmm/monitor/jsonopts.h"

#include "common/cleanup.h"
#include "common/strbuf.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int jsonopts_add(struct opt_list *opts, const char *key, const json_t *value,
                 struct err *err)
{
	char number[24];
	const char *text = json_string_value(value);
	int ret;

	if (json_is_boolean(value))
		text = json_is_true(value) ? "on" : "off";
	if (json_is_integer(value)) {
		snprintf(number, sizeof(number), "%lld",
		         (long long)json_integer_value(value));
		text = number;
	}
	/* Nothing is below an image. */
	if (json_is_null(value) && !strcmp(key, "backing"))
		text = "";
	if (!text)
		return err_usage(err, "Invalid parameter type for '%s'", key);
	ret = opt_list_add(opts, key, text);
	return ret < 0 ? err_sys(err, -ret, "%s", key) : 0;
}

static int add_value(struct opt_list *opts, const char *key, const json_t *value,
                     struct err *err);

static int add_members(struct opt_list *opts, const char *outer, const json_t *object,
                       struct err *err)
{
	const char *member;
	json_t *value;
	int ret = 0;

	json_object_foreach((json_t *)object, member, value)
	{
		_cleanup_strbuf_ struct strbuf key = { 0 };

		strbuf_addf(&key, "%s%s%s", outer, *outer ? "." : "", member);
		ret = key.failed ? err_sys(err, ENOMEM, "%s", member)
		                 : add_value(opts, key.data, value, err);
		if (ret < 0)
			break;
	}
	return ret;
}

static int add_value(struct opt_list *opts, const char *key, const json_t *value,
                     struct err *err)
{
	const json_t *item, *text;
	size_t i;
	int ret = 0;

	if (json_is_object(value))
		return add_members(opts, key, value, err);
	if (!json_is_array(value))
		return jsonopts_add(opts, key, value, err);
	json_array_foreach(value, i, item)
	{
		text = json_object_get(item, "str");
		ret = jsonopts_add(opts, key, text ? text : item, err);
		if (ret < 0)
			break;
	}
	return ret;
}

int jsonopts_flatten(struct opt_list *opts, const json_t *object, struct err *err)
{
	return add_members(opts, "", object, err);
}
