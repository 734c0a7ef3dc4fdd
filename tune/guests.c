// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Finding guests by what they hold open: a descriptor of a VM is a link to
 * "anon_inode:kvm-vm". A process that ends while it is looked at is no guest.
 */
#include "tune/guests.h"

#include "common/cleanup.h"
#include "common/opts.h"
#include "tune/facts.h"
#include "tune/hostfile.h"

#include <errno.h>
#include <string.h>

#define VM_LINK "anon_inode:kvm-vm"

/* How many VMs the process has open, or -errno. */
static int count_vms(const struct sysroot *root, const char *pid)
{
	char path[320], target[64];
	struct names names;
	int count = 0, ret;

	snprintf(path, sizeof(path), "proc/%s/fd", pid);
	ret = sysroot_list(root, path, &names);
	for (unsigned i = 0; i < names.count; i++) {
		snprintf(path, sizeof(path), "proc/%s/fd/%s", pid, names.name[i]);
		if (!sysroot_link(root, path, target, sizeof(target)))
			count += !strcmp(target, VM_LINK);
	}
	names_free(&names);
	return ret < 0 ? ret : count;
}

static void read_profit(const char *stat, struct guest *guest)
{
	const char *at = strstr(stat, "ksm_process_profit ");
	uint64_t value;
	char digits[24];

	if (!at)
		return;
	at += strlen("ksm_process_profit ");
	snprintf(digits, sizeof(digits), "%.*s",
	         (int)strspn(at + (*at == '-'), "0123456789"), at + (*at == '-'));
	if (opt_parse_u64(digits, &value) < 0 || value > INT64_MAX)
		return;
	guest->has_profit = true;
	guest->profit = *at == '-' ? -(int64_t)value : (int64_t)value;
}

static void describe(const struct sysroot *root, const char *pid, struct guest *guest)
{
	_cleanup_free_ char *status = NULL, *stat = NULL;
	char path[300];

	snprintf(path, sizeof(path), "proc/%s/comm", pid);
	sysroot_line(root, path, guest->name, sizeof(guest->name));
	snprintf(path, sizeof(path), "proc/%s/status", pid);
	if (!sysroot_read(root, path, HOSTFILE_MAX, &status))
		guest->bytes = facts_field(status, "VmRSS") +
		               facts_field(status, "VmSwap") +
		               facts_field(status, "HugetlbPages");
	snprintf(path, sizeof(path), "proc/%s/ksm_merging_pages", pid);
	guest->has_ksm = !facts_number(root, path, &guest->merged);
	snprintf(path, sizeof(path), "proc/%s/ksm_stat", pid);
	if (!sysroot_read(root, path, HOSTFILE_MAX, &stat))
		read_profit(stat, guest);
}

int guests_gather(const struct sysroot *root, struct guests *guests)
{
	struct names names;
	int ret = sysroot_list(root, "proc", &names);

	*guests = (struct guests){ 0 };
	for (unsigned i = 0; i < names.count && !ret; i++) {
		struct guest *grown, guest = { 0 };
		int vms;

		if (opt_parse_u64(names.name[i], &guest.pid) < 0)
			continue;
		vms = count_vms(root, names.name[i]);
		guests->unreadable += vms == -EACCES || vms == -EPERM;
		if (vms <= 0)
			continue;
		grown = realloc(guests->list, (guests->count + 1) * sizeof(*grown));
		if (!grown) {
			ret = -ENOMEM;
			break;
		}
		guest.vms = vms;
		describe(root, names.name[i], &guest);
		guests->list = grown;
		grown[guests->count++] = guest;
		guests->bytes += guest.bytes;
	}
	names_free(&names);
	return ret;
}

void guests_free(struct guests *guests)
{
	free(guests->list);
	*guests = (struct guests){ 0 };
}
