// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * virtio-balloon (virtio 1.2, 5.5): this process's memory goes down when the guest gives
 * pages and up when it uses them again; statistics, reporting, the configuration, events;
 * pages that are no RAM.
 */
#include "common/bytes.h"
#include "common/cleanup.h"
#include "tests/dev/virtio-lib.h"
#include "tests/tap.h"
#include "vmm/core/vm.h"
#include "vmm/virtio/balloon.h"
#include "vmm/virtio/pci.h"

#include <errno.h>
#include <string.h>

#define ALL   UINT64_MAX
#define MIB   (1ull << 20)
#define FIRST (8 * MIB) /* what the guest gives: 16 MiB from here */
#define COUNT 4096
#define CHAIN 256 /* pages of one chain, as in Linux */

struct balloon_test {
	struct vdrv d;
	struct vqueue q[4];
	uint64_t at;
};

static struct {
	unsigned count;
	int64_t actual;
} events;

static void on_event(void *opaque, const char *name, const struct vm_event_field *fields)
{
	(void)opaque;
	if (strcmp(name, "BALLOON_CHANGE"))
		return;
	events.count++;
	events.actual = fields[0].num;
}

static void start(struct balloon_test *t, struct guest *g, const char *opts, bool legacy)
{
	vdrv_init(&t->d, g, board_add(&g->board, &virtio_balloon_pci_class, opts));
	t->d.legacy = legacy;
	vdrv_negotiate(&t->d, ALL);
	for (unsigned i = 0; i < (*opts ? 4 : 3); i++)
		vqueue_init(&t->q[i], &t->d, i, 0, VIRTIO_MSI_NO_VECTOR);
	vdrv_ready(&t->d);
	t->at = guest_alloc(g, 65536);
	/* Its huge page is there before anything is measured. */
	memset(guest_ptr(g, t->at), 0, 65536);
}

/* KiB of this process in memory, counted page by page. */
static uint64_t rss(void)
{
	_cleanup_fclose_ FILE *in = fopen("/proc/self/smaps_rollup", "re");
	unsigned long long kib = 0;
	char line[200];

	while (in && !kib && fgets(line, sizeof(line), in))
		sscanf(line, "Rss: %llu", &kib);
	if (!kib)
		tap_diag("no number in /proc/self/smaps_rollup");
	return kib;
}

/* Each page once, in the order of multiples of step, in chains. */
static void give(struct balloon_test *t, struct guest *g, unsigned queue, unsigned count,
                 unsigned step)
{
	for (unsigned done = 0; done < count; done += CHAIN) {
		for (unsigned i = 0; i < CHAIN; i++)
			st32(guest_ptr(g, t->at + 4 * i),
			     FIRST / 4096 + (done + i) * step % count);
		vqueue_do(&t->q[queue], &(struct vseg){ t->at, 4 * CHAIN, false }, 1);
	}
}

static bool is_zero(const uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (p[i])
			return false;
	return true;
}

/* ---- pages ---- */

static void test_pages(struct guest *g, bool legacy, unsigned step)
{
	const char *what = legacy ? "legacy" : "modern";
	uint8_t *p = guest_ptr(g, FIRST);
	uint64_t full, empty, again;
	struct balloon_test t;

	start(&t, g, "", legacy);
	memset(p - 4096, 0x5a, COUNT * 4096 + 8192);
	full = rss();
	give(&t, g, 0, COUNT, step);
	empty = rss();
	tap_ok(full - empty > 15 * 1024 && full > empty,
	       "%s: 16 MiB given: the host's RSS goes from %llu to %llu KiB", what,
	       (unsigned long long)full, (unsigned long long)empty);
	tap_ok(is_zero(p, COUNT * 4096), "the guest reads zeros");
	tap_ok(p[-1] == 0x5a && p[COUNT * 4096] == 0x5a, "pages beside are untouched");
	give(&t, g, 1, COUNT, step);
	memset(p, 0x5a, COUNT * 4096);
	again = rss();
	tap_ok(again > empty + 15 * 1024,
	       "taken back and used again: it goes to %llu KiB",
	       (unsigned long long)again);
	tap_eq(t.q[0].wrong + t.q[1].wrong, 0, "each chain came back once");
	device_destroy(t.d.dev);
}

static void test_hostile(struct guest *g)
{
	static const uint32_t pages[] = { 0xffffffff,
		                          0x80000000,
		                          GUEST_ROM / 4096,
		                          GUEST_HOLE / 4096,
		                          GUEST_RAM / 4096,
		                          GUEST_RAM / 4096 + 1,
		                          GUEST_SPLIT / 4096 - 1,
		                          GUEST_SPLIT / 4096,
		                          GUEST_SPLIT / 4096 };
	uint8_t *split = guest_ptr(g, GUEST_SPLIT);
	struct balloon_test t;
	uint64_t big;

	start(&t, g, "", false);
	memset(g->rom, 0x77, 4096);
	memset(split - 4096, 0x33, 3 * 4096);
	memcpy(guest_ptr(g, t.at), pages, sizeof(pages));
	vqueue_do(&t.q[0], &(struct vseg){ t.at, sizeof(pages), false }, 1);
	tap_eq(g->rom[0], 0x77, "read-only memory cannot be given");
	tap_ok(is_zero(split - 4096, 8192), "a run across two blocks can");
	tap_eq(split[4096], 0x33, "no further");
	memset(split, 0x33, 3 * 4096);
	st32(guest_ptr(g, t.at), GUEST_SPLIT / 4096 + 2);
	st32(guest_ptr(g, t.at + 4), GUEST_SPLIT / 4096);
	vqueue_do(&t.q[0], &(struct vseg){ t.at, 8, false }, 1);
	tap_ok(is_zero(split, 4096) && split[4096] == 0x33 && is_zero(split + 8192, 4096),
	       "what lies between two pages stays");
	tap_eq(vqueue_do(&t.q[0], &(struct vseg){ t.at, 3, false }, 1), 0,
	       "three bytes are no page");
	tap_eq(vqueue_do(&t.q[0], &(struct vseg){ t.at, 64, true }, 1), 0,
	       "a chain to write to is none");
	big = guest_alloc(g, MIB);
	memset(guest_ptr(g, big), 0xff, MIB);
	tap_eq(vqueue_do(&t.q[0], &(struct vseg){ big, MIB, false }, 1), 0,
	       "262144 pages in one chain come back");
	tap_ok(!(vdrv_status(&t.d) & VIRTIO_CONFIG_S_NEEDS_RESET), "the device goes on");
	device_destroy(t.d.dev);
}

static void test_reporting(struct guest *g)
{
	uint8_t *p = guest_ptr(g, FIRST);
	struct balloon_test t;
	uint64_t full, empty;

	start(&t, g, "free-page-reporting=on", false);
	memset(p, 0x5a, COUNT * 4096);
	full = rss();
	vqueue_do(&t.q[3],
	          (struct vseg[]){ { FIRST, 8 * MIB, true },
	                           { FIRST + 8 * MIB, 7 * MIB, true },
	                           { FIRST + 15 * MIB + 100, 5000, true } },
	          3);
	empty = rss();
	tap_ok(full > empty && full - empty > 14 * 1024,
	       "15 MiB reported: RSS goes from %llu to %llu KiB",
	       (unsigned long long)full, (unsigned long long)empty);
	tap_ok(is_zero(p, 15 * MIB), "they read as zeros");
	tap_ok(p[15 * MIB] == 0x5a && p[15 * MIB + 5099] == 0x5a,
	       "of pages that are reported in part nothing goes");
	device_destroy(t.d.dev);
}

/* ---- statistics and configuration ---- */

static void test_stats(struct guest *g)
{
	struct virtio_balloon_stat stats[] = { { VIRTIO_BALLOON_S_MEMFREE, 12345 },
		                               { VIRTIO_BALLOON_S_MEMTOT, 99999 },
		                               { 77, 1 } };
	struct virtqueue *vq;
	struct balloon_info info;
	struct balloon_test t;
	struct err err = { 0 };

	start(&t, g, "", false);
	vq = &((struct virtio_pci *)t.d.dev)->vdev.queues[2];
	memcpy(guest_ptr(g, t.at), stats, sizeof(stats));
	vqueue_add(&t.q[2], &(struct vseg){ t.at, sizeof(stats), false }, 1);
	vqueue_notify(&t.q[2]);
	board_settle(&g->board);
	tap_eq(vqueue_reap(&t.q[2]), 0, "the buffer for statistics stays");
	t.d.dev->cls->quiesce(t.d.dev);
	tap_eq(vq->in_flight, 0, "but not through a stop");
	t.d.dev->cls->resume(t.d.dev);
	board_settle(&g->board);
	tap_eq(balloon_get(&g->board.vm, &info, &err), 0, "it is read");
	tap_eq(info.known, 1 << VIRTIO_BALLOON_S_MEMFREE | 1 << VIRTIO_BALLOON_S_MEMTOT,
	       "with what is known");
	tap_eq(info.stats[VIRTIO_BALLOON_S_MEMFREE], 12345, "and its values");
	tap_eq(vqueue_reap(&t.q[2]), 1, "asking gives the buffer back");
	stats[0].val = 54321;
	memcpy(guest_ptr(g, t.at), stats, sizeof(stats));
	vqueue_add(&t.q[2], &(struct vseg){ t.at, sizeof(stats), false }, 1);
	vqueue_add(&t.q[2], &(struct vseg){ t.at, sizeof(stats), false }, 1);
	vqueue_notify(&t.q[2]);
	board_settle(&g->board);
	tap_eq(vqueue_reap(&t.q[2]), 1, "of two buffers one goes back");
	balloon_get(&g->board.vm, &info, &err);
	tap_eq(info.stats[VIRTIO_BALLOON_S_MEMFREE], 54321, "newer values");
	device_destroy(t.d.dev);
}

static bool told_twice(void *opaque)
{
	(void)opaque;
	return events.count == 2;
}

static void test_target(struct guest *g)
{
	struct vm *vm = &g->board.vm;
	struct balloon_info info;
	struct balloon_test t;
	struct err err = { 0 };

	tap_eq(balloon_set(vm, 32 * MIB, &err), (uint64_t)-ENOTCONN, "no balloon: %s",
	       err.text);
	start(&t, g, "", false);
	err_clear(&err);
	vdrv_isr(&t.d);
	tap_eq(balloon_set(vm, 48 * MIB, &err), 0, "the guest should have 48 of 64 MiB");
	tap_eq(vdrv_config(&t.d, 0, 4), 4096, "it reads how many pages that are");
	tap_ok(vdrv_isr(&t.d) & VIRTIO_PCI_ISR_CONFIG, "and is interrupted");
	events.count = 0;
	vdrv_set_config(&t.d, 4, 4096, 4);
	balloon_get(vm, &info, &err);
	tap_eq(info.actual, 48 * MIB, "it says that it gave them");
	tap_ok(events.count == 1 && events.actual == (int64_t)(48 * MIB),
	       "which is an event");
	vdrv_set_config(&t.d, 4, 4095, 4);
	vdrv_set_config(&t.d, 4, 4000, 4);
	tap_eq(events.count, 1, "more of them are not told at once");
	tap_ok(board_until(&g->board, told_twice, NULL, 60000) &&
	               events.actual == (int64_t)(64 * MIB - 4000 * 4096),
	       "the last one is, a second later");
	vdrv_set_config(&t.d, 0, 7, 4);
	tap_eq(vdrv_config(&t.d, 0, 4), 4096, "the target is not the driver's to set");
	vdrv_set_config(&t.d, 4, UINT32_MAX, 4);
	balloon_get(vm, &info, &err);
	tap_eq(info.actual, 0, "more than there is leaves nothing");
	tap_ok(balloon_set(vm, 0, &err) < 0, "0 is refused: %s", err.text);
	err_clear(&err);
	balloon_set(vm, 1ull << 40, &err);
	tap_eq(vdrv_config(&t.d, 0, 4), 0, "more than its RAM is its RAM");
	vdrv_set_status(&t.d, 0);
	balloon_get(vm, &info, &err);
	tap_eq(info.actual, 64 * MIB, "after a reset it has everything");
	tap_ok(!device_create_simple(vm, &virtio_balloon_pci_class, "", &err),
	       "a second balloon is refused: %s", err.text);
	device_destroy(t.d.dev);
}

int main(void)
{
	struct guest g;

	guest_init(&g);
	g.board.vm.ram_size = GUEST_RAM;
	g.board.vm.on_event = on_event;
	test_pages(&g, false, 1);
	test_pages(&g, true, 4095);  /* downwards */
	test_pages(&g, false, 1237); /* in no order */
	test_hostile(&g);
	test_reporting(&g);
	test_stats(&g);
	test_target(&g);
	guest_free(&g);
	return tap_done();
}
