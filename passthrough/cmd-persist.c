// SPDX-License-Identifier: GPL-2.0-or-later
/* persist and unpersist: the same files, made anew with more or fewer entries. */
#include "passthrough/app.h"
#include "passthrough/group.h"
#include "passthrough/names.h"
#include "passthrough/node.h"
#include "passthrough/persist.h"
#include "passthrough/resolve.h"

#include "common/cleanup.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* The module of a driver of the host; "" when it is built in, or there is none. */
static void module_of(const struct sysroot *root, const char *driver,
                      char module[DRIVER_SIZE])
{
	char path[160], target[256];
	const char *slash;

	module[0] = '\0';
	snprintf(path, sizeof(path), "sys/bus/pci/drivers/%s/module", driver);
	if (!*driver || sysroot_link(root, path, target, sizeof(target)) < 0)
		return;
	slash = strrchr(target, '/');
	snprintf(module, DRIVER_SIZE, "%.63s", slash ? slash + 1 : target);
}

/* A built-in driver binds before any program runs. */
static void warn_builtin(struct app *app, const struct pci_function *f,
                         const char *driver)
{
	char path[160];

	snprintf(path, sizeof(path), "sys/bus/pci/drivers/%s/module", driver);
	if (*driver && driver_present(&app->root, driver) &&
	    !sysroot_exists(&app->root, path))
		strbuf_addf(
			&app->complaints,
			"%s: warning: its driver %s is built into the kernel and may bind "
			"it first\n",
			f->name, driver);
}

static int add_one(struct app *app, const struct pci_function *f,
                   const struct assigned *assigned, struct persist_list *list)
{
	const struct assignment *known = assigned_find(assigned, f->name);
	const char *driver = known ? known->was.driver : f->driver;
	struct persisted entry = { .vendor = f->vendor, .device = f->device };

	memcpy(entry.name, f->name, sizeof(entry.name));
	if (f->vfs) {
		entry.vfs = f->vfs;
		return persist_put(list, &entry);
	}
	snprintf(entry.driver, sizeof(entry.driver), "%s",
	         app->cli.driver ? app->cli.driver : "vfio-pci");
	/* A device that is on its new driver already tells nothing about the old one. */
	if (group_is_host_driver(driver)) {
		module_of(&app->root, driver, entry.module);
		warn_builtin(app, f, driver);
	}
	return persist_put(list, &entry);
}

static void say(struct app *app, const struct persist_file files[PERSIST_FILES],
                const char *rebuild)
{
	struct strbuf *out = &app->out;

	for (unsigned i = 0; i < PERSIST_FILES; i++) {
		if (!files[i].text &&
		    (!app->cli.dry_run || !sysroot_exists(&app->root, files[i].path)))
			continue;
		if (!app->cli.dry_run)
			strbuf_addf(out, "wrote /%s\n", files[i].path);
		else if (files[i].text)
			strbuf_addf(out, "would write /%s:\n%s", files[i].path,
			            files[i].text);
		else
			strbuf_addf(out, "would remove /%s\n", files[i].path);
	}
	if (rebuild)
		strbuf_addf(out,
		            "now make a new initramfs, or the host's drivers win there: "
		            "%s\n",
		            rebuild);
	else
		strbuf_addf(out,
		            "if this system has an initramfs, put vfio-pci, /%s and /%s "
		            "into it\n",
		            files[0].path, files[1].path);
}

static json_t *files_json(const struct persist_file files[PERSIST_FILES],
                          const char *rebuild, bool dry_run)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < PERSIST_FILES; i++)
		if (files[i].text)
			json_array_append_new(list, json_pack("{s:s+, s:s}", "path", "/",
			                                      files[i].path, "text",
			                                      files[i].text));
	return json_pack("{s:b, s:o, s:s?}", "dry_run", dry_run, "files", list, "rebuild",
	                 rebuild);
}

static int finish(struct app *app, struct persist_list *list, struct err *err)
{
	struct persist_file files[PERSIST_FILES] = { 0 };
	const char *rebuild;
	int ret = persist_files(&app->root, list, files, &rebuild, err);

	if (!ret && !app->cli.dry_run)
		ret = geteuid() ? err_set(err, EPERM, "only root may do that; use sudo")
		                : persist_write(&app->root, files, err);
	if (!ret && app->cli.json)
		app->json = files_json(files, rebuild, app->cli.dry_run);
	else if (!ret)
		say(app, files, rebuild);
	for (unsigned i = 0; i < PERSIST_FILES; i++)
		free(files[i].text);
	return ret;
}

static bool refused(struct app *app, const struct pci_function *f)
{
	struct findings findings = { 0 };
	bool refused;

	/* A physical function keeps its driver, and an assigned one left the host. */
	if (f->vfs || !group_is_host_driver(f->driver))
		return false;
	safety_uses(&app->situation, f, &findings);
	safety_guest(&app->situation, f, &findings);
	refused = findings.failed || app_refused(app, f, &findings);
	app_warn(app, f, &findings);
	findings_free(&findings);
	return refused;
}

int command_persist(struct app *app, struct err *err)
{
	struct persist_list list = { 0 };
	struct assigned assigned = { 0 };
	struct node_owner owner;
	bool no = false;
	int ret = app_choose(app, app->cli.count, err);

	if (!ret && app->cli.owner)
		ret = node_owner_parse(app->cli.owner, &owner, err);
	if (!ret && !app->cli.root)
		ret = assigned_read(&app->root, app->dir, &assigned, err);
	if (!ret)
		ret = persist_read(&app->root, &list, err);
	if (!ret && app->cli.owner)
		snprintf(list.owner, sizeof(list.owner), "%s%s",
		         owner.gid != (gid_t)-1 && *app->cli.owner != ':' ? ":" : "",
		         app->cli.owner);
	for (unsigned i = 0; !ret && i < app->functions.count; i++) {
		const struct pci_function *f = &app->functions.function[i];

		if (!app->chosen[i])
			continue;
		no |= refused(app, f);
		ret = add_one(app, f, &assigned, &list);
	}
	if (!ret)
		ret = no ? -EPERM : finish(app, &list, err);
	persist_free(&list);
	assigned_free(&assigned);
	return ret;
}

int command_unpersist(struct app *app, struct err *err)
{
	struct persist_list list = { 0 };
	int ret = persist_read(&app->root, &list, err);

	for (unsigned i = 0; !ret && i < app->cli.count; i++) {
		struct pci_address address;
		char name[PCI_ADDRESS_SIZE];

		/* An address is enough: the device may be gone for good. */
		ret = resolve_device(&app->root, app->cli.words[i], &address, err);
		if (ret < 0)
			break;
		pci_address_text(&address, name);
		if (!persist_find(&list, name))
			ret = err_set(err, ENOENT,
			              "%s is not persistent; see kvm-assign status",
			              name);
		persist_remove(&list, name);
	}
	if (!ret)
		ret = finish(app, &list, err);
	persist_free(&list);
	return ret;
}
