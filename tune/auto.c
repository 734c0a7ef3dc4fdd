// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The daemon of kvm-tune-ksm.service. It changes KSM through the same plan, journal and
 * read-back as a person would, and holds the journal only while it changes something. One
 * thread, no state but what KSM was last set to.
 */
#include "tune/auto.h"

#include "common/cleanup.h"
#include "common/fdio.h"
#include "tune/apply.h"
#include "tune/ticker.h"

#include <errno.h>
#include <string.h>

#define MIB (1ull << 20)
#define GIB (1ull << 30)

enum { SCAN_MIN = 64, SCAN_MAX = 1250, SCAN_MORE = 300, SCAN_LESS = 50, SLEEP_MIN = 10 };

struct auto_state auto_decide(const struct auto_limits *limits,
                              const struct memory *memory, const struct guests *guests,
                              const struct auto_state *before)
{
	uint64_t keep = memory->total / 100 * limits->percent;
	bool is_short = memory->available <= keep;
	uint64_t mib = memory->total / MIB + 1;
	struct auto_state next = {
		/* Guests may grow to what they were given: room for them counts, too. */
		.on = guests->count && (is_short || guests->bytes + keep > memory->total),
		.pages_to_scan = before->pages_to_scan,
		/* The more memory, the more often; 10 ms on a host of 16 GiB. */
		.sleep_millisecs = SLEEP_MIN * (16 * GIB / MIB) / mib,
	};

	if (next.sleep_millisecs < SLEEP_MIN)
		next.sleep_millisecs = SLEEP_MIN;
	if (!next.on)
		return next;
	if (is_short)
		next.pages_to_scan += SCAN_MORE;
	else
		next.pages_to_scan -= next.pages_to_scan > SCAN_LESS ? SCAN_LESS : 0;
	if (next.pages_to_scan < SCAN_MIN)
		next.pages_to_scan = SCAN_MIN;
	if (next.pages_to_scan > SCAN_MAX)
		next.pages_to_scan = SCAN_MAX;
	return next;
}

/* ---- one turn ---- */

static int wishes(const struct auto_state *next, struct profile *profile, struct err *err)
{
	char text[64];
	int ret = profile_add(profile, next->on ? "ksm.run=1" : "ksm.run=0", err);

	if (ret < 0 || !next->on)
		return ret;
	snprintf(text, sizeof(text), "ksm.pages_to_scan=%llu",
	         (unsigned long long)next->pages_to_scan);
	ret = profile_add(profile, text, err);
	snprintf(text, sizeof(text), "ksm.sleep_millisecs=%llu",
	         (unsigned long long)next->sleep_millisecs);
	return ret < 0 ? ret : profile_add(profile, text, err);
}

static int change(const struct sysroot *root, const struct tune_facts *facts,
                  const struct plan *plan, struct strbuf *out, struct err *err)
{
	struct journal journal;
	int ret = tune_journal_open(root, true, &journal, err);

	if (!ret)
		ret = apply_plan(root, &journal, facts, plan, out, err);
	journal_close(&journal);
	return ret;
}

static int turn(const struct sysroot *root, const struct auto_limits *limits,
                struct strbuf *out, struct err *err)
{
	struct profile profile = { .name = "ksm auto" };
	struct auto_state now, next;
	struct guests guests = { 0 };
	struct tune_facts facts;
	struct plan plan = { 0 };
	int ret = tune_facts_gather(root, &facts, err);

	if (!ret && guests_gather(root, &guests) < 0)
		ret = err_set(err, EIO, "cannot look for guests in /proc");
	if (!ret) {
		now.on = tune_facts_number(&facts, "ksm.run") == 1;
		now.pages_to_scan = tune_facts_number(&facts, "ksm.pages_to_scan");
		next = auto_decide(limits, &facts.memory, &guests, &now);
		/* Unmerged stays unmerged: somebody wanted it so. */
		if (next.on || now.on)
			ret = wishes(&next, &profile, err);
	}
	if (!ret)
		ret = plan_make(&profile, &facts, &plan, err);
	if (!ret && plan_first(&plan, PLAN_SET))
		ret = change(root, &facts, &plan, out, err);
	plan_free(&plan);
	profile_free(&profile);
	guests_free(&guests);
	tune_facts_free(&facts);
	return ret;
}

static int give_back(const struct sysroot *root, struct strbuf *out, struct err *err)
{
	static const char *const names[] = { "ksm.run", "ksm.pages_to_scan",
		                             "ksm.sleep_millisecs" };
	struct journal journal;
	int ret = tune_journal_open(root, true, &journal, err);

	if (!ret)
		ret = apply_undo(root, &journal, names, ARRAY_SIZE(names), out, err);
	journal_close(&journal);
	return ret;
}

static int tell(struct strbuf *out, struct err *err)
{
	int ret = fd_print(out, err);

	strbuf_free(out);
	return ret;
}

int auto_run(const struct sysroot *root, const struct auto_limits *limits,
             unsigned interval, unsigned count, struct err *err)
{
	_cleanup_strbuf_ struct strbuf out = { 0 };
	struct ticker ticker;
	struct err late = { 0 };
	int ret = ticker_open(&ticker, interval, err), back;

	if (!ret && !sysroot_exists(root, "sys/kernel/mm/ksm/run"))
		ret = err_set(err, ENOENT, "this kernel has no KSM");
	for (unsigned i = 0; !ret && (!count || i < count); i++) {
		int tick = ticker_wait(&ticker, err);

		if (tick <= 0) {
			ret = tick;
			break;
		}
		ret = turn(root, limits, &out, err);
		if (ret == -EBUSY) {
			err_clear(err);
			ret = 0;
		}
		if (!ret)
			ret = tell(&out, err);
	}
	ticker_close(&ticker);
	/* Also after a failure; its own error comes second. */
	back = give_back(root, &out, &late);
	tell(&out, &late);
	if (!ret && back < 0)
		*err = late;
	return ret < 0 ? ret : back;
}
