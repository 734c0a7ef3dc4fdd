// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The undo journal: a text file of lines
 *   save KEY =VALUE CRC      save KEY - CRC      drop KEY CRC
 * with bytes up to the blank, '%' and DEL as %XX, and the CRC-32C of all before it. It is
 * only ever appended to, so the good part of a file is a prefix: a crash can cut the last
 * line, and nothing else. Invariant: a record is in memory only if it is on the disk.
 * One thread.
 */
#include "common/journal.h"

#include "common/cleanup.h"
#include "common/fdio.h"
#include "common/opts.h"
#include "common/state.h"
#include "common/strbuf.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define HEADER "kvmkit-journal 1"

/* ---- records in memory ---- */

static int find(const struct journal *j, const char *key)
{
	for (unsigned i = 0; i < j->count; i++)
		if (!strcmp(j->records[i].key, key))
			return i;
	return -1;
}

static int remember(struct journal *j, char *key, char *value)
{
	struct journal_record *grown =
		realloc(j->records, (j->count + 1) * sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	j->records = grown;
	grown[j->count++] = (struct journal_record){ key, value };
	return 0;
}

static void forget(struct journal *j, unsigned at)
{
	free(j->records[at].key);
	free(j->records[at].value);
	j->count--;
	memmove(&j->records[at], &j->records[at + 1],
	        (j->count - at) * sizeof(*j->records));
}

/* ---- one line ---- */

static void add_escaped(struct strbuf *sb, const char *text)
{
	for (; *text; text++) {
		unsigned char c = *text;

		if (c <= ' ' || c == '%' || c == 0x7f)
			strbuf_addf(sb, "%%%02x", c);
		else
			strbuf_addc(sb, c);
	}
}

static void add_crc(struct strbuf *line)
{
	strbuf_addf(line, " %08x\n", state_crc32c(0, line->data, line->len));
}

static char *unescape(const char *text)
{
	char *out = malloc(strlen(text) + 1), *to = out;

	while (out && *text) {
		char hex[3] = { text[0] == '%' ? text[1] : 0, 0, 0 };
		uint64_t c = (unsigned char)*text++;

		if (*hex) {
			hex[1] = text[1];
			if (opt_parse_hex(hex, &c) < 0 || !c) {
				free(out);
				return NULL;
			}
			text += 2;
		}
		*to++ = c;
	}
	if (out)
		*to = '\0';
	return out;
}

/* The words of a line whose check sum is right; 0 when it is wrong. */
static unsigned split(char *line, char *words[4])
{
	char *crc = strrchr(line, ' ');
	unsigned count = 0;
	uint64_t sum;

	if (!crc || strlen(crc + 1) != 8 || opt_parse_hex(crc + 1, &sum) < 0 ||
	    sum != state_crc32c(0, line, crc - line))
		return 0;
	*crc = '\0';
	for (char *word; count < 4 && (word = strsep(&line, " "));)
		words[count++] = word;
	return count;
}

static int replay_save(struct journal *j, const char *key, const char *value)
{
	_cleanup_free_ char *k = unescape(key), *v = NULL;
	bool absent = !strcmp(value, "-");
	int ret;

	if (!absent && *value == '=')
		v = unescape(value + 1);
	if (!k || !*k || (!absent && !v) || find(j, k) >= 0)
		return -EBADMSG;
	ret = remember(j, k, v);
	if (!ret)
		k = v = NULL;
	return ret;
}

static int replay_drop(struct journal *j, const char *key)
{
	_cleanup_free_ char *k = unescape(key);
	int at = k ? find(j, k) : -1;

	if (at < 0)
		return -EBADMSG;
	forget(j, at);
	return 0;
}

static int replay(struct journal *j, char *line, unsigned number)
{
	char *words[4];
	unsigned count;

	if (number == 1)
		return strcmp(line, HEADER) ? -EBADMSG : 0;
	count = split(line, words);
	if (count == 3 && !strcmp(words[0], "save"))
		return replay_save(j, words[1], words[2]);
	if (count == 2 && !strcmp(words[0], "drop"))
		return replay_drop(j, words[1]);
	return -EBADMSG;
}

/* ---- the file ---- */

/* Root's or this user's, and writable by its owner alone. */
static bool trusted(int fd, mode_t type)
{
	struct stat st;

	return !fstat(fd, &st) && (st.st_mode & S_IFMT) == type &&
	       (st.st_uid == 0 || st.st_uid == geteuid()) && !(st.st_mode & 022);
}

static int load(struct journal *j, struct err *err)
{
	_cleanup_free_ char *text = malloc(JOURNAL_MAX + 1);
	ssize_t len = text ? fd_pread(j->fd, text, JOURNAL_MAX + 1, 0) : -ENOMEM;
	char *line = text, *end;
	int ret = 0;

	if (len > JOURNAL_MAX)
		len = -EFBIG;
	if (len < 0)
		return err_sys(err, -len, "cannot read the journal %s", j->where);
	for (unsigned n = 1; (end = memchr(line, '\n', text + len - line)); n++) {
		*end = '\0';
		ret = strlen(line) == (size_t)(end - line) ? replay(j, line, n)
		                                           : -EBADMSG;
		if (ret == -EBADMSG)
			return err_set(
				err, EBADMSG,
				"the journal %s is damaged in line %u, so what it "
				"holds cannot be trusted; nothing was changed: read "
				"it, restore by hand, then remove it",
				j->where, n);
		if (ret < 0)
			return err_sys(err, -ret, "cannot read the journal %s", j->where);
		line = end + 1;
	}
	/* A line without an end was being written when the machine or the program died.
	 */
	if (j->writer && ftruncate(j->fd, line - text) < 0)
		return err_sys(err, errno, "cannot write the journal %s", j->where);
	return 0;
}

static int append(struct journal *j, struct strbuf *line, struct err *err)
{
	struct stat st;
	int ret = line->failed ? -ENOMEM : j->broken ? -EIO : 0;

	if (!ret && (fstat(j->fd, &st) < 0 || st.st_size + line->len > JOURNAL_MAX))
		ret = -EFBIG;
	if (!ret) {
		ret = fd_write(j->fd, line->data, line->len);
		if (!ret && fdatasync(j->fd) < 0)
			ret = -errno;
		j->broken = ret < 0;
	}
	return ret < 0 ? err_sys(err, -ret, "cannot write the journal %s", j->where) : 0;
}

/* POSIX locks, because they know who holds them. */
static int take(struct journal *j, struct err *err)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	if (!fcntl(j->fd, F_SETLK, &lock))
		return 0;
	if (errno != EACCES && errno != EAGAIN)
		return err_sys(err, errno, "cannot lock the journal %s", j->where);
	if (fcntl(j->fd, F_GETLK, &lock) < 0 || lock.l_type == F_UNLCK || lock.l_pid <= 0)
		return err_set(err, EBUSY, "%s is in use by another process; try again",
		               j->where);
	return err_set(err, EBUSY,
	               "%s is in use by process %d; try again when it is done", j->where,
	               (int)lock.l_pid);
}

static int open_writer(struct journal *j, struct err *err)
{
	struct stat st = { 0 };
	int ret = 0;

	/* The holder before us may have removed the file between our open and our lock.
	 */
	do {
		if (j->fd >= 0)
			close(j->fd);
		j->fd = openat(j->dirfd, j->name,
		               O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK |
		                       O_NOCTTY | O_CLOEXEC,
		               0644);
		if (j->fd < 0)
			return err_sys(err, errno, "cannot open the journal %s",
			               j->where);
		ret = take(j, err);
		if (!ret && fstat(j->fd, &st) < 0)
			ret = err_sys(err, errno, "cannot open the journal %s", j->where);
	} while (!ret && !st.st_nlink);
	return ret;
}

static int open_reader(struct journal *j, struct err *err)
{
	j->fd = openat(j->dirfd, j->name,
	               O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (j->fd < 0 && errno != ENOENT)
		return err_sys(err, errno, "cannot open the journal %s", j->where);
	return 0;
}

static int start(struct journal *j, struct err *err)
{
	_cleanup_strbuf_ struct strbuf line = { 0 };
	struct stat st;
	int ret;

	if (fstat(j->fd, &st) < 0)
		return err_sys(err, errno, "cannot open the journal %s", j->where);
	if (st.st_size)
		return 0;
	strbuf_adds(&line, HEADER "\n");
	ret = fchmod(j->fd, 0644) < 0
	              ? err_sys(err, errno, "cannot write the journal %s", j->where)
	              : append(j, &line, err);
	if (!ret && fsync(j->dirfd) < 0)
		ret = err_sys(err, errno, "cannot write the journal %s", j->where);
	return ret;
}

int journal_open(struct journal *j, int dirfd, const char *dir, const char *name,
                 bool writer, struct err *err)
{
	int ret;

	*j = (struct journal){ .dirfd = dirfd, .fd = -1, .name = name, .writer = writer };
	snprintf(j->where, sizeof(j->where), "%s/%s", dir, name);
	ret = writer ? open_writer(j, err) : open_reader(j, err);
	if (!ret && j->fd >= 0 && (!trusted(dirfd, S_IFDIR) || !trusted(j->fd, S_IFREG)))
		ret = err_set(err, EPERM,
		              "the journal %s is not trusted: it is no regular file, or "
		              "others than root and you own it, or may write to it or to "
		              "its directory",
		              j->where);
	if (!ret && j->fd >= 0)
		ret = load(j, err);
	if (!ret && writer)
		ret = start(j, err);
	if (ret < 0) {
		/* Not what could be read of it, and not the file. */
		j->writer = false;
		journal_close(j);
	}
	return ret;
}

void journal_close(struct journal *j)
{
	if (j->writer && !j->count && !j->broken && !unlinkat(j->dirfd, j->name, 0))
		fsync(j->dirfd);
	while (j->count)
		forget(j, j->count - 1);
	free(j->records);
	if (j->fd >= 0)
		close(j->fd);
	if (j->dirfd >= 0)
		close(j->dirfd);
	*j = (struct journal){ .dirfd = -1, .fd = -1 };
}

const struct journal_record *journal_find(const struct journal *j, const char *key)
{
	int at = find(j, key);

	return at < 0 ? NULL : &j->records[at];
}

int journal_save(struct journal *j, const char *key, const char *value, struct err *err)
{
	_cleanup_strbuf_ struct strbuf line = { 0 };
	_cleanup_free_ char *k = NULL, *v = NULL;
	int ret;

	if (find(j, key) >= 0)
		return 0;
	if (!*key || strlen(key) > JOURNAL_VALUE_MAX ||
	    (value && strlen(value) > JOURNAL_VALUE_MAX))
		return err_sys(err, E2BIG, "cannot write the journal %s", j->where);
	k = strdup(key);
	v = value ? strdup(value) : NULL;
	if (!k || (value && !v))
		return err_sys(err, ENOMEM, "cannot write the journal %s", j->where);
	strbuf_adds(&line, "save ");
	add_escaped(&line, key);
	strbuf_adds(&line, value ? " =" : " -");
	add_escaped(&line, value ? value : "");
	add_crc(&line);
	ret = append(j, &line, err);
	if (!ret && remember(j, k, v) < 0)
		ret = err_sys(err, ENOMEM, "cannot write the journal %s", j->where);
	if (!ret)
		k = v = NULL;
	return ret;
}

int journal_drop(struct journal *j, const char *key, struct err *err)
{
	_cleanup_strbuf_ struct strbuf line = { 0 };
	int at = find(j, key), ret;

	if (at < 0)
		return 0;
	strbuf_adds(&line, "drop ");
	add_escaped(&line, key);
	add_crc(&line);
	ret = append(j, &line, err);
	if (!ret)
		forget(j, at);
	return ret;
}
