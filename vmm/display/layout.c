// SPDX-License-Identifier: GPL-2.0-or-later
/* Asks vmm-vnc about keyboard layouts, before the machine starts. Main thread. */
#include "vmm/display/layout.h"

#include "vmm/display/ask.h"

#include <errno.h>
#include <string.h>

#define HELPER "vmm-vnc"

int layout_check(const char *name, struct err *err)
{
	char *argv[] = { HELPER, "--layout", (char *)name, NULL };
	char text[512];
	int ret = ask_helper(argv, text, sizeof(text));

	if (!ret || ret == -ENOENT)
		return 0;
	text[strcspn(text, "\n")] = '\0';
	return ret == 2 ? err_usage(err, "-k: %s", text)
	                : err_set(err, EIO, "-k %s: " HELPER " cannot tell: %s", name,
	                          ret < 0 ? strerror(-ret) : text);
}

int layout_help(struct strbuf *out, struct err *err)
{
	char *argv[] = { HELPER, "--layouts", NULL };
	char text[4096];
	int ret = ask_helper(argv, text, sizeof(text));

	if (ret)
		return err_set(err, ret < 0 ? -ret : EIO,
		               "-k: " HELPER ", which knows them, is not there");
	strbuf_adds(out, text);
	return 0;
}
