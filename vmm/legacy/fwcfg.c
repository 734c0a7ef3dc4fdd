// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Firmware configuration device (QEMU's docs/specs/fw_cfg.rst): a selector at port 0x510,
 * a data port at 0x511 and, at 0x514, the address of a DMA descriptor. Everything in the
 * descriptor and in the directory is big-endian; the numbers in items are little-endian.
 *
 * Guests only read: DMA writes end with the error bit, bytes written to the data port are
 * dropped. Behind the end of an item, and where there is none, everything reads 0.
 * Item contents are the board's and no state. All functions run under the machine lock.
 *
 * A transfer may have 4 GiB. What is longer than a slice goes on from the main loop,
 * slice by slice, so that nobody waits long for the lock; drivers wait for the
 * descriptor's answer, as the specification has it.
 */
#include "vmm/legacy/fwcfg.h"

#include "common/bytes.h"
#include "vmm/core/vm.h"
#include "vmm/loop/loop.h"
#include "vmm/mem/mem.h"

#include <errno.h>
#include <stdlib.h>

enum {
	PORT_SELECT = 0x510,
	PORT_DATA_OFFSET = 1,
	PORT_DMA = 0x514,

	KEY_MASK = 0x3fff,
	KEY_ARCH = 0x8000, /* keys of the architecture: none is used any more */

	ID_TRADITIONAL = 1 << 0,
	ID_DMA = 1 << 1,

	DMA_ERROR = 1 << 0,
	DMA_READ = 1 << 1,
	DMA_SKIP = 1 << 2,
	DMA_SELECT = 1 << 3,
	DMA_WRITE = 1 << 4,

	SLICE = 1 << 20, /* bytes that are moved without giving the lock back */

	DIR_ENTRY = 8 + FWCFG_NAME_SIZE,
	KEYS = FWCFG_FILE_FIRST + FWCFG_FILES,
};

static const uint8_t dma_signature[8] = { 'Q', 'E', 'M', 'U', ' ', 'C', 'F', 'G' };

struct item {
	uint8_t *data;
	uint32_t len;
};

/* A transfer that goes on. */
struct transfer {
	uint64_t descriptor, address;
	uint32_t left; /* 0: there is none */
	uint32_t offset;
	uint16_t key;
};

struct fwcfg {
	struct device dev;
	struct item items[KEYS];
	char names[FWCFG_FILES][FWCFG_NAME_SIZE];
	unsigned file_count;
	/* state */
	uint16_t key;
	uint32_t offset;   /* in the item that the key selects */
	uint32_t dma_high; /* of the descriptor's address */
	/* not state: it ends before one is saved */
	struct transfer transfer;
	struct loop_work work;
	struct region select_region, dma_region;
	uint16_t hook_key; /* 0: none */
	void (*hook)(void *opaque);
	void *hook_opaque;
};

/* ---- what the guest does ---- */

static void select_item(struct fwcfg *f, uint16_t key)
{
	f->key = key;
	f->offset = 0;
	if (key && key == f->hook_key)
		f->hook(f->hook_opaque);
}

/* What an item has from there on; *len is cut to it. */
static const uint8_t *rest(const struct fwcfg *f, unsigned key, uint32_t offset,
                           uint32_t *len)
{
	const struct item *item = key & KEY_ARCH || (key & KEY_MASK) >= KEYS
	                                  ? NULL
	                                  : &f->items[key & KEY_MASK];

	if (!item || offset >= item->len) {
		*len = 0;
		return NULL;
	}
	if (*len > item->len - offset)
		*len = item->len - offset;
	return item->data + offset;
}

static uint64_t select_read(void *opaque, uint64_t offset, unsigned size)
{
	struct fwcfg *f = opaque;
	uint32_t len = 1;
	const uint8_t *p = rest(f, f->key, f->offset, &len);

	if (offset != PORT_DATA_OFFSET || size != 1 || !p)
		return 0;
	f->offset++;
	return *p;
}

static void select_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
	if (!offset && size == 2)
		select_item(opaque, value);
}

static int move_slice(struct fwcfg *f)
{
	struct mem *mem = f->dev.vm->mem;
	struct transfer *t = &f->transfer;
	uint32_t len = t->left < SLICE ? t->left : SLICE, part = len;
	const uint8_t *p = rest(f, t->key, t->offset, &part);
	int ret = part ? dma_write(mem, t->address, p, part) : 0;

	if (!ret && len > part)
		ret = dma_set(mem, t->address + part, 0, len - part);
	t->offset += part;
	t->address += len;
	t->left -= len;
	return ret;
}

static void answer(struct fwcfg *f, uint64_t descriptor, int ret)
{
	uint32_t control = __builtin_bswap32(ret < 0 ? DMA_ERROR : 0);

	/* A descriptor outside RAM has no place for an answer. */
	(void)dma_write(f->dev.vm->mem, descriptor, &control, sizeof(control));
}

/* Moves a slice; when it was the last one, or failed, the driver gets its answer. */
static void go_on(void *opaque)
{
	struct fwcfg *f = opaque;
	struct transfer *t = &f->transfer;
	int ret = t->left ? move_slice(f) : 0;

	if (ret < 0 || !t->left) {
		t->left = 0;
		answer(f, t->descriptor, ret);
	} else {
		loop_post(f->dev.vm->loop, &f->work);
	}
}

static void go_on_later(void *opaque)
{
	struct fwcfg *f = opaque;

	/* It may have ended meanwhile. */
	if (f->transfer.left)
		go_on(f);
}

static void run_dma(struct fwcfg *f, uint64_t descriptor)
{
	uint32_t raw[4], control, len, part;
	int ret = dma_read(f->dev.vm->mem, descriptor, raw, sizeof(raw));

	/* A driver that does not wait. */
	if (f->transfer.left)
		answer(f, f->transfer.descriptor, -EBUSY);
	f->transfer.left = 0;
	if (ret < 0)
		return answer(f, descriptor, ret);
	control = __builtin_bswap32(raw[0]);
	len = part = __builtin_bswap32(raw[1]);
	if (control & DMA_SELECT)
		select_item(f, control >> 16);
	if ((control & (DMA_READ | DMA_WRITE)) == DMA_WRITE)
		return answer(f, descriptor, -EPERM);
	f->transfer = (struct transfer){
		.descriptor = descriptor,
		.address = (uint64_t)__builtin_bswap32(raw[2]) << 32 |
		           __builtin_bswap32(raw[3]),
		.left = control & DMA_READ ? len : 0,
		.offset = f->offset,
		.key = f->key,
	};
	if (control & (DMA_READ | DMA_SKIP)) {
		rest(f, f->key, f->offset, &part);
		f->offset += part;
	}
	go_on(f);
}

static uint64_t dma_port_read(void *opaque, uint64_t offset, unsigned size)
{
	(void)opaque;
	return ldn(dma_signature + offset, size);
}

static void dma_port_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
	struct fwcfg *f = opaque;
	uint64_t high = f->dma_high;

	if (size != 4)
		return;
	if (offset == 0) {
		f->dma_high = __builtin_bswap32(value);
	} else if (offset == 4) {
		f->dma_high = 0;
		run_dma(f, high << 32 | __builtin_bswap32(value));
	}
}

static const struct region_ops select_ops = {
	.read = select_read,
	.write = select_write,
	.max_size = 2,
};

static const struct region_ops dma_ops = {
	.read = dma_port_read,
	.write = dma_port_write,
};

/* ---- what the board does ---- */

static int set_item(struct fwcfg *f, unsigned key, void *data, size_t len,
                    struct err *err)
{
	struct item *item = &f->items[key];

	if (!data || len > UINT32_MAX) {
		free(data);
		return data ? err_set(err, E2BIG, "firmware takes less than 4 GiB of it")
		            : err_sys(err, ENOMEM, "firmware configuration");
	}
	free(item->data);
	*item = (struct item){ data, len };
	return 0;
}

int fwcfg_set(struct device *dev, enum fwcfg_key key, void *data, size_t len,
              struct err *err)
{
	return set_item((struct fwcfg *)dev, key, data, len, err);
}

static void *number(uint64_t value, unsigned size)
{
	uint8_t *data = malloc(size);

	if (data)
		stn(data, size, value);
	return data;
}

int fwcfg_set_number(struct device *dev, enum fwcfg_key key, uint64_t value,
                     unsigned size, struct err *err)
{
	return fwcfg_set(dev, key, number(value, size), size, err);
}

static int find_file(const struct fwcfg *f, const char *name)
{
	for (unsigned i = 0; i < f->file_count; i++)
		if (!strcmp(f->names[i], name))
			return i;
	return -1;
}

bool fwcfg_has_file(struct device *dev, const char *name)
{
	return find_file((struct fwcfg *)dev, name) >= 0;
}

static int write_directory(struct fwcfg *f, struct err *err)
{
	size_t len = 4 + f->file_count * (size_t)DIR_ENTRY;
	uint8_t *dir = calloc(1, len), *e = dir + 4;

	if (dir)
		st32(dir, __builtin_bswap32(f->file_count));
	for (unsigned i = 0; dir && i < f->file_count; i++, e += DIR_ENTRY) {
		st32(e, __builtin_bswap32(f->items[FWCFG_FILE_FIRST + i].len));
		st16(e + 4, __builtin_bswap16(FWCFG_FILE_FIRST + i));
		memcpy(e + 8, f->names[i], FWCFG_NAME_SIZE);
	}
	return set_item(f, FWCFG_FILE_DIR, dir, len, err);
}

int fwcfg_set_file(struct device *dev, const char *name, void *data, size_t len,
                   struct err *err)
{
	struct fwcfg *f = (struct fwcfg *)dev;
	int i = find_file(f, name), ret;

	if (!*name || strlen(name) >= FWCFG_NAME_SIZE ||
	    (i < 0 && f->file_count == FWCFG_FILES)) {
		free(data);
		return err_usage(err,
		                 "fw_cfg file '%s': names have 1 to %d bytes, and there "
		                 "are at most %d files",
		                 name, FWCFG_NAME_SIZE - 1, FWCFG_FILES);
	}
	ret = set_item(f, FWCFG_FILE_FIRST + (i < 0 ? (int)f->file_count : i), data, len,
	               err);
	if (ret < 0)
		return ret;
	if (i < 0)
		strcpy(f->names[f->file_count++], name);
	return write_directory(f, err);
}

int fwcfg_set_file_number(struct device *dev, const char *name, uint64_t value,
                          unsigned size, struct err *err)
{
	return fwcfg_set_file(dev, name, number(value, size), size, err);
}

void fwcfg_on_select(struct device *dev, const char *name, void (*fn)(void *opaque),
                     void *opaque)
{
	struct fwcfg *f = (struct fwcfg *)dev;
	int i = find_file(f, name);

	f->hook_key = i < 0 ? 0 : FWCFG_FILE_FIRST + i;
	f->hook = fn;
	f->hook_opaque = opaque;
}

/* ---- life ---- */

static int map_ports(struct fwcfg *f, struct err *err)
{
	int ret;

	f->select_region = (struct region){
		.name = "fw_cfg",
		.size = 2,
		.ops = &select_ops,
		.opaque = f,
	};
	f->dma_region = (struct region){
		.name = "fw_cfg-dma",
		.size = 8,
		.ops = &dma_ops,
		.opaque = f,
	};
	ret = mem_map(f->dev.vm->mem, MEM_PIO, &f->select_region, PORT_SELECT);
	if (ret >= 0)
		ret = mem_map(f->dev.vm->mem, MEM_PIO, &f->dma_region, PORT_DMA);
	return ret < 0 ? err_sys(err, -ret, "cannot map port 0x%x", PORT_SELECT) : 0;
}

static int fwcfg_realize(struct device *dev, struct err *err)
{
	struct fwcfg *f = (struct fwcfg *)dev;
	int ret;

	device_set_path(dev, "isa/fw_cfg");
	f->work = (struct loop_work){ .fn = go_on_later, .opaque = f };
	ret = fwcfg_set(dev, FWCFG_SIGNATURE, strdup("QEMU"), 4, err);
	if (ret >= 0)
		ret = fwcfg_set_number(dev, FWCFG_ID, ID_TRADITIONAL | ID_DMA, 4, err);
	if (ret >= 0)
		ret = write_directory(f, err);
	return ret < 0 ? ret : map_ports(f, err);
}

static void fwcfg_reset(struct device *dev)
{
	struct fwcfg *f = (struct fwcfg *)dev;

	f->transfer.left = 0;
	select_item(f, 0);
	f->dma_high = 0;
}

static void fwcfg_quiesce(struct device *dev)
{
	struct fwcfg *f = (struct fwcfg *)dev;

	while (f->transfer.left)
		go_on(f);
}

static void fwcfg_unrealize(struct device *dev)
{
	struct fwcfg *f = (struct fwcfg *)dev;

	if (f->work.fn)
		loop_cancel(dev->vm->loop, &f->work);
	mem_unmap(&f->select_region);
	mem_unmap(&f->dma_region);
	for (unsigned i = 0; i < KEYS; i++)
		free(f->items[i].data);
}

static const struct state_field fwcfg_fields[] = {
	STATE_U16_F(struct fwcfg, key),
	STATE_U32_F(struct fwcfg, offset),
	STATE_U32_F(struct fwcfg, dma_high),
	STATE_END_F,
};

static const struct state_desc fwcfg_state = {
	.name = "fw_cfg",
	.version = 1,
	.fields = fwcfg_fields,
};

const struct device_class fwcfg_class = {
	.name = "fw_cfg",
	.bus = "isa",
	.help = "what the board tells firmware",
	.internal = true,
	.size = sizeof(struct fwcfg),
	.state = &fwcfg_state,
	.realize = fwcfg_realize,
	.reset = fwcfg_reset,
	.quiesce = fwcfg_quiesce,
	.unrealize = fwcfg_unrealize,
};
