// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Fuzz target: the frames between a guest and the user network, which both may make up.
 * Beyond "does not crash": libslirp is given no IPv6 packet above its MTU, no data is
 * made or lost on the way to it, and the guest gets whole frames, uncut only if it takes
 * them so.
 *
 * The format, all little-endian: a byte of offloads (enum netproto_offload), then frames:
 * u8 direction (bit 0: to the guest), u16 length, u8 bytes that are given, those; the
 * rest is zeros.
 */
#include "common/cleanup.h"
#include "tests/fuzz/input-lib.h"
#include "vmm/helpers/user-net/offload.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct joiner joiner;
static struct frames out, in;
static uint8_t frame[FRAMES_MAX], got[FRAMES_MAX];
static size_t taken; /* bytes that libslirp got */

static int take(void *opaque, const void *ether, size_t size)
{
	struct tcp_parts p;

	taken += size;
	require(!packet_find_tcp(ether, size, &p) || !p.six || p.data == p.end ||
	        p.end <= ETHER_HDR_LEN + IP6_HEAD + SEGMENT_SLIRP_MTU);
	return 0;
}

static void hear(void)
{
	struct virtio_net_hdr_v1 hdr;
	ssize_t n;

	while ((n = frames_recv(&in, got)) >= 0) {
		require(n > (ssize_t)NETPROTO_HEADER);
		memcpy(&hdr, got, sizeof(hdr));
		require(!hdr.gso_type ||
		        joiner.offloads & (hdr.gso_type == VIRTIO_NET_HDR_GSO_TCPV6
		                                   ? NETPROTO_TSO6
		                                   : NETPROTO_TSO4));
		require(!hdr.gso_type == !hdr.gso_size);
	}
	require(n == -EAGAIN);
}

static void pass(struct fuzz_input *input)
{
	bool to_guest = fuzz_take(input, 1) & 1;
	size_t size = fuzz_take(input, 2), given = fuzz_take(input, 1);
	struct tcp_parts p;
	bool six;

	size = size < ETHER_HDR_LEN ? ETHER_HDR_LEN : size;
	memset(frame, 0, size);
	fuzz_take_bytes(input, frame, given < size ? given : size);
	if (to_guest) {
		require(joiner_add(&joiner, frame, size) >= 0);
		hear();
		return;
	}
	taken = 0;
	six = packet_find_tcp(frame, size, &p) && p.six;
	joiner_input(&joiner, frame, size, take, NULL);
	/* Cut, each piece has the headers again; padding and what has no data goes. */
	require(six ? size <= ETHER_HDR_LEN + SEGMENT_SLIRP_MTU || p.data == p.end ||
	                        taken >= p.end
	            : taken == size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = { data, size };
	int fds[2];

	require(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
	require(frames_init(&out, fds[0], 1 << 20) == 0);
	require(frames_init(&in, fds[1], 0) == 0);
	memset(&joiner, 0, offsetof(struct joiner, frame));
	joiner.frames = &out;
	joiner.offloads = fuzz_take(&input, 1) & 15;
	while (input.left)
		pass(&input);
	require(joiner_flush(&joiner) >= 0);
	while (frames_flush(&out) == -EAGAIN)
		hear();
	hear();
	frames_free(&out);
	frames_free(&in);
	close(fds[0]);
	close(fds[1]);
	return 0;
}
