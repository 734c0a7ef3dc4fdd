// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A captured host may come damaged, or from someone who means harm: each file of two
 * hosts in turn is emptied, cut, filled with one long line, with numbers beyond all
 * bounds and with noise. The facts are read or refused with a sentence, every check gives
 * a result, and the report still fits the schema. Run from the top of the tree; the
 * sanitizers look on.
 */
#include "common/cleanup.h"
#include "common/fdio.h"
#include "probe/export.h"
#include "probe/report.h"
#include "tests/probe/dir-lib.h"
#include "tests/probe/schema-lib.h"
#include "tests/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define ROOTS     "tests/roots/"
#define FILES_MAX 400

static char copy_top[300];
static size_t source_length;
static char *files[FILES_MAX];
static unsigned count;

static bool put(const char *path, const char *data, size_t len)
{
	_cleanup_close_ int fd =
		open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	return fd >= 0 && !fd_write(fd, data, len);
}

static int copy_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	_cleanup_free_ char *data = NULL;
	char to[700], target[300];
	size_t len;
	ssize_t n;

	(void)st, (void)ftw;
	snprintf(to, sizeof(to), "%s%s", copy_top, path + source_length);
	if (type == FTW_D)
		return mkdir(to, 0755);
	if (type == FTW_SL) {
		n = readlink(path, target, sizeof(target) - 1);
		target[n > 0 ? n : 0] = '\0';
		return symlink(target, to);
	}
	if (fd_read_file(AT_FDCWD, path, 1 << 20, &data, &len) < 0 || !put(to, data, len))
		return -1;
	if (count < FILES_MAX)
		files[count++] = strdup(to);
	return 0;
}

/* ---- damage ---- */

static unsigned noise_state = 1;

/* The same bytes on every run (xorshift); never NUL, which the kernel's files have not.
 */
static char noise(void)
{
	noise_state ^= noise_state << 13;
	noise_state ^= noise_state >> 17;
	noise_state ^= noise_state << 5;
	return noise_state & 0xff ? noise_state & 0xff : '\n';
}

enum damage { EMPTY, CUT, LONG_LINE, HUGE_NUMBERS, NOISE, SPRINKLED, DAMAGES };

enum { DAMAGED_MAX = 70000 };

static size_t damage(enum damage how, const char *data, size_t len, char *out)
{
	static const char number[] = "99999999999999999999999999";
	size_t n = len < DAMAGED_MAX ? len : DAMAGED_MAX;

	memcpy(out, data, n);
	switch (how) {
	case EMPTY:
		return 0;
	case CUT:
		return n / 2;
	case LONG_LINE:
		memset(out, 'A', DAMAGED_MAX);
		return DAMAGED_MAX;
	case HUGE_NUMBERS:
		n = 0;
		for (size_t i = 0; i < len && n + sizeof(number) < DAMAGED_MAX; i++) {
			bool digit = data[i] >= '0' && data[i] <= '9';

			memcpy(out + n, digit ? number : data + i,
			       digit ? sizeof(number) - 1 : 1);
			n += digit ? sizeof(number) - 1 : 1;
		}
		return n;
	case NOISE:
		for (size_t i = 0; i < 5000; i++)
			out[i] = noise();
		return 5000;
	default:
		for (size_t i = 0; i < n; i++)
			if (!(noise() & 15))
				out[i] = noise();
		return n;
	}
}

/* ---- judging it ---- */

static bool report_is_sound(struct report *report, const json_t *schema)
{
	_cleanup_strbuf_ struct strbuf text = { 0 }, metrics = { 0 }, labels = { 0 };
	struct text_options options = { 0 };
	json_t *json;
	char why[256];
	bool ok;

	report_judge(report);
	for (unsigned i = 0; i < report->count; i++)
		if (!*report->results[i].value)
			return false;
	json = report_json(report);
	ok = json && schema_valid(schema, json, why);
	if (!ok)
		tap_diag("%s", json ? why : "no JSON");
	json_decref(json);
	report_text(report, &options, &text);
	export_prometheus(report, &metrics);
	export_nfd(report, &labels);
	return ok && text.len && metrics.len && labels.len;
}

/* 1: read, 0: refused with a sentence, -1: neither. */
static int judge(const struct sysroot *root, struct report *report, const json_t *schema)
{
	struct gather_options options = { .trial = true };
	struct err err = { 0 };
	int ret = facts_gather(root, &options, &report->facts, &err);

	if (ret < 0)
		return err.code && *err.text ? 0 : -1;
	return report_is_sound(report, schema) ? 1 : -1;
}

static void damage_file(const struct sysroot *root, const char *path,
                        struct report *report, const json_t *schema, unsigned sums[3])
{
	static char out[DAMAGED_MAX];
	_cleanup_free_ char *data = NULL;
	size_t len;

	if (fd_read_file(AT_FDCWD, path, 1 << 20, &data, &len) < 0)
		return;
	for (enum damage how = EMPTY; how < DAMAGES; how++) {
		int ret;

		if (!put(path, out, damage(how, data, len, out)))
			tap_ok(false, "cannot write %s", path);
		ret = judge(root, report, schema);
		if (ret < 0)
			tap_diag("%s, damage %d", path, (int)how);
		sums[ret + 1]++;
	}
	put(path, data, len);
}

static void test_host(const char *host, const char *dir, const json_t *schema)
{
	_cleanup_free_ struct report *report = calloc(1, sizeof(*report));
	unsigned sums[3] = { 0 };
	struct sysroot root;
	struct err err = { 0 };
	char from[128];

	snprintf(copy_top, sizeof(copy_top), "%s/%s", dir, host);
	snprintf(from, sizeof(from), ROOTS "%s", host);
	source_length = strlen(from);
	count = 0;
	tap_eq(nftw(from, copy_one, 16, FTW_PHYS), 0, "%s is copied", host);
	if (!tap_eq(sysroot_open(&root, copy_top, &err), 0, "and opened"))
		return;
	tap_eq(judge(&root, report, schema), 1, "it is sound");
	for (unsigned i = 0; i < count; i++) {
		damage_file(&root, files[i], report, schema, sums);
		free(files[i]);
	}
	tap_eq(sums[0], 0, "%u damaged hosts were judged, %u refused", sums[2], sums[1]);
	tap_ok(sums[2] > 300 && sums[1] > 5,
	       "most are judged; files of ours are refused");
	tap_eq(judge(&root, report, schema), 1, "in the end it is sound again");
	sysroot_close(&root);
}

int main(void)
{
	json_t *schema = load_json("docs/host.schema.json");
	char dir[128];

	if (!tap_ok(schema && test_dir(dir), "a directory for the test"))
		return tap_done();
	test_host("passthrough-divided", dir, schema);
	test_host("tsc-unstable", dir, schema);
	tap_ok(test_dir_remove(dir), "removed");
	json_decref(schema);
	return tap_done();
}
