// SPDX-License-Identifier: GPL-2.0-or-later
/* KSM: when auto switches it, what status reads, who is a guest, what watch draws. */
#include "tune/ksm.h"
#include "tune/auto.h"
#include "tune/size.h"
#include "tune/watch.h"

#include "common/cleanup.h"
#include "tests/probe/dir-lib.h"
#include "tests/tap.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define GIB (1ull << 30)

static char dir[128];
static struct sysroot root;

static void put(const char *path, const char *text)
{
	if (sysroot_replace(&root, path, text, 0644) < 0)
		tap_ok(false, "cannot write %s", path);
}

static void link_fd(unsigned pid, unsigned fd, const char *target)
{
	char path[300];
	_cleanup_close_ int made = -1;

	snprintf(path, sizeof(path), "proc/%u/fd", pid);
	made = sysroot_open_dir(&root, path, true);
	snprintf(path, sizeof(path), "%s/proc/%u/fd/%u", dir, pid, fd);
	if (made < 0 || symlink(target, path) < 0)
		tap_ok(false, "cannot make %s", path);
}

static void test_decide(void)
{
	struct auto_limits limits = { .percent = 20 };
	struct memory memory = { .total = 16 * GIB, .available = 8 * GIB };
	struct guests guests = { .count = 2, .bytes = 4 * GIB };
	struct auto_state state = { .on = true, .pages_to_scan = 100 };

	state = auto_decide(&limits, &memory, &guests, &state);
	tap_ok(!state.on, "enough memory: off");
	memory.available = 3 * GIB;
	state = auto_decide(&limits, &memory, &guests, &state);
	tap_ok(state.on, "less than a fifth available: on");
	tap_eq(state.pages_to_scan, 400, "and faster");
	tap_eq(state.sleep_millisecs, 10, "10 ms with 16 GiB");
	for (unsigned i = 0; i < 9; i++)
		state = auto_decide(&limits, &memory, &guests, &state);
	tap_eq(state.pages_to_scan, 1250, "up to a limit");
	guests.bytes = 13 * GIB;
	memory.available = 8 * GIB;
	state = auto_decide(&limits, &memory, &guests, &state);
	tap_ok(state.on, "guests that need nearly all: on while memory is available");
	tap_eq(state.pages_to_scan, 1200, "slower");
	for (unsigned i = 0; i < 40; i++)
		state = auto_decide(&limits, &memory, &guests, &state);
	tap_eq(state.pages_to_scan, 64, "down to a limit");
	guests.count = 0;
	memory.available = GIB;
	state = auto_decide(&limits, &memory, &guests, &state);
	tap_ok(!state.on, "no guests: off, however short memory is");
	guests.count = 1;
	memory.total = GIB;
	state = auto_decide(&limits, &memory, &guests, &state);
	tap_eq(state.sleep_millisecs, 159, "small hosts are scanned less often");
	limits.percent = 99;
	memory = (struct memory){ .total = 16 * GIB, .available = 15 * GIB };
	guests.bytes = GIB;
	state = auto_decide(&limits, &memory, &guests, &state);
	tap_ok(state.on, "the threshold is the caller's");
}

static void test_guests(void)
{
	struct guests guests;

	put("proc/10/comm", "qemu-system-x86\n");
	link_fd(10, 3, "/dev/kvm");
	put("proc/11/comm", "vmm\n");
	put("proc/11/status", "Name:\tvmm\nVmRSS:\t  1024 kB\nVmSwap:\t 1024 kB\n"
	                      "HugetlbPages:\t 2048 kB\n");
	put("proc/11/ksm_merging_pages", "77\n");
	put("proc/11/ksm_stat", "ksm_rmap_items 9\nksm_process_profit -64\n");
	link_fd(11, 3, "/dev/kvm");
	link_fd(11, 4, "anon_inode:kvm-vm");
	link_fd(11, 5, "anon_inode:kvm-vcpu:0");
	put("proc/12/comm", "firecracker\n");
	link_fd(12, 9, "anon_inode:kvm-vm");
	link_fd(12, 10, "anon_inode:kvm-vm");
	put("proc/13/comm", "kvm-vm\n");
	link_fd(13, 4, "/tmp/anon_inode:kvm-vm");
	put("proc/sys/x", "");
	tap_eq(guests_gather(&root, &guests), 0, "walked");
	tap_eq(guests.count, 2, "who has a VM open is a guest, whatever its name");
	if (guests.count == 2) {
		tap_eq(guests.list[0].pid, 11, "process");
		tap_str(guests.list[0].name, "vmm", "name");
		tap_eq(guests.list[0].bytes, 4096 * 1024, "RAM, swap and huge pages");
		tap_ok(guests.list[0].has_ksm && guests.list[0].merged == 77,
		       "merged pages");
		tap_ok(guests.list[0].has_profit && guests.list[0].profit == -64,
		       "profit");
		tap_eq(guests.list[1].vms, 2, "two VMs in one process");
		tap_ok(!guests.list[1].has_ksm, "an older kernel does not say");
	}
	tap_eq(guests.bytes, 4096 * 1024, "all together");
	guests_free(&guests);
}

static void test_status(void)
{
	_cleanup_strbuf_ struct strbuf out = { 0 };
	struct ksm_status s;
	struct err err = { 0 };

	tap_eq(ksm_read(&root, &s, &err), -ENOENT, "a kernel without KSM");
	tap_has(err.text, "CONFIG_KSM", "says what it needs");
	put("sys/kernel/mm/ksm/run", "1\n");
	put("sys/kernel/mm/ksm/pages_sharing", "1000\n");
	put("sys/kernel/mm/ksm/pages_shared", "10\n");
	put("sys/kernel/mm/ksm/ksm_zero_pages", "24\n");
	put("sys/kernel/mm/ksm/general_profit", "-4096\n");
	put("sys/kernel/mm/ksm/advisor_mode", "none [scan-time]\n");
	put("proc/40/comm", "ksmd\n");
	put("proc/40/stat",
	    "40 (k) smd) S 2 0 0 0 -1 2138176 0 0 0 0 100 23 0 0 25 5 1 0 9\n");
	tap_eq(ksm_read(&root, &s, &err), 0, "read");
	tap_eq(ksm_saved(&s), 1024 * s.page, "bytes saved: shared and empty pages");
	tap_ok(s.has_profit && s.profit == -4096, "a loss");
	tap_str(s.advisor, "scan-time", "advisor");
	tap_ok(s.has_cpu && s.cpu_ms == 1230, "CPU time of ksmd, %llu ms",
	       (unsigned long long)s.cpu_ms);
	ksm_text(&s, NULL, &out);
	tap_has(out.data, "it saves 4.0 MiB (4194304 bytes)", "in the text");
	tap_has(out.data, "profit after bookkeeping: -4.0 KiB", "with the loss");
}

static void test_plot(void)
{
	_cleanup_strbuf_ struct strbuf out = { 0 };
	struct watch watch = { 0 };
	struct ksm_status s = { .page = 1024 };

	for (s.sharing = 0; s.sharing <= 2; s.sharing++)
		watch_add(&watch, &s);
	watch_plot(&watch, 2, &out);
	tap_str(out.data, "   2.0 KiB |  █\n       0 B | ██\n",
	        "columns as high as the values");
	for (unsigned i = 0; i < 100; i++)
		watch_add(&watch, &s);
	tap_eq(watch.count, WATCH_POINTS, "old ones leave");
	tap_eq(watch.saved[WATCH_POINTS - 1], 3 * 1024, "the latest is last");
}

static void test_sizes(void)
{
	static const struct {
		uint64_t bytes;
		const char *text;
	} rows[] = { { 0, "0 B" },
		     { 1023, "1023 B" },
		     { 1024, "1.0 KiB" },
		     { 1536, "1.5 KiB" },
		     { 1048575, "1023.9 KiB" },
		     { 1048576, "1.0 MiB" },
		     { UINT64_MAX, "15.9 EiB" } };
	char text[SIZE_TEXT];

	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		size_text(rows[i].bytes, text);
		tap_str(text, rows[i].text, "size");
	}
}

int main(void)
{
	struct err err = { 0 };

	if (!test_dir(dir))
		return 1;
	tap_eq(sysroot_open(&root, dir, &err), 0, "a root");
	test_decide();
	test_guests();
	test_status();
	test_plot();
	test_sizes();
	sysroot_close(&root);
	test_dir_remove(dir);
	return tap_done();
}
