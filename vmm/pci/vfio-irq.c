// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Interrupts of a real function: eventfds that the host's VFIO writes and KVM reads, with
 * nobody between them. VFIO delivers one kind at a time, as config space says: by the
 * pin, MSI or MSI-X.
 *
 * A pin that fired stays masked on the host until the guest has served the interrupt: KVM
 * sees that and writes to a second eventfd, which unmasks it. So a function that does not
 * stop costs its guest's time only. An MSI-X vector that the guest masks is no more than
 * a counter that rises.
 */
#include "vmm/pci/vfio.h"

#include "common/bytes.h"
#include "common/log.h"
#include "vmm/core/vm.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

static struct irqchip *chip_of(const struct vfio_pci *v)
{
	return v->pci.dev.vm->irqchip;
}

/* ---- vectors ---- */

static void free_vectors(struct vfio_pci *v)
{
	for (unsigned i = 0; i < v->vector_count; i++)
		if (v->vectors[i].fd >= 0)
			close(v->vectors[i].fd);
	free(v->vectors);
	v->vectors = NULL;
	v->vector_count = 0;
}

static int new_vectors(struct vfio_pci *v, unsigned count)
{
	v->vectors = calloc(count, sizeof(*v->vectors));
	if (!v->vectors)
		return -ENOMEM;
	for (; v->vector_count < count; v->vector_count++) {
		struct vfio_vector *vec = &v->vectors[v->vector_count];

		vec->gsi = -1;
		vec->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (vec->fd < 0)
			return -errno;
	}
	return 0;
}

/* As many of them as the host has. */
static int connect_vectors(struct vfio_pci *v, enum vfio_irq irq)
{
	unsigned count = v->vector_count;
	int fds[PCI_MSIX_MAX] = { -1 }, ret;

	for (unsigned i = 0; i < count; i++)
		fds[i] = v->vectors[i].fd;
	ret = vfio_irq_connect(v->fd, irq, fds, count);
	if (ret > 0 && (unsigned)ret < count) {
		log_guest(&v->limit,
		          "%s: the host has %d vectors left for it, and it wants %u",
		          v->pci.dev.path, ret, count);
		ret = vfio_irq_connect(v->fd, irq, fds, ret);
	}
	return ret;
}

/* ---- MSI-X: the table and its masks are pci/msix.c's ---- */

static int start_msix(struct vfio_pci *v)
{
	int ret = new_vectors(v, v->pci.msix_table_len / 16);

	for (unsigned i = 0; i < v->vector_count && ret >= 0; i++)
		ret = pci_msix_set_fd(&v->pci, i, v->vectors[i].fd);
	return ret < 0 ? ret : connect_vectors(v, VFIO_MSIX);
}

static void stop_msix(struct vfio_pci *v)
{
	vfio_irq_disconnect(v->fd, VFIO_MSIX);
	for (unsigned i = 0; i < v->vector_count; i++)
		pci_msix_set_fd(&v->pci, i, -1);
	free_vectors(v);
}

/* ---- MSI ---- */

static uint16_t msi_flags(const struct vfio_pci *v)
{
	return v->msi ? ld16(v->pci.config + v->msi + PCI_MSI_FLAGS) : 0;
}

static unsigned msi_count(const struct vfio_pci *v)
{
	unsigned want = (msi_flags(v) & PCI_MSI_FLAGS_QSIZE) >> 4;
	unsigned have = (msi_flags(v) & PCI_MSI_FLAGS_QMASK) >> 1;

	return 1u << (want < have ? want : have < 5 ? have : 5);
}

static void set_msi_routes(struct vfio_pci *v)
{
	const uint8_t *cap = v->pci.config + v->msi;
	bool wide = msi_flags(v) & PCI_MSI_FLAGS_64BIT;
	uint32_t data = ld16(cap + (wide ? PCI_MSI_DATA_64 : PCI_MSI_DATA_32));
	uint64_t high = wide ? ld32(cap + PCI_MSI_ADDRESS_HI) : 0;

	for (unsigned i = 0; i < v->vector_count; i++) {
		struct msi_msg msg = {
			.address = high << 32 | ld32(cap + PCI_MSI_ADDRESS_LO),
			.data = (data & ~(v->vector_count - 1)) | i,
		};

		if (v->vectors[i].gsi >= 0)
			irqchip_route_set(chip_of(v), v->vectors[i].gsi, &msg);
	}
	irqchip_commit(chip_of(v));
}

static int start_msi(struct vfio_pci *v)
{
	int ret = new_vectors(v, msi_count(v));

	for (unsigned i = 0; i < v->vector_count && ret >= 0; i++)
		ret = v->vectors[i].gsi = irqchip_route_alloc(chip_of(v));
	if (ret < 0)
		return ret;
	set_msi_routes(v);
	for (unsigned i = 0; i < v->vector_count && ret >= 0; i++)
		ret = irqchip_irqfd(chip_of(v), v->vectors[i].gsi, v->vectors[i].fd,
		                    true);
	return ret < 0 ? ret : connect_vectors(v, VFIO_MSI);
}

static void stop_msi(struct vfio_pci *v)
{
	vfio_irq_disconnect(v->fd, VFIO_MSI);
	for (unsigned i = 0; i < v->vector_count; i++) {
		const struct vfio_vector *vec = &v->vectors[i];

		if (vec->gsi < 0)
			continue;
		irqchip_irqfd(chip_of(v), vec->gsi, vec->fd, false);
		irqchip_route_free(chip_of(v), vec->gsi);
	}
	free_vectors(v);
}

/* ---- the pin ---- */

static void lead_pin(struct vfio_pci *v, uint8_t gsi)
{
	int ret = 0;

	if (v->gsi == gsi)
		return;
	if (v->gsi != 0xff)
		irqchip_irqfd_level(chip_of(v), v->gsi, v->trigger, v->served, false);
	v->gsi = gsi;
	if (gsi != 0xff)
		ret = irqchip_irqfd_level(chip_of(v), gsi, v->trigger, v->served, true);
	if (ret < 0)
		log_guest(&v->limit, "%s: KVM refuses its interrupt: errno %d",
		          v->pci.dev.path, -ret);
	/* An interrupt that the guest has not served is raised again. */
	vfio_intx_unmask(v->fd);
}

static int start_pin(struct vfio_pci *v)
{
	int ret = vfio_irq_connect(v->fd, VFIO_INTX, &v->trigger, 1);

	if (ret >= 0)
		ret = vfio_intx_unmask_by(v->fd, v->served);
	if (ret >= 0)
		lead_pin(v, pci_intx_gsi(&v->pci));
	return ret;
}

static void stop_pin(struct vfio_pci *v)
{
	lead_pin(v, 0xff);
	vfio_irq_disconnect(v->fd, VFIO_INTX);
}

/* ---- which of them ---- */

void vfio_irq_stop(struct vfio_pci *v)
{
	if (v->by == VFIO_BY_PIN)
		stop_pin(v);
	else if (v->by == VFIO_BY_MSI)
		stop_msi(v);
	else if (v->by == VFIO_BY_MSIX)
		stop_msix(v);
	v->by = VFIO_NONE;
}

void vfio_irq_update(struct vfio_pci *v)
{
	enum vfio_by want = v->trigger >= 0 ? VFIO_BY_PIN : VFIO_NONE;
	int ret = 0;

	if (msi_flags(v) & PCI_MSI_FLAGS_ENABLE)
		want = VFIO_BY_MSI;
	if (pci_msix_enabled(&v->pci))
		want = VFIO_BY_MSIX;
	if (want == VFIO_BY_MSI && v->by == want && v->vector_count == msi_count(v)) {
		set_msi_routes(v);
		return;
	}
	if (want == VFIO_BY_PIN && v->by == want)
		lead_pin(v, pci_intx_gsi(&v->pci));
	if (want == v->by && want != VFIO_BY_MSI)
		return;
	vfio_irq_stop(v);
	v->by = want;
	if (want == VFIO_BY_PIN)
		ret = start_pin(v);
	else if (want == VFIO_BY_MSI)
		ret = start_msi(v);
	else if (want == VFIO_BY_MSIX)
		ret = start_msix(v);
	if (ret < 0)
		log_guest(&v->limit,
		          "%s: the host does not deliver its interrupts: errno %d",
		          v->pci.dev.path, -ret);
}

/* ---- events ---- */

static void on_error(void *opaque, uint32_t events)
{
	struct vfio_pci *v = opaque;
	uint64_t count;

	(void)events;
	if (read(v->error, &count, sizeof(count)) < 0)
		return;
	if (ratelimit_ok(&v->limit, 5))
		log_error(
			"%s: %s reports an error that it cannot correct (see the host's "
			"dmesg); the guest is stopped; to start it again: system_reset, "
			"then cont",
			v->pci.dev.path, v->host.name);
	vm_request(v->pci.dev.vm, VM_REQ_BROKEN, "an error of a PCI function");
}

static void on_request(void *opaque, uint32_t events)
{
	struct vfio_pci *v = opaque;
	struct vm *vm = v->pci.dev.vm;
	struct err err = { 0 };
	uint64_t count;

	(void)events;
	if (read(v->request, &count, sizeof(count)) < 0)
		return;
	/* The host repeats it. */
	if (!vm->unplug || vm->unplug(&v->pci.dev, &err) >= 0 || err.code == EBUSY)
		return;
	log_warn("%s: the host wants %s back: %s", v->pci.dev.path, v->host.name,
	         err.text);
	loop_remove(vm->loop, &v->request_watch);
}

/* Both are good to have; some functions have neither. */
static void watch(struct vfio_pci *v, enum vfio_irq irq, int *fd, struct loop_fd *lfd,
                  void (*fn)(void *opaque, uint32_t events))
{
	if (vfio_irq_count(v->fd, irq) <= 0)
		return;
	*fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (*fd >= 0 && loop_add(v->pci.dev.vm->loop, lfd, *fd, EPOLLIN, fn, v) >= 0)
		vfio_irq_connect(v->fd, irq, fd, 1);
}

/* ---- life ---- */

int vfio_irq_init(struct vfio_pci *v, struct err *err)
{
	v->gsi = 0xff;
	watch(v, VFIO_ERROR, &v->error, &v->error_watch, on_error);
	watch(v, VFIO_REQUEST, &v->request, &v->request_watch, on_request);
	if (!v->pci.config[PCI_INTERRUPT_PIN])
		return 0;
	v->trigger = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	v->served = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return v->trigger < 0 || v->served < 0 ? err_sys(err, errno, "eventfd") : 0;
}

void vfio_irq_free(struct vfio_pci *v)
{
	const int fds[] = { v->trigger, v->served, v->error, v->request };

	vfio_irq_stop(v);
	loop_remove(v->pci.dev.vm->loop, &v->error_watch);
	loop_remove(v->pci.dev.vm->loop, &v->request_watch);
	for (unsigned i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (fds[i] >= 0)
			close(fds[i]);
}
