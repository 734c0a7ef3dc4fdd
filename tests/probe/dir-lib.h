/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A directory for one test program. */
#ifndef TESTS_PROBE_DIR_LIB_H
#define TESTS_PROBE_DIR_LIB_H

#include <stdbool.h>

/* Makes an empty directory below TMPDIR and writes its path to dir. False with a
 * diagnostic. */
bool test_dir(char dir[128]);
/* Removes it with all content, without following links. */
bool test_dir_remove(const char *dir);

#endif
