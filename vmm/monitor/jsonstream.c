// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Framing of QMP input: finds where an object ends by counting brackets outside strings,
 * then leaves the parsing to jansson. What is not JSON at all is refused at once, so that
 * garbage cannot pile up.
 */
#include "vmm/monitor/jsonstream.h"

#include <string.h>

void jsonstream_reset(struct jsonstream *js)
{
	strbuf_free(&js->text);
	*js = (struct jsonstream){ 0 };
}

static enum jsonstream_result refuse(struct jsonstream *js, const char **reason,
                                     const char *why)
{
	jsonstream_reset(js);
	js->skipping = true;
	*reason = why;
	return JSONSTREAM_ERROR;
}

/* Inside a string: copies, with the quotes that JSON wants. */
static void take_string(struct jsonstream *js, char c)
{
	if (js->escaped) {
		js->escaped = false;
		/* \' is no escape of JSON. */
		if (c == '\'' && js->text.len)
			js->text.data[--js->text.len] = '\0';
		strbuf_addc(&js->text, c);
	} else if (c == '\\') {
		js->escaped = true;
		strbuf_addc(&js->text, c);
	} else if (c == js->quote) {
		js->quote = 0;
		strbuf_addc(&js->text, '"');
	} else {
		if (c == '"')
			strbuf_addc(&js->text, '\\');
		strbuf_addc(&js->text, c);
	}
}

static void take_structure(struct jsonstream *js, char c)
{
	if (c == '"' || c == '\'') {
		js->quote = c;
		c = '"';
	} else if (c == '{' || c == '[') {
		js->depth++;
	} else if (c == '}' || c == ']') {
		js->depth--;
	}
	strbuf_addc(&js->text, c);
}

static enum jsonstream_result finish(struct jsonstream *js, json_t **value,
                                     const char **reason)
{
	if (js->text.failed)
		return refuse(js, reason, "out of memory");
	*value = json_loadb(js->text.data, js->text.len, JSON_REJECT_DUPLICATES, NULL);
	if (!*value)
		return refuse(js, reason, "JSON parse error, invalid syntax");
	jsonstream_reset(js);
	return JSONSTREAM_OBJECT;
}

enum jsonstream_result jsonstream_feed(struct jsonstream *js, uint8_t byte,
                                       json_t **value, const char **reason)
{
	if (js->skipping) {
		js->skipping = byte != '\n';
		return JSONSTREAM_MORE;
	}
	if (!js->depth) {
		/* 0xff starts a session anew for clients that lost track. */
		if (byte == 0xff || memchr(" \t\r\n", byte, 4))
			return JSONSTREAM_MORE;
		if (byte != '{')
			return refuse(js, reason,
			              "JSON parse error, expecting an object");
	}
	if (js->text.len >= JSONSTREAM_MAX)
		return refuse(js, reason, "JSON object too long");
	if (js->quote)
		take_string(js, byte);
	else
		take_structure(js, byte);
	if (js->depth > JSONSTREAM_DEPTH)
		return refuse(js, reason, "JSON nesting too deep");
	return js->depth ? JSONSTREAM_MORE : finish(js, value, reason);
}
