/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Profiles: what the knobs should be, as text. One "knob = value" a line, with an
 * optional "if numa" and, after " ; ", the reason; "knob[sda]" is one file of a knob that
 * has many,
 * ">=value" only ever raises. '#' starts a comment line, "description = text" says what
 * the profile is for.
 */
#ifndef TUNE_PROFILE_H
#define TUNE_PROFILE_H

#include "common/strbuf.h"
#include "probe/sysroot.h"
#include "tune/knob.h"

struct want {
	const struct knob *knob;
	char instance[48]; /* "" for all files of the knob */
	char value[KNOB_VALUE_MAX];
	bool at_least;  /* never lower what is higher */
	bool numa_only; /* only with more than one NUMA node */
	bool named;     /* by the user, not by a profile */
	char why[160];  /* "": the knob's own reason */
};

struct profile {
	char name[256];
	char description[160];
	struct want *wants;
	unsigned count;
};

/* Parses a profile's text; file names it in sentences ("FILE line 3: ..."). profile is
 * zeroed by the caller, who calls profile_free() also after a failure. */
int profile_parse(const char *text, const char *file, struct profile *profile,
                  struct err *err);
/* Adds "name=value" or "name[instance]=value" of a command line. */
int profile_add(struct profile *profile, const char *assignment, struct err *err);
/*
 * Finds and parses a profile: a path (with a '/'), else NAME in etc/kvmkit/profiles below
 * the root, in KVMKIT_PROFILE_DIR, in share/kvmkit/profiles beside the program's bin, or
 * in the source tree that the program was built in. -ENOENT names those there are.
 */
int profile_load(const struct sysroot *root, const char *name, struct profile *profile,
                 struct err *err);
/* The profiles that profile_load() finds by name, one a line with what they are for. */
int profile_list(const struct sysroot *root, struct strbuf *out, struct err *err);
void profile_free(struct profile *profile);

/* True when the want is about this file of the knob. */
bool want_matches(const struct want *want, const struct knob *knob, const char *path);

#endif
