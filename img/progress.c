// SPDX-License-Identifier: GPL-2.0-or-later
/* The line of -p, as qemu-img's. */
#include "img/progress.h"

#include <stdio.h>
#include <unistd.h>

void progress_start(struct progress *p, bool wanted, uint64_t total)
{
	*p = (struct progress){ .on = wanted && isatty(STDOUT_FILENO), .total = total };
	progress_at(p, 0);
}

void progress_at(struct progress *p, uint64_t done)
{
	unsigned now = p->total ? done * 10000.0 / p->total : 10000;

	/* Each percent is enough. */
	if (!p->on || (p->shown && now / 100 == (p->shown - 1) / 100))
		return;
	p->shown = now + 1;
	dprintf(STDOUT_FILENO, "    (%3u.%02u/100%%)\r", now / 100, now % 100);
}

void progress_end(struct progress *p, bool complete)
{
	if (complete)
		progress_at(p, p->total);
	if (p->on)
		dprintf(STDOUT_FILENO, "\n");
}
