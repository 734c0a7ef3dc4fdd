// SPDX-License-Identifier: GPL-2.0-or-later
/* vmm-img check: what is wrong with an image, and its repair. Prints what qemu-img does.
 */
#include "common/log.h"
#include "img/commands.h"
#include "img/image.h"
#include "img/json.h"
#include "vmm/block/qcow2-check.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { EXIT_CORRUPT = 2, EXIT_LEAKS = 3, EXIT_NO_CHECKS = 63 };

typedef unsigned long long ull;

static void say(void *opaque, const char *text)
{
	(void)opaque;
	/* As qemu-img: findings go to standard error, the summary to standard output. */
	dprintf(STDERR_FILENO, "%s\n", text);
}

static int parse_repair(const struct cli *cli, unsigned *fix, struct err *err)
{
	static const char *const names[] = { "leaks", "all", NULL };

	*fix = 0;
	if (!cli->repair)
		return 0;
	if (!strcmp(cli->repair, "leaks"))
		*fix = QCOW2_FIX_LEAKS;
	else if (!strcmp(cli->repair, "all"))
		*fix = QCOW2_FIX_LEAKS | QCOW2_FIX_ERRORS;
	else
		return err_usage(err, "-r takes leaks or all, not '%s'%s%s", cli->repair,
		                 opt_nearest(cli->repair, names) ? "; did you mean " : "",
		                 opt_nearest(cli->repair, names) ?: "");
	return 0;
}

static void print_text(const struct qcow2_check *c, struct strbuf *out)
{
	if (!c->corruptions && !c->leaks && !c->check_errors)
		strbuf_adds(out, "No errors were found on the image.\n");
	if (c->corruptions)
		strbuf_addf(out,
		            "\n%llu errors were found on the image.\n"
		            "Data may be corrupted, or further writes to the image may "
		            "corrupt it.\n",
		            (ull)c->corruptions);
	if (c->leaks)
		strbuf_addf(out,
		            "\n%llu leaked clusters were found on the image.\n"
		            "This means waste of disk space, but no harm to data.\n",
		            (ull)c->leaks);
	if (c->check_errors)
		strbuf_addf(out,
		            "\n%llu internal errors have occurred during the check.\n",
		            (ull)c->check_errors);
	if (c->total && c->allocated)
		strbuf_addf(out,
		            "%llu/%llu = %0.2f%% allocated, %0.2f%% fragmented, "
		            "%0.2f%% compressed clusters\n",
		            (ull)c->allocated, (ull)c->total,
		            c->allocated * 100.0 / c->total,
		            c->fragmented * 100.0 / c->allocated,
		            c->compressed * 100.0 / c->allocated);
	if (c->end)
		strbuf_addf(out, "Image end offset: %llu\n", (ull)c->end);
}

static void print_json(const struct qcow2_check *c, const char *file, struct strbuf *out)
{
	const struct {
		const char *name;
		uint64_t value;
	} rows[] = {
		{ "image-end-offset", c->end },
		{ "total-clusters", c->total },
		{ "allocated-clusters", c->allocated },
		{ "fragmented-clusters", c->fragmented },
		{ "compressed-clusters", c->compressed },
		{ "corruptions", c->corruptions },
		{ "corruptions-fixed", c->corruptions_fixed },
		{ "leaks", c->leaks },
		{ "leaks-fixed", c->leaks_fixed },
	};
	struct json json = { .out = out };

	json_open(&json, NULL, '{');
	for (unsigned i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (rows[i].value)
			json_number(&json, rows[i].name, rows[i].value);
	json_number(&json, "check-errors", c->check_errors);
	json_string(&json, "filename", file);
	json_string(&json, "format", "qcow2");
	json_close(&json, '}');
}

/* What was repaired is looked at again, with new eyes. */
static int check_again(struct session *s, struct block_node *file, struct qcow2_check *c,
                       struct err *err)
{
	struct qcow2_check first = *c;
	int ret;

	if (!s->cli->json && !s->cli->quiet)
		strbuf_addf(&s->out,
		            "The following inconsistencies were found and repaired:\n\n"
		            "    %llu leaked clusters\n    %llu corruptions\n\n"
		            "Double checking the fixed image now...\n",
		            (ull)c->leaks_fixed, (ull)c->corruptions_fixed);
	*c = (struct qcow2_check){ .say = say };
	ret = qcow2_check(file, c, err);
	c->leaks_fixed = first.leaks_fixed;
	c->corruptions_fixed = first.corruptions_fixed;
	c->check_errors += first.check_errors;
	return ret;
}

static int check_image(struct session *s, struct block_node *file, unsigned fix,
                       struct err *err)
{
	struct qcow2_check c = { .fix = fix, .say = say };
	int ret = qcow2_check(file, &c, err);

	if (ret >= 0 && (c.leaks_fixed || c.corruptions_fixed)) {
		/* The file may have grown. */
		ret = file->driver->resize(file, 0, err);
		if (ret >= 0)
			ret = check_again(s, file, &c, err);
	}
	if (ret < 0)
		return ret;
	if (s->cli->json)
		print_json(&c, s->cli->words[0], &s->out);
	else if (!s->cli->quiet)
		print_text(&c, &s->out);
	s->code = c.check_errors  ? 1
	          : c.corruptions ? EXIT_CORRUPT
	          : c.leaks       ? EXIT_LEAKS
	                          : 0;
	return 0;
}

int command_check(struct session *s, struct err *err)
{
	const struct cli *cli = s->cli;
	struct block_node *file = NULL;
	unsigned fix = 0;
	int ret = cli_check_words(cli, 1, 1, err);

	if (ret >= 0)
		ret = parse_repair(cli, &fix, err);
	if (ret >= 0 && fix && cli->force_share)
		ret = err_usage(err, "a repair needs the image for itself; drop -U");
	if (ret < 0)
		return ret;
	file = image_open_file(
		s, cli->words[0],
		(fix ? IMAGE_WRITE : 0) | (cli->force_share ? IMAGE_SHARE : 0), err);
	if (!file)
		return -err->code;
	if ((cli->format && strcmp(cli->format, "qcow2") &&
	     strcmp(cli->format, "qcow")) ||
	    (!cli->format && !qcow2_is_one(file))) {
		log_error("%s: this image format does not support checks; qcow2 does",
		          cli->words[0]);
		s->code = EXIT_NO_CHECKS;
	} else {
		ret = check_image(s, file, fix, err);
	}
	block_close(file);
	return ret;
}
