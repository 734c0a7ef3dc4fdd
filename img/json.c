// SPDX-License-Identifier: GPL-2.0-or-later
/* A writer of JSON: jansson would sort or pack it in another way. */
#include "img/json.h"

#include <string.h>

static void quote(struct strbuf *out, const char *text)
{
	strbuf_addc(out, '"');
	for (; *text; text++) {
		unsigned char c = *text;

		if (c == '"' || c == '\\')
			strbuf_addf(out, "\\%c", c);
		else if (c < ' ' || c == 127)
			strbuf_addf(out, "\\u%04x", c);
		else
			strbuf_addc(out, c);
	}
	strbuf_addc(out, '"');
}

static void begin(struct json *json, const char *key)
{
	if (json->level)
		strbuf_addf(json->out, "%s\n%*s", json->more ? "," : "", json->level * 4,
		            "");
	json->more = true;
	if (key) {
		quote(json->out, key);
		strbuf_adds(json->out, ": ");
	}
}

void json_open(struct json *json, const char *key, char kind)
{
	begin(json, key);
	strbuf_addc(json->out, kind);
	json->level++;
	json->more = false;
}

void json_close(struct json *json, char kind)
{
	json->level--;
	strbuf_addf(json->out, "\n%*s%c%s", json->level * 4, "", kind,
	            json->level ? "" : "\n");
	json->more = true;
}

void json_number(struct json *json, const char *key, uint64_t value)
{
	begin(json, key);
	strbuf_addf(json->out, "%llu", (unsigned long long)value);
}

void json_string(struct json *json, const char *key, const char *text)
{
	begin(json, key);
	quote(json->out, text);
}

void json_bool(struct json *json, const char *key, bool value)
{
	begin(json, key);
	strbuf_adds(json->out, value ? "true" : "false");
}
