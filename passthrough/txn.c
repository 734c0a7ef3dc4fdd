// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Records of the journal, in the order in which they are saved:
 *   "boot"                 the boot whose bindings the others tell; void in any other
 *   "assigned"             assigned.json before the change
 *   "ADDRESS driver"       driver, newline, override
 *   "ADDRESS sriov_..."    the number in that file
 *   "committed"            the change is done: what is before it is to be forgotten
 * Undo walks them backwards, so assigned.json comes back after the devices did.
 */
#include "passthrough/txn.h"

#include "common/cleanup.h"
#include "passthrough/holders.h"
#include "passthrough/slow.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static const char *const saved_files[] = { "sriov_numvfs", "sriov_drivers_autoprobe" };

/* ---- saving ---- */

static int save(struct txn *txn, const char *name, const char *what, const char *value,
                struct err *err)
{
	char key[64];

	snprintf(key, sizeof(key), "%s %s", name, what);
	return journal_save(&txn->journal, key, value, err);
}

static int save_frame(struct txn *txn, struct err *err)
{
	_cleanup_free_ char *text = NULL;
	json_t *json = assigned_json(&txn->assigned);
	int ret;

	text = json ? json_dumps(json, JSON_COMPACT) : NULL;
	json_decref(json);
	if (!text)
		return err_sys(err, ENOMEM, "cannot write the journal");
	ret = journal_save(&txn->journal, "boot", txn->assigned.boot_id, err);
	return ret < 0 ? ret : journal_save(&txn->journal, "assigned", text, err);
}

int txn_save_driver(struct txn *txn, const char *name, struct err *err)
{
	char value[2 * DRIVER_SIZE];
	struct driver_state was;
	int ret = driver_read(txn->root, name, &was, err);

	if (ret < 0)
		return ret;
	snprintf(value, sizeof(value), "%s\n%s", was.driver, was.override);
	ret = save_frame(txn, err);
	return ret < 0 ? ret : save(txn, name, "driver", value, err);
}

int txn_save_file(struct txn *txn, const char *name, const char *file, struct err *err)
{
	char path[PCI_PATH_SIZE], value[32];
	int ret;

	pci_path(path, name, file);
	ret = sysroot_line(txn->root, path, value, sizeof(value));
	if (ret < 0)
		return err_sys(err, -ret, "cannot read /%s", path);
	ret = save_frame(txn, err);
	return ret < 0 ? ret : save(txn, name, file, value, err);
}

/* ---- undoing ---- */

static int not_held(const struct txn *txn, const char *name, struct err *err)
{
	struct holders holders;
	struct pci_function f;
	struct pci_address address;
	unsigned from = 0;
	const struct holder *h = NULL;
	int ret = holders_read(txn->root, &holders, err);

	if (!ret && pci_address_parse(name, &address) &&
	    !pci_function_read(txn->root, &address, &f, NULL))
		h = holders_of(&holders, txn->root, &f, &from);
	if (h) {
		char text[HOLDER_TEXT_SIZE];

		holder_text(h, text);
		ret = err_set(err, EBUSY, "%s: %s holds it; stop that guest first", name,
		              text);
	}
	holders_free(&holders);
	return ret;
}

static int undo_driver(const struct txn *txn, const char *name, const char *value,
                       struct strbuf *notes, struct err *err)
{
	const char *end = strchr(value, '\n');
	struct driver_state was = { 0 };
	int ret;

	if (!end || end - value >= DRIVER_SIZE || strlen(end + 1) >= DRIVER_SIZE)
		return err_set(err, EBADMSG, "%s: no driver in its record", name);
	memcpy(was.driver, value, end - value);
	strcpy(was.override, end + 1);
	if ((*was.driver && !driver_name_valid(was.driver)) ||
	    (*was.override && !driver_name_valid(was.override)))
		return err_set(err, EBADMSG, "%s: no driver in its record", name);
	ret = not_held(txn, name, err);
	if (!ret)
		ret = driver_restore(txn->root, name, &was, err);
	if (!ret)
		strbuf_addf(notes, "%s: back to %s\n", name,
		            *was.driver ? was.driver : "no driver");
	return ret;
}

static int undo_file(const struct txn *txn, const char *name, const char *file,
                     const char *value, struct strbuf *notes, struct err *err)
{
	char path[PCI_PATH_SIZE], now[32];
	bool known = false;
	int ret = 0;

	for (unsigned i = 0; i < ARRAY_SIZE(saved_files); i++)
		known |= !strcmp(saved_files[i], file);
	if (!known)
		return err_set(err, EBADMSG, "%s: an unknown record '%s'", name, file);
	pci_path(path, name, file);
	sysroot_line(txn->root, path, now, sizeof(now));
	if (!strcmp(now, value))
		return 0;
	/* A number of virtual functions changes only by way of none. */
	if (!strcmp(file, "sriov_numvfs") && strcmp(now, "0") && strcmp(value, "0"))
		ret = slow_write(txn->root, path, "0");
	if (!ret)
		ret = slow_write(txn->root, path, value);
	if (ret < 0)
		return err_sys(err, -ret, "%s: cannot set %s back to %s", name, file,
		               value);
	strbuf_addf(notes, "%s: %s back to %s\n", name, file, value);
	return 0;
}

static int undo_assigned(struct txn *txn, const char *value, struct err *err)
{
	json_t *json = json_loads(value, 0, NULL);
	int ret;

	assigned_free(&txn->assigned);
	ret = assigned_parse(json, &txn->assigned, err);
	json_decref(json);
	return ret < 0 ? ret : assigned_write(txn->dir, &txn->assigned, err);
}

static int undo_one(struct txn *txn, const struct journal_record *record,
                    struct strbuf *notes, struct err *err)
{
	char name[PCI_ADDRESS_SIZE], path[PCI_PATH_SIZE];
	const char *blank = strchr(record->key, ' ');
	const char *value = record->value ? record->value : "";
	struct pci_address address;

	if (!strcmp(record->key, "boot"))
		return 0;
	if (!strcmp(record->key, "assigned"))
		return undo_assigned(txn, value, err);
	if (!blank || blank - record->key >= PCI_ADDRESS_SIZE)
		return err_set(err, EBADMSG, "an unknown record '%s'", record->key);
	snprintf(name, sizeof(name), "%.*s", (int)(blank - record->key), record->key);
	if (!pci_address_parse(name, &address))
		return err_set(err, EBADMSG, "an unknown record '%s'", record->key);
	pci_path(path, name, "vendor");
	if (!sysroot_exists(txn->root, path)) {
		strbuf_addf(notes, "%s: is gone, nothing to restore\n", name);
		return 0;
	}
	if (!strcmp(blank + 1, "driver"))
		return undo_driver(txn, name, value, notes, err);
	return undo_file(txn, name, blank + 1, value, notes, err);
}

/* What may work later keeps its record; what never will does not bar the way. */
static bool try_again(int code)
{
	return code == -EBUSY || code == -ETIMEDOUT || code == -EACCES || code == -EPERM;
}

int txn_undo(struct txn *txn, struct strbuf *notes, struct err *err)
{
	int ret = 0;

	for (unsigned i = txn->journal.count; i-- > 0;) {
		_cleanup_free_ char *key = strdup(txn->journal.records[i].key);
		struct err first = { 0 };
		int one = key ? undo_one(txn, &txn->journal.records[i], notes, &first)
		              : -ENOMEM;

		if (one < 0 && !ret)
			ret = err_set(err, -one, "%s", first.text);
		/* The frame is needed as long as any other record is. */
		if (one < 0 && (try_again(one) || one == -ENOMEM))
			return ret;
		one = journal_drop(&txn->journal, key, &first);
		if (one < 0)
			return ret < 0 ? ret : err_set(err, -one, "%s", first.text);
	}
	return ret;
}

/* ---- opening, committing ---- */

static int open_dir(const char *dir, struct err *err)
{
	int fd;

	if (mkdir(dir, 0755) < 0 && errno != EEXIST)
		return err_sys(err, errno, "cannot create the directory %s", dir);
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? err_sys(err, errno, "cannot open the directory %s", dir) : fd;
}

static int forget_records(struct txn *txn, struct err *err)
{
	int ret = 0;

	/* "committed" is the last one to go. */
	while (!ret && txn->journal.count) {
		_cleanup_free_ char *key = strdup(txn->journal.records[0].key);

		ret = key ? journal_drop(&txn->journal, key, err)
		          : err_sys(err, ENOMEM, "cannot write the journal");
	}
	return ret;
}

static int recover(struct txn *txn, struct strbuf *notes, struct err *err)
{
	const struct journal_record *boot = journal_find(&txn->journal, "boot");
	int ret;

	if (!txn->journal.count)
		return 0;
	if (journal_find(&txn->journal, "committed") || !boot || !boot->value ||
	    strcmp(boot->value, txn->assigned.boot_id))
		return forget_records(txn, err);
	strbuf_adds(notes, "undoing an interrupted run\n");
	ret = txn_undo(txn, notes, err);
	if (ret < 0)
		err_prefix(err, "an interrupted run cannot be undone");
	return ret;
}

int txn_open(struct txn *txn, const struct sysroot *root, const char *dir,
             struct strbuf *notes, struct err *err)
{
	int fd = open_dir(dir, err);
	int ret;

	*txn = (struct txn){ .root = root,
		             .dir = dir,
		             .journal = { .dirfd = -1, .fd = -1 } };
	if (fd < 0)
		return fd;
	ret = journal_open(&txn->journal, fd, dir, TXN_JOURNAL, true, err);
	if (ret < 0)
		return ret;
	ret = assigned_read(root, dir, &txn->assigned, err);
	if (!ret)
		ret = recover(txn, notes, err);
	if (ret < 0)
		txn_close(txn);
	return ret;
}

void txn_close(struct txn *txn)
{
	journal_close(&txn->journal);
	assigned_free(&txn->assigned);
}

int txn_commit(struct txn *txn, struct err *err)
{
	int ret = assigned_write(txn->dir, &txn->assigned, err);

	if (!ret && txn->journal.count)
		ret = journal_save(&txn->journal, "committed", NULL, err);
	return ret < 0 ? ret : forget_records(txn, err);
}

unsigned txn_pending(const struct sysroot *root, const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const struct journal_record *boot;
	char boot_id[40];
	struct journal journal;
	unsigned pending = 0;

	if (fd < 0 || journal_open(&journal, fd, dir, TXN_JOURNAL, false, NULL) < 0)
		return 0;
	boot = journal_find(&journal, "boot");
	boot_id_read(root, boot_id);
	if (!journal_find(&journal, "committed") && boot && boot->value &&
	    !strcmp(boot->value, boot_id))
		for (unsigned i = 0; i < journal.count; i++)
			pending += strchr(journal.records[i].key, ' ') != NULL;
	journal_close(&journal);
	return pending;
}
