// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Starting programs: the child's side, the spawner process and its protocol.
 *
 * The child shares memory with its starter until its execve (as vfork() does), so that
 * the starter's size costs nothing and the child can tell why it failed. The spawner
 * makes its children with CLONE_PARENT: they are those of the process that asked, which
 * waits for them itself and gets a descriptor of each (pidfd) to kill it by, since a
 * number could mean another process by then.
 *
 * A message is a head and strings (path, arguments), each ended by a NUL; descriptors
 * come along. The spawner takes messages from a process that a guest may have taken over:
 * it compares bytes with those that it was sent before the guest ran, and leaves what is
 * more to a function that it had then.
 */
#include "common/spawn.h"

#include "common/cleanup.h"
#include "common/strbuf.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define MESSAGE_MAX 32768
#define MAX_ALLOWED 64
#define STACK_SIZE  (64 * 1024)

extern char **environ;

struct spawner {
	int fd;
	pid_t pid;
	bool sealed;
	unsigned unread; /* answers that nobody waited for yet */
};

/* ---- the child, up to its execve ---- */

struct child {
	const struct spawn_plan *plan;
	int last;            /* standard descriptor that a helper does not get */
	volatile int failed; /* errno */
};

static void default_signals(enum spawn_kind kind)
{
	const struct sigaction action = { .sa_handler = SIG_DFL };

	for (int sig = 1; sig < NSIG; sig++)
		if (sig != SIGPIPE || kind == SPAWN_SCRIPT)
			sigaction(sig, &action, NULL);
}

/* Up first, so that none of them is overwritten before it was copied. */
static bool place_fds(const struct spawn_plan *plan)
{
	int high[SPAWN_MAX_FDS];

	for (unsigned i = 0; i < plan->fd_count; i++) {
		high[i] = fcntl(plan->fds[i], F_DUPFD_CLOEXEC,
		                SPAWN_FIRST_FD + SPAWN_MAX_FDS);
		if (high[i] < 0)
			return false;
	}
	for (unsigned i = 0; i < plan->fd_count; i++)
		if (dup2(high[i], SPAWN_FIRST_FD + i) < 0)
			return false;
	return true;
}

/* Standard descriptors up to `last` lead nowhere. */
static bool detach(int last)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	bool ok = null >= 0;

	for (int fd = 0; fd <= last && ok; fd++)
		ok = dup2(null, fd) >= 0;
	if (null > last)
		close(null);
	return ok;
}

/* On a stack of its own, in its starter's memory: nothing here may keep anything. */
__attribute__((no_sanitize("address", "undefined"))) static int child_main(void *opaque)
{
	struct child *child = opaque;
	const struct spawn_plan *plan = child->plan;
	sigset_t none;

	default_signals(plan->kind);
	if (place_fds(plan) &&
	    (plan->kind == SPAWN_SCRIPT || (detach(child->last) && !setpgid(0, 0)))) {
		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		execve(plan->path, plan->argv, environ);
	}
	child->failed = errno;
	_exit(127);
}

/* flags: CLONE_PARENT or 0. */
static int start_here(const struct spawn_plan *plan, int flags, bool background,
                      struct spawned *out)
{
	struct child child = {
		.plan = plan,
		.last = background ? STDERR_FILENO : STDOUT_FILENO,
	};
	sigset_t all, before;
	int code = 0;
	char *stack;

	stack = mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE,
	             MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
	if (stack == MAP_FAILED)
		return -errno;
	/* No handler of ours may run in the child. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	out->pidfd = -1;
	out->pid = clone(child_main, stack + STACK_SIZE,
	                 CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD | flags, &child,
	                 &out->pidfd);
	if (out->pid < 0)
		code = errno;
	else if (child.failed)
		code = child.failed;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	munmap(stack, STACK_SIZE);
	/* With CLONE_PARENT the asking process reaps it. */
	if (code && out->pid > 0 && !flags)
		spawn_wait(out);
	return -code;
}

/* ---- messages ---- */

enum op { OP_ALLOW, OP_ALLOW_MORE, OP_START, OP_OPEN, OP_SEAL };
enum { SEAL_NO_SCRIPTS = 1 << 0, SEAL_NO_ELEVATION = 1 << 1, SEAL_NO_OPEN = 1 << 2 };
#define KIND_OPEN 2 /* behind enum spawn_kind: words of spawn_open() */

struct head {
	uint32_t op;   /* enum op */
	uint32_t kind; /* enum spawn_kind; of OP_SEAL: SEAL_… */
};

struct answer {
	int32_t ret;
	int32_t pid; /* also with an error, when there was a child; else 0 */
};

union control {
	char bytes[CMSG_SPACE(sizeof(int) * SPAWN_MAX_FDS)];
	struct cmsghdr align;
};

static ssize_t send_with_fds(int sock, const void *data, size_t len, const int *fds,
                             unsigned count)
{
	union control control = { 0 };
	struct iovec iov = { (void *)data, len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *c;

	if (count) {
		msg.msg_control = control.bytes;
		msg.msg_controllen = CMSG_SPACE(sizeof(int) * count);
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int) * count);
		memcpy(CMSG_DATA(c), fds, sizeof(int) * count);
	}
	return sendmsg(sock, &msg, MSG_NOSIGNAL);
}

/* The length of what came, 0 at the end, -errno; fds holds *count descriptors. */
static ssize_t receive_with_fds(int sock, void *data, size_t size, int *fds,
                                unsigned *count)
{
	union control control;
	struct iovec iov = { data, size };
	struct msghdr msg = { .msg_iov = &iov,
		              .msg_iovlen = 1,
		              .msg_control = control.bytes,
		              .msg_controllen = sizeof(control.bytes) };
	ssize_t n;

	*count = 0;
	do
		n = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&msg); c; c = CMSG_NXTHDR(&msg, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		*count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		memcpy(fds, CMSG_DATA(c), *count * sizeof(int));
	}
	return n;
}

/* ---- the spawner's side ---- */

struct agreed {
	struct {
		struct strbuf text; /* kind and strings, as they came */
		bool more;          /* others may follow that admit() takes */
	} plans[MAX_ALLOWED];
	unsigned count;
	spawner_admit_fn *admit;
	spawner_open_fn *open;
	bool sealed, no_scripts, background;
};

/* The strings of a text, as pointers into it, at least `least`; false: not as they should
 * be. */
static bool read_strings(char *text, size_t len, unsigned least,
                         char *strings[SPAWN_MAX_ARGS + 2])
{
	unsigned count = 0;

	if (!len || text[len - 1])
		return false;
	for (size_t at = 0; at < len; at += strlen(text + at) + 1) {
		if (count == SPAWN_MAX_ARGS + 1)
			return false;
		strings[count++] = text + at;
	}
	strings[count] = NULL;
	return count >= least;
}

static bool is_agreed(const struct agreed *a, char *bytes, size_t len)
{
	char *args[SPAWN_MAX_ARGS + 2];

	for (unsigned i = 0; i < a->count; i++) {
		size_t known = a->plans[i].text.len;

		if (known > len || memcmp(a->plans[i].text.data, bytes, known))
			continue;
		if (known == len ||
		    (a->plans[i].more && a->admit &&
		     read_strings(bytes + known, len - known, 1, args) && a->admit(args)))
			return true;
	}
	return false;
}

static int add_plan(struct agreed *a, const char *bytes, size_t len, bool more)
{
	if (a->count == MAX_ALLOWED)
		return -ENOSPC;
	a->plans[a->count].more = more;
	strbuf_add(&a->plans[a->count].text, bytes, len);
	return a->plans[a->count++].text.failed ? -ENOMEM : 0;
}

static int agree(struct agreed *a, char *bytes, size_t len, bool more)
{
	if (!more && is_agreed(a, bytes, len))
		return 0;
	return a->sealed ? -EPERM : add_plan(a, bytes, len, more);
}

static int seal(struct agreed *a, unsigned flags)
{
	a->sealed = true;
	a->no_scripts = flags & SEAL_NO_SCRIPTS;
	if (flags & SEAL_NO_OPEN)
		a->open = NULL;
	if (a->background)
		detach(STDERR_FILENO);
	if (flags & SEAL_NO_ELEVATION)
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	return 0;
}

static int serve_start(const struct agreed *a, const struct head *head, char *text,
                       size_t len, const int *fds, unsigned fd_count,
                       struct spawned *child)
{
	char *strings[SPAWN_MAX_ARGS + 2];
	struct spawn_plan plan = { .kind = head->kind, .fds = fds, .fd_count = fd_count };

	if (!read_strings(text, len, 2, strings))
		return -EPROTO;
	plan.path = strings[0];
	plan.argv = strings + 1;
	return start_here(&plan, CLONE_PARENT, a->background, child);
}

/* What was opened is known from then on: it is the asker's. */
static int serve_open(struct agreed *a, const struct head *head, char *bytes, size_t len,
                      int *fd)
{
	char *words[SPAWN_MAX_ARGS + 2];
	bool known = is_agreed(a, bytes, len);
	size_t skip = sizeof(head->kind);
	int ret;

	if (!a->open)
		return -EPERM;
	if (head->kind != KIND_OPEN || !read_strings(bytes + skip, len - skip, 1, words))
		return -EPROTO;
	ret = a->open(words, known);
	if (ret < 0)
		return ret;
	*fd = ret;
	return known ? 0 : add_plan(a, bytes, len, false);
}

/* child->pidfd: the descriptor to answer with, or -1. */
static int serve_message(struct agreed *a, char *buf, size_t n, const int *fds,
                         unsigned fd_count, struct spawned *child)
{
	struct head head;
	char *bytes = buf + sizeof(head.op);
	size_t len = n - sizeof(head.op);
	int ret;

	if (n < sizeof(head))
		return -EPROTO;
	memcpy(&head, buf, sizeof(head));
	if (head.op == OP_SEAL)
		return seal(a, head.kind);
	if (head.op == OP_OPEN)
		return serve_open(a, &head, bytes, len, &child->pidfd);
	if (head.op == OP_START && a->no_scripts && head.kind == SPAWN_SCRIPT)
		return -EPERM;
	ret = agree(a, bytes, len, head.op == OP_ALLOW_MORE);
	if (ret < 0 || head.op != OP_START)
		return ret;
	return serve_start(a, &head, buf + sizeof(head), n - sizeof(head), fds, fd_count,
	                   child);
}

/* False when nobody asks any more. */
static bool serve_one(struct agreed *a, int sock)
{
	static char buf[MESSAGE_MAX];
	struct spawned child = { .pid = 0, .pidfd = -1 };
	int fds[SPAWN_MAX_FDS];
	unsigned fd_count;
	ssize_t n = receive_with_fds(sock, buf, sizeof(buf), fds, &fd_count);
	struct answer answer;

	if (n <= 0)
		return false;
	answer.ret = serve_message(a, buf, n, fds, fd_count, &child);
	answer.pid = child.pid > 0 ? child.pid : 0;
	n = send_with_fds(sock, &answer, sizeof(answer), &child.pidfd, child.pidfd >= 0);
	for (unsigned i = 0; i < fd_count; i++)
		close(fds[i]);
	if (child.pidfd >= 0)
		close(child.pidfd);
	return n == sizeof(answer);
}

/* Keys on the terminal are for vmm, and what ends all of a service ends vmm first. */
static __attribute__((noreturn)) void serve(int sock, const struct spawner_config *config)
{
	struct agreed a = { .admit = config->admit,
		            .open = config->open,
		            .background = config->background };
	struct err err = { 0 };
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	prctl(PR_SET_NAME, "vmm-spawn");
	/* What the caller inherited for itself is no business of what is started. */
	if (sock > STDERR_FILENO + 1)
		syscall(SYS_close_range, STDERR_FILENO + 1, sock - 1, 0);
	syscall(SYS_close_range, sock + 1, ~0u, 0);
	if (config->prepare) {
		config->prepare(config->opaque, &err);
		send(sock, &err, sizeof(err), MSG_NOSIGNAL);
	}
	while (!err.code && serve_one(&a, sock))
		;
	_exit(EXIT_SUCCESS);
}

/* ---- the asking side ---- */

static int fork_spawner(struct spawner *s, const struct spawner_config *config)
{
	int pair[2], code;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	s->pid = fork();
	code = errno;
	if (!s->pid)
		serve(pair[1], config);
	close(pair[1]);
	s->fd = pair[0];
	if (s->pid > 0)
		return 0;
	close(s->fd);
	return -code;
}

struct spawner *spawner_new(const struct spawner_config *config, struct err *err)
{
	struct spawner *s = calloc(1, sizeof(*s));
	int ret = s ? fork_spawner(s, config) : -ENOMEM;

	if (ret < 0) {
		err_sys(err, -ret, "process that starts helpers");
		free(s);
		return NULL;
	}
	if (config->prepare && recv(s->fd, err, sizeof(*err), 0) != sizeof(*err))
		err_set(err, EPIPE, "the process that starts helpers ended");
	if (!err->code)
		return s;
	spawner_free(s);
	return NULL;
}

void spawner_free(struct spawner *s)
{
	if (!s)
		return;
	close(s->fd);
	while (waitpid(s->pid, NULL, 0) < 0 && errno == EINTR)
		;
	free(s);
}

static int read_answer(struct spawner *s, struct spawned *child)
{
	int fds[SPAWN_MAX_FDS];
	struct answer answer;
	unsigned count;
	ssize_t n = receive_with_fds(s->fd, &answer, sizeof(answer), fds, &count);

	if (n != sizeof(answer))
		return n < 0 ? n : -EPIPE;
	if (child)
		*child = (struct spawned){ answer.pid, count ? fds[0] : -1 };
	if (child && answer.ret < 0 && child->pid)
		spawn_wait(child);
	return answer.ret;
}

/* plan NULL: none, and flags instead of its kind. The start of a machine does not wait
 * for the other process to wake up: until the seal, and for it, answers are not waited
 * for. Messages keep their order, so that nothing is asked before the seal is known
 * there; and what could not be agreed on is refused when it is to be started. */
static int ask(struct spawner *s, enum op op, const struct spawn_plan *plan,
               unsigned flags, struct spawned *child)
{
	const struct head head = { op, plan ? plan->kind : flags };
	_cleanup_strbuf_ struct strbuf text = { 0 };
	ssize_t n;

	strbuf_add(&text, &head, sizeof(head));
	if (plan)
		strbuf_add(&text, plan->path, strlen(plan->path) + 1);
	for (unsigned i = 0; plan && plan->argv[i]; i++)
		strbuf_add(&text, plan->argv[i], strlen(plan->argv[i]) + 1);
	if (text.failed)
		return -ENOMEM;
	if (text.len > MESSAGE_MAX)
		return -E2BIG;
	n = send_with_fds(s->fd, text.data, text.len, plan ? plan->fds : NULL,
	                  op == OP_START ? plan->fd_count : 0);
	if (n < 0)
		return -errno;
	if (op != OP_START && op != OP_OPEN && !s->sealed && s->unread < MAX_ALLOWED) {
		s->unread++;
		s->sealed = op == OP_SEAL;
		return 0;
	}
	for (; s->unread; s->unread--)
		read_answer(s, NULL);
	return read_answer(s, child);
}

static int allow(struct spawner *s, enum op op, const struct spawn_plan *plan,
                 struct err *err)
{
	int ret = s ? ask(s, op, plan, 0, NULL) : 0;

	return ret < 0 ? err_sys(err, -ret, "cannot agree on %s", plan->path) : 0;
}

int spawn_allow(struct spawner *s, const struct spawn_plan *plan, struct err *err)
{
	return allow(s, OP_ALLOW, plan, err);
}

int spawn_allow_more(struct spawner *s, const struct spawn_plan *plan, struct err *err)
{
	return allow(s, OP_ALLOW_MORE, plan, err);
}

static struct spawn_plan plan_of(char *const *words)
{
	return (struct spawn_plan){ KIND_OPEN, words[0], words + 1, NULL, 0 };
}

int spawn_allow_open(struct spawner *s, char *const *words, struct err *err)
{
	const struct spawn_plan plan = plan_of(words);

	return allow(s, OP_ALLOW, &plan, err);
}

int spawn_open(struct spawner *s, char *const *words)
{
	const struct spawn_plan plan = plan_of(words);
	struct spawned child = { .pid = 0, .pidfd = -1 };
	int ret = s ? ask(s, OP_OPEN, &plan, 0, &child) : -EPERM;

	if (ret >= 0)
		return child.pidfd >= 0 ? child.pidfd : -EPROTO;
	if (child.pidfd >= 0)
		close(child.pidfd);
	return ret;
}

void spawner_seal(struct spawner *s, bool scripts, bool elevate, bool open)
{
	unsigned flags = (scripts ? 0 : SEAL_NO_SCRIPTS) |
	                 (elevate ? 0 : SEAL_NO_ELEVATION) | (open ? 0 : SEAL_NO_OPEN);

	if (s)
		ask(s, OP_SEAL, NULL, flags, NULL);
}

int spawn_start(struct spawner *s, const struct spawn_plan *plan, struct spawned *child,
                struct err *err)
{
	int ret =
		s ? ask(s, OP_START, plan, 0, child) : start_here(plan, 0, false, child);

	if (ret >= 0)
		return 0;
	*child = (struct spawned){ .pid = 0, .pidfd = -1 };
	return err_sys(err, -ret, "cannot run %s", plan->path);
}

void spawn_kill(const struct spawned *child)
{
	if (child->pidfd >= 0)
		syscall(SYS_pidfd_send_signal, child->pidfd, SIGKILL, NULL, 0);
}

int spawn_wait(struct spawned *child)
{
	int status = -1;
	pid_t ret;

	if (child->pid <= 0)
		return -1;
	do
		ret = waitpid(child->pid, &status, 0);
	while (ret < 0 && errno == EINTR);
	if (child->pidfd >= 0)
		close(child->pidfd);
	*child = (struct spawned){ .pid = 0, .pidfd = -1 };
	return ret < 0 ? -1 : status;
}
