// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * -blockdev and blockdev-add: images by the members of QMP's BlockdevOptions, as programs
 * write them. "file" and "host_device" store the bytes, "raw" is what is in them: with
 * the former described inside, or as a node of its own, which is named then and stays
 * when the node above it goes.
 */
#include "common/cleanup.h"
#include "vmm/block/qcow2-int.h"

#include <errno.h>
#include <string.h>

/* ---- a node above another one ---- */

static void reference_submit(struct block_node *node, struct block_req *req)
{
	node->child->driver->submit(node->child, req);
}

static int reference_resize(struct block_node *node, uint64_t length, struct err *err)
{
	int ret = node->child->driver->resize(node->child, length, err);

	node->length = node->child->length;
	return ret;
}

static void reference_close(struct block_node *node)
{
	/* One that came without blockdev-add goes with its user. */
	block_release(node->child);
	node->child = NULL;
}

static const struct block_driver reference_driver = {
	.name = "raw",
	.submit = reference_submit,
	.resize = reference_resize,
	.close = reference_close,
};

static void child_resized(void *opaque)
{
	struct block_node *node = opaque;

	node->length = node->child->length;
	if (node->resized)
		node->resized(node->opaque);
}

/* The child is node's only once it is attached. */
static struct block_node *new_reference(struct block_node *child, const char *user,
                                        struct err *err)
{
	struct block_node *node = calloc(1, sizeof(*node));

	if (node)
		node->path = strdup(child->path);
	if (!node || !node->path)
		err_sys(err, ENOMEM, "node '%s'", user);
	else if (block_attach(child, NULL, user, child_resized, node, err) >= 0)
		return node;
	if (node)
		free(node->path);
	free(node);
	return NULL;
}

struct block_node *block_refer(struct block_registry *reg, const char *ref,
                               const char *user, struct err *err)
{
	struct block_node *child = block_find(reg, ref);

	if (child && child->no_drive)
		return block_refer_to(child, user, err);
	err_set(err, ENOENT, "Cannot find device='%s' nor node-name='%s'", "", ref);
	return NULL;
}

struct block_node *block_refer_to(struct block_node *child, const char *user,
                                  struct err *err)
{
	struct block_node *node = new_reference(child, user, err);

	if (!node)
		return NULL;
	node->driver = &reference_driver;
	node->reg = child->reg;
	node->child = child;
	child->below = true;
	node->length = child->length;
	node->cache = child->cache;
	node->readonly = child->readonly;
	node->discard = child->discard;
	node->write_cache = child->write_cache;
	node->request_align = child->request_align;
	return node;
}

static int set_names(struct block_node *node, const char *name, struct err *err)
{
	node->no_drive = true;
	node->id = strdup(name);
	node->node_name = strdup(name);
	return node->id && node->node_name ? block_link(node, err)
	                                   : err_sys(err, ENOMEM, "node '%s'", name);
}

static struct block_node *refer(struct block_registry *reg, struct opt_list *opts,
                                const char *ref, struct err *err)
{
	const char *read_only = opt_list_take(opts, "read-only"),
		   *driver = opt_list_take(opts, "driver"),
		   *name = opt_list_take(opts, "node-name");
	bool wants_write = read_only && strcmp(read_only, "on"),
	     is_qcow2 = !strcmp(driver, "qcow2");
	struct image_opts image = { 0 };
	struct block_node *node = NULL;

	if (!is_qcow2 && strcmp(driver, "raw"))
		err_set(err, ENOTSUP,
		        "driver '%s' is not supported above another node; use raw or "
		        "qcow2",
		        driver);
	else if (opts_take(block_options, opts, &image, NULL, err) >= 0 &&
	         block_check_detect(&image, err) >= 0)
		node = block_refer(reg, ref, name, err);
	if (node && wants_write && node->readonly) {
		err_set(err, EACCES, "Block node is read-only: %s", ref);
		block_close(node);
		node = NULL;
	}
	if (node) {
		node->readonly |= read_only && !wants_write;
		node->discard &= image.discard & IMAGE_DISCARD_UNMAP;
		if (is_qcow2)
			node = qcow2_open(reg, node, &image, err);
		if (node)
			node->detect_zeroes = image.detect_zeroes;
	}
	opts_free(block_options, &image);
	if (node && set_names(node, name, err) < 0) {
		block_close(node);
		node = NULL;
	}
	return node;
}

/* ---- QMP's members as keys of -drive ---- */

/* NULL: of no interest here. */
static const struct {
	const char *member, *option;
} renames[] = {
	{ "filename", "file" },
	{ "file.filename", "file" },
	{ "file.aio", "aio" },
	{ "auto-read-only", NULL },
	{ "file.auto-read-only", NULL },
	{ "file.node-name", NULL },
	{ "file.read-only", NULL },
	{ "file.discard", NULL },
	{ "file.cache.direct", "cache.direct" },
	{ "file.driver", NULL },
	{ "file.cache.no-flush", "cache.no-flush" },
	{ "file.drop-cache", NULL },
	{ "drop-cache", NULL },
	{ "force-share", NULL },
};

static int rename_members(struct opt_list *opts, struct err *err)
{
	for (unsigned i = 0; i < opts->count; i++) {
		struct opt *opt = &opts->opts[i];
		unsigned n = 0;

		while (n < ARRAY_SIZE(renames) && strcmp(renames[n].member, opt->key))
			n++;
		if (n == ARRAY_SIZE(renames))
			continue;
		if (!renames[n].option) {
			opt->used = true;
			continue;
		}
		free(opt->key);
		opt->key = strdup(renames[n].option);
		if (!opt->key)
			return err_sys(err, ENOMEM, "blockdev-add");
	}
	return 0;
}

static bool is_on(const char *value)
{
	return value && !strcmp(value, "on");
}

/* cache.direct and cache.no-flush are two of the modes that cache= has. */
static int set_cache(struct opt_list *opts, struct err *err)
{
	bool direct = is_on(opt_list_take(opts, "cache.direct")),
	     no_flush = is_on(opt_list_take(opts, "cache.no-flush"));

	if (direct && no_flush)
		return err_usage(err, "cache.direct and cache.no-flush together are not "
		                      "supported; drop one");
	if (opt_list_add(opts, "cache",
	                 direct     ? "none"
	                 : no_flush ? "unsafe"
	                            : "writeback") < 0)
		return err_sys(err, ENOMEM, "cache");
	return 0;
}

/* The protocol that stores the bytes; alone it is a raw image. */
static bool is_protocol(const char *driver)
{
	return !strcmp(driver, "file") || !strcmp(driver, "host_device");
}

static int set_format(struct opt_list *opts, struct err *err)
{
	const char *below = opt_list_get(opts, "file.driver"),
		   *driver = opt_list_take(opts, "driver");

	if (!is_protocol(driver) && (!below || !is_protocol(below)))
		return err_usage(err, "file.driver must be file or host_device");
	if (opt_list_add(opts, "format", is_protocol(driver) ? "raw" : driver) < 0)
		return err_sys(err, ENOMEM, "driver");
	return 0;
}

static int copy_list(struct opt_list *to, const struct opt_list *from, struct err *err)
{
	for (unsigned i = 0; i < from->count; i++) {
		if (from->opts[i].used)
			continue;
		if (opt_list_add(to, from->opts[i].key, from->opts[i].value) < 0)
			return err_sys(err, ENOMEM, "blockdev-add");
	}
	return 0;
}

/* auto-read-only: an image that this process may not write is opened to be read. */
static struct block_node *open_image(struct block_registry *reg, struct opt_list *opts,
                                     bool may_read_only, struct err *err)
{
	struct opt_list again = { 0 };
	struct block_node *node = NULL;

	if (copy_list(&again, opts, err) >= 0)
		node = block_open(reg, opts, err);
	if (!node && may_read_only &&
	    (err->code == EACCES || err->code == EPERM || err->code == EROFS)) {
		*err = (struct err){ 0 };
		if (opt_list_add(&again, "readonly", "on") < 0)
			err_sys(err, ENOMEM, "blockdev-add");
		else
			node = block_open(reg, &again, err);
	}
	opt_list_free(&again);
	return node;
}

struct block_node *block_add_node(struct block_registry *reg, struct opt_list *opts,
                                  struct err *err)
{
	static const struct opt_desc *const tables[] = { block_options, NULL };
	const char *name = opt_list_get(opts, "node-name"),
		   *ref = opt_list_get(opts, "file");
	bool may_read_only = is_on(opt_list_get(opts, "auto-read-only")) ||
	                     is_on(opt_list_get(opts, "file.auto-read-only"));

	if (!opt_list_get(opts, "driver"))
		err_usage(err, "Parameter 'driver' is missing");
	else if (!name || !*name)
		err_usage(err, "'node-name' must be specified for the root node");
	else if (ref)
		return refer(reg, opts, ref, err);
	if (err->code || set_format(opts, err) < 0 || rename_members(opts, err) < 0 ||
	    set_cache(opts, err) < 0 || opts_check_keys(tables, opts, NULL, err) < 0)
		return NULL;
	return open_image(reg, opts, may_read_only, err);
}
