// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A NOR flash chip with a data bus of one byte and Intel's command set, as UEFI firmware
 * for virtual PCs drives it (Common Flash Interface, JEDEC JESD68.01; command set 0001h
 * as in the data sheet of Intel's 28F640J3A, chapter 4).
 *
 * While the array is read KVM serves it as read-only memory, and only writes exit; a
 * command that makes reads return something else takes that memory away until the array
 * is read again. The content is a copy of the image. Blocks that changed go back to it in
 * the background: they are there when quiesce returns. Two things are QEMU's ways, by
 * which firmware tells this chip from RAM and ROM: the ready bit of the status is set by
 * operations, not always; CLEAR STATUS also returns to the array. Machine lock.
 */
#include "vmm/legacy/flash.h"

#include "common/bytes.h"
#include "common/cleanup.h"
#include "common/log.h"
#include "vmm/block/block.h"
#include "vmm/core/vm.h"
#include "vmm/mem/mem.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define BUFFER   256u /* what one buffered write holds, aligned to its size */
#define MAX_SIZE (16u << 20)
#define BLOCKS   (MAX_SIZE / FLASH_BLOCK)
#define NO_BLOCK UINT32_MAX

enum command {
	CMD_PROGRAM = 0x10,
	CMD_PROGRAM_ALT = 0x40,
	CMD_ERASE = 0x20,
	CMD_CLEAR_STATUS = 0x50,
	CMD_LOCK = 0x60,
	CMD_READ_STATUS = 0x70,
	CMD_READ_ID = 0x90,
	CMD_QUERY = 0x98,
	CMD_CONFIRM = 0xd0,
	CMD_BUFFER = 0xe8,
	CMD_READ_ARRAY_AMD = 0xf0, /* the other command sets' word for it */
	CMD_READ_ARRAY = 0xff,
};

enum status {
	STATUS_PROTECTED = 0x02,
	STATUS_PROGRAM_ERROR = 0x10,
	STATUS_ERASE_ERROR = 0x20,
	STATUS_READY = 0x80,
	STATUS_SEQUENCE_ERROR = STATUS_PROGRAM_ERROR | STATUS_ERASE_ERROR,
};

/* What reads return. */
enum view { VIEW_ARRAY, VIEW_STATUS, VIEW_ID, VIEW_QUERY, VIEWS };

/* What the next write is. */
enum cycle {
	NEXT_COMMAND,
	NEXT_BYTE,
	NEXT_ERASE,
	NEXT_LOCK,
	NEXT_COUNT,
	NEXT_DATA,
	NEXT_CONFIRM,
	CYCLES,
};

struct flash {
	struct device dev;
	/* properties */
	char *drive;
	uint64_t base;
	uint32_t unit;
	/* state */
	uint8_t view, cycle, status;
	uint32_t block; /* of the buffer: its first address, or NO_BLOCK */
	uint16_t left;  /* bytes that the buffer still waits for */
	uint8_t buffer[BUFFER];
	/* not state */
	struct block_node *node;
	struct block_info info;
	uint8_t *bytes;
	uint32_t size;
	struct ram_block *ram;
	struct region region;
	uint64_t changed[BLOCKS / 64]; /* blocks that the image has not */
	bool in_flight;
	uint32_t first, count; /* blocks of the request */
	struct block_req req;
	struct iovec iov;
	struct ratelimit log;
};

/* ---- the image ---- */

static void write_back(struct flash *f);

static bool is_changed(const struct flash *f, uint32_t n)
{
	return n < f->size / FLASH_BLOCK && f->changed[n / 64] >> n % 64 & 1;
}

static void set_changed(struct flash *f, uint32_t first, uint32_t count)
{
	for (uint32_t n = first; n < first + count; n++)
		f->changed[n / 64] |= 1ull << n % 64;
}

static void write_done(struct block_req *req, int ret)
{
	struct flash *f = req->opaque;

	f->in_flight = false;
	if (ret >= 0) {
		write_back(f);
		return;
	}
	/* The next change, or the end, tries again. */
	set_changed(f, f->first, f->count);
	log_guest(&f->log, "%s: cannot write to drive '%s': %s", f->dev.path, f->drive,
	          strerror(-ret));
}

/* Starts to write the first run of changed blocks, unless that is under way. */
static void write_back(struct flash *f)
{
	uint32_t n = 0, end;

	while (n < BLOCKS && !is_changed(f, n))
		n += f->changed[n / 64] ? 1 : 64 - n % 64;
	if (f->in_flight || n >= BLOCKS)
		return;
	for (end = n; is_changed(f, end); end++)
		f->changed[end / 64] &= ~(1ull << end % 64);
	f->first = n;
	f->count = end - n;
	f->iov = (struct iovec){ f->bytes + n * FLASH_BLOCK, f->count * FLASH_BLOCK };
	f->in_flight = true;
	f->req = (struct block_req){
		.op = BLOCK_WRITE,
		.offset = n * FLASH_BLOCK,
		.len = f->iov.iov_len,
		.iov = &f->iov,
		.iov_count = 1,
		.done = write_done,
		.opaque = f,
	};
	block_submit(f->node, &f->req);
	block_kick(f->node);
}

static void touched(struct flash *f, uint32_t at, uint32_t len)
{
	mem_mark_dirty(f->ram, at, len);
	set_changed(f, at / FLASH_BLOCK,
	            (at + len - 1) / FLASH_BLOCK - at / FLASH_BLOCK + 1);
	write_back(f);
}

/* ---- reads ---- */

/* The query structure from its address 0x10 on: "QRY"; Intel's command set with a table
 * at 0x31, no other; supply of 2.7 to 3.6 V; times of a byte, a buffer (2^n us) and an
 * erase (2^n ms), and at most; size; a bus of a byte; buffer (2^n); one kind of blocks,
 * their number and size / 256. The table: "PRI", version 1.1, nothing that is optional.
 * What depends on the size is filled in. */
static const uint8_t query[] = { 'Q',  'R',  'Y',  0x01, 0x00, 0x31, 0x00, 0x00,
	                         0x00, 0x00, 0x00, 0x27, 0x36, 0x00, 0x00, 0x07,
	                         0x07, 0x0a, 0x00, 0x04, 0x04, 0x04, 0x00, 0x00,
	                         0x00, 0x00, 0x08, 0x00, 0x01, 0x00, 0x00, 0x10,
	                         0x00, 'P',  'R',  'I',  '1',  '1',  0x00, 0x00,
	                         0x00, 0x00, 0x00, 0x00, 0x00, 0x33, 0x00, 0x00 };
enum { QUERY_AT = 0x10, QUERY_SIZE = 0x27, QUERY_BLOCKS = 0x2d };

static uint8_t query_byte(const struct flash *f, uint32_t at)
{
	uint32_t blocks = f->size / FLASH_BLOCK - 1;

	if (at < QUERY_AT || at - QUERY_AT >= sizeof(query))
		return 0;
	if (at == QUERY_SIZE) /* rounded up; the number of blocks is exact */
		return 32 - __builtin_clz(f->size - 1);
	if (at == QUERY_BLOCKS || at == QUERY_BLOCKS + 1)
		return blocks >> 8 * (at - QUERY_BLOCKS);
	return query[at - QUERY_AT];
}

/* Manufacturer and device, then of each block whether it is locked. */
static uint8_t id_byte(uint32_t at)
{
	static const uint8_t ids[] = { 0x89, 0x17, 0x00 };

	return at % FLASH_BLOCK < sizeof(ids) ? ids[at % FLASH_BLOCK] : 0;
}

static uint64_t flash_read(void *opaque, uint64_t offset, unsigned size)
{
	const struct flash *f = opaque;

	(void)size;
	switch (f->view) {
	case VIEW_STATUS:
		return f->status;
	case VIEW_ID:
		return id_byte(offset);
	case VIEW_QUERY:
		return query_byte(f, offset & 0xff);
	default:
		return f->bytes[offset];
	}
}

/* ---- writes ---- */

static void read_array(struct flash *f)
{
	f->view = VIEW_ARRAY;
	f->cycle = NEXT_COMMAND;
}

/* An operation has ended, with these error bits. */
static void ready(struct flash *f, uint8_t errors)
{
	f->status |= STATUS_READY | errors;
	f->cycle = NEXT_COMMAND;
}

static void out_of_sequence(struct flash *f, uint8_t value)
{
	ready(f, STATUS_SEQUENCE_ERROR);
	if (value == CMD_READ_ARRAY)
		read_array(f);
}

static void command(struct flash *f, uint32_t at, uint8_t value)
{
	static const struct {
		uint8_t view, cycle;
	} commands[256] = {
		[CMD_PROGRAM] = { VIEW_STATUS, NEXT_BYTE },
		[CMD_PROGRAM_ALT] = { VIEW_STATUS, NEXT_BYTE },
		[CMD_ERASE] = { VIEW_STATUS, NEXT_ERASE },
		[CMD_LOCK] = { VIEW_STATUS, NEXT_LOCK },
		[CMD_READ_STATUS] = { VIEW_STATUS, NEXT_COMMAND },
		[CMD_READ_ID] = { VIEW_ID, NEXT_COMMAND },
		[CMD_QUERY] = { VIEW_QUERY, NEXT_COMMAND },
		[CMD_BUFFER] = { VIEW_STATUS, NEXT_COUNT },
	};

	(void)at;
	if (!commands[value].view && value && value != CMD_CLEAR_STATUS &&
	    value != CMD_READ_ARRAY && value != CMD_READ_ARRAY_AMD)
		log_debug(LOG_C_GUEST, "%s: command 0x%02x is unknown", f->dev.path,
		          value);
	f->view = commands[value].view;
	f->cycle = commands[value].cycle;
	if (value == CMD_CLEAR_STATUS)
		f->status = 0;
	if (value == CMD_BUFFER)
		f->status |= STATUS_READY;
}

/* Bits can only be cleared. */
static void program(struct flash *f, uint32_t at, const uint8_t *data, uint32_t len)
{
	if (f->info.readonly) {
		ready(f, STATUS_PROGRAM_ERROR | STATUS_PROTECTED);
		return;
	}
	for (uint32_t i = 0; i < len; i++)
		f->bytes[at + i] &= data[i];
	touched(f, at, len);
	ready(f, 0);
}

static void program_byte(struct flash *f, uint32_t at, uint8_t value)
{
	program(f, at, &value, 1);
}

static void erase(struct flash *f, uint32_t at, uint8_t value)
{
	at = align_down(at, FLASH_BLOCK);
	if (value != CMD_CONFIRM) {
		out_of_sequence(f, value);
	} else if (f->info.readonly) {
		ready(f, STATUS_ERASE_ERROR | STATUS_PROTECTED);
	} else {
		memset(f->bytes + at, 0xff, FLASH_BLOCK);
		touched(f, at, FLASH_BLOCK);
		ready(f, 0);
	}
}

/* No block is ever locked: whether the chip can be written is the host's choice. */
static void lock(struct flash *f, uint32_t at, uint8_t value)
{
	enum { LOCK_BLOCK = 0x01 };

	(void)at;
	if (value == LOCK_BLOCK || value == CMD_CONFIRM)
		ready(f, 0);
	else
		out_of_sequence(f, value);
}

static void buffer_count(struct flash *f, uint32_t at, uint8_t value)
{
	(void)at;
	memset(f->buffer, 0xff, sizeof(f->buffer));
	f->block = NO_BLOCK;
	f->left = value + 1;
	f->cycle = NEXT_DATA;
}

static void buffer_data(struct flash *f, uint32_t at, uint8_t value)
{
	if (f->block == NO_BLOCK)
		f->block = align_down(at, BUFFER);
	if (at - f->block >= BUFFER) {
		out_of_sequence(f, 0);
		return;
	}
	f->buffer[at - f->block] = value;
	if (!--f->left)
		f->cycle = NEXT_CONFIRM;
}

static void buffer_confirm(struct flash *f, uint32_t at, uint8_t value)
{
	(void)at;
	if (value == CMD_CONFIRM)
		program(f, f->block, f->buffer, BUFFER);
	else
		out_of_sequence(f, value);
}

static void flash_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
	static void (*const cycles[CYCLES])(struct flash *, uint32_t, uint8_t) = {
		[NEXT_COMMAND] = command,
		[NEXT_BYTE] = program_byte,
		[NEXT_ERASE] = erase,
		[NEXT_LOCK] = lock,
		[NEXT_COUNT] = buffer_count,
		[NEXT_DATA] = buffer_data,
		[NEXT_CONFIRM] = buffer_confirm,
	};
	struct flash *f = opaque;

	(void)size;
	cycles[f->cycle](f, offset, value);
	mem_show_ram(&f->region, f->view == VIEW_ARRAY);
}

static const struct region_ops flash_ops = {
	.read = flash_read,
	.write = flash_write,
	.max_size = 1,
};

/* ---- life ---- */

static void read_done(struct block_req *req, int ret)
{
	*(int *)req->opaque = ret;
}

/* Not cut off: the block layer fills the last sector of a file with zeros. */
static bool is_whole(const struct flash *f)
{
	struct stat st;

	return f->info.length % FLASH_BLOCK == 0 &&
	       (stat(f->info.path, &st) < 0 || !S_ISREG(st.st_mode) ||
	        st.st_size % 512 == 0);
}

static int read_image(struct flash *f, struct err *err)
{
	struct block_req req = { .op = BLOCK_READ, .done = read_done };
	struct iovec iov;
	int ret = 0;

	if (!is_whole(f) || f->info.length > MAX_SIZE)
		return err_set(
			err, EINVAL,
			"%s has not the size of a flash image: a multiple of 4 KiB, "
			"at most 16 MiB; copy it again",
			f->info.path);
	f->size = f->info.length;
	f->bytes = mem_alloc(f->size, err);
	if (!f->bytes)
		return -ENOMEM;
	iov = (struct iovec){ f->bytes, f->size };
	req.len = f->size;
	req.iov = &iov;
	req.iov_count = 1;
	req.opaque = &ret;
	block_submit(f->node, &req);
	block_kick(f->node);
	block_drain(f->node);
	return ret < 0 ? err_sys(err, -ret, "cannot read %s", f->info.path) : 0;
}

static int attach(struct flash *f, struct err *err)
{
	struct vm *vm = f->dev.vm;
	struct block_node *node =
		vm->blocks && f->drive ? block_find(vm->blocks, f->drive) : NULL;
	int ret;

	if (!node)
		return err_set(err, ENOENT, "it needs drive=ID, with its content");
	ret = block_attach(node, &f->node, f->dev.path, NULL, f, err);
	if (ret < 0)
		return ret;
	f->node = node;
	block_get_info(node, &f->info);
	return read_image(f, err);
}

static int flash_realize(struct device *dev, struct err *err)
{
	static const char *const names[] = { "system.flash0", "system.flash1" };
	struct flash *f = (struct flash *)dev;
	int ret;

	device_set_path(dev, "system/cfi.pflash01@%llx", (unsigned long long)f->base);
	ret = attach(f, err);
	if (ret < 0)
		return ret;
	f->ram = mem_add_device_ram(dev->vm->mem, names[f->unit & 1], f->size, f->bytes,
	                            true, err);
	if (!f->ram)
		return -err->code;
	f->region = (struct region){
		.name = f->ram->name,
		.size = f->size,
		.ops = &flash_ops,
		.opaque = f,
		.ram = f->ram,
	};
	ret = mem_map(dev->vm->mem, MEM_MMIO, &f->region, f->base);
	return ret < 0 ? err_sys(err, -ret, "cannot map it at 0x%llx",
	                         (unsigned long long)f->base)
	               : 0;
}

static void flash_reset(struct device *dev)
{
	struct flash *f = (struct flash *)dev;

	read_array(f);
	f->status = 0;
	f->block = f->left = 0;
	memset(f->buffer, 0, sizeof(f->buffer));
	mem_show_ram(&f->region, true);
}

static void flash_quiesce(struct device *dev)
{
	struct flash *f = (struct flash *)dev;

	write_back(f);
	block_drain(f->node);
}

static void flash_unrealize(struct device *dev)
{
	struct flash *f = (struct flash *)dev;

	mem_unmap(&f->region);
	mem_drop_ram(f->ram);
	if (f->node)
		block_detach(f->node);
	if (f->bytes)
		munmap(f->bytes, f->size);
}

const uint8_t *flash_bytes(const struct device *dev, uint64_t *size)
{
	const struct flash *f = (const struct flash *)dev;

	*size = f->size;
	return f->bytes;
}

/* ---- state ---- */

static int flash_validate(const void *obj, struct err *err)
{
	const struct flash *f = obj;
	bool filling = f->cycle == NEXT_DATA;

	if (f->view >= VIEWS || f->cycle >= CYCLES || f->left > BUFFER ||
	    (filling && !f->left) ||
	    (f->cycle == NEXT_CONFIRM && (f->block % BUFFER || f->block >= f->size)) ||
	    (filling && f->block != NO_BLOCK &&
	     (f->block % BUFFER || f->block >= f->size)))
		return err_set(err, EINVAL, "its command makes no sense");
	return 0;
}

/* The content came with the RAM, and the image here shall be the same. */
static int flash_post_load(void *obj, struct err *err)
{
	struct flash *f = obj;

	(void)err;
	mem_show_ram(&f->region, f->view == VIEW_ARRAY);
	if (!f->info.readonly)
		set_changed(f, 0, f->size / FLASH_BLOCK);
	return 0;
}

static const struct state_field flash_fields[] = {
	STATE_U8_F(struct flash, view),
	STATE_U8_F(struct flash, cycle),
	STATE_U8_F(struct flash, status),
	STATE_U32_F(struct flash, block),
	STATE_U16_F(struct flash, left),
	STATE_BYTES_F(struct flash, buffer),
	STATE_END_F,
};

static const struct state_desc flash_state = {
	.name = "cfi.pflash01",
	.version = 1,
	.fields = flash_fields,
	.validate = flash_validate,
	.post_load = flash_post_load,
};

static const struct opt_desc flash_props[] = {
	{ .name = "drive",
	  .type = OPT_STR,
	  .offset = offsetof(struct flash, drive),
	  .help = "its content" },
	{ .name = "base",
	  .type = OPT_U64,
	  .offset = offsetof(struct flash, base),
	  .help = "address of the first byte" },
	{ .name = "unit",
	  .type = OPT_U32,
	  .offset = offsetof(struct flash, unit),
	  .help = "0: code, 1: variables" },
	{ .name = NULL },
};

const struct device_class flash_class = {
	.name = "cfi.pflash01",
	.bus = "system",
	.help = "flash chip for firmware and its variables",
	.internal = true,
	.size = sizeof(struct flash),
	.props = flash_props,
	.state = &flash_state,
	.realize = flash_realize,
	.reset = flash_reset,
	.quiesce = flash_quiesce,
	.unrealize = flash_unrealize,
};
