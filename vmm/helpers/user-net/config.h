/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What vmm-user-net is told: the network that it plays, and the ports that lead into it.
 */
#ifndef VMM_HELPERS_USER_NET_CONFIG_H
#define VMM_HELPERS_USER_NET_CONFIG_H

#include "common/err.h"

#include <slirp/libslirp.h>

enum { USER_MAX_SEARCH = 8 };

struct user_config {
	char *net, *host, *dns, *dhcpstart, *hostname, *domainname, *tftp, *bootfile;
	char *tftp_name, *ipv6_net, *ipv6_host, *ipv6_dns;
	/* of the table only; rules are the words themselves */
	char *hostfwd, *guestfwd, *dnssearch;
	bool restricted, ipv4, ipv6;
	const char *search[USER_MAX_SEARCH + 1]; /* ends with NULL */
	SlirpConfig slirp;                       /* points into the strings above */
};

/* words: "key=value", as vmm gives them, which stay the caller's; "hostfwd=" and
 * "guestfwd=" words are skipped.
 * tftp= is the number of a folder's descriptor, and becomes a path that leads to it.
 * -EINVAL with a sentence. */
int user_config_parse(struct user_config *config, int count, char *const *words,
                      struct err *err);
void user_config_free(struct user_config *config);

/* "[ADDR]:PORT" up to `end`; an empty address is 0.0.0.0. */
bool user_parse_end(const char *text, const char *end, struct sockaddr_in *addr);
/* Adds or removes "tcp|udp:[ADDR]:PORT-[GUEST]:PORT" (to remove, the part behind "-" is
 * not needed). -errno with a sentence. */
int user_forward(Slirp *slirp, const char *rule, bool add, struct err *err);

#endif
