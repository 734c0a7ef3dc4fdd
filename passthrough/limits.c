// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Limits of guests with devices. VFIO pins guest RAM as a whole, because a device may
 * write anywhere in it, and charges it to RLIMIT_MEMLOCK of the process; "VFIO_MAP_DMA:
 * Cannot allocate memory" is what a guest says that lacks it.
 */
#include "passthrough/limits.h"

#include "common/cleanup.h"
#include "common/opts.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

enum { CAP_IPC_LOCK_BIT = 14 };

static uint64_t kilobytes(const char *meminfo, const char *key)
{
	const char *at = strstr(meminfo, key);
	char digits[24];
	uint64_t value;

	if (!at)
		return 0;
	at += strlen(key);
	at += strspn(at, " ");
	snprintf(digits, sizeof(digits), "%.*s", (int)strspn(at, "0123456789"), at);
	return opt_parse_u64(digits, &value) < 0 ? 0 : value << 10;
}

static uint64_t number(const struct sysroot *root, const char *path)
{
	char line[32];
	uint64_t value;

	sysroot_line(root, path, line, sizeof(line));
	return *line && !opt_parse_u64(line, &value) ? value : 0;
}

static bool has_ipc_lock(const struct sysroot *root)
{
	_cleanup_free_ char *status = NULL;
	const char *at;
	char digits[20];
	uint64_t caps;

	if (sysroot_read(root, "proc/self/status", 1 << 16, &status) < 0)
		return false;
	at = strstr(status, "CapEff:\t");
	if (!at)
		return false;
	snprintf(digits, sizeof(digits), "%.16s", at + 8);
	return !opt_parse_hex(digits, &caps) && caps >> CAP_IPC_LOCK_BIT & 1;
}

void limits_read(const struct sysroot *root, struct limits *limits)
{
	_cleanup_free_ char *meminfo = NULL;
	struct rlimit locked = { RLIM_INFINITY, RLIM_INFINITY };

	getrlimit(RLIMIT_MEMLOCK, &locked);
	*limits = (struct limits){
		.locked_soft =
			locked.rlim_cur == RLIM_INFINITY ? UINT64_MAX : locked.rlim_cur,
		.locked_hard =
			locked.rlim_max == RLIM_INFINITY ? UINT64_MAX : locked.rlim_max,
		.exempt = has_ipc_lock(root),
		.entries = number(
			root, "sys/module/vfio_iommu_type1/parameters/dma_entry_limit"),
		.maps = number(root, "proc/sys/vm/max_map_count"),
	};
	if (!sysroot_read(root, "proc/meminfo", 1 << 16, &meminfo)) {
		limits->total = kilobytes(meminfo, "MemTotal:");
		limits->available = kilobytes(meminfo, "MemAvailable:");
	}
}

enum limits_verdict limits_judge(const struct limits *limits, uint64_t ram)
{
	uint64_t need = ram + LIMITS_BESIDES;

	if (need < ram || (limits->total && need > limits->total))
		return LIMITS_NO_MEMORY;
	if (limits->exempt || need <= limits->locked_soft)
		return LIMITS_FIT;
	return need <= limits->locked_hard ? LIMITS_RAISE_SOFT : LIMITS_RAISE_HARD;
}
