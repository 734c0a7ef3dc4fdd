/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the tests of the loaders and tables share: a board with RAM only, and files. */
#ifndef TESTS_UNIT_BOOT_LIB_H
#define TESTS_UNIT_BOOT_LIB_H

#include "vmm/machine/boot.h"
#include "vmm/machine/layout.h"
#include "vmm/mem/mem.h"

#include <stddef.h>

struct board {
	struct mem *mem;
	uint8_t *ram;
	struct boot_env env;
};

/* A board with `mib` MiB below 4 GiB and no KVM. Ends the program if that fails. */
struct board board_new(unsigned mib);
void board_free(struct board *board);
/* Bytes of the board's RAM, or NULL. */
uint8_t *board_at(struct board *board, uint64_t gpa, size_t len);

/* Puts bytes into a file of the test's own folder and returns its path (static, until
 * the next call with the same name). file_remove_all() at the end. */
const char *file_make(const char *name, const void *data, size_t len);
/* Lengthens a file without data, or cuts it. */
void file_resize(const char *path, size_t len);
const char *file_dir(void);
void file_remove_all(void);

/* Opens and loads in one go; *src_out may be NULL. 0 or the error. */
int boot_try(struct board *board, const struct boot_opts *opts, struct boot_entry *entry,
             struct err *err);
/* Fails the test unless boot_open() refuses with a sentence of one line that contains
 * `part`. */
void boot_refuses(const struct boot_opts *opts, const char *part, const char *what);
/* The same for boot_load(). */
void load_refuses(struct board *board, const struct boot_opts *opts, const char *part,
                  const char *what);
/* Every cut of the image must be refused when it is opened; one result line. */
void boot_refuses_cuts(const uint8_t *image, size_t len, const char *what);
/* Changes 1 to 4 bytes at [0, range) `rounds` times: nothing may break. One result. */
void boot_survives_changes(struct board *board, const uint8_t *image, size_t len,
                           size_t range, unsigned rounds, const char *what);

#endif
