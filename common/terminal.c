// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The user's terminal in raw mode.
 *
 * A shell whose terminal stays raw is useless, so the old settings come back when the
 * process exits, dies of a signal that can be caught, or is stopped. Signal handlers have
 * no argument: the settings live in a static structure, which is written before the
 * handlers are installed and only read by them (tcsetattr, tcgetpgrp, sigaction and raise
 * are async-signal-safe). A process in the background leaves the terminal alone: it
 * belongs to the shell then, which keeps settings of its own.
 */
#include "common/terminal.h"

#include "common/cleanup.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <termios.h>

static struct {
	volatile sig_atomic_t raw; /* the settings below are in force or wanted */
	int fd;
	struct termios old, new;
	bool hooked; /* atexit and the handlers are in place */
} tty;

static const int fatal[] = {
	SIGHUP,  SIGINT,  SIGQUIT, SIGILL,  SIGABRT, SIGBUS,  SIGFPE,
	SIGSEGV, SIGTERM, SIGSYS,  SIGXCPU, SIGXFSZ, SIGALRM, SIGUSR2
};

/* Without SIGTTOU blocked, tcsetattr() would stop a process in the background. */
static void set(const struct termios *settings)
{
	sigset_t ttou, before;
	pid_t owner = tcgetpgrp(tty.fd);

	/* -1: not our controlling terminal, so no job control either. */
	if (owner >= 0 && owner != getpgrp())
		return;
	sigemptyset(&ttou);
	sigaddset(&ttou, SIGTTOU);
	pthread_sigmask(SIG_BLOCK, &ttou, &before);
	tcsetattr(tty.fd, TCSANOW, settings);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static void set_handler(int sig, void (*fn)(int))
{
	struct sigaction action = { .sa_handler = fn, .sa_flags = SA_RESTART };

	sigemptyset(&action.sa_mask);
	sigaction(sig, &action, NULL);
}

/* Dies of the same signal, so that the parent sees what happened. */
static void die(int sig)
{
	int saved = errno;

	if (tty.raw)
		set(&tty.old);
	set_handler(sig, SIG_DFL);
	raise(sig);
	errno = saved;
}

static void stop(int sig)
{
	int saved = errno;
	sigset_t one;

	if (tty.raw)
		set(&tty.old);
	set_handler(sig, SIG_DFL);
	raise(sig);
	sigemptyset(&one);
	sigaddset(&one, sig);
	pthread_sigmask(SIG_UNBLOCK, &one, NULL);
	/* Stopped here until SIGCONT. */
	set_handler(sig, stop);
	errno = saved;
}

static void cont(int sig)
{
	int saved = errno;

	(void)sig;
	if (tty.raw)
		set(&tty.new);
	errno = saved;
}

static void hook(int sig, void (*fn)(int))
{
	struct sigaction now;

	if (sigaction(sig, NULL, &now) == 0 && !(now.sa_flags & SA_SIGINFO) &&
	    now.sa_handler == SIG_DFL)
		set_handler(sig, fn);
}

static void hook_all(void)
{
	if (tty.hooked)
		return;
	tty.hooked = true;
	atexit(terminal_restore);
	for (unsigned i = 0; i < ARRAY_SIZE(fatal); i++)
		hook(fatal[i], die);
	hook(SIGTSTP, stop);
	hook(SIGCONT, cont);
}

int terminal_raw(int fd, bool signals)
{
	if (tty.raw)
		return -EBUSY;
	if (tcgetattr(fd, &tty.old) < 0)
		return -errno;
	tty.fd = fd;
	tty.new = tty.old;
	tty.new.c_iflag &=
		~(IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR | ICRNL | IXON);
	/* The VMM's own messages end in a bare line feed. */
	tty.new.c_oflag |= OPOST;
	tty.new.c_lflag &= ~(ECHO | ECHONL | ICANON | IEXTEN);
	if (!signals)
		tty.new.c_lflag &= ~ISIG;
	tty.new.c_cflag &= ~(CSIZE | PARENB);
	tty.new.c_cflag |= CS8;
	tty.new.c_cc[VMIN] = 1;
	tty.new.c_cc[VTIME] = 0;
	tty.raw = 1;
	hook_all();
	set(&tty.new);
	return 0;
}

void terminal_restore(void)
{
	if (!tty.raw)
		return;
	tty.raw = 0;
	set(&tty.old);
}
