// SPDX-License-Identifier: GPL-2.0-or-later
/* vmm: parse, build, run. The only place of the program that prints errors and exits. */
#include "common/cleanup.h"
#include "common/log.h"
#include "vmm/machine/pc.h"
#include "vmm/main/cli.h"
#include "vmm/main/host.h"
#include "vmm/main/process.h"
#include "vmm/monitor/monitor.h"

#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>

enum { EXIT_USAGE = 2 };

static int complain(const struct err *err)
{
	log_error("%s", err->text);
	return err->usage ? EXIT_USAGE : EXIT_FAILURE;
}

static int run(const struct vm_config *config)
{
	struct err err = { 0 };
	struct monitors *monitors;
	int status, ready = -1;
	struct pc *pc;

	if (config->daemonize && (ready = process_daemonize(&err)) < 0)
		return complain(&err);
	if (config->pidfile && process_write_pidfile(config->pidfile, &err) < 0)
		return complain(&err);
	if (config->process)
		prctl(PR_SET_NAME, config->process);
	pc = pc_new(config, NULL, &err);
	if (!pc) {
		host_explain(config, &err);
		process_remove_pidfile(config->pidfile);
		return complain(&err);
	}
	monitors = monitors_new(pc, &err);
	if (!monitors || monitors_add_all(monitors, config, &err) < 0 ||
	    (config->mem_lock && process_lock_memory(&err) < 0) ||
	    (config->runas && process_become(config->runas, &err) < 0) ||
	    pc_start(pc, &err) < 0) {
		status = complain(&err);
	} else {
		host_warn(config);
		if (ready >= 0)
			process_ready(ready);
		status = pc_run(pc);
	}
	monitors_free(monitors);
	pc_free(pc);
	process_remove_pidfile(config->pidfile);
	return status;
}

int main(int argc, char **argv)
{
	_cleanup_strbuf_ struct strbuf out = { 0 };
	struct vm_config config;
	enum cli_result result;
	struct err err = { 0 };
	int status;

	log_init("vmm");
	/* One heap: a vCPU thread allocates too rarely to deserve an arena of its own. */
	mallopt(M_ARENA_MAX, 1);
	signal(SIGPIPE, SIG_IGN);
	config_init(&config);
	if (cli_parse(argc, argv, &config, &out, &result, &err) < 0) {
		status = complain(&err);
	} else if (result == CLI_DONE) {
		fputs(out.data ? out.data : "", stdout);
		status = fflush(stdout) ? EXIT_FAILURE : EXIT_SUCCESS;
	} else {
		status = run(&config);
	}
	config_free(&config);
	return status;
}
