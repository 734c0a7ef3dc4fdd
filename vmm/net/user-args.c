// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The options of the back end "user", and the words for its helper that they become.
 *
 * A network that is added while the guest runs has its helper started by a process that
 * knows no guest (common/spawn.h), for one that a guest may have taken over. There the
 * words are parsed by the same table and made again: what is not the same is refused. All
 * that such a helper can then do more than one without keys is what who asks for it can
 * do as well: connect to sockets (guestfwd=), and read a folder, which it must have
 * opened.
 */
#include "common/cleanup.h"
#include "common/helper.h"
#include "vmm/net/user.h"

#include <errno.h>
#include <string.h>

#define TFTP_FD "6" /* behind those that are always there */

enum { FIXED_ARGS = 1 + USER_FDS }; /* the program and its descriptors */

static const char *const starts[] = {
	[USER_START_NOW] = "now", [USER_START_LAZY] = "lazy", NULL
};

#define STR(key, field, text)                                                         \
	{                                                                             \
		.name = key, .type = OPT_STR, .offset = offsetof(struct user, field), \
		.help = text                                                          \
	}
#define BOOL(key, field, on, text)                                                     \
	{                                                                              \
		.name = key, .type = OPT_BOOL, .offset = offsetof(struct user, field), \
		.def = on, .help = text                                                \
	}

const struct opt_desc net_user_options[] = {
	NET_OPTS(struct user, link.nd),
	STR("net", net, "the guest's network (default: 10.0.2.0/24)"),
	STR("host", host, "the host's address in it (default: .2)"),
	STR("dns", dns, "the name server's address in it (default: .3)"),
	STR("dhcpstart", dhcpstart, "first address for the guest (default: .15)"),
	STR("hostname", hostname, "name that DHCP gives the guest"),
	STR("domainname", domainname, "domain that DHCP gives the guest"),
	STR("dnssearch", dnssearch, "domain where the guest looks for names; any number"),
	STR("tftp", tftp, "folder that the guest may read through TFTP"),
	STR("bootfile", bootfile, "file in it that DHCP names"),
	STR("tftp-server-name", tftp_name, "name of its server that DHCP gives"),
	STR("hostfwd", hostfwd,
	    "tcp|udp:[ADDR]:PORT-[GUEST]:PORT: host port that leads to the guest; any "
	    "number of them"),
	STR("guestfwd", guestfwd,
	    "tcp:ADDR:PORT-unix:PATH or ...-tcp:HOST:PORT: address in the guest's network "
	    "that leads to a server of the host; any number of them"),
	BOOL("restrict", restricted, "off", "the guest reaches nothing but forwards"),
	BOOL("ipv4", ipv4, "on", "IPv4"),
	BOOL("ipv6", ipv6, "on", "IPv6"),
	STR("ipv6-net", ipv6_net, "the guest's network there (default: fec0::/64)"),
	STR("ipv6-host", ipv6_host, "the host's address in it (default: ::2)"),
	STR("ipv6-dns", ipv6_dns, "the name server's address in it (default: ::3)"),
	{ .name = "start",
	  .type = OPT_ENUM,
	  .offset = offsetof(struct user, start),
	  OPT_CHOICES(starts, USER_START_NOW),
	  .help = "when the helper is started; lazy: at the guest's first frame" },
	{ .name = NULL },
};

static const struct {
	const char *key;
	size_t rules; /* where in struct user */
	unsigned max;
} lists[] = {
	{ "hostfwd", offsetof(struct user, hosts), USER_MAX_RULES },
	{ "guestfwd", offsetof(struct user, guests), USER_MAX_GUESTFWDS },
	{ "dnssearch", offsetof(struct user, searches), USER_MAX_SEARCHES },
};

int user_take(struct netdev *nd, struct opt_list *opts, struct err *err)
{
	int ret = 0;

	for (unsigned n = 0; n < ARRAY_SIZE(lists); n++) {
		void *rules = (char *)nd + lists[n].rules;

		for (unsigned i = 0; i < opts->count && ret >= 0; i++)
			if (!strcmp(opts->opts[i].key, lists[n].key))
				ret = user_rules_add(rules, lists[n].max,
				                     opts->opts[i].value, err);
		opt_list_take(opts, lists[n].key);
	}
	return ret;
}

/* ---- words ---- */

static void add_arg(struct user_args *a, const char *key, const char *value)
{
	struct strbuf text = { 0 };

	if (!value)
		return;
	strbuf_addf(&text, "%s%s%s", key, *key ? "=" : "", value);
	a->argv[a->count] = strbuf_take(&text);
	a->failed |= !a->argv[a->count++];
}

/* Always the same: rules of hostfwd are told by commands, because they come and go. The
 * folder of tftp= is a descriptor. */
void user_args_make(const struct user *u, struct user_args *a)
{
	char number[16];

	add_arg(a, "", u->helper);
	for (unsigned i = 0; i < USER_FDS; i++) {
		snprintf(number, sizeof(number), "%u", SPAWN_FIRST_FD + i);
		add_arg(a, "", number);
	}
	add_arg(a, "net", u->net);
	add_arg(a, "host", u->host);
	add_arg(a, "dns", u->dns);
	add_arg(a, "dhcpstart", u->dhcpstart);
	add_arg(a, "hostname", u->hostname);
	add_arg(a, "domainname", u->domainname);
	add_arg(a, "tftp", u->tftp ? TFTP_FD : NULL);
	add_arg(a, "bootfile", u->bootfile);
	add_arg(a, "tftp-server-name", u->tftp_name);
	add_arg(a, "restrict", u->restricted ? "on" : "off");
	add_arg(a, "ipv4", u->ipv4 ? "on" : "off");
	add_arg(a, "ipv6", u->ipv6 ? "on" : "off");
	add_arg(a, "ipv6-net", u->ipv6_net);
	add_arg(a, "ipv6-host", u->ipv6_host);
	add_arg(a, "ipv6-dns", u->ipv6_dns);
	for (unsigned i = 0; i < u->searches.count; i++)
		add_arg(a, "dnssearch", u->searches.list[i]);
	for (unsigned i = 0; i < u->guests.count; i++)
		add_arg(a, "guestfwd", u->guests.list[i]);
}

void user_args_free(struct user_args *a)
{
	while (a->count)
		free(a->argv[--a->count]);
}

/* ---- words of somebody else ---- */

static bool is_plain(const char *word)
{
	size_t len = strlen(word);

	for (size_t i = 0; i < len; i++)
		if ((unsigned char)word[i] < ' ' || word[i] == 0x7f)
			return false;
	return len <= USER_WORD_MAX;
}

static int take_words(struct user *u, char *const *words, struct err *err)
{
	struct opt_list opts = { 0 };
	int ret = 0;

	for (unsigned i = 0; words[i] && ret >= 0; i++) {
		const char *eq = strchr(words[i], '=');
		_cleanup_free_ char *key = eq ? strndup(words[i], eq - words[i]) : NULL;

		ret = key && is_plain(words[i]) ? opt_list_add(&opts, key, eq + 1)
		                                : -EINVAL;
	}
	if (ret >= 0)
		ret = user_take(&u->link.nd, &opts, err);
	if (ret >= 0)
		ret = opts_apply(net_user_options, &opts, u, NULL, err);
	opt_list_free(&opts);
	return ret;
}

static bool same_words(char *const *a, char *const *b)
{
	for (; *a && *b && !strcmp(*a, *b); a++, b++)
		;
	return !*a && !*b;
}

bool net_user_admits(char *const *words)
{
	struct user u = { .helper = (char *)USER_HELPER };
	struct user_args a = { .count = 0 };
	struct err err = { 0 };
	bool ok = take_words(&u, words, &err) >= 0;

	if (ok)
		user_args_make(&u, &a);
	ok = ok && !a.failed && same_words(a.argv + FIXED_ARGS, words);
	user_args_free(&a);
	user_rules_free(&u.hosts);
	user_rules_free(&u.guests);
	user_rules_free(&u.searches);
	opts_free(net_user_options, &u);
	return ok;
}

/* What all of them start with. */
int net_user_allow(struct net_registry *reg, struct err *err)
{
	_cleanup_free_ char *helper = helper_find(USER_HELPER);
	struct user u = { .helper = helper };
	struct user_args a = { .count = 0 };
	struct spawn_plan plan = { SPAWN_HELPER, helper, a.argv, NULL, 0 };
	int ret = 0;

	if (!helper)
		return 0;
	user_args_make(&u, &a);
	while (a.count > FIXED_ARGS)
		free(a.argv[--a.count]);
	a.argv[a.count] = NULL;
	ret = a.failed ? err_sys(err, ENOMEM, USER_HELPER)
	               : spawn_allow_more(reg->spawner, &plan, err);
	user_args_free(&a);
	return ret;
}
