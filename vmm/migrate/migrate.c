// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What both ends of a move share: its thread, which calls back into the main loop where
 * the machine is touched; its status; what monitors ask and set.
 */
#include "vmm/migrate/internal.h"

#include "common/log.h"
#include "vmm/core/device.h"
#include "vmm/machine/control.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define MS 1000000ull

const char *const migration_status_names[] = {
	[MIGRATION_NONE] = "none",
	[MIGRATION_SETUP] = "setup",
	[MIGRATION_ACTIVE] = "active",
	[MIGRATION_DEVICE] = "device",
	[MIGRATION_CANCELLING] = "cancelling",
	[MIGRATION_CANCELLED] = "cancelled",
	[MIGRATION_FAILED] = "failed",
	[MIGRATION_COMPLETED] = "completed",
	NULL,
};

/* As QEMU has them. */
static const struct migration_params defaults = { 128 << 20, 300 };

/* ---- the thread and the main loop ---- */

static void run_call(void *opaque)
{
	struct migration *m = opaque;
	int ret = m->call(m, m->call_err);

	pthread_mutex_lock(&m->lock);
	m->call_ret = ret;
	m->called = true;
	pthread_cond_signal(&m->done);
	pthread_mutex_unlock(&m->lock);
}

int migration_call(struct migration *m, int (*fn)(struct migration *m, struct err *err),
                   struct err *err)
{
	int ret;

	pthread_mutex_lock(&m->lock);
	m->call = fn;
	m->call_err = err;
	m->called = false;
	if (!m->quits)
		loop_post(m->vm->loop, &m->work);
	while (!m->called && !m->quits)
		pthread_cond_wait(&m->done, &m->lock);
	ret = m->called ? m->call_ret : -ECANCELED;
	pthread_mutex_unlock(&m->lock);
	return ret;
}

static struct migration *get(struct pc *pc, struct err *err)
{
	struct vm *vm = pc_vm(pc);
	struct migration *m = vm->migration;

	if (m)
		return m;
	m = calloc(1, sizeof(*m));
	if (!m) {
		err_sys(err, ENOMEM, "migration");
		return NULL;
	}
	m->pc = pc;
	m->vm = vm;
	m->params = defaults;
	m->work = (struct loop_work){ .fn = run_call, .opaque = m };
	pthread_mutex_init(&m->lock, NULL);
	pthread_cond_init(&m->done, NULL);
	vm->migration = m;
	return m;
}

static bool is_busy(const struct migration *m)
{
	return m->status >= MIGRATION_SETUP && m->status <= MIGRATION_CANCELLING;
}

/* Of the last move, which is over. */
static void forget(struct migration *m)
{
	if (m->started)
		pthread_join(m->thread, NULL);
	m->started = false;
	channel_free(m->channel);
	m->channel = NULL;
	states_free(&m->states);
	strbuf_free(&m->config);
	err_clear(&m->err);
}

int migration_begin(struct migration *m, struct channel *channel, void *(*fn)(void *m),
                    struct err *err)
{
	sigset_t all, old;
	int ret;

	m->channel = channel;
	m->gone = false;
	m->began = loop_now();
	m->ended = m->stopped = m->downtime = m->setup = m->sent = m->bandwidth =
		m->rate = 0;
	m->expected = m->dirty_rate = m->synced = m->precopied = 0;
	m->totals = (struct ram_totals){ 0 };
	/* Signals are the main thread's, but for faults of our own and the sandbox's
	 * refusals. */
	sigfillset(&all);
	sigdelset(&all, SIGSEGV);
	sigdelset(&all, SIGBUS);
	sigdelset(&all, SIGABRT);
	sigdelset(&all, SIGSYS);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	ret = pthread_create(&m->thread, NULL, fn, m);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (ret)
		return err_sys(err, ret, "cannot start a thread");
	m->started = true;
	migration_set_status(m, MIGRATION_SETUP);
	return 0;
}

void migration_set_status(struct migration *m, enum migration_status status)
{
	const struct vm_event_field fields[] = {
		{ "status", VM_EVENT_STR, .str = migration_status_names[status] },
		{ .name = NULL },
	};

	m->status = status;
	if (m->events)
		vm_emit(m->vm, "MIGRATION", fields);
}

void migration_end(struct migration *m, enum migration_status status,
                   const struct err *err)
{
	void (*on_end)(void *opaque) = m->on_end;

	m->ended = loop_now();
	m->sent = __atomic_load_n(&m->channel->sent, __ATOMIC_RELAXED);
	/* Who reads at the other end of a pipe waits for its end. A machine that came in
	 * says so to one that can hear it, later. */
	if (!m->incoming || !m->channel->answers)
		channel_close(m->channel);
	if (m->ram)
		ram_source_totals(m->ram, &m->totals);
	ram_source_free(m->ram);
	m->ram = NULL;
	m->vm->moving = false;
	if (err)
		m->err = *err;
	migration_set_status(m, status);
	m->on_end = NULL;
	if (on_end)
		on_end(m->end_opaque);
}

/* ---- for monitors and main ---- */

static int check_devices(const struct vm *vm, struct err *err)
{
	for (const struct device *dev = vm->devices; dev; dev = dev->next) {
		char name[DEVICE_QOM_PATH];

		if (!dev->cls->no_migrate)
			continue;
		device_show_name(dev, name, sizeof(name));
		return err_set(err, ENOTSUP,
		               "%s cannot move: %s; take it out with device_del first",
		               name, dev->cls->no_migrate);
	}
	return 0;
}

static int check_start(struct migration *m, struct err *err)
{
	if (m->vm->runstate == VM_INMIGRATE)
		return err_set(err, EBUSY, "Guest is waiting for an incoming migration");
	if (m->vm->runstate == VM_POSTMIGRATE)
		return err_set(err, EBUSY,
		               "Can't migrate the vm that was paused due to previous "
		               "migration");
	if (is_busy(m))
		return err_set(err, EBUSY, "There's a migration process in progress");
	return check_devices(m->vm, err);
}

int migration_start(struct pc *pc, const char *uri, int fd, struct err *err)
{
	struct migration *m = get(pc, err);
	struct channel *channel;

	if (!m || check_start(m, err) < 0) {
		if (fd >= 0)
			close(fd);
		return -err->code;
	}
	channel = channel_open(uri, fd, false, true, err);
	if (!channel)
		return -err->code;
	forget(m);
	m->incoming = false;
	return migration_begin(m, channel, migration_source, err);
}

bool migration_wait(struct pc *pc, void (*on_end)(void *opaque), void *opaque)
{
	struct migration *m = pc_vm(pc)->migration;

	if (!m || !is_busy(m))
		return false;
	m->on_end = on_end;
	m->end_opaque = opaque;
	return true;
}

void migration_cancel(struct pc *pc)
{
	struct migration *m = pc_vm(pc)->migration;

	if (!m || m->incoming || !is_busy(m))
		return;
	migration_set_status(m, MIGRATION_CANCELLING);
	channel_cancel(m->channel);
}

void migration_get(struct pc *pc, struct migration_info *info)
{
	const struct migration *m = pc_vm(pc)->migration;
	struct ram_totals t;

	*info = (struct migration_info){ .status = MIGRATION_NONE };
	if (!m)
		return;
	t = m->totals;
	if (m->ram)
		ram_source_totals(m->ram, &t);
	*info = (struct migration_info){
		.status = m->status,
		.incoming = m->incoming,
		.ram = !m->incoming && t.total,
		.error = m->err.code ? m->err.text : NULL,
		.total_ms = ((m->ended ? m->ended : loop_now()) - m->began) / MS,
		.downtime_ms = m->downtime / MS,
		.setup_ms = m->setup / MS,
		.expected_ms = __atomic_load_n(&m->expected, __ATOMIC_RELAXED),
		.bandwidth = __atomic_load_n(&m->bandwidth, __ATOMIC_RELAXED),
		.remaining = t.remaining,
		.total = t.total,
		.zero = t.zero,
		.normal = t.normal,
		.passes = t.passes,
	};
	info->pages_rate = (t.zero + t.normal) * 1000 / (info->total_ms + 1);
	info->dirty_rate =
		m->ended ? 0 : __atomic_load_n(&m->dirty_rate, __ATOMIC_RELAXED);
	info->transferred = m->ended || !m->channel ? m->sent
	                                            : __atomic_load_n(&m->channel->sent,
	                                                              __ATOMIC_RELAXED);
	info->rest = m->stopped ? info->transferred - m->precopied : 0;
}

struct migration_params migration_get_params(struct pc *pc)
{
	const struct migration *m = pc_vm(pc)->migration;

	return m ? m->params : defaults;
}

int migration_set_params(struct pc *pc, const struct migration_params *params,
                         struct err *err)
{
	struct migration *m = get(pc, err);

	if (!m)
		return -err->code;
	__atomic_store_n(&m->params.max_bandwidth, params->max_bandwidth,
	                 __ATOMIC_RELAXED);
	__atomic_store_n(&m->params.downtime_limit, params->downtime_limit,
	                 __ATOMIC_RELAXED);
	return 0;
}

bool migration_get_events(struct pc *pc)
{
	return pc_vm(pc)->migration && pc_vm(pc)->migration->events;
}

int migration_set_events(struct pc *pc, bool on, struct err *err)
{
	struct migration *m = get(pc, err);

	if (!m)
		return -err->code;
	m->events = on;
	return 0;
}

/* ---- coming in ---- */

static int open_incoming(struct migration *m, const char *uri, int fd, bool quick,
                         struct err *err)
{
	m->incoming = true;
	m->channel = channel_open(uri, fd, true, quick, err);
	return m->channel ? 0 : -err->code;
}

int migration_prepare(struct pc *pc, const char *uri, struct err *err)
{
	struct migration *m = get(pc, err);
	int ret = m ? 0 : -err->code;

	if (ret >= 0 && strcmp(uri, "defer"))
		ret = open_incoming(m, uri, -1, false, err);
	if (ret < 0)
		err_prefix(err, "-incoming");
	return ret;
}

int migration_expect(struct pc *pc, struct err *err)
{
	struct migration *m = pc_vm(pc)->migration;

	return m->channel ? migration_begin(m, m->channel, migration_destination, err)
	                  : 0;
}

static int check_incoming(struct pc *pc, const struct migration *m, struct err *err)
{
	if (pc_vm(pc)->runstate != VM_INMIGRATE || !m)
		return err_set(err, EINVAL,
		               "'-incoming' was not specified on the command "
		               "line");
	if (m->channel)
		return err_set(err, EBUSY,
		               "The incoming migration has already been "
		               "started");
	return 0;
}

int migration_incoming(struct pc *pc, const char *uri, int fd, struct err *err)
{
	struct migration *m = pc_vm(pc)->migration;
	int ret = check_incoming(pc, m, err);

	if (ret < 0 && fd >= 0)
		close(fd);
	if (ret >= 0)
		ret = open_incoming(m, uri, fd, true, err);
	return ret < 0 ? ret : migration_expect(pc, err);
}

void migration_free(struct pc *pc)
{
	struct migration *m = pc_vm(pc)->migration;

	if (!m)
		return;
	pthread_mutex_lock(&m->lock);
	m->quits = true;
	pthread_cond_signal(&m->done);
	pthread_mutex_unlock(&m->lock);
	if (m->channel)
		channel_cancel(m->channel);
	if (m->started)
		pthread_join(m->thread, NULL);
	m->started = false;
	loop_cancel(m->vm->loop, &m->work);
	ram_source_free(m->ram);
	forget(m);
	pthread_mutex_destroy(&m->lock);
	pthread_cond_destroy(&m->done);
	m->vm->migration = NULL;
	free(m);
}
