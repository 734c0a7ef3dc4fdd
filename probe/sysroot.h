/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The host's files, live or captured: every path of /proc, /sys, /dev, /etc, /boot and
 * /lib that the host tools read or write goes through here, below one directory that
 * nothing can leave.
 *
 * Paths are given without the leading slash ("proc/cpuinfo"). A captured root may come
 * from a stranger's bug report: symbolic links stay inside it, only regular files are
 * read, and every size is bounded.
 */
#ifndef PROBE_SYSROOT_H
#define PROBE_SYSROOT_H

#include "common/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

struct sysroot {
	int fd;    /* the directory, O_PATH; -1 when closed */
	bool live; /* "/": instructions, ioctls and /dev belong to the same host */
};

/* dir NULL: the running host. 0, or -errno with a sentence. */
int sysroot_open(struct sysroot *root, const char *dir, struct err *err);
/* The same for a tool, whose user may have named the wrong directory: -ENOENT when there
 * is nothing of a host in it. */
int sysroot_open_host(struct sysroot *root, const char *dir, struct err *err);
void sysroot_close(struct sysroot *root);

/* The whole file as an allocated, NUL-terminated string. -EFBIG beyond max bytes. */
int sysroot_read(const struct sysroot *root, const char *path, size_t max, char **text);
/* As sysroot_read(), but a file longer than max bytes is cut, not refused. */
int sysroot_read_head(const struct sysroot *root, const char *path, size_t max,
                      char **text);
/* The first line without its newline, cut to size. On failure buf is "". */
int sysroot_line(const struct sysroot *root, const char *path, char *buf, size_t size);

/* The decimal or 0x number that is the first line, at most INT64_MAX; *value is set on
 * success only. 0 or -errno. */
int sysroot_number(const struct sysroot *root, const char *path, uint64_t *value);
/* The same as an int, also of "Y" and "N" (1 and 0); -1 when there is none or it does not
 * fit. */
int sysroot_small(const struct sysroot *root, const char *path);
/* The word in brackets of "one [two] three", or the whole line without any. As
 * sysroot_line(). */
int sysroot_choice(const struct sysroot *root, const char *path, char *buf, size_t size);
/* The last component of what a symbolic link points to, cut to size. On failure buf is
 * "". */
int sysroot_link_name(const struct sysroot *root, const char *path, char *buf,
                      size_t size);

/* stat(2), links followed. 0 or -errno. */
int sysroot_stat(const struct sysroot *root, const char *path, struct stat *st);
bool sysroot_exists(const struct sysroot *root, const char *path);
/* access(2) of this process on the live root, with its effective ids. -ENOTSUP on a
 * captured one. */
int sysroot_access(const struct sysroot *root, const char *path, int mode);

/* Names in a directory, sorted, without "." and "..". The caller calls names_free(), also
 * after a failure. At most SYSROOT_NAMES_MAX names are kept. */
#define SYSROOT_NAMES_MAX 16384
struct names {
	char **name;
	unsigned count;
};
int sysroot_list(const struct sysroot *root, const char *path, struct names *names);
void names_free(struct names *names);

/* The text of a symbolic link, which is not followed. -ENAMETOOLONG if buf is too short,
 * -EINVAL if it is no link. On failure buf is "". */
int sysroot_link(const struct sysroot *root, const char *path, char *buf, size_t size);

/* Writes text to a file that exists, with one write(2): what the kernel's files want. The
 * file is neither created nor cut. 0 or -errno. */
int sysroot_write(const struct sysroot *root, const char *path, const char *text);
/* Replaces a whole file, atomically and durably; missing folders are created (0755). */
int sysroot_replace(const struct sysroot *root, const char *path, const char *text,
                    mode_t mode);
/* Removes a file, and what a killed sysroot_replace() of it left. */
int sysroot_remove(const struct sysroot *root, const char *path);
/* A directory, to work in with the *at() calls; with make, it and its parents are created
 * (0755). An fd or -errno. */
int sysroot_open_dir(const struct sysroot *root, const char *path, bool make);

/* Opens a device node with open(2) flags: an fd or -errno. -ENOTSUP on a captured root,
 * whose nodes would be this machine's. O_CLOEXEC is added. */
int sysroot_open_node(const struct sysroot *root, const char *path, int flags);

#endif
