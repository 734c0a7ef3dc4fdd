// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What vmm-user-net is told and answers. Commands have numbers, which come back with the
 * answers, so that nobody has to wait for a helper that hangs: the loop hears answers
 * when they come, keeps them for who asked, notes what was done and logs what was refused
 * of what nobody asked for.
 */
#include "common/cleanup.h"
#include "common/log.h"
#include "vmm/net/user.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#define ANSWER_MAX 65536
#define BATCH      64 /* answers of one call: a helper that a guest took over sends more */

/* ---- rules ---- */

int user_rules_add(struct user_rules *rules, unsigned max, const char *rule,
                   struct err *err)
{
	if (rules->count == max)
		return err_usage(err, "more than %u rules", max);
	rules->list[rules->count] = strdup(rule);
	if (!rules->list[rules->count])
		return err_sys(err, ENOMEM, "rules");
	rules->count++;
	return 0;
}

void user_rules_free(struct user_rules *rules)
{
	while (rules->count)
		free(rules->list[--rules->count]);
}

static void forget_rule(struct user_rules *rules, const char *rule)
{
	size_t len = strcspn(rule, "-");

	for (unsigned i = 0; i < rules->count; i++) {
		if (strncmp(rules->list[i], rule, len) || rules->list[i][len] != '-')
			continue;
		free(rules->list[i]);
		rules->list[i] = rules->list[--rules->count];
		return;
	}
}

/* ---- requests ---- */

static void free_request(struct user_request *r)
{
	free(r->command);
	strbuf_free(&r->answer);
	*r = (struct user_request){ .ticket = 0 };
}

static struct user_request *find_request(struct user *u, uint64_t ticket)
{
	for (unsigned i = 0; i < USER_MAX_REQUESTS && ticket; i++)
		if (u->requests[i].ticket == ticket)
			return &u->requests[i];
	return NULL;
}

/* What was done is for the next helper, too, should this one end. */
static void note(struct user *u, const struct user_request *r)
{
	const char *rule = strchr(r->command, ' ');
	struct err err = { 0 };

	if (rule && !strncmp(r->command, "hostfwd_add ", 12) &&
	    user_rules_add(&u->hosts, USER_MAX_RULES, rule + 1, &err) < 0)
		log_warn("netdev %s: %s: %s; the next helper will not know it",
		         u->link.nd.id, rule + 1, err.text);
	else if (rule && !strncmp(r->command, "hostfwd_remove ", 15))
		forget_rule(&u->hosts, rule + 1);
}

static void finish(struct user *u, struct user_request *r, const struct err *err)
{
	r->done = true;
	r->err = *err;
	r->number = 0;
	if (!err->code)
		note(u, r);
}

/* ---- talking ---- */

static int tell(struct user *u, const char *verb, const char *rest, struct err *err)
{
	_cleanup_strbuf_ struct strbuf text = { 0 };

	strbuf_addf(&text, "%u %s%s", ++u->asked, verb, rest);
	if (text.failed)
		return err_sys(err, ENOMEM, "command");
	/* A helper that hangs has read nothing for long when this is full. A new one
	 * that has ended already left its last words for hear(), which say why. */
	if (send(u->ctl, text.data, text.len, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 &&
	    !(errno == EPIPE && u->adding))
		return err_sys(err, errno, USER_HELPER);
	u->open++;
	return 0;
}

/* The next answer that came, "N+text", "N-sentence" or "N?sentence" (the words are
 * wrong), and its number; -EAGAIN: none did; -EPIPE: none will. What is an error is in
 * *said. */
static int hear(struct user *u, uint64_t *number, struct strbuf *answer, struct err *said)
{
	_cleanup_free_ char *buf = malloc(ANSWER_MAX);
	char *text, kind;
	ssize_t n;

	if (!buf)
		return -EAGAIN;
	n = recv(u->ctl, buf, ANSWER_MAX - 1, MSG_DONTWAIT);
	/* It ended without reading all that it was told; its last words come now. */
	if (n < 0 && errno == ECONNRESET)
		n = recv(u->ctl, buf, ANSWER_MAX - 1, MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return -EAGAIN;
	if (n <= 0)
		return err_set(said, EPIPE, USER_HELPER " ended; see its message");
	buf[n] = '\0';
	text = buf + strcspn(buf, "+-?");
	kind = *text;
	*text = '\0';
	if (!kind || opt_parse_u64(buf, number) < 0)
		return err_set(said, EPIPE, USER_HELPER " said what is no answer");
	u->greeted |= kind == '+';
	u->open -= *number && u->open;
	if (kind == '?')
		err_usage(said, "%s", text + 1);
	else if (kind == '-')
		err_set(said, EINVAL, "%s", text + 1);
	else
		strbuf_adds(answer, text + 1);
	return 0;
}

/* Nobody asked for it by a command: for who waits for the network, or for the log. */
static void refused(struct user *u, const struct err *err)
{
	if (!u->adding)
		log_warn("netdev %s: %s", u->link.nd.id, err->text);
	else if (!u->refusal.code)
		u->refusal = *err;
}

bool user_ctl_take(struct user *u)
{
	for (unsigned n = 0; n < BATCH; n++) {
		_cleanup_strbuf_ struct strbuf text = { 0 };
		struct user_request *r = u->requests;
		struct err err = { 0 };
		uint64_t number = 0;
		int ret = hear(u, &number, &text, &err);

		if (ret < 0 && u->adding && ret == -EPIPE)
			refused(u, &err);
		if (ret < 0)
			return ret == -EAGAIN;
		while (r < u->requests + USER_MAX_REQUESTS &&
		       !(r->number && r->number == number))
			r++;
		if (r < u->requests + USER_MAX_REQUESTS) {
			strbuf_adds(&r->answer, text.data ? text.data : "");
			finish(u, r, &err);
		} else if (err.code) {
			refused(u, &err);
		}
	}
	return true;
}

static void said(void *opaque, uint32_t events)
{
	struct user *u = opaque;

	(void)events;
	if (!user_ctl_take(u))
		user_ctl_stop(u);
	net_progress(u->link.nd.reg);
}

/* ---- a new helper ---- */

int user_ctl_start(struct user *u, struct err *err)
{
	int ret = loop_add(u->link.nd.reg->loop, &u->ctl_watch, u->ctl, EPOLLIN, said, u);

	u->greeted = false;
	u->open = 0;
	if (ret < 0)
		return err_sys(err, -ret, "cannot watch " USER_HELPER);
	for (unsigned i = 0; i < u->hosts.count && ret >= 0; i++)
		ret = tell(u, "hostfwd_add ", u->hosts.list[i], err);
	return ret;
}

void user_ctl_stop(struct user *u)
{
	struct err err = { 0 };

	loop_remove(u->link.nd.reg->loop, &u->ctl_watch);
	err_set(&err, EPIPE, USER_HELPER " ended; see its message");
	for (unsigned i = 0; i < USER_MAX_REQUESTS; i++)
		if (u->requests[i].ticket && !u->requests[i].done)
			finish(u, &u->requests[i], &err);
}

void user_ctl_free(struct user *u)
{
	for (unsigned i = 0; i < USER_MAX_REQUESTS; i++)
		free_request(&u->requests[i]);
}

int user_ctl_ready(struct user *u, bool wait, struct err *err)
{
	struct pollfd pfd = { .fd = u->ctl, .events = POLLIN };

	while (u->ctl >= 0 && !u->refusal.code && (!u->greeted || u->open)) {
		if (!user_ctl_take(u))
			break;
		if (!u->refusal.code && (!u->greeted || u->open)) {
			if (!wait)
				return -EAGAIN;
			if (poll(&pfd, 1, USER_WAIT_MS) == 0)
				return err_set(err, ETIMEDOUT,
				               USER_HELPER " does not answer");
		}
	}
	if (u->refusal.code)
		*err = u->refusal;
	u->adding = false;
	return -u->refusal.code;
}

/* ---- commands ---- */

/* The oldest one's place is taken when there is no other: who asked has gone long ago. */
static struct user_request *new_request(struct user *u)
{
	struct user_request *r = u->requests;

	for (unsigned i = 1; i < USER_MAX_REQUESTS && r->ticket; i++)
		if (u->requests[i].ticket < r->ticket)
			r = &u->requests[i];
	free_request(r);
	return r;
}

int user_command(struct user *u, const char *command, uint64_t ticket, struct err *err)
{
	struct user_request *r = new_request(u);
	int ret = tell(u, command, "", err);

	if (ret < 0)
		return ret;
	r->command = strdup(command);
	if (!r->command)
		return err_sys(err, ENOMEM, "command");
	r->ticket = ticket;
	r->number = u->asked;
	return 0;
}

int user_answer(struct netdev *nd, uint64_t ticket, struct strbuf *answer,
                struct err *err)
{
	struct user *u = (struct user *)nd;
	struct user_request *r = find_request(u, ticket);

	if (!r)
		return -ENOENT;
	if (!r->done)
		return -EAGAIN;
	if (r->err.code) {
		*err = r->err;
		return -err->code;
	}
	if (answer && r->answer.len)
		strbuf_add(answer, r->answer.data, r->answer.len);
	return 0;
}
