// SPDX-License-Identifier: GPL-2.0-or-later
/* Reading /sys/kernel/mm/ksm (Documentation/admin-guide/mm/ksm.rst) and ksmd's CPU time.
 */
#include "tune/ksm.h"

#include "common/cleanup.h"
#include "common/opts.h"
#include "tune/facts.h"
#include "tune/hostfile.h"
#include "tune/size.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#define DIR "sys/kernel/mm/ksm/"

static const struct {
	const char *file;
	size_t offset;
} numbers[] = {
	{ "run", offsetof(struct ksm_status, run) },
	{ "pages_shared", offsetof(struct ksm_status, shared) },
	{ "pages_sharing", offsetof(struct ksm_status, sharing) },
	{ "pages_unshared", offsetof(struct ksm_status, unshared) },
	{ "pages_volatile", offsetof(struct ksm_status, volatile_pages) },
	{ "full_scans", offsetof(struct ksm_status, full_scans) },
	{ "ksm_zero_pages", offsetof(struct ksm_status, zero_pages) },
	{ "pages_to_scan", offsetof(struct ksm_status, pages_to_scan) },
	{ "sleep_millisecs", offsetof(struct ksm_status, sleep_millisecs) },
	{ "merge_across_nodes", offsetof(struct ksm_status, merge_across_nodes) },
};

/* utime and stime, the 14th and 15th fields of /proc/PID/stat. */
static bool cpu_time(const char *stat, uint64_t *ms)
{
	const char *at = strrchr(stat, ')');
	uint64_t user, kernel;
	char word[2][24];

	for (unsigned field = 2; at && field < 14; field++)
		at = strchr(at + 1, ' ');
	if (!at || sscanf(at, " %23s %23s", word[0], word[1]) != 2 ||
	    opt_parse_u64(word[0], &user) < 0 || opt_parse_u64(word[1], &kernel) < 0)
		return false;
	*ms = (user + kernel) * 1000 / sysconf(_SC_CLK_TCK);
	return true;
}

/* ksmd is a thread of the kernel, and those have low numbers; it is found by its name. */
static void read_cpu(const struct sysroot *root, struct ksm_status *status)
{
	_cleanup_free_ char *stat = NULL;
	struct names names;
	char path[300], name[32];
	uint64_t pid;

	sysroot_list(root, "proc", &names);
	for (unsigned i = 0; i < names.count && !stat; i++) {
		if (opt_parse_u64(names.name[i], &pid) < 0)
			continue;
		snprintf(path, sizeof(path), "proc/%s/comm", names.name[i]);
		sysroot_line(root, path, name, sizeof(name));
		if (strcmp(name, "ksmd"))
			continue;
		snprintf(path, sizeof(path), "proc/%s/stat", names.name[i]);
		if (!sysroot_read(root, path, HOSTFILE_MAX, &stat))
			status->has_cpu = cpu_time(stat, &status->cpu_ms);
	}
	names_free(&names);
}

static void read_profit(const struct sysroot *root, struct ksm_status *status)
{
	char line[32];
	uint64_t value;

	if (sysroot_line(root, DIR "general_profit", line, sizeof(line)) < 0 ||
	    opt_parse_u64(line + (*line == '-'), &value) < 0 || value > INT64_MAX)
		return;
	status->has_profit = true;
	status->profit = *line == '-' ? -(int64_t)value : (int64_t)value;
}

static void read_advisor(const struct sysroot *root, struct ksm_status *status)
{
	const struct knob *knob = knob_find("ksm.advisor_mode", NULL);
	char line[128];

	if (knob && !sysroot_line(root, DIR "advisor_mode", line, sizeof(line)))
		knob_value(knob, line, status->advisor, sizeof(status->advisor));
}

int ksm_read(const struct sysroot *root, struct ksm_status *status, struct err *err)
{
	*status = (struct ksm_status){ .page = sysconf(_SC_PAGESIZE) };
	if (!sysroot_exists(root, DIR "run"))
		return err_set(
			err, ENOENT,
			"this kernel has no KSM (/sys/kernel/mm/ksm is missing); it "
			"needs CONFIG_KSM");
	for (unsigned i = 0; i < ARRAY_SIZE(numbers); i++) {
		char path[64];

		snprintf(path, sizeof(path), DIR "%s", numbers[i].file);
		facts_number(root, path,
		             (uint64_t *)((char *)status + numbers[i].offset));
	}
	read_profit(root, status);
	read_advisor(root, status);
	read_cpu(root, status);
	return 0;
}

uint64_t ksm_saved(const struct ksm_status *status)
{
	return (status->sharing + status->zero_pages) * status->page;
}

const char *ksm_mode(const struct ksm_status *status)
{
	return status->run == 1 ? "on" : status->run == 2 ? "unmerged" : "off";
}

/* ---- for a person ---- */

static void guest_text(const struct guest *guest, uint64_t page, struct strbuf *out)
{
	char merged[SIZE_TEXT], bytes[SIZE_TEXT], profit[SIZE_TEXT];

	size_text(guest->bytes, bytes);
	size_text(guest->merged * page, merged);
	strbuf_addf(out, "  guest %llu (%s): %s of memory",
	            (unsigned long long)guest->pid, guest->name, bytes);
	if (guest->has_ksm)
		strbuf_addf(out, ", %s of it merged", merged);
	if (guest->has_profit) {
		size_text(guest->profit < 0 ? -guest->profit : guest->profit, profit);
		strbuf_addf(out, ", profit %s%s", guest->profit < 0 ? "-" : "", profit);
	}
	strbuf_addc(out, '\n');
}

void ksm_text(const struct ksm_status *s, const struct guests *guests, struct strbuf *out)
{
	char saved[SIZE_TEXT], profit[SIZE_TEXT];

	size_text(ksm_saved(s), saved);
	strbuf_addf(out, "KSM is %s; it saves %s (%llu bytes)\n", ksm_mode(s), saved,
	            (unsigned long long)ksm_saved(s));
	strbuf_addf(
		out,
		"  pages: %llu merged into %llu, %llu empty, %llu unique, %llu changing "
		"too fast; %llu full scans\n",
		(unsigned long long)s->sharing, (unsigned long long)s->shared,
		(unsigned long long)s->zero_pages, (unsigned long long)s->unshared,
		(unsigned long long)s->volatile_pages, (unsigned long long)s->full_scans);
	strbuf_addf(out, "  scans %llu pages every %llu ms%s%s; %s NUMA nodes\n",
	            (unsigned long long)s->pages_to_scan,
	            (unsigned long long)s->sleep_millisecs,
	            *s->advisor ? "; advisor " : "", s->advisor,
	            s->merge_across_nodes ? "across" : "within");
	if (s->has_profit) {
		size_text(s->profit < 0 ? -s->profit : s->profit, profit);
		strbuf_addf(out, "  profit after bookkeeping: %s%s\n",
		            s->profit < 0 ? "-" : "", profit);
	}
	if (s->has_cpu)
		strbuf_addf(out, "  ksmd has used %llu.%03llu s of CPU time\n",
		            (unsigned long long)s->cpu_ms / 1000,
		            (unsigned long long)s->cpu_ms % 1000);
	for (unsigned i = 0; guests && i < guests->count; i++)
		guest_text(&guests->list[i], s->page, out);
	if (guests && !guests->count)
		strbuf_adds(out, "  no guest runs\n");
	if (guests && guests->unreadable)
		strbuf_addf(
			out,
			"  %u processes of others were not looked into; root sees their "
			"guests too\n",
			guests->unreadable);
}

/* ---- for a program ---- */

static json_t *guest_json(const struct guest *g)
{
	return json_pack("{s:I, s:s, s:i, s:I, s:o, s:o}", "pid", (json_int_t)g->pid,
	                 "name", g->name, "vms", (int)g->vms, "bytes",
	                 (json_int_t)g->bytes, "merged_pages",
	                 g->has_ksm ? json_integer(g->merged) : json_null(), "profit",
	                 g->has_profit ? json_integer(g->profit) : json_null());
}

json_t *ksm_json(const struct ksm_status *s, const struct guests *guests)
{
	json_t *list = json_array();

	for (unsigned i = 0; guests && i < guests->count; i++)
		json_array_append_new(list, guest_json(&guests->list[i]));
	return json_pack(
		"{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:b, s:o, s:o, s:o, s:o}",
		"mode", ksm_mode(s), "bytes_saved", (json_int_t)ksm_saved(s),
		"pages_shared", (json_int_t)s->shared, "pages_sharing",
		(json_int_t)s->sharing, "pages_unshared", (json_int_t)s->unshared,
		"pages_volatile", (json_int_t)s->volatile_pages, "zero_pages",
		(json_int_t)s->zero_pages, "full_scans", (json_int_t)s->full_scans,
		"pages_to_scan", (json_int_t)s->pages_to_scan, "sleep_millisecs",
		(json_int_t)s->sleep_millisecs, "merge_across_nodes",
		(int)(s->merge_across_nodes != 0), "profit",
		s->has_profit ? json_integer(s->profit) : json_null(), "advisor",
		*s->advisor ? json_string(s->advisor) : json_null(), "ksmd_cpu_ms",
		s->has_cpu ? json_integer(s->cpu_ms) : json_null(), "guests", list);
}
