/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Settings for the next boots, in files that kvm-tune owns whole: one each in sysctl.d,
 * modprobe.d and tmpfiles.d, and a profile that kvm-tune.service applies for what those
 * cannot do (several files of one knob, huge pages with a limit). A file of that name
 * which somebody else wrote is never touched.
 */
#ifndef TUNE_PERSIST_H
#define TUNE_PERSIST_H

#include "common/journal.h"
#include "common/strbuf.h"
#include "tune/bootconf.h"
#include "tune/plan.h"

/* The file of a store, without the leading slash. */
const char *persist_file(enum knob_store store);

/* Reads our own files. -EEXIST with a sentence when one of them is not ours.
 * bootconf_free() in both cases. */
int persist_load(const struct sysroot *root, struct bootconf *own, struct err *err);
/* Sets (value) or removes (NULL) one entry in memory; a counterpart is removed too. */
int persist_set(struct bootconf *own, enum knob_store store, const struct knob *knob,
                const char *key, const char *value);
/* The entry's value, or NULL. */
const char *persist_get(const struct bootconf *own, enum knob_store store,
                        const char *key);
/* Writes the files as the entries say; a file without entries is removed. `out` (may be
 * NULL) gets a line when the unit that applies them is not installed. */
int persist_store(const struct sysroot *root, const struct bootconf *own,
                  struct strbuf *out, struct err *err);
/* The key of a knob's file in its store, cut to size; whole: for all files of the knob.
 */
void persist_key(enum knob_store store, const struct knob *knob, const char *path,
                 bool whole, char *buf, size_t size);

/* Keeps what the plan says, whether it is so now or not. Refused rows are an error. */
int persist_plan(const struct sysroot *root, const struct plan *plan, bool dry_run,
                 struct strbuf *out, struct err *err);
/* Keeps what the journal says was changed, at its value of now; entries of the journal
 * that were for the next boot only become permanent. */
int persist_journal(const struct sysroot *root, struct journal *journal,
                    const struct tune_facts *facts, bool dry_run, struct strbuf *out,
                    struct err *err);
/* Forgets the named knobs, or everything. */
int persist_remove(const struct sysroot *root, const char *const *names, unsigned count,
                   bool dry_run, struct strbuf *out, struct err *err);

#endif
