// SPDX-License-Identifier: GPL-2.0-or-later
/* vmm-img resize: gives a disk another size, or changes it by some. */
#include "img/commands.h"
#include "img/image.h"

#include <errno.h>

static int new_length(const char *text, uint64_t old, uint64_t *length, struct err *err)
{
	bool more = *text == '+', less = *text == '-';
	uint64_t n;

	if (image_parse_size(text + (more || less), "the size", &n, err) < 0)
		return -EINVAL;
	if (less && n >= old)
		return err_usage(err, "%s: the disk has only %llu bytes", text,
		                 (unsigned long long)old);
	*length = more ? old + n : less ? old - n : n;
	if (*length > INT64_MAX - 511)
		return err_usage(err,
		                 "the new size is too large; less than 8E is possible");
	*length = (*length + 511) & ~511ull;
	return *length ? 0 : err_usage(err, "a disk of no size is none; give a size");
}

int command_resize(struct session *s, struct err *err)
{
	const struct cli *cli = s->cli;
	struct block_node *image;
	struct block_info info;
	uint64_t length = 0;
	int ret = cli_check_words(cli, 2, 2, err);

	if (ret < 0)
		return ret;
	image = image_open(s, cli->words[0], cli->format, IMAGE_WRITE, NULL, err);
	if (!image)
		return -err->code;
	block_get_info(image, &info);
	ret = new_length(cli->words[1], info.length, &length, err);
	if (ret >= 0 && length < info.length && !cli->shrink)
		ret = err_usage(
			err,
			"%s would lose what is behind the new end (its file systems "
			"must be smaller before); give --shrink if that is meant",
			cli->words[0]);
	if (ret >= 0)
		ret = block_resize(image, length, err);
	if (ret >= 0) {
		ret = block_flush(image);
		if (ret < 0)
			err_sys(err, -ret, "cannot write %s", cli->words[0]);
	}
	if (ret >= 0 && !cli->quiet)
		strbuf_adds(&s->out, "Image resized.\n");
	return ret;
}
