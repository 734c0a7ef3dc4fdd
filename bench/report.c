// SPDX-License-Identifier: GPL-2.0-or-later
/* The report of a series: a table for people, JSON for programs, from the same rows. */
#include "bench/series.h"

#include <stdio.h>

static void text_stats(const struct stats *stats, const char *format, struct strbuf *out)
{
	_cleanup_strbuf_ struct strbuf cell = { 0 };

	if (stats->count) {
		strbuf_addf(&cell, format, stats->median);
		strbuf_adds(&cell, " [");
		strbuf_addf(&cell, format, stats->low);
		strbuf_addc(&cell, ' ');
		strbuf_addf(&cell, format, stats->high);
		strbuf_addc(&cell, ']');
	}
	strbuf_addf(out, "  %-22s", cell.data ? cell.data : "");
}

static void end_line(struct strbuf *out)
{
	while (out->len && out->data[out->len - 1] == ' ')
		out->data[--out->len] = '\0';
	strbuf_addc(out, '\n');
}

static void text_row(const struct series_row *row, struct strbuf *out)
{
	strbuf_addf(out, "  %-16s", row->name);
	if (!row->measured) {
		strbuf_addf(out, "  not measured: %s\n", row->reason);
		return;
	}
	text_stats(&row->wall_ms, "%.1f", out);
	text_stats(&row->cpu_ms, "%.1f", out);
	strbuf_addf(out, "  %lu\n", row->syscalls);
}

static void text_ratios(const struct series *series, struct strbuf *out)
{
	const struct rival *rival = series->bench_case->rivals;

	for (unsigned r = 0; rival[r].name; r++) {
		const struct series_ratio *ratio = &series->ratios[r];

		if (!ratio->wall.count)
			continue;
		strbuf_addf(out, "  / %-14s", rival[r].name);
		text_stats(&ratio->wall, "%.2f", out);
		text_stats(&ratio->cpu, "%.2f", out);
		if (rival[r].aim > 0)
			strbuf_addf(out, "  wall at most %.2f", rival[r].aim);
		end_line(out);
	}
}

void series_text(const struct series *series, struct strbuf *out)
{
	strbuf_addf(out, "%s\n", series->bench_case->title);
	strbuf_addf(out, "  %u interleaved rounds; median [first and third quartile]\n",
	            series->rounds);
	strbuf_addf(out, "  %-16s  %-22s  %-22s  %s\n", "", "wall ms", "user+sys ms",
	            "syscalls");
	for (unsigned i = 0; i < series->row_count; i++)
		text_row(&series->rows[i], out);
	strbuf_addf(out, "  %-16s  %-22s  %-22s  %s\n", "vmm", "wall", "user+sys", "aim");
	text_ratios(series, out);
}

static void json_stats(const char *key, const struct stats *stats, struct strbuf *out)
{
	strbuf_addf(out, ", \"%s\": ", key);
	if (!stats->count) {
		strbuf_adds(out, "null");
		return;
	}
	strbuf_addf(out,
	            "{\"median\": %.4f, \"q1\": %.4f, \"q3\": %.4f, \"min\": %.4f, "
	            "\"max\": %.4f}",
	            stats->median, stats->low, stats->high, stats->min, stats->max);
}

static void json_string(const char *text, struct strbuf *out)
{
	strbuf_addc(out, '"');
	for (; *text; text++) {
		unsigned char c = *text;

		if (c == '"' || c == '\\')
			strbuf_addf(out, "\\%c", c);
		else if (c < 0x20 || c >= 0x7f)
			strbuf_addf(out, "\\u%04x", c);
		else
			strbuf_addc(out, c);
	}
	strbuf_addc(out, '"');
}

static void json_row(const struct series_row *row, struct strbuf *out)
{
	strbuf_addf(out, "{\"name\": \"%s\"", row->name);
	if (!row->measured) {
		strbuf_adds(out, ", \"reason\": ");
		json_string(row->reason, out);
		strbuf_addc(out, '}');
		return;
	}
	json_stats("wall_ms", &row->wall_ms, out);
	json_stats("cpu_ms", &row->cpu_ms, out);
	strbuf_addf(out, ", \"syscalls\": %lu}", row->syscalls);
}

static void json_ratios(const struct series *series, struct strbuf *out)
{
	const struct rival *rival = series->bench_case->rivals;

	for (unsigned r = 0; rival[r].name; r++) {
		strbuf_addf(out, "%s\n  {\"vmm_to\": \"%s\"", r ? "," : "",
		            rival[r].name);
		json_stats("wall", &series->ratios[r].wall, out);
		json_stats("cpu", &series->ratios[r].cpu, out);
		if (rival[r].aim > 0)
			strbuf_addf(out, ", \"wall_at_most\": %.2f", rival[r].aim);
		strbuf_addc(out, '}');
	}
}

void series_json(const struct series *series, struct strbuf *out)
{
	strbuf_addf(out, "{\"case\": \"%s\", \"rounds\": %u, \"rows\": [",
	            series->bench_case->id, series->rounds);
	for (unsigned i = 0; i < series->row_count; i++) {
		strbuf_adds(out, i ? ",\n  " : "\n  ");
		json_row(&series->rows[i], out);
	}
	strbuf_adds(out, "\n], \"ratios\": [");
	json_ratios(series, out);
	strbuf_adds(out, "\n]}");
}
