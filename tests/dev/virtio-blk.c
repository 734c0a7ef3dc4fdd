// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * virtio-blk (virtio 1.2, 5.2): configuration, every request type, every way a chain may
 * cut a request, what is refused and how.
 */
#include "common/bytes.h"
#include "common/cleanup.h"
#include "tests/dev/virtio-disk-lib.h"
#include "tests/tap.h"
#include "vmm/virtio/blk.h"

#include <string.h>
#include <sys/stat.h>

#define BIT(n)  (1ull << (n))
#define ALL     UINT64_MAX
#define SECTORS (DISK_SIZE / 512)
enum { OK = VIRTIO_BLK_S_OK, IOERR = VIRTIO_BLK_S_IOERR, UNSUPP = VIRTIO_BLK_S_UNSUPP };

#define CONFIG(k, field)                                                \
	vdrv_config(&(k)->d, offsetof(struct virtio_blk_config, field), \
	            sizeof(((struct virtio_blk_config *)0)->field))

static bool all_zero(const uint8_t *p, size_t len)
{
	while (len && !*p)
		p++, len--;
	return !len;
}

/* ---- configuration ---- */

static void test_config(void)
{
	struct disk k;

	disk_init(&k, "",
	          "logical_block_size=1024,physical_block_size=4096,opt_io_size=65536,"
	          "queue-size=64,num-queues=3");
	tap_eq(CONFIG(&k, capacity), SECTORS, "capacity");
	tap_eq(CONFIG(&k, seg_max), 62, "seg_max leaves room for header and status");
	tap_eq(CONFIG(&k, blk_size), 1024, "blk_size");
	tap_eq(CONFIG(&k, physical_block_exp), 2, "physical_block_exp");
	tap_eq(CONFIG(&k, opt_io_size), 64, "opt_io_size in blocks");
	tap_eq(CONFIG(&k, num_queues), 3, "num_queues");
	tap_eq(CONFIG(&k, max_discard_seg), 1, "max_discard_seg");
	tap_eq(CONFIG(&k, discard_sector_alignment), 2, "discard_sector_alignment");
	tap_eq(CONFIG(&k, write_zeroes_may_unmap), 1, "write_zeroes_may_unmap");
	tap_ok(vdrv_offered(&k.d) & BIT(VIRTIO_BLK_F_MQ), "MQ is offered");
	tap_ok(!(vdrv_offered(&k.d) & BIT(VIRTIO_BLK_F_RO)), "RO is not");
	tap_eq(vdrv_config(&k.d, 0xf00, 4), 0, "behind the configuration is nothing");
	disk_free(&k);
}

/* ---- reads and writes ---- */

static void test_transfer(struct disk *k)
{
	_cleanup_free_ uint8_t *image = malloc(DISK_MAX);
	struct vseg whole[] = { { k->data, 65536, true } };
	uint32_t len;

	disk_start(k, ALL);
	tap_eq(disk_do(k, VIRTIO_BLK_T_IN, 5, 1024, true), OK, "read of two sectors");
	tap_eq(ld64(disk_data(k)), 5, "the first");
	tap_eq(ld64((uint8_t *)disk_data(k) + 512), 6, "and the second");
	disk_fill(disk_data(k), DISK_MAX, 1);
	tap_eq(disk_do(k, VIRTIO_BLK_T_OUT, 16, DISK_MAX, false), OK, "write of 1 MiB");
	disk_image(k, 16 * 512, image, DISK_MAX);
	tap_ok(disk_holds(image, DISK_MAX, 1), "is in the image");
	disk_image(k, 15 * 512, image, 8);
	tap_eq(ld64(image), 15, "the sector before it is untouched");
	disk_image(k, 16 * 512 + DISK_MAX, image, 8);
	tap_eq(ld64(image), 16 + DISK_MAX / 512, "and the one behind it");
	tap_eq(disk_do(k, VIRTIO_BLK_T_IN, SECTORS - 1, 512, true), OK,
	       "the last sector");
	tap_eq(ld64(disk_data(k)), SECTORS - 1, "is the last");
	disk_header(k, k->header, VIRTIO_BLK_T_IN, 16);
	len = vqueue_do(&k->q,
	                (struct vseg[]){ { k->header, 16, false },
	                                 whole[0],
	                                 { k->status, 1, true } },
	                3);
	tap_eq(len, 65537, "used length: data and status");
	disk_header(k, k->header, VIRTIO_BLK_T_OUT, 16);
	len = vqueue_do(&k->q,
	                (struct vseg[]){ { k->header, 16, false },
	                                 { k->data, 512, false },
	                                 { k->status, 1, true } },
	                3);
	tap_eq(len, 1, "of a write: the status");
}

/* Segments of any size, none of them on a sector boundary; also of no size at all. */
static void test_segments(struct disk *k)
{
	static const uint16_t sizes[] = { 1, 511, 0, 3, 509, 1024, 100, 412, 0 };
	struct vseg segs[ARRAY_SIZE(sizes)];
	uint8_t flat[2560], got[2560];
	unsigned count = ARRAY_SIZE(sizes), off = 0;
	uint64_t at = k->data + 1;

	disk_start(k, ALL);
	disk_fill(flat, sizeof(flat), 7);
	for (unsigned i = 0; i < count; i++) {
		segs[i] = (struct vseg){ at, sizes[i], false };
		memcpy(guest_ptr(&k->g, at), flat + off, sizes[i]);
		at += sizes[i] + 5;
		off += sizes[i];
	}
	tap_eq(disk_segs(k, VIRTIO_BLK_T_OUT, 100, segs, count), OK,
	       "write in odd segments");
	disk_image(k, 100 * 512, got, sizeof(got));
	tap_ok(!memcmp(got, flat, sizeof(flat)), "is in the image");
	memset(disk_data(k), 0xee, 8192);
	for (unsigned i = 0; i < count; i++)
		segs[i].write = true;
	tap_eq(disk_segs(k, VIRTIO_BLK_T_IN, 100, segs, count), OK,
	       "read in odd segments");
	off = 0;
	for (unsigned i = 0; i < count; off += sizes[i++])
		memcpy(got + off, guest_ptr(&k->g, segs[i].gpa), sizes[i]);
	tap_ok(!memcmp(got, flat, sizeof(flat)), "gives the same bytes");
	tap_eq(*(uint8_t *)guest_ptr(&k->g, segs[1].gpa + 511), 0xee,
	       "and nothing between the segments");
}

/* The header in pieces, the status in the data's segment, and data across two blocks of
 * RAM: drivers may cut where they like (2.7.4.1). */
static void test_layouts(struct disk *k)
{
	uint64_t edge = GUEST_SPLIT - 300;
	struct vseg in[] = { { k->header, 3, false },
		             { k->header + 3, 13, false },
		             { edge, 1025, true } };
	struct vseg out[] = { { k->data, 16 + 512, false }, { k->status, 1, true } };
	uint8_t image[512], *p = guest_ptr(&k->g, edge);

	disk_start(k, ALL);
	disk_header(k, k->header, VIRTIO_BLK_T_IN, 4000);
	memset(p, 0xff, 1025);
	tap_eq(vqueue_do(&k->q, in, 3), 1025, "header in pieces, data and status in one");
	tap_eq(p[1024], OK, "the status is the last byte");
	tap_ok(ld64(p) == 4000 && ld64(p + 512) == 4001, "the data is before it");
	disk_header(k, k->data, VIRTIO_BLK_T_OUT, 4000);
	disk_fill(guest_ptr(&k->g, k->data + 16), 512, 3);
	vqueue_do(&k->q, out, 2);
	disk_image(k, 4000 * 512, image, 512);
	tap_ok(disk_holds(image, 512, 3), "header and data in one segment");
}

/* A chain as long as seg_max allows, direct and indirect; the pool's long lists. */
static void test_long_chains(struct disk *k)
{
	struct vseg segs[256];
	unsigned count = CONFIG(k, seg_max);

	disk_start(k, ALL);
	segs[0] = (struct vseg){ k->header, 16, false };
	for (unsigned i = 0; i < count; i++)
		segs[i + 1] = (struct vseg){ k->data + i * 1024, 512, true };
	segs[count + 1] = (struct vseg){ k->status, 1, true };
	for (unsigned pass = 0; pass < 2; pass++) {
		bool right = true;
		uint16_t head;
		uint32_t len;

		memset(disk_data(k), 0xff, DISK_MAX / 2);
		disk_header(k, k->header, VIRTIO_BLK_T_IN, 8000);
		head = pass ? vqueue_add_indirect(&k->q, segs, count + 2)
		            : vqueue_add(&k->q, segs, count + 2);
		vqueue_notify(&k->q);
		tap_ok(vqueue_wait(&k->q, head, &len), "%u segments, %s", count,
		       pass ? "indirect" : "in the ring");
		for (unsigned i = 0; i < count; i++)
			right &= ld64((uint8_t *)disk_data(k) + i * 1024) == 8000 + i;
		tap_ok(right && len == count * 512 + 1, "each got its sector");
	}
}

/* ---- what is refused ---- */

static void test_bad_ranges(struct disk *k)
{
	static const struct {
		const char *what;
		uint64_t sector;
		uint32_t len;
		uint8_t status;
	} cases[] = {
		{ "behind the end", SECTORS, 512, IOERR },
		{ "across the end", SECTORS - 1, 1024, IOERR },
		{ "a sector that wraps around in bytes", 1ull << 55, 512, IOERR },
		{ "the largest sector", UINT64_MAX, 512, IOERR },
		{ "half a sector", 0, 256, IOERR },
		{ "a sector and a byte", 0, 513, IOERR },
		{ "no data", 0, 0, OK },
		{ "no data at the end", SECTORS, 0, OK },
		{ "no data behind the end", SECTORS + 1, 0, IOERR },
	};
	uint8_t image[512];

	disk_start(k, ALL);
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		tap_eq(disk_do(k, VIRTIO_BLK_T_IN, cases[i].sector, cases[i].len, true),
		       cases[i].status, "read: %s", cases[i].what);
		tap_eq(disk_do(k, VIRTIO_BLK_T_OUT, cases[i].sector, cases[i].len, false),
		       cases[i].status, "write: %s", cases[i].what);
	}
	disk_image(k, 0, image, 512);
	tap_eq(ld64(image), 0, "sector 0 is untouched");
	tap_eq(block_get_stats(k->node)->errors[BLOCK_READ], 7, "errors are counted");
}

static void test_unknown(struct disk *k)
{
	static const uint32_t types[] = { 2,  3,  5,  6,  7,        9,
		                          10, 12, 14, 99, 1u << 31, UINT32_MAX };

	disk_start(k, ALL);
	for (unsigned i = 0; i < ARRAY_SIZE(types); i++) {
		memset(disk_data(k), 0x5a, 512);
		tap_eq(disk_do(k, types[i], 0, 512, true), UNSUPP, "type 0x%x: UNSUPP",
		       types[i]);
	}
	disk_start(k, ~(BIT(VIRTIO_BLK_F_DISCARD) | BIT(VIRTIO_BLK_F_WRITE_ZEROES)));
	tap_eq(disk_do(k, VIRTIO_BLK_T_DISCARD, 0, 16, false), UNSUPP,
	       "discard that was not negotiated: UNSUPP");
	tap_eq(disk_do(k, VIRTIO_BLK_T_WRITE_ZEROES, 0, 16, false), UNSUPP,
	       "write-zeroes that was not negotiated: UNSUPP");
}

/* Without room for a status, or without a whole header, there is no answer to give. */
static void test_headless(struct disk *k)
{
	const struct vseg cases[][2] = {
		{ { k->header, 16, false }, { k->data, 512, false } },
		{ { k->header, 15, false }, { k->status, 1, true } },
		{ { k->data, 16, true }, { k->status, 1, true } },
		{ { k->header, 16, false }, { k->status, 0, true } },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		disk_start(k, ALL);
		vdrv_isr(&k->d);
		tap_eq(vqueue_do(&k->q, cases[i], 2), 0,
		       "headless request %u: the chain comes back, empty", i);
		tap_ok(vdrv_status(&k->d) & VIRTIO_CONFIG_S_NEEDS_RESET, "needs a reset");
		tap_ok(vdrv_isr(&k->d) & 2, "and a configuration interrupt says so");
	}
	disk_start(k, ALL);
	tap_eq(disk_do(k, VIRTIO_BLK_T_IN, 0, 512, true), OK, "a reset helps");
}

/* ---- the other requests ---- */

static void test_get_id(struct disk *k)
{
	char *id = disk_data(k);
	struct vseg segs[] = { { k->data, 5, true }, { k->data + 100, 15, true } };

	disk_start(k, ALL);
	memset(id, 0x7f, 64);
	tap_eq(disk_do(k, VIRTIO_BLK_T_GET_ID, 0, 20, true), OK, "GET_ID");
	tap_ok(!memcmp(id, "0123456789abcdefghij", 20), "20 bytes of a longer serial");
	tap_eq(id[20], 0x7f, "and no more");
	tap_eq(disk_segs(k, VIRTIO_BLK_T_GET_ID, 0, segs, 2), OK, "GET_ID in pieces");
	tap_ok(!memcmp(id, "01234", 5) && !memcmp(id + 100, "56789abcdefghij", 15),
	       "which are filled in order");
	memset(id, 0x7f, 64);
	tap_eq(disk_do(k, VIRTIO_BLK_T_GET_ID, 0, 7, true), OK, "GET_ID without room");
	tap_ok(!memcmp(id, "0123456", 7) && id[7] == 0x7f, "gives what fits");
}

static uint8_t range(struct disk *k, uint32_t type, uint64_t sector, uint32_t count,
                     uint32_t flags)
{
	struct virtio_blk_discard_write_zeroes r = { .flags = flags,
		                                     .num_sectors = count,
		                                     .sector = sector };

	memcpy(disk_data(k), &r, sizeof(r));
	return disk_do(k, type, 0, sizeof(r), false);
}

static long blocks(const struct disk *k)
{
	struct stat st;

	return stat(k->path, &st) < 0 ? -1 : (long)st.st_blocks;
}

static void test_ranges(struct disk *k)
{
	enum { ZEROES = VIRTIO_BLK_T_WRITE_ZEROES, DISCARD = VIRTIO_BLK_T_DISCARD };
	uint8_t image[8192];
	long before = blocks(k);

	disk_start(k, ALL);
	tap_eq(range(k, ZEROES, 201, 3, 0), OK, "write-zeroes");
	disk_image(k, 200 * 512, image, 5 * 512);
	tap_ok(ld64(image) == 200 && all_zero(image + 512, 3 * 512) &&
	               ld64(image + 4 * 512) == 204,
	       "exactly three sectors are zero");
	tap_eq(range(k, ZEROES, 2048, 2048, 1), OK, "write-zeroes that may unmap");
	disk_image(k, 2048 * 512, image, sizeof(image));
	tap_ok(all_zero(image, sizeof(image)), "reads as zeros");
	tap_ok(blocks(k) < before, "and gives space back");
	before = blocks(k);
	tap_eq(range(k, DISCARD, 8192, 1024, 0), OK, "discard");
	tap_ok(blocks(k) <= before - 1000, "gives space back");
	tap_eq(range(k, DISCARD, 0, 0, 0), OK, "discard of nothing");
	tap_eq(range(k, DISCARD, SECTORS, 1, 0), IOERR, "discard behind the end");
	tap_eq(range(k, DISCARD, SECTORS - 1, 2, 0), IOERR, "discard across the end");
	tap_eq(range(k, DISCARD, 0, 1, 1), UNSUPP, "discard with the unmap flag");
	tap_eq(range(k, DISCARD, 0, 1, 2), UNSUPP, "discard with a reserved flag");
	tap_eq(range(k, ZEROES, 0, 1, 2), UNSUPP, "write-zeroes with a reserved flag");
	tap_eq(range(k, ZEROES, 0, UINT32_MAX, 0), IOERR, "more than the maximum");
	tap_eq(range(k, ZEROES, UINT64_MAX, 1, 0), IOERR, "the largest sector");
	memset(disk_data(k), 0, 64);
	tap_eq(disk_do(k, DISCARD, 0, 15, false), IOERR, "half a range");
	tap_eq(disk_do(k, DISCARD, 0, 32, false), IOERR,
	       "two ranges, one is the maximum");
	disk_image(k, 0, image, 1024);
	tap_eq(ld64(image + 512), 1, "what was refused changed nothing");
}

/* ---- the write cache ---- */

static bool write_cache(struct disk *k)
{
	struct block_info info;

	block_get_info(k->node, &info);
	return info.write_cache;
}

static void test_write_cache(struct disk *k, bool drive)
{
	unsigned wce = offsetof(struct virtio_blk_config, wce);

	disk_start(k, ALL);
	tap_eq(vdrv_config(&k->d, wce, 1), drive, "wce: as the drive has it");
	vdrv_set_config(&k->d, wce, !drive, 1);
	tap_eq(vdrv_config(&k->d, wce, 1), !drive, "wce: switched");
	tap_eq(write_cache(k), !drive, "and the drive with it");
	tap_eq(disk_do(k, VIRTIO_BLK_T_OUT, 3, 512, false), OK, "a write then");
	vdrv_set_status(&k->d, 0);
	tap_eq(write_cache(k), drive, "wce: a reset restores it");
	disk_start(k, ~BIT(VIRTIO_BLK_F_CONFIG_WCE));
	vdrv_set_config(&k->d, wce, !drive, 1);
	tap_eq(write_cache(k), drive, "wce: not negotiated, not writable");
	tap_eq(disk_do(k, VIRTIO_BLK_T_FLUSH, 0, 0, false), OK, "flush");
	disk_start(k, ~(BIT(VIRTIO_BLK_F_CONFIG_WCE) | BIT(VIRTIO_BLK_F_FLUSH)));
	tap_ok(!write_cache(k), "a driver that cannot flush gets durable writes");
	vdrv_set_status(&k->d, 0);
}

/* ---- read-only ---- */

static void test_readonly(void)
{
	struct disk k;
	uint8_t image[512];
	uint64_t offered;

	disk_init(&k, "readonly=on", "");
	offered = vdrv_offered(&k.d);
	tap_ok(offered & BIT(VIRTIO_BLK_F_RO), "read-only: RO is offered");
	tap_ok(!(offered & (BIT(VIRTIO_BLK_F_DISCARD) | BIT(VIRTIO_BLK_F_WRITE_ZEROES))),
	       "read-only: discard and write-zeroes are not");
	disk_start(&k, ALL);
	tap_eq(disk_do(&k, VIRTIO_BLK_T_IN, 9, 512, true), OK, "read-only: read");
	memset(disk_data(&k), 0xee, 512);
	tap_eq(disk_do(&k, VIRTIO_BLK_T_OUT, 9, 512, false), IOERR, "read-only: write");
	tap_eq(range(&k, VIRTIO_BLK_T_WRITE_ZEROES, 9, 1, 0), UNSUPP,
	       "read-only: write-zeroes");
	tap_eq(disk_do(&k, VIRTIO_BLK_T_FLUSH, 0, 0, false), OK, "read-only: flush");
	disk_image(&k, 9 * 512, image, 512);
	tap_eq(ld64(image), 9, "read-only: the image is untouched");
	disk_free(&k);
}

/* ---- transitional ---- */

static void test_legacy(struct disk *k)
{
	k->d.legacy = true;
	vdrv_negotiate(&k->d, ALL);
	tap_eq(vdrv_config(&k->d, 0, 8), SECTORS, "legacy: capacity");
	vqueue_init(&k->q, &k->d, 0, 0, VIRTIO_MSI_NO_VECTOR);
	vdrv_ready(&k->d);
	tap_eq(disk_do(k, VIRTIO_BLK_T_IN, 5077, 512, true), OK, "legacy: read");
	tap_eq(ld64(disk_data(k)), 5077, "legacy: of that sector");
	tap_eq(disk_do(k, VIRTIO_BLK_T_IN | VIRTIO_BLK_T_BARRIER, 78, 512, true), OK,
	       "legacy: a barrier is no other type");
	vdrv_msix_enable(&k->d, true);
	tap_eq(vdrv_config(&k->d, 0, 8), SECTORS, "legacy: capacity behind the vectors");
	vdrv_msix_enable(&k->d, false);
	vdrv_set_status(&k->d, 0);
	k->d.legacy = false;
}

/* ---- properties that cannot be ---- */

static void test_refusals(struct disk *k)
{
	static const struct {
		const char *opts, *why;
	} cases[] = {
		{ "serial=x", "it needs a disk; add drive=ID, and a -drive "
		              "if=none,id=ID,file=PATH" },
		{ "drive=none", "there is no drive 'none'; define it with -drive "
		                "if=none,id=none,file=PATH" },
		{ "drive=d0",
		  "drive 'd0' is in use by /machine/peripheral-anon/device[0]; each drive takes one "
		  "device" },
		{ "drive=d0,queue-size=5", "queue-size=5 is not a power of 2" },
		{ "drive=d0,logical_block_size=1000", "block sizes must be powers of 2" },
		{ "drive=d0,logical_block_size=4096,physical_block_size=512",
		  "physical_block_size=512 is below logical_block_size=4096" },
		{ "drive=d0,min_io_size=700",
		  "min_io_size and opt_io_size must be multiples "
		  "of logical_block_size=512" },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		struct err err = { 0 };

		tap_ok(!device_create_simple(&k->g.board.vm, &virtio_blk_pci_class,
		                             cases[i].opts, &err),
		       "%s is refused", cases[i].opts);
		tap_str(err.text, cases[i].why, "why");
	}
	disk_start(k, ALL);
	tap_eq(disk_do(k, VIRTIO_BLK_T_IN, 0, 512, true), OK,
	       "the device that has the drive is not disturbed");
}

int main(void)
{
	struct disk k;

	test_config();
	disk_init(&k, "discard=unmap", "serial=0123456789abcdefghijKLM");
	test_bad_ranges(&k);
	test_refusals(&k);
	test_transfer(&k);
	test_segments(&k);
	test_layouts(&k);
	test_long_chains(&k);
	test_unknown(&k);
	test_headless(&k);
	test_get_id(&k);
	test_write_cache(&k, true);
	test_legacy(&k);
	disk_free(&k);
	disk_init(&k, "discard=unmap,aio=threads,cache=writethrough", "");
	test_write_cache(&k, false);
	test_ranges(&k);
	disk_free(&k);
	test_readonly();
	return tap_done();
}
