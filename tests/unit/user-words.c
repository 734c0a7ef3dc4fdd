// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Networks that are added while the guest runs: which words the spawner takes for their
 * helper, and which folders the helper takes for TFTP.
 */
#include "common/cleanup.h"
#include "common/frame-ring.h"
#include "common/helper.h"
#include "common/spawn.h"
#include "tests/tap.h"
#include "tests/unit/helper-lib.h"
#include "vmm/net/net.h"

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>

static void test_words(void)
{
	static const struct {
		const char *words[8];
		bool good;
	} rows[] = {
		{ { "restrict=off", "ipv4=on", "ipv6=on" }, true },
		{ { "net=10.1.0.0/24", "host=10.1.0.9", "hostname=a b", "tftp=6",
		    "bootfile=x", "restrict=on", "ipv4=on", "ipv6=off" },
		  true },
		{ { "restrict=off", "ipv4=on", "ipv6=on",
		    "guestfwd=tcp:10.0.2.9:1-unix:/x",
		    "guestfwd=tcp:10.0.2.9:2-tcp:127.0.0.1:22" },
		  true },
		{ { "tftp-server-name=x", "restrict=off", "ipv4=on", "ipv6=on",
		    "ipv6-net=fd00::/64", "dnssearch=a", "dnssearch=b",
		    "guestfwd=tcp:10.0.2.9:1-unix:/x" },
		  true },
		{ { "restrict=off", "ipv4=on", "ipv6=on",
		    "guestfwd=tcp:10.0.2.9:1-unix:/x", "dnssearch=a" },
		  false },
		{ { "ipv4=on" }, false },
		{ { "restrict=yes", "ipv4=on", "ipv6=on" }, false },
		{ { "ipv4=on", "restrict=off", "ipv6=on" }, false },
		{ { "restrict=off", "ipv4=on", "ipv6=on", "ipv6=on" }, false },
		{ { "restrict=off", "ipv4=on", "ipv6=on", "hostfwd=tcp::1-:1" }, false },
		{ { "restrict=off", "ipv4=on", "ipv6=on", "id=x" }, false },
		{ { "restrict=off", "ipv4=on", "ipv6=on", "start=lazy" }, false },
		{ { "restrict=off", "ipv4=on", "ipv6=on", "smb=/" }, false },
		{ { "tftp=/etc", "restrict=off", "ipv4=on", "ipv6=on" }, false },
		{ { "tftp=7", "restrict=off", "ipv4=on", "ipv6=on" }, false },
		{ { "hostname=a\nb", "restrict=off", "ipv4=on", "ipv6=on" }, false },
		{ { "-x" }, false },
		{ { "" }, false },
	};
	char word[300], *argv[9];

	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		memcpy(argv, rows[i].words, sizeof(rows[i].words));
		argv[8] = NULL;
		tap_eq(net_user_admits(argv), rows[i].good, "%s words: %s ...",
		       rows[i].good ? "good" : "bad", argv[0]);
	}
	memset(word, 'a', sizeof(word));
	memcpy(word, "hostname=", 9);
	memcpy(argv + 1, rows[0].words, sizeof(rows[0].words));
	argv[0] = word;
	for (unsigned len = 255; len < 257; len++) {
		word[len] = '\0';
		tap_eq(net_user_admits(argv), len == 255, "a word of %u bytes", len);
		word[len] = 'a';
	}
}

/* A helper that is given this as its folder: what it says. */
static void start_with_folder(int folder, char *said, size_t size)
{
	_cleanup_free_ char *path = helper_find("vmm-user-net");
	char *const argv[] = { path,        (char *)"3",      (char *)"4",
		               (char *)"5", (char *)"tftp=6", NULL };
	struct frame_ring ring = { 0 };
	int frames[2], ctl[2];
	struct spawned child;
	struct err err = { 0 };
	int ring_fd = frame_ring_create(&ring, &err);
	ssize_t n = -1;

	if (ring_fd >= 0 &&
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, frames) >= 0 &&
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ctl) >= 0) {
		int fds[] = { frames[1], ctl[1], ring_fd, folder };
		struct spawn_plan plan = { SPAWN_HELPER, path, argv, fds, 4 };

		if (spawn_start(NULL, &plan, &child, &err) >= 0) {
			close(frames[1]);
			close(ctl[1]);
			n = recv(ctl[0], said, size - 1, 0);
			close(frames[0]);
			close(ctl[0]);
			spawn_wait(&child);
		}
	}
	close(ring_fd);
	frame_ring_close(&ring);
	said[n > 0 ? n : 0] = '\0';
}

/* Landlock has nothing against an O_PATH of a folder that may not be read. */
static void test_folder(void)
{
	static const struct {
		int flags;
		const char *says;
	} rows[] = {
		{ O_RDONLY | O_DIRECTORY, "0+" },
		{ O_PATH | O_DIRECTORY, "0?tftp=6: no descriptor of an open folder" },
		{ -1, "0?tftp=6: no descriptor of an open folder" },
	};
	char said[200];

	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		int fd = open(rows[i].flags < 0 ? "/dev/null" : "/tmp",
		              rows[i].flags < 0 ? O_RDONLY | O_CLOEXEC
		                                : rows[i].flags | O_CLOEXEC);

		start_with_folder(fd, said, sizeof(said));
		tap_str(said, rows[i].says, "folder %u", i);
		close(fd);
	}
}

int main(void)
{
	helper_of_build();
	test_words();
	test_folder();
	return tap_done();
}
