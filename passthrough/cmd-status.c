// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * status: every function that left the host or is reserved to leave it, which guest holds
 * it, who may open its node, and whether that comes back at boot.
 */
#include "passthrough/app.h"
#include "passthrough/names.h"
#include "passthrough/persist.h"
#include "passthrough/txn.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>

struct state {
	struct assigned assigned;
	struct persist_list persist;
	unsigned pending;
};

/* "root:kvm 0660", or "" where there is no node. */
static void node_text(const struct app *app, const struct pci_function *f, char text[160])
{
	const struct passwd *user;
	const struct group *group;
	char path[32], uid[16], gid[16];
	struct stat st;

	text[0] = '\0';
	snprintf(path, sizeof(path), "dev/vfio/%d", f->group);
	if (f->group < 0 || !pci_is_vfio_driver(f->driver) ||
	    sysroot_stat(&app->root, path, &st) < 0)
		return;
	snprintf(uid, sizeof(uid), "%u", st.st_uid);
	snprintf(gid, sizeof(gid), "%u", st.st_gid);
	user = getpwuid(st.st_uid);
	group = getgrgid(st.st_gid);
	snprintf(text, 160, "%.60s:%.60s %04o", user ? user->pw_name : uid,
	         group ? group->gr_name : gid, st.st_mode & 0777);
}

static void holder_names(const struct app *app, const struct pci_function *f,
                         struct strbuf *out, json_t *list)
{
	const struct holder *h;
	unsigned from = 0;

	while ((h = holders_of(&app->holders, &app->root, f, &from))) {
		char text[HOLDER_TEXT_SIZE];

		holder_text(h, text);
		if (list)
			json_array_append_new(list,
			                      json_pack("{s:i, s:s, s:s?}", "pid", h->pid,
			                                "program", h->program, "guest",
			                                *h->guest ? h->guest : NULL));
		else
			strbuf_addf(out, "%14sheld by %s\n", "", text);
	}
}

static void show_json(struct app *app, const struct state *s,
                      const struct pci_function *f)
{
	const struct assignment *a = assigned_find(&s->assigned, f->name);
	char node[160];
	json_t *list = json_array();

	node_text(app, f, node);
	holder_names(app, f, NULL, list);
	json_array_append_new(
		json_object_get(app->json, "devices"),
		json_pack("{s:s, s:s?, s:s?, s:o, s:s?, s:s?, s:b, s:b, s:o}", "address",
	                  f->name, "driver", *f->driver ? f->driver : NULL, "override",
	                  *f->override ? f->override : NULL, "group",
	                  f->group < 0 ? json_null() : json_integer(f->group), "node",
	                  *node ? node : NULL, "was_driver",
	                  a && *a->was.driver ? a->was.driver : NULL, "ours", a != NULL,
	                  "persistent", persist_find(&s->persist, f->name) != NULL,
	                  "holders", list));
}

static void show_text(struct app *app, const struct state *s,
                      const struct pci_function *f)
{
	const struct assignment *a = assigned_find(&s->assigned, f->name);
	struct strbuf *out = &app->out;
	char name[PCI_NAME_SIZE], class[PCI_NAME_SIZE], node[160];

	app_name(app, f, name, class);
	node_text(app, f, node);
	strbuf_addf(out, "%-12s  %-9s  %s", f->name, *f->driver ? f->driver : "-",
	            *name ? name : class);
	if (*f->override && strcmp(f->override, f->driver))
		strbuf_addf(out, ", reserved for %s", f->override);
	strbuf_addf(out, "%s\n",
	            persist_find(&s->persist, f->name) ? ", persistent" : "");
	if (*node)
		strbuf_addf(out, "%14s/dev/vfio/%d %s\n", "", f->group, node);
	if (a)
		strbuf_addf(out, "%14swas on %s\n", "",
		            *a->was.driver ? a->was.driver : "no driver");
	holder_names(app, f, out, NULL);
	if (f->stuck)
		strbuf_addf(out, "%14sthe kernel waits for its user to let go of it\n",
		            "");
}

/* What is written down for the next boot, and is not so now. */
static void show_coming(struct app *app, const struct state *s)
{
	for (unsigned i = 0; i < s->persist.count; i++) {
		const struct persisted *e = &s->persist.entry[i];
		const struct pci_function *f = NULL;
		struct pci_address address;

		if (pci_address_parse(e->name, &address))
			f = app_function(app, &address);
		if (f && !e->vfs && !strcmp(f->driver, e->driver))
			continue;
		if (app->json)
			json_array_append_new(json_object_get(app->json, "at_next_boot"),
			                      json_string(e->name));
		else if (e->vfs)
			strbuf_addf(&app->out,
			            "%-12s  persistent: %u virtual functions\n", e->name,
			            e->vfs);
		else
			strbuf_addf(&app->out, "%-12s  %s at the next boot%s\n", e->name,
			            e->driver, f ? "" : " (it is not there now)");
	}
}

static int read_state(struct app *app, struct state *s, struct err *err)
{
	int ret = persist_read(&app->root, &s->persist, err);

	/* A captured host's hand-off would be this machine's. */
	if (ret < 0 || app->cli.root)
		return ret;
	s->pending = txn_pending(&app->root, app->dir);
	return assigned_read(&app->root, app->dir, &s->assigned, err);
}

int command_status(struct app *app, struct err *err)
{
	struct state s = { 0 };
	int ret = read_state(app, &s, err);

	if (!ret && app->cli.json)
		app->json = json_pack("{s:[], s:[], s:b, s:i}", "devices", "at_next_boot",
		                      "interrupted_run", s.pending > 0,
		                      "hidden_processes", (int)app->holders.hidden);
	for (unsigned i = 0; !ret && i < app->functions.count; i++) {
		const struct pci_function *f = &app->functions.function[i];
		bool away =
			pci_is_vfio_driver(f->driver) || !strcmp(f->driver, "pci-stub");

		if (!away && !f->stuck && !*f->override &&
		    !assigned_find(&s.assigned, f->name))
			continue;
		if (app->json)
			show_json(app, &s, f);
		else
			show_text(app, &s, f);
	}
	if (!ret)
		show_coming(app, &s);
	if (!ret && s.pending)
		strbuf_adds(&app->complaints,
		            "an interrupted run left devices half changed; undo it: "
		            "kvm-assign recover\n");
	if (!ret && app->holders.hidden)
		strbuf_addf(&app->complaints,
		            "%u processes of other users were not looked at; as root all "
		            "guests are seen\n",
		            app->holders.hidden);
	persist_free(&s.persist);
	assigned_free(&s.assigned);
	return ret;
}
