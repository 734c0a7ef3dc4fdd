// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Module parameters, read where the kernel shows them: what was asked for in modprobe.d
 * may have been refused. Some can be read by root alone; they stay unknown to others.
 */
#include "probe/param.h"

#include <stdio.h>
#include <string.h>

const struct param_name param_names[PARAM_COUNT] = {
#define ROW(module, name) { #module, #name },
	KVM_PARAMS(ROW)
#undef ROW
};

void params_gather(const struct sysroot *root, struct param_facts *params)
{
	for (unsigned i = 0; i < PARAM_COUNT; i++) {
		char path[128];

		snprintf(path, sizeof(path), "sys/module/%s/parameters/%s",
		         param_names[i].module, param_names[i].name);
		sysroot_line(root, path, params->value[i], sizeof(params->value[i]));
	}
}

int param_switch(const struct param_facts *params, enum kvm_param param)
{
	const char *v = params->value[param];

	if (!strcmp(v, "Y") || !strcmp(v, "1"))
		return 1;
	return !strcmp(v, "N") || !strcmp(v, "0") ? 0 : -1;
}
