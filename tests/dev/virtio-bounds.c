// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Work of one callback is bounded, whatever the driver does: here it adds a request soon
 * after one is answered, in a signal handler that interrupts the device every few
 * microseconds, so that the queue never is empty. What is answered is seen in the used
 * ring before its index tells.
 */
#include "common/cleanup.h"
#include "tests/dev/virtio-disk-lib.h"
#include "tests/tap.h"
#include "vmm/chardev/chardev.h"
#include "vmm/virtio/console.h"

#include <linux/virtio_console.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#define POISON    UINT32_MAX
#define TICK_NS   10000 /* from the end of one to the next */
#define ANSWERS   40000 /* then the driver stops, or a broken device would not end */
#define CALLBACKS 40
#define SEGMENT   16384

struct hostile {
	struct vqueue *q;
	uint16_t *avail;    /* the index */
	uint32_t *used;     /* entries: id, length */
	uint16_t *used_idx; /* published */
	unsigned seen;
	timer_t timer;
	struct itimerspec soon;
};

static struct hostile *driver;

static void drive(int sig)
{
	struct hostile *h = driver;
	uint16_t size = h->q->size;

	(void)sig;
	while (h->seen < ANSWERS && h->used[2 * (h->seen % size)] != POISON) {
		h->used[2 * (h->seen % size)] = POISON;
		h->seen++;
	}
	__atomic_store_n(h->avail, h->seen + size, __ATOMIC_RELEASE);
	timer_settime(h->timer, 0, &h->soon, NULL);
}

/* The most answers of one callback. Every chain is the one at descriptor 0. */
static unsigned most(struct vqueue *q)
{
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR2 };
	struct guest *g = q->drv->g;
	uint8_t *avail = guest_ptr(g, q->avail), *used = guest_ptr(g, q->used);
	struct hostile h = {
		.q = q,
		.avail = (uint16_t *)(avail + 2),
		.used = (uint32_t *)(used + 4),
		.used_idx = (uint16_t *)(used + 2),
		.soon = { .it_value = { 0, TICK_NS } },
	};
	unsigned best = 0;

	memset(avail + 4, 0, 2 * q->size);
	for (unsigned i = 0; i < q->size; i++)
		h.used[2 * i] = POISON;
	*h.avail = q->size;
	driver = &h;
	signal(SIGUSR2, drive);
	if (timer_create(CLOCK_MONOTONIC, &event, &h.timer) < 0)
		return 0;
	raise(SIGUSR2);
	vqueue_notify(q);
	for (unsigned i = 0; i < CALLBACKS; i++) {
		uint16_t before = *h.used_idx, n;

		loop_run_once(g->board.vm.loop, 0);
		n = *h.used_idx - before;
		best = n > best ? n : best;
	}
	timer_delete(h.timer);
	signal(SIGUSR2, SIG_IGN);
	return best;
}

static void test_blk(void)
{
	unsigned n, bound;
	struct disk k;

	disk_init(&k, "", "queue-size=1024");
	disk_start(&k, UINT64_MAX & ~(1ull << VIRTIO_RING_F_EVENT_IDX));
	disk_header(&k, k.header, 99, 0); /* answered at once */
	vqueue_put_desc(&k.q, 0, k.header, 16, VRING_DESC_F_NEXT, 1);
	vqueue_put_desc(&k.q, 1, k.status, 1, VRING_DESC_F_WRITE, 0);
	n = most(&k.q);
	bound = 16 * k.q.size;
	tap_ok(n && n <= bound, "virtio-blk: at most 16 rings of requests (%u of %u)", n,
	       bound);
	disk_free(&k);
}

static void console_queue(struct guest *g, struct vdrv *d, struct vqueue *q,
                          unsigned index, uint32_t len)
{
	uint64_t data;

	struct err err = { 0 };

	memset(g, 0, sizeof(*g));
	guest_init(g);
	vdrv_init(d, g, board_add(&g->board, &virtio_serial_pci_class, "id=vs"));
	chardev_create_short(g->board.vm.chardevs, "null", "sink", &err);
	board_add(&g->board, &virtconsole_class, "chardev=sink");
	vdrv_negotiate(d, 0x100000000ull | 1 << VIRTIO_CONSOLE_F_MULTIPORT);
	vqueue_init(q, d, index, 0, VIRTIO_MSI_NO_VECTOR);
	vdrv_ready(d);
	data = guest_alloc(g, SEGMENT);
	/* The longest chain: it takes a while. */
	for (unsigned i = 0; i < q->size; i++)
		vqueue_put_desc(q, i, data, i ? 0 : len,
		                i + 1 < q->size ? VRING_DESC_F_NEXT : 0, i + 1);
}

static void test_console(void)
{
	struct vqueue q;
	struct guest g;
	struct vdrv d;
	unsigned n;

	console_queue(&g, &d, &q, 3, sizeof(struct virtio_console_control));
	n = most(&q);
	tap_ok(n && n <= 64, "virtio-serial: at most 64 control messages (%u)", n);
	guest_free(&g);
	console_queue(&g, &d, &q, 1, SEGMENT);
	n = most(&q);
	tap_ok(n && n <= 256 * 1024 / SEGMENT + 1,
	       "virtio-serial: at most 256 KiB of output (%u times 16 KiB)", n);
	guest_free(&g);
}

int main(void)
{
	test_blk();
	test_console();
	return tap_done();
}
