// SPDX-License-Identifier: GPL-2.0-or-later
/* Boards, files and hostile inputs for the tests of the loaders. */
#include "tests/unit/boot-lib.h"

#include "tests/tap.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static char dir[64];
static char names[16][128];

struct board board_new(unsigned mib)
{
	struct err err = { 0 };
	struct board board = { .mem = mem_new(NULL, &err) };
	uint64_t size = (uint64_t)mib << 20;

	board.ram = mem_alloc(size, &err);
	if (!board.mem || !board.ram ||
	    mem_add_ram(board.mem, "low", 0, LAYOUT_LOW_END, board.ram, false, &err) ||
	    mem_add_ram(board.mem, "ram", LAYOUT_HIGH_LEGACY, size - LAYOUT_HIGH_LEGACY,
	                board.ram + LAYOUT_HIGH_LEGACY, false, &err)) {
		tap_diag("%s", err.text);
		exit(1);
	}
	board.env.low_top = size;
	board.env.fresh = true;
	return board;
}

void board_free(struct board *board)
{
	mem_free(board->mem);
	munmap(board->ram, board->env.low_top);
}

uint8_t *board_at(struct board *board, uint64_t gpa, size_t len)
{
	return dma_map(board->mem, gpa, len, false);
}

const char *file_dir(void)
{
	if (!dir[0]) {
		const char *tmp = getenv("TMPDIR");

		snprintf(dir, sizeof(dir), "%.40s/boot-XXXXXX", tmp ? tmp : "/tmp");
		if (!mkdtemp(dir)) {
			tap_diag("cannot make %s", dir);
			exit(1);
		}
	}
	return dir;
}

const char *file_make(const char *name, const void *data, size_t len)
{
	char path[128];
	unsigned i = 0;
	int fd;

	snprintf(path, sizeof(path), "%s/%.50s", file_dir(), name);
	while (names[i][0] && strcmp(names[i], path))
		i++;
	strcpy(names[i], path);
	/* Not O_TRUNC: some file systems write a file that was emptied at its close. */
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, data, len) != (ssize_t)len || ftruncate(fd, len) < 0) {
		tap_diag("cannot write %s", path);
		exit(1);
	}
	close(fd);
	return names[i];
}

void file_resize(const char *path, size_t len)
{
	if (truncate(path, len) < 0)
		tap_diag("cannot resize %s", path);
}

void file_remove_all(void)
{
	for (unsigned i = 0; i < 16 && names[i][0]; i++)
		unlink(names[i]);
	if (dir[0])
		rmdir(dir);
}

int boot_try(struct board *board, const struct boot_opts *opts, struct boot_entry *entry,
             struct err *err)
{
	struct boot_source *src = boot_open(opts, err);
	int ret;

	if (!src)
		return -err->code;
	ret = boot_load(src, board->mem, &board->env, entry, err);
	boot_free(src);
	return ret;
}

static void check_sentence(const struct err *err, const char *part, const char *what)
{
	tap_ok(err->code > 0 && err->text[0] && !strchr(err->text, '\n') &&
	               strstr(err->text, part),
	       "%s: %s", what, err->text);
}

void boot_refuses(const struct boot_opts *opts, const char *part, const char *what)
{
	struct err err = { 0 };
	struct boot_source *src = boot_open(opts, &err);

	if (src)
		err_clear(&err);
	boot_free(src);
	check_sentence(&err, part, what);
}

void load_refuses(struct board *board, const struct boot_opts *opts, const char *part,
                  const char *what)
{
	struct err err = { 0 };
	struct boot_entry entry;
	struct boot_source *src = boot_open(opts, &err);

	if (!src) {
		tap_ok(false, "%s: opens", what);
		tap_diag("%s", err.text);
		return;
	}
	if (!boot_load(src, board->mem, &board->env, &entry, &err))
		err_clear(&err);
	boot_free(src);
	check_sentence(&err, part, what);
}

void boot_refuses_cuts(const uint8_t *image, size_t len, const char *what)
{
	struct boot_opts opts = { .kernel = file_make("cut", image, len) };
	size_t cut = len;
	struct boot_source *src;

	while (cut--) {
		struct err err = { 0 };

		file_resize(opts.kernel, cut);
		src = boot_open(&opts, &err);
		if (src || !err.text[0])
			break;
	}
	if (!tap_ok(cut == SIZE_MAX, "%s: refused at every length", what))
		tap_diag("accepted at %zu of %zu bytes", cut, len);
}

void boot_survives_changes(struct board *board, const uint8_t *image, size_t len,
                           size_t range, unsigned rounds, const char *what)
{
	uint64_t seed = 88172645463325252ull;
	uint8_t *copy = malloc(len);
	unsigned loaded = 0, refused = 0;

	for (unsigned i = 0; i < rounds; i++) {
		struct err err = { 0 };
		struct boot_entry entry;
		struct boot_opts opts;

		memcpy(copy, image, len);
		for (unsigned n = i % 4 + 1; n; n--) {
			static const uint8_t extremes[] = { 0, 1, 0x7f, 0x80, 0xff };

			seed ^= seed << 13;
			seed ^= seed >> 7;
			seed ^= seed << 17;
			copy[seed % range] =
				seed & 0x10000 ? seed >> 32 : extremes[(seed >> 40) % 5];
		}
		opts = (struct boot_opts){ .kernel = file_make("changed", copy, len) };
		if (!boot_try(board, &opts, &entry, &err))
			loaded++;
		else if (err.text[0])
			refused++;
	}
	free(copy);
	tap_ok(loaded + refused == rounds && refused,
	       "%s: %u changed images loaded, %u refused with a sentence", what, loaded,
	       refused);
}
