// SPDX-License-Identifier: GPL-2.0-or-later
/* Base64 in both directions: three bytes are four digits. */
#include "common/base64.h"

#include <errno.h>
#include <string.h>

static const char digits[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_encode(const uint8_t *data, size_t len, struct strbuf *out)
{
	for (size_t i = 0; i < len; i += 3) {
		size_t n = len - i < 3 ? len - i : 3;
		uint32_t bits = data[i] << 16 | (n > 1 ? data[i + 1] << 8 : 0) |
		                (n > 2 ? data[i + 2] : 0);

		for (unsigned c = 0; c < 4; c++)
			strbuf_addc(out, c > n ? '=' : digits[bits >> (18 - 6 * c) & 63]);
	}
}

int base64_decode(const char *text, struct strbuf *out)
{
	size_t len = strlen(text);

	if (len % 4)
		return -EINVAL;
	for (size_t i = 0; i < len; i += 4) {
		unsigned pad = 0;
		uint32_t bits = 0;

		for (unsigned c = 0; c < 4; c++) {
			const char *digit = strchr(digits, text[i + c]);
			bool end = i + 4 == len && c > 1 && text[i + c] == '=';

			if ((!digit && !end) || (pad && !end))
				return -EINVAL;
			pad += end;
			bits = bits << 6 | (end ? 0 : digit - digits);
		}
		for (unsigned n = 0; n < 3 - pad; n++)
			strbuf_addc(out, bits >> (16 - 8 * n));
	}
	return 0;
}
