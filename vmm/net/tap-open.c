// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Where the descriptors of a tap come from: the kernel (Documentation/networking/tuntap),
 * a program that started this one, or QEMU's bridge helper, which may be set-uid: it
 * makes a tap in a bridge and passes its descriptor through a socket, with one byte.
 * vhost's come from /dev/vhost-net or from the same starter.
 */
#include "common/log.h"
#include "common/spawn.h"
#include "vmm/net/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <spawn.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#define NO_SCRIPT   "no"
#define VHOST       "/dev/vhost-net"
#define MAX_UNNAMED 256 /* tap0, tap1 ... */

extern char **environ;

/* ---- scripts ---- */

/* What the user said, or the usual one where it exists; NULL: none. */
static const char *choose_script(const char *said, const char *usual)
{
	if (!said)
		return access(usual, X_OK) < 0 ? NULL : usual;
	return *said && strcmp(said, NO_SCRIPT) ? said : NULL;
}

/* 0 when the program ended well, as waitpid() tells. */
static int judge(const char *program, int status, struct err *err)
{
	bool exited = WIFEXITED(status);
	int code = exited ? WEXITSTATUS(status) : WTERMSIG(status);

	if (exited && !code)
		return 0;
	return err_set(err, EIO, "%s ended with %s %d", program,
	               exited ? "status" : "signal", code);
}

/* As judge(); files may be NULL. */
static int run(const char *program, char *const *argv,
               const posix_spawn_file_actions_t *files, struct err *err)
{
	int status = 0, ret;
	pid_t pid;

	ret = posix_spawn(&pid, program, files, NULL, argv, environ);
	if (ret)
		return err_sys(err, ret, "cannot run %s", program);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return judge(program, status, err);
}

static int run_script(const struct tap *tap, const char *script, struct err *err)
{
	char *const argv[] = { (char *)script, (char *)tap->name, NULL };
	const struct spawn_plan plan = { SPAWN_SCRIPT, script, argv, NULL, 0 };
	struct spawned child;

	if (!script)
		return 0;
	if (spawn_start(tap->nd.reg->spawner, &plan, &child, err) >= 0) {
		if (!judge(script, spawn_wait(&child), err))
			return 0;
	}
	err_prefix(err, "interface %s", tap->name);
	if (tap->nd.reg->confined && err->code == EPERM)
		err_hint(err, "once the guest runs no new script is started; add "
		              "script=no,downscript=no and set the interface up "
		              "yourself");
	else
		err_hint(err, "script=no runs none");
	return -err->code;
}

/* The one for the end is agreed on now, when this process still may. */
int tap_script_up(const struct tap *tap, struct err *err)
{
	const char *down = choose_script(tap->downscript, TAP_DOWN_SCRIPT);
	char *const argv[] = { (char *)down, (char *)tap->name, NULL };
	const struct spawn_plan plan = { SPAWN_SCRIPT, down, argv, NULL, 0 };
	int ret = run_script(tap, choose_script(tap->script, TAP_UP_SCRIPT), err);

	if (ret >= 0 && down)
		ret = spawn_allow(tap->nd.reg->spawner, &plan, err);
	if (ret == -EPERM && down)
		err_hint(err, "downscript=no runs none");
	return ret;
}

void tap_script_down(const struct tap *tap)
{
	struct err err = { 0 };

	if (run_script(tap, choose_script(tap->downscript, TAP_DOWN_SCRIPT), &err) < 0)
		log_warn("netdev %s: %s", tap->nd.id, err.text);
}

/* ---- the kernel's ---- */

static struct tap *queue(struct tap *tap, unsigned i)
{
	return (struct tap *)net_queue(&tap->nd, i);
}

static int refuse(const struct tap *tap, int code, struct err *err)
{
	const char *name = tap->ifname ? tap->ifname : "tap0";
	const char *multi = tap->queues > 1 ? " multi_queue" : "";

	err_sys(err, code, "cannot open interface %s", name);
	if (tap->nd.reg->confined && (code == EPERM || code == EBUSY))
		err_hint(err, "once the guest runs vmm makes new interfaces, if root "
		              "runs it, and takes those of its command line again; "
		              "-sandbox off takes all");
	else if (code == EPERM || code == EACCES)
		err_hint(err,
		         "root makes one for you with: ip tuntap add %s mode tap%s user "
		         "%u",
		         name, multi, (unsigned)getuid());
	else if (code == ENOENT || code == ENODEV || code == ENXIO)
		err_hint(err, "load the driver: modprobe tun");
	else if (code == EBUSY)
		err_hint(err, "another program uses it; choose another ifname=");
	else if (code == EINVAL)
		err_hint(err,
		         "it was not made for queues=%u; make it with: ip tuntap add %s "
		         "mode tap%s",
		         tap->queues, name, multi);
	return -code;
}

/* name may be a pattern, and is what it became. The descriptor, or -errno. */
static int open_tun(char name[IFNAMSIZ], bool multi, unsigned flags)
{
	struct ifreq ifr = { .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | flags |
		                          (multi ? IFF_MULTI_QUEUE : 0) };
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK), code;

	if (fd < 0)
		return -errno;
	memcpy(ifr.ifr_name, name, IFNAMSIZ);
	if (ioctl(fd, TUNSETIFF, &ifr) < 0) {
		code = errno;
		close(fd);
		return -code;
	}
	memcpy(name, ifr.ifr_name, IFNAMSIZ);
	name[IFNAMSIZ - 1] = '\0';
	return fd;
}

/* What stands for an interface between this process and the spawner. */
static void name_words(const struct tap *tap, char *words[4])
{
	words[0] = (char *)"tap";
	words[1] = (char *)tap->name;
	words[2] = (char *)(tap->queues > 1 ? "multi" : "single");
	words[3] = NULL;
}

int net_tap_serve(char *const *words, bool known)
{
	char name[IFNAMSIZ] = "";
	bool multi = words[1] && words[2] && !strcmp(words[2], "multi");

	if (strcmp(words[0], "tap") || !words[1] || !words[2] || words[3] ||
	    (!multi && strcmp(words[2], "single")) || !*words[1] ||
	    strlen(words[1]) >= IFNAMSIZ || strchr(words[1], '%'))
		return -EINVAL;
	strcpy(name, words[1]);
	return open_tun(name, multi, known ? 0 : IFF_TUN_EXCL);
}

/* Through the spawner, as this process opens none any more. */
static int open_confined(struct tap *tap)
{
	struct spawner *spawner = tap->nd.reg->spawner;
	char *words[4];
	int fd = -EBUSY;

	name_words(tap, words);
	if (*tap->name)
		return spawn_open(spawner, words);
	for (unsigned n = 0; n < MAX_UNNAMED && fd == -EBUSY; n++) {
		snprintf(tap->name, IFNAMSIZ, "tap%u", n);
		fd = spawn_open(spawner, words);
	}
	return fd;
}

static int open_queue(struct tap *tap, unsigned i, struct err *err)
{
	struct tap *q = queue(tap, i);
	bool confined = tap->nd.reg->confined;
	char *words[4];

	if (!i)
		snprintf(tap->name, IFNAMSIZ, "%s",
		         tap->ifname ? tap->ifname
		         : confined  ? ""
		                     : "tap%d");
	q->fd = confined ? open_confined(tap) : open_tun(tap->name, tap->queues > 1, 0);
	if (q->fd < 0)
		return refuse(tap, -q->fd, err);
	if (confined)
		return 0;
	name_words(tap, words);
	return spawn_allow_open(tap->nd.reg->spawner, words, err);
}

/* ---- inherited ones ---- */

/* The i-th number of "3:4:5"; false at the end, or when it is none. */
static bool nth_number(const char *list, unsigned i, int *fd)
{
	char word[12];
	uint64_t n;

	while (i-- && list)
		list = (list = strchr(list, ':')) ? list + 1 : NULL;
	if (!list || strcspn(list, ":") >= sizeof(word))
		return false;
	snprintf(word, sizeof(word), "%.*s", (int)strcspn(list, ":"), list);
	if (opt_parse_u64(word, &n) < 0 || n > INT32_MAX)
		return false;
	*fd = n;
	return true;
}

static unsigned count_numbers(const char *list)
{
	unsigned n = 1;

	for (; *list; list++)
		n += *list == ':';
	return n;
}

/* Takes a copy of the descriptor. */
static int inherit(int n, int *fd)
{
	*fd = fcntl(n, F_DUPFD_CLOEXEC, 0);
	return *fd < 0 || fcntl(*fd, F_SETFL, O_RDWR | O_NONBLOCK) < 0 ? -errno : 0;
}

static int inherit_tap(struct tap *tap, const char *list, unsigned i, struct err *err)
{
	struct ifreq ifr = { 0 };
	int n, ret;

	if (!nth_number(list, i, &n) || ioctl(n, TUNGETIFF, &ifr) < 0)
		return err_usage(err, "fd=%s is no descriptor of an open tap", list);
	if (!(ifr.ifr_flags & IFF_TAP) || !(ifr.ifr_flags & IFF_NO_PI) ||
	    !(ifr.ifr_flags & IFF_VNET_HDR))
		return err_usage(err,
		                 "fd=%s: the tap needs the flags IFF_TAP, IFF_NO_PI "
		                 "and IFF_VNET_HDR",
		                 list);
	memcpy(tap->name, ifr.ifr_name, IFNAMSIZ);
	ret = inherit(n, &queue(tap, i)->fd);
	return ret < 0 ? err_sys(err, -ret, "fd=%s", list) : 0;
}

/* ---- all queues ---- */

static int count_queues(struct tap *tap, const char *list, struct err *err)
{
	if (tap->ifname && strlen(tap->ifname) >= IFNAMSIZ)
		return err_usage(err, "ifname=%s is longer than %d bytes", tap->ifname,
		                 IFNAMSIZ - 1);
	if (!list)
		return 0;
	if (tap->ifname || tap->script || tap->downscript || tap->helper ||
	    tap->queues > 1)
		return err_usage(err,
		                 "with fd= or fds= the interface is set up already; drop "
		                 "ifname=, script=, downscript=, helper= and queues=");
	tap->queues = count_numbers(list);
	return tap->queues > NET_MAX_QUEUES
	               ? err_usage(err, "fds=: more than %d queues", NET_MAX_QUEUES)
	               : 0;
}

int tap_open_all(struct tap *tap, struct err *err)
{
	const char *list = tap->fds ? tap->fds : tap->fd_opt;
	int ret = count_queues(tap, list, err);

	for (unsigned i = 1; i < tap->queues && ret >= 0; i++) {
		ret = net_add_queue(&tap->nd, err);
		if (ret >= 0)
			queue(tap, i)->fd = -1;
	}
	for (unsigned i = 0; i < tap->queues && ret >= 0; i++)
		ret = list ? inherit_tap(tap, list, i, err) : open_queue(tap, i, err);
	return ret;
}

/* ---- vhost ---- */

static bool wants_vhost(const struct tap *tap)
{
	if (tap->vhost != OPT_TRI_AUTO)
		return tap->vhost == OPT_TRI_ON;
	return tap->vhostfd || tap->vhostfds || tap->vhostforce;
}

static int open_vhost(struct tap *tap, const char *list, unsigned i, struct err *err)
{
	int *fd = &queue(tap, i)->nd.vhost_fd, n, ret;

	if (list && !nth_number(list, i, &n))
		return err_usage(err, "vhostfd=%s has no number for queue %u", list, i);
	if (list) {
		ret = inherit(n, fd);
		return ret < 0 ? err_sys(err, -ret, "vhostfd=%s", list) : 0;
	}
	*fd = open(VHOST, O_RDWR | O_CLOEXEC);
	if (*fd >= 0)
		return 0;
	err_sys(err, errno, "vhost=on: cannot open " VHOST);
	err_hint(err, errno == ENOENT ? "load the driver: modprobe vhost_net"
	                              : "let root give you the device");
	return -err->code;
}

int tap_open_vhost(struct tap *tap, struct err *err)
{
	const char *list = tap->vhostfds ? tap->vhostfds : tap->vhostfd;
	int ret = 0;

	for (unsigned i = 0; i < tap->queues && wants_vhost(tap) && ret >= 0; i++)
		ret = open_vhost(tap, list, i, err);
	if (ret >= 0 || err->usage || tap->vhostforce)
		return ret;
	log_warn("netdev %s: %s; frames pass through vmm meanwhile", tap->nd.id,
	         err->text);
	err_clear(err);
	return 0;
}

/* ---- QEMU's bridge helper ---- */

static const char *find_helper(const struct tap *tap)
{
	static const char *const usual[] = { "/usr/lib/qemu/qemu-bridge-helper",
		                             "/usr/libexec/qemu-bridge-helper", NULL };

	for (unsigned i = 0; usual[i] && !tap->helper; i++)
		if (!access(usual[i], X_OK))
			return usual[i];
	return tap->helper ? tap->helper : usual[0];
}

static int receive_fd(int sock)
{
	char byte, control[CMSG_SPACE(sizeof(int))];
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = { .msg_iov = &iov,
		              .msg_iovlen = 1,
		              .msg_control = control,
		              .msg_controllen = sizeof(control) };
	struct cmsghdr *head;
	int fd = -1;

	if (recvmsg(sock, &msg, MSG_CMSG_CLOEXEC) <= 0)
		return -1;
	head = CMSG_FIRSTHDR(&msg);
	if (head && head->cmsg_level == SOL_SOCKET && head->cmsg_type == SCM_RIGHTS &&
	    head->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(&fd, CMSG_DATA(head), sizeof(fd));
	return fd;
}

/* A helper with blanks is a command with options of its own, for a shell. */
static int run_helper(struct tap *tap, const char *helper, int sock, struct err *err)
{
	_cleanup_strbuf_ struct strbuf shell = { 0 };
	posix_spawn_file_actions_t files;
	char fd[20], br[100];
	bool words = strpbrk(helper, " \t");
	int ret;

	snprintf(fd, sizeof(fd), "--fd=%d", sock);
	snprintf(br, sizeof(br), "--br=%s", tap->br);
	strbuf_addf(&shell, "exec %s --use-vnet %s %s", helper, fd, br);
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_adddup2(&files, sock, sock);
	if (words) {
		char *const argv[] = { "sh", "-c", shell.data, NULL };

		ret = run("/bin/sh", argv, &files, err);
	} else {
		char *const argv[] = { (char *)helper, "--use-vnet", fd, br, NULL };

		ret = run(helper, argv, &files, err);
	}
	posix_spawn_file_actions_destroy(&files);
	return ret;
}

int tap_open_bridge(struct tap *tap, struct err *err)
{
	const char *helper = find_helper(tap);
	struct ifreq ifr = { 0 };
	int socks[2], ret;

	if (strspn(tap->br, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	                    "0123456789._-") != strlen(tap->br) ||
	    !*tap->br || strlen(tap->br) >= IFNAMSIZ)
		return err_usage(err, "br=%s is no name of a bridge", tap->br);
	if (tap->nd.reg->confined)
		return err_set(err, EPERM,
		               "once the guest runs %s is not started; give it when vmm "
		               "starts, or start vmm with -sandbox off",
		               helper);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, socks) < 0)
		return err_sys(err, errno, "cannot create a socket");
	ret = run_helper(tap, helper, socks[1], err);
	close(socks[1]);
	if (ret >= 0)
		tap->fd = receive_fd(socks[0]);
	close(socks[0]);
	if (ret >= 0 && tap->fd < 0)
		ret = err_set(err, EPROTO, "%s passed no tap on", helper);
	else if (ret >= 0 && (ioctl(tap->fd, TUNGETIFF, &ifr) < 0 ||
	                      fcntl(tap->fd, F_SETFL, O_RDWR | O_NONBLOCK) < 0))
		ret = err_sys(err, errno, "what %s passed on is no tap", helper);
	else if (ret >= 0 && !(ifr.ifr_flags & IFF_VNET_HDR))
		ret = err_set(err, EPROTO, "%s made a tap without IFF_VNET_HDR", helper);
	if (ret < 0)
		err_hint(err,
		         "bridge %s must exist and be allowed in "
		         "/etc/qemu/bridge.conf, and the helper be set-uid root",
		         tap->br);
	memcpy(tap->name, ifr.ifr_name, IFNAMSIZ);
	return ret;
}
