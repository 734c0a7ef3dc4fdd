// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * guest-bench: a Linux guest under vmm and under QEMU, in turn: VM exits and CPU seconds
 * to userspace, memory beyond guest RAM and exits while idle, disk throughput. Needs a
 * KVM that runs Linux guests (the rig has one), root for debugfs, and no other VM.
 *
 * As in bench, each round runs every subject once, and ratios are formed within a round.
 * Exit codes: 0 measured, 1 vmm could not be measured, 2 usage.
 */
#include "bench/cases.h"
#include "bench/guest-run.h"
#include "bench/stats.h"
#include "common/cleanup.h"
#include "common/opts.h"
#include "common/strbuf.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define MAX_ROUNDS 100
#define MICROVM    "qemu-microvm"
#define NO_AIM                   \
	{                        \
		NULL, AT_MOST, 0 \
	}
#define PC_AIM                           \
	{                                \
		"qemu-pc", AT_LEAST, 1.0 \
	}

/* What vmm should reach, relative to the subject of that name or, without one, itself. */
struct aim {
	const char *to;
	enum { AT_MOST, AT_LEAST } kind;
	double value;
};

/* Cases by their place in guest_cases. */
enum { GUEST = 1 << 0, FIRMWARE = 1 << 1, MEDIA = 1 << 2, QCOW2 = 7 << 3 };

static const struct {
	const char *key, *title;
	int digits;
	struct aim aim; /* value 0: none */
	unsigned cases;
} metrics[GUEST_METRICS] = {
	[GUEST_EXITS] = { "exits",
	                  "VM exits to userspace",
	                  0,
	                  { MICROVM, AT_MOST, 0.75 },
	                  GUEST },
	[GUEST_OWN_EXITS] = { "own_exits", "  without host irqs", 0, NO_AIM, GUEST },
	[GUEST_CPU] = { "cpu_s",
	                "CPU s to userspace",
	                2,
	                { MICROVM, AT_MOST, 0.75 },
	                GUEST },
	[GUEST_WALL] = { "wall_s", "wall s to userspace", 2, NO_AIM, GUEST },
	[GUEST_IDLE_EXITS] = { "idle_exits", "VM exits per idle s", 1, NO_AIM,
	                       GUEST | MEDIA },
	[GUEST_DIRTY] = { "dirty_kb",
	                  "idle private dirty kB",
	                  0,
	                  { NULL, AT_MOST, 900 },
	                  GUEST },
	[GUEST_PSS] = { "pss_kb", "idle Pss kB", 0, NO_AIM, GUEST },
	[GUEST_READ_4K] = { "read_4k_iops", "4k random reads/s", 0, PC_AIM,
	                    GUEST | MEDIA | QCOW2 },
	[GUEST_WRITE_4K] = { "write_4k_iops", "4k random writes/s", 0, PC_AIM,
	                     GUEST | MEDIA | QCOW2 },
	[GUEST_READ_1M] = { "read_1m_mbps", "1M reads MB/s", 0, PC_AIM,
	                    GUEST | MEDIA | QCOW2 },
	[GUEST_WRITE_1M] = { "write_1m_mbps", "1M writes MB/s", 0, PC_AIM,
	                     GUEST | MEDIA | QCOW2 },
	[GUEST_VIEWED] = { "viewed_cpu_percent",
	                   "idle CPU %, VNC client",
	                   2,
	                   { NULL, AT_MOST, 1 },
	                   MEDIA },
	[GUEST_CD_READ] = { "cd_read_mbps", "CD reads MB/s", 0, PC_AIM, MEDIA },
	[GUEST_BOOT_WALL] = { "boot_wall_s",
	                      "s to the boot sector",
	                      2,
	                      { "qemu-pc", AT_MOST, 1 },
	                      FIRMWARE },
	[GUEST_BOOT_CPU] = { "boot_cpu_s",
	                     "CPU s to it",
	                     2,
	                     { "qemu-pc", AT_MOST, 1 },
	                     FIRMWARE },
	[GUEST_BIOS_DISK] = { "bios_disk_mbps", "BIOS reads disk MB/s", 2, PC_AIM,
	                      FIRMWARE },
	[GUEST_BIOS_CD] = { "bios_cd_mbps", "BIOS reads CD MB/s", 2, PC_AIM, FIRMWARE },
	[GUEST_BIOS_CPU] = { "bios_cpu_s",
	                     "CPU s for both",
	                     2,
	                     { "qemu-pc", AT_MOST, 1 },
	                     FIRMWARE },
};

struct result {
	unsigned rounds; /* that worked */
	char reason[1000];
	double values[MAX_ROUNDS][GUEST_METRICS];
	bool ok[MAX_ROUNDS];
};

struct settings {
	const struct bench_case *bench_case;
	char *places[PLACES], *disk, *from, *boot, *cd, *vnc;
	unsigned rounds, limit_s;
	bool json;
};

static const struct option options[] = {
	{ "vmm", required_argument, NULL, PLACE_VMM },
	{ "qemu", required_argument, NULL, PLACE_QEMU },
	{ "kernel", required_argument, NULL, PLACE_KERNEL },
	{ "initrd", required_argument, NULL, PLACE_INITRD },
	{ "ram", required_argument, NULL, PLACE_RAM },
	{ "case", required_argument, NULL, 'c' },
	{ "disk", required_argument, NULL, 'd' },
	{ "from", required_argument, NULL, 'f' },
	{ "boot", required_argument, NULL, 'b' },
	{ "cd", required_argument, NULL, 'i' },
	{ "vnc", required_argument, NULL, 'v' },
	{ "rounds", required_argument, NULL, 'n' },
	{ "limit", required_argument, NULL, 'l' },
	{ "json", no_argument, NULL, 'j' },
	{ "help", no_argument, NULL, 'h' },
	{ 0 },
};

static int usage(FILE *to, int status)
{
	fputs("usage: guest-bench [--case CASE] [--kernel PATH --initrd PATH] [--disk IMAGE]\n"
	      "                   [--from IMAGE] [--boot IMAGE] [--cd IMAGE] [--vnc SOCKET] [--vmm PATH]\n"
	      "                   [--qemu PATH] [--ram MiB] [--rounds N] [--limit SECONDS]\n"
	      "                   [--json]\n"
	      "Cases:\n",
	      to);
	for (const struct bench_case *c = guest_cases; c->id; c++)
		fprintf(to, "  %-10s %s\n", c->id, c->title);
	return status;
}

static bool set_number(unsigned *field, const char *text, unsigned max)
{
	uint64_t value;

	if (opt_parse_u64(text, &value) < 0 || !value || value > max) {
		fprintf(stderr, "guest-bench: '%s' is not a number from 1 to %u\n", text,
		        max);
		return false;
	}
	*field = value;
	return true;
}

static bool set_case(struct settings *set, const char *id)
{
	for (set->bench_case = guest_cases; set->bench_case->id; set->bench_case++)
		if (!strcmp(set->bench_case->id, id))
			return true;
	return false;
}

static bool is_measured(const struct settings *set, unsigned metric)
{
	return metrics[metric].cases >> (set->bench_case - guest_cases) & 1;
}

/* -1: go on; else the exit code. */
static int parse(struct settings *set, int argc, char **argv)
{
	int opt;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (opt) {
		case 'c':
			if (!set_case(set, optarg))
				return usage(stderr, 2);
			break;
		case 'd':
			set->disk = optarg;
			break;
		case 'f':
			set->from = optarg;
			break;
		case 'b':
			set->boot = optarg;
			break;
		case 'i':
			set->cd = optarg;
			break;
		case 'v':
			set->vnc = optarg;
			break;
		case 'n':
			if (!set_number(&set->rounds, optarg, MAX_ROUNDS))
				return 2;
			break;
		case 'l':
			if (!set_number(&set->limit_s, optarg, 100000))
				return 2;
			break;
		case 'j':
			set->json = true;
			break;
		case 'h':
			return usage(stdout, 0);
		case '?':
			return usage(stderr, 2);
		default:
			set->places[opt] = optarg;
		}
	}
	if (optind < argc || (!set->disk && !set->boot))
		return usage(stderr, 2);
	return -1;
}

/* The disk is as it was before anybody wrote to it. */
static int copy_image(const struct settings *set, struct err *err)
{
	char buf[65536];
	size_t n;
	FILE *from, *to;
	bool failed;

	if (!set->from)
		return 0;
	from = fopen(set->from, "re");
	to = fopen(set->disk, "we");
	failed = !from || !to;
	while (!failed && (n = fread(buf, 1, sizeof(buf), from)))
		failed = fwrite(buf, 1, n, to) != n;
	failed |= to && (fflush(to) || fsync(fileno(to)));
	if (from)
		fclose(from);
	if (to)
		fclose(to);
	return failed ? err_set(err, EIO, "%s cannot be copied to %s", set->from,
	                        set->disk)
	              : 0;
}

static void run_one(const struct settings *set, unsigned subject, unsigned round,
                    struct result *result)
{
	char *argv[CASE_MAX_ARGS + 1];
	struct err err = { 0 };
	uint64_t ram = 0;

	opt_parse_u64(set->places[PLACE_RAM], &ram);
	fprintf(stderr, "guest-bench: round %u of %u: %s\n", round + 1, set->rounds,
	        set->bench_case->subjects[subject].name);
	if (copy_image(set, &err) < 0 ||
	    subject_argv(&set->bench_case->subjects[subject], set->places, argv, &err) <
	            0 ||
	    guest_run(argv, ram, set->limit_s, set->vnc, result->values[round], &err) <
	            0) {
		snprintf(result->reason, sizeof(result->reason), "%s", err.text);
		fprintf(stderr, "guest-bench: %s\n", err.text);
		return;
	}
	result->ok[round] = true;
	result->rounds++;
}

/* Of one metric, or, with a base, of its ratio to the base's in the same round. */
static bool collect(const struct result *result, const struct result *base,
                    unsigned metric, unsigned rounds, struct stats *stats)
{
	double values[MAX_ROUNDS];
	size_t count = 0;

	for (unsigned i = 0; i < rounds; i++) {
		double value = result->values[i][metric];

		if (!result->ok[i] || (base && !base->ok[i]))
			continue;
		if (base)
			value /= base->values[i][metric];
		if (isfinite(value))
			values[count++] = value;
	}
	*stats = (struct stats){ 0 };
	if (count)
		stats_of(values, count, stats);
	return count;
}

static void print_cell(const struct stats *stats, int digits, struct strbuf *out)
{
	char cell[64] = "-";

	if (stats->count)
		snprintf(cell, sizeof(cell), "%.*f [%.*f %.*f]", digits, stats->median,
		         digits, stats->low, digits, stats->high);
	strbuf_addf(out, "  %-24s", cell);
}

static void end_line(struct strbuf *out)
{
	while (out->data && out->data[out->len - 1] == ' ')
		out->data[--out->len] = '\0';
	strbuf_addc(out, '\n');
}

static void print_aim(const struct aim *aim, struct strbuf *out)
{
	if (aim->value > 0)
		strbuf_addf(out, "  %s %g%s%s",
		            aim->kind == AT_MOST ? "at most" : "at least", aim->value,
		            aim->to ? " of " : "", aim->to ? aim->to : "");
}

static void print_values(const struct settings *set, const struct result *results,
                         struct strbuf *out)
{
	struct stats stats;

	strbuf_addf(out, "  %-22s", "");
	for (unsigned s = 0; set->bench_case->subjects[s].name; s++)
		strbuf_addf(out, "  %-24s", set->bench_case->subjects[s].name);
	end_line(out);
	for (unsigned m = 0; m < GUEST_METRICS; m++) {
		if (!is_measured(set, m))
			continue;
		strbuf_addf(out, "  %-22s", metrics[m].title);
		for (unsigned s = 0; set->bench_case->subjects[s].name; s++) {
			collect(&results[s], NULL, m, set->rounds, &stats);
			print_cell(&stats, metrics[m].digits, out);
		}
		end_line(out);
	}
}

static void print_ratios(const struct settings *set, const struct result *results,
                         struct strbuf *out)
{
	struct stats stats;

	strbuf_addf(out, "  %-22s", "vmm's, divided by");
	for (unsigned s = 1; set->bench_case->subjects[s].name; s++)
		strbuf_addf(out, "  %-24s", set->bench_case->subjects[s].name);
	strbuf_adds(out, "  aim\n");
	for (unsigned m = 0; m < GUEST_METRICS; m++) {
		if (!is_measured(set, m))
			continue;
		strbuf_addf(out, "  %-22s", metrics[m].title);
		for (unsigned s = 1; set->bench_case->subjects[s].name; s++) {
			collect(&results[0], &results[s], m, set->rounds, &stats);
			print_cell(&stats, 2, out);
		}
		print_aim(&metrics[m].aim, out);
		end_line(out);
	}
}

static void report_text(const struct settings *set, const struct result *results,
                        struct strbuf *out)
{
	strbuf_addf(out,
	            "%s\n  %u interleaved rounds; median [first and third quartile]\n",
	            set->bench_case->title, set->rounds);
	print_values(set, results, out);
	print_ratios(set, results, out);
	for (unsigned s = 0; set->bench_case->subjects[s].name; s++)
		if (results[s].rounds < set->rounds)
			strbuf_addf(out, "  %s: %u rounds failed: %s\n",
			            set->bench_case->subjects[s].name,
			            set->rounds - results[s].rounds, results[s].reason);
}

static void json_stats(const char *key, const struct stats *stats, struct strbuf *out)
{
	if (stats->count)
		strbuf_addf(out,
		            ", \"%s\": {\"median\": %.4f, \"q1\": %.4f, \"q3\": %.4f, "
		            "\"min\": %.4f, \"max\": %.4f}",
		            key, stats->median, stats->low, stats->high, stats->min,
		            stats->max);
	else
		strbuf_addf(out, ", \"%s\": null", key);
}

static void json_aim(const struct aim *aim, struct strbuf *out)
{
	if (aim->value > 0)
		strbuf_addf(out, ", \"%s\": %g",
		            aim->kind == AT_MOST ? "at_most" : "at_least", aim->value);
	if (aim->to)
		strbuf_addf(out, ", \"of\": \"%s\"", aim->to);
}

static void json_rows(const struct settings *set, const struct result *results,
                      struct strbuf *out)
{
	struct stats stats;

	for (unsigned s = 0; set->bench_case->subjects[s].name; s++) {
		strbuf_addf(out, "%s\n  {\"name\": \"%s\", \"rounds\": %u", s ? "," : "",
		            set->bench_case->subjects[s].name, results[s].rounds);
		for (unsigned m = 0; m < GUEST_METRICS; m++) {
			if (!is_measured(set, m))
				continue;
			collect(&results[s], NULL, m, set->rounds, &stats);
			json_stats(metrics[m].key, &stats, out);
		}
		strbuf_addc(out, '}');
	}
}

static void report_json(const struct settings *set, const struct result *results,
                        struct strbuf *out)
{
	const char *separator = "";
	struct stats stats;

	strbuf_addf(out, "[{\"case\": \"%s\", \"rounds\": %u, \"rows\": [",
	            set->bench_case->id, set->rounds);
	json_rows(set, results, out);
	strbuf_adds(out, "\n], \"ratios\": [");
	for (unsigned m = 0; m < GUEST_METRICS; m++) {
		if (!is_measured(set, m))
			continue;
		strbuf_addf(out, "%s\n  {\"vmm\": \"%s\"", separator, metrics[m].key);
		separator = ",";
		for (unsigned s = 1; set->bench_case->subjects[s].name; s++) {
			collect(&results[0], &results[s], m, set->rounds, &stats);
			json_stats(set->bench_case->subjects[s].name, &stats, out);
		}
		json_aim(&metrics[m].aim, out);
		strbuf_addc(out, '}');
	}
	strbuf_adds(out, "\n]}]\n");
}

static void run_all(const struct settings *set, struct result *results)
{
	unsigned subjects = 0;

	while (set->bench_case->subjects[subjects].name)
		subjects++;
	for (unsigned round = 0; round < set->rounds; round++) {
		for (unsigned i = 0; i < subjects; i++) {
			unsigned at = (i + round) % subjects;

			run_one(set, at, round, &results[at]);
		}
	}
}

/* The option text of an image that is given, behind a prefix. */
static void set_place(struct settings *set, enum place place, struct strbuf *text,
                      const char *file, const char *options)
{
	if (!file)
		return;
	strbuf_addf(text, options, file);
	set->places[place] = text->data;
}

int main(int argc, char **argv)
{
	struct settings set = { .rounds = 10,
		                .limit_s = 300,
		                .bench_case = guest_cases,
		                .places[PLACE_RAM] = "256" };
	_cleanup_free_ struct result *results =
		calloc(CASE_MAX_SUBJECTS, sizeof(*results));
	_cleanup_strbuf_ struct strbuf vmm = { 0 }, qemu = { 0 }, boot = { 0 },
				       cd = { 0 }, vnc = { 0 }, out = { 0 };
	int ret = parse(&set, argc, argv);

	if (ret >= 0)
		return ret;
	if (!results)
		return 1;
	set_place(&set, PLACE_VMM_DRIVE, &vmm, set.disk,
	          set.from ? "file=%s,if=virtio,format=qcow2,cache=none"
	                   : "file=%s,if=virtio,format=raw,cache=none");
	set_place(&set, PLACE_QEMU_DRIVE, &qemu, set.disk,
	          set.from ? "file=%s,if=none,id=d0,format=qcow2,cache=none,aio=io_uring"
	                   : "file=%s,if=none,id=d0,format=raw,cache=none,aio=io_uring");
	set_place(&set, PLACE_BOOT, &boot, set.boot, "file=%s,if=none,id=b0,format=raw");
	set_place(&set, PLACE_CD, &cd, set.cd,
	          "file=%s,if=none,id=c0,media=cdrom,format=raw,readonly=on");
	set_place(&set, PLACE_VNC, &vnc, set.vnc, "unix:%s");
	run_all(&set, results);
	(set.json ? report_json : report_text)(&set, results, &out);
	fputs(out.data ? out.data : "", stdout);
	return results[0].rounds ? 0 : 1;
}
