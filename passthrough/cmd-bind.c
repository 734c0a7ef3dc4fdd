// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * bind, release, recover. Order: lock and recover, look, refuse or plan, load drivers,
 * write the journal, change, write assigned.json. Without root, or with --dry-run, the
 * first and all after the plan are left out.
 */
#include "passthrough/group.h"
#include "passthrough/move.h"

#include "common/cleanup.h"

#include <errno.h>
#include <string.h>

/* ---- bind ---- */

static int plan_one(struct moves *moves, const struct pci_function *f, const char *driver,
                    bool sibling, struct err *err)
{
	struct move move = { .f = *f, .driver = driver, .sibling = sibling };

	move.done = !strcmp(f->driver, driver) && !strcmp(f->override, driver);
	return moves_add(moves, &move, err);
}

static bool shares_group(const struct pci_function *f, const struct moves *moves)
{
	for (unsigned i = 0; i < moves->count; i++)
		if (f->group >= 0 && moves->move[i].f.group == f->group)
			return true;
	return false;
}

static int plan_bind(struct app *app, struct moves *moves, struct err *err)
{
	const char *driver = app->cli.driver ? app->cli.driver : "vfio-pci";
	unsigned named;
	int ret = 0;

	for (unsigned i = 0; !ret && i < app->functions.count; i++)
		if (app->chosen[i])
			ret = plan_one(moves, &app->functions.function[i], driver, false,
			               err);
	named = moves->count;
	for (unsigned i = 0; !ret && app->cli.group && i < app->functions.count; i++) {
		const struct pci_function *f = &app->functions.function[i];
		struct moves front = { named, moves->move };

		/* The others must only leave the host: pci-stub keeps them from it. */
		if (app->chosen[i] || pci_is_bridge(f) || !shares_group(f, &front) ||
		    !group_is_host_driver(f->driver))
			continue;
		app->chosen[i] = true;
		ret = plan_one(moves, f, "pci-stub", true, err);
	}
	return ret;
}

static int refuse_bind(struct app *app, const struct moves *moves, struct err *err)
{
	bool refused = false;

	for (unsigned i = 0; i < moves->count; i++) {
		const struct move *m = &moves->move[i];
		struct findings findings = { 0 };

		if (m->done)
			continue;
		safety_uses(&app->situation, &m->f, &findings);
		if (!strcmp(m->driver, "vfio-pci"))
			safety_guest(&app->situation, &m->f, &findings);
		if (findings.failed) {
			findings_free(&findings);
			return err_sys(err, ENOMEM, "cannot judge %s", m->f.name);
		}
		if (app_refused(app, &m->f, &findings))
			refused = true;
		else
			app_warn(app, &m->f, &findings);
		findings_free(&findings);
	}
	return refused ? -EPERM : 0;
}

static bool all_done(const struct moves *moves)
{
	for (unsigned i = 0; i < moves->count; i++)
		if (!moves->move[i].done)
			return false;
	return true;
}

/* Nodes of functions that are there already still go to the owner. */
static int apply_bind(struct app *app, struct txn *txn, struct moves *moves,
                      struct err *err)
{
	struct node_owner owner = { 0 };
	int ret = 0;

	if (app->cli.owner)
		ret = node_owner_parse(app->cli.owner, &owner, err);
	if (ret < 0 || !change_wanted(app) || (all_done(moves) && !owner.set))
		return ret;
	ret = moves_load(app, moves, err);
	if (ret < 0)
		return ret;
	ret = moves_take(app, txn, moves, &owner, err);
	if (!ret)
		ret = txn_commit(txn, err);
	return ret < 0 ? moves_undo(app, txn, ret, err) : 0;
}

int command_bind(struct app *app, struct err *err)
{
	struct moves moves = { 0 };
	struct txn txn;
	int ret = change_begin(app, &txn, err);

	if (!ret)
		ret = app_choose(app, app->cli.count, err);
	if (!ret)
		ret = plan_bind(app, &moves, err);
	if (!ret)
		ret = refuse_bind(app, &moves, err);
	if (!ret && !all_done(&moves))
		ret = change_needs_root(app, err);
	if (!ret)
		ret = apply_bind(app, &txn, &moves, err);
	if (!ret)
		moves_say(app, &moves);
	moves_free(&moves);
	txn_close(&txn);
	return ret;
}

/* ---- release ---- */

static bool is_away(const struct pci_function *f)
{
	return f->stuck || *f->override || pci_is_vfio_driver(f->driver) ||
	       !strcmp(f->driver, "pci-stub");
}

static int plan_release(struct app *app, const struct txn *txn, struct moves *moves,
                        struct err *err)
{
	int ret = 0;

	for (unsigned i = 0; i < app->functions.count; i++)
		for (unsigned k = 0; app->cli.group && k < app->functions.count; k++) {
			const struct pci_function *f = &app->functions.function[i];
			const struct pci_function *other = &app->functions.function[k];

			if (app->chosen[i] && f->group >= 0 && other->group == f->group &&
			    is_away(other))
				app->chosen[k] = true;
		}
	for (unsigned i = 0; !ret && i < app->functions.count; i++) {
		struct move move = { .f = app->functions.function[i] };

		move.done =
			!is_away(&move.f) && !assigned_find(&txn->assigned, move.f.name);
		if (app->chosen[i])
			ret = moves_add(moves, &move, err);
	}
	return ret;
}

static int refuse_held(struct app *app, const struct moves *moves)
{
	int ret = 0;

	for (unsigned i = 0; i < moves->count; i++) {
		const struct holder *h;
		unsigned from = 0;

		if (moves->move[i].f.stuck) {
			strbuf_addf(
				&app->complaints,
				"%s: the kernel waits for its user to let go of it; see "
				"dmesg, and stop that user\n",
				moves->move[i].f.name);
			ret = -EPERM;
		}
		while (!moves->move[i].done &&
		       (h = holders_of(&app->holders, &app->root, &moves->move[i].f,
		                       &from))) {
			char text[HOLDER_TEXT_SIZE];

			holder_text(h, text);
			strbuf_addf(
				&app->complaints,
				"%s: %s holds it through /dev/vfio/%s; stop that guest "
				"first\n",
				moves->move[i].f.name, text, h->node);
			ret = -EPERM;
		}
	}
	return ret;
}

/* One function back to what it was, or to whatever driver wants it. */
static int give_back(struct app *app, struct txn *txn, const char *name, struct err *err)
{
	const struct assignment *known = assigned_find(&txn->assigned, name);

	if (known)
		return driver_restore(&app->root, name, &known->was, err);
	return driver_release(&app->root, name, err);
}

static int apply_release(struct app *app, struct txn *txn, struct moves *moves,
                         struct err *err)
{
	struct err refused = { 0 };
	int ret = 0;

	for (unsigned i = 0; i < moves->count && !ret; i++)
		if (!moves->move[i].done)
			ret = txn_save_driver(txn, moves->move[i].f.name, err);
	for (unsigned i = 0; i < moves->count && !ret; i++) {
		const char *name = moves->move[i].f.name;
		struct driver_state now;
		struct err one = { 0 };

		if (moves->move[i].done)
			continue;
		ret = give_back(app, txn, name, &one);
		/* A driver that does not take it back is the host's trouble: the function
		 * has left the guest's driver all the same. */
		if (ret == -EIO || ret == -ENOENT) {
			err_set(&refused, -ret, "%s; it has no driver now", one.text);
			ret = 0;
		}
		if (ret < 0)
			err_set(err, -ret, "%s", one.text);
		else
			assigned_remove(&txn->assigned, name);
		if (!driver_read(&app->root, name, &now, NULL))
			memcpy(moves->move[i].to, now.driver, DRIVER_SIZE);
	}
	if (!ret)
		ret = txn_commit(txn, err);
	if (ret < 0)
		return moves_undo(app, txn, ret, err);
	return refused.code ? err_set(err, refused.code, "%s", refused.text) : 0;
}

int command_release(struct app *app, struct err *err)
{
	struct moves moves = { 0 };
	struct txn txn;
	int ret = change_begin(app, &txn, err);

	if (!ret)
		ret = app_choose(app, app->cli.count, err);
	if (!ret)
		ret = plan_release(app, &txn, &moves, err);
	if (!ret)
		ret = refuse_held(app, &moves);
	if (!ret && !all_done(&moves))
		ret = change_needs_root(app, err);
	if (!ret && change_wanted(app) && !all_done(&moves))
		ret = apply_release(app, &txn, &moves, err);
	if (!ret)
		moves_say(app, &moves);
	moves_free(&moves);
	txn_close(&txn);
	return ret;
}

/* ---- recover ---- */

int command_recover(struct app *app, struct err *err)
{
	unsigned pending = txn_pending(&app->root, app->dir);
	struct txn txn;
	int ret = pending ? change_needs_root(app, err) : 0;

	/* A run that died early left a journal without any such record. */
	if (!ret && change_wanted(app)) {
		ret = change_begin(app, &txn, err);
		txn_close(&txn);
	}
	if (ret < 0)
		return ret;
	if (app->cli.json)
		app->json = json_pack("{s:b, s:i}", "dry_run", app->cli.dry_run,
		                      "records", (int)pending);
	else if (!pending)
		strbuf_adds(&app->out, "nothing to recover\n");
	else
		strbuf_addf(&app->out, "%s%u records of an interrupted run\n",
		            app->cli.dry_run ? "would undo " : "undid ", pending);
	return 0;
}
