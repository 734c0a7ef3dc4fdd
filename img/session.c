// SPDX-License-Identifier: GPL-2.0-or-later
/* The loop and the images of one run; see the header. */
#include "img/session.h"

#include <errno.h>

int session_open(struct session *s, const struct cli *cli, struct err *err)
{
	*s = (struct session){ .cli = cli, .fail_code = 1 };
	s->loop = loop_new(NULL, err);
	if (!s->loop)
		return -err->code;
	s->reg = block_registry_new(s->loop);
	return s->reg ? 0 : err_sys(err, ENOMEM, "cannot start");
}

void session_close(struct session *s)
{
	block_registry_free(s->reg);
	if (s->loop)
		loop_free(s->loop);
	strbuf_free(&s->out);
}
