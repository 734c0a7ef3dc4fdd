// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * JSON becomes the text that a person would have typed: what collects, checks and
 * explains options sees no difference.
 */
#include "vmm/main/cli-json.h"

#include "common/cleanup.h"
#include "common/opts.h"
#include "vmm/monitor/jsonopts.h"
#include "vmm/monitor/jsonstream.h"

#include <errno.h>
#include <string.h>

static json_t *parse(const char *text, struct err *err)
{
	struct jsonstream js = { 0 };
	const char *reason = "JSON parse error, the object does not end";
	json_t *object = NULL;

	while (*text && !object) {
		if (jsonstream_feed(&js, *text++, &object, &reason) == JSONSTREAM_ERROR)
			break;
	}
	jsonstream_reset(&js);
	if (!object)
		err_usage(err, "%s", reason);
	else if (text[strspn(text, " \t\r\n")])
		err_usage(err, "JSON parse error, '%s' is behind the object", text);
	if (err->code) {
		json_decref(object);
		return NULL;
	}
	return object;
}

static void add_value(struct strbuf *out, const char *value)
{
	for (; *value; value++)
		strbuf_addf(out, *value == ',' ? ",," : "%c", *value);
}

static int add_pairs(struct strbuf *out, struct opt_list *opts, const char *implied,
                     struct err *err)
{
	const char *first = opt_list_take(opts, implied);

	if (!first || !*first || strchr(first, '='))
		return err_usage(err, "Parameter '%s' is missing", implied);
	add_value(out, first);
	for (unsigned i = 0; i < opts->count; i++) {
		const struct opt *opt = &opts->opts[i];

		if (opt->used)
			continue;
		if (!*opt->key || strpbrk(opt->key, ",="))
			return err_usage(err, "Parameter '%s' is unexpected", opt->key);
		strbuf_addf(out, ",%s=", opt->key);
		add_value(out, opt->value);
	}
	return out->failed ? err_sys(err, ENOMEM, "JSON") : 0;
}

char *cli_json_text(const char *json, const char *implied, struct err *err)
{
	struct opt_list opts = { 0 };
	struct strbuf out = { 0 };
	json_t *object = parse(json, err);
	int ret = object ? jsonopts_flatten(&opts, object, err) : -err->code;

	if (ret >= 0)
		ret = add_pairs(&out, &opts, implied, err);
	json_decref(object);
	opt_list_free(&opts);
	if (ret >= 0)
		return strbuf_take(&out);
	strbuf_free(&out);
	return NULL;
}
