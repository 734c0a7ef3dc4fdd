// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Monitor sessions: input from a character device, one command at a time, output that
 * waits for a slow reader.
 *
 * A command runs from work that was posted to the loop, never inside a callback of the
 * character device, so that it may release the machine lock, or end the session's own
 * device. After each command the loop gets its turn: a client that floods cannot starve
 * the machine. A client that does not read gets no further command read, and loses events
 * beyond MONITOR_OUT_MAX.
 */
#include "vmm/monitor/session.h"

#include "common/cleanup.h"
#include "common/log.h"
#include "vmm/chardev/chardev.h"
#include "vmm/core/vm.h"
#include "vmm/machine/config.h"
#include "vmm/machine/control.h"
#include "vmm/monitor/gdb.h"
#include "vmm/net/net.h"

#include <errno.h>
#include <string.h>

/* ---- output ---- */

static size_t backlog(const struct monitor *mon)
{
	return mon->out.len - mon->out_pos;
}

static void flush(struct monitor *mon)
{
	/* Another one talks on the terminal: it is shown when the focus is back. */
	if (mon->unfocused)
		return;
	if (backlog(mon))
		mon->out_pos += chardev_write(mon->chr, mon->out.data + mon->out_pos,
		                              backlog(mon));
	if (!backlog(mon)) {
		strbuf_free(&mon->out);
		mon->out_pos = 0;
	}
	if (mon->events_lost && backlog(mon) < MONITOR_OUT_BUSY) {
		log_warn("monitor %s: its client did not read; %u events were lost",
		         chardev_id(mon->chr), mon->events_lost);
		mon->events_lost = 0;
	}
}

/* ---- input ---- */

static size_t mon_can_read(void *opaque)
{
	struct monitor *mon = opaque;

	return backlog(mon) > MONITOR_OUT_BUSY ? 0 : MONITOR_IN - mon->in_len;
}

static void mon_read(void *opaque, const uint8_t *data, size_t len)
{
	struct monitor *mon = opaque;

	memcpy(mon->in + mon->in_len, data, len);
	mon->in_len += len;
	loop_post(mon->set->vm->loop, &mon->work);
}

/* What another front end's focus keeps back does not count. */
static bool mon_busy(void *opaque)
{
	const struct monitor *mon = opaque;

	return mon->in_len || mon->ctx.later || (!mon->unfocused && backlog(mon));
}

static void go_on(struct monitor *mon)
{
	if (mon->mode == MONITOR_QMP)
		qmp_go_on(mon);
	else
		hmp_go_on(mon);
}

static void time_is_up(void *opaque)
{
	struct monitor *mon = opaque;

	loop_post(mon->set->vm->loop, &mon->work);
}

void monitors_go_on(void *opaque)
{
	struct monitors *set = opaque;

	for (struct monitor *mon = set->first; mon; mon = mon->next)
		if (mon->ctx.later)
			loop_post(set->vm->loop, &mon->work);
}

static void run_input(void *opaque)
{
	struct monitor *mon = opaque;
	unsigned used = 0;
	bool ran = mon->ctx.later;

	if (ran)
		go_on(mon);
	while (used < mon->in_len && !ran && backlog(mon) <= MONITOR_OUT_BUSY) {
		uint8_t byte = mon->in[used++];

		ran = mon->mode == MONITOR_QMP ? qmp_feed(mon, byte)
		                               : hmp_feed(mon, byte);
	}
	/* The client may have gone meanwhile, and its input with it. */
	used = used < mon->in_len ? used : mon->in_len;
	mon->in_len -= used;
	memmove(mon->in, mon->in + used, mon->in_len);
	flush(mon);
	if (mon->ctx.later)
		loop_timer_arm(&mon->timer, mon->ctx.deadline);
	else if (mon->in_len && backlog(mon) <= MONITOR_OUT_BUSY)
		loop_post(mon->set->vm->loop, &mon->work);
	chardev_accept_input(mon->chr);
}

static void mon_writable(void *opaque)
{
	struct monitor *mon = opaque;

	flush(mon);
	if (mon->in_len)
		loop_post(mon->set->vm->loop, &mon->work);
	chardev_accept_input(mon->chr);
}

static void forget_client(struct monitor *mon)
{
	mon->in_len = 0;
	strbuf_free(&mon->out);
	mon->out_pos = 0;
	mon->negotiated = false;
	jsonstream_reset(&mon->json);
	qmp_forget(mon);
	hmp_forget(mon);
	loop_timer_disarm(&mon->timer);
	mon->ctx.later = false;
	mon->ctx.deadline = 0;
}

static void mon_opened(void *opaque, bool open)
{
	struct monitor *mon = opaque;

	mon->open = open;
	forget_client(mon);
	if (!open)
		return;
	if (mon->mode == MONITOR_QMP)
		qmp_greet(mon);
	else
		hmp_greet(mon);
	flush(mon);
}

static void mon_focus(void *opaque, bool focused)
{
	struct monitor *mon = opaque;

	if (mon->mode == MONITOR_HMP && mon->open && !focused && !mon->ctx.later) {
		/* What was typed of a line is forgotten. */
		strbuf_adds(&mon->out, "\r\n");
		flush(mon);
		readline_next(&mon->rl);
		readline_start(&mon->rl);
	}
	mon->unfocused = !focused;
	flush(mon);
}

/* ---- events ---- */

static bool listens(const struct monitor *mon)
{
	return mon->mode == MONITOR_QMP && mon->negotiated;
}

bool monitors_any_listens(const struct monitors *set)
{
	for (const struct monitor *mon = set->first; mon; mon = mon->next)
		if (listens(mon))
			return true;
	return false;
}

void monitors_send(struct monitors *set, const json_t *event)
{
	for (struct monitor *mon = set->first; mon; mon = mon->next) {
		if (!listens(mon))
			continue;
		if (backlog(mon) > MONITOR_OUT_MAX) {
			mon->events_lost++;
			continue;
		}
		qmp_send(mon, event);
		flush(mon);
	}
}

/* ---- sessions ---- */

struct monitors *monitors_new(struct pc *pc, struct err *err)
{
	struct monitors *set = calloc(1, sizeof(*set));

	if (!set) {
		err_sys(err, ENOMEM, "monitors");
		return NULL;
	}
	set->pc = pc;
	set->vm = pc_vm(pc);
	set->started = loop_now();
	set->vm->on_event = monitors_event;
	set->vm->event_opaque = set;
	net_registry_on_progress(set->vm->nets, monitors_go_on, set);
	return set;
}

int monitors_add(struct monitors *set, struct chardev *chr, enum monitor_mode mode,
                 bool pretty, struct err *err)
{
	struct monitor *mon = calloc(1, sizeof(*mon)), **tail = &set->first;
	struct chardev_front front = {
		.can_read = mon_can_read,
		.read = mon_read,
		.busy = mon_busy,
		.writable = mon_writable,
		.opened = mon_opened,
		.focus = mon_focus,
		.takes_fds = true,
		.opaque = mon,
	};
	int ret;

	if (!mon)
		return err_sys(err, ENOMEM, "monitor");
	if (chardev_is_exposed(chr)) {
		free(mon);
		return err_set(
			err, EPERM,
			"a monitor on chardev '%s' could be used by other hosts, "
			"without a password; use host=localhost or a Unix socket, or "
			"add allow=insecure",
			chardev_id(chr));
	}
	mon->set = set;
	mon->chr = chr;
	mon->mode = mode;
	mon->pretty = pretty;
	mon->work = (struct loop_work){ .fn = run_input, .opaque = mon };
	loop_timer_init(set->vm->loop, &mon->timer, time_is_up, mon);
	mon->ctx = (struct mon_ctx){ .set = set,
		                     .pc = set->pc,
		                     .vm = set->vm,
		                     .can_ask = mode == MONITOR_HMP,
		                     .chr = chr };
	if (mode == MONITOR_HMP)
		mon->ctx.readline = &mon->rl;
	readline_init(&mon->rl, HMP_PROMPT, &mon->out);
	mon->rl.complete = hmp_complete;
	mon->rl.opaque = &mon->ctx;
	ret = chardev_attach(chr, &front, err);
	if (ret < 0) {
		free(mon);
		return ret;
	}
	while (*tail)
		tail = &(*tail)->next;
	*tail = mon;
	return 0;
}

static void free_monitor(struct monitor *mon)
{
	flush(mon);
	chardev_detach(mon->chr, mon);
	loop_cancel(mon->set->vm->loop, &mon->work);
	loop_timer_disarm(&mon->timer);
	jsonstream_reset(&mon->json);
	qmp_forget(mon);
	hmp_forget(mon);
	readline_free(&mon->rl);
	strbuf_free(&mon->out);
	free(mon);
}

bool monitors_any(const struct monitors *set)
{
	return set->first;
}

void monitors_free(struct monitors *set)
{
	if (!set)
		return;
	set->vm->on_event = NULL;
	monitors_forget_events(set);
	net_registry_on_progress(set->vm->nets, NULL, NULL);
	gdb_free(set->gdb);
	mon_close_fds(set);
	while (set->first) {
		struct monitor *mon = set->first;

		set->first = mon->next;
		free_monitor(mon);
	}
	free(set);
}

int monitors_set_gdb(struct monitors *set, const char *dev, struct err *err)
{
	if (set->gdb && gdb_is_busy(set->gdb))
		return err_set(err, EBUSY, "not while the debugger itself asks for it");
	if (set->gdb)
		gdb_let_go(set->gdb);
	gdb_free(set->gdb);
	set->gdb = NULL;
	if (!strcmp(dev, "none"))
		return 0;
	set->gdb = gdb_new(set, dev, err);
	return set->gdb ? 0 : -err->code;
}

/* ---- the command line ---- */

/* "mon:X" is X with mux=on: the monitor that it stands for is this one. */
static int add_short(struct monitors *set, const char *text, enum monitor_mode mode,
                     bool pretty, const char *option, struct err *err)
{
	struct chardev *chr;
	char id[32];
	int ret;

	if (!strcmp(text, "none"))
		return 0;
	snprintf(id, sizeof(id), "compat_monitor%u", set->compat_count++);
	chr = chardev_create_short(set->vm->chardevs, text, id, err);
	ret = chr ? monitors_add(set, chr, mode, pretty, err) : -err->code;
	if (ret < 0)
		err_prefix(err, "-%s %s", option, text);
	return ret;
}

struct mon_opts {
	char *id; /* of nobody's interest */
	char *chardev;
	int mode;
	bool pretty;
};

static const char *const modes[] = {
	[MONITOR_HMP] = "readline", [MONITOR_QMP] = "control", NULL
};

static const struct opt_desc mon_opts[] = {
	{ .name = "id",
	  .type = OPT_STR,
	  .offset = offsetof(struct mon_opts, id),
	  .help = "a name" },
	{ .name = "chardev",
	  .type = OPT_STR,
	  .offset = offsetof(struct mon_opts, chardev),
	  .help = "the character device" },
	{ .name = "mode",
	  .type = OPT_ENUM,
	  .offset = offsetof(struct mon_opts, mode),
	  OPT_CHOICES(modes, MONITOR_HMP),
	  .help = "for people, or QMP" },
	{ .name = "pretty",
	  .type = OPT_BOOL,
	  .offset = offsetof(struct mon_opts, pretty),
	  .def = "off",
	  .help = "QMP: answers over several lines" },
	{ .name = NULL },
};

static int add_long(struct monitors *set, const char *text, struct err *err)
{
	struct mon_opts o = { 0 };
	struct opt_list opts = { 0 };
	struct chardev *chr = NULL;
	int ret = opt_list_parse(&opts, text, "chardev", err);

	if (ret >= 0)
		ret = opts_apply(mon_opts, &opts, &o, "-mon", err);
	if (ret >= 0 && !o.chardev)
		ret = err_usage(err, "-mon: chardev= is missing: which one?");
	if (ret >= 0) {
		chr = chardev_find(set->vm->chardevs, o.chardev);
		ret = chr ? monitors_add(set, chr, o.mode, o.pretty, err)
		          : err_usage(err,
		                      "-mon: there is no chardev '%s'; define it with "
		                      "-chardev BACKEND,id=%s",
		                      o.chardev, o.chardev);
	}
	opts_free(mon_opts, &o);
	opt_list_free(&opts);
	return ret;
}

int monitors_add_all(struct monitors *set, const struct vm_config *config,
                     struct err *err)
{
	struct chardev *chr = NULL;
	int ret = 0;

	while (ret >= 0 && (chr = chardev_next(set->vm->chardevs, chr)))
		if (chardev_wants_monitor(chr))
			ret = monitors_add(set, chr, MONITOR_HMP, false, err);
	for (unsigned i = 0; i < config->mons.count && ret >= 0; i++)
		ret = add_long(set, config->mons.items[i], err);
	for (unsigned i = 0; i < config->monitors.count && ret >= 0; i++)
		ret = add_short(set, config->monitors.items[i], MONITOR_HMP, false,
		                "monitor", err);
	for (unsigned i = 0; i < config->qmps.count && ret >= 0; i++)
		ret = add_short(set, config->qmps.items[i], MONITOR_QMP, false, "qmp",
		                err);
	for (unsigned i = 0; i < config->pretty_qmps.count && ret >= 0; i++)
		ret = add_short(set, config->pretty_qmps.items[i], MONITOR_QMP, true,
		                "qmp-pretty", err);
	if (ret >= 0 && config->gdb)
		ret = monitors_set_gdb(set, config->gdb, err);
	return ret;
}
