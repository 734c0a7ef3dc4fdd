// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Guest RAM and the checked access to it.
 *
 * Blocks are added before vCPUs run (or under the machine lock) and never move or go away
 * while the machine lives; ram_count is published last, so the dma_ functions need no
 * lock; only a device's memory moves, under the machine lock. Every write that user space
 * makes is recorded in the block's dirty bitmap while there is one, because KVM's dirty
 * log sees only what vCPUs write.
 */
#include "vmm/mem/internal.h"

#include "common/bytes.h"
#include "vmm/kvm/kvm.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#define PAGE      4096
#define HUGE_PAGE (2ull << 20)

struct mem *mem_new(struct kvm_vm *kvm, struct err *err)
{
	struct mem *mem = calloc(1, sizeof(*mem));

	if (!mem) {
		err_sys(err, ENOMEM, "memory map");
		return NULL;
	}
	mem->kvm = kvm;
	return mem;
}

static void free_kept(struct ram_block *block)
{
	for (unsigned i = 0; i < MEM_LOGGERS; i++) {
		free(block->kept[i]);
		block->kept[i] = NULL;
	}
}

void mem_free(struct mem *mem)
{
	if (!mem)
		return;
	for (unsigned s = 0; s < MEM_SPACES; s++) {
		free(mem->maps[s].regions);
		free(mem->maps[s].flat);
	}
	for (unsigned i = 0; i < mem->ram_count; i++) {
		free(mem->ram[i].dirty);
		free_kept(&mem->ram[i]);
	}
	free(mem->shadow);
	free(mem);
}

/* As many bytes, at a multiple of 2 MiB: KVM maps huge pages only where host and guest
 * addresses agree modulo their size. */
static void *map_aligned(uint64_t size)
{
	/* NORESERVE: a guest larger than the host's free memory may start. */
	uint8_t *map = mmap(NULL, size + HUGE_PAGE, PROT_READ | PROT_WRITE,
	                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	uint64_t head;

	if (map == MAP_FAILED)
		return MAP_FAILED;
	head = align_up((uintptr_t)map, HUGE_PAGE) - (uintptr_t)map;
	if (head)
		munmap(map, head);
	munmap(map + head + size, HUGE_PAGE - head);
	return map + head;
}

void *mem_alloc(uint64_t size, struct err *err)
{
	void *host = map_aligned(size);

	if (host == MAP_FAILED) {
		err_sys(err, errno, "cannot reserve %llu MiB for the guest",
		        (unsigned long long)size >> 20);
		return NULL;
	}
	/*
	 * Hints: a kernel without one of these features just ignores it. No huge page at
	 * the start: BIOS data, boot code or a text screen would have 2 MiB cleared for
	 * a few kilobytes, and low RAM's slots are too small for KVM to map one.
	 */
	if (size > HUGE_PAGE)
		madvise((char *)host + HUGE_PAGE, size - HUGE_PAGE, MADV_HUGEPAGE);
	madvise(host, size, MADV_DONTDUMP);
	return host;
}

/* A board that gets this wrong is refused here with or without KVM. */
static int check_block(const struct mem *mem, const char *name, uint64_t gpa,
                       uint64_t size, struct err *err)
{
	if (!size || size % PAGE || gpa % PAGE || gpa + size < gpa)
		return err_set(
			err, EINVAL,
			"guest RAM (%s) of 0x%llx bytes at 0x%llx is not whole pages",
			name, (unsigned long long)size, (unsigned long long)gpa);
	for (unsigned i = 0; i < mem->ram_count; i++) {
		const struct ram_block *other = &mem->ram[i];

		if (other->gpa != MEM_NOWHERE && gpa < other->gpa + other->size &&
		    other->gpa < gpa + size)
			return err_set(err, EEXIST,
			               "guest RAM (%s) at 0x%llx overlaps %s at 0x%llx",
			               name, (unsigned long long)gpa, other->name,
			               (unsigned long long)other->gpa);
	}
	return 0;
}

static int check_room(const struct mem *mem, struct err *err)
{
	return mem->ram_count < MEM_MAX_RAM
	               ? 0
	               : err_set(err, ENOSPC, "more than %d blocks of guest RAM",
	                         MEM_MAX_RAM);
}

/* ---- who else writes to RAM ---- */

bool mem_is_logged(const struct mem *mem)
{
	for (unsigned i = 0; i < mem->ram_count; i++)
		if (mem->ram[i].dirty && !mem->ram[i].device)
			return true;
	return false;
}

void mem_watch(struct mem *mem, struct mem_watcher *watcher)
{
	watcher->next = mem->watchers;
	mem->watchers = watcher;
}

void mem_unwatch(struct mem *mem, struct mem_watcher *watcher)
{
	struct mem_watcher **p = &mem->watchers;

	while (*p && *p != watcher)
		p = &(*p)->next;
	if (*p)
		*p = watcher->next;
}

static void tell_watchers(struct mem *mem, const struct ram_block *block)
{
	for (struct mem_watcher *w = mem->watchers; w && !block->device; w = w->next)
		w->changed(w);
}

/* ---- blocks ---- */

static unsigned slot_flags(const struct ram_block *block)
{
	return (block->readonly ? KVM_SLOT_READONLY : 0) |
	       (block->dirty ? KVM_SLOT_LOG : 0);
}

struct ram_block *ram_new(struct mem *mem, const char *name, uint64_t gpa, uint64_t size,
                          void *host, bool readonly, struct err *err)
{
	struct ram_block *block = &mem->ram[mem->ram_count];

	if (check_room(mem, err) < 0 ||
	    (gpa != MEM_NOWHERE && check_block(mem, name, gpa, size, err) < 0))
		return NULL;
	*block = (struct ram_block){
		.name = name,
		.gpa = gpa,
		.size = size,
		.host = host,
		.readonly = readonly,
		.slot = mem->ram_count,
	};
	return block;
}

void ram_publish(struct mem *mem)
{
	__atomic_store_n(&mem->ram_count, mem->ram_count + 1, __ATOMIC_RELEASE);
}

int mem_add_ram(struct mem *mem, const char *name, uint64_t gpa, uint64_t size,
                void *host, bool readonly, struct err *err)
{
	struct ram_block *block = ram_new(mem, name, gpa, size, host, readonly, err);
	int ret;

	if (!block)
		return -err->code;
	if (mem->kvm) {
		ret = kvm_set_memory(mem->kvm, block->slot, gpa, size, host,
		                     slot_flags(block));
		if (ret < 0)
			return err_sys(err, -ret,
			               "KVM refuses %llu MiB of guest RAM (%s) at 0x%llx",
			               (unsigned long long)size >> 20, name,
			               (unsigned long long)gpa);
	}
	ram_publish(mem);
	tell_watchers(mem, block);
	return 0;
}

/* ---- memory of devices ---- */

struct ram_block *mem_add_device_ram(struct mem *mem, const char *name, uint64_t size,
                                     void *host, bool readonly, struct err *err)
{
	struct ram_block *block = mem->ram, *end = block + mem->ram_count;

	/* The place of one that was dropped: cards come and go. Nobody looks into a block
	 * that is nowhere. */
	while (block < end && block->host)
		block++;
	if (block == end && check_room(mem, err) < 0)
		return NULL;
	*block = (struct ram_block){
		.name = name,
		.gpa = MEM_NOWHERE,
		.size = size,
		.host = host,
		.readonly = readonly,
		.device = true,
		.slot = block - mem->ram,
	};
	if (block == end)
		ram_publish(mem);
	return block;
}

void mem_drop_ram(struct ram_block *block)
{
	if (!block)
		return;
	free(block->dirty);
	block->dirty = NULL;
	block->loggers = 0;
	free_kept(block);
	block->host = NULL;
	block->size = 0;
}

int ram_place(struct mem *mem, struct ram_block *block, uint64_t gpa)
{
	uint64_t old = block->gpa;
	int ret;

	if (old != MEM_NOWHERE) {
		__atomic_store_n(&block->gpa, MEM_NOWHERE, __ATOMIC_RELAXED);
		/* KVM's log goes with the slot, and vCPUs may write until then. */
		if (mem->kvm && !block->readonly)
			mem_mark_dirty(block, 0, block->size);
		if (mem->kvm)
			kvm_set_memory(mem->kvm, block->slot, old, 0, block->host, 0);
	}
	if (gpa == MEM_NOWHERE)
		return 0;
	ret = check_block(mem, block->name, gpa, block->size, NULL);
	if (ret >= 0 && mem->kvm)
		ret = kvm_set_memory(mem->kvm, block->slot, gpa, block->size, block->host,
		                     slot_flags(block));
	if (ret >= 0)
		__atomic_store_n(&block->gpa, gpa, __ATOMIC_RELAXED);
	return ret;
}

static size_t log_words(const struct ram_block *block)
{
	return (block->size / PAGE + 63) / 64;
}

static int log_slots(struct mem *mem, const struct ram_block *block)
{
	if (mem->kvm && shadow_has(mem->shadow, block))
		return shadow_log_dirty(mem->shadow);
	return mem->kvm && block->gpa != MEM_NOWHERE
	               ? kvm_set_memory(mem->kvm, block->slot, block->gpa, block->size,
	                                block->host, slot_flags(block))
	               : 0;
}

/* One of several: the log goes on, and each keeps for the others what it takes. */
static int share_log(struct ram_block *block, enum mem_logger who, bool on)
{
	if (!on) {
		free(block->kept[who]);
		block->kept[who] = NULL;
	} else if (!(block->kept[who] =
	                     calloc(log_words(block), sizeof(*block->dirty)))) {
		return -ENOMEM;
	}
	block->loggers ^= 1u << who;
	return 0;
}

int mem_log(struct mem *mem, struct ram_block *block, enum mem_logger who, bool on)
{
	unsigned others = block->loggers & ~(1u << who);
	uint64_t *bitmap = NULL, *old = block->dirty;

	if (on == (block->loggers >> who & 1))
		return 0;
	if (on && !block->kept[!who] && others &&
	    !(block->kept[!who] = calloc(log_words(block), sizeof(*bitmap))))
		return -ENOMEM;
	if (others)
		return share_log(block, who, on);
	if (on && !(bitmap = calloc(log_words(block), sizeof(*bitmap))))
		return -ENOMEM;
	block->loggers = on ? 1u << who : 0;
	block->dirty = bitmap;
	tell_watchers(mem, block);
	free_kept(block);
	free(old);
	return log_slots(mem, block);
}

int mem_take(struct mem *mem, struct ram_block *block, enum mem_logger who,
             uint64_t *bitmap)
{
	uint64_t *mine = block->kept[who], *theirs = block->kept[!who];
	size_t words = log_words(block);
	int ret = 0;

	memset(bitmap, 0, words * sizeof(*bitmap));
	if (mem->kvm && shadow_has(mem->shadow, block))
		ret = shadow_take_dirty(mem->shadow, bitmap);
	else if (mem->kvm && block->gpa != MEM_NOWHERE)
		ret = kvm_take_dirty(mem->kvm, block->slot, bitmap);
	for (size_t i = 0; i < words && block->dirty; i++)
		bitmap[i] |= __atomic_exchange_n(&block->dirty[i], 0, __ATOMIC_RELAXED);
	for (size_t i = 0; i < words && theirs; i++)
		theirs[i] |= bitmap[i];
	for (size_t i = 0; i < words && mine; i++) {
		bitmap[i] |= mine[i];
		mine[i] = 0;
	}
	return ret;
}

bool mem_is_zero(const void *page)
{
	typedef uint64_t two __attribute__((vector_size(16), may_alias, aligned(1)));
	const two *p = page, *end = p + PAGE / sizeof(*p);

	for (; p < end; p += 8) {
		two any = p[0] | p[1] | p[2] | p[3] | p[4] | p[5] | p[6] | p[7];

		if (any[0] | any[1])
			return false;
	}
	return true;
}

void mem_set_shared(struct mem *mem, const void *host, uint64_t size)
{
	const uint8_t *first = host;

	for (unsigned i = 0; i < mem->ram_count; i++)
		if (mem->ram[i].host >= first && mem->ram[i].host < first + size)
			mem->ram[i].shared = true;
}

struct ram_block *mem_ram_block(struct mem *mem, unsigned index)
{
	return index < mem->ram_count ? &mem->ram[index] : NULL;
}

const struct ram_block *mem_ram(struct mem *mem, unsigned index)
{
	return index < mem->ram_count ? &mem->ram[index] : NULL;
}

/* Memory of a card that may leave the machine while it runs: an option ROM. */
static bool may_leave(const struct ram_block *block)
{
	return block->device && block->readonly;
}

/* The block that holds gpa; *len is cut to what lies in it. */
static struct ram_block *find_block(struct mem *mem, uint64_t gpa, uint64_t *len)
{
	unsigned count = __atomic_load_n(&mem->ram_count, __ATOMIC_ACQUIRE);

	for (unsigned i = 0; i < count; i++) {
		struct ram_block *block = &mem->ram[i];

		uint64_t base = __atomic_load_n(&block->gpa, __ATOMIC_RELAXED);

		/* Unsigned: below the block wraps to a huge offset. */
		if (base != MEM_NOWHERE && gpa - base < block->size && !block->io) {
			uint64_t room = block->size - (gpa - base);

			if (*len > room)
				*len = room;
			return block;
		}
	}
	return NULL;
}

void mem_mark_dirty(struct ram_block *block, uint64_t offset, uint64_t len)
{
	uint64_t first = offset / PAGE, last = (offset + len - 1) / PAGE;

	if (!block->dirty || !len)
		return;
	for (uint64_t p = first; p <= last; p++)
		__atomic_fetch_or(&block->dirty[p / 64], 1ull << (p % 64),
		                  __ATOMIC_RELAXED);
}

static bool range_is_ram(struct mem *mem, uint64_t gpa, uint64_t len, bool writable)
{
	while (len) {
		uint64_t part = len;
		struct ram_block *block = find_block(mem, gpa, &part);

		if (!block || (writable && block->readonly))
			return false;
		gpa += part;
		len -= part;
	}
	return true;
}

int dma_read(struct mem *mem, uint64_t gpa, void *buf, size_t len)
{
	if (!range_is_ram(mem, gpa, len, false))
		return -EFAULT;
	while (len) {
		uint64_t part = len;
		struct ram_block *block = find_block(mem, gpa, &part);

		memcpy(buf, block->host + (gpa - block->gpa), part);
		buf = (char *)buf + part;
		gpa += part;
		len -= part;
	}
	return 0;
}

static int dma_fill(struct mem *mem, uint64_t gpa, const void *buf, uint8_t byte,
                    size_t len)
{
	if (!range_is_ram(mem, gpa, len, true))
		return -EFAULT;
	while (len) {
		uint64_t part = len;
		struct ram_block *block = find_block(mem, gpa, &part);
		uint64_t offset = gpa - block->gpa;

		if (buf) {
			memcpy(block->host + offset, buf, part);
			buf = (const char *)buf + part;
		} else {
			memset(block->host + offset, byte, part);
		}
		mem_mark_dirty(block, offset, part);
		gpa += part;
		len -= part;
	}
	return 0;
}

int dma_write(struct mem *mem, uint64_t gpa, const void *buf, size_t len)
{
	return dma_fill(mem, gpa, buf, 0, len);
}

int dma_set(struct mem *mem, uint64_t gpa, uint8_t byte, size_t len)
{
	return dma_fill(mem, gpa, NULL, byte, len);
}

void *dma_map(struct mem *mem, uint64_t gpa, uint64_t len, bool writable)
{
	uint64_t part = len;
	struct ram_block *block = find_block(mem, gpa, &part);

	if (!block || part < len || (writable && block->readonly) ||
	    (block->device && !shadow_has(mem->shadow, block)))
		return NULL;
	return block->host + (gpa - block->gpa);
}

void dma_dirty(struct mem *mem, uint64_t gpa, uint64_t len)
{
	while (len) {
		uint64_t part = len;
		struct ram_block *block = find_block(mem, gpa, &part);

		if (!block)
			return;
		mem_mark_dirty(block, gpa - block->gpa, part);
		gpa += part;
		len -= part;
	}
}

void mem_pin(struct mem *mem, bool on)
{
	__atomic_fetch_add(&mem->pins, on ? 1 : -1, __ATOMIC_RELAXED);
}

void mem_discard(struct mem *mem, void *host, uint64_t len)
{
	uint8_t *first = host, *end = first + len;

	if (__atomic_load_n(&mem->pins, __ATOMIC_RELAXED))
		return;
	for (unsigned i = 0; i < mem->ram_count; i++) {
		struct ram_block *block = &mem->ram[i];
		uint64_t from = align_up(first - block->host, PAGE);
		uint64_t to = align_down(end - block->host, PAGE);

		if (first < block->host || end > block->host + block->size || from >= to)
			continue;
		madvise(block->host + from, to - from,
		        block->shared ? MADV_REMOVE : MADV_DONTNEED);
		mem_mark_dirty(block, from, to - from);
		return;
	}
}

int dma_iov(struct mem *mem, uint64_t gpa, uint64_t len, bool writable, struct iovec *iov,
            unsigned max, unsigned *count)
{
	while (len) {
		uint64_t part = len;
		struct ram_block *block = find_block(mem, gpa, &part);

		if (!block || (writable && block->readonly) || may_leave(block))
			return -EFAULT;
		if (*count >= max)
			return -ENOBUFS;
		iov[(*count)++] = (struct iovec){
			.iov_base = block->host + (gpa - block->gpa),
			.iov_len = part,
		};
		gpa += part;
		len -= part;
	}
	return 0;
}
