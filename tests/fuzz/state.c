// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * libFuzzer target: any bytes as the saved state of any device class. What is refused
 * must change nothing; what is taken must save, load elsewhere and save again as the same
 * bytes, and a guest that goes on from there must not hurt the VMM.
 *
 * Input: the class's name and a line feed, a byte of options, the payload. The section
 * around the payload is made here with its checksum, except with RAW, where the input is
 * the whole section.
 */
#include "tests/state/state-lib.h"

#include "common/bytes.h"
#include "common/log.h"
#include "tests/fuzz/input-lib.h"
#include "vmm/core/catalog.h"
#include "vmm/kvm/chips.h"
#include "vmm/kvm/shadow.h"
#include "vmm/virtio/queue.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RAW = 0x80, ACCESSES = 0x7f };

static void broken(const char *what, const struct err *err)
{
	fprintf(stderr, "%s: %s\n", what, err ? err->text : "");
	abort();
}

static void add_name(struct strbuf *out, const char *name)
{
	strbuf_addc(out, strlen(name));
	strbuf_adds(out, name);
}

static void wrap(const struct state_desc *desc, const char *path, const uint8_t *payload,
                 size_t len, struct strbuf *out)
{
	uint8_t head[10];

	st16(head, desc->version);
	st32(head + 2, len);
	st32(head + 6, state_crc32c(0, payload, len));
	strbuf_adds(out, "KSCT");
	add_name(out, path);
	add_name(out, desc->name);
	strbuf_add(out, head, sizeof(head));
	strbuf_add(out, payload, len);
}

/* ---- devices ---- */

/* Two boards of one class: what the first takes goes on to the second. */
struct pair {
	struct state_board a, b;
	bool made;
};

static void put_desc(uint8_t *at, uint64_t addr, uint32_t len, uint16_t flags,
                     uint16_t next)
{
	st64(at, addr);
	st32(at + 8, len);
	st16(at + 12, flags);
	st16(at + 14, next);
}

/* A queue that was loaded with customary addresses finds work: the header of a disk's
 * read, room for a sector, room for the status. Others take it as what it is to them. */
static void lay_rings(uint8_t *ram)
{
	memset(ram, 0, STATE_RAM);
	for (unsigned q = 0; q < STATE_RINGS; q++) {
		uint8_t *desc = ram + STATE_RING(q);

		put_desc(desc, 0x8000, 16, VRING_DESC_F_NEXT, 1);
		put_desc(desc + 16, 0x9000, 512, VRING_DESC_F_NEXT | VRING_DESC_F_WRITE,
		         2);
		put_desc(desc + 32, 0xa000, 1, VRING_DESC_F_WRITE, 0);
		st16(desc + 0x1002, 2); /* available: chain 0, twice */
	}
}

static void reset(struct state_board *sb)
{
	devices_quiesce(&sb->b.vm);
	devices_reset(&sb->b.vm);
	lay_rings(sb->ram);
	if (sb->row->settle)
		sb->row->settle(&sb->b);
}

static void save(struct state_board *sb, struct strbuf *out)
{
	struct err err = { 0 };

	if (state_save(sb->dev->cls->state, sb->dev, sb->dev->path, out, &err) < 0)
		broken("what was loaded cannot be saved", &err);
}

static bool equal(const struct strbuf *a, const struct strbuf *b)
{
	return a->len == b->len && !memcmp(a->data, b->data, a->len);
}

/* Whether decoding and validation alone refuse the section. They must find everything:
 * a post_load that fails leaves a device that was changed. */
static bool is_refused(const struct state_board *sb, const struct strbuf *section)
{
	const struct device_class *cls = sb->dev->cls;
	struct state_desc only = *cls->state;
	void *copy = malloc(cls->size);
	size_t used = 0;
	bool refused;

	only.post_load = NULL;
	memcpy(copy, sb->dev, cls->size);
	refused = state_load(&only, copy, cls->size, sb->dev->path, section->data,
	                     section->len, &used, NULL) < 0;
	free(copy);
	return refused;
}

static int load(struct state_board *sb, const struct strbuf *section, struct err *err)
{
	size_t used = 0;
	int ret = state_load(sb->dev->cls->state, sb->dev, sb->dev->cls->size,
	                     sb->dev->path, section->data, section->len, &used, err);

	if (ret < 0 && !err->text[0])
		broken("refused without a sentence", NULL);
	return ret;
}

static void check_loaded(struct pair *p)
{
	_cleanup_strbuf_ struct strbuf one = { 0 }, two = { 0 };
	struct err err = { 0 };

	if (p->a.row->settle)
		p->a.row->settle(&p->a.b);
	save(&p->a, &one);
	memcpy(p->b.ram, p->a.ram, STATE_RAM);
	if (load(&p->b, &one, &err) < 0)
		broken("what was saved is refused", &err);
	save(&p->b, &two);
	if (!equal(&one, &two)) {
		state_compare(p->a.dev->cls->state, p->a.dev, p->b.dev, &err);
		broken("what was saved loads as something else", &err);
	}
}

static void try_device(struct pair *p, const struct strbuf *section, unsigned accesses)
{
	_cleanup_strbuf_ struct strbuf before = { 0 }, after = { 0 };
	struct err err = { 0 };
	bool refused;

	reset(&p->a);
	reset(&p->b);
	save(&p->a, &before);
	refused = is_refused(&p->a, section);
	if (load(&p->a, section, &err) >= 0) {
		if (refused)
			broken("refused and loaded", NULL);
		check_loaded(p);
		devices_resume(&p->a.b.vm);
		state_drive(&p->a, accesses, accesses);
		return;
	}
	save(&p->a, &after);
	if (!refused)
		broken("refused after the device was changed", &err);
	if (!equal(&before, &after))
		broken("refused, but the device changed", &err);
}

static void run_device(const struct state_row *row, unsigned options, const uint8_t *data,
                       size_t size)
{
	static struct pair pairs[64];
	struct pair *p = &pairs[row - state_rows];
	_cleanup_strbuf_ struct strbuf section = { 0 };

	if (!p->made) {
		state_board_init(&p->a, row);
		state_board_init(&p->b, row);
		p->made = true;
	}
	if (options & RAW)
		strbuf_add(&section, data, size);
	else
		wrap(p->a.dev->cls->state, p->a.dev->path, data, size, &section);
	try_device(p, &section, options & ACCESSES);
	/* The next input starts anew even where a reset keeps something. */
	if (row->keeps) {
		state_board_free(&p->a);
		state_board_free(&p->b);
		p->made = false;
	}
}

/* ---- registers of KVM: decoded and validated without it ---- */

static void run_shadow(const struct state_desc *desc, size_t object, const uint8_t *data,
                       size_t size)
{
	_cleanup_strbuf_ struct strbuf section = { 0 }, again = { 0 };
	void *obj = calloc(1, object);
	struct err err = { 0 };
	size_t used = 0;

	wrap(desc, "x", data, size, &section);
	if (state_load(desc, obj, object, "x", section.data, section.len, &used, &err) <
	    0) {
		if (!err.text[0])
			broken("refused without a sentence", NULL);
	} else if (state_save(desc, obj, "x", &again, &err) < 0 ||
	           !equal(&section, &again)) {
		broken("what was loaded saves as something else", &err);
	}
	free(obj);
}

static void run(const char *class, unsigned options, const uint8_t *data, size_t size)
{
	if (!strcmp(class, "kvm-vcpu"))
		run_shadow(&vcpu_shadow_state, sizeof(struct vcpu_shadow), data, size);
	if (!strcmp(class, "kvm-chips"))
		run_shadow(&chips_shadow_state, sizeof(struct chips_shadow), data, size);
	for (unsigned i = 0; i < state_row_count; i++)
		if (!strcmp(class, state_rows[i].class) && !state_rows[i].stateless &&
		    !state_rows[i].kvm)
			run_device(&state_rows[i], options, data, size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *end = size ? memchr(data, '\n', size) : NULL;
	static bool silent;
	char class[64];

	if (!silent && !getenv("KVMKIT_LOG"))
		log_open("/dev/null", NULL);
	silent = true;
	if (!end || (size_t)(end - data) >= sizeof(class) || end + 1 == data + size)
		return 0;
	memcpy(class, data, end - data);
	class[end - data] = '\0';
	run(class, end[1], end + 2, data + size - (end + 2));
	return 0;
}
