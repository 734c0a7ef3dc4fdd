// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Moving functions. Invariant: every record is on the disk before the first change, and
 * assigned.json names a function only after all of the run's functions are where they
 * belong.
 */
#include "passthrough/move.h"

#include "common/cleanup.h"
#include "passthrough/group.h"
#include "passthrough/modules.h"
#include "passthrough/vfio.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

bool change_wanted(const struct app *app)
{
	return !app->cli.dry_run && !geteuid();
}

int change_begin(struct app *app, struct txn *txn, struct err *err)
{
	int ret;

	*txn = (struct txn){ .journal = { .dirfd = -1, .fd = -1 } };
	if (!change_wanted(app))
		return 0;
	ret = txn_open(txn, &app->root, app->dir, &app->complaints, err);
	return ret < 0 ? ret : app_refresh(app, err);
}

int change_needs_root(const struct app *app, struct err *err)
{
	if (app->cli.dry_run || !geteuid())
		return 0;
	return err_set(err, EPERM,
	               "nothing speaks against it, but only root may do it; use sudo");
}

int moves_add(struct moves *moves, const struct move *move, struct err *err)
{
	struct move *grown = realloc(moves->move, (moves->count + 1) * sizeof(*grown));

	if (!grown)
		return err_sys(err, ENOMEM, "cannot plan");
	moves->move = grown;
	grown[moves->count++] = *move;
	return 0;
}

void moves_free(struct moves *moves)
{
	free(moves->move);
	*moves = (struct moves){ 0 };
}

int moves_load(struct app *app, struct moves *moves, struct err *err)
{
	int ret = 0;

	for (unsigned i = 0; i < moves->count && !ret; i++) {
		struct move *m = &moves->move[i];
		struct err why = { 0 };

		if (m->done || !m->driver)
			continue;
		ret = modules_ensure(&app->root, m->driver, &why);
		if (ret < 0 && m->sibling && !strcmp(m->driver, "pci-stub")) {
			m->driver = "vfio-pci";
			ret = modules_ensure(&app->root, m->driver, err);
		} else if (ret < 0) {
			err_set(err, -ret, "%s", why.text);
		}
	}
	return ret;
}

/* ---- the nodes ---- */

static bool needs_node(const struct move *m)
{
	return m->driver && pci_is_vfio_driver(m->driver) && m->f.group >= 0;
}

/* The kernel has the last word on whether a guest can own the group. */
static void check_viable(struct app *app, const struct move *m)
{
	_cleanup_close_ int fd = -1;
	bool viable = true;
	char path[32];

	snprintf(path, sizeof(path), "dev/vfio/%d", m->f.group);
	fd = sysroot_open_node(&app->root, path, O_RDWR);
	/* Whoever has it open proves that it is viable. */
	if (fd >= 0 && !vfio_group_viable(fd, &viable) && !viable)
		strbuf_addf(
			&app->complaints,
			"%s: warning: IOMMU group %d is not viable yet: no guest can own "
			"it; see kvm-assign group %d\n",
			m->f.name, m->f.group, m->f.group);
}

static int settle_nodes(struct app *app, const struct moves *moves,
                        struct node_watch *watch, const bool *expected,
                        const struct node_owner *owner, struct err *err)
{
	int ret = 0;

	for (unsigned i = 0; i < moves->count && !ret; i++) {
		const struct move *m = &moves->move[i];
		bool first = true;

		for (unsigned k = 0; k < i; k++)
			first &= !needs_node(&moves->move[k]) ||
			         moves->move[k].f.group != m->f.group;
		if (!needs_node(m) || !first)
			continue;
		ret = node_wait(watch, &app->root, m->f.group, expected[i], err);
		if (!ret)
			ret = node_give(&app->root, m->f.group, owner, err);
		if (!ret)
			check_viable(app, m);
	}
	return ret;
}

/* ---- the change ---- */

static int put_assignment(struct txn *txn, const struct move *m, struct err *err)
{
	struct assignment entry = { .vendor = m->f.vendor,
		                    .device = m->f.device,
		                    .group = m->f.group };
	const struct assignment *old = assigned_find(&txn->assigned, m->f.name);

	memcpy(entry.name, m->f.name, sizeof(entry.name));
	snprintf(entry.driver, sizeof(entry.driver), "%s", m->driver);
	memcpy(entry.was.driver, m->f.driver, DRIVER_SIZE);
	memcpy(entry.was.override, m->f.override, DRIVER_SIZE);
	/* From vfio-pci to pci-stub, say: the way back stays the one to the host. */
	if (old)
		entry.was = old->was;
	return assigned_put(&txn->assigned, &entry) < 0
	               ? err_sys(err, ENOMEM, "cannot note %s", m->f.name)
	               : 0;
}

static int take_all(struct app *app, struct txn *txn, const struct moves *moves,
                    struct err *err)
{
	int ret = 0;

	for (unsigned i = 0; i < moves->count && !ret; i++)
		if (!moves->move[i].done)
			ret = txn_save_driver(txn, moves->move[i].f.name, err);
	for (unsigned i = 0; i < moves->count && !ret; i++) {
		const struct move *m = &moves->move[i];

		if (m->done)
			continue;
		ret = driver_take(&app->root, m->f.name, m->driver, err);
		if (!ret)
			ret = put_assignment(txn, m, err);
	}
	return ret;
}

int moves_take(struct app *app, struct txn *txn, struct moves *moves,
               const struct node_owner *owner, struct err *err)
{
	_cleanup_free_ bool *expected = calloc(moves->count + 1, sizeof(bool));
	struct node_watch *watch = node_watch_open(&app->root, err);
	int ret = watch ? 0 : -EIO;

	if (!ret && !expected)
		ret = err_sys(err, ENOMEM, "cannot bind");
	for (unsigned i = 0; !ret && i < moves->count; i++)
		expected[i] = needs_node(&moves->move[i]) &&
		              node_exists(&app->root, moves->move[i].f.group);
	if (!ret)
		ret = take_all(app, txn, moves, err);
	if (!ret)
		ret = settle_nodes(app, moves, watch, expected, owner, err);
	node_watch_close(watch);
	return ret;
}

int moves_undo(struct app *app, struct txn *txn, int ret, struct err *err)
{
	struct err undo = { 0 };

	if (txn_undo(txn, &app->complaints, &undo) < 0)
		err_hint(err, "and undoing failed: %s", undo.text);
	else
		err_hint(err, "everything is as it was before");
	return ret;
}

/* ---- telling ---- */

static const char *or_none(const char *driver)
{
	return *driver ? driver : "no driver";
}

static void say_steps(struct strbuf *out, const struct move *m)
{
	const char *name = m->f.name;

	strbuf_addf(out, "  %s > /" PCI_DEVICES "/%s/driver_override\n", m->driver, name);
	if (*m->f.driver)
		strbuf_addf(out, "  %s > /sys/bus/pci/drivers/%s/unbind\n", name,
		            m->f.driver);
	strbuf_addf(out, "  %s > /sys/bus/pci/drivers/%s/bind\n", name, m->driver);
}

static void say_one(struct app *app, const struct move *m)
{
	const char *would = app->cli.dry_run ? "would go " : "";
	struct strbuf *out = &app->out;

	if (m->done) {
		strbuf_addf(out, "%s: is on %s already\n", m->f.name,
		            or_none(m->f.driver));
		return;
	}
	if (!m->driver) {
		strbuf_addf(out, "%s: %sfrom %s back to %s\n", m->f.name, would,
		            or_none(m->f.driver),
		            app->cli.dry_run ? "the host" : or_none(m->to));
		return;
	}
	strbuf_addf(out, "%s: %sfrom %s to %s", m->f.name, would, or_none(m->f.driver),
	            m->driver);
	if (needs_node(m))
		strbuf_addf(out, ", /dev/vfio/%d", m->f.group);
	strbuf_addf(out, "%s\n", m->sibling ? " (same IOMMU group)" : "");
	if (app->cli.dry_run)
		say_steps(out, m);
}

void moves_say(struct app *app, const struct moves *moves)
{
	json_t *list = app->cli.json ? json_array() : NULL;

	for (unsigned i = 0; i < moves->count; i++) {
		const struct move *m = &moves->move[i];

		if (!list)
			say_one(app, m);
		else
			json_array_append_new(
				list, json_pack("{s:s, s:s?, s:s?, s:o, s:b, s:b}",
			                        "address", m->f.name, "from",
			                        *m->f.driver ? m->f.driver : NULL, "to",
			                        m->driver, "group",
			                        m->f.group < 0 ? json_null()
			                                       : json_integer(m->f.group),
			                        "sibling", m->sibling, "changed",
			                        !m->done && !app->cli.dry_run));
	}
	if (list)
		app->json = json_pack("{s:b, s:o}", "dry_run", app->cli.dry_run,
		                      "devices", list);
}
