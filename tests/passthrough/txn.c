// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Changes on a host of files, where no kernel answers: writes happen, drivers never move.
 * So every bind fails at its last check, which is what undoing is tested with.
 */
#include "passthrough/txn.h"

#include "common/cleanup.h"
#include "common/handoff.h"
#include "passthrough/slow.h"
#include "tests/passthrough/host-lib.h"
#include "tests/probe/schema-lib.h"
#include "tests/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define A        "0000:00:05.0"
#define OVERRIDE "sys/devices/pci0000:00/" A "/driver_override"

static char state[200];

static const char *line_of(const struct host *h, const char *path)
{
	static char line[200];

	sysroot_line(&h->root, path, line, sizeof(line));
	return line;
}

static void test_slow(const struct host *h)
{
	char line[8];

	tap_eq(slow_line(&h->root, OVERRIDE, line, sizeof(line)), 0, "a child reads");
	tap_str(line, "(null)", "the first line");
	tap_eq(slow_line(&h->root, OVERRIDE, line, 4), 0, "into a short buffer");
	tap_str(line, "(nu", "what fits");
	tap_eq(slow_line(&h->root, "sys/none", line, sizeof(line)), -ENOENT,
	       "its error is ours");
	tap_eq(slow_write(&h->root, "sys/none", "x"), -ENOENT, "in writing, too");
	tap_eq(slow_write(&h->root, OVERRIDE, "(null)\n"), 0, "a child writes");
}

static void test_driver(const struct host *h)
{
	struct driver_state was = { 0 };
	struct err err = { 0 };

	tap_eq(driver_take(&h->root, A, "vfio-pci", &err), -ENOENT, "a missing driver");
	tap_has(err.text, "the driver vfio-pci is not loaded", "is named");
	tap_str(line_of(h, OVERRIDE), "(null)", "and nothing is changed");
	host_file(h, "sys/bus/pci/drivers/vfio-pci/bind", "");
	err_clear(&err);
	tap_eq(driver_take(&h->root, A, "vfio-pci", &err), -EBUSY,
	       "an unbind without effect");
	tap_has(err.text, "the driver nvme does not let go", "is noticed");
	tap_str(line_of(h, OVERRIDE), "vfio-pci", "the override is set by then");
	snprintf(was.driver, sizeof(was.driver), "nvme");
	err_clear(&err);
	tap_eq(driver_restore(&h->root, A, &was, &err), 0, "and restored");
	tap_str(line_of(h, OVERRIDE), "", "with a newline");
	host_file(h, OVERRIDE, "(null)\n");
	sysroot_remove(&h->root, "sys/devices/pci0000:00/" A "/driver");
	tap_eq(driver_take(&h->root, A, "vfio-pci", &err), -EIO, "a bind without effect");
	tap_has(err.text, "the driver vfio-pci refused it", "is noticed");
	err_clear(&err);
	tap_eq(driver_restore(&h->root, A, &was, &err), -EIO,
	       "a driver that does not come back");
	tap_has(err.text, "the driver nvme refused it", "is named");
	host_link(h, "sys/devices/pci0000:00/" A "/driver",
	          "../../../bus/pci/drivers/nvme");
	tap_ok(driver_name_valid("snd_hda_intel") && !driver_name_valid("../x") &&
	               !driver_name_valid("a/b") && !driver_name_valid("") &&
	               !driver_name_valid("a\nb"),
	       "names that become paths");
}

static int begin(struct txn *txn, const struct host *h, struct strbuf *notes,
                 struct err *err)
{
	err_clear(err);
	strbuf_free(notes);
	return txn_open(txn, &h->root, state, notes, err);
}

/* What a killed process leaves: the file is on the disk, its lock is gone. */
static void crash(struct txn *txn)
{
	txn->journal.writer = false;
	txn_close(txn);
}

static void test_undo(const struct host *h)
{
	struct strbuf notes = { 0 };
	struct err err = { 0 };
	struct txn txn;

	host_pci_file(h, A, "sriov_numvfs", "0\n");
	tap_eq(begin(&txn, h, &notes, &err), 0, "a transaction");
	tap_eq(txn_save_driver(&txn, A, &err), 0, "a driver is saved");
	tap_eq(txn_save_file(&txn, A, "sriov_numvfs", &err), 0, "a number is saved");
	host_file(h, OVERRIDE, "vfio-pci\n");
	host_pci_file(h, A, "sriov_numvfs", "4\n");
	tap_eq(txn_pending(&h->root, state), 2, "two things are pending");
	crash(&txn);
	tap_eq(begin(&txn, h, &notes, &err), 0, "the next run");
	tap_has(notes.data, A ": sriov_numvfs back to 0\n" A ": back to nvme\n",
	        "undoes it, the last first");
	tap_str(line_of(h, OVERRIDE), "", "the override is free");
	tap_eq(txn.journal.count, 0, "nothing is left");
	txn_close(&txn);
	tap_eq(txn_pending(&h->root, state), 0, "no journal");
	host_file(h, OVERRIDE, "(null)\n");
	strbuf_free(&notes);
}

static void test_boot(const struct host *h)
{
	struct strbuf notes = { 0 };
	struct err err = { 0 };
	struct txn txn;

	begin(&txn, h, &notes, &err);
	txn_save_driver(&txn, A, &err);
	host_file(h, OVERRIDE, "vfio-pci\n");
	crash(&txn);
	host_file(h, "proc/sys/kernel/random/boot_id", "another\n");
	tap_eq(txn_pending(&h->root, state), 0, "after a reboot nothing is pending");
	tap_eq(begin(&txn, h, &notes, &err), 0, "the next run");
	tap_str(line_of(h, OVERRIDE), "vfio-pci", "leaves this boot's drivers alone");
	tap_eq(txn.journal.count, 0, "and forgets the old ones");
	txn_close(&txn);
	host_file(h, OVERRIDE, "(null)\n");
	strbuf_free(&notes);
}

static void test_commit(const struct host *h)
{
	struct assignment entry = {
		.name = A, .vendor = 1, .driver = "vfio-pci", .group = 5
	};
	struct strbuf notes = { 0 };
	struct err err = { 0 };
	struct txn txn;

	begin(&txn, h, &notes, &err);
	txn_save_driver(&txn, A, &err);
	assigned_put(&txn.assigned, &entry);
	/* The moment after the point of no return. */
	tap_eq(assigned_write(state, &txn.assigned, &err), 0, "assigned.json is written");
	tap_eq(journal_save(&txn.journal, "committed", NULL, &err), 0, "committed");
	tap_eq(txn_pending(&h->root, state), 0, "then nothing is pending");
	crash(&txn);
	begin(&txn, h, &notes, &err);
	tap_ok(!notes.data, "the next run undoes nothing");
	tap_ok(assigned_find(&txn.assigned, A) != NULL, "the function stays assigned");
	assigned_remove(&txn.assigned, A);
	tap_eq(txn_commit(&txn, &err), 0, "and can be taken out");
	txn_close(&txn);
	/* The moment before: the list goes back as well. */
	begin(&txn, h, &notes, &err);
	txn_save_driver(&txn, A, &err);
	assigned_put(&txn.assigned, &entry);
	assigned_write(state, &txn.assigned, &err);
	crash(&txn);
	begin(&txn, h, &notes, &err);
	tap_ok(!assigned_find(&txn.assigned, A), "uncommitted it is not assigned");
	txn_close(&txn);
	strbuf_free(&notes);
}

static void test_records(const struct host *h)
{
	static const char *const bad[][2] = {
		{ A " driver", "nvme" },
		{ A " driver", "../../x\n" },
		{ A " reset", "1" },
		{ "nonsense", "1" },
		{ "0000:00:5.0 driver", "nvme\n" },
	};
	struct strbuf notes = { 0 };
	struct err err = { 0 };
	struct txn txn;

	for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
		begin(&txn, h, &notes, &err);
		journal_save(&txn.journal, "boot", "another", &err);
		journal_save(&txn.journal, bad[i][0], bad[i][1], &err);
		crash(&txn);
		tap_eq(begin(&txn, h, &notes, &err), -EBADMSG, "a bad record: %s",
		       bad[i][0]);
		txn_close(&txn);
		tap_eq(begin(&txn, h, &notes, &err), 0, "does not bar the way");
		txn_close(&txn);
	}
	begin(&txn, h, &notes, &err);
	txn_save_driver(&txn, A, &err);
	journal_save(&txn.journal, "0000:00:09.0 driver", "nvme\n", &err);
	crash(&txn);
	tap_eq(begin(&txn, h, &notes, &err), 0, "a function that is gone");
	tap_has(notes.data, "0000:00:09.0: is gone", "is told");
	txn_close(&txn);
	/* Held by a guest: neither touched nor forgotten. */
	begin(&txn, h, &notes, &err);
	txn_save_driver(&txn, A, &err);
	crash(&txn);
	host_link(h, "proc/77/fd/5", "/dev/vfio/5");
	tap_eq(begin(&txn, h, &notes, &err), -EBUSY, "a function that a guest holds");
	tap_has(err.text, "(PID 77) holds it; stop that guest first", "says who");
	tap_eq(txn_pending(&h->root, state), 1, "it stays pending");
	host_link(h, "proc/77/fd/5", "/dev/null");
	tap_eq(begin(&txn, h, &notes, &err), 0, "and is undone later");
	txn_close(&txn);
	strbuf_free(&notes);
}

static void test_assigned(const struct host *h)
{
	struct assignment entry = { .name = A,
		                    .vendor = 0x8086,
		                    .device = 0x10d3,
		                    .driver = "vfio-pci",
		                    .group = 5,
		                    .was = { .driver = "nvme" } };
	static const char *const bad[] = {
		"{}",
		"{\"boot_id\": \"x\", \"devices\": 1}",
		"{\"boot_id\": \"another\", \"devices\": [1]}",
		"{\"boot_id\": \"another\", \"devices\": [{\"address\": \"" A "\"}]}",
		"{\"boot_id\": \"another\", \"devices\": [{\"address\": \"" A
		"\", \"vendor\": \"0x1\", \"device\": \"0x1\", \"driver\": \"../x\", "
		"\"group\": 1, \"was\": {\"driver\": null, \"override\": null}}]}",
		"{\"boot_id\": \"another\", \"devices\": [{\"address\": \"" A
		"\", \"vendor\": \"0x1\", \"device\": \"0x1\", \"driver\": \"x\", "
		"\"group\": -1, \"was\": {\"driver\": null, \"override\": null}}]}",
	};
	struct assigned list = { 0 }, back = { 0 };
	json_t *schema = load_json("docs/assigned.schema.json"), *json;
	struct err err = { 0 };
	char why[256];

	boot_id_read(&h->root, list.boot_id);
	assigned_put(&list, &entry);
	entry.was = (struct driver_state){ .override = "x" };
	entry.group = -1;
	snprintf(entry.name, sizeof(entry.name), "0000:00:06.0");
	snprintf(entry.driver, sizeof(entry.driver), "pci-stub");
	assigned_put(&list, &entry);
	json = assigned_json(&list);
	tap_ok(schema_valid(schema, json, why), "fits its schema: %s", why);
	tap_eq(assigned_write(state, &list, &err), 0, "written");
	tap_eq(assigned_read(&h->root, state, &back, &err), 0, "read");
	tap_ok(back.count == 2 && !memcmp(back.entry, list.entry, 2 * sizeof(entry)),
	       "the same");
	assigned_free(&back);
	snprintf(list.boot_id, sizeof(list.boot_id), "older");
	assigned_write(state, &list, &err);
	tap_eq(assigned_read(&h->root, state, &back, &err), 0, "of another boot");
	tap_eq(back.count, 0, "it is void");
	for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
		json_t *text = json_loads(bad[i], 0, NULL);

		err_clear(&err);
		assigned_free(&back);
		tap_ok(text && assigned_parse(text, &back, &err) == -EINVAL,
		       "damaged %u: %s", i, err.text);
		json_decref(text);
	}
	assigned_free(&list);
	assigned_free(&back);
	json_decref(json);
	json_decref(schema);
}

int main(void)
{
	struct host h;

	if (!host_begin(&h))
		return tap_done();
	snprintf(state, sizeof(state), "%s/state", h.dir);
	host_file(&h, "proc/sys/kernel/random/boot_id", "one\n");
	host_file(&h, "sys/bus/pci/drivers_probe", "");
	host_pci(&h, A, 0x1b36, 0x0010, 0x010802, "nvme", 5);
	test_slow(&h);
	test_driver(&h);
	test_undo(&h);
	test_boot(&h);
	test_commit(&h);
	test_records(&h);
	test_assigned(&h);
	host_end(&h);
	return tap_done();
}
