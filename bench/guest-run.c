// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Runs one guest and takes snapshots of its VMM whenever the guest prints a mark. KVM's
 * debugfs counter, the process's CPU clock and smaps are read from outside, so that the
 * VMM needs no help and all VMMs are measured alike.
 *
 * Invariant: every snapshot is taken while the guest waits or has just begun to; the VMM
 * is gone when guest_run() returns.
 */
#include "bench/guest-run.h"

#include "bench/child.h"
#include "bench/smaps.h"
#include "bench/viewer.h"
#include "common/cleanup.h"
#include "common/fdio.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct snapshot {
	double exits, host_irqs, cpu, wall;
};

struct run {
	struct child child;
	int console;
	unsigned ram_mib;
	double exits_before, host_irqs_before;
	struct snapshot idle, last;
	const char *vnc;
	pid_t viewer; /* 0: none */
	bool done;
	double *metrics;
};

static double seconds(const struct timespec *ts)
{
	return ts->tv_sec + ts->tv_nsec / 1e9;
}

/* One of KVM's counters; NAN where debugfs is not mounted. */
static double kvm_count(const char *path)
{
	_cleanup_free_ char *text = NULL;
	unsigned long long count;

	if (fd_read_file(AT_FDCWD, path, 64, &text, NULL) < 0 ||
	    sscanf(text, "%llu", &count) != 1)
		return NAN;
	return count;
}

static double kvm_exits(void)
{
	return kvm_count("/sys/kernel/debug/kvm/exits");
}

static double kvm_host_irqs(void)
{
	return kvm_count("/sys/kernel/debug/kvm/irq_exits");
}

static double cpu_seconds(pid_t pid)
{
	struct timespec ts;
	clockid_t clock;

	return clock_getcpuclockid(pid, &clock) || clock_gettime(clock, &ts)
	               ? NAN
	               : seconds(&ts);
}

/* Of the helpers that the VMM has started, and of theirs. */
static double helpers_cpu(pid_t pid)
{
	_cleanup_free_ char *text = NULL;
	double sum = 0;
	char path[64], *p;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", pid, pid);
	if (fd_read_file(AT_FDCWD, path, 4096, &text, NULL) < 0)
		return 0;
	for (p = text; p && *p; p = strchr(p, ' ') ? strchr(p, ' ') + 1 : NULL) {
		int child;

		if (sscanf(p, "%d", &child) == 1)
			sum += cpu_seconds(child) + helpers_cpu(child);
	}
	return sum;
}

static struct snapshot snapshot(const struct run *run)
{
	struct snapshot now = {
		.exits = kvm_exits() - run->exits_before,
		.host_irqs = kvm_host_irqs() - run->host_irqs_before,
	};
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	now.wall = seconds(&ts) - seconds(&run->child.exec_at);
	now.cpu = cpu_seconds(run->child.pid);
	return now;
}

static void on_userspace(struct run *run, const char *rest)
{
	struct snapshot now = snapshot(run);

	run->metrics[GUEST_EXITS] = now.exits;
	run->metrics[GUEST_OWN_EXITS] = now.exits - now.host_irqs;
	run->metrics[GUEST_CPU] = now.cpu;
	run->metrics[GUEST_WALL] = now.wall;
}

static void start_viewer(struct run *run)
{
	struct err err = { 0 };
	pid_t pid = run->vnc ? viewer_start(run->vnc, &err) : 0;

	if (pid < 0)
		fprintf(stderr, "guest-bench: %s\n", err.text);
	else
		run->viewer = pid;
}

static void stop_viewer(struct run *run)
{
	if (!run->viewer)
		return;
	kill(run->viewer, SIGKILL);
	waitpid(run->viewer, NULL, 0);
	run->viewer = 0;
}

static void on_idle(struct run *run, const char *rest)
{
	start_viewer(run);
	run->idle = snapshot(run);
	run->idle.cpu += helpers_cpu(run->child.pid);
}

static void on_idled(struct run *run, const char *rest)
{
	struct snapshot now = snapshot(run);
	_cleanup_fclose_ FILE *in = NULL;
	struct smaps smaps;
	char path[64];

	run->metrics[GUEST_IDLE_EXITS] =
		(now.exits - run->idle.exits) / (now.wall - run->idle.wall);
	if (run->viewer)
		run->metrics[GUEST_VIEWED] =
			100 * (now.cpu + helpers_cpu(run->child.pid) - run->idle.cpu) /
			(now.wall - run->idle.wall);
	stop_viewer(run);
	snprintf(path, sizeof(path), "/proc/%d/smaps", run->child.pid);
	in = fopen(path, "re");
	if (in && !smaps_read(in, (uint64_t)run->ram_mib << 10, &smaps)) {
		run->metrics[GUEST_DIRTY] = smaps.private_dirty_kb;
		run->metrics[GUEST_PSS] = smaps.pss_kb;
	}
}

static void take_iops(double *metric, const char *rest)
{
	if (sscanf(rest, "iops=%lf", metric) != 1)
		*metric = NAN;
}

static void take_mbps(double *metric, const char *rest)
{
	if (sscanf(rest, "iops=%*f mbps=%lf", metric) != 1)
		*metric = NAN;
}

static void on_read_4k(struct run *run, const char *rest)
{
	take_iops(&run->metrics[GUEST_READ_4K], rest);
}

static void on_write_4k(struct run *run, const char *rest)
{
	take_iops(&run->metrics[GUEST_WRITE_4K], rest);
}

static void on_read_1m(struct run *run, const char *rest)
{
	take_mbps(&run->metrics[GUEST_READ_1M], rest);
}

static void on_write_1m(struct run *run, const char *rest)
{
	take_mbps(&run->metrics[GUEST_WRITE_1M], rest);
}

static void on_cd_read(struct run *run, const char *rest)
{
	take_mbps(&run->metrics[GUEST_CD_READ], rest);
}

static void on_boot(struct run *run, const char *rest)
{
	run->last = snapshot(run);
	run->metrics[GUEST_BOOT_WALL] = run->last.wall;
	run->metrics[GUEST_BOOT_CPU] = run->last.cpu;
}

/* So many bytes were read since the last mark. */
static void take_bytes(struct run *run, double *metric, const char *rest)
{
	struct snapshot now = snapshot(run);
	double bytes;

	if (sscanf(rest, "%lf", &bytes) == 1)
		*metric = bytes / 1e6 / (now.wall - run->last.wall);
	run->last = now;
}

static void on_bios_disk(struct run *run, const char *rest)
{
	take_bytes(run, &run->metrics[GUEST_BIOS_DISK], rest);
}

static void on_bios_cd(struct run *run, const char *rest)
{
	take_bytes(run, &run->metrics[GUEST_BIOS_CD], rest);
	run->metrics[GUEST_BIOS_CPU] = run->last.cpu - run->metrics[GUEST_BOOT_CPU];
}

static void on_done(struct run *run, const char *rest)
{
	run->done = true;
}

static const struct {
	const char *mark;
	void (*handle)(struct run *run, const char *rest);
} marks[] = {
	{ "userspace", on_userspace },
	{ "idle", on_idle },
	{ "idled", on_idled },
	{ "read-4096", on_read_4k },
	{ "write-4096", on_write_4k },
	{ "read-1048576", on_read_1m },
	{ "write-1048576", on_write_1m },
	{ "cd-1048576", on_cd_read },
	{ "boot", on_boot },
	{ "bios-disk", on_bios_disk },
	{ "bios-cd", on_bios_cd },
	{ "done", on_done },
};

static void on_line(struct run *run, char *line)
{
	size_t len;

	/* Firmware may have left its cursor movements before the mark. */
	line = strstr(line, "@ ");
	if (!line)
		return;
	line += 2;
	len = strcspn(line, " \r");
	for (size_t i = 0; i < ARRAY_SIZE(marks); i++)
		if (strlen(marks[i].mark) == len && !strncmp(marks[i].mark, line, len))
			marks[i].handle(run, line + len + (line[len] == ' '));
}

/* 0 at the end of the guest's work. */
static int follow_console(struct run *run, unsigned limit_s, struct err *err)
{
	char buf[4096];
	size_t len = 0;

	while (!run->done) {
		struct pollfd pfd = { .fd = run->console, .events = POLLIN };
		int left_ms = limit_s * 1000 - snapshot(run).wall * 1000;
		ssize_t n;
		char *end;

		if (left_ms <= 0 || !poll(&pfd, 1, left_ms))
			return err_set(
				err, ETIMEDOUT,
				"the guest was not done after %u s; it said: %.200s",
				limit_s, len ? buf : "nothing");
		n = read(run->console, buf + len, sizeof(buf) - 1 - len);
		if (n <= 0) {
			err_set(err, ESRCH, "it ended before its guest was done");
			child_explain(&run->child, err);
			return -ESRCH;
		}
		len += n;
		buf[len] = '\0';
		for (char *line = buf; (end = strchr(line, '\n')); line = end + 1) {
			*end = '\0';
			on_line(run, line);
			if (!strchr(end + 1, '\n')) {
				len = strlen(end + 1);
				memmove(buf, end + 1, len + 1);
				break;
			}
		}
		/* A line without an end is noise. */
		if (len == sizeof(buf) - 1)
			len = 0;
	}
	return 0;
}

int guest_run(char *const argv[], unsigned ram_mib, unsigned limit_s, const char *vnc,
              double metrics[GUEST_METRICS], struct err *err)
{
	struct run run = { .ram_mib = ram_mib, .metrics = metrics, .vnc = vnc };
	int fds[2], ret;

	for (int i = 0; i < GUEST_METRICS; i++)
		metrics[i] = NAN;
	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_sys(err, errno, "cannot make a pipe");
	run.console = fds[0];
	run.exits_before = kvm_exits();
	run.host_irqs_before = kvm_host_irqs();
	ret = child_start(&run.child, argv, NULL, fds[1], STDOUT_FILENO, false, err);
	close(fds[1]);
	if (!ret)
		ret = follow_console(&run, limit_s, err);
	stop_viewer(&run);
	child_end(&run.child);
	close(fds[0]);
	if (ret < 0)
		err_prefix(err, "%s", argv[0]);
	return ret;
}
