// SPDX-License-Identifier: GPL-2.0-or-later
/* A live view of KSM with a small plot of the bytes that it saves. */
#include "tune/watch.h"

#include "common/cleanup.h"
#include "common/fdio.h"
#include "tune/size.h"
#include "tune/ticker.h"

#include <errno.h>
#include <string.h>
#include <time.h>

enum { PLOT_ROWS = 8 };

void watch_add(struct watch *watch, const struct ksm_status *status)
{
	if (watch->count == WATCH_POINTS)
		memmove(watch->saved, watch->saved + 1,
		        (WATCH_POINTS - 1) * sizeof(*watch->saved));
	else
		watch->count++;
	watch->saved[watch->count - 1] = ksm_saved(status);
}

void watch_plot(const struct watch *watch, unsigned rows, struct strbuf *out)
{
	static const char *const eighths[] = {
		" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"
	};
	char label[SIZE_TEXT];
	uint64_t top = 1;

	for (unsigned i = 0; i < watch->count; i++)
		if (watch->saved[i] > top)
			top = watch->saved[i];
	size_text(top, label);
	for (unsigned row = rows; row--;) {
		strbuf_addf(out, "%10s |", row == rows - 1 ? label : row ? "" : "0 B");
		for (unsigned i = 0; i < watch->count; i++) {
			/* How many eighths of this row the column fills. */
			double height = (double)watch->saved[i] / top * rows * 8;
			int fill = (int)height - (int)row * 8;

			strbuf_adds(out, eighths[fill < 0 ? 0 : fill > 8 ? 8 : fill]);
		}
		strbuf_addc(out, '\n');
	}
}

static void line(const struct ksm_status *s, uint64_t cpu_ms, struct strbuf *out)
{
	char now[32];
	time_t t = time(NULL);
	struct tm tm;

	localtime_r(&t, &tm);
	strftime(now, sizeof(now), "%H:%M:%S", &tm);
	strbuf_addf(out,
	            "%s %s saved=%llu sharing=%llu shared=%llu scans=%llu ksmd_ms=%llu\n",
	            now, ksm_mode(s), (unsigned long long)ksm_saved(s),
	            (unsigned long long)s->sharing, (unsigned long long)s->shared,
	            (unsigned long long)s->full_scans, (unsigned long long)cpu_ms);
}

static int look(const struct sysroot *root, struct watch *watch, bool terminal,
                unsigned interval, struct err *err)
{
	_cleanup_strbuf_ struct strbuf out = { 0 };
	struct ksm_status status;
	struct guests guests = { 0 };
	uint64_t used;
	int ret = ksm_read(root, &status, err);

	if (ret < 0)
		return ret;
	used = watch->count ? status.cpu_ms - watch->last_cpu_ms : 0;
	watch->last_cpu_ms = status.cpu_ms;
	watch_add(watch, &status);
	if (terminal) {
		guests_gather(root, &guests);
		/* Home and clear, so that the picture stays in its place. */
		strbuf_adds(&out, "\033[H\033[J");
		ksm_text(&status, &guests, &out);
		strbuf_addf(&out,
		            "  ksmd took %llu ms of the last %u s; ends with Ctrl-C\n\n",
		            (unsigned long long)used, interval);
		watch_plot(watch, PLOT_ROWS, &out);
		guests_free(&guests);
	} else {
		line(&status, used, &out);
	}
	return fd_print(&out, err);
}

int watch_run(const struct sysroot *root, unsigned interval, unsigned count,
              struct err *err)
{
	bool terminal = isatty(STDOUT_FILENO);
	struct watch watch = { 0 };
	struct ticker ticker;
	int ret = ticker_open(&ticker, interval, err), tick;

	for (unsigned i = 0; !ret && (!count || i < count); i++) {
		tick = ticker_wait(&ticker, err);
		if (tick <= 0) {
			ret = tick;
			break;
		}
		ret = look(root, &watch, terminal, interval, err);
	}
	ticker_close(&ticker);
	/* Whoever read us has seen enough. */
	return ret == -EPIPE ? 0 : ret;
}
