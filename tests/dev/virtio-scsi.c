// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * virtio-scsi (virtio 1.2, 5.6): configuration, how chains may cut a command, what breaks
 * the device and what does not, task management, events, units that come and go; and
 * CD-ROM drives, as far as they are not what an IDE drive is.
 */
#include "common/bytes.h"
#include "common/cleanup.h"
#include "tests/dev/virtio-scsi-lib.h"
#include "tests/tap.h"
#include "vmm/virtio/scsi.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define BIT(n) (1ull << (n))
#define ALL    UINT64_MAX
#define CONFIG(field)                                                 \
	vdrv_config(&k.d, offsetof(struct virtio_scsi_config, field), \
	            sizeof(((struct virtio_scsi_config *)0)->field))

enum {
	HEADER = 51,
	RESPONSE = sizeof(struct virtio_scsi_cmd_resp),
	BAD_TARGET = SCSI_RESPONSE(VIRTIO_SCSI_S_BAD_TARGET),
	OVERRUN = SCSI_RESPONSE(VIRTIO_SCSI_S_OVERRUN),
};

static struct scsi k;

static uint8_t *data(void)
{
	return scsi_data(&k);
}

static const uint8_t read_5[SCSI_CDB] = { 0x28, 0, 0, 0, 0, 5, 0, 0, 2 };

static bool runs(void)
{
	return scsi_do(&k, read_5, 0, 1024) == 0 && ld64(data()) == 5 &&
	       ld64(data() + 512) == 6;
}

/* ---- configuration ---- */

static void test_config(void)
{
	scsi_init(&k, "", "",
	          "num_queues=3,virtqueue_size=64,max_sectors=100,cmd_per_lun=7");
	tap_eq(CONFIG(num_queues), 3, "num_queues");
	tap_eq(CONFIG(seg_max), 62, "seg_max leaves room for header and response");
	tap_eq(CONFIG(max_sectors), 100, "max_sectors");
	tap_eq(CONFIG(cmd_per_lun), 7, "cmd_per_lun");
	tap_eq(CONFIG(event_info_size), 16, "event_info_size");
	tap_eq(CONFIG(sense_size), 96, "sense_size");
	tap_eq(CONFIG(cdb_size), 32, "cdb_size");
	tap_eq(CONFIG(max_channel), 0, "max_channel");
	tap_eq(CONFIG(max_target), 255, "max_target");
	tap_eq(CONFIG(max_lun), 16383, "max_lun");
	tap_eq(vdrv_offered(&k.d) & 0xf,
	       BIT(VIRTIO_SCSI_F_HOTPLUG) | BIT(VIRTIO_SCSI_F_CHANGE),
	       "events are offered, protection information is not");
	tap_eq(pci_in(&k.g, k.d.pdev->devfn, PCI_DEVICE_ID, 2), 0x1004, "transitional");
	scsi_free(&k);
	scsi_init(&k, "", "", "hotplug=off,param_change=off,disable-legacy=on");
	tap_eq(vdrv_offered(&k.d) & 0xf, 0, "nor are events, if not wanted");
	tap_eq(pci_in(&k.g, k.d.pdev->devfn, PCI_DEVICE_ID, 2), 0x1048, "modern only");
	scsi_free(&k);
}

/* The driver chooses how long commands and sense data are. */
static void test_sizes(void)
{
	struct vseg segs[] = { { k.header, 19 + 16, false },
		               { k.response, 12 + 8, true },
		               { k.data, 512, true } };

	scsi_start(&k, ALL);
	vdrv_set_config(&k.d, offsetof(struct virtio_scsi_config, cdb_size), 16, 4);
	vdrv_set_config(&k.d, offsetof(struct virtio_scsi_config, sense_size), 8, 4);
	vdrv_set_config(&k.d, offsetof(struct virtio_scsi_config, cdb_size), 256, 4);
	vdrv_set_config(&k.d, offsetof(struct virtio_scsi_config, sense_size), 253, 4);
	vdrv_set_config(&k.d, offsetof(struct virtio_scsi_config, max_lun), 1, 4);
	tap_eq(CONFIG(cdb_size), 16, "cdb_size was set, and to nothing too long");
	tap_eq(CONFIG(sense_size), 8, "sense_size, too");
	tap_eq(CONFIG(max_lun), 16383, "nothing else");
	scsi_header(&k, CDB(0x28, 0, 0, 0, 0, 5, 0, 0, 1));
	tap_eq(scsi_segs(&k, segs, 3), 0, "a command of that shape");
	tap_eq(ld64(data()), 5, "does what it should");
	scsi_header(&k, CDB(0xff));
	scsi_segs(&k, segs, 2);
	tap_eq(k.resp.sense_len, 8, "sense data is cut");
	tap_eq(k.resp.sense[8], 0xff, "nothing is behind it");
	vdrv_set_status(&k.d, 0);
	tap_eq(CONFIG(sense_size), 96, "a reset gives the default back");
	vqueue_forget(&k.q);
	vqueue_forget(&k.control);
	vqueue_forget(&k.event);
}

/* ---- chains ---- */

/* Header and response in pieces, data in the response's segment, nothing aligned. */
static void test_layouts(void)
{
	uint64_t at = k.response;
	struct vseg odd[] = {
		{ k.header, 3, false },         { k.header + 3, 0, false },
		{ k.header + 3, 48, false },    { at, 5, true },
		{ at + 5, RESPONSE - 5, true }, { k.data, 1, true },
		{ k.data + 1, 0, true },        { k.data + 1, 1023, true }
	};
	struct vseg one[] = { { k.header, HEADER, false },
		              { at, RESPONSE + 1024, true } };
	struct vseg out[] = { { k.header, HEADER + 7, false },
		              { k.header + HEADER + 7, 505, false },
		              { at, RESPONSE, true } };
	uint8_t image[512], *p = guest_ptr(&k.g, k.header + HEADER);

	scsi_start(&k, ALL);
	scsi_header(&k, read_5);
	tap_eq(scsi_segs(&k, odd, ARRAY_SIZE(odd)), 0, "a read in odd pieces");
	tap_ok(ld64(data()) == 5 && ld64(data() + 512) == 6, "gives the blocks");
	tap_eq(k.used, RESPONSE + 1024, "used length");
	tap_eq(scsi_segs(&k, one, 2), 0, "response and data in one segment");
	p = guest_ptr(&k.g, at + RESPONSE);
	tap_ok(ld64(p) == 5 && ld64(p + 512) == 6, "the data is behind it");
	scsi_header(&k, CDB(0x2a, 0, 0, 0, 0, 9, 0, 0, 1));
	p = guest_ptr(&k.g, k.header + HEADER);
	for (unsigned i = 0; i < 512; i++)
		p[i] = i * 7;
	tap_eq(scsi_segs(&k, out, 3), 0, "a write with the header in the data's segment");
	scsi_image(&k, 9 * 512, image, sizeof(image));
	tap_ok(!memcmp(image, p, 512), "is in the image");
}

static void test_addresses(void)
{
	uint8_t *lun = guest_ptr(&k.g, k.header);
	static const struct {
		uint8_t lun[4];
		uint32_t want;
		const char *name;
	} cases[] = {
		{ { 1, 0, 0, 0 }, 0, "target 0, unit 0 in the peripheral format" },
		{ { 1, 0, 0x40, 0 }, 0, "in the flat format" },
		{ { 0, 0, 0x40, 0 }, BAD_TARGET, "without the 1 in front" },
		{ { 1, 0, 0x80, 0 }, BAD_TARGET, "in a format that there is not" },
		{ { 1, 0, 0xc1, 1 }, BAD_TARGET, "a well-known unit" },
		{ { 1, 0, 0x01, 0 }, BAD_TARGET, "a bus behind the target" },
		{ { 1, 0, 0x40, 1 }, SENSE_LUN, "another unit" },
		{ { 1, 2, 0x40, 0 }, BAD_TARGET, "another target" },
	};
	const struct vseg segs[] = { { k.header, HEADER, false },
		                     { k.response, RESPONSE, true },
		                     { k.data, 1024, true } };

	scsi_start(&k, ALL);
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		scsi_header(&k, read_5);
		memcpy(lun, cases[i].lun, 4);
		tap_eq(scsi_segs(&k, segs, 3), cases[i].want, "%s", cases[i].name);
	}
	tap_eq(scsi_do(&k, read_5, 512, 1024), SCSI_RESPONSE(VIRTIO_SCSI_S_FAILURE),
	       "data both ways was not offered");
	tap_eq(scsi_do(&k, read_5, 1024, 0), OVERRUN,
	       "nor is it read into what is to be written");
	tap_ok(runs(), "none of this disturbs the device");
}

static void breaks(const struct vseg *segs, unsigned count, struct vqueue *q,
                   const char *name)
{
	scsi_start(&k, ALL);
	scsi_header(&k, read_5);
	vqueue_do(q, segs, count);
	tap_ok(vdrv_status(&k.d) & VIRTIO_CONFIG_S_NEEDS_RESET, "%s breaks the device",
	       name);
	vdrv_set_status(&k.d, 0);
	vqueue_forget(&k.q);
	vqueue_forget(&k.control);
	vqueue_forget(&k.event);
	scsi_start(&k, ALL);
	tap_ok(runs(), "and a reset makes it whole");
}

static void test_broken(void)
{
	const struct vseg head[] = { { k.header, HEADER - 1, false },
		                     { k.response, RESPONSE, true } };
	const struct vseg room[] = { { k.header, HEADER, false },
		                     { k.response, RESPONSE - 1, true } };
	const struct vseg tmf[] = { { k.header + 2048, 23, false },
		                    { k.response, 1, true } };
	const struct vseg none[] = { { k.header + 2048, 24, false } };
	const struct vseg other[] = { { k.header + 3072, 24, false },
		                      { k.response, 16, true } };

	st32(guest_ptr(&k.g, k.header + 3072), 77);
	breaks(head, 2, &k.q, "a command without a whole header");
	breaks(room, 2, &k.q, "a command without room for the response");
	breaks(tmf, 2, &k.control, "half a request on the control queue");
	breaks(none, 1, &k.control, "one without room for the response");
	breaks(other, 2, &k.control, "one of an unknown kind");
}

/* ---- the control queue ---- */

static void test_control(void)
{
	static const struct {
		uint32_t subtype;
		uint8_t target, lun;
		int want;
		const char *name;
	} cases[] = {
		{ VIRTIO_SCSI_T_TMF_ABORT_TASK, 0, 0, 0, "ABORT TASK" },
		{ VIRTIO_SCSI_T_TMF_ABORT_TASK_SET, 0, 0, 0, "ABORT TASK SET" },
		{ VIRTIO_SCSI_T_TMF_CLEAR_TASK_SET, 0, 0, 0, "CLEAR TASK SET" },
		{ VIRTIO_SCSI_T_TMF_QUERY_TASK, 0, 0, 0, "QUERY TASK" },
		{ VIRTIO_SCSI_T_TMF_QUERY_TASK_SET, 0, 0, 0, "QUERY TASK SET" },
		{ VIRTIO_SCSI_T_TMF_CLEAR_ACA, 0, 0, VIRTIO_SCSI_S_FUNCTION_REJECTED,
		  "CLEAR ACA" },
		{ 99, 0, 0, VIRTIO_SCSI_S_FUNCTION_REJECTED, "an unknown one" },
		{ VIRTIO_SCSI_T_TMF_ABORT_TASK, 9, 0, VIRTIO_SCSI_S_BAD_TARGET,
		  "no target" },
		{ VIRTIO_SCSI_T_TMF_I_T_NEXUS_RESET, 9, 0, VIRTIO_SCSI_S_BAD_TARGET,
		  "a reset of none" },
		{ VIRTIO_SCSI_T_TMF_LOGICAL_UNIT_RESET, 0, 1, VIRTIO_SCSI_S_INCORRECT_LUN,
		  "no unit" },
		{ VIRTIO_SCSI_T_TMF_LOGICAL_UNIT_RESET, 0, 0, 0, "LOGICAL UNIT RESET" },
	};
	struct virtio_scsi_ctrl_an_req *an = guest_ptr(&k.g, k.header);
	struct virtio_scsi_ctrl_an_resp *answer = guest_ptr(&k.g, k.response);
	const struct vseg segs[] = { { k.header, sizeof(*an), false },
		                     { k.response, sizeof(*answer), true } };

	scsi_start(&k, ALL);
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++)
		tap_eq(scsi_tmf(&k, cases[i].subtype, cases[i].target, cases[i].lun),
		       cases[i].want, "%s", cases[i].name);
	*an = (struct virtio_scsi_ctrl_an_req){ .type = VIRTIO_SCSI_T_AN_SUBSCRIBE,
		                                .lun = { 1 },
		                                .event_requested = 2 };
	memset(answer, 0xff, sizeof(*answer));
	tap_eq(vqueue_do(&k.control, segs, 2), 5, "a subscription is answered");
	tap_ok(!answer->event_actual && !answer->response, "there are no such events");
}

/* What a reset waits for is answered before it. */
static void test_reset_order(void)
{
	struct virtio_scsi_ctrl_tmf_req *tmf;
	struct vseg read[] = { { .len = HEADER },
		               { .len = RESPONSE, .write = true },
		               { .len = SCSI_ROOM, .write = true } };
	struct vseg reset[] = { { .len = sizeof(*tmf) }, { .len = 1, .write = true } };
	uint16_t head;
	uint32_t len;

	scsi_init(&k, "aio=threads", "", "");
	tmf = guest_ptr(&k.g, k.header + 1024);
	scsi_start(&k, ALL);
	scsi_header(&k, CDB(0x28, 0, 0, 0, 0, 0, 0, 8, 0));
	*tmf = (struct virtio_scsi_ctrl_tmf_req){
		.subtype = VIRTIO_SCSI_T_TMF_LOGICAL_UNIT_RESET, .lun = { 1 }
	};
	read[0].gpa = k.header;
	read[1].gpa = k.response + 64;
	read[2].gpa = k.data;
	reset[0].gpa = k.header + 1024;
	reset[1].gpa = k.response;
	for (unsigned i = 0; i < 8; i++)
		vqueue_add(&k.q, read, 3);
	head = vqueue_add(&k.control, reset, 2);
	vqueue_notify(&k.q);
	vqueue_notify(&k.control);
	tap_ok(vqueue_wait(&k.control, head, &len), "a reset among commands ends");
	vqueue_reap(&k.q);
	tap_eq(k.q.waiting, 0, "and so have they by then");
	scsi_free(&k);
}

/* ---- events ---- */

static struct virtio_scsi_event *give_room(unsigned n)
{
	struct vseg seg = { k.events + n * 64, sizeof(struct virtio_scsi_event), true };
	struct virtio_scsi_event *event = guest_ptr(&k.g, seg.gpa);

	memset(event, 0xff, sizeof(*event));
	vqueue_add(&k.event, &seg, 1);
	vqueue_notify(&k.event);
	board_settle(&k.g.board);
	return event;
}

static bool is_event(const struct virtio_scsi_event *e, uint32_t event, uint8_t target,
                     uint16_t lun, uint32_t reason)
{
	vqueue_reap(&k.event);
	return e->event == event && e->lun[0] == 1 && e->lun[1] == target &&
	       (e->lun[2] << 8 | e->lun[3]) == lun && e->reason == reason;
}

static struct device *plug(const char *opts)
{
	struct err err = { 0 };
	struct device *dev =
		device_create_simple(&k.g.board.vm, &scsi_cd_class, opts, &err);

	if (!dev)
		tap_diag("%s", err.text);
	return dev;
}

static void test_events(void)
{
	struct virtio_scsi_event *first, *second, *third;
	struct device *dev;

	k.g.board.vm.runstate = VM_RUNNING;
	scsi_start(&k, ALL);
	first = give_room(0);
	second = give_room(1);
	dev = plug("id=new,scsi-id=0,lun=300");
	tap_ok(is_event(first, VIRTIO_SCSI_T_TRANSPORT_RESET, 0, 0x4000 | 300,
	                VIRTIO_SCSI_EVT_RESET_RESCAN),
	       "a new unit is told of");
	tap_eq(scsi_do(&k, CDB(0), 0, 0), SENSE_LUNS_CHANGED,
	       "its neighbour says so, too");
	k.lun = 300;
	tap_eq(scsi_do(&k, CDB(0), 0, 0), SENSE_POWER_ON, "it is there");
	k.lun = 0;
	tap_eq(scsi_do(&k, CDB(0xa0, 0, 0, 0, 0, 0, 0, 0, 0, 24), 0, 24), 0,
	       "REPORT LUNS");
	tap_ok(!memcmp(data(), "\0\0\0\x10\0\0\0\0\0\0\0\0\0\0\0\0\x41\x2c\0\0\0\0\0\0",
	               24),
	       "lists both");
	device_unplug(dev);
	tap_ok(is_event(second, VIRTIO_SCSI_T_TRANSPORT_RESET, 0, 0x4000 | 300,
	                VIRTIO_SCSI_EVT_RESET_REMOVED),
	       "when it goes, too");
	tap_eq(scsi_do(&k, CDB(0), 0, 0), SENSE_LUNS_CHANGED, "as does its neighbour");
	block_resize(k.node, SCSI_SIZE * 2, NULL);
	third = give_room(2);
	vqueue_reap(&k.event);
	tap_eq(third->event, VIRTIO_SCSI_T_EVENTS_MISSED | VIRTIO_SCSI_T_NO_EVENT,
	       "an event without room was missed");
	first = give_room(3);
	block_resize(k.node, SCSI_SIZE, NULL);
	tap_ok(is_event(first, VIRTIO_SCSI_T_PARAM_CHANGE, 0, 0, 0x092a),
	       "a change of size");
	tap_ok(scsi_do(&k, CDB(0), 0, 0) == SENSE_CAPACITY_CHANGED && runs(),
	       "and the commands go on");
	/* Stopped, and with features that the driver does not know. */
	devices_quiesce(&k.g.board.vm);
	first = give_room(4);
	device_unplug(plug("id=new"));
	tap_eq(first->event, UINT32_MAX, "nothing is told by a stopped machine");
	devices_resume(&k.g.board.vm);
	board_settle(&k.g.board);
	vqueue_reap(&k.event);
	tap_eq(first->event, VIRTIO_SCSI_T_EVENTS_MISSED,
	       "what a stopped machine missed");
	vdrv_set_status(&k.d, 0);
	vqueue_forget(&k.q);
	vqueue_forget(&k.control);
	vqueue_forget(&k.event);
	scsi_start(&k, BIT(VIRTIO_F_VERSION_1));
	first = give_room(0);
	device_unplug(plug("id=new"));
	block_resize(k.node, SCSI_SIZE * 2, NULL);
	block_resize(k.node, SCSI_SIZE, NULL);
	vqueue_reap(&k.event);
	tap_eq(first->event, UINT32_MAX, "a driver without the features hears nothing");
}

/* ---- CD-ROM drives ---- */

static void test_cd(void)
{
	struct err err = { 0 };

	scsi_start(&k, ALL);
	k.target = 1;
	tap_eq(scsi_do(&k, CDB(0x12, 0, 0, 0, 36), 0, 36), 0, "INQUIRY");
	tap_ok(!memcmp(data(), "\x05\x80\x05\x12\x1f", 5) &&
	               !memcmp(data() + 16, "virtual CD-ROM", 14),
	       "a removable CD-ROM");
	tap_eq(scsi_do(&k, CDB(0x25), 0, 8), 0, "READ CAPACITY");
	tap_ok(!memcmp(data(), "\0\0\x0f\xff\0\0\x08\0", 8), "in sectors of 2048 bytes");
	tap_eq(scsi_do(&k, CDB(0x28, 0, 0, 0, 0, 3, 0, 0, 1), 0, 2048), 0, "READ(10)");
	tap_ok(ld64(data()) == 12 && ld64(data() + 1536) == 15, "gives a sector");
	tap_eq(scsi_do(&k, CDB(0xbe, 0, 0, 0, 0, 3, 0, 0, 1, 0x10), 0, 2048), 0,
	       "READ CD");
	tap_eq(ld64(data()), 12, "gives the same");
	tap_eq(scsi_do(&k, CDB(0xbe, 0, 0, 0, 0, 3, 0, 0, 1, 0xf8), 0, 2352), SENSE_FIELD,
	       "but no raw sectors");
	tap_eq(scsi_do(&k, CDB(0x2a, 0, 0, 0, 0, 3, 0, 0, 1), 2048, 0), SENSE_OPCODE,
	       "it cannot be written");
	tap_eq(scsi_do(&k, CDB(0x43, 0, 0, 0, 0, 0, 0, 0, 20), 0, 20), 0, "READ TOC");
	tap_eq(data()[3], 1, "one track");
	tap_eq(scsi_do(&k, CDB(0x43, 0, 0, 0, 0, 0, 0, 0, 20), 0, 19), OVERRUN,
	       "with room for less than it wants");
	tap_eq(scsi_do(&k, CDB(0x46, 2, 0, 1, 0, 0, 0, 0, 20), 0, 20), 0,
	       "GET CONFIGURATION");
	tap_eq(data()[15], 1, "it is on SCSI");
	tap_eq(scsi_do(&k, CDB(0x1a, 8, 0x2a, 0, 64), 0, 64), 0, "MODE SENSE(6)");
	tap_ok(data()[1] == 1 && data()[4] == 0x2a, "what it can");
	tap_eq(scsi_do(&k, CDB(0x1e, 0, 0, 0, 1), 0, 0), 0, "PREVENT");
	tap_eq(scsi_do(&k, CDB(0x1b, 0, 0, 0, 2), 0, 0), SENSE_LOCKED, "it stays closed");
	tap_ok(block_open_tray(k.cd_node, false, &err) < 0, "for the host, too");
	tap_eq(scsi_do(&k, CDB(0x1e), 0, 0), 0, "ALLOW");
	tap_eq(scsi_do(&k, CDB(0x1b, 0, 0, 0, 2), 0, 0), 0, "eject");
	tap_eq(scsi_do(&k, CDB(0x00), 0, 0), SENSE_NO_MEDIUM_OPEN, "the tray is open");
	tap_eq(scsi_do(&k, CDB(0x28, 0, 0, 0, 0, 3, 0, 0, 1), 0, 2048),
	       SENSE_NO_MEDIUM_OPEN, "and nothing can be read");
	tap_eq(scsi_do(&k, CDB(0x1b, 0, 0, 0, 3), 0, 0), 0, "load");
	tap_eq(scsi_do(&k, CDB(0x28, 0, 0, 0, 0, 3, 0, 0, 1), 0, 2048), SENSE_CHANGED,
	       "the medium may be another one");
	tap_eq(scsi_do(&k, CDB(0x28, 0, 0, 0, 0, 3, 0, 0, 1), 0, 2048), 0, "told once");
	block_open_tray(k.cd_node, false, NULL);
	block_remove_medium(k.cd_node, NULL);
	block_close_tray(k.cd_node, NULL);
	tap_eq(scsi_do(&k, CDB(0x25), 0, 8), SENSE_NO_MEDIUM_CLOSED, "an empty drive");
	tap_eq(scsi_do(&k, CDB(0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8), 0, 8), 0,
	       "GET EVENT STATUS");
	tap_eq(data()[4], 3, "it was removed");
	k.target = 0;
}

/* A disk that can be taken out. */
static void test_removable(void)
{
	struct opt_list opts = { 0 };
	struct block_info info;
	struct err err = { 0 };
	char text[160];

	scsi_init(&k, "", "removable=on,dpofua=on", "");
	device_unplug(k.cd);
	block_remove(k.cd_node);
	scsi_start(&k, ALL);
	scsi_do(&k, CDB(0x12, 0, 0, 0, 36), 0, 36);
	tap_ok(!data()[0] && data()[1] == 0x80, "a removable disk");
	scsi_do(&k, CDB(0x1a, 8, 8, 0, 64), 0, 64);
	tap_eq(data()[2], 0x10, "it takes FUA");
	tap_ok(runs(), "can be read");
	tap_eq(scsi_do(&k, CDB(0x2a, 0, 0, 0, 0, 1, 0, 0, 1), 512, 0), 0, "and written");
	tap_eq(scsi_do(&k, CDB(0x1b, 0, 0, 0, 2), 0, 0), 0, "and ejected");
	tap_eq(scsi_do(&k, read_5, 0, 1024), SENSE_NO_MEDIUM_OPEN, "it is out");
	tap_eq(scsi_do(&k, CDB(0x43), 0, 0), SENSE_OPCODE, "it is no CD-ROM");
	memset(data(), 0, 24);
	data()[4] = 8;
	data()[5] = 18;
	tap_eq(scsi_do(&k, CDB(0x15, 0x10, 0, 0, 24), 24, 0), 0,
	       "its write cache goes off");
	snprintf(text, sizeof(text), "file=%s,format=raw", k.cd_path);
	opt_list_parse(&opts, text, NULL, NULL);
	tap_eq(block_change_medium(block_find(k.g.board.vm.blocks, "d0"), &opts, false,
	                           &err),
	       0, "another medium");
	tap_eq(scsi_do(&k, read_5, 0, 1024), SENSE_CHANGED, "is noticed");
	block_get_info(block_find(k.g.board.vm.blocks, "d0"), &info);
	tap_ok(!info.write_cache && runs(), "and has none, either");
	opt_list_free(&opts);
	opt_list_parse(&opts, "file=/nowhere/medium,format=raw", NULL, NULL);
	tap_eq(block_change_medium(block_find(k.g.board.vm.blocks, "d0"), &opts, false,
	                           NULL),
	       -ENOENT, "one that is not there, without a word");
	tap_ok(runs(), "leaves what is in");
	opt_list_free(&opts);
	scsi_free(&k);
}

/* ---- the rest ---- */

static void test_legacy(void)
{
	scsi_init(&k, "", "", "disable-modern=on");
	k.d.legacy = true;
	scsi_start(&k, ALL & ~BIT(VIRTIO_F_VERSION_1));
	tap_ok(runs(), "a legacy driver reads");
	scsi_free(&k);
}

static void test_refusals(void)
{
	static const struct {
		const struct device_class *cls;
		const char *opts, *why;
	} cases[] = {
		{ &virtio_scsi_pci_class, "virtqueue_size=100",
		  "virtqueue_size=100 is not a power of 2" },
		{ &virtio_scsi_pci_class, "iothread=x",
		  "disks are served by the main loop" },
		{ &virtio_scsi_pci_class, "num_queues=63", "num_queues" },
		{ &scsi_hd_class, "", "it needs a disk; add drive=ID" },
		{ &scsi_hd_class, "drive=x", "there is no drive 'x'" },
		{ &scsi_hd_class, "drive=d0", "drive 'd0' is in use by" },
		{ &scsi_hd_class, "drive=d0,bus=x.0", "there is no bus 'x.0'" },
		{ &scsi_hd_class, "drive=d0,channel=1", "there is no place channel=1" },
		{ &scsi_hd_class, "drive=d0,scsi-id=256", "there is no place channel=0" },
		{ &scsi_hd_class, "drive=d0,lun=16384", "there is no place channel=0" },
		{ &scsi_hd_class, "drive=d0,scsi-id=1,lun=0",
		  "scsi-id=1,lun=0 is taken" },
		{ &scsi_hd_class, "drive=d0,logical_block_size=513",
		  "they are powers of 2" },
		{ &scsi_hd_class,
		  "drive=d0,logical_block_size=4096,physical_block_size=512",
		  "the second not below the first" },
		{ &scsi_hd_class, "drive=d0,serial=0123456789012345678901234567890123456",
		  "more than 36 characters" },
		{ &scsi_cd_class, "logical_block_size=512",
		  "sectors of a CD have 2048 bytes" },
		{ &scsi_cd_class, "removable=on", "removable" },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		struct err err = { 0 };

		tap_ok(!device_create_simple(&k.g.board.vm, cases[i].cls, cases[i].opts,
		                             &err),
		       "%s %s is refused", cases[i].cls->name, cases[i].opts);
		tap_has(err.text, cases[i].why, "why");
	}
	scsi_start(&k, ALL);
	tap_ok(runs(), "the unit that has the drive is not disturbed");
}

int main(void)
{
	test_config();
	scsi_init(&k, "", "", "");
	test_refusals();
	test_sizes();
	test_layouts();
	test_addresses();
	test_broken();
	test_control();
	test_events();
	test_cd();
	scsi_free(&k);
	test_reset_order();
	test_removable();
	test_legacy();
	return tap_done();
}
