/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One run of kvm-assign: the host as it was found, what the user chose, and what is to be
 * printed in the end. */
#ifndef PASSTHROUGH_APP_H
#define PASSTHROUGH_APP_H

#include "common/strbuf.h"
#include "passthrough/assigned.h"
#include "passthrough/cli.h"
#include "passthrough/nic.h"
#include "passthrough/safety.h"

struct pci_access;

struct app {
	struct cli cli;
	struct sysroot root;
	const char *dir; /* of assigned.json */
	struct pci_functions functions;
	bool *chosen; /* by the user; a flag for each function */
	struct holders holders;
	struct situation situation;
	char ssh_peer[NIC_PEER_SIZE];
	struct pci_access *names;
	struct strbuf out; /* for standard output, unless --json */
	struct strbuf
		complaints; /* lines for standard error, without the program's name */
	json_t *json;       /* for standard output with --json */
};

/* Opens the root and reads the host. The caller calls app_close(), also after a failure.
 */
int app_open(struct app *app, struct err *err);
void app_close(struct app *app);

/* Reads the functions and their holders anew, after a change; none is chosen then. */
int app_refresh(struct app *app, struct err *err);
/* Marks the functions that the first `count` words of the command name. */
int app_choose(struct app *app, unsigned count, struct err *err);
struct pci_function *app_function(struct app *app, const struct pci_address *address);

/* Names from pci.ids, "" unknown. */
void app_name(struct app *app, const struct pci_function *f, char *name, char *class);

/* Adds a line to the complaints for each finding that refuses and is not forced; true
 * when there is one. */
bool app_refused(struct app *app, const struct pci_function *f,
                 const struct findings *findings);
/* The same for findings that only warn, or were forced. */
void app_warn(struct app *app, const struct pci_function *f,
              const struct findings *findings);
json_t *app_findings_json(const struct findings *findings);

/* The commands: 0, or -errno with a sentence; what was refused in complaints is -EPERM
 * with err not set. */
int command_list(struct app *app, struct err *err);
int command_show(struct app *app, struct err *err);
int command_group(struct app *app, struct err *err);
int command_status(struct app *app, struct err *err);
int command_bind(struct app *app, struct err *err);
int command_release(struct app *app, struct err *err);
int command_recover(struct app *app, struct err *err);
int command_sriov(struct app *app, struct err *err);
int command_persist(struct app *app, struct err *err);
int command_unpersist(struct app *app, struct err *err);
int command_limits(struct app *app, struct err *err);

#endif
