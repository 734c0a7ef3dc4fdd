// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The laws of device state, for every class of the catalog that has a table: a reset goes
 * back to power-on whatever a guest did; a save loads into a fresh device, compares equal
 * and saves as the same bytes; a section that is not what it should be is refused with a
 * sentence and changes nothing; pre_save and post_load may run again.
 *
 * A class that is in the catalog and not in state_rows fails the test. The guest is
 * pseudo-random; KVMKIT_SEED=N repeats one that failed.
 */
#include "tests/state/state-lib.h"
#include "tests/tap.h"

#include "common/bytes.h"
#include "common/cleanup.h"
#include "common/log.h"
#include "vmm/core/catalog.h"

#include <string.h>

#define ROUNDS   8
#define ACCESSES 600

/* What the seeds did, for the reader of the log. */
struct stats {
	size_t bytes;           /* of the largest section */
	unsigned differs, cuts; /* saves unlike power-on; damaged sections tried */
};

/* Only these move while nothing runs: the time stamp counter (MSR 0x10) and the
 * paravirtual clock. */
static void drop_line(char *at)
{
	char *end = at + strcspn(at, "\n");

	memmove(at, end, strlen(end) + 1);
}

static void drop_clocks(char *dump)
{
	char *at;

	while ((at = strstr(dump, "clock: ")))
		drop_line(at);
	at = strstr(dump, "index: 0x10\n");
	if (at)
		drop_line(strchr(at, '\n') + 1);
}

/* A section and the dump that belongs to it. */
struct snapshot {
	struct strbuf section, dump;
};

static void snapshot_free(struct snapshot *s)
{
	strbuf_free(&s->section);
	strbuf_free(&s->dump);
}

#define _cleanup_snapshot_ __attribute__((cleanup(snapshot_free)))

static bool take(struct state_board *sb, struct snapshot *s)
{
	const struct state_desc *desc = sb->dev->cls->state;
	struct err err = { 0 };

	s->section.len = s->dump.len = 0;
	if (state_save(desc, sb->dev, sb->dev->path, &s->section, &err) < 0) {
		tap_diag("%s", err.text);
		return false;
	}
	state_dump(desc, sb->dev, &s->dump);
	if (sb->row->kvm)
		drop_clocks(s->dump.data);
	return true;
}

/* Shows the first line that differs. */
static bool same(const struct state_row *row, const struct snapshot *a,
                 const struct snapshot *b)
{
	const char *x = a->dump.data, *y = b->dump.data;

	if (!strcmp(x, y) &&
	    (row->kvm || (a->section.len == b->section.len &&
	                  !memcmp(a->section.data, b->section.data, a->section.len))))
		return true;
	for (; *x && *x == *y; x++, y++)
		;
	while (x > a->dump.data && x[-1] != '\n')
		x--, y--;
	tap_diag("%s: '%.*s' and '%.*s'", row->class, (int)strcspn(x, "\n"), x,
	         (int)strcspn(y, "\n"), y);
	return false;
}

static bool load(struct state_board *sb, const struct strbuf *section, struct err *err)
{
	size_t used = 0;

	err_clear(err);
	return state_load(sb->dev->cls->state, sb->dev, sb->dev->cls->size, sb->dev->path,
	                  section->data, section->len, &used, err) >= 0 &&
	       used == section->len;
}

static void quiesce(struct state_board *sb)
{
	if (sb->dev->cls->quiesce)
		sb->dev->cls->quiesce(sb->dev);
}

static void reset(struct state_board *sb)
{
	quiesce(sb);
	sb->dev->cls->reset(sb->dev);
}

/* ---- the laws ---- */

static bool law_reset(const struct state_row *row, uint64_t seed, struct stats *stats)
{
	_cleanup_snapshot_ struct snapshot used = { 0 }, fresh = { 0 };
	struct state_board a, b;
	bool ok = true;

	state_board_init(&a, row);
	state_board_init(&b, row);
	reset(&b);
	ok = take(&b, &fresh);
	state_drive(&a, seed, ACCESSES);
	ok = ok && take(&a, &used);
	if (ok && strcmp(used.dump.data, fresh.dump.data))
		stats->differs++;
	reset(&a);
	ok = ok && take(&a, &used);
	if (row->keeps && ok) {
		snapshot_free(&fresh);
		reset(&a);
		ok = take(&a, &fresh);
	}
	ok = ok && same(row, &used, &fresh);
	state_board_free(&a);
	state_board_free(&b);
	return ok;
}

static bool law_load(const struct state_row *row, uint64_t seed, struct stats *stats)
{
	_cleanup_snapshot_ struct snapshot first = { 0 }, again = { 0 };
	struct state_board a, b;
	struct err err = { 0 };
	bool ok;

	state_board_init(&a, row);
	state_board_init(&b, row);
	quiesce(&b);
	state_drive(&a, seed, ACCESSES);
	if (a.ram)
		memcpy(b.ram, a.ram, STATE_RAM);
	ok = take(&a, &first) && take(&a, &again) && same(row, &first, &again);
	ok = ok && load(&b, &first.section, &err) &&
	     (row->kvm || state_compare(a.dev->cls->state, a.dev, b.dev, &err) >= 0) &&
	     take(&b, &again) && same(row, &first, &again);
	/* Once more over itself: what post_load rebuilds is rebuilt. */
	ok = ok && load(&b, &first.section, &err) && take(&b, &again) &&
	     same(row, &first, &again);
	if (err.code)
		tap_diag("%s", err.text);
	if (first.section.len > stats->bytes)
		stats->bytes = first.section.len;
	state_board_free(&a);
	state_board_free(&b);
	return ok;
}

/* ---- refusals ---- */

/* Where the parts of a section are (common/state.c). */
static size_t payload_at(const struct strbuf *section)
{
	size_t path = (uint8_t)section->data[4], class = 5 + path;

	return class + 1 + (uint8_t)section->data[class] + 10;
}

/* Writes length and checksum of a payload that was changed. */
static void seal(struct strbuf *section)
{
	size_t at = payload_at(section), len = section->len - at;

	st32(section->data + at - 8, len);
	st32(section->data + at - 4, state_crc32c(0, section->data + at, len));
}

/* Copies len bytes of exactly that size, so that a sanitizer sees a read past them. */
static bool refused(struct state_board *sb, const char *data, size_t len,
                    const struct snapshot *before, const char *what)
{
	_cleanup_snapshot_ struct snapshot after = { 0 };
	_cleanup_free_ char *copy = malloc(len ? len : 1);
	struct err err = { 0 };
	size_t used = 0;

	memcpy(copy, data, len);
	if (state_load(sb->dev->cls->state, sb->dev, sb->dev->cls->size, sb->dev->path,
	               copy, len, &used, &err) >= 0) {
		tap_diag("%s: %s was loaded", sb->row->class, what);
		return false;
	}
	if (!strlen(err.text) || used) {
		tap_diag("%s: %s: no sentence", sb->row->class, what);
		return false;
	}
	return take(sb, &after) && same(sb->row, before, &after);
}

/* Every byte of short sections, samples of long ones. */
static size_t step_of(const struct state_board *sb, size_t len)
{
	size_t most = sb->row->kvm ? 40 : 400;

	return len / most + 1;
}

static bool law_cut(struct state_board *sb, const struct snapshot *full,
                    const struct snapshot *before, struct stats *stats)
{
	size_t len = full->section.len;
	bool ok = true;

	for (size_t n = 0; n < len && ok; n += step_of(sb, len), stats->cuts++)
		ok = refused(sb, full->section.data, n, before, "a cut section");
	return ok;
}

static bool law_flip(struct state_board *sb, const struct snapshot *full,
                     const struct snapshot *before, uint64_t *seed, struct stats *stats)
{
	size_t len = full->section.len;
	_cleanup_free_ char *copy = malloc(len);
	bool ok = true;

	for (size_t n = 0; n < len && ok; n += step_of(sb, len), stats->cuts++) {
		memcpy(copy, full->section.data, len);
		copy[n] ^= 1 << state_random(seed) % 8;
		ok = refused(sb, copy, len, before, "a section with a flipped bit");
	}
	return ok;
}

/* The payload one byte shorter or longer, with a checksum that says it should be so. */
static bool law_length(struct state_board *sb, const struct snapshot *full,
                       const struct snapshot *before)
{
	_cleanup_strbuf_ struct strbuf copy = { 0 };
	bool ok;

	strbuf_add(&copy, full->section.data, full->section.len);
	strbuf_addc(&copy, 0);
	seal(&copy);
	ok = refused(sb, copy.data, copy.len, before, "an over-long section");
	copy.len -= 2;
	seal(&copy);
	return ok &&
	       refused(sb, copy.data, copy.len, before, "a section that lacks a byte");
}

/* What the header says must be what is expected, and the sentence names the difference.
 */
static bool law_header(struct state_board *sb, const struct snapshot *full,
                       const struct snapshot *before)
{
	const struct state_desc *desc = sb->dev->cls->state;
	size_t len = full->section.len, at = payload_at(&full->section);
	_cleanup_free_ char *copy = malloc(len);
	struct err err = { 0 };
	struct strbuf section = { .data = copy, .len = len };
	bool ok;

	memcpy(copy, full->section.data, len);
	st16(copy + at - 10, desc->version + 1);
	ok = refused(sb, copy, len, before, "another version") &&
	     !load(sb, &section, &err) && strstr(err.text, "version");
	memcpy(copy, full->section.data, len);
	copy[at - 11]++; /* the class's last letter */
	ok = ok && refused(sb, copy, len, before, "another class") &&
	     !load(sb, &section, &err) && strstr(err.text, desc->name);
	memcpy(copy, full->section.data, len);
	copy[5]++; /* the path's first letter */
	return ok && refused(sb, copy, len, before, "another path") &&
	       !load(sb, &section, &err) && strstr(err.text, sb->dev->path);
}

static bool law_refuse(const struct state_row *row, uint64_t seed, struct stats *stats)
{
	_cleanup_snapshot_ struct snapshot full = { 0 }, before = { 0 };
	struct state_board a, b;
	bool ok;

	state_board_init(&a, row);
	state_board_init(&b, row);
	if (row->settle)
		row->settle(&b.b);
	quiesce(&b);
	state_drive(&a, seed, ACCESSES);
	ok = take(&a, &full) && take(&b, &before) && law_cut(&b, &full, &before, stats) &&
	     law_flip(&b, &full, &before, &seed, stats) &&
	     law_length(&b, &full, &before) && law_header(&b, &full, &before);
	state_board_free(&a);
	state_board_free(&b);
	return ok;
}

/* ---- the catalog ---- */

static const struct state_row *find_row(const char *class)
{
	for (unsigned i = 0; i < state_row_count; i++)
		if (!strcmp(state_rows[i].class, class))
			return &state_rows[i];
	return NULL;
}

static void test_catalog(void)
{
	for (const struct device_class *const *c = device_catalog; *c; c++) {
		const struct device_class *cls = *c;
		const struct state_row *row = find_row(cls->name);

		if (!tap_ok(row, "%s is tested", cls->name))
			tap_diag("add a row for it to state_rows in "
			         "tests/state/state-lib.c; a class without a state table "
			         "says there why it needs none");
		else if (row->stateless)
			tap_ok(!cls->state, "%s has no state: %s", cls->name,
			       row->stateless);
		else
			tap_ok(cls->state && cls->reset,
			       "%s has a state table, and resets", cls->name);
		if (cls->state)
			tap_str(cls->state->name, cls->name,
			        "the table of %s has its name", cls->name);
	}
	for (unsigned i = 0; i < state_row_count; i++)
		tap_ok(catalog_find(state_rows[i].class), "%s is in the catalog",
		       state_rows[i].class);
}

static bool each_seed(bool (*law)(const struct state_row *row, uint64_t seed,
                                  struct stats *stats),
                      const struct state_row *row, uint64_t first, unsigned rounds,
                      struct stats *stats)
{
	for (uint64_t seed = first; seed < first + rounds; seed++) {
		if (!law(row, seed, stats)) {
			tap_diag("to repeat it: KVMKIT_SEED=%llu",
			         (unsigned long long)seed);
			return false;
		}
	}
	return true;
}

static void test_row(const struct state_row *row, uint64_t seed, unsigned rounds)
{
	struct stats stats = { 0 };

	if (row->kvm && access("/dev/kvm", R_OK | W_OK)) {
		tap_skip(row->class, "no access to /dev/kvm");
		return;
	}
	tap_ok(each_seed(law_reset, row, seed, rounds, &stats), "%s: %s%s", row->class,
	       row->keeps ? "a second reset changes nothing: " : "reset is power-on",
	       row->keeps ? row->keeps : "");
	if (rounds > 1)
		tap_ok(stats.differs, "%s: the guest left its marks", row->class);
	tap_ok(each_seed(law_load, row, seed, rounds, &stats),
	       "%s: what is saved loads, compares and saves again", row->class);
	tap_ok(each_seed(law_refuse, row, seed, 1, &stats),
	       "%s: what is damaged is refused", row->class);
	tap_diag("%s: %zu bytes, %u of %u seeds left marks, %u damaged sections",
	         row->class, stats.bytes, stats.differs, rounds, stats.cuts);
}

int main(void)
{
	const char *text = getenv("KVMKIT_SEED");
	unsigned rounds = text ? 1 : ROUNDS;
	struct err err = { 0 };
	uint64_t seed = 1;

	if (text && opt_parse_u64(text, &seed) < 0) {
		fprintf(stderr, "KVMKIT_SEED=%s is no number\n", text);
		return 2;
	}
	/* What a random guest does wrong is no news, unless somebody looks into one seed.
	 */
	if (!text && log_open("/dev/null", &err) < 0)
		tap_diag("%s", err.text);
	tap_diag("seeds from %llu on", (unsigned long long)seed);
	test_catalog();
	for (unsigned i = 0; i < state_row_count; i++)
		if (!state_rows[i].stateless)
			test_row(&state_rows[i], seed, rounds);
	return tap_done();
}
