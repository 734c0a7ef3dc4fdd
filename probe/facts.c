// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Gathers all facts of a host in one pass. On a captured root, what only instructions and
 * ioctls can tell comes from kvmkit/kvm.json: the sections "user", "kvm", "trial",
 * "nodes" and "limits" of a report's "facts", or a whole report (see
 * tests/roots/README.md).
 */
#include "probe/facts.h"

#include "common/cleanup.h"
#include "probe/cpu.h"
#include "probe/factfield.h"
#include "probe/host.h"
#include "probe/iommu.h"
#include "probe/kvmcap.h"
#include "probe/memory.h"
#include "probe/module.h"
#include "probe/param.h"
#include "probe/pcidev.h"
#include "probe/power.h"
#include "probe/security.h"
#include "probe/system.h"
#include "probe/trial.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define CAPTURE "kvmkit/kvm.json"

static int load_capture(const struct sysroot *root, struct facts *facts, struct err *err)
{
	_cleanup_free_ char *text = NULL;
	json_error_t where;
	json_t *object, *report;
	int ret = sysroot_read(root, CAPTURE, 256 * 1024, &text);

	if (ret == -ENOENT)
		return 0;
	if (ret < 0)
		return err_sys(err, -ret, "cannot read %s", CAPTURE);
	object = json_loads(text, JSON_REJECT_DUPLICATES, &where);
	if (!object)
		return err_set(err, EINVAL, "%s, line %d: %s", CAPTURE, where.line,
		               where.text);
	report = json_object_get(object, "facts");
	ret = facts_from_json(facts, report ? report : object, false, err);
	if (ret < 0)
		err_prefix(err, CAPTURE);
	json_decref(object);
	return ret;
}

static void gather_kvm(const struct sysroot *root, const struct gather_options *options,
                       struct facts *facts)
{
	_cleanup_close_ int fd = kvm_gather(root, &facts->kvm);

	if (fd >= 0 && !facts->kvm.vcpu_err && options->trial)
		trial_run(fd, &facts->trial);
	else if (root->live)
		snprintf(facts->trial.why, sizeof(facts->trial.why), "%s",
		         options->trial ? "no vCPU could be created" : "--no-trial");
}

/* What files say, on live and captured roots alike. */
static void gather_files(const struct sysroot *root, const char *cmdline,
                         struct facts *facts)
{
	const char *kernel = facts->host.kernel;

	modules_gather(root, kernel, cmdline, &facts->modules);
	iommu_gather(root, kernel, cmdline, &facts->iommu);
	params_gather(root, &facts->params);
	memory_gather(root, cmdline, &facts->memory, &facts->numa);
	power_gather(root, kernel, cmdline, &facts->power);
	security_gather(root, &facts->security);
	system_gather(root, cmdline, &facts->system);
	vfio_gather(root, kernel, facts->modules.vfio_ids, &facts->vfio);
}

int facts_gather(const struct sysroot *root, const struct gather_options *options,
                 struct facts *facts, struct err *err)
{
	_cleanup_free_ char *cmdline = NULL;
	const char *params;
	int ret;

	memset(facts, 0, sizeof(*facts));
	facts->user = (struct user_facts){ .uid = -1,
		                           .in_node_group = -1,
		                           .listed_in_group = -1 };
	host_gather(root, &facts->host);
	if (sysroot_read_head(root, "proc/cmdline", 16384, &cmdline) < 0)
		cmdline = NULL;
	params = cmdline ? cmdline : "";
	ret = cpu_gather(root, &facts->cpu, err);
	if (ret < 0)
		return ret;
	gather_files(root, params, facts);
	gather_kvm(root, options, facts);
	nodes_gather(root, &facts->nodes, &facts->limits);
	if (!root->live)
		ret = load_capture(root, facts, err);
	if (ret < 0)
		return ret;
	user_gather(root, facts->kvm.node_err ? -1 : (int64_t)facts->kvm.node_gid,
	            &facts->user);
	return 0;
}
