// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Gathers all facts of a host in one pass. On a captured root, what only instructions and
 * ioctls can tell comes from kvmkit/kvm.json: the sections "user", "kvm" and "trial" of a
 * report's "facts" (see tests/roots/README.md).
 */
#include "probe/facts.h"

#include "common/cleanup.h"
#include "probe/cpu.h"
#include "probe/factfield.h"
#include "probe/host.h"
#include "probe/iommu.h"
#include "probe/kvmcap.h"
#include "probe/module.h"
#include "probe/trial.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define CAPTURE "kvmkit/kvm.json"

static int load_capture(const struct sysroot *root, struct facts *facts, struct err *err)
{
	_cleanup_free_ char *text = NULL;
	json_error_t where;
	json_t *object;
	int ret = sysroot_read(root, CAPTURE, 256 * 1024, &text);

	if (ret == -ENOENT)
		return 0;
	if (ret < 0)
		return err_sys(err, -ret, "cannot read %s", CAPTURE);
	object = json_loads(text, JSON_REJECT_DUPLICATES, &where);
	if (!object)
		return err_set(err, EINVAL, "%s, line %d: %s", CAPTURE, where.line,
		               where.text);
	ret = facts_from_json(facts, object, err);
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
	modules_gather(root, facts->host.kernel, params, &facts->modules);
	iommu_gather(root, facts->host.kernel, params, &facts->iommu);
	gather_kvm(root, options, facts);
	if (!root->live)
		ret = load_capture(root, facts, err);
	if (ret < 0)
		return ret;
	user_gather(root, facts->kvm.node_err ? -1 : (int64_t)facts->kvm.node_gid,
	            &facts->user);
	return 0;
}
