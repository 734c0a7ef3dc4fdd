/* SPDX-License-Identifier: GPL-2.0-or-later */
/* --load: modules that guests need into the running kernel, with parameters. */
#ifndef PROBE_LOAD_H
#define PROBE_LOAD_H

#include "common/err.h"
#include "common/strbuf.h"
#include "probe/facts.h"

#define LOAD_PARAMS_MAX 16

struct load_param {
	enum module_id module;
	char text[64]; /* "nested=1" */
};

/* What was asked for besides KVM itself. */
struct load_request {
	bool module[MODULE_COUNT];
	unsigned params;
	struct load_param param[LOAD_PARAMS_MAX];
};

/* The values of --modules ("vhost_net,tun") and --param ("kvm_intel.nested=1,..."); each
 * may be NULL. Fills request (zeroed here). -EINVAL with a sentence of usage. */
int load_request_parse(const char *modules, const char *params,
                       struct load_request *request, struct err *err);

/*
 * Loads kvm and the module of this CPU, then the others of the request, with their
 * dependencies, as modprobe would. facts come from the same host and decide which module;
 * what modprobe.d blacklists is refused. A module that is there already is fine when it
 * has the wanted parameters. Adds the names that are now loaded to *done, separated by
 * ", ". 0, or -errno with a sentence that ends in the remedy; what was loaded before
 * stays.
 */
int load_modules(const struct facts *facts, const struct load_request *request,
                 struct strbuf *done, struct err *err);

/* The modules of a request as modules-load.d(5) wants them, and its parameters as
 * modprobe.d(5) does; either may stay empty. -errno with a sentence without VMX and SVM.
 */
int load_lines(const struct facts *facts, const struct load_request *request,
               struct strbuf *modules, struct strbuf *options, struct err *err);

#endif
