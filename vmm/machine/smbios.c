// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * SMBIOS tables (DMTF DSP0134 3.0): what dmidecode and inventory tools show.
 *
 * One list of structures with two entry points, the 32-bit one of 2.8 and the 64-bit one
 * of 3.0, at the start of the last 64 KiB below 1 MiB, where guests search for them. A
 * structure is its formatted area, then its strings, then an empty string; a field that
 * names a string holds its number in that list. Runs before the vCPUs, or while they are
 * stopped for a reset.
 */
#include "vmm/machine/smbios.h"

#include "common/bytes.h"
#include "common/cleanup.h"
#include "vmm/machine/layout.h"
#include "vmm/mem/mem.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	TYPE_BIOS = 0,
	TYPE_SYSTEM = 1,
	TYPE_BOARD = 2,
	TYPE_CHASSIS = 3,
	TYPE_PROCESSOR = 4,
	TYPE_OEM_STRINGS = 11,
	TYPE_MEMORY_ARRAY = 16,
	TYPE_MEMORY_DEVICE = 17,
	TYPE_MAPPED_ADDRESS = 19,
	TYPE_BOOT = 32,
	TYPE_END = 127,

	ENTRY_SM = 0, /* offsets in the area */
	ENTRY_SM3 = 0x20,
	STRUCTURES = SMBIOS_STRUCTURES,

	NO_HANDLE = 0xfffe,
	MAX_STRUCTURE = 256, /* bytes of one, strings of the board's included */
	MAX_SOCKETS = 256,   /* described; more would not fit */
};

struct builder {
	uint8_t *buf;
	size_t used, largest;
	unsigned count;
	uint8_t *current; /* the structure that is being built */
	uint8_t strings;  /* it has so far */
};

static uint16_t handle(uint8_t type, unsigned index)
{
	return type << 8 | index;
}

/* Starts a structure; its strings follow, then end(). */
static uint8_t *begin(struct builder *b, uint8_t type, unsigned index, uint8_t len)
{
	uint8_t *s = b->buf + b->used;

	s[0] = type;
	s[1] = len;
	st16(s + 2, handle(type, index));
	b->current = s;
	b->strings = 0;
	b->used += len;
	return s;
}

/* The number of the string, for the structure's field; 0 where there is none. */
static uint8_t string(struct builder *b, const char *text)
{
	size_t len = strlen(text) + 1;

	if (!*text)
		return 0;
	memcpy(b->buf + b->used, text, len);
	b->used += len;
	return ++b->strings;
}

static void end(struct builder *b)
{
	size_t len;

	b->used += b->strings ? 1 : 2;
	len = b->buf + b->used - b->current;
	if (len > b->largest)
		b->largest = len;
	b->count++;
}

/* The user's text, or the board's. */
static uint8_t text(struct builder *b, const struct smbios_config *cfg,
                    enum smbios_text which, const char *own)
{
	const char *given = cfg->texts ? cfg->texts->text[which] : NULL;

	return string(b, given ? given : own);
}

static void add_bios(struct builder *b, const struct smbios_config *cfg)
{
	uint8_t *s = begin(b, TYPE_BIOS, 0, 24);

	s[4] = text(b, cfg, BIOS_VENDOR, "kvmkit");
	s[5] = text(b, cfg, BIOS_VERSION, "1");
	st16(s + 6, 0xe800);
	s[8] = text(b, cfg, BIOS_DATE, "01/01/2025");
	s[10] = 1 << 3; /* no characteristics given */
	s[19] = 1 << 4; /* extension byte 2: this is a virtual machine */
	if (cfg->texts && cfg->texts->uefi)
		s[19] |= 1 << 3;
	s[20] = cfg->texts && cfg->texts->release[0] ? cfg->texts->release[0] : 1;
	s[21] = cfg->texts ? cfg->texts->release[1] : 0;
	s[22] = s[23] = 0xff;
	end(b);
}

static void add_system(struct builder *b, const struct smbios_config *cfg)
{
	enum { WAKE_UP_POWER_SWITCH = 6 };
	uint8_t *s = begin(b, TYPE_SYSTEM, 1, 27);
	const uint8_t *u = cfg->uuid;

	s[4] = text(b, cfg, SYSTEM_MANUFACTURER, "kvmkit");
	s[5] = text(b, cfg, SYSTEM_PRODUCT, "Virtual PC");
	s[6] = text(b, cfg, SYSTEM_VERSION, "1");
	s[7] = text(b, cfg, SYSTEM_SERIAL, "");
	/* The first three fields of a UUID are little-endian here (7.2.1). */
	memcpy(s + 8, u, 16);
	st32(s + 8, (uint32_t)u[0] << 24 | u[1] << 16 | u[2] << 8 | u[3]);
	st16(s + 12, u[4] << 8 | u[5]);
	st16(s + 14, u[6] << 8 | u[7]);
	s[24] = WAKE_UP_POWER_SWITCH;
	s[25] = text(b, cfg, SYSTEM_SKU, "");
	s[26] = text(b, cfg, SYSTEM_FAMILY, "Virtual Machine");
	end(b);
}

/* Only where the user says something of it. */
static void add_board(struct builder *b, const struct smbios_config *cfg)
{
	enum { HOSTING = 1, MOTHERBOARD = 10 };
	uint8_t *s;

	if (!cfg->texts || !cfg->texts->board)
		return;
	s = begin(b, TYPE_BOARD, 0, 15);
	s[4] = text(b, cfg, BOARD_MANUFACTURER, "kvmkit");
	s[5] = text(b, cfg, BOARD_PRODUCT, "");
	s[6] = text(b, cfg, BOARD_VERSION, "");
	s[7] = text(b, cfg, BOARD_SERIAL, "");
	s[8] = text(b, cfg, BOARD_ASSET, "");
	s[9] = HOSTING;
	s[10] = text(b, cfg, BOARD_LOCATION, "");
	st16(s + 11, handle(TYPE_CHASSIS, 0));
	s[13] = MOTHERBOARD;
	end(b);
}

static void add_chassis(struct builder *b, const struct smbios_config *cfg)
{
	enum { OTHER = 1, SAFE = 3, UNKNOWN = 2 };
	uint8_t *s = begin(b, TYPE_CHASSIS, 0, 22);

	s[4] = text(b, cfg, CHASSIS_MANUFACTURER, "kvmkit");
	s[5] = OTHER;
	s[6] = text(b, cfg, CHASSIS_VERSION, "");
	s[7] = text(b, cfg, CHASSIS_SERIAL, "");
	s[8] = text(b, cfg, CHASSIS_ASSET, "");
	s[9] = s[10] = s[11] = SAFE; /* boot-up, power supply, thermal */
	s[12] = UNKNOWN;             /* security */
	s[21] = text(b, cfg, CHASSIS_SKU, "");
	end(b);
}

static void add_processor(struct builder *b, const struct smbios_config *cfg,
                          unsigned socket)
{
	enum { CENTRAL = 3, OTHER = 1, UNKNOWN = 2, POPULATED_ENABLED = 0x41 };
	uint8_t *s = begin(b, TYPE_PROCESSOR, socket, 48);
	unsigned cores = cfg->cores, threads = cfg->cores * cfg->threads;
	const struct smbios_texts *texts = cfg->texts;
	char name[SMBIOS_PREFIX_MAX + 16];

	snprintf(name, sizeof(name), "%.*s %u", SMBIOS_PREFIX_MAX,
	         texts && texts->text[CPU_SOCKET] ? texts->text[CPU_SOCKET] : "CPU",
	         socket);
	s[4] = string(b, name);
	s[5] = CENTRAL;
	s[6] = OTHER; /* family */
	s[7] = text(b, cfg, CPU_MANUFACTURER, "kvmkit");
	s[16] = text(b, cfg, CPU_VERSION, "");
	st16(s + 20, texts ? texts->max_speed : 0); /* MHz; 0: unknown */
	st16(s + 22, texts ? texts->current_speed : 0);
	s[24] = POPULATED_ENABLED;
	s[25] = OTHER;        /* upgrade */
	st16(s + 26, 0xffff); /* caches: not described */
	st16(s + 28, 0xffff);
	st16(s + 30, 0xffff);
	s[32] = text(b, cfg, CPU_SERIAL, "");
	s[33] = text(b, cfg, CPU_ASSET, "");
	s[34] = text(b, cfg, CPU_PART, "");
	s[35] = s[36] = cores < 255 ? cores : 255;
	s[37] = threads < 255 ? threads : 255;
	st16(s + 38, UNKNOWN);
	st16(s + 40, OTHER);
	st16(s + 42, cores);
	st16(s + 44, cores);
	st16(s + 46, threads);
	end(b);
}

static void add_memory(struct builder *b, const struct smbios_config *cfg)
{
	enum { SYSTEM_BOARD = 3, SYSTEM_MEMORY = 3, MULTI_BIT_ECC = 6 };
	enum { DIMM = 9, RAM = 7, OTHER = 1 << 1, USE_EXTENDED = 0x7fff };
	uint64_t size = cfg->low_top + cfg->high_size, mib = size >> 20;
	uint8_t *s = begin(b, TYPE_MEMORY_ARRAY, 0, 23);

	s[4] = SYSTEM_BOARD;
	s[5] = SYSTEM_MEMORY;
	s[6] = MULTI_BIT_ECC;
	st32(s + 7, 0x80000000); /* see the extended capacity */
	st16(s + 11, NO_HANDLE);
	st16(s + 13, 1); /* devices */
	st64(s + 15, size);
	end(b);

	s = begin(b, TYPE_MEMORY_DEVICE, 0, 40);
	st16(s + 4, handle(TYPE_MEMORY_ARRAY, 0));
	st16(s + 6, NO_HANDLE);
	st16(s + 8, 0xffff); /* widths unknown */
	st16(s + 10, 0xffff);
	st16(s + 12, mib < USE_EXTENDED ? mib : USE_EXTENDED);
	s[14] = DIMM;
	s[16] = text(b, cfg, MEMORY_LOCATION, "DIMM 0");
	s[17] = text(b, cfg, MEMORY_BANK, "");
	s[18] = RAM;
	st16(s + 19, OTHER);
	st16(s + 21, cfg->texts ? cfg->texts->memory_speed : 0); /* MT/s; 0: unknown */
	s[23] = text(b, cfg, MEMORY_MANUFACTURER, "kvmkit");
	s[24] = text(b, cfg, MEMORY_SERIAL, "");
	s[25] = text(b, cfg, MEMORY_ASSET, "");
	s[26] = text(b, cfg, MEMORY_PART, "");
	st32(s + 28, mib < USE_EXTENDED ? 0 : mib);
	end(b);
}

/* The user's strings, which guests read by their number. */
static void add_oem_strings(struct builder *b, const struct smbios_config *cfg)
{
	const struct str_list *oem = cfg->texts ? &cfg->texts->oem : NULL;
	uint8_t *s;

	if (!oem || !oem->count)
		return;
	s = begin(b, TYPE_OEM_STRINGS, 0, 5);
	for (unsigned i = 0; i < oem->count; i++)
		s[4] = string(b, oem->items[i]);
	end(b);
}

/* One range that the memory device answers at. */
static void add_range(struct builder *b, unsigned index, uint64_t start, uint64_t len)
{
	uint64_t last = start + len - 1;
	bool extended = last >> 10 >= UINT32_MAX;
	uint8_t *s;

	if (!len)
		return;
	s = begin(b, TYPE_MAPPED_ADDRESS, index, 31);
	st32(s + 4, extended ? UINT32_MAX : start >> 10);
	st32(s + 8, extended ? UINT32_MAX : last >> 10);
	st16(s + 12, handle(TYPE_MEMORY_ARRAY, 0));
	s[14] = 1; /* devices that form one row */
	if (extended) {
		st64(s + 15, start);
		st64(s + 23, last);
	}
	end(b);
}

static void set_checksum(uint8_t *data, size_t len, size_t at)
{
	uint8_t sum = 0;

	for (size_t i = 0; i < len; i++)
		sum += data[i];
	data[at] -= sum;
}

static void add_entry_points(struct builder *b)
{
	uint32_t address = LAYOUT_SMBIOS + STRUCTURES, len = b->used - STRUCTURES;
	uint8_t *e = b->buf + ENTRY_SM;

	memcpy(e, "_SM_", 4);
	e[5] = 31;
	e[6] = 2;
	e[7] = 8;
	st16(e + 8, b->largest);
	memcpy(e + 16, "_DMI_", 5);
	st16(e + 22, len);
	st32(e + 24, address);
	st16(e + 28, b->count);
	e[30] = 0x28;
	set_checksum(e + 16, 15, 5);
	set_checksum(e, 31, 4);

	e = b->buf + ENTRY_SM3;
	memcpy(e, "_SM3_", 5);
	e[6] = 24;
	e[7] = 3;
	e[10] = 1; /* revision of the entry point */
	st32(e + 12, len);
	st64(e + 16, address);
	set_checksum(e, 24, 5);
}

uint8_t *smbios_build(const struct smbios_config *cfg, size_t *len, struct err *err)
{
	unsigned sockets = cfg->sockets < MAX_SOCKETS ? cfg->sockets : MAX_SOCKETS;
	struct builder b = { .used = STRUCTURES };

	b.buf = calloc(1, (16 + sockets) * MAX_STRUCTURE +
	                          (sockets + 1) * (cfg->texts ? cfg->texts->bytes : 0));
	if (!b.buf) {
		err_sys(err, ENOMEM, "SMBIOS tables");
		return NULL;
	}
	add_bios(&b, cfg);
	add_system(&b, cfg);
	add_board(&b, cfg);
	add_chassis(&b, cfg);
	for (unsigned i = 0; i < sockets; i++)
		add_processor(&b, cfg, i);
	add_oem_strings(&b, cfg);
	add_memory(&b, cfg);
	add_range(&b, 0, 0, cfg->low_top);
	add_range(&b, 1, LAYOUT_4G, cfg->high_size);
	begin(&b, TYPE_BOOT, 0, 11); /* status 0: no errors detected */
	end(&b);
	begin(&b, TYPE_END, 0, 4);
	end(&b);
	add_entry_points(&b);
	*len = b.used;
	if (b.used <= LAYOUT_SMBIOS_SIZE)
		return b.buf;
	free(b.buf);
	err_set(err, E2BIG, "the texts of -smbios do not fit into the tables");
	return NULL;
}

int smbios_write(struct mem *mem, const struct smbios_config *cfg, struct err *err)
{
	size_t len;
	_cleanup_free_ uint8_t *buf = smbios_build(cfg, &len, err);

	if (!buf)
		return -err->code;
	if (dma_write(mem, LAYOUT_SMBIOS, buf, len) < 0)
		return err_set(
			err, EFAULT,
			"no RAM at 0x%llx for the SMBIOS tables; give the guest at "
			"least 1 MiB with -m",
			LAYOUT_SMBIOS);
	return 0;
}
