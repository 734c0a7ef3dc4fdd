// SPDX-License-Identifier: GPL-2.0-or-later
/* Opening images by the keys that -drive has, and sizes as text. */
#include "img/image.h"

#include "vmm/block/node.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* What the sentence about the lock cannot know. */
static void hint(unsigned flags, struct err *err)
{
	if (err->code == EBUSY && !(flags & IMAGE_WRITE))
		err_hint(err, "with vmm-img -U it is read although it may be changing");
}

struct block_node *image_open_above(struct session *s, const char *file,
                                    const char *format, unsigned flags, const char *cache,
                                    const char *below, const char *below_format,
                                    struct err *err)
{
	const char *pairs[][2] = {
		{ "file", file },
		{ "format", format },
		{ "cache", cache },
		{ "readonly", flags & IMAGE_WRITE ? "off" : "on" },
		{ "discard", flags & IMAGE_WRITE ? "unmap" : NULL },
		{ "backing", flags & IMAGE_ALONE ? "" : NULL },
		{ "backing.file.filename", below },
		{ "backing.driver", below_format },
		{ "file.locking", flags & IMAGE_SHARE ? "off" : NULL },
	};
	struct opt_list opts = { 0 };
	struct block_node *node = NULL;
	int ret = 0;

	for (unsigned i = 0; i < sizeof(pairs) / sizeof(*pairs) && !ret; i++)
		if (pairs[i][1])
			ret = opt_list_add(&opts, pairs[i][0], pairs[i][1]);
	if (ret < 0)
		err_sys(err, -ret, "%s", file);
	else
		node = block_open(s->reg, &opts, err);
	opt_list_free(&opts);
	if (!node)
		hint(flags, err);
	return node;
}

struct block_node *image_open(struct session *s, const char *file, const char *format,
                              unsigned flags, const char *cache, struct err *err)
{
	return image_open_above(s, file, format, flags, cache, NULL, NULL, err);
}

struct block_node *image_open_file(struct session *s, const char *file, unsigned flags,
                                   struct err *err)
{
	struct image_opts opts = {
		.file = (char *)file,
		.readonly = !(flags & IMAGE_WRITE),
		.locking = flags & IMAGE_SHARE ? OPT_TRI_OFF : OPT_TRI_AUTO,
	};

	struct block_node *node = file_open(s->reg, &opts, err);

	if (!node)
		hint(flags, err);
	return node;
}

char *image_beside(const char *image, const char *name)
{
	const char *slash = strrchr(image, '/');
	char *path;

	if (*name == '/' || !slash)
		return strdup(name);
	return asprintf(&path, "%.*s/%s", (int)(slash - image), image, name) < 0 ? NULL
	                                                                         : path;
}

int image_parse_size(const char *text, const char *what, uint64_t *size, struct err *err)
{
	int ret = opt_parse_size(text, 'B', size);

	if (!ret && *size <= INT64_MAX - 511)
		return 0;
	if (ret == -ERANGE || !ret)
		return err_usage(err, "%s %s is too large; less than 8E is possible",
		                 what, text);
	return err_usage(err,
	                 "%s '%s' is no number of bytes; a suffix k, M, G, T or P "
	                 "makes it larger, such as 10G",
	                 what, text);
}

void image_print_size(struct strbuf *out, uint64_t bytes)
{
	static const char *const units[] = {
		"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"
	};
	double value = bytes;
	unsigned i = 0;

	/* Three digits, as qemu-img: 1000 KiB are 0.977 MiB. */
	for (; value >= 1000 && i + 1 < sizeof(units) / sizeof(*units); i++)
		value /= 1024;
	strbuf_addf(out, "%0.3g %s", value, units[i]);
}
