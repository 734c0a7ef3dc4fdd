/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where the programs are that this program starts for itself. */
#ifndef COMMON_HELPER_H
#define COMMON_HELPER_H

/* The path of helper program `name`: in the folder that KVMKIT_HELPER_DIR names, else
 * beside this program (a build folder), else in ../libexec/kvmkit from there (installed).
 * NULL when it is in none of them, or memory is short; else owned by the caller. */
char *helper_find(const char *name);

#endif
