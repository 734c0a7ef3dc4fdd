/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Hand-off files: versioned JSON objects by which one program tells the next what it
 * found or did (host.json, tuning.json, assigned.json), in /run/kvmkit. Readers use them
 * to explain and to choose defaults, and ask the kernel for the truth.
 */
#ifndef COMMON_HANDOFF_H
#define COMMON_HANDOFF_H

#include "common/err.h"

#include <jansson.h>

#define HANDOFF_DIR "/run/kvmkit"
#define HANDOFF_MAX (1024 * 1024) /* bytes in one file; larger ones are refused */

/* The directory: option (of --state-dir) unless NULL, else KVMKIT_STATE_DIR, else
 * HANDOFF_DIR. Borrowed from its source. */
const char *handoff_dir(const char *option);

/*
 * Replaces dir/name with object, atomically: a reader sees the old file or the new one.
 * The directory is created (0755) when only its last component is missing. `name` has no
 * slash. 0, or -errno with a sentence; the old file is then untouched.
 */
int handoff_write(const char *dir, const char *name, const json_t *object,
                  struct err *err);

/*
 * Reads dir/name into *object, owned by the caller: json_decref(). Refused, with a
 * sentence: files that are not regular, belong to neither root nor this user, or can be
 * written by anyone else (-EPERM, also for the directory); beyond HANDOFF_MAX (-EFBIG);
 * no JSON object
 * (-EINVAL); "version" other than `version` (-EPROTO). A missing file is -ENOENT. Types
 * and ranges of everything else in the object are the caller's to check.
 */
int handoff_read(const char *dir, const char *name, int version, json_t **object,
                 struct err *err);

#endif
