/* SPDX-License-Identifier: GPL-2.0-or-later */
/* JSON as qemu-img lays it out: four blanks a level. Strings may be any bytes. */
#ifndef IMG_JSON_H
#define IMG_JSON_H

#include "common/strbuf.h"

#include <stdbool.h>
#include <stdint.h>

/* Zero-initialize but for out. */
struct json {
	struct strbuf *out;
	unsigned level;
	bool more; /* a member came before */
};

/* kind: '{' or '['; key: NULL outside an object. */
void json_open(struct json *json, const char *key, char kind);
void json_close(struct json *json, char kind);
void json_number(struct json *json, const char *key, uint64_t value);
void json_string(struct json *json, const char *key, const char *text);
void json_bool(struct json *json, const char *key, bool value);

#endif
