// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * sriov: how many virtual functions a physical one has, and their way to guests. The
 * number changes by way of none only. Drivers of the host are kept from the new functions
 * (sriov_drivers_autoprobe=0) until they are bound, then that is set back.
 */
#include "passthrough/group.h"
#include "passthrough/move.h"
#include "passthrough/slow.h"

#include "common/cleanup.h"
#include "common/opts.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct request {
	struct pci_function pf;
	unsigned count;
	const char *driver; /* "none": leave the functions without one */
};

static int read_request(struct app *app, struct request *r, struct err *err)
{
	uint64_t count;
	int ret = 0;

	if (opt_parse_u64(app->cli.words[1], &count) < 0 || count > UINT16_MAX)
		return err_usage(err, "'%s' is no number of virtual functions",
		                 app->cli.words[1]);
	r->count = count;
	r->driver = app->cli.driver ? app->cli.driver : "vfio-pci";
	ret = app_choose(app, 1, err);
	for (unsigned i = 0; !ret && i < app->functions.count; i++)
		if (app->chosen[i])
			r->pf = app->functions.function[i];
	if (ret < 0)
		return ret;
	if (!r->pf.sriov)
		return err_set(err, ENOTSUP,
		               "%s cannot have virtual functions: it has no SR-IOV%s%s",
		               r->pf.name, *r->pf.physfn ? ", being one itself of " : "",
		               r->pf.physfn);
	if (r->count > r->pf.vfs_max)
		return err_set(err, ERANGE,
		               "%s can have %u virtual functions at most, not %u",
		               r->pf.name, r->pf.vfs_max, r->count);
	if (!group_is_host_driver(r->pf.driver))
		return err_set(
			err, ENODEV,
			"%s needs its own driver to make virtual functions, not %s; "
			"first: kvm-assign release %s",
			r->pf.name, *r->pf.driver ? r->pf.driver : "none", r->pf.name);
	return 0;
}

/* The functions that are there now vanish: nobody may use one. */
static bool old_ones_in_use(struct app *app, const struct request *r)
{
	bool refused = false;

	for (unsigned i = 0; i < app->functions.count; i++) {
		const struct pci_function *f = &app->functions.function[i];
		struct findings findings = { 0 };

		if (strcmp(f->physfn, r->pf.name))
			continue;
		safety_uses(&app->situation, f, &findings);
		refused |= app_refused(app, f, &findings) || findings.failed;
		findings_free(&findings);
	}
	return refused;
}

/* The IOMMU serves the new functions as it serves their physical one; the rest is judged
 * when they are there. */
static bool new_ones_refused(struct app *app, const struct request *r)
{
	struct findings findings = { 0 }, host = { 0 };
	bool refused;

	if (!r->count || strcmp(r->driver, "vfio-pci"))
		return false;
	safety_guest(&app->situation, &r->pf, &findings);
	for (unsigned i = 0; i < findings.count; i++)
		switch (findings.finding[i].reason) {
		case REASON_NO_IOMMU:
		case REASON_NOIOMMU_MODE:
		case REASON_UNSAFE_INTERRUPTS:
			findings_add(&host, findings.finding[i].reason, "%s",
			             findings.finding[i].text);
			break;
		default:
			break;
		}
	refused = app_refused(app, &r->pf, &host) || findings.failed || host.failed;
	findings_free(&findings);
	findings_free(&host);
	return refused;
}

/* ---- the change ---- */

static int set_number(struct app *app, const char *name, const char *file,
                      unsigned number, struct err *err)
{
	char path[PCI_PATH_SIZE], text[16], now[16];
	int ret;

	pci_path(path, name, file);
	snprintf(text, sizeof(text), "%u", number);
	ret = slow_write(&app->root, path, text);
	if (ret < 0)
		return err_sys(err, -ret, "%s: cannot set %s to %u", name, file, number);
	sysroot_line(&app->root, path, now, sizeof(now));
	if (strcmp(now, text))
		return err_set(err, EIO,
		               "%s: %s is %s although %u was accepted; see dmesg", name,
		               file, now, number);
	return 0;
}

static int make_functions(struct app *app, struct txn *txn, const struct request *r,
                          struct err *err)
{
	const char *name = r->pf.name;
	int ret = txn_save_file(txn, name, "sriov_drivers_autoprobe", err);

	if (!ret)
		ret = txn_save_file(txn, name, "sriov_numvfs", err);
	if (!ret)
		ret = set_number(app, name, "sriov_drivers_autoprobe", 0, err);
	if (!ret && r->pf.vfs)
		ret = set_number(app, name, "sriov_numvfs", 0, err);
	if (!ret && r->count)
		ret = set_number(app, name, "sriov_numvfs", r->count, err);
	for (unsigned i = 0; !ret && i < app->functions.count; i++)
		if (!strcmp(app->functions.function[i].physfn, name))
			assigned_remove(&txn->assigned, app->functions.function[i].name);
	return ret;
}

static int plan(struct app *app, const struct request *r, struct moves *moves,
                struct err *err)
{
	bool refused = false;
	int ret = app_refresh(app, err);

	for (unsigned i = 0; !ret && i < app->functions.count; i++) {
		struct move move = { .f = app->functions.function[i],
			             .driver = r->driver };
		struct findings findings = { 0 };

		if (strcmp(move.f.physfn, r->pf.name))
			continue;
		app->chosen[i] = true;
		if (!strcmp(r->driver, "vfio-pci"))
			safety_guest(&app->situation, &move.f, &findings);
		refused |= app_refused(app, &move.f, &findings) || findings.failed;
		findings_free(&findings);
		if (strcmp(r->driver, "none"))
			ret = moves_add(moves, &move, err);
	}
	if (!ret && refused)
		return err_set(err, EPERM,
		               "%s: its virtual functions are of no use to guests",
		               r->pf.name);
	return ret;
}

static int set_autoprobe_back(struct app *app, struct txn *txn, const char *name,
                              struct err *err)
{
	const struct journal_record *was;
	char key[64];
	uint64_t number;

	snprintf(key, sizeof(key), "%s sriov_drivers_autoprobe", name);
	was = journal_find(&txn->journal, key);
	if (!was || !was->value || opt_parse_u64(was->value, &number) < 0)
		return err_set(err, EIO, "%s: its sriov_drivers_autoprobe is not known",
		               name);
	return set_number(app, name, "sriov_drivers_autoprobe", number, err);
}

static int change(struct app *app, struct txn *txn, const struct request *r,
                  struct moves *moves, struct err *err)
{
	struct move probe = { .driver = r->driver };
	struct moves drivers = { 1, &probe };
	struct node_owner owner = { 0 };
	int ret = 0;

	if (app->cli.owner)
		ret = node_owner_parse(app->cli.owner, &owner, err);
	/* The driver first: without it nothing is changed. */
	if (!ret && r->count && strcmp(r->driver, "none"))
		ret = moves_load(app, &drivers, err);
	if (ret < 0)
		return ret;
	ret = make_functions(app, txn, r, err);
	if (!ret)
		ret = plan(app, r, moves, err);
	if (!ret)
		ret = moves_take(app, txn, moves, &owner, err);
	if (!ret)
		ret = set_autoprobe_back(app, txn, r->pf.name, err);
	if (!ret)
		ret = txn_commit(txn, err);
	return ret < 0 ? moves_undo(app, txn, ret, err) : 0;
}

static void say(struct app *app, const struct request *r, const struct moves *moves)
{
	const char *verb = app->cli.dry_run ? "would have" : "has";

	moves_say(app, moves);
	if (app->json) {
		json_object_set_new(app->json, "physical_function",
		                    json_string(r->pf.name));
		json_object_set_new(app->json, "vfs", json_integer(r->count));
	} else if (r->pf.vfs == r->count) {
		strbuf_addf(&app->out, "%s: has %u virtual functions already\n",
		            r->pf.name, r->count);
	} else {
		strbuf_addf(&app->out, "%s: %s %u virtual functions, before %u\n",
		            r->pf.name, verb, r->count, r->pf.vfs);
	}
}

int command_sriov(struct app *app, struct err *err)
{
	struct request r = { 0 };
	struct moves moves = { 0 };
	struct txn txn;
	int ret = change_begin(app, &txn, err);

	if (!ret)
		ret = read_request(app, &r, err);
	if (!ret && r.count != r.pf.vfs) {
		if (old_ones_in_use(app, &r) || new_ones_refused(app, &r))
			ret = -EPERM;
		else
			ret = change_needs_root(app, err);
		if (!ret && change_wanted(app))
			ret = change(app, &txn, &r, &moves, err);
	}
	if (!ret)
		say(app, &r, &moves);
	moves_free(&moves);
	txn_close(&txn);
	return ret;
}
