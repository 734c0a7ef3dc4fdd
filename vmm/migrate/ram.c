// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Guest memory: a bit for each page that is to be sent, refilled from the dirty logs (of
 * KVM, and of what user space writes through mem/dma).
 *
 * A page is copied before its checksum is made, since the guest goes on writing. Memory
 * of a card that may leave (an option ROM) is copied under the machine lock. The far end
 * writes pages as they come, and zero pages only where there is anything else, so that
 * memory that the guest never used stays unused.
 */
#include "vmm/migrate/ram.h"

#include "common/cleanup.h"
#include "vmm/core/vm.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Pages that the far end looks through while this one goes on. */
#define ZERO_RUN_MAX 8192u

struct ram_part {
	struct ram_block *block;
	uint64_t pages;
	uint64_t *todo;
};

struct ram_source {
	struct vm *vm;
	bool held; /* the machine lock, all the time */
	struct ram_part parts[MEM_MAX_RAM];
	unsigned count;
	uint64_t *taken;          /* room for the longest log */
	struct ram_totals totals; /* atomic members */
	uint8_t copy[STREAM_PAGES_MAX * STREAM_PAGE];
};

static size_t words(uint64_t pages)
{
	return (pages + 63) / 64;
}

static bool is_todo(const struct ram_part *part, uint64_t page)
{
	return part->todo[page / 64] >> page % 64 & 1;
}

/* ---- life ---- */

static int add_part(struct ram_source *s, struct ram_block *block, struct err *err)
{
	struct ram_part *part = &s->parts[s->count++];
	int ret;

	*part = (struct ram_part){ block, block->size / STREAM_PAGE,
		                   calloc(words(block->size / STREAM_PAGE), 8) };
	ret = part->todo ? mem_log(s->vm->mem, block, MEM_LOG_MOVE, true) : -ENOMEM;
	if (ret < 0)
		return err_sys(err, -ret, "writes to memory (%s) cannot be noted",
		               block->name);
	for (uint64_t i = 0; i < part->pages; i++)
		part->todo[i / 64] |= 1ull << i % 64;
	s->totals.total += block->size;
	return 0;
}

struct ram_source *ram_source_new(struct vm *vm, bool held, struct err *err)
{
	struct ram_source *s = calloc(1, sizeof(*s));
	struct ram_block *block;
	uint64_t most = 0;
	int ret = 0;

	if (!s) {
		err_sys(err, ENOMEM, "migration");
		return NULL;
	}
	s->vm = vm;
	s->held = held;
	for (unsigned i = 0; (block = mem_ram_block(vm->mem, i)) && ret >= 0; i++) {
		if (!block->host)
			continue;
		ret = add_part(s, block, err);
		most = block->size > most ? block->size : most;
	}
	if (ret >= 0 && !(s->taken = calloc(words(most / STREAM_PAGE), 8)))
		ret = err_sys(err, ENOMEM, "migration");
	s->totals.remaining = s->totals.total;
	if (ret >= 0)
		return s;
	ram_source_free(s);
	return NULL;
}

void ram_source_free(struct ram_source *s)
{
	if (!s)
		return;
	for (unsigned i = 0; i < s->count; i++) {
		mem_log(s->vm->mem, s->parts[i].block, MEM_LOG_MOVE, false);
		free(s->parts[i].todo);
	}
	free(s->taken);
	free(s);
}

void ram_source_totals(const struct ram_source *s, struct ram_totals *out)
{
	out->total = s->totals.total;
	out->remaining = __atomic_load_n(&s->totals.remaining, __ATOMIC_RELAXED);
	out->zero = __atomic_load_n(&s->totals.zero, __ATOMIC_RELAXED);
	out->normal = __atomic_load_n(&s->totals.normal, __ATOMIC_RELAXED);
	out->passes = __atomic_load_n(&s->totals.passes, __ATOMIC_RELAXED);
}

static void count(uint64_t *total, uint64_t n)
{
	__atomic_fetch_add(total, n, __ATOMIC_RELAXED);
}

/* ---- what is to be sent ---- */

/* The card that had it may have left, and another have come in its place. */
static bool is_there(const struct ram_part *part)
{
	return part->block->loggers >> MEM_LOG_MOVE & 1 &&
	       part->block->size / STREAM_PAGE == part->pages;
}

int ram_source_sync(struct ram_source *s, struct err *err)
{
	uint64_t left = 0;

	for (unsigned i = 0; i < s->count; i++) {
		struct ram_part *part = &s->parts[i];
		int ret;

		if (!is_there(part))
			return err_set(err, EAGAIN,
			               "a device left the machine meanwhile; "
			               "start again");
		ret = mem_take(s->vm->mem, part->block, MEM_LOG_MOVE, s->taken);
		if (ret < 0)
			return err_sys(err, -ret, "KVM does not tell what was written");
		for (size_t w = 0; w < words(part->pages); w++) {
			part->todo[w] |= s->taken[w];
			left += __builtin_popcountll(part->todo[w]);
		}
	}
	__atomic_store_n(&s->totals.remaining, left * STREAM_PAGE, __ATOMIC_RELAXED);
	count(&s->totals.passes, 1);
	return 0;
}

/* Copies pages; false: they are gone. */
static bool copy_pages(struct ram_source *s, const struct ram_part *part, uint64_t page,
                       unsigned n)
{
	bool may_leave = !s->held && part->block->device && part->block->readonly, there;

	if (may_leave)
		vm_lock(s->vm);
	there = is_there(part);
	if (there)
		memcpy(s->copy, part->block->host + page * STREAM_PAGE, n * STREAM_PAGE);
	if (may_leave)
		vm_unlock(s->vm);
	return there;
}

/* Its length, at most as many as a record may have; pages that are zero by themselves.
 * Others are in s->copy, where the guest may have made zeros of them meanwhile. */
static unsigned take_run(struct ram_source *s, struct ram_part *part, uint64_t page,
                         bool *zero)
{
	const uint8_t *from = part->block->host + page * STREAM_PAGE;
	uint64_t end = page;
	unsigned n = 1;

	while (end < part->pages && end - page < STREAM_PAGES_MAX && is_todo(part, end))
		end++;
	if (part->block->device) {
		if (!copy_pages(s, part, page, end - page))
			return 0;
		from = s->copy;
	}
	*zero = mem_is_zero(from);
	while (page + n < end && mem_is_zero(from + n * STREAM_PAGE) == *zero)
		n++;
	if (!*zero && from != s->copy)
		memcpy(s->copy, from, n * STREAM_PAGE);
	for (unsigned i = 0; i < n; i++)
		part->todo[(page + i) / 64] &= ~(1ull << (page + i) % 64);
	return n;
}

static int flush_zeros(struct record *zeros, struct channel *c, struct err *err)
{
	int ret = zeros->count ? stream_write(c, zeros, "", err) : 0;

	if (ret >= 0 && zeros->count >= ZERO_RUN_MAX)
		ret = channel_flush(c, err);
	zeros->count = 0;
	return ret;
}

static int send_part(struct ram_source *s, unsigned index, struct channel *c,
                     int (*paced)(void *opaque, struct err *err), void *opaque,
                     struct err *err)
{
	struct ram_part *part = &s->parts[index];
	struct record zeros = { .type = REC_ZERO, .index = index };
	int ret = 0;

	for (uint64_t page = 0; page < part->pages && ret >= 0;) {
		struct record r = { .type = REC_PAGES, .index = index, .at = page };
		bool zero;

		if (!is_todo(part, page)) {
			page += part->todo[page / 64] >> page % 64 ? 1 : 64 - page % 64;
			continue;
		}
		r.count = take_run(s, part, page, &zero);
		if (!r.count)
			return err_set(err, EAGAIN,
			               "a device left the machine meanwhile; "
			               "start again");
		__atomic_fetch_sub(&s->totals.remaining, r.count * (uint64_t)STREAM_PAGE,
		                   __ATOMIC_RELAXED);
		count(zero ? &s->totals.zero : &s->totals.normal, r.count);
		if (zero && zeros.count && zeros.at + zeros.count == page &&
		    zeros.count < ZERO_RUN_MAX) {
			zeros.count += r.count;
		} else if (zero) {
			ret = flush_zeros(&zeros, c, err);
			zeros.at = page;
			zeros.count = r.count;
		} else {
			r.len = r.count * STREAM_PAGE;
			ret = stream_write(c, &r, s->copy, err);
		}
		page += r.count;
		if (ret >= 0 && paced)
			ret = paced(opaque, err);
	}
	return ret < 0 ? ret : flush_zeros(&zeros, c, err);
}

int ram_source_send(struct ram_source *s, struct channel *c,
                    int (*paced)(void *opaque, struct err *err), void *opaque,
                    struct err *err)
{
	int ret = 0;

	for (unsigned i = 0; i < s->count && ret >= 0; i++)
		ret = send_part(s, i, c, paced, opaque, err);
	return ret;
}

/* ---- the far end ---- */

static struct ram_block *find_block(struct mem *mem, unsigned index)
{
	struct ram_block *block;

	for (unsigned i = 0; (block = mem_ram_block(mem, i)); i++)
		if (block->host && !index--)
			return block;
	return NULL;
}

int ram_load(struct mem *mem, struct channel *c, const struct record *r, struct err *err)
{
	struct ram_block *block = find_block(mem, r->index);
	uint64_t pages = block ? block->size / STREAM_PAGE : 0;
	uint8_t *host;

	if (r->at >= pages || !r->count || r->count > pages - r->at ||
	    r->len != (r->type == REC_PAGES ? r->count * STREAM_PAGE : 0))
		return err_set(err, EINVAL,
		               "%s: the stream has pages of memory that is not there",
		               c->uri);
	host = block->host + r->at * STREAM_PAGE;
	/* The screen of a stopped machine is drawn from this, too. */
	mem_mark_dirty(block, r->at * STREAM_PAGE, r->count * (uint64_t)STREAM_PAGE);
	if (r->type == REC_PAGES)
		return stream_read_payload(c, r, host, err);
	for (uint32_t i = 0; i < r->count; i++, host += STREAM_PAGE)
		if (!mem_is_zero(host))
			memset(host, 0, STREAM_PAGE);
	return 0;
}
