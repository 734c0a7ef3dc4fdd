// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * bench: what starting a VM costs, for vmm, for the floor below it and for QEMU beside
 * it. Prints a table, or with --json one JSON array. Timing is never a verdict: the exit
 * code says only whether vmm could be measured at all.
 *
 * Exit codes: 0 measured, 1 vmm or the set-up failed, 2 usage.
 */
#include "bench/series.h"
#include "common/cleanup.h"
#include "common/opts.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

struct settings {
	char *places[PLACES];
	const char *preload, *only;
	unsigned rounds;
	bool json;
};

static const struct option options[] = {
	{ "floor", required_argument, NULL, PLACE_FLOOR },
	{ "vmm", required_argument, NULL, PLACE_VMM },
	{ "qemu", required_argument, NULL, PLACE_QEMU },
	{ "kernel", required_argument, NULL, PLACE_KERNEL },
	{ "ram", required_argument, NULL, PLACE_RAM },
	{ "preload", required_argument, NULL, 'p' },
	{ "rounds", required_argument, NULL, 'n' },
	{ "only", required_argument, NULL, 'o' },
	{ "json", no_argument, NULL, 'j' },
	{ "help", no_argument, NULL, 'h' },
	{ 0 },
};

static int usage(FILE *to, int status)
{
	fputs("usage: bench --preload first-run.so [--floor PATH] [--vmm PATH]\n"
	      "             [--qemu PATH] [--kernel PATH] [--ram MiB] [--rounds N]\n"
	      "             [--only CASE] [--json]\n"
	      "Subjects whose path is missing are left out. Cases:\n",
	      to);
	for (const struct bench_case *c = bench_cases; c->id; c++)
		fprintf(to, "  %-14s %s\n", c->id, c->title);
	return status;
}

static bool set_rounds(struct settings *set, const char *text)
{
	uint64_t rounds;

	if (opt_parse_u64(text, &rounds) < 0 || !rounds || rounds > SERIES_MAX_ROUNDS)
		return false;
	set->rounds = rounds;
	return true;
}

/* -1: go on; else the exit code. */
static int parse(struct settings *set, int argc, char **argv)
{
	int opt;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (opt) {
		case 'p':
			set->preload = optarg;
			break;
		case 'n':
			if (!set_rounds(set, optarg)) {
				fprintf(stderr,
				        "bench: --rounds %s: give a number from 1 to %d\n",
				        optarg, SERIES_MAX_ROUNDS);
				return 2;
			}
			break;
		case 'o':
			set->only = optarg;
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
	return optind < argc || !set->preload ? usage(stderr, 2) : -1;
}

static bool vmm_measured(const struct series *series)
{
	for (unsigned i = 0; i < series->row_count; i++)
		if (!strcmp(series->rows[i].name, "vmm"))
			return series->rows[i].measured;
	return false;
}

int main(int argc, char **argv)
{
	struct settings set = { .rounds = 15, .places[PLACE_RAM] = "512" };
	_cleanup_strbuf_ struct strbuf out = { 0 };
	unsigned cases = 0;
	bool ok = true;
	int ret = parse(&set, argc, argv);

	if (ret >= 0)
		return ret;
	for (const struct bench_case *c = bench_cases; c->id; c++) {
		struct err err = { 0 };
		struct series series;

		if (set.only && strcmp(set.only, c->id))
			continue;
		ret = series_run(&series, c, set.places, set.preload, set.rounds,
		                 isatty(STDERR_FILENO), &err);
		if (ret < 0)
			fprintf(stderr, "bench: %s\n", err.text);
		ok = ok && !ret && vmm_measured(&series);
		strbuf_adds(&out, set.json ? (cases ? ",\n" : "[") : (cases ? "\n" : ""));
		if (!ret)
			(set.json ? series_json : series_text)(&series, &out);
		series_free(&series);
		cases++;
	}
	if (!cases)
		return usage(stderr, 2);
	printf("%s%s", out.data ? out.data : "", set.json ? "]\n" : "");
	return ok ? 0 : 1;
}
