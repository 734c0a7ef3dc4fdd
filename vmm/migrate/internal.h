/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between the two ends (source.c, incoming.c) and what they share (migrate.c). */
#ifndef VMM_MIGRATE_INTERNAL_H
#define VMM_MIGRATE_INTERNAL_H

#include "common/strbuf.h"
#include "vmm/core/vm.h"
#include "vmm/loop/loop.h"
#include "vmm/migrate/channel.h"
#include "vmm/migrate/migrate.h"
#include "vmm/migrate/ram.h"

#include <pthread.h>

/* The states of one device each. */
struct saved_states {
	struct strbuf *sections;
	unsigned count;
	uint64_t bytes; /* of those that came in */
};

struct migration {
	struct pc *pc;
	struct vm *vm;
	struct migration_params params; /* atomic members */
	bool events;
	/* one move, in or out; the rest is of the latest one */
	enum migration_status status; /* machine lock, or atomic read */
	bool incoming;
	struct channel *channel;
	pthread_t thread;
	bool started; /* the thread is to be joined */
	bool gone;    /* the far end was told to run it; the thread's */
	struct err err;
	uint64_t began, ended, stopped, downtime, setup; /* ns; loop_now() */
	uint64_t bandwidth;  /* bytes a second, measured; atomic */
	uint64_t rate;       /* the same of the last pass; the thread's */
	uint64_t expected;   /* ms that what is left takes; atomic */
	uint64_t dirty_rate; /* pages a second that the guest writes to; atomic */
	uint64_t synced;     /* when that was seen; ns */
	uint64_t precopied;  /* bytes that were sent when it stopped */
	struct ram_source *ram;
	struct ram_totals totals;
	uint64_t sent;
	struct strbuf config;
	struct saved_states states;
	enum vm_runstate was; /* before it was stopped; of the machine that came in */
	/* A call in the main loop that the thread waits for. */
	struct loop_work work;
	pthread_mutex_t lock;
	pthread_cond_t done;
	int (*call)(struct migration *m, struct err *err);
	struct err *call_err;
	int call_ret;
	bool called, quits;
	/* Who waits for the end. */
	void (*on_end)(void *opaque);
	void *end_opaque;
};

/* Thread of the move: runs fn in the main loop's, at the top of a callback, with the
 * machine lock. What it returns; -ECANCELED when the machine ends. */
int migration_call(struct migration *m, int (*fn)(struct migration *m, struct err *err),
                   struct err *err);
/* Machine lock. */
void migration_set_status(struct migration *m, enum migration_status status);
/* Begins a move with that channel, which is m's from now on; fn is the thread. The last
 * one is over. -errno with a sentence. */
int migration_begin(struct migration *m, struct channel *channel, void *(*fn)(void *m),
                    struct err *err);
/* Machine lock: the end of a move. err NULL: of a good one. */
void migration_end(struct migration *m, enum migration_status status,
                   const struct err *err);

/* source.c and incoming.c: the threads. */
void *migration_source(void *m);
void *migration_destination(void *m);

/* incoming.c: the whole machine but for its state, from m->channel into memory and
 * m->states; disks may be others. Machine lock. */
int incoming_read(struct migration *m, struct err *err);

/* state.c: all devices, which are quiesced. Machine lock; -errno with a sentence. */
int states_save(struct vm *vm, struct saved_states *states, struct err *err);
/* Each device once, each section one of a device. */
int states_load(struct vm *vm, const struct saved_states *states, struct err *err);
void states_free(struct saved_states *states);

#endif
