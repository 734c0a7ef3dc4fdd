/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Carrying out a plan, and undoing what was ever carried out. Every original is in the
 * journal before the first write; every write is read back; a plan that fails half-way is
 * rolled back to what was before it, so that a run changes everything or nothing.
 */
#ifndef TUNE_APPLY_H
#define TUNE_APPLY_H

#include "common/journal.h"
#include "common/strbuf.h"
#include "tune/plan.h"

#define TUNE_JOURNAL "tune.journal"

/* Keys that are not paths of knobs. */
#define KEY_BOOT     "boot:"  /* an entry in modprobe.d: "boot:kvm.nested" */
#define KEY_MOUNT    "mount:" /* a hugetlbfs that was mounted: "mount:/dev/hugepages" */

/* Opens the journal below the root (JOURNAL_DIR). A writer makes the directory. */
int tune_journal_open(const struct sysroot *root, bool writer, struct journal *journal,
                      struct err *err);

/* Refused rows are an error that nothing was changed for. `out` gets one line for each
 * change. 0, or -errno with a sentence. facts are what the plan was made from. */
int apply_plan(const struct sysroot *root, struct journal *journal,
               const struct tune_facts *facts, const struct plan *plan,
               struct strbuf *out, struct err *err);

/*
 * Restores the named knobs, or all when there are no names, from the last change to the
 * first, and drops their records; a pair is restored together. What cannot be restored
 * keeps its record, and is an error after all others were tried.
 */
int apply_undo(const struct sysroot *root, struct journal *journal,
               const char *const *names, unsigned count, struct strbuf *out,
               struct err *err);

/* One line for each change that a plan would make, in the form of a diff. */
void apply_preview(const struct plan *plan, struct strbuf *out);
/* One line for each thing that undo would restore. -EBADMSG for keys that are no knob. */
int apply_undo_preview(const struct sysroot *root, const struct journal *journal,
                       const char *const *names, unsigned count, struct strbuf *out,
                       struct err *err);

#endif
