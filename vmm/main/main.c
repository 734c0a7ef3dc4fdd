// SPDX-License-Identifier: GPL-2.0-or-later
/* vmm: parse, build, run. The only place of the program that prints errors and exits. */
#include "common/cleanup.h"
#include "common/fdio.h"
#include "common/log.h"
#include "common/process.h"
#include "common/spawn.h"
#include "vmm/block/block.h"
#include "vmm/machine/control.h"
#include "vmm/machine/pc.h"
#include "vmm/main/cli.h"
#include "vmm/main/host.h"
#include "vmm/main/sandbox.h"
#include "vmm/migrate/migrate.h"
#include "vmm/migrate/snapshot.h"
#include "vmm/monitor/monitor.h"
#include "vmm/net/net.h"

#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

enum { EXIT_USAGE = 2 };

/* ---- what the configuration asks for later ---- */

static bool any_has(const struct str_list *list, const char *word)
{
	for (unsigned i = 0; i < list->count; i++)
		if (strstr(list->items[i], word))
			return true;
	return false;
}

/* A monitor may add networks. */
static bool has_monitor(const struct vm_config *config)
{
	return config_has_monitor(config) || any_has(&config->serials, "mon:");
}

/* Whether programs may have to be started while the guest runs: helpers of networks and
 * of the screen, scripts of taps. */
static bool starts_programs(const struct vm_config *config)
{
	bool net = config->netdevs.count || config->nics.count || config->nets.count;

	return config->vnc || net || has_monitor(config) ||
	       (!config->nodefaults && net_user_installed());
}

static bool connects_again(const struct vm_config *config)
{
	return any_has(&config->chardevs, "reconnect") ||
	       any_has(&config->serials, "reconnect") ||
	       any_has(&config->netdevs, "reconnect") ||
	       any_has(&config->nics, "reconnect") || any_has(&config->nets, "reconnect");
}

/* ---- the process ---- */

static int complain(const struct err *err)
{
	log_error("%s", err->text);
	return err->usage ? EXIT_USAGE : EXIT_FAILURE;
}

/* What must be made before the machine, and outlives it. */
struct setting {
	struct daemon daemon;
	struct spawner *spawner;
	int pidfile; /* -1: none */
};

static int become(void *user, struct err *err)
{
	return process_become(user, err);
}

static int prepare(struct setting *s, const struct vm_config *config, struct err *err)
{
	const struct spawner_config spawner = {
		.prepare = config->runas ? become : NULL,
		.opaque = config->runas,
		.admit = net_user_admits,
		.open = net_tap_serve,
		.background = config->daemonize,
	};
	int ret = config->daemonize ? process_daemonize(&s->daemon, err) : 0;

	if (ret >= 0 && !config->no_sandbox && starts_programs(config)) {
		s->spawner = spawner_new(&spawner, err);
		ret = s->spawner ? 0 : -err->code;
	}
	if (ret >= 0 && config->pidfile) {
		s->pidfile = process_write_pidfile(config->pidfile, err);
		ret = s->pidfile < 0 ? s->pidfile : 0;
	}
	if (config->process)
		prctl(PR_SET_NAME, config->process);
	return ret;
}

/* The last thing that this process does with all of its rights. */
static int confine(const struct setting *s, const struct vm_config *config,
                   const struct monitors *monitors, struct vm *vm, struct err *err)
{
	const struct sandbox_needs needs = {
		.files = monitors_any(monitors),
		.sockets = monitors_any(monitors) || connects_again(config),
		.pidfile = config->pidfile,
	};

	if (config->runas && process_become(config->runas, err) < 0)
		return -err->code;
	if (s->spawner && monitors_any(monitors) && net_user_allow(vm->nets, err) < 0)
		return -err->code;
	spawner_seal(s->spawner, !config->no_scripts, !config->no_elevation,
	             monitors_any(monitors));
	if (config->no_sandbox)
		return 0;
	vm->confined = true;
	net_registry_confine(vm->nets);
	block_registry_ready(vm->blocks);
	return sandbox_enter(&needs, err);
}

static int load_saved(struct pc *pc, const char *tag, struct err *err)
{
	int ret;

	vm_lock(pc_vm(pc));
	ret = snapshot_load(pc, tag, err);
	vm_unlock(pc_vm(pc));
	if (ret < 0)
		err_prefix(err, "-loadvm");
	return ret;
}

static int inherit(struct monitors *monitors, const struct vm_config *config,
                   struct err *err)
{
	int ret = 0;

	for (unsigned i = 0; i < config->late_count && ret >= 0; i++)
		ret = monitors_inherit(monitors, config->late_fds[i], err);
	return ret;
}

static int run_machine(const struct setting *s, const struct vm_config *config)
{
	struct err err = { 0 };
	struct pc *pc = pc_new(config, s->spawner, &err);
	struct monitors *monitors;
	int status;

	if (!pc) {
		host_explain(config, &err);
		return complain(&err);
	}
	monitors = monitors_new(pc, &err);
	host_warn(config);
	if (!monitors || inherit(monitors, config, &err) < 0 ||
	    monitors_add_all(monitors, config, &err) < 0 ||
	    (config->mem_lock && process_lock_memory(&err) < 0) ||
	    (config->incoming && migration_prepare(pc, config->incoming, &err) < 0) ||
	    confine(s, config, monitors, pc_vm(pc), &err) < 0 ||
	    (config->loadvm && load_saved(pc, config->loadvm, &err) < 0) ||
	    pc_start(pc, &err) < 0 ||
	    (config->incoming && migration_expect(pc, &err) < 0)) {
		status = complain(&err);
	} else {
		process_ready(&s->daemon);
		status = pc_run(pc);
	}
	migration_free(pc);
	monitors_free(monitors);
	pc_free(pc);
	return status;
}

static int run(const struct vm_config *config)
{
	struct setting s = { .daemon = { -1, -1 }, .pidfile = -1 };
	struct err err = { 0 };
	int status;

	status = prepare(&s, config, &err) < 0 ? complain(&err) : run_machine(&s, config);
	spawner_free(s.spawner);
	process_remove_pidfile(config->pidfile, s.pidfile);
	return status;
}

/* What a monitor may name later. */
static void keep_late(struct vm_config *config)
{
	if (!config->incoming || strcmp(config->incoming, "defer"))
		return;
	config->late_count =
		process_list_inherited(config->keep_fds, config->keep_count,
	                               config->late_fds, CONFIG_FDS - config->keep_count);
	for (unsigned i = 0; i < config->late_count; i++)
		config->keep_fds[config->keep_count++] = config->late_fds[i];
}

int main(int argc, char **argv)
{
	_cleanup_strbuf_ struct strbuf out = { 0 };
	struct vm_config config;
	enum cli_result result;
	struct err err = { 0 };
	int status;

	fd_reserve_std();
	log_init("vmm");
	/* One heap: a vCPU thread allocates too rarely to deserve an arena of its own. */
	mallopt(M_ARENA_MAX, 1);
	signal(SIGPIPE, SIG_IGN);
	config_init(&config);
	if (cli_parse(argc, argv, &config, &out, &result, &err) < 0) {
		status = complain(&err);
	} else if (result == CLI_DONE) {
		/* A reader that has seen enough is no error. */
		status = fd_print(&out, &err);
		status = status && status != -EPIPE ? complain(&err) : EXIT_SUCCESS;
	} else {
		config.keep_fds[config.keep_count++] = log_fd();
		keep_late(&config);
		process_close_inherited(config.keep_fds, config.keep_count);
		status = run(&config);
	}
	config_free(&config);
	return status;
}
