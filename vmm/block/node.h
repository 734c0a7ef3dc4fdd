/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Inside the block layer: nodes and their drivers.
 *
 * The node that a device attaches to is a format ("raw"); its child is the protocol that
 * stores the bytes ("file"). A driver's submit() gets a request that was checked against
 * the length of the top node; it ends in exactly one block_complete() or
 * block_complete_soon().
 */
#ifndef VMM_BLOCK_NODE_H
#define VMM_BLOCK_NODE_H

#include "common/log.h"
#include "vmm/block/aio.h"
#include "vmm/block/block.h"

struct block_driver {
	const char *name;
	void (*submit)(struct block_node *node, struct block_req *req);
	/* What block_call_soon() asked for; NULL: nothing does. */
	void (*soon)(struct block_node *node);
	/* block_map() of a range that was checked; NULL: all is data at the same place.
	 */
	int (*map)(struct block_node *node, uint64_t offset, uint64_t len,
	           struct block_extent *extent);
	/* 0: what the storage has by now. Updates node->length. */
	int (*resize)(struct block_node *node, uint64_t length, struct err *err);
	/* Another machine has the storage from now on: nothing is left to be written, and
	 * nothing will be. mine: no longer; what was known of it is read again. NULL:
	 * nothing is known, or kept back. */
	int (*refresh)(struct block_node *node, bool mine, struct err *err);
	/* Releases what the driver holds, the child first. */
	void (*close)(struct block_node *node);
};

struct block_node {
	const struct block_driver *driver;
	struct block_registry *reg;
	struct block_node *next;  /* in the registry: top nodes only */
	struct block_node *child; /* owned; NULL for a protocol */
	char *id, *path;
	char *node_name;      /* NULL: it has no medium, or is a child */
	bool no_drive, below; /* see struct block_info */
	uint64_t length;
	enum block_cache cache;
	bool readonly, discard, write_cache;
	uint8_t detect_zeroes; /* enum image_detect */
	uint32_t request_align;
	bool auto_close; /* with its device */
	/* the attached device */
	char *user;
	struct block_node **slot; /* its pointer to this node, or NULL */
	void (*resized)(void *opaque);
	void (*batch_done)(void *opaque);
	void *opaque;
	/* traffic */
	struct block_stats stats;
	unsigned in_flight;
	bool batch_pending, soon_pending;
	struct block_node *batch_next, *soon_next;
	struct ratelimit warned;
};

/* What -drive says about the image. */
struct image_opts {
	char *file, *id, *node_name;
	int format, cache, aio, discard, detect_zeroes, locking;
	bool readonly, snapshot, copy_on_read;
	bool may_write; /* readonly may end: opened to be written, where that is allowed
	                 */
	/* qcow2 */
	/* Instead of the header's: a node, "" for none, or a path. */
	char *backing, *backing_path, *backing_format;
	uint64_t cache_size, l2_cache_size; /* 0: by the size of the disk */
	int lazy_refcounts;
	/* Of images below others. */
	const struct image_chain *above;
};

/* The files of the images above, to find that one is below itself. */
struct image_chain {
	const struct image_chain *above;
	uint64_t dev, ino;
	unsigned depth;
};

enum image_format { FORMAT_AUTO, FORMAT_RAW, FORMAT_QCOW2 };
enum image_aio { IMAGE_AIO_AUTO, IMAGE_AIO_URING, IMAGE_AIO_NATIVE, IMAGE_AIO_THREADS };
enum image_detect { IMAGE_DETECT_OFF, IMAGE_DETECT_ON, IMAGE_DETECT_UNMAP };
/* Bit 0 is the meaning: ignore, unmap and their other names, off, on. */
enum image_discard { IMAGE_DISCARD_IGNORE, IMAGE_DISCARD_UNMAP };

struct aio *block_aio(struct block_registry *reg);
/* Between block_registry_hold() or _give() and _take(). */
bool block_is_held(const struct block_registry *reg);
void block_set_held(struct block_registry *reg, bool held);
/* handover.c: that node, and what is below it. */
int block_take_node(struct block_node *node, struct err *err);

/* Into the registry, at the end, if the name is free, and out of it. */
int block_link(struct block_node *node, struct err *err);
void block_unlink(struct block_node *node);
/* `new` is where node was; one that was not there changes nothing. */
void block_replace(struct block_node *node, struct block_node *new);
/* image-opts.c: by enum image_detect. */
extern const char *const block_detects[];
/* -EINVAL with a sentence when what the keys say is not to be had; of detect-zeroes
 * alone. */
int block_check_opts(const struct image_opts *image, struct err *err);
int block_check_detect(const struct image_opts *image, struct err *err);
/* As block_open_image(). */
struct block_node *block_open_by(struct block_registry *reg,
                                 const struct image_opts *image, struct err *err);
/* As block_open(), without a name and not in the registry. */
struct block_node *block_open_image(struct block_registry *reg, struct opt_list *opts,
                                    struct err *err);
/* -EBUSY with a sentence that names the user. */
int block_in_use(const struct block_node *node, struct err *err);

/* A request of a driver's own, with op, offset, len, iov, durable and done set, to a node
 * below: neither checked nor counted. It never completes inside. */
void block_submit_below(struct block_node *node, struct block_req *req);
/* Calls the driver's soon(), once, from the loop or from those who wait in it. */
void block_call_soon(struct block_node *node);
/* At the end of a pool job of a driver's, when what it completed has. */
void block_pool_ran(struct block_registry *reg);
/* Waits until something has completed, or has been called soon. */
void block_wait(struct block_registry *reg);

/* Completes a request now (not inside its submit). */
void block_complete(struct block_req *req, int ret);
/* Completes a request from the loop; for results known inside submit. */
void block_complete_soon(struct block_req *req, int ret);

/* file.c: opens the file or block device; NULL with err. */
struct block_node *file_open(struct block_registry *reg, const struct image_opts *opts,
                             struct err *err);
/* Reads at once, for probing: at most len bytes of the block of 4 KiB that begins at
 * offset; the count or -errno. */
int file_peek(struct block_node *node, uint64_t offset, void *buf, unsigned len);
/* Reads at once what the file below has, zeros behind its end: for opening, when no
 * thread may be started. 0 or -errno. */
int block_peek(struct block_node *node, uint64_t offset, void *buf, uint64_t len);
/* Bytes that a file's blocks take, or -1. */
int64_t file_allocated(const struct block_node *node);

/* The file can be written from now on, or not any longer; its lock follows. -errno with
 * a sentence. */
int file_set_readonly(struct block_node *node, bool readonly, struct err *err);

/* Identity of the file; false: it has none. */
bool file_identity(const struct block_node *node, uint64_t *dev, uint64_t *ino);
/* It is as long as what was written, and zeros behind. */
bool file_grows(const struct block_node *node);

/* blockdev.c: a node with the bytes of one that nobody uses, for `user`, which owns it.
 * NULL with a sentence. */
struct block_node *block_refer(struct block_registry *reg, const char *ref,
                               const char *user, struct err *err);
/* The same of that one. */
struct block_node *block_refer_to(struct block_node *child, const char *user,
                                  struct err *err);

/* overlay.c: an image for snapshot=on above one that has no name yet and is read-only:
 * NULL with a sentence, and the old one is as it was. */
struct block_node *block_put_temporary(struct block_node *node,
                                       const struct image_opts *image, struct err *err);

/* block.c: as block_open_image(), for images below others. */
struct block_node *block_open_below(struct block_registry *reg,
                                    const struct image_opts *image, struct err *err);

/* format.c: the format node above file, which it owns from then on (also on failure). */
struct block_node *format_open(struct block_registry *reg, struct block_node *file,
                               const struct image_opts *opts, struct err *err);

#endif
