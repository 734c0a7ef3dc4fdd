// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * common/log: classes, whole lines in a file, and the brake on what a guest can write.
 * The log is redirected into a file here, whose content is then looked at.
 */
#include "common/log.h"
#include "common/cleanup.h"
#include "common/fdio.h"
#include "tests/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

static char *content(const char *path)
{
	char *text = NULL;

	fd_read_file(AT_FDCWD, path, 1 << 24, &text, NULL);
	return text;
}

static void test_classes(void)
{
	struct err err = { 0 };

	tap_ok(!log_enabled(LOG_C_PCI), "nothing is enabled at first");
	tap_ok(!log_enable("pci,guest_errors", &err), "two classes");
	tap_ok(log_enabled(LOG_C_PCI) && log_enabled(LOG_C_GUEST), "are enabled");
	tap_ok(!log_enabled(LOG_C_VIRTIO), "others are not");
	tap_eq(log_enable("pcix", &err), -EINVAL, "an unknown class");
	tap_has(err.text, "unknown log class 'pcix'; known classes: guest_errors, unimp",
	        "is named, with those that are known");
	err_clear(&err);
	tap_eq(log_enable("kvm,,boot", &err), -EINVAL, "an empty word");
	tap_eq(log_enable("pc", NULL), -EINVAL, "half a word, nobody listening");
	tap_eq(log_open("/nonexistent/log", &err), -ENOENT, "no such folder");
}

static void test_lines(const char *path)
{
	_cleanup_free_ char *text = NULL;
	char big[3000];

	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	log_init("prog");
	log_error("one %d", 1);
	log_warn("two");
	log_debug(LOG_C_PCI, "three");
	log_debug(LOG_C_VIRTIO, "not shown");
	log_error("%s", big);
	log_error("last");
	text = content(path);
	tap_has(text, "prog: one 1\nprog: warning: two\nprog: three\nprog: xxx",
	        "level and class decide what is shown");
	tap_has(text, "x\nprog: last\n", "a long line is cut, and ends");
}

/* A guest's bytes must not move the cursor of the person who reads the log. */
static void test_control(const char *path)
{
	_cleanup_free_ char *text = NULL;

	log_warn("guest says '%s'", "a\x1b[2Jb\nc\r.\x07q");
	text = content(path);
	tap_has(text, "guest says 'a?[2Jb?c?.?q'\n", "control characters are replaced");
}

#define WRITERS 4
#define LINES   500

static void *write_lines(void *opaque)
{
	const char *letter = opaque;

	for (int i = 0; i < LINES; i++)
		log_warn("%s%s%s%s%s%s%s%s", letter, letter, letter, letter, letter,
		         letter, letter, letter);
	return NULL;
}

static void test_threads(const char *path)
{
	static char *const letters[WRITERS] = { "a", "b", "c", "d" };
	_cleanup_free_ char *text = NULL;
	pthread_t threads[WRITERS];
	unsigned whole = 0, other = 0;

	for (int i = 0; i < WRITERS; i++)
		pthread_create(&threads[i], NULL, write_lines, letters[i]);
	for (int i = 0; i < WRITERS; i++)
		pthread_join(threads[i], NULL);
	text = content(path);
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		char c;

		if (sscanf(line, "prog: warning: %c", &c) != 1 || c > 'd' ||
		    line[16] != c)
			continue;
		if (strspn(line + 15, (char[]){ c, 0 }) == 8 && strlen(line) == 23)
			whole++;
		else
			other++;
	}
	tap_eq(whole, WRITERS * LINES, "every line of four threads is whole");
	tap_eq(other, 0, "none is mixed");
}

static void test_ratelimit(void)
{
	struct ratelimit rl = { 0 };
	unsigned ok = 0;

	for (int i = 0; i < 1000; i++)
		ok += ratelimit_ok(&rl, 5);
	/* The second may turn once while this runs. */
	tap_ok(ok == 5 || ok == 10, "five a second pass, got %u", ok);
	tap_ok(rl.dropped, "the others are counted");
	rl.window--;
	tap_ok(ratelimit_ok(&rl, 5), "a new second, a new chance");
	tap_eq(rl.dropped, 0, "and a new count");
}

int main(void)
{
	char path[] = "/tmp/log-XXXXXX";
	_cleanup_close_ int fd = mkostemp(path, O_CLOEXEC);
	struct err err = { 0 };

	test_classes();
	if (tap_ok(fd >= 0 && !log_open(path, &err), "a log file")) {
		test_lines(path);
		test_control(path);
		test_threads(path);
		test_ratelimit();
		unlink(path);
	}
	return tap_done();
}
