/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * qcow2 images: what is on disk, its limits, and what programs beside the guest (vmm-img,
 * savevm) do with an opened one.
 *
 * The sections are those of QEMU's docs/interop/qcow2.txt. All numbers on disk are
 * big-endian. Functions run in the loop's thread (or under its lock), block until they
 * are done, and want a drained node; exceptions are said.
 */
#ifndef VMM_BLOCK_QCOW2_H
#define VMM_BLOCK_QCOW2_H

#include "vmm/block/block.h"

#include <assert.h>
#include <stddef.h>

/* ---- on disk ---- */

#define QCOW2_MAGIC 0x514649fbu /* "QFI\xfb" */

/* "Header", every member at its alignment. Version 2 ends before incompatible. */
struct qcow2_header {
	uint32_t magic, version;
	uint64_t backing_offset; /* of the name; 0: there is none */
	uint32_t backing_len;
	uint32_t cluster_bits;
	uint64_t size; /* of the disk, bytes */
	uint32_t crypt_method;
	uint32_t l1_size; /* entries */
	uint64_t l1_offset;
	uint64_t reftable_offset;
	uint32_t reftable_clusters;
	uint32_t snapshot_count;
	uint64_t snapshot_offset;
	/* version 3 */
	uint64_t incompatible, compatible, autoclear; /* features */
	uint32_t refcount_order;                      /* a refcount has 1 << order bits */
	uint32_t header_len;
	uint8_t compression; /* if header_len is more than 104 */
	uint8_t padding[7];
};
static_assert(sizeof(struct qcow2_header) == 112, "the header has 112 bytes");

enum {
	QCOW2_V2_HEADER = 72,
	QCOW2_V3_HEADER = 104,
	QCOW2_MIN_CLUSTER_BITS = 9,
	QCOW2_MAX_CLUSTER_BITS = 21,
	QCOW2_MAX_REFCOUNT_ORDER = 6,
	QCOW2_MAX_BACKING_NAME = 1023,
	QCOW2_MAX_L1_BYTES = 32 << 20,
	QCOW2_MAX_REFTABLE_BYTES = 8 << 20,
	QCOW2_MAX_SNAPSHOTS = 65536,
	QCOW2_MAX_SNAPSHOT_TABLE = 64 << 20, /* bytes, all snapshots */
	QCOW2_MAX_SNAPSHOT_EXTRA = 1024,     /* of one; more is refused */
};

/* Features, by their bits. */
enum qcow2_incompatible {
	QCOW2_DIRTY = 1 << 0,       /* refcounts may be too small */
	QCOW2_CORRUPT = 1 << 1,     /* not to be written before a repair */
	QCOW2_EXTERNAL = 1 << 2,    /* the data is in another file */
	QCOW2_COMPRESSION = 1 << 3, /* it is not zlib's */
	QCOW2_EXTENDED_L2 = 1 << 4, /* L2 entries have 16 bytes */
};
enum qcow2_compatible { QCOW2_LAZY_REFCOUNTS = 1 << 0 };
enum qcow2_autoclear { QCOW2_BITMAPS = 1 << 0, QCOW2_RAW_EXTERNAL = 1 << 1 };
enum qcow2_compression { QCOW2_ZLIB, QCOW2_ZSTD };

/* "Header extensions": type, length (without this and the padding to 8), data. */
struct qcow2_extension {
	uint32_t type, len;
} __attribute__((packed));
#define QCOW2_EXT_END           0u
#define QCOW2_EXT_BACKING_FMT   0xe2792acau
#define QCOW2_EXT_FEATURE_NAMES 0x6803f857u
#define QCOW2_EXT_BITMAPS       0x23852875u
#define QCOW2_EXT_CRYPTO        0x0537be77u
#define QCOW2_EXT_DATA_FILE     0x44415441u

/* "Cluster mapping": an L1 entry is COPIED and the offset of an L2 table. An L2 entry of
 * a cluster that is not compressed: COPIED, offset, ZERO (version 3). Compressed: the
 * offset in bytes in the low x = 62 - (cluster_bits - 8) bits, above them the number of
 * further sectors of 512 bytes. */
#define QCOW2_COPIED            (1ull << 63) /* the refcount is exactly one */
#define QCOW2_COMPRESSED        (1ull << 62)
#define QCOW2_ZERO              1ull
#define QCOW2_OFFSET_MASK       0x00fffffffffffe00ull
/* Of refcount table entries. */
#define QCOW2_REFTABLE_MASK     0xfffffffffffffe00ull

/* "Snapshots": followed by extra data, id and name, and padding to 8. */
struct qcow2_snapshot_header {
	uint64_t l1_offset;
	uint32_t l1_size; /* entries */
	uint16_t id_len, name_len;
	uint32_t date_sec, date_nsec;
	uint64_t vm_clock; /* ns */
	uint32_t vm_state_size;
	uint32_t extra_len;
} __attribute__((packed));
static_assert(sizeof(struct qcow2_snapshot_header) == 40, "of 40 bytes");

/* What is known of the extra data. */
struct qcow2_snapshot_extra {
	uint64_t vm_state_size, disk_size, icount;
} __attribute__((packed));

/* ---- of an opened image ---- */

struct qcow2_info {
	unsigned version; /* 2 or 3 */
	uint32_t cluster_size;
	unsigned refcount_bits;
	bool lazy_refcounts, dirty, corrupt;
	enum qcow2_compression compression;
	/* As the header has them, valid until the node is closed; NULL: none. */
	const char *backing_file, *backing_format;
	unsigned snapshots;
};

struct qcow2_snapshot {
	char *id, *name;
	uint32_t date_sec, date_nsec;
	uint64_t vm_clock;      /* ns */
	uint64_t vm_state_size; /* 0: of the disk only */
	uint64_t disk_size;
	uint64_t icount; /* UINT64_MAX: unknown */
	/* where it is */
	uint64_t l1_offset;
	uint32_t l1_size;
	uint32_t extra_len; /* as it was read */
	uint8_t *extra;
};

/* The node, or the one below a raw node or drive, is a qcow2 image: that node; else
 * NULL. The functions below take what this returns. */
struct block_node *qcow2_find(struct block_node *node);
void qcow2_get_info(const struct block_node *node, struct qcow2_info *info);

/* NULL behind the last one. Valid until the table changes. */
const struct qcow2_snapshot *qcow2_snapshot_at(const struct block_node *node, unsigned i);
/* By id first, then by name; NULL: there is none. */
const struct qcow2_snapshot *qcow2_snapshot_find(const struct block_node *node,
                                                 const char *id_or_name);
/* What the disk holds now gets a name. Of `values` name, date, vm_clock, vm_state_size
 * and icount count (id: NULL takes the next number). The vmstate area that was written
 * becomes the snapshot's. -errno with a sentence; nothing has changed then. */
int qcow2_snapshot_create(struct block_node *node, const struct qcow2_snapshot *values,
                          struct err *err);
/* The disk holds again what the snapshot does (and the vmstate area, too). Its size must
 * be the disk's, or the disk takes it where that is possible. */
int qcow2_snapshot_apply(struct block_node *node, const char *id_or_name,
                         struct err *err);
int qcow2_snapshot_delete(struct block_node *node, const char *id_or_name,
                          struct err *err);

/* READ or WRITE of the vmstate area: offset counts from its beginning and needs not be
 * within the disk, but both it and len are multiples of 512. Asynchronous, as
 * block_submit(). What was never written reads as zeros. */
void qcow2_vmstate_submit(struct block_node *node, struct block_req *req);
/* The same, waited for: any offset and length; 0 or -errno. */
int qcow2_vmstate_rw(struct block_node *node, bool write, uint64_t offset, void *buf,
                     uint64_t len);

/* Compresses one cluster (the last may be shorter) that was never written, and stores it.
 * offset: a multiple of the cluster size. Does not fit: stores it as it is. */
int qcow2_write_compressed(struct block_node *node, uint64_t offset, const void *buf,
                           uint64_t len, struct err *err);

#endif
