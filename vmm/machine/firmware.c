// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The firmware's image: where it comes from, where it lies, how a guest enters it.
 *
 * It ends at 4 GiB, read-only or in flash, and its last 128 KiB are also below 1 MiB,
 * until the host bridge's attribute registers put RAM there. The processors' reset state
 * is all that is needed to enter it.
 */
#include "vmm/machine/internal.h"

#include "common/bytes.h"
#include "common/cleanup.h"
#include "common/fdio.h"
#include "vmm/legacy/flash.h"
#include "vmm/legacy/rtc.h"
#include "vmm/machine/layout.h"
#include "vmm/mem/mem.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define DEFAULT_BIOS "bios-256k.bin"
#define SHADOW_SIZE  (128u << 10) /* of it below 1 MiB */
#define BIOS_UNIT    (64u << 10)
#define CMOS_CPUS    0x5f /* their number less 1, where the BIOS looks for it */

static const char *const usual_dirs[] = { "/usr/share/seabios", "/usr/share/qemu",
	                                  "/usr/share/OVMF", "/usr/share/ovmf" };

char *firmware_find(const struct vm_config *config, const char *name)
{
	unsigned count = config->firmware_dirs.count;
	char *path;

	if (!access(name, R_OK))
		return strdup(name);
	for (unsigned i = 0; i < count + ARRAY_SIZE(usual_dirs) && *name != '/'; i++) {
		const char *dir = i < count ? config->firmware_dirs.items[i]
		                            : usual_dirs[i - count];

		if (asprintf(&path, "%s/%s", dir, name) < 0)
			return NULL;
		if (!access(path, R_OK))
			return path;
		free(path);
	}
	return NULL;
}

/* Media are booted by firmware; a kernel, or nothing at all, is not. */
static bool wants_firmware(const struct vm_config *config)
{
	bool media = config->blockdevs.count || config->drives.count || config->cdrom ||
	             config->boot_given || config->option_roms.count;

	for (unsigned i = 0; i < CONFIG_DISKS; i++)
		media |= config->disks[i] != NULL;
	return config->bios || pc_has_flash(config) || (media && !config->kernel);
}

static int read_image(struct pc *pc, const char *path, struct err *err)
{
	uint64_t size;
	_cleanup_close_ int fd = fd_open_regular(path, "firmware", &size, err);
	ssize_t n;

	if (fd < 0)
		return fd;
	if (!size || size % BIOS_UNIT || size > LAYOUT_4G - LAYOUT_FIRMWARE)
		return err_set(err, EINVAL,
		               "the firmware %s has %llu bytes; an image has a multiple "
		               "of 64 KiB, at most 16 MiB",
		               path, (unsigned long long)size);
	pc->firmware = mem_alloc(size, err);
	if (!pc->firmware)
		return -ENOMEM;
	pc->firmware_size = size;
	n = fd_pread(fd, pc->firmware, size, 0);
	if (n < 0 || (uint64_t)n < size)
		return err_sys(err, n < 0 ? -n : EIO, "cannot read the firmware %s",
		               path);
	return 0;
}

int pc_open_firmware(struct pc *pc, struct err *err)
{
	const struct vm_config *config = pc->config;
	const char *name = config->bios ? config->bios : DEFAULT_BIOS;
	_cleanup_free_ char *path = NULL;

	pc->vm.firmware = wants_firmware(config);
	if (config->bios && pc_has_flash(config))
		return err_usage(err,
		                 "-bios and -drive if=pflash both bring firmware; give "
		                 "one of them");
	if (!pc->vm.firmware || pc_has_flash(config))
		return 0;
	path = firmware_find(config, name);
	if (!path && config->bios)
		return err_set(
			err, ENOENT,
			"there is no firmware %s, neither here nor in -L's folders, "
			"/usr/share/seabios, /usr/share/qemu, /usr/share/OVMF or "
			"/usr/share/ovmf; check the name given to -bios (OVMF is in "
			"the Debian package ovmf)",
			name);
	if (!path)
		return err_set(err, ENOENT,
		               "booting from media needs the BIOS %s, which is not "
		               "there; install the Debian package seabios, or give "
		               "-bios FILE or a -kernel",
		               name);
	return read_image(pc, path, err);
}

/* Images of UEFI start with a firmware volume (UEFI PI 1.7, volume 3, 3.2.1). */
static bool is_uefi(const uint8_t *image, uint64_t size)
{
	enum { SIGNATURE = 40 };

	return size > SIGNATURE + 4 && !memcmp(image + SIGNATURE, "_FVH", 4);
}

int pc_map_firmware(struct pc *pc, struct err *err)
{
	const uint8_t *image = pc->firmware;
	uint64_t size = pc->firmware_size, low;
	int ret;

	if (!pc->vm.firmware)
		return 0;
	if (pc->low_size < LAYOUT_1M)
		return err_set(err, ENOMEM,
		               "firmware needs at least 1 MiB of RAM; use -m 1M or more");
	ret = image ? mem_add_ram(pc->vm.mem, "pc.bios", LAYOUT_4G - size, size,
	                          pc->firmware, true, err)
	            : pc_add_flash(pc, err);
	if (ret < 0)
		return ret;
	if (!image)
		image = flash_bytes(pc->flash, &size);
	pc->uefi = is_uefi(image, size);
	low = align_down(size < SHADOW_SIZE ? size : SHADOW_SIZE, MEM_SHADOW_PART);
	mem_set_shadow_rom(pc->vm.mem, image + size - low, low);
	return 0;
}

int pc_start_firmware(struct pc *pc, struct err *err)
{
	int ret = pc_set_boot_order(pc, !pc->booted, err);

	if (ret >= 0)
		rtc_set_cmos(pc->rtc, CMOS_CPUS,
		             pc->smp.cpus < 256 ? pc->smp.cpus - 1 : 0);
	return ret;
}
