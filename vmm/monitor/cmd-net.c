// SPDX-License-Identifier: GPL-2.0-or-later
/* Networks: what there is, its counters, links, and ports of the user network. */
#include "common/cleanup.h"
#include "vmm/core/vm.h"
#include "vmm/monitor/tables.h"
#include "vmm/net/net.h"

#include <errno.h>
#include <string.h>

/* ---- what there is ---- */

static void add_net(struct strbuf *out, struct netdev *nd)
{
	const struct net_front *front = net_get_front(nd);

	if (front) {
		const uint8_t *mac = front->mac(front->opaque);

		strbuf_addf(out,
		            "%s: index=0,type=nic,model=%s,"
		            "macaddr=%02x:%02x:%02x:%02x:%02x:%02x\n \\ ",
		            front->name(front->opaque), front->model, mac[0], mac[1],
		            mac[2], mac[3], mac[4], mac[5]);
	}
	strbuf_addf(out, "%s: index=0,%s%s\n", net_id(nd), net_describe(nd),
	            net_link_up(nd) ? "" : ",link=down");
}

static void add_counters(struct strbuf *out, struct netdev *nd)
{
	const struct net_stats *s = net_stats(nd);

	strbuf_addf(out,
	            "%s: rx_frames=%llu rx_bytes=%llu rx_dropped=%llu tx_frames=%llu "
	            "tx_bytes=%llu tx_dropped=%llu\n",
	            net_id(nd), (unsigned long long)s->rx_frames,
	            (unsigned long long)s->rx_bytes, (unsigned long long)s->rx_dropped,
	            (unsigned long long)s->tx_frames, (unsigned long long)s->tx_bytes,
	            (unsigned long long)s->tx_dropped);
}

static int show_all(struct mon_ctx *ctx, json_t **result,
                    void (*add)(struct strbuf *out, struct netdev *nd))
{
	_cleanup_strbuf_ struct strbuf out = { 0 };
	struct netdev *nd = NULL;

	while ((nd = net_next(ctx->vm->nets, nd)))
		add(&out, nd);
	*result = mon_text(out.data ? out.data : "");
	return 0;
}

static int run_network(struct mon_ctx *ctx, const json_t *args, json_t **result,
                       struct err *err)
{
	(void)args;
	(void)err;
	return show_all(ctx, result, add_net);
}

static int run_netstats(struct mon_ctx *ctx, const json_t *args, json_t **result,
                        struct err *err)
{
	(void)args;
	(void)err;
	return show_all(ctx, result, add_counters);
}

/* ---- links ---- */

void mon_complete_net(struct vm *vm, void (*add)(void *opaque, const char *value),
                      void *opaque)
{
	struct netdev *nd = NULL;

	while ((nd = net_next(vm->nets, nd)))
		add(opaque, net_id(nd));
}

/* By the id of the netdev or of its card. */
static struct netdev *find_net(struct vm *vm, const char *name)
{
	struct netdev *nd = NULL;

	while ((nd = net_next(vm->nets, nd))) {
		const struct net_front *front = net_get_front(nd);

		if (!strcmp(net_id(nd), name) ||
		    (front && !strcmp(front->name(front->opaque), name)))
			return nd;
	}
	return NULL;
}

static int run_set_link(struct mon_ctx *ctx, const json_t *args, json_t **result,
                        struct err *err)
{
	const char *name = mon_str(args, "name", "");
	struct netdev *nd = find_net(ctx->vm, name);

	(void)result;
	if (!nd)
		return err_set(err, ENODEV, "Device '%s' not found", name);
	net_set_link(nd, mon_bool(args, "up", true));
	return 0;
}

static const struct mon_arg link_args[] = {
	{ .name = "name", .kind = MON_STR, .complete = mon_complete_net },
	{ .name = "up", .kind = MON_BOOL },
	{ .name = NULL },
};

/* ---- the user network ---- */

/* The netdev that a command means: the named one, or the first of type user. */
static struct netdev *find_user(struct vm *vm, const char *name, struct err *err)
{
	struct netdev *nd = NULL;

	if (name) {
		nd = net_find(vm->nets, name);
		if (!nd)
			err_set(err, ENODEV, "there is no netdev '%s'", name);
		return nd;
	}
	while ((nd = net_next(vm->nets, nd)))
		if (!strcmp(net_type(nd), "user"))
			return nd;
	err_set(err, ENODEV, "there is no user network");
	return NULL;
}

static int run_usernet(struct mon_ctx *ctx, const json_t *args, json_t **result,
                       struct err *err)
{
	_cleanup_strbuf_ struct strbuf out = { 0 };
	struct netdev *nd = NULL;

	(void)args;
	while ((nd = net_next(ctx->vm->nets, nd))) {
		int ret;

		if (strcmp(net_type(nd), "user"))
			continue;
		strbuf_addf(&out, "Hub -1 (%s):\n", net_id(nd));
		ret = net_command(nd, "info", &out, err);
		if (ret < 0)
			return ret;
	}
	*result = mon_text(out.data ? out.data : "");
	return 0;
}

/* "[NETDEV] RULE". */
static int forward(struct mon_ctx *ctx, const char *command, const json_t *args,
                   struct err *err)
{
	const char *first = mon_str(args, "netdev_id", ""), *rule;
	_cleanup_strbuf_ struct strbuf text = { 0 };
	struct netdev *nd;

	rule = mon_str(args, "rule", NULL);
	nd = find_user(ctx->vm, rule ? first : NULL, err);
	if (!nd)
		return -err->code;
	strbuf_addf(&text, "%s %s", command, rule ? rule : first);
	return text.failed ? err_sys(err, ENOMEM, "command")
	                   : net_command(nd, text.data, NULL, err);
}

static int run_hostfwd_add(struct mon_ctx *ctx, const json_t *args, json_t **result,
                           struct err *err)
{
	(void)result;
	return forward(ctx, "hostfwd_add", args, err);
}

static int run_hostfwd_remove(struct mon_ctx *ctx, const json_t *args, json_t **result,
                              struct err *err)
{
	(void)result;
	return forward(ctx, "hostfwd_remove", args, err);
}

static const struct mon_arg hostfwd_args[] = {
	{ .name = "netdev_id", .kind = MON_STR, .complete = mon_complete_net },
	{ .name = "rule", .kind = MON_STR, .optional = true },
	{ .name = NULL },
};

const struct mon_command mon_net_commands[] = {
	{ NULL, "info network", "networks and their cards", NULL, NULL, run_network,
	  NULL },
	{ NULL, "info netstats", "frames and bytes of each network", NULL, NULL,
	  run_netstats, NULL },
	{ NULL, "info usernet", "connections of user networks", NULL, NULL, run_usernet,
	  NULL },
	{ "set_link", "set_link", "take a network's cable out, or put it back", link_args,
	  NULL, run_set_link, NULL },
	{ NULL, "hostfwd_add", "[netdev] rule: lead a host port into a user network",
	  hostfwd_args, NULL, run_hostfwd_add, NULL },
	{ NULL, "hostfwd_remove", "[netdev] rule: and no more", hostfwd_args, NULL,
	  run_hostfwd_remove, NULL },
	{ .help = NULL },
};
