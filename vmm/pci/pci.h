/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * PCI functions and the bus (PCI Local Bus 3.0; capability layouts of MSI and MSI-X 6.8).
 *
 * A PCI device embeds struct pci_device first; its class's realize calls pci_realize()
 * first and its unrealize pci_unrealize() last. Machine lock everywhere.
 */
#ifndef VMM_PCI_PCI_H
#define VMM_PCI_PCI_H

#include "vmm/core/device.h"
#include "vmm/kvm/irqchip.h"
#include "vmm/loop/loop.h"
#include "vmm/mem/mem.h"

#include <linux/pci_regs.h>

#define PCI_CONFIG_SIZE     256
#define PCI_BAR_COUNT       6
#define PCI_ROM_BAR         PCI_BAR_COUNT /* the expansion ROM */
#define PCI_MSIX_MAX        128           /* vectors of one function */
#define PCI_DEVFN(slot, fn) (((slot) << 3) | (fn))
#define PCI_SLOT_OF(devfn)  ((devfn) >> 3)
#define PCI_FN_OF(devfn)    ((devfn)&7)

struct pci_bus;
struct msix;

struct pci_bar {
	uint64_t size; /* 0: not implemented */
	uint8_t type;  /* PCI_BASE_ADDRESS_* low bits */
	uint64_t addr; /* where it answers now; UINT64_MAX while it does not */
	struct pci_bar_part {
		struct region *region;
		uint64_t offset;
	} parts[8];
	unsigned part_count;
};

struct pci_device {
	struct device dev;
	/* properties (PCI_PROPS) */
	char *addr_opt; /* "5" or "5.1"; NULL: first free slot */
	char *bus_opt;  /* "pci.0" or NULL */
	bool multifunction;
	/* state */
	struct pci_bus *bus;
	uint8_t devfn;
	uint8_t config[PCI_CONFIG_SIZE];
	uint8_t config_reset[PCI_CONFIG_SIZE]; /* as realize left it; reset goes back to
	                                          it */
	bool config_saved;
	uint8_t wmask[PCI_CONFIG_SIZE];   /* bits that a config write changes */
	uint8_t w1cmask[PCI_CONFIG_SIZE]; /* bits that a config write of 1 clears */
	struct pci_bar bars[PCI_BAR_COUNT + 1];
	struct region rom;
	uint8_t next_cap; /* where the next capability goes */
	bool intx_level;
	struct msix *msix; /* NULL: no MSI-X */
	uint8_t msix_table[PCI_MSIX_MAX * 16];
	uint32_t msix_table_len; /* bytes */
	uint8_t msix_pba[PCI_MSIX_MAX / 8];
	/* Before a config write is applied to config[], with what is written; may be
	 * NULL. */
	void (*config_writing)(struct pci_device *pdev, unsigned offset, uint32_t value,
	                       unsigned size);
	/* After a config write was applied to config[]; may be NULL. */
	void (*config_written)(struct pci_device *pdev, unsigned offset, unsigned size);
	/* Before a config read of capability data that is computed; may be NULL. */
	void (*config_reading)(struct pci_device *pdev, unsigned offset, unsigned size);
	/* pci_intx_gsi() may have changed; may be NULL. */
	void (*intx_routed)(struct pci_device *pdev);
};

/* Rows that every PCI class puts into its props: PCI_PROPS(struct virtio_pci, pci). */
#define PCI_PROPS(object, member)                                               \
	{ .name = "addr",                                                       \
	  .type = OPT_STR,                                                      \
	  .offset = offsetof(object, member.addr_opt),                          \
	  .help = "slot[.function] on the bus" },                               \
		{ .name = "bus",                                                \
		  .type = OPT_STR,                                              \
		  .offset = offsetof(object, member.bus_opt),                   \
		  .help = "the bus (pci.0)" },                                  \
	{                                                                       \
		.name = "multifunction", .type = OPT_BOOL,                      \
		.offset = offsetof(object, member.multifunction), .def = "off", \
		.help = "set the multi-function bit of the header"              \
	}

/* The row of a class with an option ROM that is not there by default in every machine. */
#define PCI_ROM_PROP(object, member)                                                    \
	{                                                                               \
		.name = "romfile", .type = OPT_STR, .offset = offsetof(object, member), \
		.help = "option ROM; empty: none (default: iPXE, if the guest "         \
			"starts in firmware)"                                           \
	}

struct pci_id {
	uint16_t vendor, device;
	uint16_t sub_vendor, sub_device;
	uint32_t class_code; /* 24 bits: class, subclass, programming interface */
	uint8_t revision;
};

/* Fills the header, claims the slot, sets the path "pci/00:SS.F/CLASS". */
int pci_realize(struct pci_device *pdev, const struct pci_id *id, struct err *err);
void pci_unrealize(struct pci_device *pdev);
/* Clears command, BARs, interrupt line and status; unmaps; masks MSI-X. */
void pci_reset(struct pci_device *pdev);

/* Declares a BAR: size is a power of 2 (at least 4 for I/O, 16 for memory). type:
 * PCI_BASE_ADDRESS_ SPACE_IO, or SPACE_MEMORY with MEM_TYPE_64 and MEM_PREFETCH. A 64-bit
 * BAR takes n and n + 1. */
void pci_bar_init(struct pci_device *pdev, unsigned n, uint8_t type, uint64_t size);
/* Adds a region to a BAR; it is mapped and unmapped with it. */
void pci_bar_add(struct pci_device *pdev, unsigned n, uint64_t offset,
                 struct region *region);
/* Puts an option ROM into the function: the file of that name, or of that name in the
 * folders of -L and of Debian's packages. package: named when there is none. */
int pci_rom_load(struct pci_device *pdev, const char *file, const char *package,
                 struct err *err);
/* The same with `size` bytes (a power of 2, at least 4096) at host, mapped, and the
 * function's from now on, also after a failure. */
int pci_rom_set(struct pci_device *pdev, uint8_t *host, uint64_t size, struct err *err);
/* For realize, of a class with PCI_ROM_PROP: what romfile= names, nothing if that is
 * empty, or `standard` when it was not given (NULL) and firmware will run it. Where that
 * is not installed this is said once, and the function goes without. */
int pci_rom_init(struct pci_device *pdev, const char *romfile, const char *standard,
                 const char *package, struct err *err);
void pci_rom_free(struct pci_device *pdev);
/* Appends a capability of len bytes (header included); returns its offset in config[].
 * The caller fills config and wmask. */
unsigned pci_cap_add(struct pci_device *pdev, uint8_t id, unsigned len);

/* ---- interrupts ---- */

/* INTx, pin A. Machine lock. */
void pci_intx_set(struct pci_device *pdev, bool level);
/* The GSI that pin A leads to now, or 0xff. */
uint8_t pci_intx_gsi(const struct pci_device *pdev);

/*
 * MSI-X: a table of `vectors` entries, and the PBA (both regions are made and added
 * here). table and pba are values of the capability's registers: an offset, of which the
 * low three bits are the number of a BAR that was initialized.
 */
int pci_msix_init(struct pci_device *pdev, unsigned vectors, uint32_t table, uint32_t pba,
                  struct err *err);
void pci_msix_free(struct pci_device *pdev);
/* The guest enabled MSI-X. */
bool pci_msix_enabled(const struct pci_device *pdev);
/* Sends vector v, or sets its pending bit while it is masked. Machine lock. */
void pci_msix_notify(struct pci_device *pdev, unsigned v);
/*
 * Vector v is raised by eventfd `fd` from now on (fd -1 detaches): directly by KVM
 * (irqfd) while the vector is unmasked, else the fd is read when the vector is unmasked.
 * The fd stays the caller's. A caller that writes the fd while MSI-X is disabled must
 * raise INTx itself.
 */
int pci_msix_set_fd(struct pci_device *pdev, unsigned v, int fd);

/* State tables: put PCI_STATE first in a PCI class's own table. It covers config space
 * and MSI-X. */
extern const struct state_desc pci_device_state;
/* From the pre_save of PCI classes whose vectors have eventfds: an interrupt that waits
 * for its vector to be unmasked is saved as pending. */
void pci_pre_save(struct pci_device *pdev);
/* From the post_load of every PCI class: maps BARs, drives INTx, attaches vectors. */
void pci_post_load(struct pci_device *pdev);

/* ---- the bus and its config mechanism 1 ports (0xcf8, 0xcfc) ---- */

/* The bus is a device of its own ("i440FX-pcihost"), freed with all others by
 * devices_destroy(). irq_route: the GSI that PIRQ 0 (A) to 3 (D) leads to at this moment,
 * or UINT_MAX for none. Pin p of slot s is wired to PIRQ (s - 1 + p) & 3, as on the 440FX
 * board. */
struct pci_bus *pci_bus_new(struct vm *vm,
                            unsigned (*irq_route)(void *opaque, unsigned pirq),
                            void *opaque, struct err *err);
/* Sets or replaces irq_route, once the bridge that knows it exists. */
void pci_bus_set_route(struct pci_bus *bus,
                       unsigned (*irq_route)(void *opaque, unsigned pirq), void *opaque);
struct pci_device *pci_find(struct pci_bus *bus, uint8_t devfn);
/* Re-evaluates every INTx line after the routing of a PIRQ changed. */
void pci_bus_update_irqs(struct pci_bus *bus);
uint32_t pci_config_read(struct pci_device *pdev, unsigned offset, unsigned size);
void pci_config_write(struct pci_device *pdev, unsigned offset, uint32_t value,
                      unsigned size);
/* Gives every BAR an address, every function an interrupt line, and enables decoding:
 * what a firmware would do, for guests that are booted without one. Window: [mmio,
 * mmio_end). */
int pci_bus_assign(struct pci_bus *bus, uint64_t mmio, uint64_t mmio_end,
                   struct err *err);

#endif
