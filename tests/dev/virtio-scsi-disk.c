// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * SCSI disks as SPC-5 and SBC-4 describe them, through virtio-scsi: what they say of
 * themselves, byte for byte, and every command, with what is refused and how.
 */
#include "common/bytes.h"
#include "common/cleanup.h"
#include "tests/dev/virtio-scsi-lib.h"
#include "tests/tap.h"

#include <string.h>
#include <sys/stat.h>

#define ALL    UINT64_MAX
#define BLOCKS (SCSI_SIZE / 512)

enum {
	OVERRUN = SCSI_RESPONSE(VIRTIO_SCSI_S_OVERRUN),
	ROOM = 4096,
};

static struct scsi k;

static uint8_t *data(void)
{
	return scsi_data(&k);
}

/* A command with an answer: how long that is, or the result when it is none. */
static uint32_t answer(const uint8_t *cdb, uint32_t room)
{
	uint32_t result;

	memset(data(), 0xee, ROOM);
	result = scsi_do(&k, cdb, 0, room);
	return result ? result : room - k.resp.resid;
}

static uint32_t send(const uint8_t *cdb, const void *list, uint32_t len)
{
	memcpy(data(), list, len);
	return scsi_do(&k, cdb, len, 0);
}

#define IS(at, bytes) (!memcmp(data() + (at), bytes, sizeof(bytes) - 1))

/* ---- identity ---- */

static void test_inquiry(void)
{
	tap_eq(answer(CDB(0x12, 0, 0, 0, 96), 96), 36, "INQUIRY");
	tap_ok(IS(0, "\x00\x00\x05\x12\x1f\x00\x00\x02"
	             "KVMKIT  virtual disk    1   \xee"),
	       "a disk of SPC-3 with a queue, and nothing behind its 36 bytes");
	tap_eq(answer(CDB(0x12, 0, 0, 0, 5), 5), 5, "an answer is cut");
	tap_eq(answer(CDB(0x12, 0, 0, 0, 0), 0), 0, "even to nothing");
	tap_eq(answer(CDB(0x12, 0, 0x80, 0, 96), 96), SENSE_FIELD, "a page needs EVPD");
	tap_eq(answer(CDB(0x12, 1, 0, 0, 96), 96), 10, "page 00");
	tap_ok(IS(0, "\x00\x00\x00\x06\x00\x80\x83\xb0\xb1\xb2"), "lists the pages");
	tap_eq(answer(CDB(0x12, 1, 0x80, 0, 96), 96), 9, "page 80");
	tap_ok(IS(0, "\x00\x80\x00\x05SN-42"), "has the serial number");
	tap_eq(answer(CDB(0x12, 1, 0x83, 0, 96), 96), 25, "page 83");
	tap_ok(IS(0, "\x00\x83\x00\x15\x02\x00\x00\x05SN-42"
	             "\x01\x03\x00\x08\x50\x01\x02\x03\x04\x05\x06\x07"),
	       "has it as a name, and the worldwide one");
	tap_eq(answer(CDB(0x12, 1, 0xb0, 0, 96), 96), 64, "page b0");
	tap_ok(IS(0, "\x00\xb0\x00\x3c\x01\x00\x00\x10\x00\x00\x00\x00\x00\x00\x00\x80"
	             "\x00\x00\x00\x00\x00\x20\x00\x00\x00\x00\x00\xff\x00\x00\x00\x08"
	             "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00"),
	       "has the limits");
	tap_eq(answer(CDB(0x12, 1, 0xb1, 0, 96), 96), 64, "page b1");
	tap_ok(IS(0, "\x00\xb1\x00\x3c\x00\x01\x00"), "says that nothing rotates");
	tap_eq(answer(CDB(0x12, 1, 0xb2, 0, 96), 96), 8, "page b2");
	tap_ok(IS(0, "\x00\xb2\x00\x04\x00\xe0\x02\x00"), "says that blocks can go");
	tap_eq(answer(CDB(0x12, 1, 0xb5, 0, 96), 96), SENSE_FIELD,
	       "others are not there");
}

static void test_capacity(void)
{
	tap_eq(answer(CDB(0x25), 8), 8, "READ CAPACITY(10)");
	tap_ok(IS(0, "\x00\x00\x3f\xff\x00\x00\x02\x00"), "last block and size");
	tap_eq(answer(CDB(0x25, 0, 0, 0, 0, 1), 8), SENSE_FIELD,
	       "of an address: obsolete");
	tap_eq(answer(CDB(0x25), 7), OVERRUN, "there is no room for half of it");
	tap_eq(answer(CDB(0x9e, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 32), 32), 32,
	       "READ CAPACITY(16)");
	tap_ok(IS(0,
	          "\x00\x00\x00\x00\x00\x00\x3f\xff\x00\x00\x02\x00\x00\x03\x80\x00\x00"),
	       "the same, with 8 blocks to a physical one, and thin");
	tap_eq(answer(CDB(0x9e, 0x11, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 32), 32),
	       SENSE_FIELD, "another service action");
}

static void test_luns(void)
{
	tap_eq(answer(CDB(0xa0, 0, 0, 0, 0, 0, 0, 0, 0, 255), 255), 16, "REPORT LUNS");
	tap_ok(IS(0,
	          "\x00\x00\x00\x08\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xee"),
	       "unit 0 alone");
	tap_eq(answer(CDB(0xa0, 0, 0, 0, 0, 0, 0, 0, 0, 15), 15), SENSE_FIELD,
	       "needs room for one");
	k.lun = 7;
	tap_eq(answer(CDB(0xa0, 0, 0, 0, 0, 0, 0, 0, 0, 64), 64), 16,
	       "a unit that is not there lists it, too");
	tap_eq(answer(CDB(0x12, 0, 0, 0, 36), 36), 36, "and has an INQUIRY");
	tap_eq(data()[0], 0x7f, "that says so");
	tap_eq(answer(CDB(0x00), 0), SENSE_LUN, "all else: LOGICAL UNIT NOT SUPPORTED");
	tap_eq(answer(CDB(0x03, 0, 0, 0, 18), 18), 18, "REQUEST SENSE");
	tap_ok(data()[2] == 5 && data()[12] == 0x25, "gives the same");
	k.lun = 0;
	k.target = 9;
	tap_eq(answer(CDB(0x12, 0, 0, 0, 36), 36),
	       SCSI_RESPONSE(VIRTIO_SCSI_S_BAD_TARGET),
	       "a target that is not there does not answer");
	k.target = 0;
}

/* ---- attention ---- */

static uint32_t tur(void)
{
	return scsi_do(&k, CDB(0x00), 0, 0);
}

static void test_attention(void)
{
	tap_eq(tur(), 0, "TEST UNIT READY");
	tap_eq(scsi_tmf(&k, VIRTIO_SCSI_T_TMF_LOGICAL_UNIT_RESET, 0, 0), 0,
	       "a unit's reset");
	tap_eq(answer(CDB(0x12, 0, 0, 0, 36), 36), 36, "INQUIRY does not tell of it");
	tap_eq(tur(), SENSE_DEVICE_RESET, "the next command does");
	tap_eq(tur(), 0, "once");
	scsi_tmf(&k, VIRTIO_SCSI_T_TMF_I_T_NEXUS_RESET, 0, 0);
	tap_eq(answer(CDB(0x03, 0, 0, 0, 18), 18), 18, "REQUEST SENSE");
	tap_ok(IS(0,
	          "\x70\x00\x06\x00\x00\x00\x00\x0a\x00\x00\x00\x00\x29\x03\x00\x00\x00\x00"),
	       "tells it as data");
	tap_eq(tur(), 0, "and then nobody");
	tap_eq(answer(CDB(0x03, 1, 0, 0, 18), 18), SENSE_FIELD, "not as descriptors");
	vm_lock(&k.g.board.vm);
	block_resize(k.node, SCSI_SIZE + 512, NULL);
	vm_unlock(&k.g.board.vm);
	tap_eq(tur(), SENSE_CAPACITY_CHANGED, "a resize");
	tap_eq(answer(CDB(0x25), 8), 8, "and the new capacity");
	tap_ok(IS(0, "\x00\x00\x40\x00"), "is there");
	scsi_tmf(&k, VIRTIO_SCSI_T_TMF_LOGICAL_UNIT_RESET, 0, 0);
	block_resize(k.node, SCSI_SIZE, NULL);
	tap_eq(tur(), SENSE_DEVICE_RESET, "of two attentions the reset comes first");
	tap_eq(tur(), SENSE_CAPACITY_CHANGED, "and then the other");
}

/* ---- reads and writes ---- */

static bool is_block(const uint8_t *p, uint64_t nr)
{
	return ld64(p) == nr && ld64(p + 8) == 0;
}

static void test_read(void)
{
	uint32_t room = 1024;

	tap_eq(answer(CDB(0x08, 0, 0, 5, 2), room), room, "READ(6)");
	tap_ok(is_block(data(), 5) && is_block(data() + 512, 6), "gives the blocks");
	tap_eq(answer(CDB(0x28, 0, 0, 0, 1, 2, 0, 0, 2), room), room, "READ(10)");
	tap_ok(is_block(data(), 258), "the block");
	tap_eq(answer(CDB(0xa8, 0, 0, 0, 0, 9, 0, 0, 0, 2), room), room, "READ(12)");
	tap_ok(is_block(data(), 9), "the block");
	tap_eq(answer(CDB(0x88, 0, 0, 0, 0, 0, 0, 0, 0x3f, 0xff, 0, 0, 0, 1), 512), 512,
	       "READ(16) of the last");
	tap_ok(is_block(data(), BLOCKS - 1), "the block");
	tap_eq(k.used, sizeof(k.resp) + 512, "used length: response and data");
	tap_eq(answer(CDB(0x08, 0, 0, 0, 0), 256 * 512), 256 * 512,
	       "0 in READ(6) is 256");
	tap_eq(answer(CDB(0x28), 0), 0, "in READ(10) it is nothing");
	tap_eq(answer(CDB(0x28, 0, 0, 0, 0, 1, 0, 0, 1), 4096), 512, "a large room");
	tap_eq(data()[512], 0xee, "is not touched behind the data");
	tap_eq(answer(CDB(0x28, 0, 0, 0, 0, 1, 0, 0, 2), 1023), OVERRUN, "a small one");
	tap_eq(answer(CDB(0x28, 0, 0, 0, 0x40, 0, 0, 0, 1), 512), SENSE_RANGE,
	       "behind the end");
	tap_eq(answer(CDB(0x28, 0, 0, 0, 0x3f, 0xff, 0, 0, 2), 1024), SENSE_RANGE,
	       "across the end");
	tap_eq(answer(CDB(0x88, 0, 255, 255, 255, 255, 255, 255, 255, 255, 0, 0, 0, 1),
	              512),
	       SENSE_RANGE, "an address that would wrap around");
	tap_eq(answer(CDB(0x28, 0x20, 0, 0, 0, 1, 0, 0, 1), 512), SENSE_FIELD,
	       "protection information was not offered");
}

static void test_write(void)
{
	static const struct {
		uint8_t cdb[SCSI_CDB];
		const char *name;
	} writes[] = {
		{ { 0x0a, 0, 0, 50, 2 }, "WRITE(6)" },
		{ { 0x2a, 0, 0, 0, 0, 50, 0, 0, 2 }, "WRITE(10)" },
		{ { 0x2a, 8, 0, 0, 0, 50, 0, 0, 2 }, "WRITE(10) with FUA" },
		{ { 0xaa, 0, 0, 0, 0, 50, 0, 0, 0, 2 }, "WRITE(12)" },
		{ { 0x8a, 0, 0, 0, 0, 0, 0, 0, 0, 50, 0, 0, 0, 2 }, "WRITE(16)" },
		{ { 0x2e, 0, 0, 0, 0, 50, 0, 0, 2 }, "WRITE AND VERIFY(10)" },
		{ { 0xae, 0, 0, 0, 0, 50, 0, 0, 0, 2 }, "WRITE AND VERIFY(12)" },
		{ { 0x8e, 0, 0, 0, 0, 0, 0, 0, 0, 50, 0, 0, 0, 2 },
		  "WRITE AND VERIFY(16)" },
	};
	uint8_t image[1024];

	for (unsigned i = 0; i < ARRAY_SIZE(writes); i++) {
		bool forced = i == 2 || i >= 5;
		uint64_t flushes = block_get_stats(k.node)->ops[BLOCK_FLUSH];

		memset(data(), i + 1, 1024);
		tap_eq(scsi_do(&k, writes[i].cdb, 1024, 0), 0, "%s", writes[i].name);
		scsi_image(&k, 50 * 512, image, sizeof(image));
		tap_ok(!memcmp(image, data(), 1024), "is in the image");
		tap_eq(block_get_stats(k.node)->ops[BLOCK_FLUSH] - flushes, forced, "%s",
		       forced ? "and forced out" : "maybe in a cache");
	}
	tap_eq(k.used, sizeof(k.resp), "used length: the response");
	tap_eq(scsi_do(&k, CDB(0x2a, 0, 0, 0, 0, 50, 0, 0, 2), 1023, 0), OVERRUN,
	       "too little data");
	tap_eq(k.resp.resid, 1023, "none of it is taken");
	tap_eq(scsi_do(&k, CDB(0x2a, 0, 0, 0, 0x40, 0, 0, 0, 1), 512, 0), SENSE_RANGE,
	       "behind the end");
	tap_eq(scsi_do(&k, CDB(0x35), 0, 0), 0, "SYNCHRONIZE CACHE(10)");
	tap_eq(scsi_do(&k, CDB(0x91), 0, 0), 0, "SYNCHRONIZE CACHE(16)");
	tap_eq(scsi_do(&k, CDB(0x2f, 0, 0, 0, 0, 50, 0, 0, 2), 0, 0), 0, "VERIFY(10)");
	tap_eq(scsi_do(&k, CDB(0x2f, 2, 0, 0, 0, 50, 0, 0, 2), 1024, 0), SENSE_FIELD,
	       "with data to compare with: no");
	tap_eq(scsi_do(&k, CDB(0x8f, 0, 0, 0, 0, 0, 0, 0, 0x40, 0, 0, 0, 0, 1), 0, 0),
	       SENSE_RANGE, "VERIFY(16) behind the end");
}

/* ---- UNMAP, WRITE SAME ---- */

static bool image_is(uint64_t lba, uint32_t count, uint8_t value)
{
	_cleanup_free_ uint8_t *image = malloc(count * 512);

	scsi_image(&k, lba * 512, image, count * 512);
	return image[0] == value && !memcmp(image, image + 1, count * 512 - 1);
}

static void fill(uint64_t lba, uint32_t count)
{
	memset(data(), 0xa5, count * 512);
	scsi_do(&k, CDB(0x2a, 0, 0, 0, lba >> 8, lba, 0, count >> 8, count), count * 512,
	        0);
}

static void test_unmap(void)
{
	static const uint8_t cdb[SCSI_CDB] = { 0x42, 0, 0, 0, 0, 0, 0, 0, 56 };
	uint8_t list[56] = {
		0, 54, 0, 48, [14] = 1, 0, [19] = 8, [30] = 1, 16, [35] = 8, [46] = 1, 64
	};
	uint64_t before = block_get_stats(k.node)->ops[BLOCK_DISCARD];

	fill(256, 128);
	tap_eq(send(cdb, list, 56), 0, "UNMAP of three ranges, one of which is empty");
	tap_eq(block_get_stats(k.node)->ops[BLOCK_DISCARD] - before, 2,
	       "is two requests");
	tap_ok(image_is(256, 8, 0) && image_is(272, 8, 0), "which are gone");
	tap_ok(image_is(264, 8, 0xa5) && image_is(280, 32, 0xa5), "and nothing else");
	list[31 - 8] = 0;
	list[24 + 6] = 0x40;
	tap_eq(send(cdb, list, 56), SENSE_RANGE, "a range behind the end");
	tap_eq(send(CDB(0x42, 1, 0, 0, 0, 0, 0, 0, 56), list, 56), SENSE_FIELD, "ANCHOR");
	tap_eq(send(CDB(0x42), list, 0), 0, "an empty list");
	tap_eq(send(CDB(0x42, 0, 0, 0, 0, 0, 0, 0, 7), list, 7), SENSE_LIST_LENGTH,
	       "half a header");
	tap_eq(send(CDB(0x42, 0, 0, 0, 0, 0, 0, 0, 40), list, 40), SENSE_LIST_LENGTH,
	       "half of the ranges");
	tap_eq(send(cdb, list, 55), OVERRUN, "less than the command says");
	list[3] = 47;
	tap_eq(send(cdb, list, 56), SENSE_LIST_LENGTH, "a piece of a range");
	memset(list + 8, 0, 48);
	list[3] = 16;
	list[16] = 1;
	tap_eq(send(cdb, list, 56), SENSE_RANGE, "more than there is");
}

static void test_write_same(void)
{
	uint64_t zeroes = block_get_stats(k.node)->ops[BLOCK_WRITE_ZEROES];

	fill(256, 512);
	memset(data(), 0, 512);
	tap_eq(scsi_do(&k, CDB(0x41, 8, 0, 0, 1, 0, 0, 0, 16), 512, 0), 0,
	       "WRITE SAME(10) of zeros");
	tap_ok(image_is(256, 16, 0) && image_is(272, 16, 0xa5), "is what it says");
	tap_eq(scsi_do(&k, CDB(0x93, 1, 0, 0, 0, 0, 0, 0, 1, 32, 0, 0, 0, 16), 0, 0), 0,
	       "WRITE SAME(16) without data");
	tap_ok(image_is(288, 16, 0), "writes zeros");
	tap_eq(block_get_stats(k.node)->ops[BLOCK_WRITE_ZEROES] - zeroes, 2,
	       "as requests of that kind");
	memset(data(), 0x77, 512);
	tap_eq(scsi_do(&k, CDB(0x93, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0x81), 512, 0),
	       0, "of something else, longer than what is written at a time");
	tap_ok(image_is(256, 0x181, 0x77) && image_is(256 + 0x181, 1, 0xa5),
	       "is what it says");
	tap_eq(scsi_do(&k, CDB(0x41, 0, 0, 0, 1, 0, 0, 0, 0), 512, 0), SENSE_FIELD,
	       "of no block: the limits say that it is refused");
	tap_eq(scsi_do(&k, CDB(0x93, 0x10, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1), 512, 0),
	       SENSE_FIELD, "ANCHOR");
	tap_eq(scsi_do(&k, CDB(0x41, 1, 0, 0, 1, 0, 0, 0, 1), 512, 0), SENSE_FIELD,
	       "WRITE SAME(10) needs data");
	tap_eq(scsi_do(&k, CDB(0x41, 0, 0, 0, 1, 0, 0, 0, 1), 511, 0), OVERRUN,
	       "a whole block of it");
	tap_eq(scsi_do(&k, CDB(0x41, 0, 0, 0, 0x3f, 0xff, 0, 0, 2), 512, 0), SENSE_RANGE,
	       "across the end");
}

/* Two that need the buffer at the same time: both end, whatever each is told. */
static void test_same_twice(void)
{
	const struct vseg segs[] = { { k.header, 51, false },
		                     { k.data, 512, false },
		                     { k.response, sizeof(k.resp), true } };
	const struct vseg more[] = { { k.header, 51, false },
		                     { k.data, 512, false },
		                     { k.response + 512, sizeof(k.resp), true } };
	const struct virtio_scsi_cmd_resp *second;

	memset(data(), 0x31, 512);
	scsi_header(&k, CDB(0x41, 0, 0, 0, 1, 0, 0, 2, 0));
	vqueue_add(&k.q, segs, 3);
	vqueue_add(&k.q, more, 3);
	vqueue_notify(&k.q);
	tap_ok(vqueue_wait_all(&k.q), "two WRITE SAMEs at a time end");
	memcpy(&k.resp, guest_ptr(&k.g, k.response), sizeof(k.resp));
	second = guest_ptr(&k.g, k.response + 512);
	tap_eq(scsi_result(&k), 0, "the first is done");
	tap_eq(second->status, SCSI_TASK_SET_FULL, "the second is to come again");
	tap_ok(image_is(256, 512, 0x31), "all is written");
	tap_eq(scsi_segs(&k, segs, 3), 0, "then the next can");
}

/* ---- mode pages ---- */

static void test_mode_sense(void)
{
	tap_eq(answer(CDB(0x1a, 8, 0x3f, 0, 255), 255), 48, "MODE SENSE(6) of all pages");
	tap_ok(IS(0,
	          "\x2f\x00\x00\x00\x01\x0a\x80\x00\x00\x00\x00\x00\x00\x00\x00\x00\x08\x12"
	          "\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
	          "\x0a\x0a\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xee"),
	       "recovery, caching, control");
	tap_eq(answer(CDB(0x5a, 0, 8, 0, 0, 0, 0, 0, 255), 255), 36,
	       "MODE SENSE(10) of one, with the block descriptor");
	tap_ok(IS(0,
	          "\x00\x22\x00\x00\x00\x00\x00\x08\x00\x00\x40\x00\x00\x00\x02\x00\x08\x12"
	          "\x04\x00"),
	       "which is there");
	tap_eq(answer(CDB(0x1a, 8, 0x48, 0, 255), 255), 24, "what can be changed");
	tap_ok(IS(4, "\x08\x12\x04\x00\x00\x00"), "is one bit");
	tap_eq(answer(CDB(0x1a, 8, 0xc8, 0, 255), 255), SENSE_SAVING, "nothing is saved");
	tap_eq(answer(CDB(0x1a, 8, 0x1c, 0, 255), 255), SENSE_FIELD, "no such page");
	tap_eq(answer(CDB(0x1a, 8, 8, 1, 255), 255), SENSE_FIELD, "no such subpage");
	tap_eq(answer(CDB(0x1a, 8, 0x3f, 0xff, 4), 4), 4,
	       "all of all, cut to the header");
}

static void test_mode_select(void)
{
	uint8_t list[24] = { [4] = 8, 18 };
	static const uint8_t cdb[SCSI_CDB] = { 0x15, 0x10, 0, 0, 24 };
	uint64_t flushes = block_get_stats(k.node)->ops[BLOCK_FLUSH];

	tap_eq(send(cdb, list, 24), 0, "MODE SELECT(6): the write cache goes off");
	tap_eq(block_get_stats(k.node)->ops[BLOCK_FLUSH] - flushes, 1,
	       "what was in it is written");
	answer(CDB(0x1a, 8, 8, 0, 255), 255);
	tap_ok(IS(4, "\x08\x12\x00"), "so MODE SENSE says");
	answer(CDB(0x1a, 8, 0x88, 0, 255), 255);
	tap_ok(IS(4, "\x08\x12\x04"), "on is still the default");
	list[4 + 2] = 4;
	tap_eq(send(cdb, list, 24), 0, "on again");
	list[4 + 3] = 1;
	tap_eq(send(cdb, list, 24), SENSE_LIST_FIELD, "other bits stay");
	list[4 + 3] = 0;
	tap_eq(send(CDB(0x15, 0x10, 0, 0, 23), list, 23), SENSE_LIST_LENGTH,
	       "a cut page");
	tap_eq(send(CDB(0x15, 0x10, 0, 0, 3), list, 3), SENSE_LIST_LENGTH,
	       "a cut header");
	tap_eq(send(CDB(0x15, 0x11, 0, 0, 24), list, 24), SENSE_FIELD,
	       "nothing is saved");
	tap_eq(send(CDB(0x15, 0x00, 0, 0, 24), list, 24), SENSE_FIELD, "pages only");
	tap_eq(send(cdb, list, 20), OVERRUN, "less than the command says");
	list[3] = 8;
	tap_eq(send(cdb, list, 24), SENSE_LIST_FIELD,
	       "a descriptor with another block size");
	list[3] = 0;
	list[4] = 0x3f;
	tap_eq(send(cdb, list, 24), SENSE_LIST_FIELD, "no such page");
	tap_eq(send(CDB(0x55, 0x10, 0, 0, 0, 0, 0, 2, 0), list, 0), OVERRUN,
	       "512 of none");
	tap_eq(send(CDB(0x55, 0x10, 0, 0, 0, 0, 0, 1, 1), list, 24), OVERRUN,
	       "257 of 24");
	tap_eq(scsi_do(&k, CDB(0x55, 0x10, 0, 0, 0, 0, 0, 1, 1), 257, 0),
	       SENSE_LIST_LENGTH, "a list longer than any");
}

/* ---- the rest ---- */

static void test_others(void)
{
	static const uint8_t refused[] = { 0x04, 0x16, 0x17, 0x3b, 0x3c, 0x43, 0x46, 0x4a,
		                           0x5e, 0x5f, 0x7f, 0x89, 0xa3, 0xbe, 0xff };

	tap_eq(scsi_do(&k, CDB(0x1b, 0, 0, 0, 1), 0, 0), 0, "START STOP UNIT");
	tap_eq(scsi_do(&k, CDB(0x1b, 0, 0, 0, 2), 0, 0), 0, "has nothing to eject");
	tap_eq(scsi_do(&k, CDB(0x1e, 0, 0, 0, 1), 0, 0), 0, "PREVENT ALLOW");
	for (unsigned i = 0; i < sizeof(refused); i++)
		tap_eq(scsi_do(&k, CDB(refused[i]), 0, 0), SENSE_OPCODE,
		       "command 0x%02x is unknown%s", refused[i],
		       refused[i] >> 1 == 0x2f ? " (PERSISTENT RESERVE)" : "");
	tap_ok(k.resp.sense[0] == 0x70 && k.resp.sense[7] == 10,
	       "sense data of fixed format");
}

static void test_large_blocks(void)
{
	scsi_init(&k, "readonly=on",
	          "logical_block_size=4096,write-cache=off,vendor=me,"
	          "product=it,ver=10000,device_id=x,removable=off",
	          "");
	scsi_start(&k, ALL);
	answer(CDB(0x12, 0, 0, 0, 96), 96);
	tap_ok(IS(8, "me      it              1000"), "names are padded and cut");
	tap_eq(answer(CDB(0x12, 1, 0, 0, 96), 96), 9, "without a serial number page 80");
	tap_ok(IS(4, "\x00\x83\xb0"), "is not there");
	tap_eq(answer(CDB(0x28, 0, 0, 0, 0, 3, 0, 0, 1), 4096), 4096,
	       "blocks of 4096 bytes");
	tap_ok(is_block(data(), 24), "are where they belong");
	answer(CDB(0x25), 8);
	tap_ok(IS(0, "\x00\x00\x07\xff\x00\x00\x10\x00"), "capacity");
	answer(CDB(0x1a, 8, 8, 0, 255), 255);
	tap_ok(IS(2, "\x80") && IS(4, "\x08\x12\x00"), "write-protected, no cache");
	tap_eq(scsi_do(&k, CDB(0x2a, 0, 0, 0, 0, 1, 0, 0, 1), 4096, 0), SENSE_PROTECTED,
	       "WRITE");
	tap_eq(scsi_do(&k, CDB(0x42, 0, 0, 0, 0, 0, 0, 0, 8), 8, 0), SENSE_PROTECTED,
	       "UNMAP");
	tap_eq(scsi_do(&k, CDB(0x41, 0, 0, 0, 0, 1, 0, 0, 1), 4096, 0), SENSE_PROTECTED,
	       "WRITE SAME");
	block_remove(k.node);
	tap_eq(scsi_do(&k, CDB(0x28, 0, 0, 0, 0, 3, 0, 0, 1), 0, 4096),
	       SENSE_NO_MEDIUM_CLOSED, "a drive that was taken away");
	scsi_free(&k);
}

int main(void)
{
	scsi_init(&k, "discard=unmap",
	          "serial=SN-42,wwn=0x5001020304050607,physical_block_size=4096,"
	          "rotation_rate=1,min_io_size=8192,opt_io_size=65536",
	          "");
	scsi_start(&k, ALL);
	test_inquiry();
	test_capacity();
	test_luns();
	test_attention();
	test_read();
	test_write();
	test_unmap();
	test_write_same();
	test_same_twice();
	test_mode_sense();
	test_mode_select();
	test_others();
	scsi_free(&k);
	test_large_blocks();
	return tap_done();
}
