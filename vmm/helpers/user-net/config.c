// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Options of the user network, with QEMU's defaults: 10.0.2.0/24, where .2 is the host,
 * .3 the name server and .15 the first guest; fec0::/64 for IPv6.
 */
#include "vmm/helpers/user-net/config.h"

#include "common/cleanup.h"
#include "common/opts.h"
#include "vmm/helpers/user-net/segment.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define NET  "10.0.2.0/24"
#define NET6 "fec0::/64"

#define KEY(key, f)                                                                     \
	{                                                                               \
		.name = key, .type = OPT_STR, .offset = offsetof(struct user_config, f) \
	}
#define STR(f) KEY(#f, f)

static const struct opt_desc table[] = {
	STR(net),
	STR(host),
	STR(dns),
	STR(dhcpstart),
	STR(hostname),
	STR(domainname),
	STR(tftp),
	STR(bootfile),
	STR(hostfwd),
	STR(guestfwd),
	STR(dnssearch),
	KEY("tftp-server-name", tftp_name),
	KEY("ipv6-net", ipv6_net),
	KEY("ipv6-host", ipv6_host),
	KEY("ipv6-dns", ipv6_dns),
	{ .name = "restrict",
	  .type = OPT_BOOL,
	  .offset = offsetof(struct user_config, restricted),
	  .def = "off" },
	{ .name = "ipv4",
	  .type = OPT_BOOL,
	  .offset = offsetof(struct user_config, ipv4),
	  .def = "on" },
	{ .name = "ipv6",
	  .type = OPT_BOOL,
	  .offset = offsetof(struct user_config, ipv6),
	  .def = "on" },
	{ .name = NULL },
};

/* ---- the network ---- */

static int parse_net(SlirpConfig *s, const char *text, struct err *err)
{
	const char *slash = strchr(text, '/');
	char addr[INET_ADDRSTRLEN];
	uint64_t bits = 24;

	snprintf(addr, sizeof(addr), "%.*s", (int)(slash ? slash - text : 15), text);
	s->vnetmask.s_addr = htonl(0xffffff00);
	if (inet_pton(AF_INET, addr, &s->vnetwork) != 1)
		return err_usage(err, "net=%s: must be like " NET, text);
	if (slash && strchr(slash, '.')) {
		if (inet_pton(AF_INET, slash + 1, &s->vnetmask) != 1)
			return err_usage(err, "net=%s: no netmask behind '/'", text);
	} else if (slash) {
		if (opt_parse_u64(slash + 1, &bits) < 0 || bits < 8 || bits > 28)
			return err_usage(err, "net=%s: the prefix must be 8 to 28", text);
		s->vnetmask.s_addr = htonl(UINT32_MAX << (32 - bits));
	}
	s->vnetwork.s_addr &= s->vnetmask.s_addr;
	return 0;
}

/* An address of the network: as given, or number n of it. */
static int parse_host(const SlirpConfig *s, const char *key, const char *text, unsigned n,
                      struct in_addr *addr, struct err *err)
{
	addr->s_addr = s->vnetwork.s_addr | htonl(n);
	if (!text)
		return 0;
	if (inet_pton(AF_INET, text, addr) != 1)
		return err_usage(err, "%s=%s: no IPv4 address", key, text);
	if ((addr->s_addr & s->vnetmask.s_addr) != s->vnetwork.s_addr)
		return err_usage(err, "%s=%s: it is not in the network", key, text);
	return 0;
}

static int parse_net6(SlirpConfig *s, const char *text, struct err *err)
{
	_cleanup_free_ char *addr = strndup(text, strcspn(text, "/"));
	const char *slash = strchr(text, '/');
	uint64_t bits = 64;

	if (!addr || inet_pton(AF_INET6, addr, &s->vprefix_addr6) != 1)
		return err_usage(err, "ipv6-net=%s: must be like " NET6, text);
	if (slash && (opt_parse_u64(slash + 1, &bits) < 0 || !bits || bits > 126))
		return err_usage(err, "ipv6-net=%s: the prefix must be 1 to 126", text);
	s->vprefix_len = bits;
	return 0;
}

static bool in_net6(const SlirpConfig *s, const struct in6_addr *addr)
{
	for (unsigned bit = 0; bit < s->vprefix_len; bit++)
		if ((addr->s6_addr[bit / 8] ^ s->vprefix_addr6.s6_addr[bit / 8]) &
		    0x80 >> bit % 8)
			return false;
	return true;
}

/* An address of the network: as given, or number n of it. */
static int parse_host6(const SlirpConfig *s, const char *key, const char *text,
                       unsigned n, struct in6_addr *addr, struct err *err)
{
	*addr = s->vprefix_addr6;
	addr->s6_addr[15] |= n;
	if (!text)
		return 0;
	if (inet_pton(AF_INET6, text, addr) != 1)
		return err_usage(err, "%s=%s: no IPv6 address", key, text);
	if (!in_net6(s, addr))
		return err_usage(err, "%s=%s: it is not in the network", key, text);
	return 0;
}

static int parse_addresses6(struct user_config *c, struct err *err)
{
	SlirpConfig *s = &c->slirp;
	int ret = parse_net6(s, c->ipv6_net ? c->ipv6_net : NET6, err);

	if (ret >= 0)
		ret = parse_host6(s, "ipv6-host", c->ipv6_host, 2, &s->vhost6, err);
	if (ret >= 0)
		ret = parse_host6(s, "ipv6-dns", c->ipv6_dns, 3, &s->vnameserver6, err);
	if (ret >= 0 && !memcmp(&s->vhost6, &s->vnameserver6, sizeof(s->vhost6)))
		return err_usage(err, "ipv6-host= and ipv6-dns= are the same address");
	return ret;
}

static int parse_addresses(struct user_config *c, struct err *err)
{
	SlirpConfig *s = &c->slirp;
	int ret = parse_net(s, c->net ? c->net : NET, err);

	if (ret >= 0)
		ret = parse_host(s, "host", c->host, 2, &s->vhost, err);
	if (ret >= 0)
		ret = parse_host(s, "dns", c->dns, 3, &s->vnameserver, err);
	if (ret >= 0)
		ret = parse_host(s, "dhcpstart", c->dhcpstart, 15, &s->vdhcp_start, err);
	if (ret >= 0 && s->vhost.s_addr == s->vnameserver.s_addr)
		return err_usage(err, "host= and dns= are the same address");
	return ret < 0 ? ret : parse_addresses6(c, err);
}

/* A descriptor of a folder that vmm could open, and not of one that it only knows of: it
 * is nobody's to be shown to a guest. */
static int use_tftp(struct user_config *c, struct err *err)
{
	_cleanup_free_ char *fd = c->tftp;
	struct stat st;
	uint64_t n;
	int flags;

	c->tftp = NULL;
	if (!fd)
		return 0;
	if (opt_parse_u64(fd, &n) < 0 || n > INT32_MAX || fstat(n, &st) < 0 ||
	    !S_ISDIR(st.st_mode) || (flags = fcntl(n, F_GETFL)) < 0 || flags & O_PATH)
		return err_usage(err, "tftp=%s: no descriptor of an open folder", fd);
	if (asprintf(&c->tftp, "/proc/self/fd/%s", fd) < 0)
		c->tftp = NULL;
	return c->tftp ? 0 : err_sys(err, ENOMEM, "tftp");
}

/* Without any the guest looks in its own domain. */
static void set_searches(struct user_config *c, int count, char *const *words)
{
	unsigned n = 0;

	for (int i = 0; i < count && n < USER_MAX_SEARCH; i++)
		if (!strncmp(words[i], "dnssearch=", 10))
			c->search[n++] = words[i] + 10;
	if (!n)
		c->search[n++] = c->domainname;
	c->slirp.vdnssearch = c->search[0] ? c->search : NULL;
}

int user_config_parse(struct user_config *c, int count, char *const *words,
                      struct err *err)
{
	struct opt_list opts = { 0 };
	int ret = 0;

	*c = (struct user_config){ 0 };
	for (int i = 0; i < count && ret >= 0; i++) {
		char *eq = strchr(words[i], '=');
		char *key = eq ? strndup(words[i], eq - words[i]) : NULL;

		if (!key || opt_list_add(&opts, key, eq + 1) < 0)
			ret = err_usage(err, "'%s' is no key=value", words[i]);
		free(key);
	}
	if (ret >= 0)
		ret = opts_apply(table, &opts, c, NULL, err);
	opt_list_free(&opts);
	if (ret >= 0)
		ret = parse_addresses(c, err);
	if (ret >= 0)
		ret = use_tftp(c, err);
	set_searches(c, count, words);
	c->slirp.version = 1;
	c->slirp.if_mtu = c->slirp.if_mru = SEGMENT_SLIRP_MTU;
	c->slirp.restricted = c->restricted;
	c->slirp.in_enabled = c->ipv4;
	c->slirp.in6_enabled = c->ipv6;
	c->slirp.vhostname = c->hostname;
	c->slirp.vdomainname = c->domainname;
	c->slirp.tftp_server_name = c->tftp_name;
	c->slirp.tftp_path = c->tftp;
	c->slirp.bootfile = c->bootfile;
	return ret;
}

void user_config_free(struct user_config *c)
{
	opts_free(table, c);
}

/* ---- forwards ---- */

bool user_parse_end(const char *text, const char *end, struct sockaddr_in *addr)
{
	const char *colon = memchr(text, ':', end - text);
	char host[INET_ADDRSTRLEN], port[8];
	uint64_t n;

	if (!colon || colon - text >= (int)sizeof(host) ||
	    end - colon - 1 >= (int)sizeof(port))
		return false;
	snprintf(host, sizeof(host), "%.*s", (int)(colon - text), text);
	snprintf(port, sizeof(port), "%.*s", (int)(end - colon - 1), colon + 1);
	if (opt_parse_u64(port, &n) < 0 || n > 65535)
		return false;
	addr->sin_family = AF_INET;
	addr->sin_port = htons(n);
	return !*host || inet_pton(AF_INET, host, &addr->sin_addr) == 1;
}

int user_forward(Slirp *slirp, const char *rule, bool add, struct err *err)
{
	bool udp = !strncmp(rule, "udp:", 4), tcp = !strncmp(rule, "tcp:", 4);
	const char *from = rule[0] == ':' ? rule + 1 : rule + 4, *dash;
	struct sockaddr_in host = { 0 }, guest = { 0 };
	int ret;

	dash = strchr(rule, '-');
	if ((!udp && !tcp && rule[0] != ':') || (add && !dash) ||
	    !user_parse_end(from, dash ? dash : rule + strlen(rule), &host) ||
	    (add &&
	     (!user_parse_end(dash + 1, rule + strlen(rule), &guest) || !guest.sin_port)))
		return err_usage(err,
		                 "hostfwd=%s: must be like tcp::2222-:22 or "
		                 "udp:127.0.0.1:5353-10.0.2.15:53",
		                 rule);
	if (!add) {
		ret = slirp_remove_hostfwd(slirp, udp, host.sin_addr,
		                           ntohs(host.sin_port));
		return ret < 0 ? err_set(err, ENOENT, "hostfwd=%s: there is no such rule",
		                         rule)
		               : 0;
	}
	errno = 0;
	ret = slirp_add_hostfwd(slirp, udp, host.sin_addr, ntohs(host.sin_port),
	                        guest.sin_addr, ntohs(guest.sin_port));
	if (ret >= 0)
		return 0;
	err_sys(err, errno ? errno : EADDRINUSE, "hostfwd=%s: port %u", rule,
	        ntohs(host.sin_port));
	err_hint(err, "choose a free host port%s",
	         ntohs(host.sin_port) < 1024 ? " of 1024 or more" : "");
	return -err->code;
}
