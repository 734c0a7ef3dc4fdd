// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * -netdev, and the short forms -nic and -net, which also make the card. As in QEMU, -net
 * nic and -net TYPE are connected; here the first card with the first network, and so on.
 */
#include "vmm/machine/internal.h"

#include "common/cleanup.h"
#include "vmm/core/catalog.h"
#include "vmm/net/net.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* The card's side of -nic and -net nic; the network's is in vmm/net. */
struct nic_opts {
	char *model, *mac, *macaddr, *netdev, *name;
};

static const struct opt_desc nic_options[] = {
	{ .name = "model",
	  .type = OPT_STR,
	  .offset = offsetof(struct nic_opts, model),
	  .def = "virtio",
	  .help = "the card: virtio or e1000" },
	{ .name = "mac",
	  .type = OPT_STR,
	  .offset = offsetof(struct nic_opts, mac),
	  .help = "its address" },
	{ .name = "macaddr",
	  .type = OPT_STR,
	  .offset = offsetof(struct nic_opts, macaddr),
	  .help = "the same" },
	{ .name = "netdev",
	  .type = OPT_STR,
	  .offset = offsetof(struct nic_opts, netdev),
	  .help = "-net nic: its -netdev" },
	{ .name = "name",
	  .type = OPT_STR,
	  .offset = offsetof(struct nic_opts, name),
	  .help = "-net nic: id of the card" },
	{ .name = NULL },
};

/* virtio without model=, where QEMU's board has an e1000: kernels for virtual machines,
 * such as Debian's, have a driver for the one and not for the other. */
static const char *const models[] = { "virtio-net-pci", "e1000", NULL };

void pc_nic_help(struct strbuf *out)
{
	strbuf_adds(out, "Supported NIC models:\n");
	for (unsigned i = 0; models[i]; i++)
		strbuf_addf(out, "%s\n", models[i]);
}

static const struct device_class *find_model(const struct nic_opts *nic, struct err *err)
{
	const char *name = strcmp(nic->model, "virtio") ? nic->model : models[0];
	const struct device_class *cls = catalog_find(name);

	for (unsigned i = 0; cls && models[i]; i++)
		if (!strcmp(models[i], cls->name))
			return cls;
	err_usage(err, "model=%s: there is no such card; use model=virtio or model=e1000",
	          nic->model);
	return NULL;
}

/* The model was checked, before a network was made for it. */
static int add_card(struct pc *pc, const struct nic_opts *nic, const char *netdev,
                    struct err *err)
{
	const char *mac = nic->mac ? nic->mac : nic->macaddr;
	struct opt_list opts = { 0 };
	int ret = opt_list_add(&opts, "netdev", netdev);

	if (ret >= 0 && mac)
		ret = opt_list_add(&opts, "mac", mac);
	if (ret >= 0 && nic->name)
		ret = opt_list_add(&opts, "id", nic->name);
	if (ret < 0)
		err_sys(err, -ret, "card");
	else if (!device_create(&pc->vm, find_model(nic, err), &opts, err))
		ret = -err->code;
	opt_list_free(&opts);
	return ret;
}

/* A network for a short form: with an id of its own unless it has one. */
static struct netdev *add_net(struct pc *pc, struct opt_list *opts, unsigned n,
                              struct err *err)
{
	char id[16];

	snprintf(id, sizeof(id), "nic%u", n);
	if (!opt_list_get(opts, "id") && opt_list_add(opts, "id", id) < 0) {
		err_sys(err, ENOMEM, "netdev");
		return NULL;
	}
	return net_create(pc->vm.nets, opts, err);
}

/* ---- -nic ---- */

static int add_nic(struct pc *pc, const char *text, unsigned n, struct err *err)
{
	struct opt_list opts = { 0 };
	struct nic_opts nic = { 0 };
	struct netdev *nd = NULL;
	int ret = opt_list_parse(&opts, text, "type", err);
	const char *type = opt_list_get(&opts, "type");

	if (ret >= 0 && (!type || strcmp(type, "none"))) {
		ret = opts_take(nic_options, &opts, &nic, NULL, err);
		if (ret >= 0)
			ret = find_model(&nic, err) ? 0 : -err->code;
		if (ret >= 0)
			nd = add_net(pc, &opts, n, err);
		ret = nd ? add_card(pc, &nic, net_id(nd), err) : -err->code;
	}
	err_prefix(err, "-nic %s", text);
	opts_free(nic_options, &nic);
	opt_list_free(&opts);
	return ret;
}

/* ---- -net ---- */

/* The nth -net that is a network (nic: a card); NULL when there are fewer. */
static const char *nth_net(const struct vm_config *config, bool nic, unsigned n)
{
	for (unsigned i = 0; i < config->nets.count; i++) {
		const char *text = config->nets.items[i];
		bool none = !strcmp(text, "none"), is_nic = !strncmp(text, "nic", 3);

		if (!none && is_nic == nic && !n--)
			return text;
	}
	return NULL;
}

static int add_net_card(struct pc *pc, const char *text, const char *net, unsigned n,
                        struct err *err)
{
	struct opt_list card = { 0 }, opts = { 0 };
	struct nic_opts nic = { 0 };
	struct netdev *nd = NULL;
	int ret = opt_list_parse(&card, text, "type", err);

	opt_list_take(&card, "type");
	if (ret >= 0)
		ret = opts_apply(nic_options, &card, &nic, NULL, err);
	if (ret >= 0)
		ret = find_model(&nic, err) ? 0 : -err->code;
	if (ret >= 0 && !nic.netdev && !net)
		ret = err_usage(err, "the card has no network; add -net user or -net "
		                     "tap");
	if (ret >= 0 && !nic.netdev && opt_list_parse(&opts, net, "type", err) >= 0)
		nd = add_net(pc, &opts, n, err);
	if (ret >= 0 && !nic.netdev && !nd)
		ret = -err->code;
	if (ret >= 0)
		ret = add_card(pc, &nic, nd ? net_id(nd) : nic.netdev, err);
	err_prefix(err, "-net %s", nd || !net ? text : net);
	opts_free(nic_options, &nic);
	opt_list_free(&card);
	opt_list_free(&opts);
	return ret;
}

static int add_nets(struct pc *pc, unsigned *n, struct err *err)
{
	const char *card, *net;
	unsigned used = 0;
	int ret = 0;

	for (unsigned i = 0; ret >= 0 && (card = nth_net(pc->config, true, i)); i++) {
		net = strstr(card, "netdev=") ? NULL : nth_net(pc->config, false, used++);
		ret = add_net_card(pc, card, net, (*n)++, err);
	}
	net = nth_net(pc->config, false, used);
	if (ret >= 0 && net)
		return err_usage(err, "-net %s: there is no card for it; add -net nic",
		                 net);
	return ret;
}

/* ---- all of them ---- */

int pc_add_nets(struct pc *pc, struct err *err)
{
	const struct vm_config *config = pc->config;
	unsigned n = 0;
	int ret = 0;

	for (unsigned i = 0; i < config->netdevs.count && ret >= 0; i++) {
		struct opt_list opts = { 0 };

		ret = opt_list_parse(&opts, config->netdevs.items[i], "type", err);
		if (ret >= 0 && !net_create(pc->vm.nets, &opts, err))
			ret = -err->code;
		err_prefix(err, "-netdev %s", config->netdevs.items[i]);
		opt_list_free(&opts);
	}
	for (unsigned i = 0; i < config->nics.count && ret >= 0; i++)
		ret = add_nic(pc, config->nics.items[i], n++, err);
	return ret < 0 ? ret : add_nets(pc, &n, err);
}

int pc_add_default_net(struct pc *pc, struct err *err)
{
	const struct vm_config *config = pc->config;

	if (config->nodefaults || config->netdevs.count || config->nics.count ||
	    config->nets.count || !net_user_installed())
		return 0;
	return add_nic(pc, "user,start=lazy", 0, err);
}
