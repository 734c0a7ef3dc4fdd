// SPDX-License-Identifier: GPL-2.0-or-later
/* Networks: what there is, its counters, links, and ports of the user network. */
#include "common/cleanup.h"
#include "vmm/core/vm.h"
#include "vmm/monitor/tables.h"
#include "vmm/net/net.h"

#include <errno.h>
#include <string.h>

#define ANSWER_MS 1000 /* what a person waits for vmm-user-net */

/* ---- what there is ---- */

static void add_mac(struct strbuf *out, const uint8_t *mac)
{
	for (unsigned i = 0; i < 6; i++)
		strbuf_addf(out, "%s%02x", i ? ":" : "", mac[i]);
}

static void add_queue(struct strbuf *out, struct netdev *nd, unsigned n, struct netdev *q)
{
	const struct net_front *front = net_get_front(q);

	if (front) {
		strbuf_addf(out,
		            "%s: index=%u,type=nic,model=%s,macaddr=", net_card_name(nd),
		            n, front->model);
		add_mac(out, front->mac(front->opaque));
		strbuf_adds(out, "\n \\ ");
	}
	strbuf_addf(out, "%s: index=%u,%s%s\n", net_id(nd), n, net_describe(nd),
	            net_link_up(nd) ? "" : ",link=down");
}

static void add_net(struct strbuf *out, struct netdev *nd)
{
	struct netdev *q;

	for (unsigned n = 0; (q = net_queue(nd, n)); n++)
		add_queue(out, nd, n, q);
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

/* First the networks without a card, as QEMU has it. */
static int run_network(struct mon_ctx *ctx, const json_t *args, json_t **result,
                       struct err *err)
{
	_cleanup_strbuf_ struct strbuf out = { 0 };

	(void)args;
	(void)err;
	for (unsigned with = 0; with < 2; with++) {
		struct netdev *nd = NULL;

		while ((nd = net_next(ctx->vm->nets, nd)))
			if (!!net_get_front(nd) == with)
				add_net(&out, nd);
	}
	*result = mon_text(out.data ? out.data : "");
	return 0;
}

static int run_netstats(struct mon_ctx *ctx, const json_t *args, json_t **result,
                        struct err *err)
{
	(void)args;
	(void)err;
	return show_all(ctx, result, add_counters);
}

/* ---- links ---- */

void mon_propose_nets(struct vm *vm, void (*add)(void *opaque, const char *value),
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
		if (!strcmp(net_id(nd), name) ||
		    (net_get_front(nd) && !strcmp(net_card_name(nd), name)))
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
	{ .name = "name", .kind = MON_STR, .propose = MON_PROPOSE_NETS },
	{ .name = "up", .kind = MON_BOOL },
	{ .name = NULL },
};

/* ---- what cards hear ---- */

static json_t *mac_list(const uint8_t *macs, unsigned count)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < count; i++) {
		_cleanup_strbuf_ struct strbuf mac = { 0 };

		add_mac(&mac, macs + 6 * i);
		json_array_append_new(list, mon_text(mac.data ? mac.data : ""));
	}
	return list;
}

static json_t *vlan_list(const struct net_rx_filter *f)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < 4096 && f->vlan == NET_RX_NORMAL; i++)
		if (f->vlans[i / 8] >> (i % 8) & 1)
			json_array_append_new(list, json_integer(i));
	return list;
}

static json_t *filter_object(struct netdev *nd, const struct net_front *front)
{
	static const char *const states[] = { "none", "normal", "all" };
	_cleanup_strbuf_ struct strbuf mac = { 0 };
	struct net_rx_filter f;

	front->rx_filter(front->opaque, &f);
	add_mac(&mac, front->mac(front->opaque));
	return json_pack("{s:s, s:b, s:s, s:s, s:s, s:b, s:b, s:b, s:s, s:o, s:o, s:o}",
	                 "name", net_card_name(nd), "promiscuous", f.promiscuous,
	                 "multicast", states[f.multicast], "unicast", states[f.unicast],
	                 "vlan", states[f.vlan], "broadcast-allowed", f.broadcast,
	                 "multicast-overflow", f.multicast_overflow, "unicast-overflow",
	                 f.unicast_overflow, "main-mac", mac.data ? mac.data : "",
	                 "vlan-table", vlan_list(&f), "unicast-table",
	                 mac_list(f.unicast_table, f.unicast_count), "multicast-table",
	                 mac_list(f.multicast_table, f.multicast_count));
}

static int run_rx_filter(struct mon_ctx *ctx, const json_t *args, json_t **result,
                         struct err *err)
{
	const char *name = mon_str(args, "name", NULL);
	const struct net_front *front;
	struct netdev *nd = NULL;

	*result = json_array();
	while ((nd = net_next(ctx->vm->nets, nd))) {
		front = net_get_front(nd);
		if (front && front->rx_filter &&
		    (!name || !strcmp(name, net_card_name(nd))))
			json_array_append_new(*result, filter_object(nd, front));
	}
	if (!name || json_array_size(*result))
		return 0;
	if (find_net(ctx->vm, name))
		return err_set(err, EINVAL, "the net client '%s' has no filter", name);
	return err_set(err, EINVAL, "invalid net client name: %s", name);
}

static const struct mon_arg filter_args[] = {
	{ .name = "name",
	  .kind = MON_STR,
	  .optional = true,
	  .propose = MON_PROPOSE_NETS },
	{ .name = NULL },
};

/* ---- announcing ---- */

/* QMP's list with commas between its names. */
static int join_names(const json_t *list, struct strbuf *out, struct err *err)
{
	size_t i;
	json_t *name;

	json_array_foreach(list, i, name)
	{
		if (!json_is_string(name))
			return err_usage(err, "Invalid parameter type for 'interfaces', "
			                      "expected: string");
		strbuf_addf(out, "%s%s", i ? "," : "", json_string_value(name));
	}
	return !json_is_array(list) ? err_usage(err, "Invalid parameter type for "
	                                             "'interfaces', expected: array")
	       : out->failed        ? err_sys(err, ENOMEM, "interfaces")
	                            : 0;
}

static int run_announce(struct mon_ctx *ctx, const json_t *args, json_t **result,
                        struct err *err)
{
	const json_t *list = json_object_get(args, "interfaces");
	_cleanup_strbuf_ struct strbuf names = { 0 };
	int64_t initial = mon_int(args, "initial", 50), max = mon_int(args, "max", 550),
		rounds = mon_int(args, "rounds", 5), step = mon_int(args, "step", 100);
	struct net_announce how = { .initial_ms = initial,
		                    .max_ms = max,
		                    .rounds = rounds,
		                    .step_ms = step,
		                    .id = mon_str(args, "id", NULL) };

	(void)result;
	if (list && !json_is_string(list) && join_names(list, &names, err) < 0)
		return -err->code;
	if (list)
		how.cards = json_is_string(list) ? json_string_value(list)
		            : names.data         ? names.data
		                                 : "";
	if (initial < 0 || initial > 100000 || max < 0 || max > 100000 || rounds < 1 ||
	    rounds > 1000 || step < 0 || step > 10000)
		return err_set(err, EINVAL,
		               "at most 100000 for initial and max, 1000 for rounds, "
		               "10000 for step are possible");
	return net_announce(ctx->vm->nets, &how, err);
}

static const struct mon_arg announce_args[] = {
	{ .name = "initial", .kind = MON_INT, .optional = true },
	{ .name = "max", .kind = MON_INT, .optional = true },
	{ .name = "rounds", .kind = MON_INT, .optional = true },
	{ .name = "step", .kind = MON_INT, .optional = true },
	{ .name = "interfaces",
	  .kind = MON_ANY,
	  .optional = true,
	  .type = MON_OF_STRINGS },
	{ .name = "id", .kind = MON_STR, .optional = true },
	{ .name = NULL },
};

static const struct mon_arg hmp_announce_args[] = {
	{ .name = "interfaces",
	  .kind = MON_STR,
	  .optional = true,
	  .propose = MON_PROPOSE_NETS },
	{ .name = "id", .kind = MON_STR, .optional = true },
	{ .name = NULL },
};

/* ---- the user network ---- */

/* The machine goes on while the helper thinks; one that hangs is not waited for long. */
static int later(struct mon_ctx *ctx, struct err *err)
{
	int ret = mon_later(ctx, ANSWER_MS);

	return ret == -ETIMEDOUT ? err_set(err, ETIMEDOUT,
	                                   "vmm-user-net did not answer within %d ms; "
	                                   "the command may still take effect",
	                                   ANSWER_MS)
	                         : ret;
}

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

static int tell_all(struct mon_ctx *ctx, struct err *err)
{
	struct netdev *nd = NULL;
	int ret = 0;

	ctx->ticket = net_ticket(ctx->vm->nets);
	while (ret >= 0 && (nd = net_next(ctx->vm->nets, nd)))
		if (!strcmp(net_type(nd), "user"))
			ret = net_command(nd, "info", ctx->ticket, err);
	return ret;
}

static int run_usernet(struct mon_ctx *ctx, const json_t *args, json_t **result,
                       struct err *err)
{
	_cleanup_strbuf_ struct strbuf out = { 0 };
	struct netdev *nd = NULL;
	int ret = ctx->deadline ? 0 : tell_all(ctx, err);

	(void)args;
	while (ret >= 0 && (nd = net_next(ctx->vm->nets, nd))) {
		_cleanup_strbuf_ struct strbuf answer = { 0 };

		ret = net_answer(nd, ctx->ticket, &answer, err);
		if (ret >= 0)
			strbuf_addf(&out, "Hub -1 (%s):\n%s", net_id(nd),
			            answer.data ? answer.data : "");
		else if (ret == -ENOENT)
			ret = 0; /* of another type, or new */
	}
	if (ret == -EAGAIN)
		ret = later(ctx, err);
	if (ret >= 0)
		*result = mon_text(out.data ? out.data : "");
	return ret;
}

/* "[NETDEV] RULE". */
static int forward(struct mon_ctx *ctx, const char *command, const json_t *args,
                   struct err *err)
{
	const char *first = mon_str(args, "netdev_id", ""), *rule;
	_cleanup_strbuf_ struct strbuf text = { 0 };
	struct netdev *nd;
	int ret = 0;

	rule = mon_str(args, "rule", NULL);
	nd = find_user(ctx->vm, rule ? first : NULL, err);
	if (!nd)
		return -err->code;
	if (!ctx->deadline) {
		ctx->ticket = net_ticket(ctx->vm->nets);
		strbuf_addf(&text, "%s %s", command, rule ? rule : first);
		ret = text.failed ? err_sys(err, ENOMEM, "command")
		                  : net_command(nd, text.data, ctx->ticket, err);
	}
	if (ret >= 0)
		ret = net_answer(nd, ctx->ticket, NULL, err);
	if (ret == -ENOENT && !err->code)
		return err_set(err, ENOENT, "the network was removed meanwhile");
	return ret == -EAGAIN ? later(ctx, err) : ret;
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
	{ .name = "netdev_id", .kind = MON_STR, .propose = MON_PROPOSE_NETS },
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
	{ "query-rx-filter", NULL, "which frames cards hear", filter_args,
	  "[RxFilterInfo]", run_rx_filter, NULL },
	{ "announce-self", NULL, "tell the network where the guests' addresses are",
	  announce_args, NULL, run_announce, NULL },
	{ NULL, "announce_self",
	  "tell the network where the guests' addresses are; of some cards: a,b",
	  hmp_announce_args, NULL, run_announce, NULL },
	{ NULL, "hostfwd_add", "[netdev] rule: lead a host port into a user network",
	  hostfwd_args, NULL, run_hostfwd_add, NULL },
	{ NULL, "hostfwd_remove", "[netdev] rule: and no more", hostfwd_args, NULL,
	  run_hostfwd_remove, NULL },
	{ .help = NULL },
};
