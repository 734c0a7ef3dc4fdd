// SPDX-License-Identifier: GPL-2.0-or-later
/* A virtio-net with its driver and its peer. */
#include "tests/dev/virtio-net-lib.h"

#include "common/cleanup.h"
#include "tests/tap.h"
#include "vmm/net/backend.h"
#include "vmm/virtio/net.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

static void open_with(struct card *c, struct guest *g, const char *opts, bool legacy,
                      uint64_t features, bool header)
{
	char text[200];

	memset(c, 0, sizeof(*c));
	c->g = g;
	net_registry_free(g->board.vm.nets);
	g->board.vm.nets = net_registry_new(g->board.vm.loop);
	c->fd = board_net(&g->board, "n");
	net_find(g->board.vm.nets, "n")->header = header;
	if (frames_init(&c->peer, c->fd, 1 << 20) < 0)
		exit(1);
	snprintf(text, sizeof(text), "netdev=n%s%s", *opts ? "," : "", opts);
	vdrv_init(&c->d, g, board_add(&g->board, &virtio_net_pci_class, text));
	c->d.legacy = legacy;
	vdrv_negotiate(&c->d, features);
	vqueue_init(&c->rx, &c->d, 0, 0, VIRTIO_MSI_NO_VECTOR);
	vqueue_init(&c->tx, &c->d, 1, 0, VIRTIO_MSI_NO_VECTOR);
	vqueue_init(&c->ctrl, &c->d, 2, 0, VIRTIO_MSI_NO_VECTOR);
	vdrv_ready(&c->d);
}

void card_open(struct card *c, struct guest *g, const char *opts, bool legacy,
               uint64_t features)
{
	open_with(c, g, opts, legacy, features, false);
}

void card_open_header(struct card *c, struct guest *g, uint64_t features)
{
	open_with(c, g, "", false, features, true);
}

void card_close(struct card *c)
{
	device_destroy(c->d.dev);
	frames_free(&c->peer);
	if (c->fd >= 0)
		close(c->fd);
}

void card_fill(uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		p[i] = i * 11 + i / 256;
}

bool card_same(const uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (p[i] != (uint8_t)(i * 11 + i / 256))
			return false;
	return true;
}

void card_say_bytes(struct card *c, const void *bytes, size_t len)
{
	struct iovec iov = { (void *)bytes, len };

	if (frames_send(&c->peer, &iov, 1) < 0)
		tap_diag("the peer cannot send %zu bytes", len);
}

void card_say(struct card *c, size_t len)
{
	static uint8_t buf[FRAMES_MAX];

	card_fill(buf, len);
	card_say_bytes(c, buf, len);
}

struct hearing {
	struct card *c;
	uint8_t *buf;
	ssize_t n;
};

static bool heard(void *opaque)
{
	struct hearing *h = opaque;

	frames_flush(&h->c->peer);
	h->n = frames_recv(&h->c->peer, h->buf);
	/* What it says first may be of the time when the socket was read last. */
	if (h->n == -EAGAIN)
		h->n = frames_recv(&h->c->peer, h->buf);
	return h->n >= 0;
}

ssize_t card_hear(struct card *c, uint8_t *buf)
{
	struct hearing h = { c, buf, -1 };

	return board_until(&c->g->board, heard, &h, 60000) ? h.n : -1;
}

uint32_t card_wait(struct card *c, uint16_t head)
{
	uint32_t len;

	frames_flush(&c->peer);
	return vqueue_wait(&c->rx, head, &len) ? len : UINT32_MAX;
}
