/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Parameters of the modules that guests depend on. */
#ifndef PROBE_PARAM_H
#define PROBE_PARAM_H

#include "probe/facts.h"

struct param_name {
	const char *module, *name;
};

/* By enum kvm_param. */
extern const struct param_name param_names[PARAM_COUNT];

/* Fills params (zeroed by the caller). */
void params_gather(const struct sysroot *root, struct param_facts *params);
/* 1, 0, or -1 when the parameter is unknown or no switch. */
int param_switch(const struct param_facts *params, enum kvm_param param);

#endif
