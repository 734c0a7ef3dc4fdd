// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Expansion ROMs (PCI Local Bus 3.0, 6.2.5.2 and 6.3): a file's bytes behind the ROM BAR,
 * which firmware copies and runs. Read-only memory that KVM serves. Main thread, before
 * the function is seen.
 */
#include "vmm/pci/internal.h"

#include "common/bytes.h"
#include "common/cleanup.h"
#include "common/fdio.h"
#include "common/log.h"
#include "vmm/core/vm.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#define ROM_MAX (16u << 20)

enum {
	ROM_SIGNATURE = 0xaa55,
	ROM_HEADER = 0x1a,
	ROM_SUM_AT = 6,
	ROM_DATA_AT = 0x18,
	ROM_DATA = 0x18, /* bytes */
	DATA_ID = 4,
	DATA_LENGTH = 0x10, /* of the image, in 512 bytes */
	DATA_TYPE = 0x14,   /* 0: for a BIOS */
};

static const char *const usual_dirs[] = { "/usr/share/seabios", "/usr/share/qemu",
	                                  "/usr/lib/ipxe/qemu" };

static char *find(const struct vm *vm, const char *file)
{
	unsigned own = vm->rom_dir_count, count = own + ARRAY_SIZE(usual_dirs);
	char *path;

	if (!access(file, R_OK))
		return strdup(file);
	for (unsigned i = 0; i < count && !strchr(file, '/'); i++) {
		if (asprintf(&path, "%s/%s",
		             i < own ? vm->rom_dirs[i] : usual_dirs[i - own], file) < 0)
			return NULL;
		if (!access(path, R_OK))
			return path;
		free(path);
	}
	return NULL;
}

int pci_rom_set(struct pci_device *pdev, uint8_t *host, uint64_t size, struct err *err)
{
	pdev->rom = (struct region){ .name = "option-rom", .size = size };
	pdev->rom.ram = mem_add_device_ram(pdev->dev.vm->mem, "option-rom", size, host,
	                                   true, err);
	if (!pdev->rom.ram) {
		munmap(host, size);
		return -err->code;
	}
	pci_bar_init(pdev, PCI_ROM_BAR, 0, size);
	pci_bar_add(pdev, PCI_ROM_BAR, 0, &pdev->rom);
	return 0;
}

int pci_rom_load(struct pci_device *pdev, const char *file, const char *package,
                 struct err *err)
{
	_cleanup_free_ char *path = find(pdev->dev.vm, file);
	uint64_t len, size = 4096;
	_cleanup_close_ int fd = -1;
	uint8_t *host;
	ssize_t n;

	if (!path)
		return err_set(err, ENOENT,
		               "there is no option ROM %s; install the Debian package "
		               "%s, or give romfile=FILE, or romfile= for none",
		               file, package);
	fd = fd_open_regular(path, "option ROM", &len, err);
	if (fd < 0)
		return fd;
	if (!len || len > ROM_MAX)
		return err_set(err, EINVAL,
		               "the option ROM %s has %llu bytes; 1 to 16M are possible",
		               path, (unsigned long long)len);
	while (size < len)
		size *= 2;
	host = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
	            0);
	if (host == MAP_FAILED)
		return err_sys(err, errno, "option ROM %s", path);
	n = fd_pread(fd, host, len, 0);
	if (n < 0 || (uint64_t)n < len) {
		munmap(host, size);
		return err_sys(err, n < 0 ? -n : EIO, "cannot read the option ROM %s",
		               path);
	}
	return pci_rom_set(pdev, host, size, err);
}

/* Firmware runs an image only if its data structure (6.3.1.2) names the function. One of
 * ours does, whatever it was built for: iPXE's for virtio names a virtio 1.0 card, and
 * drives others. */
static void name_function(struct pci_device *pdev)
{
	uint8_t *image = pdev->rom.ram->host, sum;
	uint64_t left = pdev->rom.ram->size, data, len;

	while (left >= ROM_HEADER && ld16(image) == ROM_SIGNATURE) {
		data = ld16(image + ROM_DATA_AT);
		if (data + ROM_DATA > left)
			return;
		len = ld16(image + data + DATA_LENGTH) * 512ull;
		if (!len || len > left)
			return;
		memcpy(image + data + DATA_ID, pdev->config, 4);
		sum = 0;
		for (uint64_t i = 0; i < len; i++)
			sum += image[i];
		/* A BIOS wants a sum of 0, for which iPXE keeps a byte. */
		if (!image[data + DATA_TYPE])
			image[ROM_SUM_AT] -= sum;
		image += len;
		left -= len;
	}
}

int pci_rom_init(struct pci_device *pdev, const char *romfile, const char *standard,
                 const char *package, struct err *err)
{
	struct vm *vm = pdev->dev.vm;
	_cleanup_free_ char *path = NULL;

	if (romfile)
		return *romfile ? pci_rom_load(pdev, romfile, package, err) : 0;
	/* Firmware has looked already at what comes while it runs. */
	if (!vm->firmware || vm->runstate != VM_PRELAUNCH)
		return 0;
	path = find(vm, standard);
	if (path) {
		int ret = pci_rom_load(pdev, path, package, err);

		if (ret >= 0)
			name_function(pdev);
		return ret;
	}
	if (!vm->rom_missed)
		log_warn(
			"%s: there is no option ROM %s, so that the firmware cannot boot "
			"from the network; install the Debian package %s, or give "
			"romfile= for none",
			pdev->dev.cls->name, standard, package);
	vm->rom_missed = true;
	return 0;
}

void pci_rom_free(struct pci_device *pdev)
{
	struct ram_block *block = pdev->rom.ram;

	if (!block)
		return;
	mem_unmap(&pdev->rom);
	munmap(block->host, block->size);
	mem_drop_ram(block);
	pdev->rom.ram = NULL;
}
