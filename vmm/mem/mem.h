/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Guest-physical memory and port space: RAM blocks, device regions, checked access to
 * guest RAM, and the dispatch of vCPU accesses to regions.
 *
 * RAM never moves once added, so that host addresses from dma_map() and dma_iov() stay
 * valid for the life of the machine. Regions, and with them the memory of devices, change
 * only under the machine lock: with it the dma_ functions may be used from any thread.
 * All user-space access to guest RAM goes through this header.
 */
#ifndef VMM_MEM_MEM_H
#define VMM_MEM_MEM_H

#include "common/err.h"
#include "common/strbuf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

struct kvm_vm;
struct mem;
struct region;

enum mem_space { MEM_PIO, MEM_MMIO, MEM_SPACES };

/* kvm may be NULL: then nothing is registered with KVM, and ioeventfds are signalled by
 * mem_access() itself (boards without vCPUs in tests). */
struct mem *mem_new(struct kvm_vm *kvm, struct err *err);
void mem_free(struct mem *mem);

/* ---- RAM ---- */

/* Who wants to know what was written; each has a log of its own. */
enum mem_logger { MEM_LOG_SCREEN, MEM_LOG_MOVE, MEM_LOGGERS };

struct ram_block {
	const char *name;   /* static */
	uint64_t gpa, size; /* gpa: MEM_NOWHERE while a device's memory is not placed */
	uint8_t *host;
	bool shared;   /* other processes, or a file, have it too */
	bool readonly; /* writes by the guest are dropped into a region below, or lost */
	uint64_t *dirty; /* one bit per 4 KiB page while dirty logging is on, else NULL */
	uint64_t *kept[MEM_LOGGERS]; /* what the other logger took already, while there
	                                are two */
	unsigned loggers;            /* 1 << enum mem_logger */
	unsigned slot;
	bool device; /* no plain RAM: it moves, or changes its rules */
	bool io;     /* registers of a real function: no RAM to us, only to vCPUs */
};

#define MEM_MAX_RAM 64
#define MEM_NOWHERE UINT64_MAX

/*
 * Maps `size` bytes of guest RAM at gpa, backed by `host` (page aligned, owned by the
 * caller and valid until mem_free()). Both are multiples of 4 KiB; blocks do not overlap.
 */
int mem_add_ram(struct mem *mem, const char *name, uint64_t gpa, uint64_t size,
                void *host, bool readonly, struct err *err);
/*
 * Memory of a device, which the guest moves about with a BAR (framebuffer, option ROM):
 * RAM in every respect, but it answers only while a region that has it as `ram` is
 * mapped. The block stays in the list; `host` is valid until mem_drop_ram(). NULL with a
 * sentence on failure.
 */
struct ram_block *mem_add_device_ram(struct mem *mem, const char *name, uint64_t size,
                                     void *host, bool readonly, struct err *err);
/* Takes the memory of a mapped region away from vCPUs, whose accesses then go to the
 * region's ops, or gives it back. Idempotent. */
void mem_show_ram(struct region *region, bool on);
/* The device goes away: its region is unmapped, and the block is one without bytes, until
 * another device's memory takes its place. Accepts NULL. */
void mem_drop_ram(struct ram_block *block);
/* Notes writes by vCPUs and by user space from now on, or no longer. Machine lock. 0 or
 * -errno. */
int mem_log(struct mem *mem, struct ram_block *block, enum mem_logger who, bool on);
/* Copies what was written since that logger's last call (size / 4096 bits, in whole
 * uint64_t) and forgets it. The block is logged. 0 or -errno. */
int mem_take(struct mem *mem, struct ram_block *block, enum mem_logger who,
             uint64_t *bitmap);
/* Both for the screen. */
static inline int mem_log_dirty(struct mem *mem, struct ram_block *block, bool on)
{
	return mem_log(mem, block, MEM_LOG_SCREEN, on);
}
static inline int mem_take_dirty(struct mem *mem, struct ram_block *block,
                                 uint64_t *bitmap)
{
	return mem_take(mem, block, MEM_LOG_SCREEN, bitmap);
}
/* User space wrote there, other than through dma_. */
void mem_mark_dirty(struct ram_block *block, uint64_t offset, uint64_t len);
/* 4 KiB are zero. */
bool mem_is_zero(const void *page);
/* The memory at host is a shared mapping: to give pages back takes them from all. */
void mem_set_shared(struct mem *mem, const void *host, uint64_t size);
/* Some RAM that is no device's is logged. */
bool mem_is_logged(const struct mem *mem);
/* Is told after such RAM was added, or its logging was turned on or off: who has others
 * write to it, which logs nothing. Machine lock. Embed it. */
struct mem_watcher {
	void (*changed)(struct mem_watcher *watcher);
	struct mem_watcher *next;
};
void mem_watch(struct mem *mem, struct mem_watcher *watcher);
void mem_unwatch(struct mem *mem, struct mem_watcher *watcher);
/* Block by index, or NULL past the last. */
const struct ram_block *mem_ram(struct mem *mem, unsigned index);
/* The same, for who logs or loads it. */
struct ram_block *mem_ram_block(struct mem *mem, unsigned index);
/* Allocates anonymous, lazily populated memory at a multiple of 2 MiB, huge-page friendly
 * behind the first 2 MiB; NULL and err on failure. */
void *mem_alloc(uint64_t size, struct err *err);

/* ---- RAM that a chip set hides from processors ---- */

enum {
	MEM_SHADOW_READ = 1, /* processors read the RAM, else what lies behind it */
	MEM_SHADOW_WRITE = 2,
	MEM_SHADOW_PART = 16 << 10,
	MEM_SHADOW_PARTS = 16,
};

/* Like mem_add_ram() for MEM_SHADOW_PARTS parts, which processors access as `access`
 * says. One for each machine. */
int mem_add_shadow(struct mem *mem, const char *name, uint64_t gpa, void *host,
                   unsigned access, struct err *err);
/* What lies behind: `size` bytes (whole parts), of which the last is the last of the
 * shadow; nothing before. `rom` stays the caller's. */
void mem_set_shadow_rom(struct mem *mem, const uint8_t *rom, uint64_t size);
/* The access of each part; without a shadow nothing happens. Machine lock. */
void mem_set_shadow(struct mem *mem, const uint8_t access[MEM_SHADOW_PARTS]);

/* ---- checked access to guest RAM (any thread) ---- */

/* Copies; -EFAULT when any byte of the range is not RAM (nothing is copied then). */
int dma_read(struct mem *mem, uint64_t gpa, void *buf, size_t len);
int dma_write(struct mem *mem, uint64_t gpa, const void *buf, size_t len);
int dma_set(struct mem *mem, uint64_t gpa, uint8_t byte, size_t len);
/* Host address of a range that lies in one RAM block, else NULL; a device's memory, which
 * moves and may go, is none. A caller that writes through it calls dma_dirty() afterwards
 * (writable must be true, or a read-only block is accepted). */
void *dma_map(struct mem *mem, uint64_t gpa, uint64_t len, bool writable);
/* Marks a range as written by user space. */
void dma_dirty(struct mem *mem, uint64_t gpa, uint64_t len);
/* Gives the whole pages of a range back to the host; the guest reads zeros from them.
 * host and len are of one dma_map() or one segment of dma_iov(), writable. */
void mem_discard(struct mem *mem, void *host, uint64_t len);
/* Real devices know where the pages are (true), or one user fewer says so: none is given
 * back meanwhile. Machine lock. */
void mem_pin(struct mem *mem, bool on);
/* Appends the range to iov (at most max entries, *count is advanced). -EFAULT outside
 * RAM and in a device's read-only memory, which goes with its card; -ENOBUFS when iov is
 * full. */
int dma_iov(struct mem *mem, uint64_t gpa, uint64_t len, bool writable, struct iovec *iov,
            unsigned max, unsigned *count);

/* ---- regions ---- */

struct region_ops {
	/* offset is relative to the region and the access lies inside it, at any
	 * alignment; size is 1, 2, 4 or 8, at most max_size (wider accesses are split).
	 * NULL: reads all ones, or drops writes. Runs under the machine lock. */
	uint64_t (*read)(void *opaque, uint64_t offset, unsigned size);
	void (*write)(void *opaque, uint64_t offset, uint64_t value, unsigned size);
	unsigned max_size; /* 0: 4 for PIO, 8 for MMIO */
	/* May be NULL. `count` accesses at one offset whose data lie one behind the
	 * other: does as many of them as it can at once and returns their number; 0:
	 * none. */
	unsigned (*repeat)(void *opaque, uint64_t offset, void *data, unsigned size,
	                   unsigned count, bool is_write);
};

/* An eventfd that a write inside a region signals instead of running the region's write
 * op. */
struct region_event {
	uint64_t offset;
	unsigned size; /* 1, 2, 4, 8, or 0: any size */
	bool match;    /* only writes of `value` */
	uint64_t value;
	int fd;
};

struct region {
	const char *name; /* static, shown by `info mtree` */
	uint64_t size;
	const struct region_ops *ops;
	void *opaque;
	/* Memory that KVM lets the guest use directly where it can; ops may then be NULL.
	 * `size` is the block's. */
	struct ram_block *ram;
	/* MMIO where the order of writes matters among themselves alone: KVM may collect
	 * them (mem_flush()). */
	bool collects;
	int priority; /* where regions overlap the higher one answers; then the later
	                 mapped */
	/* set by mem_map(): */
	struct mem *mem; /* NULL while unmapped */
	enum mem_space space;
	uint64_t base;
	unsigned serial;
	struct region_event *events;
	unsigned event_count;
};

/* Makes a region answer at base (it must be unmapped). -EINVAL beyond the space. */
int mem_map(struct mem *mem, enum mem_space space, struct region *region, uint64_t base);
/* Idempotent. Keeps the region's events for a later mem_map(). */
void mem_unmap(struct region *region);
/* Adds or removes an event; effective at once when mapped, else at mem_map(). The fd
 * stays the caller's. 0 or -ENOMEM. */
int region_add_event(struct region *region, const struct region_event *event);
void region_remove_event(struct region *region, const struct region_event *event);
/* Frees the event list of an unmapped region. */
void region_free(struct region *region);

/* Runs the writes that KVM collected. Every access does so first; who looks at what they
 * change without one calls it. Machine lock. */
void mem_flush(struct mem *mem);
/*
 * One access of a vCPU (or of a test): machine lock held, len 1 to 8. A read fills data;
 * where nothing answers it reads all ones. An access that leaves the region of its first
 * byte is split there.
 */
void mem_access(struct mem *mem, enum mem_space space, uint64_t addr, void *data,
                unsigned len, bool is_write);
/* `count` of them at one address, their data one behind the other: a string instruction
 * at a port. */
void mem_access_repeat(struct mem *mem, enum mem_space space, uint64_t addr, void *data,
                       unsigned len, unsigned count, bool is_write);
/* The map as text, one range a line. */
void mem_dump(struct mem *mem, struct strbuf *out);

#endif
