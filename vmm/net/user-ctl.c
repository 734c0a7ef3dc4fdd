// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What vmm-user-net is told and answers. Commands have numbers, which come back with the
 * answers, so that nobody has to wait for a helper that hangs: answers that come later
 * are heard by the loop, which notes what was done and logs what was refused.
 */
#include "common/cleanup.h"
#include "common/log.h"
#include "vmm/net/user.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#define ANSWER_MAX 65536

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

/* ---- talking ---- */

static int tell(struct user *u, const char *verb, const char *rest, struct err *err)
{
	_cleanup_strbuf_ struct strbuf text = { 0 };

	strbuf_addf(&text, "%u %s%s", ++u->asked, verb, rest);
	if (text.failed)
		return err_sys(err, ENOMEM, "command");
	/* A helper that hangs has read nothing for long when this is full. */
	if (send(u->ctl, text.data, text.len, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		return err_sys(err, errno, USER_HELPER);
	u->open++;
	return 0;
}

/* The next answer that came, "N+text", "N-sentence" or "N?sentence" (the words are
 * wrong), and its number; -EAGAIN: none did; -EPIPE: none will. */
static int hear(struct user *u, uint64_t *number, struct strbuf *answer, struct err *err)
{
	_cleanup_free_ char *buf = malloc(ANSWER_MAX);
	char *text, kind;
	ssize_t n;

	*number = 0;
	if (!buf)
		return err_sys(err, ENOMEM, "answer");
	n = recv(u->ctl, buf, ANSWER_MAX - 1, MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return -EAGAIN;
	if (n <= 0)
		return err_set(err, EPIPE, USER_HELPER " ended; see its message");
	buf[n] = '\0';
	text = buf + strcspn(buf, "+-?");
	kind = *text;
	*text = '\0';
	if (!kind || opt_parse_u64(buf, number) < 0)
		return err_set(err, EPIPE, USER_HELPER " said what is no answer");
	u->greeted |= kind == '+';
	u->open -= *number && u->open;
	if (kind == '?')
		return err_usage(err, "%s", text + 1);
	if (kind == '-')
		return err_set(err, EINVAL, "%s", text + 1);
	strbuf_adds(answer, text + 1);
	return 0;
}

/* What was done is for the next helper, too, should this one end. */
static int note(struct user *u, struct err *err)
{
	const char *rule = u->pending ? strchr(u->pending, ' ') : NULL;
	int ret = 0;

	if (rule && !strncmp(u->pending, "hostfwd_add ", 12))
		ret = user_rules_add(&u->hosts, USER_MAX_RULES, rule + 1, err);
	else if (rule && !strncmp(u->pending, "hostfwd_remove ", 15))
		forget_rule(&u->hosts, rule + 1);
	free(u->pending);
	u->pending = NULL;
	return ret;
}

/* ---- a new helper ---- */

static void said(void *opaque, uint32_t events)
{
	_cleanup_strbuf_ struct strbuf text = { 0 };
	struct user *u = opaque;
	struct err err = { 0 };
	uint64_t number;
	int ret = hear(u, &number, &text, &err);

	(void)events;
	if (ret == -EPIPE)
		user_ctl_stop(u);
	if (ret >= 0 && number && number == u->asked)
		ret = note(u, &err);
	if (ret < 0 && ret != -EAGAIN && ret != -EPIPE)
		log_warn("netdev %s: %s", u->link.nd.id, err.text);
}

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
	loop_remove(u->link.nd.reg->loop, &u->ctl_watch);
	free(u->pending);
	u->pending = NULL;
}

int user_ctl_wait(struct user *u, struct err *err)
{
	struct pollfd pfd = { .fd = u->ctl, .events = POLLIN };
	bool running = u->link.nd.reg->running;
	int ret = 0;

	while (ret >= 0 && (!u->greeted || u->open)) {
		_cleanup_strbuf_ struct strbuf text = { 0 };
		uint64_t number;

		ret = poll(&pfd, 1, running ? USER_START_MS : USER_WAIT_MS);
		if (!ret)
			return err_set(err, ETIMEDOUT, USER_HELPER " does not answer");
		ret = hear(u, &number, &text, err);
		ret = ret == -EAGAIN ? 0 : ret;
	}
	return ret;
}

/* ---- commands ---- */

int user_command(struct user *u, const char *command, struct err *err)
{
	free(u->pending);
	u->pending = strdup(command);
	return u->pending ? tell(u, command, "", err) : err_sys(err, ENOMEM, "command");
}

int user_answer(struct netdev *nd, struct strbuf *answer, struct err *err)
{
	struct user *u = (struct user *)nd;
	_cleanup_strbuf_ struct strbuf text = { 0 };
	uint64_t number;
	int ret;

	do { /* the greeting, and answers that nobody waited for */
		strbuf_free(&text);
		err_clear(err);
		ret = hear(u, &number, &text, err);
		if (ret == -EAGAIN || ret == -EPIPE || (ret < 0 && !number))
			return ret;
	} while (number != u->asked);
	if (ret >= 0)
		ret = note(u, err);
	if (ret >= 0 && answer && text.data)
		strbuf_adds(answer, text.data);
	return ret;
}

int user_command_fd(struct netdev *nd)
{
	return ((struct user *)nd)->ctl;
}
