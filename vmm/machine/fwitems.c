// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the board tells firmware through fw_cfg: sizes and numbers, the memory map, ACPI
 * tables with the loader script that places them, SMBIOS, what -boot, -fw_cfg and
 * -option-rom say. The formats are those of QEMU's docs/specs and of SeaBIOS, which all
 * firmware for virtual PCs reads. The user's files are read before the board touches
 * anything. Runs once, before vCPUs do.
 */
#include "vmm/machine/internal.h"

#include "common/bytes.h"
#include "common/cleanup.h"
#include "common/fdio.h"
#include "common/log.h"
#include "vmm/chardev/chardev.h"
#include "vmm/display/display.h"
#include "vmm/legacy/fwcfg.h"
#include "vmm/machine/layout.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#define RSDP_FILE   "etc/acpi/rsdp"
#define TABLES_FILE "etc/acpi/tables"
#define LOADER_FILE "etc/table-loader"
#define FILE_MAX    (64u << 20) /* of -fw_cfg and -option-rom */

static void *copy(const void *data, size_t len)
{
	void *p = malloc(len);

	return p ? memcpy(p, data, len) : NULL;
}

/* A file of the board's; the user's are there already. */
static int set_file(struct pc *pc, const char *name, void *data, size_t len,
                    struct err *err)
{
	if (!fwcfg_has_file(pc->fwcfg, name))
		return fwcfg_set_file(pc->fwcfg, name, data, len, err);
	free(data);
	return err_usage(err,
	                 "-fw_cfg: the name '%s' is the machine's own; yours start "
	                 "with opt/",
	                 name);
}

/* ---- memory map ---- */

static int add_e820(struct pc *pc, struct err *err)
{
	/* address, length, type; firmware adds what it uses itself */
	const uint64_t ranges[][3] = {
		{ LAYOUT_KVM_IDENTITY, LAYOUT_KVM_END - LAYOUT_KVM_IDENTITY, 2 },
		{ 0, pc->low_size, 1 },
		{ LAYOUT_4G, pc->high_size, 1 },
	};
	uint8_t file[ARRAY_SIZE(ranges) * 20], *p = file;

	for (unsigned i = 0; i < ARRAY_SIZE(ranges); i++) {
		if (!ranges[i][1])
			continue;
		st64(p, ranges[i][0]);
		st64(p + 8, ranges[i][1]);
		st32(p + 16, ranges[i][2]);
		p += 20;
	}
	return set_file(pc, "etc/e820", copy(file, p - file), p - file, err);
}

/* ---- ACPI: files, and a script of fixed-size commands that firmware runs ---- */

enum {
	LOADER_ALLOCATE = 1,
	LOADER_ADD_POINTER = 2,
	LOADER_ADD_CHECKSUM = 3,
	LOADER_COMMAND = 128,

	ZONE_HIGH = 1,
	ZONE_FSEG = 2,
};

static uint8_t *allocate(uint8_t *c, const char *file, uint32_t align, uint8_t zone)
{
	st32(c, LOADER_ALLOCATE);
	strcpy((char *)c + 4, file);
	st32(c + 60, align);
	c[64] = zone;
	return c + LOADER_COMMAND;
}

static uint8_t *fix(uint8_t *c, const struct acpi_fixup *f)
{
	bool in_rsdp = f->at < ACPI_TABLES_AT;
	uint32_t base = in_rsdp ? 0 : ACPI_TABLES_AT;
	const char *file = in_rsdp ? RSDP_FILE : TABLES_FILE;

	strcpy((char *)c + 4, file);
	if (f->pointer_size) {
		st32(c, LOADER_ADD_POINTER);
		strcpy((char *)c + 60, TABLES_FILE);
		st32(c + 116, f->at - base);
		c[120] = f->pointer_size;
	} else {
		st32(c, LOADER_ADD_CHECKSUM);
		st32(c + 60, f->at - base);
		st32(c + 64, f->start - base);
		st32(c + 68, f->len);
	}
	return c + LOADER_COMMAND;
}

static int add_loader(struct pc *pc, const struct acpi_blob *blob, struct err *err)
{
	uint8_t *script = calloc(2 + blob->fixup_count, LOADER_COMMAND), *c = script;

	if (!script)
		return err_sys(err, ENOMEM, "ACPI tables");
	c = allocate(c, RSDP_FILE, 16, ZONE_FSEG);
	c = allocate(c, TABLES_FILE, 64, ZONE_HIGH);
	/* Checksums last: they cover the pointers. */
	for (unsigned i = 0; i < blob->fixup_count; i++)
		if (blob->fixups[i].pointer_size)
			c = fix(c, &blob->fixups[i]);
	for (unsigned i = 0; i < blob->fixup_count; i++)
		if (!blob->fixups[i].pointer_size)
			c = fix(c, &blob->fixups[i]);
	return set_file(pc, LOADER_FILE, script, c - script, err);
}

/* The tables for firmware: a pointer is an offset in the file of tables until firmware
 * adds its address, a checksum is 0, as one firmware sets it and another subtracts. */
static int build_tables(struct pc *pc, struct acpi_blob *blob, struct err *err)
{
	struct acpi_config cfg = pc_acpi_config(pc);
	int ret = acpi_build(blob, &cfg, -(uint32_t)ACPI_TABLES_AT, err);

	for (unsigned i = 0; i < blob->fixup_count && ret >= 0; i++)
		if (!blob->fixups[i].pointer_size)
			blob->data[blob->fixups[i].at] = 0;
	return ret;
}

static int set_tables(struct pc *pc, const struct acpi_blob *blob, struct err *err)
{
	return fwcfg_set_file(
		pc->fwcfg, TABLES_FILE,
		copy(blob->data + ACPI_TABLES_AT, blob->len - ACPI_TABLES_AT),
		blob->len - ACPI_TABLES_AT, err);
}

/* Firmware has placed the BARs by then, and OVMF has enabled them for this moment only:
 * the tables, which tell where they are, are read later. */
static void loader_selected(void *opaque)
{
	struct pc *pc = opaque;
	struct acpi_blob blob;
	struct err err = { 0 };

	if (build_tables(pc, &blob, &err) < 0 || set_tables(pc, &blob, &err) < 0)
		log_warn("ACPI tables: %s", err.text);
	free(blob.data);
}

static int add_acpi(struct pc *pc, struct err *err)
{
	struct acpi_blob blob;
	int ret = build_tables(pc, &blob, err);

	if (ret < 0)
		return ret;
	ret = set_file(pc, RSDP_FILE, copy(blob.data, ACPI_RSDP_LEN), ACPI_RSDP_LEN, err);
	if (ret >= 0)
		ret = set_tables(pc, &blob, err);
	if (ret >= 0)
		ret = add_loader(pc, &blob, err);
	fwcfg_on_select(pc->fwcfg, LOADER_FILE, loader_selected, pc);
	free(blob.data);
	return ret;
}

/* ---- SMBIOS ---- */

static int add_smbios(struct pc *pc, struct err *err)
{
	struct smbios_config cfg = pc_smbios_config(pc);
	size_t len;
	_cleanup_free_ uint8_t *area = smbios_build(&cfg, &len, err);
	int ret;

	if (!area)
		return -err->code;
	len -= SMBIOS_STRUCTURES;
	ret = set_file(pc, "etc/smbios/smbios-tables",
	               copy(area + SMBIOS_STRUCTURES, len), len, err);
	return ret < 0 ? ret
	               : set_file(pc, "etc/smbios/smbios-anchor",
	                          copy(area, SMBIOS_ANCHOR_LEN), SMBIOS_ANCHOR_LEN, err);
}

/* ---- numbers ---- */

static uint64_t milliseconds(const char *text, uint64_t otherwise)
{
	uint64_t ms;

	return text && !opt_parse_u64(text, &ms) ? ms : otherwise;
}

static int add_numbers(struct pc *pc, struct err *err)
{
	const struct vm_config *config = pc->config;
	const struct boot_config *boot = &config->boot;
	/* The BIOS talks on the first serial port, too, unless the user has said what
	 * becomes of the screen. */
	bool serial = chardev_find(pc->vm.chardevs, "serial0") &&
	              !(display_has_source(pc->vm.display) &&
	                (config->vnc || config->display_given));
	const struct {
		enum fwcfg_key key;
		unsigned size;
		uint64_t value;
	} numbers[] = {
		{ FWCFG_RAM_SIZE, 8, pc->vm.ram_size },
		{ FWCFG_NOGRAPHIC, 2, config->nographic },
		{ FWCFG_NB_CPUS, 2, pc->smp.cpus },
		{ FWCFG_MAX_CPUS, 2, pc->apic_ids[pc->smp.cpus - 1] + 1 },
		{ FWCFG_BOOT_MENU, 2, boot->menu },
	};
	const struct {
		const char *name;
		unsigned size;
		uint64_t value;
		bool wanted;
	} files[] = {
		{ "etc/sercon-port", 2, LAYOUT_COM1, serial },
		{ "etc/boot-fail-wait", 4, milliseconds(boot->reboot_timeout, UINT32_MAX),
		  true },
		{ "etc/boot-menu-wait", 2, milliseconds(boot->splash_time, 0),
		  boot->splash_time },
	};
	int ret = 0;

	for (unsigned i = 0; i < ARRAY_SIZE(numbers) && ret >= 0; i++)
		ret = fwcfg_set_number(pc->fwcfg, numbers[i].key, numbers[i].value,
		                       numbers[i].size, err);
	for (unsigned i = 0; i < ARRAY_SIZE(files) && ret >= 0; i++)
		if (files[i].wanted)
			ret = fwcfg_set_file_number(pc->fwcfg, files[i].name,
			                            files[i].value, files[i].size, err);
	return ret;
}

/* ---- what the user adds ---- */

static int add_file(struct pc *pc, const char *name, const char *path, struct err *err)
{
	char *data;
	size_t len;
	int ret = fd_read_file(AT_FDCWD, path, FILE_MAX, &data, &len);

	return ret < 0 ? err_sys(err, -ret, "cannot read %s", path)
	               : fwcfg_set_file(pc->fwcfg, name, data, len, err);
}

static int add_user_item(struct pc *pc, const char *text, struct err *err)
{
	struct opt_list opts = { 0 };
	int ret = opt_list_parse(&opts, text, "name", err);
	const char *name = opt_list_take(&opts, "name"),
		   *file = opt_list_take(&opts, "file"),
		   *string = opt_list_take(&opts, "string");

	for (unsigned i = 0; i < opts.count && ret >= 0; i++)
		if (!opts.opts[i].used)
			ret = err_usage(
				err,
				"unknown option '%s'; name=, file= and string= are "
				"supported",
				opts.opts[i].key);
	if (ret >= 0 && (!name || !file == !string))
		ret = err_usage(err, "it takes name=NAME and either file=FILE or "
		                     "string=TEXT");
	if (ret >= 0 && fwcfg_has_file(pc->fwcfg, name))
		ret = err_usage(err, "there are two of that name");
	if (ret >= 0)
		ret = file ? add_file(pc, name, file, err)
		           : fwcfg_set_file(pc->fwcfg, name, strdup(string),
		                            strlen(string), err);
	opt_list_free(&opts);
	if (ret < 0)
		err_prefix(err, "-fw_cfg %s", text);
	return ret;
}

static int add_option_rom(struct pc *pc, const char *file, const char *advice,
                          struct err *err)
{
	_cleanup_free_ char *path = firmware_find(pc->config, file);
	const char *slash = strrchr(file, '/');
	char name[FWCFG_NAME_SIZE];

	if (!path)
		return err_set(err, ENOENT,
		               "there is no option ROM %s, neither here nor in the "
		               "firmware folders; %s",
		               file, advice);
	snprintf(name, sizeof(name), "genroms/%s", slash ? slash + 1 : file);
	return add_file(pc, name, path, err);
}

static int add_kernel(struct pc *pc, struct err *err)
{
	int ret = pc_add_kernel_items(pc, err);

	/* UEFI starts it by itself. */
	return ret < 0 || pc->uefi
	               ? ret
	               : add_option_rom(pc, LINUXBOOT_ROM,
	                                "to start a -kernel through -bios install the "
	                                "Debian package qemu-system-data, or leave out "
	                                "-bios",
	                                err);
}

int pc_add_fwcfg(struct pc *pc, struct err *err)
{
	const struct vm_config *config = pc->config;
	int ret = 0;

	/* Test programs that boot by multiboot read there how many CPUs there are. */
	bool multiboot = config->kernel && !strcmp(boot_format(pc->boot), "multiboot");

	if (!pc->vm.firmware && !config->fw_cfg.count && !multiboot)
		return 0;
	pc->fwcfg = device_create_simple(&pc->vm, &fwcfg_class, "", err);
	if (!pc->fwcfg)
		return -err->code;
	for (unsigned i = 0; i < config->option_roms.count && ret >= 0; i++)
		ret = add_option_rom(pc, config->option_roms.items[i],
		                     "check the name given to -option-rom", err);
	for (unsigned i = 0; i < config->fw_cfg.count && ret >= 0; i++)
		ret = add_user_item(pc, config->fw_cfg.items[i], err);
	if (ret >= 0 && pc->boot && pc->vm.firmware)
		ret = add_kernel(pc, err);
	return ret;
}

int pc_fill_fwcfg(struct pc *pc, struct err *err)
{
	int ret = 0;

	if (!pc->fwcfg)
		return 0;
	ret = add_numbers(pc, err);
	if (ret >= 0)
		ret = add_e820(pc, err);
	if (ret >= 0)
		ret = add_acpi(pc, err);
	return ret < 0 ? ret : add_smbios(pc, err);
}
