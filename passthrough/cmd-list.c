// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The commands that only look: list, show, group, status. Each works for any user, on the
 * running host and on a captured one.
 */
#include "passthrough/app.h"
#include "passthrough/group.h"
#include "passthrough/names.h"
#include "passthrough/resolve.h"

#include "common/cleanup.h"
#include "common/opts.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* ---- one function as JSON ---- */

static json_t *text_or_null(const char *text)
{
	return *text ? json_string(text) : json_null();
}

static json_t *number_or_null(int64_t number)
{
	return number < 0 ? json_null() : json_integer(number);
}

static json_t *members_json(const struct app *app, int group)
{
	json_t *list = json_array();

	for (unsigned i = 0; group >= 0 && i < app->functions.count; i++)
		if (app->functions.function[i].group == group)
			json_array_append_new(
				list, json_string(app->functions.function[i].name));
	return list;
}

static json_t *holders_json(const struct app *app, const struct pci_function *f)
{
	json_t *list = json_array();
	const struct holder *h;
	unsigned from = 0;

	while ((h = holders_of(&app->holders, &app->root, f, &from)))
		json_array_append_new(list,
		                      json_pack("{s:i, s:s, s:o, s:s}", "pid", h->pid,
		                                "program", h->program, "guest",
		                                text_or_null(h->guest), "node", h->node));
	return list;
}

static json_t *function_json(struct app *app, const struct pci_function *f,
                             const struct findings *findings)
{
	char name[PCI_NAME_SIZE], class[PCI_NAME_SIZE], ids[40];
	json_t *json;

	app_name(app, f, name, class);
	snprintf(ids, sizeof(ids), "%04x:%04x", f->vendor, f->device);
	json = json_pack(
		"{s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "address", f->name,
		"id", ids, "name", text_or_null(name), "class", text_or_null(class),
		"driver", text_or_null(f->driver), "override", text_or_null(f->override),
		"group", number_or_null(f->group), "members", members_json(app, f->group),
		"numa_node", number_or_null(f->node), "holders", holders_json(app, f));
	json_object_set_new(json, "class_code", json_integer(f->class));
	json_object_set_new(json, "resets",
	                    f->resets_known ? json_string(f->resets) : json_null());
	json_object_set_new(json, "vfs", json_integer(f->vfs));
	json_object_set_new(json, "vfs_max", json_integer(f->vfs_max));
	json_object_set_new(json, "physical_function", text_or_null(f->physfn));
	json_object_set_new(json, "boot_vga", json_boolean(f->boot_vga));
	json_object_set_new(json, "findings", app_findings_json(findings));
	return json;
}

/* ---- list ---- */

static unsigned others_in_group(const struct app *app, const struct pci_function *f)
{
	unsigned others = 0;

	for (unsigned i = 0; f->group >= 0 && i < app->functions.count; i++) {
		const struct pci_function *other = &app->functions.function[i];

		others += other != f && other->group == f->group && !pci_is_port(other);
	}
	return others;
}

/* What devices and users named may hold anything, but is one line. */
static void put_line(struct strbuf *out, const char *text)
{
	for (; *text; text++)
		strbuf_addc(out, *text == '\n' ? '?' : *text);
	strbuf_addc(out, '\n');
}

static void group_text(const struct app *app, const struct pci_function *f, char text[24])
{
	unsigned others = others_in_group(app, f);

	if (f->group < 0)
		snprintf(text, 24, "-");
	else if (others)
		snprintf(text, 24, "%d+%u", f->group, others);
	else
		snprintf(text, 24, "%d", f->group);
}

/* "Intel Corporation 82574L ... [Ethernet controller]", or what of it is known. */
static void put_name(struct app *app, const struct pci_function *f)
{
	char name[PCI_NAME_SIZE], class[PCI_NAME_SIZE], text[2 * PCI_NAME_SIZE + 8];

	app_name(app, f, name, class);
	if (*name && *class)
		snprintf(text, sizeof(text), "%s [%s]", name, class);
	else
		snprintf(text, sizeof(text), "%s%s", name,
		         *class  ? class
		         : *name ? ""
		                 : "(not in pci.ids)");
	put_line(&app->out, text);
}

#define LIST_FORMAT "%-12s  %-9s  %-10s  %-6s  %-4s  %-7s  "

static void list_line(struct app *app, const struct pci_function *f,
                      const struct findings *findings)
{
	char group[24], ids[16], node[12] = "-";
	struct strbuf *out = &app->out;

	group_text(app, f, group);
	snprintf(ids, sizeof(ids), "%04x:%04x", f->vendor, f->device);
	if (f->node >= 0)
		snprintf(node, sizeof(node), "%d", f->node);
	strbuf_addf(out, LIST_FORMAT, f->name, ids, *f->driver ? f->driver : "-", group,
	            node,
	            !f->resets_known ? "?"
	            : *f->resets     ? f->resets
	                             : "none");
	put_name(app, f);
	if (f->sriov)
		strbuf_addf(out, "%14s%u of %u virtual functions\n", "", f->vfs,
		            f->vfs_max);
	for (unsigned i = 0; i < findings->count; i++) {
		if (findings->finding[i].reason == REASON_BRIDGE ||
		    findings->finding[i].reason == REASON_HAS_VFS)
			continue;
		strbuf_addf(out, "%14s", "");
		put_line(out, findings->finding[i].text);
	}
}

int command_list(struct app *app, struct err *err)
{
	int ret = app_choose(app, app->cli.count, err);

	if (ret < 0)
		return ret;
	if (app->cli.json)
		app->json = json_array();
	else if (app->functions.count)
		strbuf_addf(&app->out, LIST_FORMAT "%s\n", "ADDRESS", "ID", "DRIVER",
		            "GROUP", "NODE", "RESET", "NAME [CLASS], USE");
	for (unsigned i = 0; i < app->functions.count; i++) {
		const struct pci_function *f = &app->functions.function[i];
		struct findings findings = { 0 };

		if (app->cli.count && !app->chosen[i])
			continue;
		safety_uses(&app->situation, f, &findings);
		if (app->cli.json)
			json_array_append_new(app->json,
			                      function_json(app, f, &findings));
		else
			list_line(app, f, &findings);
		ret = findings.failed ? err_sys(err, ENOMEM, "cannot list") : ret;
		findings_free(&findings);
	}
	return ret;
}

/* ---- show ---- */

/* What a guest opens: the group's node, and with iommufd (Linux 6.6 and later) its own.
 */
static void show_nodes(struct app *app, const struct pci_function *f)
{
	struct names names;
	char path[PCI_PATH_SIZE];

	if (!pci_is_vfio_driver(f->driver))
		return;
	if (f->group >= 0)
		strbuf_addf(&app->out, "  node       /dev/vfio/%d\n", f->group);
	pci_path(path, f->name, "vfio-dev");
	sysroot_list(&app->root, path, &names);
	for (unsigned i = 0; i < names.count; i++) {
		char dev[PCI_PATH_SIZE + 300];

		/* Without CONFIG_VFIO_DEVICE_CDEV the folder has no dev. */
		snprintf(dev, sizeof(dev), "%s/%s/dev", path, names.name[i]);
		if (sysroot_exists(&app->root, dev))
			strbuf_addf(&app->out, "  iommufd    /dev/vfio/devices/%s\n",
			            names.name[i]);
	}
	names_free(&names);
}

static void show_facts(struct app *app, const struct pci_function *f)
{
	char name[PCI_NAME_SIZE], class[PCI_NAME_SIZE];
	struct strbuf *out = &app->out;

	app_name(app, f, name, class);
	strbuf_addf(out, "%s  ", f->name);
	put_line(out, *name ? name : "(not in pci.ids)");
	strbuf_addf(out, "  class      %06x ", f->class);
	put_line(out, class);
	strbuf_addf(out, "  id         %04x:%04x, subsystem %04x:%04x\n", f->vendor,
	            f->device, f->subvendor, f->subdevice);
	strbuf_addf(out, "  driver     %s%s%s\n", *f->driver ? f->driver : "none",
	            *f->override ? ", reserved for " : "", f->override);
	if (f->group < 0)
		strbuf_adds(out, "  group      none\n");
	else
		strbuf_addf(out, "  group      %d, with %u more endpoints\n", f->group,
		            others_in_group(app, f));
	strbuf_addf(out, "  reset      %s\n",
	            !f->resets_known ? "unknown (the kernel does not tell)"
	            : *f->resets     ? f->resets
	                             : "none");
	if (f->sriov)
		strbuf_addf(out, "  sriov      %u of %u virtual functions\n", f->vfs,
		            f->vfs_max);
	if (*f->physfn)
		strbuf_addf(out, "  sriov      virtual function of %s\n", f->physfn);
	if (f->node >= 0)
		strbuf_addf(out, "  numa node  %d\n", f->node);
	if (*f->power)
		strbuf_addf(out, "  power      %s\n", f->power);
	show_nodes(app, f);
}

static void show_findings(struct app *app, const struct pci_function *f,
                          const struct findings *findings)
{
	bool refused = false;

	for (unsigned i = 0; i < findings->count; i++) {
		const struct finding *one = &findings->finding[i];

		refused |= reason_refuses(one->reason);
		strbuf_addf(&app->out, "  %-10s ",
		            reason_refuses(one->reason) ? "AGAINST" : "warning");
		strbuf_addf(&app->out, "%s: ", reason_name(one->reason));
		put_line(&app->out, one->text);
	}
	if (!refused && pci_is_vfio_driver(f->driver))
		strbuf_adds(&app->out, "  ready for a guest\n");
	else if (!refused)
		strbuf_addf(&app->out, "  free for a guest: kvm-assign bind %s\n",
		            f->name);
}

int command_show(struct app *app, struct err *err)
{
	int ret = app_choose(app, app->cli.count, err);

	if (app->cli.json)
		app->json = json_array();
	for (unsigned i = 0; !ret && i < app->functions.count; i++) {
		const struct pci_function *f = &app->functions.function[i];
		struct findings findings = { 0 };

		if (!app->chosen[i])
			continue;
		safety_uses(&app->situation, f, &findings);
		safety_guest(&app->situation, f, &findings);
		if (app->cli.json) {
			json_array_append_new(app->json,
			                      function_json(app, f, &findings));
		} else {
			show_facts(app, f);
			show_findings(app, f, &findings);
		}
		if (findings.failed)
			ret = err_sys(err, ENOMEM, "cannot show it");
		findings_free(&findings);
	}
	return ret;
}

/* ---- group ---- */

static const char *const roles[] = {
	[GROUP_PORT] = "bridge, does not matter",
	[GROUP_FREE] = "free",
	[GROUP_IN_USE] = "in use by the host",
};

static void group_line(struct app *app, const struct pci_function *f, json_t *members)
{
	char name[PCI_NAME_SIZE], class[PCI_NAME_SIZE];

	app_name(app, f, name, class);
	if (members) {
		json_array_append_new(members,
		                      json_pack("{s:s, s:o, s:s}", "address", f->name,
		                                "driver", text_or_null(f->driver), "role",
		                                roles[group_role(f)]));
		return;
	}
	strbuf_addf(&app->out, "  %-12s  %-10s  %-23s  ", f->name,
	            *f->driver ? f->driver : "-", roles[group_role(f)]);
	put_line(&app->out, *name ? name : class);
}

static void show_group(struct app *app, int number)
{
	json_t *members = app->cli.json ? json_array() : NULL;
	bool viable = true, held = false;
	struct group group;

	group_read(&app->root, number, &app->functions, &group);
	if (!members)
		strbuf_addf(&app->out, "group %d%s%s\n", number,
		            *group.type ? ", domain type " : "", group.type);
	for (unsigned i = 0; i < app->functions.count; i++) {
		const struct pci_function *f = &app->functions.function[i];
		unsigned from = 0;

		if (f->group != number)
			continue;
		group_line(app, f, members);
		viable &= group_role(f) != GROUP_IN_USE;
		held |= holders_of(&app->holders, &app->root, f, &from) != NULL;
	}
	viable &= !group.direct;
	if (members) {
		json_array_append_new(
			app->json,
			json_pack("{s:i, s:o, s:o, s:b, s:b, s:b, s:i}", "group", number,
		                  "type", text_or_null(group.type), "members", members,
		                  "viable", viable, "held", held, "reserved_direct",
		                  group.direct, "slots", (int)group.slots));
		return;
	}
	if (group.direct)
		strbuf_addf(&app->out,
		            "  firmware keeps %s mapped (RMRR): no guest can own "
		            "this group\n",
		            group.region);
	if (group.slots > 1)
		strbuf_addf(&app->out, "  %u slots, which nothing keeps apart (no ACS)\n",
		            group.slots);
	strbuf_adds(&app->out, held ? "  a running guest owns it; see kvm-assign status\n"
	                       : viable ? "  viable: a guest can own it\n"
	                                : "  not viable: no guest can own it yet\n");
}

int command_group(struct app *app, struct err *err)
{
	if (app->cli.json)
		app->json = json_array();
	for (unsigned i = 0; i < app->cli.count; i++) {
		const char *word = app->cli.words[i];
		struct pci_function *f = NULL;
		uint64_t number;

		if (!opt_parse_u64(word, &number) && number <= INT32_MAX) {
			for (unsigned k = 0; !f && k < app->functions.count; k++)
				if (app->functions.function[k].group == (int)number)
					f = &app->functions.function[k];
			if (!f)
				return err_set(
					err, ENOENT,
					"there is no IOMMU group %s; see kvm-assign "
					"list",
					word);
		} else {
			struct pci_address address;
			int ret = resolve_device(&app->root, word, &address, err);

			if (ret < 0)
				return ret;
			f = app_function(app, &address);
			if (!f)
				return err_set(
					err, ENODEV,
					"there is no PCI function %s; see kvm-assign "
					"list",
					word);
		}
		if (f->group < 0)
			return err_set(err, ENOENT,
			               "%s has no IOMMU group; switch the IOMMU on: "
			               "kvm-check says how",
			               f->name);
		show_group(app, f->group);
	}
	return 0;
}
