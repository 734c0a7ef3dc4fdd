// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Fuzz target: what a helper that was taken over tells vmm. The input is a row of
 * reports. Beyond "does not crash": the display is watched only as reports say, names
 * end, and a packet that is no report ends the helper.
 */
#include "common/spawn.h"

/* There is no process behind this one. */
#define spawn_kill(child) ((void)(child))
#define spawn_wait(child) ((void)(child))
#include "vmm/display/vnc.c"
#undef spawn_kill
#undef spawn_wait

#include "tests/dev/legacy-lib.h"
#include "tests/fuzz/input-lib.h"
#include "vmm/legacy/i8042.h"

static void take(struct board *b, struct vnc *vnc, int helper, const uint8_t *data,
                 size_t len)
{
	struct vnc_report r = { 0 };
	/* One in 16 has another length. */
	size_t size = len && data[0] >> 4 == 15 ? len : sizeof(r);

	memcpy(&r, data, len < sizeof(r) ? len : sizeof(r));
	r.type &= 0xff0f;
	require(send(helper, &r, size < sizeof(r) ? size : sizeof(r), 0) > 0);
	board_settle(b);
	require(vnc->client_count <= VNC_MAX_CLIENTS);
	for (unsigned i = 0; i < vnc->client_count; i++)
		require(memchr(vnc->clients[i].host, 0, sizeof(vnc->clients[i].host)) &&
		        memchr(vnc->clients[i].service, 0,
		               sizeof(vnc->clients[i].service)));
	require(vnc->control >= 0 || (!vnc->watching && !vnc->client_count));
	require(vnc->control < 0 || (size == sizeof(r) && r.type <= VNC_WISH));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct board b;
	struct vnc vnc = { .consumer = { .update = on_update, .opaque = &vnc } };
	int pair[2];

	board_init(&b, false);
	board_add(&b, &i8042_class, "");
	vnc.loop = b.vm.loop;
	vnc.input = b.vm.input;
	vnc.display = display_new(b.vm.loop, NULL);
	require(vnc.display &&
	        !socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair));
	vnc.control = pair[0];
	loop_add(vnc.loop, &vnc.control_watch, vnc.control, EPOLLIN, on_report, &vnc);
	while (size && vnc.control >= 0) {
		size_t len = size < 24 ? size : 24;

		take(&b, &vnc, pair[1], data, len);
		data += len;
		size -= len;
	}
	end_helper(&vnc);
	close(pair[1]);
	board_free(&b);
	display_free(vnc.display);
	return 0;
}
