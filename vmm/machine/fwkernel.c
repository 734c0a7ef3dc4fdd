// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * -kernel through firmware: kernel, initrd and command line become items of fw_cfg, from
 * which OVMF starts them itself and SeaBIOS with the option ROM "linuxboot_dma.bin"
 * (Documentation/arch/x86/boot.rst for the header; the addresses are the usual ones of
 * that protocol). Only a bzImage can be started so. Runs once, before vCPUs do.
 */
#include "vmm/machine/internal.h"

#include "common/bytes.h"
#include "common/cleanup.h"
#include "vmm/legacy/fwcfg.h"
#include "vmm/machine/linuxboot.h"
#include "vmm/machine/loader.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	SETUP_ADDR = 0x10000,
	CMDLINE_ADDR = 0x20000,
	KERNEL_ADDR = 0x100000,
	/* RAM below 4 GiB whose end the BIOS keeps for its tables */
	BIOS_TABLES = 0x40000,

	SECTOR = 512,
	LOADER_UNKNOWN = 0xff,
	V_INITRD_MAX = 0x203,
};

/* A part of a file as an item with its size and address. */
struct part {
	enum fwcfg_key addr_key, size_key, data_key;
};

static const struct part setup_part = { FWCFG_SETUP_ADDR, FWCFG_SETUP_SIZE,
	                                FWCFG_SETUP_DATA };
static const struct part kernel_part = { FWCFG_KERNEL_ADDR, FWCFG_KERNEL_SIZE,
	                                 FWCFG_KERNEL_DATA };
static const struct part initrd_part = { FWCFG_INITRD_ADDR, FWCFG_INITRD_SIZE,
	                                 FWCFG_INITRD_DATA };
static const struct part cmdline_part = { FWCFG_CMDLINE_ADDR, FWCFG_CMDLINE_SIZE,
	                                  FWCFG_CMDLINE_DATA };

static int add_part(struct pc *pc, const struct part *part, uint32_t addr, void *data,
                    uint64_t size, struct err *err)
{
	int ret = fwcfg_set(pc->fwcfg, part->data_key, data, size, err);

	if (ret >= 0)
		ret = fwcfg_set_number(pc->fwcfg, part->size_key, size, 4, err);
	return ret < 0 ? ret : fwcfg_set_number(pc->fwcfg, part->addr_key, addr, 4, err);
}

static void *read_part(const struct loader_file *file, uint64_t offset, uint64_t size,
                       struct err *err)
{
	uint8_t *data = malloc(size);

	if (!data) {
		err_sys(err, ENOMEM, "the %s %s", file->what, file->path);
		return NULL;
	}
	if (loader_pread(file, data, size, offset, err) < 0) {
		free(data);
		return NULL;
	}
	return data;
}

/* All modules, each at the start of a page. */
static int add_initrd(struct pc *pc, uint32_t *addr, uint32_t *size, struct err *err)
{
	const struct boot_source *src = pc->boot;
	const struct setup_header *h = &src->linux_header;
	uint64_t max = h->version >= V_INITRD_MAX ? h->initrd_addr_max : 0x37ffffff;
	uint64_t total = 0, used = 0, top = pc->low_size - BIOS_TABLES;
	uint8_t *data;

	for (unsigned i = 0; i < src->module_count; i++)
		total += align_up(src->modules[i].file.size, LAYOUT_PAGE);
	if (max + 1 < top)
		top = max + 1;
	if (pc->low_size < BIOS_TABLES || top < KERNEL_ADDR || total > top - KERNEL_ADDR)
		return err_set(err, ENOMEM,
		               "the initrd does not fit into the guest's RAM; give it "
		               "more with -m");
	*addr = align_down(top - total, LAYOUT_PAGE);
	*size = total;
	data = calloc(1, total);
	for (unsigned i = 0; data && i < src->module_count; i++) {
		const struct loader_file *file = &src->modules[i].file;
		int ret = loader_pread(file, data + used, file->size, 0, err);

		if (ret < 0) {
			free(data);
			return ret;
		}
		used += align_up(file->size, LAYOUT_PAGE);
	}
	return add_part(pc, &initrd_part, *addr, data, total, err);
}

static void patch_header(uint8_t *setup, uint32_t initrd, uint32_t initrd_size)
{
	struct setup_header *h =
		(struct setup_header *)(setup + offsetof(struct boot_params, hdr));

	h->type_of_loader = LOADER_UNKNOWN;
	h->loadflags |= CAN_USE_HEAP;
	h->heap_end_ptr = CMDLINE_ADDR - SETUP_ADDR - SECTOR;
	h->cmd_line_ptr = CMDLINE_ADDR;
	h->ramdisk_image = initrd;
	h->ramdisk_size = initrd_size;
}

int pc_add_kernel_items(struct pc *pc, struct err *err)
{
	const struct boot_source *src = pc->boot;
	const struct setup_header *h = &src->linux_header;
	uint64_t setup_size = ((h->setup_sects ? h->setup_sects : 4) + 1) * SECTOR;
	uint32_t initrd = 0, initrd_size = 0;
	uint8_t *setup, *kernel;
	int ret = 0;

	if (src->format != &linuxboot_format)
		return err_set(err, ENOTSUP,
		               "firmware starts a Linux bzImage only, and %s is a %s; "
		               "leave out -bios",
		               src->kernel.path, boot_format(src));
	if (src->module_count)
		ret = add_initrd(pc, &initrd, &initrd_size, err);
	setup = ret < 0 ? NULL : read_part(&src->kernel, 0, setup_size, err);
	if (!setup)
		return -err->code;
	patch_header(setup, initrd, initrd_size);
	ret = add_part(pc, &setup_part, SETUP_ADDR, setup, setup_size, err);
	kernel = ret < 0 ? NULL
	                 : read_part(&src->kernel, setup_size,
	                             src->kernel.size - setup_size, err);
	if (!kernel)
		return -err->code;
	ret = add_part(pc, &kernel_part, KERNEL_ADDR, kernel,
	               src->kernel.size - setup_size, err);
	return ret < 0 ? ret
	               : add_part(pc, &cmdline_part, CMDLINE_ADDR, strdup(src->cmdline),
	                          strlen(src->cmdline) + 1, err);
}
