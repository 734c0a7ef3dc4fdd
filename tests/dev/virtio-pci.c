// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The PCI transport (virtio 1.2, 4.1) and the device state machine (2.1, 3.1), on a
 * virtio-rng and a virtio-blk: identity, capabilities, negotiation, queue set-up,
 * notifications, ISR, INTx and MSI-X, the window in configuration space, legacy
 * registers.
 */
#include "common/bytes.h"
#include "common/cleanup.h"
#include "common/log.h"
#include "tests/dev/virtio-lib.h"
#include "tests/tap.h"
#include "vmm/virtio/pci.h"
#include "vmm/virtio/rng.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define VERSION_1 (1ull << VIRTIO_F_VERSION_1)
#define EVENT_IDX (1ull << VIRTIO_RING_F_EVENT_IDX)
#define NO_VECTOR 0xffff

static struct vdrv rng_driver(struct guest *g, const char *opts)
{
	struct vdrv d;

	vdrv_init(&d, g, board_add(&g->board, &virtio_rng_pci_class, opts));
	return d;
}

/* One buffer of 64 bytes; its length when it came back. */
static uint32_t draw(struct vqueue *q)
{
	struct vseg seg = { guest_alloc(q->drv->g, 64), 64, true };

	return vqueue_do(q, &seg, 1);
}

/* ---- identity ---- */

static void test_identity(struct guest *g)
{
	struct vdrv t = rng_driver(g, "id=t"), m = rng_driver(g, "disable-legacy=on");
	struct vdrv l = rng_driver(g, "disable-modern=on");

	tap_eq(pci_in(g, t.pdev->devfn, 0, 4), 0x10051af4, "transitional: device ID");
	tap_eq(pci_in(g, t.pdev->devfn, 8, 1), 0, "and revision 0");
	tap_eq(pci_in(g, t.pdev->devfn, 0x2e, 2), VIRTIO_ID_RNG, "subsystem: virtio ID");
	tap_eq(pci_in(g, m.pdev->devfn, 0, 4), 0x10441af4, "modern: device ID");
	tap_eq(pci_in(g, m.pdev->devfn, 8, 1), 1, "and revision 1");
	tap_ok(t.io && !m.io && l.io, "the I/O BAR is there for legacy drivers only");
	tap_ok(t.common && t.notify && t.isr && t.cfg_cap && t.notify_step,
	       "modern capabilities");
	tap_ok(!t.config, "a device without configuration offers no structure for it");
	tap_ok(!l.common && !l.notify && !l.cfg_cap, "disable-modern=on has none");
	tap_eq(t.vectors, 2, "MSI-X: one vector for the queue, one for changes");
	device_destroy(m.dev);
	device_destroy(l.dev);
	device_destroy(t.dev);
}

static void test_refusal(struct guest *g)
{
	struct err err = { 0 };

	tap_ok(!device_create_simple(&g->board.vm, &virtio_rng_pci_class,
	                             "disable-modern=on,disable-legacy=on", &err),
	       "a device without any registers is refused");
	tap_str(err.text,
	        "disable-modern=on and disable-legacy=on leave no "
	        "registers; drop one of them",
	        "why");
}

/* ---- status and features ---- */

static void test_negotiation(struct vdrv *d)
{
	uint64_t offered = vdrv_offered(d);

	vdrv_set_status(d, 0);
	tap_eq(vdrv_status(d), 0, "status 0 after a reset");
	tap_ok(offered & VERSION_1 && offered & EVENT_IDX, "offered: 0x%llx",
	       (unsigned long long)offered);
	tap_ok(!(offered >> VIRTIO_F_ANY_LAYOUT & 1), "ANY_LAYOUT is for legacy drivers");
	tap_ok(vdrv_negotiate(d, UINT64_MAX), "a driver that takes all: FEATURES_OK");
	vdrv_set_features(d, 0);
	vdrv_set(d, COMMON(guest_feature_select), 1, 4);
	tap_eq(vdrv_get(d, COMMON(guest_feature), 4), d->features >> 32,
	       "after it features are fixed");
	tap_ok(!vdrv_negotiate(d, ~VERSION_1), "without VERSION_1: refused");
	vdrv_set_status(d, 0);
	vdrv_set_status(d, VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER);
	vdrv_set_features(d, offered | 1ull << 50);
	vdrv_set_status(d, VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER |
	                           VIRTIO_CONFIG_S_FEATURES_OK);
	tap_eq(vdrv_status(d), VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER,
	       "a feature that was not offered: no FEATURES_OK");
	vdrv_set_status(d, VIRTIO_CONFIG_S_NEEDS_RESET | VIRTIO_CONFIG_S_ACKNOWLEDGE);
	tap_eq(vdrv_status(d), VIRTIO_CONFIG_S_ACKNOWLEDGE,
	       "a driver cannot set DEVICE_NEEDS_RESET");
	vdrv_set(d, COMMON(device_feature_select), 2, 4);
	tap_eq(vdrv_get(d, COMMON(device_feature), 4), 0, "features 64 and up: none");
}

/* ---- queues ---- */

static void test_queue_setup(struct vdrv *d)
{
	struct vqueue q;

	vdrv_negotiate(d, UINT64_MAX);
	tap_eq(vdrv_get(d, COMMON(num_queues), 2), 1, "one queue");
	vdrv_set(d, COMMON(queue_select), 0, 2);
	tap_eq(vdrv_get(d, COMMON(queue_size), 2), 8, "its largest size");
	vdrv_set(d, COMMON(queue_size), 16, 2);
	tap_eq(vdrv_get(d, COMMON(queue_size), 2), 8, "which cannot be exceeded");
	vdrv_set(d, COMMON(queue_size), 3, 2);
	tap_eq(vdrv_get(d, COMMON(queue_size), 2), 8, "3 is no size");
	vdrv_set(d, COMMON(queue_size), 0, 2);
	tap_eq(vdrv_get(d, COMMON(queue_size), 2), 8, "0 is no size");
	vdrv_set(d, COMMON(queue_desc_hi), 0x12345678, 4);
	tap_eq(vdrv_get(d, COMMON(queue_desc_hi), 4), 0x12345678, "addresses are kept");
	vdrv_set(d, COMMON(queue_select), 7, 2);
	tap_eq(vdrv_get(d, COMMON(queue_size), 2), 0,
	       "a queue that is not there: size 0");
	vdrv_set(d, COMMON(queue_enable), 1, 2);
	tap_eq(vdrv_get(d, COMMON(queue_enable), 2), 0, "and cannot be enabled");
	vqueue_init(&q, d, 0, 4, NO_VECTOR);
	tap_eq(vdrv_get(d, COMMON(queue_enable), 2), 1, "queue 0 is enabled");
	vdrv_set(d, COMMON(queue_desc_lo), 0x1000, 4);
	tap_eq(vdrv_get(d, COMMON(queue_desc_lo), 4), q.desc,
	       "then its addresses are fixed");
	vdrv_set(d, COMMON(queue_size), 8, 2);
	tap_eq(vdrv_get(d, COMMON(queue_size), 2), 4, "and its size");
	/* What comes before DRIVER_OK is served after it. */
	vqueue_add(&q, &(struct vseg){ guest_alloc(d->g, 64), 64, true }, 1);
	vqueue_notify(&q);
	board_settle(&d->g->board);
	tap_eq(vqueue_used_idx(&q), 0, "nothing is served before DRIVER_OK");
	vdrv_ready(d);
	tap_ok(vqueue_wait_all(&q), "but at DRIVER_OK, without another notification");
	for (unsigned i = 0; i < 9; i++)
		if (draw(&q) != 64)
			break;
	tap_eq(vqueue_used_idx(&q), 10, "the ring wraps around");
	tap_eq(q.wrong, 0, "each buffer came back once");
	vdrv_set_status(d, 0);
	tap_eq(vdrv_get(d, COMMON(queue_enable), 2), 0, "a reset disables the queue");
	tap_eq(vdrv_get(d, COMMON(queue_size), 2), 8, "and restores its size");
}

/* Rings that cannot be used: the device says so instead of touching memory. */
static void test_bad_rings(struct vdrv *d)
{
	static const struct {
		const char *what;
		unsigned field;
		uint32_t value;
	} cases[] = {
		{ "descriptors that are misaligned", COMMON(queue_desc_lo), 0x20008 },
		{ "descriptors outside RAM", COMMON(queue_desc_lo), GUEST_HOLE },
		{ "descriptors that leave RAM", COMMON(queue_desc_lo), GUEST_RAM - 16 },
		{ "an available ring at an odd address", COMMON(queue_avail_lo),
		  0x20001 },
		{ "a used ring that is misaligned", COMMON(queue_used_lo), 0x20002 },
		{ "a used ring in ROM", COMMON(queue_used_lo), GUEST_ROM },
		{ "a used ring far away", COMMON(queue_used_hi), UINT32_MAX },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		struct vqueue q;

		vdrv_negotiate(d, UINT64_MAX);
		vdrv_set(d, COMMON(queue_select), 0, 2);
		vdrv_set(d, COMMON(queue_desc_lo), 0x20000, 4);
		vdrv_set(d, COMMON(queue_avail_lo), 0x21000, 4);
		vdrv_set(d, COMMON(queue_used_lo), 0x22000, 4);
		vdrv_set(d, cases[i].field, cases[i].value, 4);
		vdrv_set(d, COMMON(queue_enable), 1, 2);
		tap_ok(vdrv_status(d) & VIRTIO_CONFIG_S_NEEDS_RESET, "%s: needs a reset",
		       cases[i].what);
		vdrv_isr(d);
		vdrv_ready(d);
		tap_eq(vdrv_isr(d), 2, "and says so when the driver is ready");
		vdrv_set_status(d, 0);
		tap_eq(vdrv_status(d), 0, "which helps");
		vdrv_negotiate(d, UINT64_MAX);
		vqueue_init(&q, d, 0, 0, NO_VECTOR);
		vdrv_ready(d);
		if (!tap_eq(draw(&q), 64, "then it works"))
			break;
	}
}

/* ---- interrupts ---- */

static void start_queue(struct vdrv *d, struct vqueue *q, uint64_t features,
                        uint16_t vector)
{
	vdrv_negotiate(d, features);
	vqueue_init(q, d, 0, 0, vector);
	vdrv_ready(d);
}

static void test_intx(struct vdrv *d)
{
	unsigned gsi = pci_intx_gsi(d->pdev);
	struct vqueue q;

	start_queue(d, &q, ~EVENT_IDX, NO_VECTOR);
	tap_ok(!board_irq(&d->g->board, gsi), "INTx is low");
	draw(&q);
	tap_ok(board_irq(&d->g->board, gsi), "a used buffer raises INTx");
	tap_ok(pci_in(d->g, d->pdev->devfn, PCI_STATUS, 2) & PCI_STATUS_INTERRUPT,
	       "and the status bit");
	pci_out(d->g, d->pdev->devfn, PCI_COMMAND,
	        PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER |
	                PCI_COMMAND_INTX_DISABLE,
	        2);
	tap_ok(!board_irq(&d->g->board, gsi), "which the command register can hold back");
	pci_out(d->g, d->pdev->devfn, PCI_COMMAND,
	        PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER, 2);
	vdrv_msix_enable(d, true);
	tap_ok(!board_irq(&d->g->board, gsi), "MSI-X takes INTx away (6.8.2 of PCI)");
	vdrv_msix_enable(d, false);
	tap_ok(board_irq(&d->g->board, gsi), "without it the wire is back");
	tap_eq(vdrv_isr(d), 1, "ISR: a queue");
	tap_ok(!board_irq(&d->g->board, gsi), "reading it lowers INTx");
	tap_eq(vdrv_isr(d), 0, "and clears it");
	vqueue_no_interrupt(&q, true);
	draw(&q);
	tap_eq(vdrv_isr(d), 0, "NO_INTERRUPT is heeded");
	vqueue_no_interrupt(&q, false);
	draw(&q);
	tap_eq(vdrv_isr(d), 1, "and its end");
}

static void test_msix(struct vdrv *d)
{
	struct vqueue q;
	uint32_t data;

	vdrv_msix_enable(d, true);
	vdrv_negotiate(d, ~EVENT_IDX);
	tap_eq(vdrv_config_vector(d, 5), NO_VECTOR,
	       "a vector that is not there is refused");
	tap_eq(vdrv_config_vector(d, 0), 0, "vector 0 for changes");
	vqueue_init(&q, d, 0, 0, 1);
	tap_eq(vdrv_get(d, COMMON(queue_msix_vector), 2), 1, "vector 1 for the queue");
	vdrv_ready(d);
	vdrv_msis(d, NULL);
	draw(&q);
	board_settle(&d->g->board);
	tap_eq(vdrv_msis(d, &data), 1, "a used buffer sends one message");
	tap_eq(data, MSI_DATA + 1, "the queue's");
	tap_eq(vdrv_isr(d), 0, "and leaves the ISR alone");
	vdrv_msix_mask(d, 1, true);
	draw(&q);
	draw(&q);
	board_settle(&d->g->board);
	tap_eq(vdrv_msis(d, NULL), 0, "a masked vector sends nothing");
	tap_ok(vdrv_pending(d, 1) && !vdrv_pending(d, 0), "but is pending");
	vdrv_msix_mask(d, 1, false);
	board_settle(&d->g->board);
	tap_eq(vdrv_msis(d, &data), 1, "and sends once when it is unmasked");
	tap_ok(!vdrv_pending(d, 1), "which ends its being pending");
	vdrv_msix_mask(d, 1, true);
	draw(&q);
	vdrv_msix_mask(d, 1, false);
	board_settle(&d->g->board);
	tap_eq(vdrv_msis(d, NULL), 1, "the same without a look at the pending bits");
	mmio_out(d->g, d->msix_table + 16 + PCI_MSIX_ENTRY_DATA, 0x77, 4);
	draw(&q);
	board_settle(&d->g->board);
	vdrv_msis(d, &data);
	tap_eq(data, 0x77, "a changed entry takes effect");
	pci_out(d->g, d->pdev->devfn, d->msix_cap + PCI_MSIX_FLAGS,
	        PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL, 2);
	draw(&q);
	board_settle(&d->g->board);
	tap_eq(vdrv_msis(d, NULL), 0, "the function mask holds all back");
	vdrv_msix_enable(d, true);
	board_settle(&d->g->board);
	tap_eq(vdrv_msis(d, NULL), 1, "until it is lifted");
	vdrv_set_status(d, 0);
	tap_eq(vdrv_get(d, COMMON(msix_config), 2), NO_VECTOR, "a reset forgets vectors");
	vdrv_msix_enable(d, false);
}

/* ---- the window in configuration space (4.1.4.9) ---- */

static void window(struct vdrv *d, uint32_t offset, uint32_t len)
{
	uint8_t devfn = d->pdev->devfn;
	unsigned bar = 4;

	pci_out(d->g, devfn, d->cfg_cap + VIRTIO_PCI_CAP_BAR, bar, 1);
	pci_out(d->g, devfn, d->cfg_cap + VIRTIO_PCI_CAP_OFFSET, offset, 4);
	pci_out(d->g, devfn, d->cfg_cap + VIRTIO_PCI_CAP_LENGTH, len, 4);
}

static uint32_t window_in(struct vdrv *d, uint32_t offset, uint32_t len)
{
	window(d, offset, len);
	return pci_in(d->g, d->pdev->devfn, d->cfg_cap + sizeof(struct virtio_pci_cap),
	              len);
}

static void window_out(struct vdrv *d, uint32_t offset, uint32_t value, uint32_t len)
{
	window(d, offset, len);
	pci_out(d->g, d->pdev->devfn, d->cfg_cap + sizeof(struct virtio_pci_cap), value,
	        len);
}

static void test_window(struct vdrv *d)
{
	uint32_t notify = d->notify - d->common;
	struct vqueue q;

	start_queue(d, &q, UINT64_MAX, NO_VECTOR);
	tap_eq(window_in(d, COMMON(device_status), 1), vdrv_status(d), "window: status");
	tap_eq(window_in(d, COMMON(num_queues), 2), 1, "window: number of queues");
	vqueue_add(&q, &(struct vseg){ guest_alloc(d->g, 64), 64, true }, 1);
	window_out(d, notify, 0, 2);
	tap_ok(vqueue_wait_all(&q), "window: a notification");
	window_in(d, 0x123456, 4);
	window_out(d, UINT32_MAX, 0, 4);
	window_out(d, COMMON(device_status) + 1, 0, 2);
	window_out(d, COMMON(device_status), 0, 3);
	tap_ok(vdrv_status(d) & VIRTIO_CONFIG_S_DRIVER_OK,
	       "window: what is out of place does nothing");
	window_out(d, COMMON(device_status), 0, 1);
	tap_eq(vdrv_status(d), 0, "window: reset");
}

/* ---- legacy ---- */

static void test_legacy(struct vdrv *d)
{
	unsigned gsi = pci_intx_gsi(d->pdev);
	struct vqueue q;
	uint32_t data;

	d->legacy = true;
	tap_ok(vdrv_offered(d) >> VIRTIO_F_ANY_LAYOUT & 1,
	       "legacy: ANY_LAYOUT is offered");
	vdrv_negotiate(d, ~EVENT_IDX);
	vqueue_init(&q, d, 0, 0, NO_VECTOR);
	tap_eq(board_in(&d->g->board, d->io + VIRTIO_PCI_QUEUE_PFN, 4), q.desc / 4096,
	       "legacy: the ring's page");
	tap_eq(draw(&q), 64, "legacy: served before DRIVER_OK, as old drivers need");
	vdrv_ready(d);
	tap_eq(draw(&q), 64, "legacy: and after it");
	tap_ok(board_irq(&d->g->board, gsi), "legacy: INTx");
	tap_eq(vdrv_isr(d), 1, "legacy: ISR");
	board_out(&d->g->board, d->io + VIRTIO_PCI_QUEUE_PFN, 0, 4);
	tap_eq(board_in(&d->g->board, d->io + VIRTIO_PCI_QUEUE_PFN, 4), 0,
	       "legacy: page 0 takes the queue away");
	vqueue_init(&q, d, 0, 0, NO_VECTOR);
	tap_eq(draw(&q), 64, "legacy: and it can be set up again");
	vdrv_msix_enable(d, true);
	vdrv_negotiate(d, ~EVENT_IDX);
	tap_eq(vdrv_config_vector(d, 0), 0, "legacy: vectors appear with MSI-X");
	vqueue_init(&q, d, 0, 0, 1);
	vdrv_ready(d);
	vdrv_msis(d, NULL);
	draw(&q);
	board_settle(&d->g->board);
	tap_eq(vdrv_msis(d, &data), 1, "legacy: MSI-X message");
	tap_eq(data, MSI_DATA + 1, "legacy: of the queue");
	board_out(&d->g->board, d->io + VIRTIO_PCI_QUEUE_PFN, 0, 4);
	memset(guest_ptr(d->g, q.desc), 0, 16384);
	vqueue_forget(&q);
	board_out(&d->g->board, d->io + VIRTIO_PCI_QUEUE_PFN, q.desc / 4096, 4);
	draw(&q);
	board_settle(&d->g->board);
	tap_ok(vdrv_msis(d, &data) == 1 && data == MSI_DATA + 1,
	       "legacy: a queue that is set up anew keeps its vector");
	vqueue_put_desc(&q, 0, GUEST_HOLE, 64, VRING_DESC_F_WRITE, 0);
	vqueue_put_avail(&q, 0);
	vqueue_notify(&q);
	board_settle(&d->g->board);
	tap_ok(!(vdrv_status(d) & VIRTIO_CONFIG_S_NEEDS_RESET),
	       "legacy: a broken ring sets no bit that such a driver knows");
	vdrv_set_status(d, 0);
	vdrv_msix_enable(d, false);
	d->legacy = false;
}

/* ---- stop, go and state ---- */

static void test_stop_and_go(struct vdrv *d)
{
	struct vqueue q;

	start_queue(d, &q, UINT64_MAX, NO_VECTOR);
	d->dev->cls->quiesce(d->dev);
	vqueue_add(&q, &(struct vseg){ guest_alloc(d->g, 64), 64, true }, 1);
	vqueue_notify(&q);
	board_settle(&d->g->board);
	tap_eq(vqueue_used_idx(&q), 0, "quiesced: nothing is served");
	d->dev->cls->resume(d->dev);
	tap_ok(vqueue_wait_all(&q), "resumed: what was notified meanwhile is");
	devices_reset(&d->g->board.vm);
	vdrv_init(d, d->g, d->dev);
	tap_eq(vdrv_status(d), 0, "a reset of the machine resets the device");
	start_queue(d, &q, UINT64_MAX, NO_VECTOR);
	tap_eq(draw(&q), 64, "which works afterwards");
}

static void command(struct vdrv *d, uint16_t value)
{
	pci_out(d->g, d->pdev->devfn, PCI_COMMAND, value, 2);
}

/* Without bus mastering the device leaves memory alone. */
static void test_bus_master(struct vdrv *d)
{
	uint16_t decode = PCI_COMMAND_IO | PCI_COMMAND_MEMORY;
	struct vqueue q;

	start_queue(d, &q, UINT64_MAX, NO_VECTOR);
	command(d, decode);
	vqueue_add(&q, &(struct vseg){ guest_alloc(d->g, 64), 64, true }, 1);
	vqueue_notify(&q);
	board_settle(&d->g->board);
	tap_eq(vqueue_used_idx(&q), 0, "bus mastering off: nothing is served");
	command(d, decode | PCI_COMMAND_MASTER);
	tap_ok(vqueue_wait_all(&q), "on again: what was notified meanwhile is");
	command(d, decode);
	vdrv_set_status(d, 0);
	start_queue(d, &q, UINT64_MAX, NO_VECTOR);
	vqueue_add(&q, &(struct vseg){ guest_alloc(d->g, 64), 64, true }, 1);
	vqueue_notify(&q);
	board_settle(&d->g->board);
	tap_eq(vqueue_used_idx(&q), 0, "off through a reset of the device");
	command(d, decode | PCI_COMMAND_MASTER);
	tap_ok(vqueue_wait_all(&q), "until it is on");
	devices_reset(&d->g->board.vm);
	vdrv_find(d, d->g, d->dev, false);
	start_queue(d, &q, UINT64_MAX, NO_VECTOR);
	tap_eq(draw(&q), 64, "a driver that never turns it on is served");
	command(d, decode | PCI_COMMAND_MASTER);
}

/* A device that another board loads goes on where this one stopped. */
static void test_state(struct vdrv *d)
{
	struct guest h;
	struct vdrv e;
	struct vqueue q;

	guest_init(&h);
	e = rng_driver(&h, "");
	vdrv_msix_enable(d, true);
	vdrv_negotiate(d, UINT64_MAX);
	vdrv_config_vector(d, 0);
	vqueue_init(&q, d, 0, 0, 1);
	vdrv_ready(d);
	draw(&q);
	d->dev->cls->quiesce(d->dev);
	vqueue_add(&q, &(struct vseg){ guest_alloc(d->g, 64), 64, true }, 1);
	e.dev->cls->quiesce(e.dev);
	memcpy(h.ram, d->g->ram, GUEST_SPLIT);
	tap_ok(board_copy_state(d->dev, e.dev), "state: saved, loaded, equal");
	q.drv = &e;
	e.dev->cls->resume(e.dev);
	tap_ok(vqueue_wait_all(&q), "the copy serves the buffer that waited");
	board_settle(&h.board);
	tap_ok(vdrv_msis(&e, NULL) >= 1,
	       "and interrupts through the vector that was set");
	d->dev->cls->resume(d->dev);
	vdrv_set_status(d, 0);
	vdrv_msix_enable(d, false);
	guest_free(&h);
}

/* ---- what a guest may not fill ---- */

static unsigned count_lines(const char *path)
{
	_cleanup_fclose_ FILE *file = fopen(path, "re");
	unsigned lines = 0;

	for (int c = file ? getc(file) : EOF; c != EOF; c = getc(file))
		lines += c == '\n';
	return lines;
}

/* Without descriptors no vector can be had, which the log need not hear each time. */
static void test_log(struct vdrv *d)
{
	struct rlimit old, none;
	unsigned refused = 0;
	char path[96];

	snprintf(path, sizeof(path), "%s/log", d->g->board.dir);
	vdrv_set_status(d, 0);
	((struct virtio_pci *)d->dev)->vdev.warned = (struct ratelimit){ 0 };
	log_open(path, NULL);
	getrlimit(RLIMIT_NOFILE, &old);
	none = (struct rlimit){ fcntl(0, F_DUPFD_CLOEXEC, 0), old.rlim_max };
	close(none.rlim_cur);
	setrlimit(RLIMIT_NOFILE, &none);
	for (unsigned i = 0; i < 5000; i++)
		refused += vdrv_config_vector(d, 0) == VIRTIO_MSI_NO_VECTOR;
	setrlimit(RLIMIT_NOFILE, &old);
	log_open("/dev/stderr", NULL);
	tap_eq(refused, 5000, "a driver hears that it has no vector");
	tap_ok(count_lines(path) && count_lines(path) < 2000,
	       "the log not as often: %u times", count_lines(path));
	unlink(path);
}

int main(void)
{
	struct guest g;
	struct vdrv d;

	guest_init(&g);
	test_identity(&g);
	test_refusal(&g);
	d = rng_driver(&g, "");
	test_negotiation(&d);
	test_queue_setup(&d);
	test_bad_rings(&d);
	test_intx(&d);
	test_msix(&d);
	test_window(&d);
	test_legacy(&d);
	test_stop_and_go(&d);
	test_bus_master(&d);
	test_state(&d);
	test_log(&d);
	guest_free(&g);
	return tap_done();
}
