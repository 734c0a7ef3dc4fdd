/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Programs that run beside vmm: helpers, and scripts of the user.
 *
 * Once a guest runs its process can execute nothing (vmm/main/sandbox.h), yet a helper
 * that died is replaced and a script runs at the end. A spawner is a process that was
 * forked before, knows nothing of the guest and starts what was agreed on until then,
 * with the arguments of then or with more that a function of then takes. What it starts
 * is the caller's child all the same.
 */
#ifndef COMMON_SPAWN_H
#define COMMON_SPAWN_H

#include "common/err.h"

#include <stdbool.h>
#include <sys/types.h>

struct spawner;

enum {
	SPAWN_FIRST_FD = 3, /* what the first of the descriptors is in the program */
	SPAWN_MAX_FDS = 4,
	SPAWN_MAX_ARGS = 64,
};

enum spawn_kind {
	SPAWN_HELPER, /* a process group of its own, /dev/null as input and output */
	SPAWN_SCRIPT, /* as a shell would start it */
};

struct spawn_plan {
	enum spawn_kind kind;
	const char *path;  /* absolute */
	char *const *argv; /* ends with NULL */
	const int *fds;    /* appear in the program from SPAWN_FIRST_FD on */
	unsigned fd_count;
};

struct spawned {
	pid_t pid; /* 0: none */
	int pidfd; /* readable once it ended */
};

typedef int spawner_prepare_fn(void *opaque, struct err *err);
/* Whether these arguments, which end with NULL, may come behind those that were agreed
 * on. Runs in the spawner; whoever asks may be an intruder. */
typedef bool spawner_admit_fn(char *const *args);
/* Opens what these words, which end with NULL, name: a descriptor or -errno. known: they
 * were agreed on, or opened before. Runs in the spawner as well. */
typedef int spawner_open_fn(char *const *words, bool known);

struct spawner_config {
	spawner_prepare_fn *prepare; /* to give up privileges; NULL: it keeps them */
	void *opaque;
	spawner_admit_fn *admit; /* of spawn_allow_more(); NULL: none */
	spawner_open_fn *open;   /* of spawn_open(); NULL: none */
	/* Of a process that leaves its caller's terminal: helpers have no standard error,
	 * and from the seal on nothing that was the caller's is held. */
	bool background;
};

/* Forks the process, which ends when the result is freed or this process ends, however.
 * Before other threads run, and best while this process is small. NULL with a sentence,
 * also that of prepare(). */
struct spawner *spawner_new(const struct spawner_config *config, struct err *err);
/* Accepts NULL. */
void spawner_free(struct spawner *s);

/* Agrees on a plan without starting it (its descriptors do not count); a plan that is
 * started before spawner_seal() is agreed on as well. s NULL: nothing to do. 0 or -errno
 * with a sentence. */
int spawn_allow(struct spawner *s, const struct spawn_plan *plan, struct err *err);
/* Agrees on all plans that start as this one does and go on with arguments that
 * config->admit takes. */
int spawn_allow_more(struct spawner *s, const struct spawn_plan *plan, struct err *err);
/* Agrees on words of spawn_open(). s NULL: nothing to do. 0 or -errno with a sentence. */
int spawn_allow_open(struct spawner *s, char *const *words, struct err *err);
/* From now on only what was agreed on is started; scripts: at all; elevate: with the
 * right to gain privileges by their execve (sudo); open: spawn_open() goes on. NULL:
 * nothing to do. */
void spawner_seal(struct spawner *s, bool scripts, bool elevate, bool open);
/* The descriptor that config->open has for these words, or -errno: -EPERM without a
 * spawner (NULL), or when it may not any more. */
int spawn_open(struct spawner *s, char *const *words);

/* Starts it, without a spawner (NULL) from this process. -errno with a sentence, -EPERM
 * when it was not agreed on. */
int spawn_start(struct spawner *s, const struct spawn_plan *plan, struct spawned *child,
                struct err *err);
void spawn_kill(const struct spawned *child);
/* Waits for its end and forgets it; its status as of waitpid(), or -1. */
int spawn_wait(struct spawned *child);

#endif
