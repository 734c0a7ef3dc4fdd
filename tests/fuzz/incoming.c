// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * libFuzzer target: any bytes as the stream of a machine that comes in. No memory is
 * written beyond the blocks that are there, no device is left half loaded without a
 * refusal, and a refusal has a sentence.
 *
 * Input: a byte of flags. RAW: the rest is the stream. WHOLE: what follows is the state
 * of all devices, and the end. Records, each a type, a block, u16 pages, u16 first page,
 * u16 length and so many bytes; heads and checksums are made here, those of a device's
 * section, too (its path is that of device `block`).
 */
#include "vmm/migrate/incoming.c"

#include "common/bytes.h"
#include "tests/fuzz/board-lib.h"
#include "tests/fuzz/input-lib.h"
#include "vmm/core/catalog.h"
#include "vmm/kvm/cpus.h"

#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

enum { RAW = 1, WHOLE = 2, RAM = 64 << 10, LIMIT = 1 << 20 };

static struct fuzz_board board;
static struct cpu_identity identity;

/* ---- in place of the board and the thread ---- */

struct vm *pc_vm(struct pc *pc)
{
	return (struct vm *)pc;
}

const struct cpu_identity *pc_cpu_identity(const struct pc *pc)
{
	return &identity;
}

unsigned pc_cpu_count(const struct pc *pc)
{
	return 1;
}

int pc_came_in(struct pc *pc, enum vm_runstate was, struct err *err)
{
	return 0;
}

int migration_call(struct migration *m, int (*fn)(struct migration *m, struct err *err),
                   struct err *err)
{
	return fn(m, err);
}

void migration_set_status(struct migration *m, enum migration_status status)
{
	m->status = status;
}

void migration_end(struct migration *m, enum migration_status status,
                   const struct err *err)
{
	m->status = status;
}

/* ---- the stream ---- */

static void add_record(int fd, const struct record *r, const void *payload)
{
	struct channel c = { .fd = fd, .cancel = -1 };

	require(stream_write(&c, r, payload, NULL) >= 0);
	require(channel_flush(&c, NULL) >= 0);
}

static void add_header(int fd)
{
	struct channel c = { .fd = fd, .cancel = -1 };
	_cleanup_strbuf_ struct strbuf text = { 0 };
	struct record r = { .type = REC_CONFIG };

	require(stream_write_header(&c, NULL) >= 0);
	require(channel_flush(&c, NULL) >= 0);
	config_describe((struct pc *)&board.vm, &text);
	r.len = text.len;
	add_record(fd, &r, text.data);
}

static const struct device *device_at(unsigned n)
{
	const struct device *dev = board.vm.devices;

	while (dev && dev->next && n--)
		dev = dev->next;
	return dev;
}

/* A section of that device, around the payload. */
static void wrap(const struct device *dev, const uint8_t *payload, size_t len,
                 struct strbuf *out)
{
	const struct state_desc *desc = dev->cls->state;
	uint8_t head[10];

	strbuf_adds(out, "KSCT");
	strbuf_addc(out, strlen(dev->path));
	strbuf_adds(out, dev->path);
	strbuf_addc(out, strlen(desc->name));
	strbuf_adds(out, desc->name);
	st16(head, desc->version);
	st32(head + 2, len);
	st32(head + 6, state_crc32c(0, payload, len));
	strbuf_add(out, head, sizeof(head));
	strbuf_add(out, payload, len);
}

static void add_some(int fd, struct fuzz_input *in)
{
	static uint8_t payload[UINT16_MAX];
	_cleanup_strbuf_ struct strbuf section = { 0 };
	struct record r = { .type = fuzz_take(in, 1) };
	const struct device *dev;

	r.index = fuzz_take(in, 1);
	r.count = fuzz_take(in, 2);
	r.at = fuzz_take(in, 2);
	r.len = fuzz_take(in, 2);
	r.len = fuzz_take_bytes(in, payload, r.len);
	dev = device_at(r.index);
	if (r.type != REC_STATE || !dev || !dev->cls->state) {
		add_record(fd, &r, payload);
		return;
	}
	wrap(dev, payload, r.len, &section);
	r.len = section.len;
	add_record(fd, &r, section.data);
}

/* The devices' own states, and an END that may be a good one. */
static void add_whole(int fd)
{
	struct saved_states states = { 0 };

	require(states_save(&board.vm, &states, NULL) >= 0);
	for (unsigned i = 0; i < states.count; i++) {
		struct record r = { .type = REC_STATE, .len = states.sections[i].len };

		add_record(fd, &r, states.sections[i].data);
	}
	add_record(fd,
	           &(struct record){
			   .type = REC_END, .at = VM_RUNNING, .count = states.count },
	           "");
	states_free(&states);
}

static void init(void)
{
	fuzz_board_init(&board, RAM, RAM / 2, 0x100000);
	board.vm.nets = net_registry_new(board.vm.loop);
	board.vm.blocks = block_registry_new(board.vm.loop);
	require(device_create_simple(&board.vm, catalog_find("virtio-rng-pci"), "",
	                             NULL));
	require(device_create_simple(&board.vm, catalog_find("VGA"),
	                             "vgamem_mb=1,romfile=", NULL));
	vm_lock(&board.vm);
	devices_quiesce(&board.vm);
	vm_unlock(&board.vm);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = { data, size };
	struct migration m = { .pc = (struct pc *)&board.vm, .vm = &board.vm };
	struct channel c = { .cancel = eventfd(0, EFD_CLOEXEC), .uri = (char *)"x" };
	unsigned flags = fuzz_take(&in, 1);
	struct err err = { 0 };
	int ret;

	if (!board.ram)
		init();
	memset(c.listen, 0xff, sizeof(c.listen));
	m.channel = &c;
	c.fd = memfd_create("stream", MFD_CLOEXEC);
	require(c.fd >= 0 && c.cancel >= 0 && size < LIMIT);
	if (flags & RAW) {
		require(write(c.fd, in.data, in.left) == (ssize_t)in.left);
	} else {
		add_header(c.fd);
		while (in.left)
			add_some(c.fd, &in);
		if (flags & WHOLE)
			add_whole(c.fd);
	}
	lseek(c.fd, 0, SEEK_SET);
	vm_lock(&board.vm);
	ret = take_in(&m, &err);
	vm_unlock(&board.vm);
	require(ret >= 0 ? m.status == MIGRATION_COMPLETED : err.text[0]);
	/* With nothing of the input's it is a machine. */
	require(size != 1 || *data != WHOLE || ret >= 0);
	states_free(&m.states);
	strbuf_free(&m.config);
	close(c.fd);
	close(c.cancel);
	fuzz_settle(&board);
	return 0;
}
