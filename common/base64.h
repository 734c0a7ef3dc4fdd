/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Base64 (RFC 4648, 4). */
#ifndef COMMON_BASE64_H
#define COMMON_BASE64_H

#include "common/strbuf.h"

#include <stdint.h>

/* Appends to out. */
void base64_encode(const uint8_t *data, size_t len, struct strbuf *out);
/* Appends to out; -EINVAL when text is not base64 with its padding. */
int base64_decode(const char *text, struct strbuf *out);

#endif
