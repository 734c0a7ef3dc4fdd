// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Interrupt delivery through KVM's in-kernel chips.
 *
 * KVM starts with default routes for the PIC and the IOAPIC; our own table (the same pins
 * plus the MSI routes) replaces it at the first commit that holds an MSI route, so that a
 * guest without MSI costs no routing call. irqchip_set() and irqchip_msi() are plain
 * ioctls that KVM serializes; routes change under the machine lock only.
 */
#include "vmm/kvm/internal.h"

#include "common/log.h"

#include <stdlib.h>
#include <string.h>

#define PIN_ROUTES (16 + IRQCHIP_GSIS) /* PIC pins and IOAPIC pins */

static void add_pin(struct kvm_irq_routing *table, unsigned gsi, unsigned chip,
                    unsigned pin)
{
	table->entries[table->nr++] = (struct kvm_irq_routing_entry){
		.gsi = gsi,
		.type = KVM_IRQ_ROUTING_IRQCHIP,
		.u.irqchip = { .irqchip = chip, .pin = pin },
	};
}

static int table_reserve(struct irqchip *chip, unsigned count)
{
	struct kvm_irq_routing *table;

	if (count <= chip->cap)
		return 0;
	count += 16;
	table = realloc(chip->table, sizeof(*table) + count * sizeof(table->entries[0]));
	if (!table)
		return -ENOMEM;
	chip->table = table;
	chip->cap = count;
	return 0;
}

static int init_table(struct irqchip *chip)
{
	if (table_reserve(chip, PIN_ROUTES + 16) < 0)
		return -ENOMEM;
	memset(chip->table, 0, sizeof(*chip->table));
	for (unsigned gsi = 0; gsi < 16; gsi++)
		add_pin(chip->table, gsi,
		        gsi < 8 ? KVM_IRQCHIP_PIC_MASTER : KVM_IRQCHIP_PIC_SLAVE,
		        gsi & 7);
	for (unsigned gsi = 0; gsi < IRQCHIP_GSIS; gsi++)
		add_pin(chip->table, gsi, KVM_IRQCHIP_IOAPIC, gsi);
	return 0;
}

static int create_chips(struct irqchip *chip, bool with_pit, struct err *err)
{
	/* Port 0x61 must answer for the PIT's gate; the speaker itself is silent. */
	struct kvm_pit_config pit = { .flags = KVM_PIT_SPEAKER_DUMMY };
	int fd = kvm_vm_fd(chip->kvm);

	if (ioctl(fd, KVM_CREATE_IRQCHIP, 0) < 0)
		return err_sys(err, errno, "KVM cannot create the interrupt controllers");
	if (with_pit && ioctl(fd, KVM_CREATE_PIT2, &pit) < 0)
		return err_sys(err, errno, "KVM cannot create the interval timer");
	return 0;
}

struct irqchip *irqchip_new(struct kvm_vm *kvm, bool pit, struct err *err)
{
	struct irqchip *chip = calloc(1, sizeof(*chip));
	int routes = kvm ? kvm_cap(kvm, KVM_CAP_IRQ_ROUTING) : 1024;

	if (!chip || init_table(chip) < 0) {
		err_sys(err, ENOMEM, "interrupt controllers");
		irqchip_free(chip);
		return NULL;
	}
	chip->kvm = kvm;
	chip->max_routes = routes > PIN_ROUTES ? routes - PIN_ROUTES : 0;
	if (chip->max_routes > 4096)
		chip->max_routes = 4096;
	chip->in_use = calloc((chip->max_routes + 63) / 64 + 1, sizeof(uint64_t));
	if (!chip->in_use || (kvm && create_chips(chip, pit, err) < 0)) {
		err_sys(err, ENOMEM, "interrupt controllers");
		irqchip_free(chip);
		return NULL;
	}
	return chip;
}

void irqchip_free(struct irqchip *chip)
{
	if (!chip)
		return;
	free(chip->table);
	free(chip->in_use);
	free(chip);
}

void irqchip_set(struct irqchip *chip, unsigned gsi, bool level)
{
	struct kvm_irq_level line = { .irq = gsi, .level = level };
	uint32_t bit = 1u << (gsi % IRQCHIP_GSIS);

	if (!chip->kvm) {
		if (level && !(chip->test_levels & bit))
			chip->test_edges[gsi % IRQCHIP_GSIS]++;
		chip->test_levels =
			level ? chip->test_levels | bit : chip->test_levels & ~bit;
		return;
	}
	if (ioctl(kvm_vm_fd(chip->kvm), KVM_IRQ_LINE, &line) < 0)
		log_error("KVM_IRQ_LINE for GSI %u: %s", gsi, strerror(errno));
}

int irqchip_set_level_lines(struct irqchip *chip, uint16_t lines)
{
	for (unsigned id = 0; chip->kvm && id < 2; id++) {
		struct kvm_irqchip pic = { .chip_id = id };
		int fd = kvm_vm_fd(chip->kvm);

		if (ioctl(fd, KVM_GET_IRQCHIP, &pic) < 0)
			return -errno;
		pic.chip.pic.elcr = lines >> (8 * id) & pic.chip.pic.elcr_mask;
		if (ioctl(fd, KVM_SET_IRQCHIP, &pic) < 0)
			return -errno;
	}
	return 0;
}

void irqchip_msi(struct irqchip *chip, const struct msi_msg *msg)
{
	struct kvm_msi msi = {
		.address_lo = (uint32_t)msg->address,
		.address_hi = msg->address >> 32,
		.data = msg->data,
	};

	if (!chip->kvm) {
		chip->test_msis++;
		chip->test_last = *msg;
		return;
	}
	/* A message to an APIC that does not exist is the guest's own mistake: -EINVAL or
	 * 0. */
	if (ioctl(kvm_vm_fd(chip->kvm), KVM_SIGNAL_MSI, &msi) < 0)
		log_debug(LOG_C_GUEST, "MSI to 0x%llx: %s",
		          (unsigned long long)msg->address, strerror(errno));
}

/* ---- MSI routes ---- */

int irqchip_route_alloc(struct irqchip *chip)
{
	for (unsigned i = 0; i < chip->max_routes; i++) {
		if (chip->in_use[i / 64] & (1ull << (i % 64)))
			continue;
		chip->in_use[i / 64] |= 1ull << (i % 64);
		return IRQCHIP_GSIS + i;
	}
	return -ENOSPC;
}

static struct kvm_irq_routing_entry *find_route(struct irqchip *chip, unsigned gsi)
{
	for (unsigned i = chip->table->nr; i-- > PIN_ROUTES;)
		if (chip->table->entries[i].gsi == gsi)
			return &chip->table->entries[i];
	return NULL;
}

void irqchip_route_free(struct irqchip *chip, int gsi)
{
	unsigned i = gsi - IRQCHIP_GSIS;
	struct kvm_irq_routing_entry *entry = find_route(chip, gsi);

	chip->in_use[i / 64] &= ~(1ull << (i % 64));
	if (entry) {
		*entry = chip->table->entries[--chip->table->nr];
		chip->changed = true;
	}
}

void irqchip_route_set(struct irqchip *chip, int gsi, const struct msi_msg *msg)
{
	struct kvm_irq_routing_entry *entry = find_route(chip, gsi);
	struct kvm_irq_routing_entry want = {
		.gsi = gsi,
		.type = KVM_IRQ_ROUTING_MSI,
		.u.msi = { .address_lo = (uint32_t)msg->address,
		           .address_hi = msg->address >> 32,
		           .data = msg->data },
	};

	if (entry && !memcmp(&entry->u, &want.u, sizeof(want.u)))
		return;
	if (!entry) {
		if (table_reserve(chip, chip->table->nr + 1) < 0) {
			log_error("out of memory for interrupt routes");
			return;
		}
		entry = &chip->table->entries[chip->table->nr++];
	}
	*entry = want;
	chip->changed = true;
}

int irqchip_commit(struct irqchip *chip)
{
	if (!chip->changed || !chip->kvm)
		return 0;
	if (ioctl(kvm_vm_fd(chip->kvm), KVM_SET_GSI_ROUTING, chip->table) < 0)
		return -errno;
	chip->changed = false;
	return 0;
}

static int set_irqfd(struct irqchip *chip, int gsi, int fd, int served, unsigned flags)
{
	struct kvm_irqfd irqfd = {
		.fd = fd,
		.gsi = gsi,
		.flags = flags,
		.resamplefd = served,
	};

	if (!chip->kvm)
		return -ENOTSUP;
	return ioctl(kvm_vm_fd(chip->kvm), KVM_IRQFD, &irqfd) < 0 ? -errno : 0;
}

int irqchip_irqfd(struct irqchip *chip, int gsi, int fd, bool attach)
{
	return set_irqfd(chip, gsi, fd, 0, attach ? 0 : KVM_IRQFD_FLAG_DEASSIGN);
}

int irqchip_irqfd_level(struct irqchip *chip, int gsi, int fd, int served, bool attach)
{
	return set_irqfd(chip, gsi, fd, served,
	                 attach ? KVM_IRQFD_FLAG_RESAMPLE : KVM_IRQFD_FLAG_DEASSIGN);
}

bool irqchip_test_level(struct irqchip *chip, unsigned gsi)
{
	return chip->test_levels & (1u << gsi);
}

unsigned irqchip_test_edges(struct irqchip *chip, unsigned gsi)
{
	return chip->test_edges[gsi];
}

unsigned irqchip_test_msis(struct irqchip *chip, struct msi_msg *last)
{
	if (last)
		*last = chip->test_last;
	return chip->test_msis;
}
