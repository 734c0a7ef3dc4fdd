// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * savevm and its siblings. The image with the vmstate is the first one that can be
 * written; all that can be written must be qcow2, as a machine and disks of another time
 * do not go together.
 */
#include "vmm/migrate/snapshot.h"

#include "common/cleanup.h"
#include "vmm/block/qcow2.h"
#include "vmm/core/device.h"
#include "vmm/kvm/chips.h"
#include "vmm/machine/control.h"
#include "vmm/migrate/config.h"
#include "vmm/migrate/internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ---- disks ---- */

#define NO_DISK "no block device can store vmstate for snapshot"

/* The next image that can be written, or NULL. */
static struct block_node *next_disk(struct vm *vm, struct block_node *node)
{
	struct block_info info;

	while ((node = block_next(vm->blocks, node))) {
		block_get_info(node, &info);
		if (!info.readonly && !info.below && info.path)
			return node;
	}
	return NULL;
}

/* The image that holds vmstate; NULL with a sentence when some disk has no snapshots. */
static struct block_node *check_disks(struct vm *vm, struct err *err)
{
	struct block_node *node = NULL, *first = NULL;
	struct block_info info;

	while ((node = next_disk(vm, node))) {
		if (!qcow2_find(node)) {
			block_get_info(node, &info);
			err_set(err, ENOTSUP,
			        "Device '%s' is writable but does not support snapshots",
			        info.id);
			return NULL;
		}
		first = first ? first : qcow2_find(node);
	}
	if (!first)
		err_set(err, ENOTSUP, NO_DISK);
	return first;
}

/* Numbers, which tools take, too, are not looked for: they may be other disks' names. */
static const struct qcow2_snapshot *find(struct block_node *node, const char *tag)
{
	const struct qcow2_snapshot *s = NULL;

	node = qcow2_find(node);
	for (unsigned i = 0; node && (s = qcow2_snapshot_at(node, i)); i++)
		if (!strcmp(s->name, tag))
			break;
	return s;
}

static bool all_have(struct vm *vm, const char *tag)
{
	for (struct block_node *node = NULL; (node = next_disk(vm, node));)
		if (!find(node, tag))
			return false;
	return true;
}

static int check_state(const struct vm *vm, struct err *err)
{
	if (!vm->moving && vm->runstate < VM_SAVE_VM)
		return 0;
	return err_set(err, EBUSY, "not while the machine moves");
}

/* Where it is there. */
static int delete_all(struct vm *vm, const char *tag, struct err *err)
{
	int ret = 0;

	for (struct block_node *node = NULL; ret >= 0 && (node = next_disk(vm, node));)
		if (find(node, tag))
			ret = qcow2_snapshot_delete(qcow2_find(node), find(node, tag)->id,
			                            err);
	return ret;
}

/* ---- the vmstate area as a channel ---- */

struct area {
	struct channel c; /* first */
	struct block_node *node;
	uint64_t at;    /* of buf */
	size_t have;    /* bytes in buf: to be written, or read */
	size_t used;    /* of those that were read */
	uint64_t limit; /* bytes to be read */
	uint8_t buf[256 << 10];
};

static int flush_area(struct area *a)
{
	int ret = a->have ? qcow2_vmstate_rw(a->node, true, a->at, a->buf, a->have) : 0;

	a->at += a->have;
	a->have = 0;
	return ret;
}

static int fill_area(struct area *a)
{
	uint64_t left = a->limit - a->at - a->have;

	a->at += a->have;
	a->used = 0;
	a->have = left < sizeof(a->buf) ? left : sizeof(a->buf);
	return a->have ? qcow2_vmstate_rw(a->node, false, a->at, a->buf, a->have)
	               : -ENODATA;
}

static int area_io(struct channel *c, void *data, size_t len, bool write)
{
	struct area *a = (struct area *)c;

	for (uint8_t *p = data; len;) {
		size_t room = write ? sizeof(a->buf) - a->have : a->have - a->used, n;
		int ret = room ? 0 : write ? flush_area(a) : fill_area(a);

		if (ret < 0)
			return ret;
		n = room < len ? room : len;
		if (write)
			memcpy(a->buf + a->have, p, n);
		else
			memcpy(p, a->buf + a->used, n);
		*(write ? &a->have : &a->used) += n;
		p += n;
		len -= n;
	}
	return 0;
}

static struct area *open_area(struct block_node *node, uint64_t limit, struct err *err)
{
	struct area *a = calloc(1, sizeof(*a));

	if (!a) {
		err_sys(err, ENOMEM, "snapshot");
		return NULL;
	}
	a->c = (struct channel){
		.fd = -1,
		.uri = (char *)"snapshot",
		.io = area_io,
		.has_crc = channel_find_crc(),
	};
	a->node = node;
	a->limit = limit;
	return a;
}

/* ---- saving ---- */

static int write_machine(struct pc *pc, struct channel *c, enum vm_runstate was,
                         struct err *err)
{
	_cleanup_strbuf_ struct strbuf config = { 0 };
	struct saved_states states = { 0 };
	struct record r = { .type = REC_CONFIG };
	struct ram_source *ram = ram_source_new(pc_vm(pc), true, err);
	int ret = ram ? stream_write_header(c, err) : -err->code;

	config_describe(pc, &config);
	r.len = config.len;
	if (ret >= 0)
		ret = stream_write(c, &r, config.data, err);
	if (ret >= 0)
		ret = ram_source_send(ram, c, NULL, NULL, err);
	ram_source_free(ram);
	if (ret >= 0)
		ret = states_save(pc_vm(pc), &states, err);
	for (unsigned i = 0; i < states.count && ret >= 0; i++) {
		r = (struct record){ .type = REC_STATE, .len = states.sections[i].len };
		ret = stream_write(c, &r, states.sections[i].data, err);
	}
	r = (struct record){ .type = REC_END, .count = states.count, .at = was };
	states_free(&states);
	return ret < 0 ? ret : stream_write(c, &r, "", err);
}

/* The bytes that it takes, or -errno with a sentence. */
static int64_t write_vmstate(struct pc *pc, struct block_node *node, enum vm_runstate was,
                             struct err *err)
{
	struct area *a = open_area(node, 0, err);
	int64_t ret;

	if (!a)
		return -err->code;
	ret = write_machine(pc, &a->c, was, err);
	if (ret >= 0 && (ret = flush_area(a)) < 0)
		err_sys(err, -ret, "the machine's state cannot be written");
	if (ret >= 0)
		ret = a->at;
	free(a);
	return ret;
}

static int name_disks(struct vm *vm, struct block_node *first, const char *tag,
                      uint64_t size, struct err *err)
{
	struct qcow2_snapshot values = { .name = (char *)tag, .icount = UINT64_MAX };
	struct timespec now;
	int ret = vm->kvm ? chips_clock_read(vm->kvm, &values.vm_clock, err) : 0;

	clock_gettime(CLOCK_REALTIME, &now);
	values.date_sec = now.tv_sec;
	values.date_nsec = now.tv_nsec;
	for (struct block_node *node = NULL; ret >= 0 && (node = next_disk(vm, node));) {
		values.vm_state_size = qcow2_find(node) == first ? size : 0;
		ret = qcow2_snapshot_create(qcow2_find(node), &values, err);
	}
	if (ret < 0)
		delete_all(vm, tag, NULL);
	return ret;
}

int snapshot_save(struct pc *pc, const char *tag, struct err *err)
{
	struct vm *vm = pc_vm(pc);
	struct block_node *first = check_disks(vm, err);
	enum vm_runstate was = vm->runstate;
	struct err late = { 0 };
	char made[32];
	time_t now = time(NULL);
	int64_t ret = first ? check_state(vm, err) : -err->code;
	struct tm tm;

	if (ret < 0)
		return ret;
	strftime(made, sizeof(made), "vm-%Y%m%d%H%M%S", localtime_r(&now, &tm));
	tag = tag ? tag : made;
	pc_halt(pc, VM_SAVE_VM);
	ret = delete_all(vm, tag, err);
	if (ret >= 0)
		ret = write_vmstate(pc, first, was, err);
	if (ret >= 0)
		ret = name_disks(vm, first, tag, ret, err);
	if (pc_go_on(pc, was, &late) < 0 && ret >= 0)
		ret = err_set(err, late.code, "%s", late.text);
	return ret;
}

/* ---- loading ---- */

static int load_vmstate(struct pc *pc, struct block_node *node, uint64_t size,
                        struct err *err)
{
	struct area *a = open_area(node, size, err);
	struct migration m = { .pc = pc, .vm = pc_vm(pc) };
	int ret = a ? 0 : -err->code;

	if (ret >= 0) {
		m.channel = &a->c;
		ret = incoming_read(&m, err);
	}
	if (ret >= 0) {
		/* As new: the state of each device is all that it shall have. */
		devices_reset(m.vm);
		ret = states_load(m.vm, &m.states, err);
	}
	states_free(&m.states);
	strbuf_free(&m.config);
	free(a);
	return ret;
}

static int apply_all(struct vm *vm, const char *tag, struct err *err)
{
	int ret = 0;

	for (struct block_node *node = NULL; ret >= 0 && (node = next_disk(vm, node));)
		ret = qcow2_snapshot_apply(qcow2_find(node), find(node, tag)->id, err);
	return ret;
}

int snapshot_load(struct pc *pc, const char *tag, struct err *err)
{
	struct vm *vm = pc_vm(pc);
	struct block_node *first = check_disks(vm, err);
	enum vm_runstate was = vm->runstate;
	const struct qcow2_snapshot *s;
	uint64_t size;
	int ret = first ? check_state(vm, err) : -err->code;

	if (ret < 0)
		return ret;
	if (!all_have(vm, tag))
		return err_set(err, ENOENT,
		               "Snapshot '%s' does not exist in one or more devices",
		               tag);
	s = find(first, tag);
	size = s->vm_state_size;
	if (!size)
		return err_set(err, EINVAL,
		               "This is a disk-only snapshot. Revert to it "
		               "offline using qemu-img");
	pc_halt(pc, VM_RESTORE_VM);
	ret = apply_all(vm, tag, err);
	if (ret >= 0)
		ret = load_vmstate(pc, first, size, err);
	if (ret >= 0)
		return pc_go_on(pc, was, err);
	/* Half of it is of then. */
	vm->runstate = VM_INTERNAL_ERROR;
	err_hint(err, "system_reset starts the machine anew");
	return ret;
}

int snapshot_delete(struct pc *pc, const char *tag, struct err *err)
{
	struct vm *vm = pc_vm(pc);
	int ret = check_state(vm, err);

	if (ret < 0)
		return ret;
	if (!all_have(vm, tag))
		return err_set(err, ENOENT,
		               "Snapshot '%s' does not exist in one or more devices",
		               tag);
	/* Nothing of a disk's may be under way. */
	for (struct block_node *node = NULL; (node = next_disk(vm, node));)
		block_drain(node);
	return delete_all(vm, tag, err);
}

/* ---- the list ---- */

void snapshot_print(const char *id, const struct qcow2_snapshot *s, struct strbuf *out)
{
	static const char *const units[] = { "", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei" };
	double size = s->vm_state_size;
	uint64_t ms = s->vm_clock / 1000000, seconds = ms / 1000;
	char text[32], date[32], clock[40];
	time_t then = s->date_sec;
	unsigned unit = 0;
	struct tm tm;

	for (; size >= 1000; size /= 1024)
		unit++;
	snprintf(text, sizeof(text), "%0.3g %sB", size, units[unit]);
	strftime(date, sizeof(date), "%Y-%m-%d %H:%M:%S", localtime_r(&then, &tm));
	snprintf(clock, sizeof(clock), "%02llu:%02u:%02u.%03u",
	         (unsigned long long)seconds / 3600, (unsigned)(seconds / 60 % 60),
	         (unsigned)(seconds % 60), (unsigned)(ms % 1000));
	strbuf_addf(out, "%-9s %-16s %8s%20s%13s%11s\n", id, s->name, text, date, clock,
	            "");
}

void snapshot_list(struct pc *pc, struct strbuf *out)
{
	struct vm *vm = pc_vm(pc);
	struct block_node *node = NULL, *first = NULL, *image;
	const struct qcow2_snapshot *s;
	bool any = false;

	while ((node = next_disk(vm, node))) {
		image = qcow2_find(node);
		first = first ? first : image;
		any |= image && qcow2_snapshot_at(image, 0);
	}
	if (!first) {
		strbuf_adds(out, NO_DISK "\n");
		return;
	}
	if (!any) {
		strbuf_adds(out, "There is no snapshot available.\n");
		return;
	}
	strbuf_adds(out, "List of snapshots present on all disks:\n" SNAPSHOT_HEAD);
	for (unsigned i = 0; (s = qcow2_snapshot_at(first, i)); i++)
		if (all_have(vm, s->name))
			snapshot_print("--", s, out);
}
