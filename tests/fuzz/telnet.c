// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Fuzz target: what a telnet peer sends. Beyond "does not crash": data is never more than
 * what came, an answer is one refusal of three bytes for an option that was just named,
 * and bytes that are not the protocol's pass unchanged.
 */
#include "vmm/chardev/telnet.h"
#include "tests/fuzz/input-lib.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct telnet t = { 0 };
	bool plain = !memchr(data, TELNET_IAC_BYTE, size) && !memchr(data, '\r', size);
	size_t passed = 0;

	for (size_t i = 0; i < size; i++) {
		bool in_option = t.state == TELNET_OPTION;
		enum telnet_action action = telnet_feed(&t, data[i]);

		passed += action == TELNET_PASS;
		require(t.reply_len == 0 || t.reply_len == 3);
		require(!t.reply_len ||
		        (in_option && action == TELNET_EAT && t.reply[2] == data[i] &&
		         t.reply[0] == TELNET_IAC_BYTE));
	}
	require(passed <= size && (!plain || passed == size));
	return 0;
}
