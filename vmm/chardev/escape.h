/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The keys behind Ctrl-A that belong to the VMM instead of the guest. */
#ifndef VMM_CHARDEV_ESCAPE_H
#define VMM_CHARDEV_ESCAPE_H

#include <stdbool.h>
#include <stdint.h>

struct escape {
	bool pending; /* Ctrl-A was seen, its key was not */
};

enum escape_action {
	ESCAPE_PASS, /* *byte is for the guest */
	ESCAPE_EAT,  /* nothing to do (yet) */
	ESCAPE_QUIT,
	ESCAPE_HELP,
	ESCAPE_BREAK,
	ESCAPE_SWITCH, /* the next front end gets the input */
};

/* What to do about one input byte. */
enum escape_action escape_feed(struct escape *esc, uint8_t *byte);

/* What Ctrl-A h prints; lines end in CR LF. */
extern const char escape_help[];

#endif
