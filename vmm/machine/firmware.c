// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The firmware's image: where it comes from, where it lies, how a guest enters it.
 *
 * It ends at 4 GiB, read-only, and its last 128 KiB are also at 0xe0000. There they are
 * copied into RAM at each start instead of being a ROM that the host bridge's attribute
 * registers would turn into RAM: firmware that makes itself writable finds that it is.
 * The processors' reset state is all that is needed to enter it.
 */
#include "vmm/machine/internal.h"

#include "common/cleanup.h"
#include "common/fdio.h"
#include "vmm/legacy/rtc.h"
#include "vmm/machine/layout.h"
#include "vmm/mem/mem.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define DEFAULT_BIOS "bios-256k.bin"
#define SHADOW_SIZE  (128u << 10) /* below 1 MiB */
#define BIOS_UNIT    (64u << 10)
#define CMOS_CPUS    0x5f /* their number less 1, where the BIOS looks for it */

static const char *const usual_dirs[] = { "/usr/share/seabios", "/usr/share/qemu",
	                                  "/usr/share/OVMF" };

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
	bool media = config->drives.count || config->cdrom || config->boot_given ||
	             config->option_roms.count;

	for (unsigned i = 0; i < CONFIG_DISKS; i++)
		media |= config->disks[i] != NULL;
	return config->bios || (media && !config->kernel);
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

	if (!wants_firmware(config))
		return 0;
	path = firmware_find(config, name);
	if (!path && config->bios)
		return err_set(err, ENOENT,
		               "there is no firmware %s, neither here nor in -L's "
		               "folders, /usr/share/seabios, /usr/share/qemu or "
		               "/usr/share/OVMF; check the name given to -bios",
		               name);
	if (!path)
		return err_set(err, ENOENT,
		               "booting from media needs the BIOS %s, which is not "
		               "there; install the Debian package seabios, or give "
		               "-bios FILE or a -kernel",
		               name);
	return read_image(pc, path, err);
}

int pc_map_firmware(struct pc *pc, struct err *err)
{
	if (!pc->firmware)
		return 0;
	if (pc->low_size < LAYOUT_1M)
		return err_set(err, ENOMEM,
		               "firmware needs at least 1 MiB of RAM; use -m 1M or more");
	return mem_add_ram(pc->vm.mem, "pc.bios", LAYOUT_4G - pc->firmware_size,
	                   pc->firmware_size, pc->firmware, true, err);
}

int pc_start_firmware(struct pc *pc, struct err *err)
{
	uint64_t size = pc->firmware_size < SHADOW_SIZE ? pc->firmware_size : SHADOW_SIZE;
	int ret = pc_set_boot_order(pc, !pc->booted, err);

	if (ret < 0)
		return ret;
	rtc_set_cmos(pc->rtc, CMOS_CPUS, pc->smp.cpus < 256 ? pc->smp.cpus - 1 : 0);
	ret = dma_write(pc->vm.mem, LAYOUT_1M - size,
	                pc->firmware + pc->firmware_size - size, size);
	return ret < 0 ? err_sys(err, -ret, "no RAM for the firmware below 1 MiB") : 0;
}
