/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Cuts a byte stream into JSON objects without waiting for line ends, as QMP's clients
 * send them. Strings in single quotes, which people type, become proper ones. Bounded in
 * size and depth.
 */
#ifndef VMM_MONITOR_JSONSTREAM_H
#define VMM_MONITOR_JSONSTREAM_H

#include "common/strbuf.h"

#include <jansson.h>
#include <stdint.h>

enum {
	JSONSTREAM_MAX = 1 << 20, /* bytes of one object */
	JSONSTREAM_DEPTH = 64,
};

struct jsonstream {
	struct strbuf text; /* of the object that is being read */
	unsigned depth;
	char quote; /* the string that is being read opened with it; 0: none */
	bool escaped;
	bool skipping; /* after an error: until the end of the line */
};

enum jsonstream_result {
	JSONSTREAM_MORE,   /* nothing complete yet */
	JSONSTREAM_OBJECT, /* *value is the caller's */
	JSONSTREAM_ERROR,  /* *reason is static; the rest of the line will be skipped */
};

/* Takes one byte. */
enum jsonstream_result jsonstream_feed(struct jsonstream *js, uint8_t byte,
                                       json_t **value, const char **reason);
void jsonstream_reset(struct jsonstream *js);

#endif
