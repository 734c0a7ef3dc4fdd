// SPDX-License-Identifier: GPL-2.0-or-later
/* What the commands share: reading the host, choosing functions, telling findings. */
#include "passthrough/app.h"

#include "common/cleanup.h"
#include "common/handoff.h"
#include "passthrough/names.h"
#include "passthrough/resolve.h"

#include <errno.h>
#include <string.h>

int app_refresh(struct app *app, struct err *err)
{
	int ret;

	free(app->functions.function);
	free(app->chosen);
	holders_free(&app->holders);
	app->chosen = NULL;
	ret = pci_functions_read(&app->root, &app->functions, err);
	if (!ret)
		ret = holders_read(&app->root, &app->holders, err);
	if (!ret)
		app->chosen = calloc(app->functions.count + 1, sizeof(bool));
	if (!ret && !app->chosen)
		ret = err_sys(err, ENOMEM, "cannot look at the host");
	app->situation.chosen = app->chosen;
	return ret;
}

int app_open(struct app *app, struct err *err)
{
	int ret = sysroot_open_host(&app->root, app->cli.root, err);

	if (ret < 0)
		return ret;
	app->dir = handoff_dir(app->cli.state_dir);
	ret = app_refresh(app, err);
	if (ret < 0)
		return ret;
	nic_ssh_peer(&app->root, app->ssh_peer);
	app->names = pci_names_open();
	app->situation = (struct situation){
		.root = &app->root,
		.functions = &app->functions,
		.holders = &app->holders,
		.chosen = app->chosen,
		.ssh_peer = app->ssh_peer,
	};
	situation_read(&app->situation);
	return 0;
}

void app_close(struct app *app)
{
	pci_names_close(app->names);
	holders_free(&app->holders);
	free(app->functions.function);
	free(app->chosen);
	strbuf_free(&app->out);
	strbuf_free(&app->complaints);
	json_decref(app->json);
	sysroot_close(&app->root);
}

struct pci_function *app_function(struct app *app, const struct pci_address *address)
{
	for (unsigned i = 0; i < app->functions.count; i++)
		if (!pci_address_compare(&app->functions.function[i].address, address))
			return &app->functions.function[i];
	return NULL;
}

int app_choose(struct app *app, unsigned count, struct err *err)
{
	for (unsigned i = 0; i < count; i++) {
		const char *word = app->cli.words[i];
		char name[PCI_ADDRESS_SIZE];
		struct pci_function *f;
		struct pci_address address;
		int ret = resolve_device(&app->root, word, &address, err);

		if (ret < 0)
			return ret;
		f = app_function(app, &address);
		pci_address_text(&address, name);
		if (!f)
			return err_set(err, ENODEV,
			               "there is no PCI function %s; see kvm-assign list",
			               name);
		app->chosen[f - app->functions.function] = true;
	}
	return 0;
}

void app_name(struct app *app, const struct pci_function *f, char *name, char *class)
{
	pci_device_name(app->names, f, name);
	pci_class_name(app->names, f, class);
}

bool app_refused(struct app *app, const struct pci_function *f,
                 const struct findings *findings)
{
	bool refused = false;

	for (unsigned i = 0; i < findings->count; i++) {
		const struct finding *one = &findings->finding[i];

		if (!reason_refuses(one->reason) || app->cli.forced.reason[one->reason])
			continue;
		refused = true;
		strbuf_addf(&app->complaints, "%s: %s", f->name, one->text);
		if (reason_forceable(one->reason))
			strbuf_addf(&app->complaints, " (or insist: --force %s)",
			            reason_name(one->reason));
		strbuf_addc(&app->complaints, '\n');
	}
	return refused;
}

void app_warn(struct app *app, const struct pci_function *f,
              const struct findings *findings)
{
	for (unsigned i = 0; i < findings->count; i++) {
		const struct finding *one = &findings->finding[i];

		if (!reason_refuses(one->reason))
			strbuf_addf(&app->complaints, "%s: warning: %s\n", f->name,
			            one->text);
		else if (app->cli.forced.reason[one->reason])
			strbuf_addf(&app->complaints, "%s: forced although %s\n", f->name,
			            one->text);
	}
}

json_t *app_findings_json(const struct findings *findings)
{
	json_t *list = json_array();

	for (unsigned i = 0; list && i < findings->count; i++) {
		const struct finding *one = &findings->finding[i];

		json_array_append_new(list, json_pack("{s:s, s:b, s:b, s:s}", "reason",
		                                      reason_name(one->reason), "refuses",
		                                      reason_refuses(one->reason),
		                                      "can_be_forced",
		                                      reason_forceable(one->reason),
		                                      "text", one->text));
	}
	return list;
}
