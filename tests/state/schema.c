// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The layout of every state table against the golden copy in schema.golden. A saved
 * machine is read by its layout, so a layout that changes gets a new version number; what
 * changed without one is refused here, and cannot be written to the golden copy either.
 *
 * usage: schema [--write]    in the top folder; --write brings the golden copy up to date
 */
#include "tests/tap.h"

#include "common/cleanup.h"
#include "common/opts.h"
#include "common/strbuf.h"
#include "vmm/core/catalog.h"

#include <stdlib.h>
#include <string.h>

#define GOLDEN "tests/state/schema.golden"

static char *read_golden(void)
{
	_cleanup_fclose_ FILE *in = fopen(GOLDEN, "re");
	struct strbuf text = { 0 };
	char buf[4096];
	size_t n;

	while (in && (n = fread(buf, 1, sizeof(buf), in)) > 0)
		strbuf_add(&text, buf, n);
	strbuf_adds(&text, "");
	return strbuf_take(&text);
}

/* The paragraph of one class: from "NAME version" up to the empty line. NULL: none. */
static char *paragraph(const char *golden, const char *name)
{
	size_t len = strlen(name);

	for (const char *p = golden; p && *p;) {
		const char *end = strstr(p, "\n\n");

		if (!strncmp(p, name, len) && !strncmp(p + len, " version ", 9))
			return strndup(p, end ? (size_t)(end + 1 - p) : strlen(p));
		p = end ? end + 2 : NULL;
	}
	return NULL;
}

static uint64_t version_of(const char *paragraph)
{
	_cleanup_free_ char *line = strndup(paragraph, strcspn(paragraph, "\n"));
	uint64_t version = UINT64_MAX;

	opt_parse_u64(strrchr(line, ' ') + 1, &version);
	return version;
}

/* NULL when the golden paragraph (or NULL) may stand or be replaced by the new one. */
static const char *objection(const struct state_desc *desc, const char *old,
                             const char *now)
{
	if (!old || !strcmp(old, now))
		return NULL;
	if (desc->version < version_of(old))
		return "its version went back; a version is never used twice";
	if (desc->version == version_of(old))
		return "its table changed and its version did not: raise .version in its "
		       "struct state_desc, or old saves would be read wrongly";
	return NULL;
}

static const char *judge(const struct state_desc *desc, const char *old, const char *now)
{
	const char *text = objection(desc, old, now);

	if (text || (old && !strcmp(old, now)))
		return text;
	return "it is not in the golden copy as it is now; run "
	       "$BUILD/tests/state/schema --write and commit " GOLDEN;
}

static bool in_catalog(const char *line)
{
	for (const struct device_class *const *c = device_catalog; *c; c++) {
		size_t len = (*c)->state ? strlen((*c)->state->name) : 0;

		if (len && !strncmp(line, (*c)->state->name, len) &&
		    !strncmp(line + len, " version ", 9))
			return true;
	}
	return false;
}

/* Classes that went. */
static void test_rest(const char *golden)
{
	unsigned strangers = 0;

	for (const char *p = golden; p && *p;) {
		const char *end = strstr(p, "\n\n");

		if (*p != '#' && !in_catalog(p)) {
			tap_diag("%.*s: no class has this table any more; run "
			         "$BUILD/tests/state/schema --write",
			         (int)strcspn(p, "\n"), p);
			strangers++;
		}
		p = end ? end + 2 : NULL;
	}
	tap_eq(strangers, 0, "the golden copy has no tables that are gone");
}

static int write_golden(const struct strbuf *text)
{
	_cleanup_fclose_ FILE *out = fopen(GOLDEN, "we");

	if (!out || fwrite(text->data, text->len, 1, out) != 1 || fflush(out)) {
		perror(GOLDEN);
		return 1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	bool write = argc == 2 && !strcmp(argv[1], "--write");
	_cleanup_strbuf_ struct strbuf all = { 0 };
	_cleanup_free_ char *golden = read_golden();
	unsigned refused = 0;

	if (argc > 1 && !write) {
		fprintf(stderr, "usage: %s [--write]\n", argv[0]);
		return 2;
	}
	strbuf_adds(&all, "# Layouts of saved state, by device class. Written by "
	                  "tests/state/schema --write.\n\n");
	for (const struct device_class *const *c = device_catalog; *c; c++) {
		const struct state_desc *desc = (*c)->state;
		_cleanup_strbuf_ struct strbuf now = { 0 };
		_cleanup_free_ char *old = NULL;
		const char *text;

		if (!desc)
			continue;
		state_schema(desc, &now);
		old = paragraph(golden, desc->name);
		text = write ? objection(desc, old, now.data)
		             : judge(desc, old, now.data);
		refused += !!text;
		if (!tap_ok(!text, "layout of %s", desc->name))
			tap_diag("%s: %s", desc->name, text);
		strbuf_addf(&all, "%s\n", now.data);
	}
	if (write && !refused)
		return write_golden(&all);
	if (!write)
		test_rest(golden);
	return tap_done();
}
