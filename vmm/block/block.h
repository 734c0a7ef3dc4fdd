/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Block back ends: a node is an opened image that serves asynchronous requests on one
 * loop.
 *
 * Requests are submitted and completed in the loop's thread; a completion never runs
 * inside its own block_submit(). No request is lost: each completes exactly once, with 0
 * or -errno.
 */
#ifndef VMM_BLOCK_BLOCK_H
#define VMM_BLOCK_BLOCK_H

#include "common/err.h"
#include "common/opts.h"
#include "vmm/loop/loop.h"

#include <sys/uio.h>

struct block_node;
struct block_registry;

enum block_op { BLOCK_READ, BLOCK_WRITE, BLOCK_FLUSH, BLOCK_DISCARD, BLOCK_WRITE_ZEROES };

enum block_cache {
	BLOCK_WRITEBACK,
	BLOCK_WRITETHROUGH,
	BLOCK_NONE,
	BLOCK_UNSAFE,
	BLOCK_DIRECTSYNC
};

struct block_req {
	enum block_op op;
	uint64_t offset, len;    /* bytes, multiples of 512 within the node's length */
	const struct iovec *iov; /* READ, WRITE: host memory of len bytes in all */
	unsigned iov_count;
	bool may_unmap; /* WRITE_ZEROES may deallocate */
	void (*done)(struct block_req *req, int ret);
	void *opaque;
	/* for the node */
	bool durable;       /* must be on stable storage when it completes */
	bool below;         /* it is a driver's */
	uint64_t submitted; /* loop_now() */
	struct block_req *next;
	struct block_node *node;
	int result;
	unsigned char scratch[176] __attribute__((aligned(8)));
};

struct block_info {
	uint64_t length; /* bytes, a multiple of 512 */
	bool readonly;
	bool discard;              /* discard reaches the host */
	enum block_cache cache;    /* as cache= says */
	bool write_cache;          /* false: every write is durable when it completes */
	uint32_t request_align;    /* offsets, lengths and memory of READ and WRITE
	                              (O_DIRECT) */
	const char *path, *format; /* NULL: no medium */
	const char *id;
	/* Of the image, by which blockdev-… commands know it ("#block0" when nobody gave
	 * it one); NULL: no medium. */
	const char *node_name;
	const char *detect_zeroes; /* off, on, unmap */
	bool no_drive; /* id is only that name: the image came with blockdev-add */
	bool below;    /* its user is another node, no device */
};

struct block_stats {
	/* By enum block_op; what failed is among errors only. */
	uint64_t bytes[5], ops[5], errors[5];
	uint64_t time[5]; /* ns, from submission to completion */
	uint64_t last;    /* loop_now() of the last completion; 0: there was none */
	uint64_t highest_written; /* offset behind the last byte that was written */
};

/* Ignores SIGXFSZ from now on. NULL when memory is short. */
struct block_registry *block_registry_new(struct loop *loop);
/* fn hears of each request that failed, in the loop. code: positive errno. */
void block_registry_on_error(struct block_registry *reg,
                             void (*fn)(void *opaque, const char *id, bool is_write,
                                        int code),
                             void *opaque);
void block_registry_free(struct block_registry *reg); /* closes every node */

/* A machine that moves takes its disks along. Images that are opened from now on are
 * another's still, and not locked. */
void block_registry_hold(struct block_registry *reg);
/* Nothing is in flight: what was written becomes durable, and the locks go. 0, or -errno
 * with a sentence; the locks are kept then. */
int block_registry_give(struct block_registry *reg, struct err *err);
/* The images are this machine's again, as they are by now. -EBUSY with a sentence while
 * another has one; nothing is taken then. Idempotent. */
int block_registry_take(struct block_registry *reg, struct err *err);

/* Sets up what requests will need, while this process may; without an image nothing. */
void block_registry_ready(struct block_registry *reg);

/* Opens the image of one -drive (keys file, format, id, readonly, cache, aio, discard,
 * detect-zeroes …; those of the guest side, if, index, media, serial, are left unused in
 * opts). Takes the OFD lock: shared for read-only, exclusive for writing. */
struct block_node *block_open(struct block_registry *reg, struct opt_list *opts,
                              struct err *err);
/* The image that the members of QMP's BlockdevOptions describe ("file.filename" …). NULL
 * with a sentence. */
struct block_node *block_add_node(struct block_registry *reg, struct opt_list *opts,
                                  struct err *err);
void block_close(struct block_node *node); /* drained and not in use */
/* For users who take an image away: at once. A device that has it stays, and gets
 * -ENOMEDIUM for everything from now on; the name is free. */
void block_remove(struct block_node *node);
/* The image came with -drive or drive_add: it goes when its device is unplugged. */
void block_set_auto_close(struct block_node *node);
/* By its id or its node name. */
struct block_node *block_find(struct block_registry *reg, const char *id);
/* The same for a device that wants it: NULL with a sentence. Both may be NULL. */
struct block_node *block_want(struct block_registry *reg, const char *id,
                              struct err *err);
/* The image after node, or the first for NULL; NULL at the end. */
struct block_node *block_next(struct block_registry *reg, struct block_node *node);
/* The device that claimed the node, or NULL. */
const char *block_user(const struct block_node *node);

void block_get_info(const struct block_node *node, struct block_info *info);
/* Bytes that the image takes on the host; -1 where that is not known. */
int64_t block_allocated(const struct block_node *node);
const struct block_stats *block_get_stats(const struct block_node *node);
/* Claims the node for one device; -EBUSY with a sentence when it has one. *slot, where
 * the device keeps node, gets the image that is put above it; NULL: none is. resized is
 * called (in the loop) when the length changed. */
int block_attach(struct block_node *node, struct block_node **slot, const char *device,
                 void (*resized)(void *opaque), void *opaque, struct err *err);
void block_detach(struct block_node *node);
/* The same for a device that was unplugged. The node may be gone afterwards. */
void block_release(struct block_node *node);
/* For the attached device: fn (with block_attach()'s opaque) runs once after each batch
 * of completions, so that one interrupt tells of all of them. */
void block_set_batch_done(struct block_node *node, void (*fn)(void *opaque));
/* The guest turns the write cache off (every write is durable when it completes) or on
 * again. */
void block_set_write_cache(struct block_node *node, bool on);

/* ---- images above others ---- */

struct block_above {
	const char *file, *format; /* format NULL: qcow2 */
	const char *node_name;     /* NULL: one is made up */
	bool existing;             /* the file is an image already */
};

/* Whether that can be: -errno with a sentence. */
int block_may_put_above(const struct block_node *node, struct err *err);
/* An image that may be put above node, made and opened; block_close() takes it back. NULL
 * with a sentence. */
struct block_node *block_new_above(struct block_node *node, const struct block_above *how,
                                   struct err *err);
/* `new`, which has nothing below and no user, takes node's place: its name, device and
 * counters. node is below it and read-only. -errno with a sentence; nothing has changed
 * then. */
int block_put_above(struct block_node *node, struct block_node *new, struct err *err);
/* What the image has goes into the one below, and the image is empty then. -errno with a
 * sentence. */
int block_commit(struct block_node *node, struct err *err);

/* ---- drives whose medium comes and goes ---- */

/* What the device does for its drive; opaque is that of block_attach_tray(). */
struct block_tray {
	bool (*is_open)(void *opaque);
	bool (*is_locked)(void *opaque);
	/* The host wants the medium, which the guest has locked. force: the lock is void.
	 */
	void (*request)(void *opaque, bool force);
	/* Moves the tray; nothing is in flight. Once it is closed, what is in it counts.
	 */
	void (*move)(void *opaque, bool open);
};

/* An empty drive of that name. NULL with a sentence. */
struct block_node *block_new_drive(struct block_registry *reg, const char *id,
                                   struct err *err);
/* Makes an image that nobody uses the medium of a drive, which takes over its name; a
 * drive is returned as it is. NULL with a sentence. */
struct block_node *block_make_removable(struct block_node *medium, struct err *err);
/* block_attach() for a device with a tray. */
int block_attach_tray(struct block_node *node, const char *device,
                      const struct block_tray *tray, void *opaque, struct err *err);
bool block_is_removable(const struct block_node *node);
bool block_tray_is_open(const struct block_node *node);
bool block_tray_is_locked(const struct block_node *node);
/* Of drives; -errno with a sentence when the node is none, or the guest has locked the
 * tray
 * (-EBUSY), which is told of the wish then. */
int block_open_tray(struct block_node *node, bool force, struct err *err);
int block_close_tray(struct block_node *node, struct err *err);
/* The tray is open. A medium that was inserted stays as it was before, others are closed.
 */
int block_remove_medium(struct block_node *node, struct err *err);
int block_insert_medium(struct block_node *node, struct block_node *medium,
                        struct err *err);
/* Opens an image (keys of block_open()) and puts it in; the tray is closed then. */
int block_change_medium(struct block_node *node, struct opt_list *opts, bool force,
                        struct err *err);

/* A volume on a CD says how long it is (ECMA-119, 8.4.8): -EINVAL and a sentence when the
 * image is shorter, a copy that broke off; it can be used all the same. 0: nothing is
 * wrong, or it is no such volume. */
int block_check_cd(struct block_node *node, struct err *err);
/* False: it is a volume that lacks the boot record without which no firmware starts from
 * it ("El Torito" 1.0, 2.0). */
bool block_cd_boots(struct block_node *node);

/* The keys that block_open() takes: for help, and to tell which keys there are. */
extern const struct opt_desc block_options[];

/* Starts a request; out-of-range ones complete with -EINVAL. */
void block_submit(struct block_node *node, struct block_req *req);
/* Tells the kernel about everything submitted since the last call (one system call).
 * Requests that are done by then complete inside. */
void block_kick(struct block_node *node);
/* Waits until no request is in flight (completions run meanwhile). */
void block_drain(struct block_node *node);
/* Writes everything back that the image's formats keep, and waits. 0 or -errno. */
int block_flush(struct block_node *node);
/* One READ, WRITE, WRITE_ZEROES or DISCARD, waited for (other requests complete
 * meanwhile). The node may be one of those below. 0 or -errno. */
int block_rw(struct block_node *node, enum block_op op, uint64_t offset, void *buf,
             uint64_t len);
/* The same past the submit() of a driver's own. */
typedef void block_submit_fn(struct block_node *node, struct block_req *req);
int block_rw_by(block_submit_fn *submit, struct block_node *node, enum block_op op,
                uint64_t offset, void *buf, uint64_t len);

/* Where a range of an image comes from. */
enum block_where {
	BLOCK_HOLE, /* nowhere: no image of the chain has it, it reads as zeros */
	BLOCK_ZERO, /* the image says that it is zeros */
	BLOCK_DATA, /* at `offset` of the file */
	BLOCK_COMPRESSED,
	BLOCK_BACKING /* the image has nothing: what the backing file has counts */
};
struct block_extent {
	enum block_where where;
	uint64_t len;    /* bytes, at most what was asked for; never 0 */
	bool has_offset; /* DATA, and ZERO of a place that is kept for it */
	uint64_t offset; /* in the file of this image */
};
/* What holds for the first bytes of a range within the node's length; of this image alone
 * (block_backing() for what BACKING means). Blocks. 0 or -errno. */
int block_map(struct block_node *node, uint64_t offset, uint64_t len,
              struct block_extent *extent);
/* The image below which the one of node was made, or NULL. It belongs to the node, or
 * blockdev-add brought it. */
struct block_node *block_backing(const struct block_node *node);

/* Changes the length, or with length 0 takes the length that the file or volume has by
 * now; calls resized when it differs. Drains first. */
int block_resize(struct block_node *node, uint64_t length, struct err *err);

#endif
