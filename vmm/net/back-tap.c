// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The back end "tap": a network interface of the host (Documentation/networking/tuntap).
 *
 * Frames carry a virtio-net header, so that checksums and segmentation pass between guest
 * and host undone; the kernel checks the header of each frame that it is given. A tap
 * made here goes away with it, unless it was made persistent.
 */
#include "common/log.h"
#include "vmm/net/backend.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <spawn.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>

#define NO_SCRIPT   "no"
#define UP_SCRIPT   "/etc/qemu-ifup" /* where users of QEMU have them */
#define DOWN_SCRIPT "/etc/qemu-ifdown"

extern char **environ;

struct tap {
	struct netdev nd; /* first */
	char *ifname, *script, *downscript, *fd_opt, *vhost;
	char name[IFNAMSIZ];
	int fd;
	bool up; /* the script ran */
};

static const struct opt_desc tap_opts[] = {
	NET_OPTS(struct tap, nd),
	{ .name = "ifname",
	  .type = OPT_STR,
	  .offset = offsetof(struct tap, ifname),
	  .help = "the interface; created if there is none (default: tap0, tap1 ...)" },
	{ .name = "script",
	  .type = OPT_STR,
	  .offset = offsetof(struct tap, script),
	  .help = "program that brings it up; no: none (default: " UP_SCRIPT
	          ", if it is there)" },
	{ .name = "downscript",
	  .type = OPT_STR,
	  .offset = offsetof(struct tap, downscript),
	  .help = "the same for the end (default: " DOWN_SCRIPT ")" },
	{ .name = "fd",
	  .type = OPT_STR,
	  .offset = offsetof(struct tap, fd_opt),
	  .help = "number of an inherited descriptor of an open tap" },
	{ .name = "vhost",
	  .type = OPT_STR,
	  .offset = offsetof(struct tap, vhost),
	  .help = "accepted: off; frames pass through this program" },
	{ .name = NULL },
};

/* ---- scripts ---- */

/* What the user said, or the usual one where it exists; NULL: none. */
static const char *choose_script(const char *said, const char *usual)
{
	if (!said)
		return access(usual, X_OK) < 0 ? NULL : usual;
	return *said && strcmp(said, NO_SCRIPT) ? said : NULL;
}

static int run_script(const struct tap *tap, const char *script, struct err *err)
{
	char *const argv[] = { (char *)script, (char *)tap->name, NULL };
	int status = 0, ret;
	pid_t pid;

	if (!script)
		return 0;
	ret = posix_spawn(&pid, script, NULL, NULL, argv, environ);
	if (ret)
		return err_sys(err, ret, "cannot run %s", script);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		return err_set(err, EIO,
		               "%s %s failed (status 0x%x); script=no runs none", script,
		               tap->name, status);
	return 0;
}

/* ---- opening ---- */

static int refuse(const struct tap *tap, int code, struct err *err)
{
	const char *name = tap->ifname ? tap->ifname : "tap0";

	err_sys(err, code, "cannot open interface %s", name);
	if (code == EPERM || code == EACCES)
		err_hint(err,
		         "root makes one for you with: ip tuntap add %s mode tap user %u",
		         name, (unsigned)getuid());
	else if (code == ENOENT || code == ENODEV || code == ENXIO)
		err_hint(err, "load the driver: modprobe tun");
	else if (code == EBUSY)
		err_hint(err, "another program uses it; choose another ifname=");
	return -code;
}

static int open_tap(struct tap *tap, struct err *err)
{
	struct ifreq ifr = { .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR };

	if (tap->ifname && strlen(tap->ifname) >= IFNAMSIZ)
		return err_usage(err, "ifname=%s is longer than %d bytes", tap->ifname,
		                 IFNAMSIZ - 1);
	tap->fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (tap->fd < 0)
		return refuse(tap, errno, err);
	strcpy(ifr.ifr_name, tap->ifname ? tap->ifname : "tap%d");
	if (ioctl(tap->fd, TUNSETIFF, &ifr) < 0)
		return refuse(tap, errno, err);
	memcpy(tap->name, ifr.ifr_name, IFNAMSIZ);
	tap->name[IFNAMSIZ - 1] = '\0';
	return 0;
}

static int use_inherited(struct tap *tap, struct err *err)
{
	struct ifreq ifr = { 0 };
	uint64_t n;

	if (tap->ifname || tap->script || tap->downscript)
		return err_usage(
			err, "with fd= the interface is set up already; drop ifname=, "
			     "script= and downscript=");
	if (opt_parse_u64(tap->fd_opt, &n) < 0 || n > INT32_MAX ||
	    ioctl(n, TUNGETIFF, &ifr) < 0)
		return err_usage(err, "fd=%s is no descriptor of an open tap",
		                 tap->fd_opt);
	if (!(ifr.ifr_flags & IFF_TAP) || !(ifr.ifr_flags & IFF_NO_PI) ||
	    !(ifr.ifr_flags & IFF_VNET_HDR))
		return err_usage(err,
		                 "fd=%s: the tap needs the flags IFF_TAP, IFF_NO_PI "
		                 "and IFF_VNET_HDR",
		                 tap->fd_opt);
	tap->fd = fcntl(n, F_DUPFD_CLOEXEC, 0);
	if (tap->fd < 0 || fcntl(tap->fd, F_SETFL, O_RDWR | O_NONBLOCK) < 0)
		return err_sys(err, errno, "fd=%s", tap->fd_opt);
	memcpy(tap->name, ifr.ifr_name, IFNAMSIZ);
	return 0;
}

static int check_vhost(const struct tap *tap, struct err *err)
{
	bool on = false;

	if (!tap->vhost || !strcmp(tap->vhost, "auto"))
		return 0;
	if (opt_parse_bool(tap->vhost, &on) < 0)
		return err_usage(err, "vhost=%s: must be on, off or auto", tap->vhost);
	return on ? err_usage(err, "vhost=on: frames pass through this program; use "
	                           "vhost=off or drop it")
	          : 0;
}

static int tap_open(struct netdev *nd, struct err *err)
{
	struct tap *tap = (struct tap *)nd;
	int len = NET_HDR_LEN, ret;

	tap->fd = -1;
	ret = check_vhost(tap, err);
	if (ret >= 0)
		ret = tap->fd_opt ? use_inherited(tap, err) : open_tap(tap, err);
	if (ret < 0)
		return ret;
	if (ioctl(tap->fd, TUNSETVNETHDRSZ, &len) < 0 ||
	    ioctl(tap->fd, TUNSETOFFLOAD, 0) < 0)
		return err_sys(err, errno, "interface %s: offloads", tap->name);
	if (!tap->fd_opt)
		ret = run_script(tap, choose_script(tap->script, UP_SCRIPT), err);
	if (ret < 0)
		return ret;
	tap->up = true;
	nd->header = true;
	net_set_desc(nd, "ifname=%s", tap->name);
	net_use_fd(nd, tap->fd);
	return 0;
}

static void tap_close(struct netdev *nd)
{
	struct tap *tap = (struct tap *)nd;
	struct err err = { 0 };

	if (tap->up && !tap->fd_opt &&
	    run_script(tap, choose_script(tap->downscript, DOWN_SCRIPT), &err) < 0)
		log_warn("netdev %s: %s", nd->id, err.text);
	if (tap->fd >= 0)
		close(tap->fd);
}

/* ---- frames ---- */

static ssize_t tap_recv(struct netdev *nd, void *buf)
{
	ssize_t n = read(nd->fd, buf, NET_FRAME_MAX);

	return n < 0 ? -errno : n;
}

/* A full queue of the interface never shows here: the kernel drops then. */
static int tap_send(struct netdev *nd, const struct iovec *iov, unsigned count)
{
	return writev(nd->fd, iov, count) < 0 ? -errno : 0;
}

static void tap_set_offload(struct netdev *nd, unsigned offloads)
{
	static const struct {
		unsigned net, tun;
	} map[] = {
		{ NET_OFFLOAD_CSUM, TUN_F_CSUM },
		{ NET_OFFLOAD_TSO4, TUN_F_TSO4 },
		{ NET_OFFLOAD_TSO6, TUN_F_TSO6 },
		{ NET_OFFLOAD_ECN, TUN_F_TSO_ECN },
	};
	unsigned tun = 0;

	for (unsigned i = 0; i < ARRAY_SIZE(map); i++)
		tun |= offloads & map[i].net ? map[i].tun : 0;
	if (ioctl(nd->fd, TUNSETOFFLOAD, tun) < 0)
		log_warn("netdev %s: offloads 0x%x: %s", nd->id, tun, strerror(errno));
}

const struct net_ops net_tap_ops = {
	.name = "tap",
	.help = "a network interface of the host",
	.size = sizeof(struct tap),
	.opts = tap_opts,
	.open = tap_open,
	.recv = tap_recv,
	.send = tap_send,
	.set_offload = tap_set_offload,
	.close = tap_close,
};
