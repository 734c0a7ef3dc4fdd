// SPDX-License-Identifier: GPL-2.0-or-later
/* Mounting hugetlbfs, and unmounting what we mounted. */
#include "tune/mount.h"

#include "common/cleanup.h"
#include "common/opts.h"
#include "tune/apply.h"
#include "tune/hostfile.h"

#include <errno.h>
#include <string.h>
#include <sys/mount.h>

/* The page size of a line of /proc/mounts, and where it is mounted; 0: another kind. */
static uint64_t parse_line(char *line, char **dir)
{
	char *words[4], *size;
	uint64_t bytes = 0;

	for (unsigned i = 0; i < ARRAY_SIZE(words); i++)
		if (!(words[i] = strsep(&line, " ")))
			return 0;
	if (strcmp(words[2], "hugetlbfs"))
		return 0;
	*dir = words[1];
	size = strstr(words[3], "pagesize=");
	if (size) {
		size += strlen("pagesize=");
		size[strcspn(size, ",")] = '\0';
		opt_parse_size(size, 'B', &bytes);
	}
	return bytes;
}

/* The first one of this size; with `at`, the one at this place. */
static bool find(const struct sysroot *root, uint64_t size, const char *at, char *buf,
                 size_t len)
{
	_cleanup_free_ char *text = NULL;
	char *rest, *line, *dir;

	buf[0] = '\0';
	if (sysroot_read(root, "proc/self/mounts", HOSTFILE_MAX, &text) < 0 &&
	    sysroot_read(root, "proc/mounts", HOSTFILE_MAX, &text) < 0)
		return false;
	for (rest = text; (line = strsep(&rest, "\n"));) {
		uint64_t found = parse_line(line, &dir);

		if (!found || (size && found != size) || (at && strcmp(dir, at)))
			continue;
		snprintf(buf, len, "%s", dir);
		return true;
	}
	return false;
}

void mount_find(const struct sysroot *root, uint64_t size, char *buf, size_t len)
{
	find(root, size, NULL, buf, len);
}

int mount_hugepages(const struct sysroot *root, struct journal *journal, const char *dir,
                    uint64_t size, bool *mounted, struct err *err)
{
	char key[PATH_SIZE], options[32], at[PATH_SIZE];
	bool missing;
	int ret;

	if (!root->live)
		return err_usage(err, "--mount works on the running host only");
	if (*dir != '/' || dir[strcspn(dir, " \t\n\\")] || strlen(dir) > PATH_SIZE - 16)
		return err_usage(err, "--mount needs an absolute path, not '%s'", dir);
	if (find(root, size, dir, at, sizeof(at)))
		return 0;
	if (find(root, 0, dir, at, sizeof(at)))
		return err_set(err, EBUSY,
		               "%s holds huge pages of another size; give another "
		               "directory",
		               dir);
	missing = !sysroot_exists(root, dir + 1);
	snprintf(key, sizeof(key), KEY_MOUNT "%s", dir);
	ret = journal_save(journal, key, missing ? "made" : "", err);
	if (ret < 0)
		return ret;
	ret = missing ? sysroot_open_dir(root, dir + 1, true) : -1;
	if (ret >= 0)
		close(ret);
	snprintf(options, sizeof(options), "pagesize=%lluK",
	         (unsigned long long)size >> 10);
	if (!mount("hugetlbfs", dir, "hugetlbfs", MS_NOSUID | MS_NODEV | MS_NOEXEC,
	           options)) {
		*mounted = true;
		return 0;
	}
	ret = err_sys(err, errno, "cannot mount huge pages on %s", dir);
	mount_take_back(root, journal, dir);
	return ret;
}

void mount_take_back(const struct sysroot *root, struct journal *journal, const char *dir)
{
	const struct journal_record *r;
	_cleanup_strbuf_ struct strbuf out = { 0 };
	char key[PATH_SIZE];

	snprintf(key, sizeof(key), KEY_MOUNT "%s", dir);
	r = journal_find(journal, key);
	/* What cannot be taken back stays in the journal for undo. */
	if (r &&
	    !mount_undo(root, dir, r->value && !strcmp(r->value, "made"), &out, NULL))
		journal_drop(journal, key, NULL);
}

int mount_undo(const struct sysroot *root, const char *dir, bool made, struct strbuf *out,
               struct err *err)
{
	char at[PATH_SIZE];

	if (!root->live)
		return err_set(err, ENOTSUP, "cannot unmount %s: not the running host",
		               dir);
	if (find(root, 0, dir, at, sizeof(at)) && umount(dir) < 0)
		return err_sys(err, errno, "cannot unmount %s%s", dir,
		               errno == EBUSY ? ": a guest uses it" : "");
	if (made)
		rmdir(dir);
	strbuf_addf(out, "%s: unmounted\n", dir);
	return 0;
}
