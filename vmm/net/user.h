/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between the files of the back end "user": back-user.c (options, the helper's life) and
 * user-ctl.c (what it is told and answers). Same lock as net.h. */
#ifndef VMM_NET_USER_H
#define VMM_NET_USER_H

#include "common/spawn.h"
#include "vmm/net/link.h"

#define USER_HELPER "vmm-user-net"

enum {
	USER_MAX_RULES = 64,
	USER_MAX_GUESTFWDS = 32,
	USER_WAIT_MS = 5000,  /* for the helper, before the machine runs */
	USER_START_MS = 1000, /* afterwards: for its start */
	USER_STOP_MS = 250,   /* for its end */
};

struct user_rules {
	char *list[USER_MAX_RULES];
	unsigned count;
};

struct user {
	struct net_link link; /* first */
	char *net, *host, *dns, *dhcpstart, *hostname, *domainname, *tftp, *bootfile;
	char *hostfwd, *guestfwd; /* of the table only: they are in rules */
	bool restricted, ipv4, ipv6;
	int start;
	struct user_rules hosts, guests; /* of hostfwd, of guestfwd */
	char *helper;                    /* path */
	struct spawned child;
	int ctl;
	struct loop_fd ctl_watch;
	bool greeted;     /* it has told whether it could start */
	unsigned asked;   /* number of the last command */
	unsigned open;    /* commands without an answer */
	char *pending;    /* the last one, while somebody wants its answer */
	uint8_t offloads; /* that the guest takes, enum net_offload */
	bool untold;      /* the helper does not know them yet */
	uint64_t started;
	unsigned failures;
	struct loop_fd watch;
	struct loop_timer restart;
};

/* max: of this list. -errno with a sentence. */
int user_rules_add(struct user_rules *rules, unsigned max, const char *rule,
                   struct err *err);
void user_rules_free(struct user_rules *rules);

/* A helper was started, with nothing said yet: tells it all rules of hostfwd, and has the
 * loop listen to its answers. -errno with a sentence. */
int user_ctl_start(struct user *u, struct err *err);
/* Before the socket is closed. Idempotent. */
void user_ctl_stop(struct user *u);
/* Waits until the helper has answered to all that; -errno with the sentence of what it
 * refused. */
int user_ctl_wait(struct user *u, struct err *err);

/* For struct net_ops; a helper runs. */
int user_command(struct user *u, const char *command, struct err *err);
int user_answer(struct netdev *nd, struct strbuf *answer, struct err *err);
int user_command_fd(struct netdev *nd);

#endif
