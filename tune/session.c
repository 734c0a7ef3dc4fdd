// SPDX-License-Identifier: GPL-2.0-or-later
/* Opening and closing what every command works on. */
#include "tune/session.h"

#include "common/handoff.h"

#include <errno.h>

int session_refresh(struct session *s, struct err *err)
{
	int ret;

	tune_facts_free(&s->facts);
	bootconf_free(&s->boot);
	pools_free(&s->pools);
	ret = tune_facts_gather(&s->root, &s->facts, err);
	if (ret < 0)
		return ret;
	ret = bootconf_load(&s->root, s->facts.cmdline, &s->boot);
	if (!ret)
		ret = pools_gather(&s->root, s->facts.nodes, &s->pools);
	return ret < 0 ? err_sys(err, -ret, "cannot read the host") : 0;
}

int session_open(struct session *s, const struct cli *cli, bool writer, struct err *err)
{
	int ret;

	*s = (struct session){ .cli = cli,
		               .root.fd = -1,
		               .journal = { .dirfd = -1, .fd = -1 } };
	ret = sysroot_open_host(&s->root, cli->root, err);
	if (!ret)
		ret = tune_journal_open(&s->root, writer, &s->journal, err);
	return ret ? ret : session_refresh(s, err);
}

void session_close(struct session *s)
{
	tune_facts_free(&s->facts);
	bootconf_free(&s->boot);
	pools_free(&s->pools);
	journal_close(&s->journal);
	sysroot_close(&s->root);
	strbuf_free(&s->out);
	strbuf_free(&s->warnings);
}

struct report session_report(const struct session *s, const struct plan *plan)
{
	return (struct report){ &s->facts, &s->boot, &s->journal, plan };
}

void session_hand_off(struct session *s, const char *profile)
{
	struct report report = session_report(s, NULL);
	struct err err = { 0 };
	json_t *json;

	if (s->cli->root && !s->cli->state_dir)
		return;
	json = report_tuning(&report, &s->pools, profile);
	if (!json)
		err_sys(&err, ENOMEM, "cannot make %s", TUNING_FILE);
	else
		handoff_write(handoff_dir(s->cli->state_dir), TUNING_FILE, json, &err);
	json_decref(json);
	if (err.code)
		strbuf_addf(&s->warnings, "%s\n", err.text);
}
