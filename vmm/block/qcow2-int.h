/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Inside the qcow2 driver.
 *
 * Everything runs in the loop's thread. Functions that need a table which is not in
 * memory start to read it and return -EAGAIN: nothing has changed then, and the caller
 * starts over when qcow2_wake() runs it again. So they never change anything before all
 * that they need is there.
 *
 * Metadata is changed in memory only; a commit (qcow2-commit.c) writes it back in the
 * order that keeps the image sound whenever it stops. A cluster that nobody needs any
 * more is free when the commit is through, not before.
 */
#ifndef VMM_BLOCK_QCOW2_INT_H
#define VMM_BLOCK_QCOW2_INT_H

#include "common/bytes.h"
#include "common/log.h"
#include "vmm/block/node.h"
#include "vmm/block/qcow2.h"

#include <endian.h>

/* ---- tables ---- */

enum qcow2_kind { QCOW2_REFBLOCK, QCOW2_L2 };

/* Part of a refcount block or L2 table, as it is on disk. */
struct qcow2_slice {
	uint64_t offset; /* in the file; 0: unused */
	uint8_t *data;
	enum qcow2_kind kind;
	bool loading, dirty, ahead; /* ahead: the commit that runs writes it */
	int error;                  /* of the load */
	unsigned pins;              /* who will change it */
	struct qcow2_slice *hash_next;
	struct qcow2_slice *prev, *next; /* by last use */
};

/* The L1 or the refcount table: whole, as on disk. */
struct qcow2_table {
	uint64_t *entries; /* big-endian */
	uint64_t offset;
	uint32_t count;
	uint32_t dirty_from, dirty_to; /* entries; none: from >= to */
};

struct qcow2_range {
	uint64_t first, count; /* clusters of the file */
};

struct qcow2_run;

/* ---- requests ---- */

enum {
	QCOW2_HEAD_LEN = 512,
	/* Of all requests, for copy-on-write and compressed data: the next ones wait. */
	QCOW2_MAX_BUFFERED = 16 << 20,
};

enum qcow2_park { QCOW2_PARK_NO, QCOW2_PARK_LOCK, QCOW2_PARK_TABLE };

/* In the scratch space of a block_req. Those whose range was mapped wrongly if another
 * changed it meanwhile are a list in the order of their arrival. */
struct qcow2_req {
	struct qcow2 *q;
	struct qcow2_req *next, **link;
	struct qcow2_req *parked_next;
	uint64_t start, pos, end; /* bytes of the disk; what is before pos is under way */
	unsigned pending;
	int ret;
	uint8_t parked; /* enum qcow2_park */
	bool running, exclusive, inside, changed, busy;
};

struct qcow2 {
	struct block_node node; /* child: the file */
	struct block_node *backing;
	struct qcow2_info info;
	char *backing_file, *backing_format;
	struct qcow2_header header;   /* host's byte order, as it shall be */
	struct qcow2_header stored;   /* as it is on disk */
	uint8_t head[QCOW2_HEAD_LEN]; /* the first bytes of the file */
	bool header_dirty;
	bool claims; /* no write before the header is stored */
	unsigned cluster_bits, l2_bits, slice_bits, order;
	uint64_t cluster_size;
	bool may_free; /* what is free is given back to the host */
	bool grows;    /* what is behind the end of the file is zeros */
	bool lazy;
	struct qcow2_table l1, reftable;
	/* slices */
	struct qcow2_slice **hash, *last[2];
	struct qcow2_slice used; /* ring, first the one that was not used for longest */
	unsigned hash_bits, slices, max_slices, dirty[2];
	void **chunks; /* of slices' memory */
	unsigned chunk_count;
	/* allocation */
	uint64_t hint; /* no cluster before it is free */
	uint64_t end;  /* bytes of the file; what is behind was never written */
	struct qcow2_range *frees;
	unsigned free_count, free_max;
	/* requests */
	struct qcow2_req *reqs, **reqs_tail;
	struct qcow2_req *parked, **parked_tail;
	unsigned locked; /* of them, those that wait for a range */
	struct qcow2_sub *idle_subs;
	unsigned work;     /* transfers of this driver that are under way */
	uint64_t buffered; /* bytes, see QCOW2_MAX_BUFFERED */
	struct qcow2_commit *commit;
	bool wants_commit;
	struct block_req *flushes, **flushes_tail; /* for the next commit */
	struct qcow2_snapshot *snapshots;
	uint64_t snapshot_len; /* bytes of their table */
};

/* A request of the driver's own. */
struct qcow2_sub {
	struct block_req req;
	struct qcow2 *q;
	struct qcow2_req *parent; /* may be NULL */
	void (*done)(struct qcow2_sub *sub, int ret);
	void *opaque;
	struct iovec one, *many;
	struct qcow2_sub *next;
};

static inline struct qcow2 *to_qcow2(const struct block_node *node)
{
	return (struct qcow2 *)node;
}

extern const struct block_driver qcow2_driver;

/* ---- qcow2-io.c ---- */

/* NULL when memory is short. Ends in qcow2_sub_free(). */
struct qcow2_sub *qcow2_sub_new(struct qcow2 *q, struct qcow2_req *parent,
                                void (*done)(struct qcow2_sub *sub, int ret));
void qcow2_sub_free(struct qcow2_sub *sub);
/* To a node below. buf: NULL for what has none, or req.iov is set already. */
void qcow2_sub_submit(struct qcow2_sub *sub, struct block_node *node, enum block_op op,
                      uint64_t offset, void *buf, uint64_t len);
/* A part of the parent's request is through. */
void qcow2_part_done(struct qcow2_req *qr, int ret);
/* Runs parked requests again: those that wait for that. */
void qcow2_wake(struct qcow2 *q, enum qcow2_park reason);
void qcow2_start(struct qcow2 *q, struct block_req *req, uint64_t base, bool inner);
void qcow2_submit(struct block_node *node, struct block_req *req);
void qcow2_soon(struct block_node *node);
/* The run at the request's pos has a place: one transfer of it, and pos is behind it. */
int qcow2_step_place(struct qcow2_req *qr, enum block_op op, const struct qcow2_run *r);
/* How many of the bytes at pos the backing file has. */
uint64_t qcow2_backed(const struct qcow2 *q, uint64_t pos, uint64_t len);
/* Waits for something, after -EAGAIN. */
void qcow2_wait(struct qcow2 *q);
/* The image is wrong at `offset`: says so, and takes no more writes. -EIO. */
int qcow2_corrupt(struct qcow2 *q, const char *what, uint64_t offset);

/* ---- qcow2-cache.c ---- */

int qcow2_cache_init(struct qcow2 *q, uint64_t bytes);
void qcow2_cache_free(struct qcow2 *q);
/* The slice at that offset of the file. 0, -EAGAIN, -errno. */
int qcow2_slice_get(struct qcow2 *q, enum qcow2_kind kind, uint64_t offset,
                    struct qcow2_slice **slice);
void qcow2_slice_dirty(struct qcow2 *q, struct qcow2_slice *slice);
/* A new table of one cluster, all zeros, in memory. 0 or -ENOMEM. */
int qcow2_slices_new(struct qcow2 *q, enum qcow2_kind kind, uint64_t offset);
/* All slices of the L2 table `from` are in memory, clean or not: they become `to`'s, and
 * dirty. 0 or -EAGAIN, -errno. */
int qcow2_slices_load(struct qcow2 *q, enum qcow2_kind kind, uint64_t offset);
void qcow2_slices_move(struct qcow2 *q, uint64_t from, uint64_t to);
/* Forgets a table that is freed. */
void qcow2_slices_drop(struct qcow2 *q, uint64_t offset);
void qcow2_table_set(struct qcow2_table *table, uint32_t index, uint64_t value);

/* ---- qcow2-map.c ---- */

enum qcow2_state {
	QCOW2_UNALLOCATED,
	QCOW2_ZEROES,     /* no place */
	QCOW2_ZERO_PLACE, /* a place is kept */
	QCOW2_DATA,
	QCOW2_DEFLATED
};
struct qcow2_run {
	enum qcow2_state state;
	uint64_t len;   /* bytes */
	uint64_t host;  /* DATA, ZERO_PLACE: of the first byte in the file */
	bool copied;    /* may be written in place */
	uint64_t entry; /* DEFLATED */
};
/* What is at `pos` of the disk and, alike, behind it, at most len bytes. */
int qcow2_lookup(struct qcow2 *q, uint64_t pos, uint64_t len, struct qcow2_run *run);
/* The state that an L2 entry says; -EIO: none that can be. */
int qcow2_entry_state(struct qcow2 *q, uint64_t entry);
/* Where the compressed data of an entry is. */
void qcow2_deflated(const struct qcow2 *q, uint64_t entry, uint64_t *offset,
                    uint32_t *len);
/* The slice that maps pos, for changes: its table exists and is the active one's only. */
int qcow2_map_writable(struct qcow2 *q, uint64_t pos, struct qcow2_slice **slice,
                       unsigned *index);
/* Enough entries in the L1 table. */
int qcow2_grow_l1(struct qcow2 *q, uint64_t count);
static inline uint64_t qcow2_l1_span_bits(const struct qcow2 *q)
{
	return q->cluster_bits + q->l2_bits;
}
/* The first byte of the vmstate area. */
uint64_t qcow2_vmstate_offset(const struct qcow2 *q);

/* ---- qcow2-alloc.c ---- */

/* Between min and max clusters in a row, whose refcounts are one then. */
int qcow2_alloc(struct qcow2 *q, uint64_t min, uint64_t max, struct qcow2_range *range);
int qcow2_ref_get(struct qcow2 *q, uint64_t cluster, uint64_t *value);
/* delta: 1 or -1. -ERANGE: the refcount is at its end. */
int qcow2_ref_add(struct qcow2 *q, uint64_t cluster, int delta);
/* One reference less, when the commit that comes has made it true on disk. */
int qcow2_free(struct qcow2 *q, uint64_t offset, uint64_t bytes);
/* What an L2 entry refers to. */
int qcow2_free_entry(struct qcow2 *q, uint64_t entry);
/* Applies frees[0 … count): -EAGAIN: some are left, in *count. */
int qcow2_apply_frees(struct qcow2 *q, struct qcow2_range *frees, unsigned *count);
/* Bytes of the file that guests' data must not be written to. */
bool qcow2_is_metadata(const struct qcow2 *q, uint64_t offset, uint64_t len);

/* ---- qcow2-write.c ---- */

/* Steps of a request at its pos: 0 and pos is further, or -EAGAIN (parked, or it must
 * become exclusive), or -errno. */
int qcow2_step_write(struct qcow2_req *qr);
int qcow2_step_zeroes(struct qcow2_req *qr);
int qcow2_step_discard(struct qcow2_req *qr);

/* ---- qcow2-commit.c ---- */

/* A commit begins soon, and covers all that is done by now; req (may be NULL) completes
 * with it. */
void qcow2_commit(struct qcow2 *q, struct block_req *req);
/* When too much has piled up. */
void qcow2_commit_if_full(struct qcow2 *q);
/* All on disk and at rest; clean: the image is left as one that nobody has open. */
int qcow2_commit_wait(struct qcow2 *q, bool clean);
bool qcow2_is_dirty(const struct qcow2 *q);
void qcow2_commit_step(struct qcow2 *q);

/* False while what was freed is given back: -EAGAIN for those who want clusters. */
bool qcow2_may_allocate(const struct qcow2 *q);

/* ---- qcow2-open.c ---- */

/* The format above file, which it owns from then on (also on failure). */
struct block_node *qcow2_open(struct block_registry *reg, struct block_node *file,
                              const struct image_opts *opts, struct err *err);
/* Every cluster of [from, to), of the disk or behind it, is gone; blocks. */
int qcow2_unmap(struct qcow2 *q, uint64_t from, uint64_t to);

/* The first bytes of the file with that header. */
void qcow2_pack_header(const struct qcow2 *q, const struct qcow2_header *header,
                       uint8_t *sector);

/* ---- qcow2-deflate.c ---- */

/* Raw deflate (RFC 1951): exactly out_len bytes, or -EIO. Any thread. */
int inflate_raw(const uint8_t *in, size_t in_len, uint8_t *out, size_t out_len);
int qcow2_step_deflated(struct qcow2_req *qr, const struct qcow2_run *run);

/* ---- qcow2-snap.c ---- */

int qcow2_read_snapshots(struct qcow2 *q, struct err *err);
void qcow2_free_snapshots(struct qcow2 *q);

#endif
