// SPDX-License-Identifier: GPL-2.0-or-later
/* The screen, for those who steer the machine: pictures of it. */
#include "common/cleanup.h"
#include "vmm/core/vm.h"
#include "vmm/display/display.h"
#include "vmm/display/picture.h"
#include "vmm/monitor/tables.h"

#include <errno.h>
#include <string.h>

/* ---- screendump ---- */

static int dump_text(struct display *display, const char *path, struct err *err)
{
	_cleanup_strbuf_ struct strbuf text = { 0 };
	_cleanup_fclose_ FILE *file = NULL;
	int ret = display_text(display, &text, err);

	if (ret < 0)
		return ret;
	file = fopen(path, "we");
	if (!file || fwrite(text.data, 1, text.len, file) != text.len || fflush(file))
		return err_sys(err, errno, "cannot write %s", path);
	return 0;
}

/* The format, or what the file's name ends with. */
static int find_format(const char *format, const char *path, struct err *err)
{
	const char *dot = strrchr(path, '.');

	for (int i = 0; i < PICTURE_FORMATS; i++)
		if (!strcmp(format ? format : dot ? dot + 1 : "", picture_names[i]))
			return i;
	return format ? err_usage(err, "there is no format '%s'; ppm, png and text are",
	                          format)
	              : PICTURE_PPM;
}

static int run_screendump(struct mon_ctx *ctx, const json_t *args, json_t **result,
                          struct err *err)
{
	const char *path = mon_str(args, "filename", ""),
		   *format = mon_str(args, "format", NULL);
	struct display *display = ctx->vm->display;
	int ret, kind;

	(void)result;
	if (mon_int(args, "head", 0))
		return err_usage(err, "there is only head 0");
	if (format && !strcmp(format, "text"))
		return dump_text(display, path, err);
	kind = find_format(format, path, err);
	if (kind < 0)
		return kind;
	ret = display_capture(display, err);
	return ret < 0 ? ret : picture_write(display_surface(display), kind, path, err);
}

static const struct mon_arg screendump_args[] = {
	{ "filename", MON_STR, false, 0, NULL, NULL },
	{ "format", MON_STR, true, 0, "ImageFormat", NULL },
	{ "device", MON_STR, true, 0, NULL, NULL },
	{ "head", MON_INT, true, 0, NULL, NULL },
	{ .name = NULL },
};

const struct mon_command mon_display_commands[] = {
	{ "screendump", "screendump", "the screen to a file: ppm, png, or its text",
	  screendump_args, NULL, run_screendump, NULL },
	{ .help = NULL },
};
