// SPDX-License-Identifier: GPL-2.0-or-later
/* The keys of -drive and -blockdev that are about the image: names, help, checks. */
#include "vmm/block/node.h"

#include <stddef.h>

static const char *const formats[] = { "auto", "raw", "qcow2", NULL };
static const char *const caches[] = { "writeback", "writethrough", "none",
	                              "unsafe",    "directsync",   NULL };
static const char *const aios[] = { "auto", "io_uring", "native", "threads", NULL };
static const char *const discards[] = { "ignore", "unmap", "off", "on", NULL };
const char *const block_detects[] = { "off", "on", "unmap", NULL };

#define FIELD(f) .offset = offsetof(struct image_opts, f)

const struct opt_desc block_options[] = {
	{ .name = "file", .type = OPT_STR, FIELD(file), .help = "path of the image" },
	OPT_ALIAS_ROW("file.filename", "file"),
	{ .name = "id", .type = OPT_STR, FIELD(id), .help = "name of the drive" },
	{ .name = "node-name",
	  .type = OPT_STR,
	  FIELD(node_name),
	  .help = "name of the drive, if there is no id" },
	{ .name = "format",
	  .type = OPT_ENUM,
	  FIELD(format),
	  OPT_CHOICES(formats, FORMAT_AUTO),
	  .help = "of the image" },
	OPT_ALIAS_ROW("driver", "format"),
	{ .name = "readonly",
	  .type = OPT_BOOL,
	  FIELD(readonly),
	  .def = "off",
	  .help = "never write to the image" },
	OPT_ALIAS_ROW("read-only", "readonly"),
	{ .name = "cache",
	  .type = OPT_ENUM,
	  FIELD(cache),
	  OPT_CHOICES(caches, 0),
	  .help = "host page cache and when writes are durable" },
	{ .name = "aio",
	  .type = OPT_ENUM,
	  FIELD(aio),
	  OPT_CHOICES(aios, 0),
	  .help = "how requests reach the kernel (native: io_uring)" },
	{ .name = "discard",
	  .type = OPT_ENUM,
	  FIELD(discard),
	  OPT_CHOICES(discards, 0),
	  .help = "what the guest trims is given back to the host" },
	{ .name = "detect-zeroes",
	  .type = OPT_ENUM,
	  FIELD(detect_zeroes),
	  OPT_CHOICES(block_detects, 0),
	  .help = "what is written as zeros takes no space" },
	{ .name = "locking",
	  .type = OPT_TRI,
	  FIELD(locking),
	  .def = "auto",
	  .help = "lock the image against other users" },
	OPT_ALIAS_ROW("file.locking", "locking"),
	{ .name = "snapshot",
	  .type = OPT_BOOL,
	  FIELD(snapshot),
	  .def = "off",
	  .help = "write to a temporary image" },
	{ .name = "copy-on-read",
	  .type = OPT_BOOL,
	  FIELD(copy_on_read),
	  .def = "off",
	  .help = "copy from the backing file (off only)" },
	{ .name = "backing",
	  .type = OPT_STR,
	  FIELD(backing),
	  .help = "qcow2: node that is below, instead of the image's own" },
	{ .name = "backing.file.filename",
	  .type = OPT_STR,
	  FIELD(backing_path),
	  .help = "qcow2: path of that" },
	{ .name = "backing.driver",
	  .type = OPT_STR,
	  FIELD(backing_format),
	  .help = "qcow2: format of that" },
	{ .name = "lazy-refcounts",
	  .type = OPT_TRI,
	  FIELD(lazy_refcounts),
	  .def = "auto",
	  .help = "qcow2: write refcounts late (auto: as the image says)" },
	{ .name = "cache-size",
	  .type = OPT_SIZE,
	  FIELD(cache_size),
	  .help = "qcow2: most memory for its tables" },
	{ .name = "l2-cache-size",
	  .type = OPT_SIZE,
	  FIELD(l2_cache_size),
	  .help = "qcow2: of that, for L2 tables" },
	{ .name = NULL },
};

int block_check_detect(const struct image_opts *image, struct err *err)
{
	return image->detect_zeroes == IMAGE_DETECT_UNMAP &&
	                       !(image->discard & IMAGE_DISCARD_UNMAP)
	               ? err_usage(err, "setting detect-zeroes to unmap is not allowed "
	                                "without setting discard operation to unmap")
	               : 0;
}

int block_check_opts(const struct image_opts *image, struct err *err)
{
	if (!image->file || !*image->file)
		return err_usage(err, "no image is named; add file=PATH");
	if (image->copy_on_read)
		return err_usage(err, "copy-on-read=on is not supported; drop it");
	return block_check_detect(image, err);
}
