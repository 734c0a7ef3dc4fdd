/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between the files of the back end "user": back-user.c (the helper's life), user-args.c
 * (options, its arguments) and user-ctl.c (what it is told and answers). Same lock as
 * net.h. */
#ifndef VMM_NET_USER_H
#define VMM_NET_USER_H

#include "common/spawn.h"
#include "vmm/net/link.h"

#define USER_HELPER "vmm-user-net"

enum {
	USER_MAX_RULES = 64,
	USER_MAX_GUESTFWDS = 32,
	USER_MAX_SEARCHES = 8,
	USER_WORD_MAX = 255, /* bytes of an argument that comes while the guest runs */
	USER_MAX_REQUESTS = 16,
	USER_WAIT_MS = 5000, /* for the helper, before the machine runs */
	USER_FDS = 3,        /* of every helper: its sockets, memory for frames */
};

enum { USER_START_NOW, USER_START_LAZY };

struct user_rules {
	char *list[USER_MAX_RULES];
	unsigned count;
};

/* A command of somebody who comes back for the answer, or does not. */
struct user_request {
	uint64_t ticket; /* the asker's, rising; 0: this place is free */
	uint64_t number; /* the helper's, while it has not answered */
	char *command;
	bool done;
	struct strbuf answer;
	struct err err; /* why it was refused */
};

struct user {
	struct net_link link; /* first */
	char *net, *host, *dns, *dhcpstart, *hostname, *domainname, *tftp, *bootfile;
	char *tftp_name, *ipv6_net, *ipv6_host, *ipv6_dns;
	char *hostfwd, *guestfwd, *dnssearch; /* of the table only: they are in rules */
	bool restricted, ipv4, ipv6;
	int start;
	struct user_rules hosts, guests, searches; /* of hostfwd, guestfwd, dnssearch */
	char *helper;                              /* path */
	int tftp_fd;                               /* the folder, or -1 */
	struct spawned child;
	struct frame_ring ring; /* of the helper that runs */
	int ctl;
	struct loop_fd ctl_watch;
	bool greeted; /* it has told whether it could start */
	bool adding;  /* the netdev is new, and somebody waits for user_ctl_ready() */
	struct err refusal; /* meanwhile: why it will not be */
	unsigned asked;     /* number of the last command */
	unsigned open;      /* commands without an answer */
	struct user_request requests[USER_MAX_REQUESTS];
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

extern const struct opt_desc net_user_options[];
/* Takes the keys that may come several times; for struct net_ops. */
int user_take(struct netdev *nd, struct opt_list *opts, struct err *err);

/* The helper's arguments: the program, its descriptors, and words that the options make,
 * always in the same order. */
struct user_args {
	char *argv[SPAWN_MAX_ARGS + 1]; /* ends with NULL */
	unsigned count;
	bool failed; /* no memory */
};

void user_args_make(const struct user *u, struct user_args *a);
void user_args_free(struct user_args *a);

/* A helper was started, with nothing said yet: tells it all rules of hostfwd, and has the
 * loop listen to its answers. -errno with a sentence. */
int user_ctl_start(struct user *u, struct err *err);
/* Before the socket is closed: open requests end with an error. Idempotent. */
void user_ctl_stop(struct user *u);
void user_ctl_free(struct user *u);
/* Takes what the helper said, not all of it if that is a lot; false when it will say no
 * more. */
bool user_ctl_take(struct user *u);
/* Whether the helper has answered to all that: 0, -EAGAIN, or -errno with the sentence of
 * what it refused. wait: until it has. */
int user_ctl_ready(struct user *u, bool wait, struct err *err);

/* For struct net_ops; a helper runs. */
int user_command(struct user *u, const char *command, uint64_t ticket, struct err *err);
int user_answer(struct netdev *nd, uint64_t ticket, struct strbuf *answer,
                struct err *err);

#endif
