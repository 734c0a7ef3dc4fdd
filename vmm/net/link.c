// SPDX-License-Identifier: GPL-2.0-or-later
/* Frames of a netdev through a connected socket (link.h): a connection that fails in any
 * way is closed at once, and the back end hears of it once. */
#include "vmm/net/link.h"

#include "common/log.h"

#include <errno.h>
#include <string.h>

static int fail(struct net_link *link, int ret)
{
	if (ret == -EPROTO)
		log_warn("netdev %s: the peer sent a length that no frame has",
		         link->nd.id);
	net_link_drop(link);
	link->lost(link);
	return ret;
}

ssize_t net_link_take(struct netdev *nd, uint8_t *buf, uint8_t **frame)
{
	struct net_link *link = (struct net_link *)nd;
	ssize_t n = frames_next(&link->frames, frame);

	return n < 0 && n != -EAGAIN ? fail(link, n) : n;
}

static bool is_broken(int ret)
{
	return ret < 0 && ret != -EAGAIN && ret != -EMSGSIZE;
}

int net_link_send(struct netdev *nd, const struct iovec *iov, unsigned count)
{
	struct net_link *link = (struct net_link *)nd;
	int ret = frames_send(&link->frames, iov, count);

	if (is_broken(ret))
		return fail(link, ret);
	nd->want_out |= link->frames.out_len > 0 && !link->frames.corked;
	return ret;
}

int net_link_flush(struct netdev *nd)
{
	struct net_link *link = (struct net_link *)nd;
	int ret = nd->fd < 0 ? -EPIPE : frames_flush(&link->frames);

	return is_broken(ret) && nd->fd >= 0 ? fail(link, ret) : ret;
}

void net_link_cork(struct netdev *nd, bool on)
{
	struct net_link *link = (struct net_link *)nd;

	link->frames.corked = on;
	if (!on && nd->fd >= 0)
		nd->want_out |= net_link_flush(nd) == -EAGAIN;
}

void net_link_gone(struct netdev *nd)
{
	fail((struct net_link *)nd, -EPIPE);
}

int net_link_use(struct net_link *link, int fd)
{
	if (frames_init(&link->frames, fd, 0) < 0) {
		close(fd);
		return -ENOMEM;
	}
	link->fd = fd;
	net_use_fd(&link->nd, fd);
	return 0;
}

void net_link_drop(struct net_link *link)
{
	if (link->fd < 0)
		return;
	net_use_fd(&link->nd, -1);
	close(link->fd);
	link->fd = -1;
	frames_free(&link->frames);
}
