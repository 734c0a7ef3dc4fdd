// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Credentials for TLS, with the names of QEMU's files in a folder. This process opens
 * them and hands them on: it never reads a key. What is in them the helper says, at
 * start.
 */
#include "vmm/machine/pc-tls.h"

#include "common/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

struct tls_opts {
	char *id, *dir, *priority;
	int endpoint;
	bool verify, sanity;
};

enum endpoint { ENDPOINT_CLIENT, ENDPOINT_SERVER };

static const char *const endpoints[] = { "client", "server", NULL };

#define ROW(n, t, f) .name = (n), .type = (t), .offset = offsetof(struct tls_opts, f)

#define COMMON_ROWS                                                                      \
	{ ROW("id", OPT_STR, id), .help = "a name" },                                    \
		{ ROW("endpoint", OPT_ENUM, endpoint),                                   \
		  OPT_CHOICES(endpoints, ENDPOINT_CLIENT), .help = "server, for -vnc" }, \
		{ ROW("verify-peer", OPT_BOOL, verify), .def = "on",                     \
		  .help = "clients need a certificate of ca-cert.pem" },                 \
		{ ROW("priority", OPT_STR, priority),                                    \
		  .help = "GnuTLS's priority string" },                                  \
	{                                                                                \
		ROW("sanity-check", OPT_BOOL, sanity), .def = "on",                      \
						       .help = "always done"             \
	}

const struct opt_desc pc_tls_x509_rows[] = {
	COMMON_ROWS,
	{ ROW("dir", OPT_STR, dir),
	  .help = "folder with ca-cert.pem, server-cert.pem and server-key.pem" },
	{ .name = NULL },
};

const struct opt_desc pc_tls_anon_rows[] = {
	COMMON_ROWS,
	{ ROW("dir", OPT_STR, dir), .help = "folder that may have dh-params.pem" },
	{ .name = NULL },
};

static bool is_needed(enum vnc_tls_kind kind, unsigned file)
{
	return kind == VNC_TLS_X509 &&
	       (file == VNC_TLS_CA || file == VNC_TLS_CERT || file == VNC_TLS_KEY);
}

static int open_file(struct vnc_credentials *c, const char *dir, unsigned file,
                     struct err *err)
{
	_cleanup_free_ char *path = NULL;

	if (c->tls.kind == VNC_TLS_ANON && file != VNC_TLS_DH)
		return 0;
	if (asprintf(&path, "%s/%s", dir, vnc_tls_files[file]) < 0)
		return err_sys(err, ENOMEM, "TLS");
	c->files[file] = open(path, O_RDONLY | O_CLOEXEC);
	if (c->files[file] >= 0 || (errno == ENOENT && !is_needed(c->tls.kind, file)))
		return 0;
	return err_sys(err, errno, "cannot read %s", path);
}

static int use(struct vnc_credentials *c, const struct tls_opts *o, struct err *err)
{
	if (o->endpoint != ENDPOINT_SERVER)
		return err_usage(err, "endpoint=server is missing; there are no clients "
		                      "that use TLS");
	if (!o->dir && c->tls.kind == VNC_TLS_X509)
		return err_usage(err, "dir= is missing: the folder of its files");
	if (o->priority && strlen(o->priority) >= sizeof(c->tls.priority))
		return err_usage(err, "priority= is too long");
	c->tls.verify = o->verify;
	snprintf(c->tls.priority, sizeof(c->tls.priority), "%s",
	         o->priority ? o->priority : "");
	c->dir = strdup(o->dir ? o->dir : "");
	if (!c->dir)
		return err_sys(err, ENOMEM, "TLS");
	for (unsigned i = 0; i < VNC_TLS_FILES && o->dir; i++)
		if (open_file(c, o->dir, i, err) < 0)
			return -err->code;
	return 0;
}

int pc_tls_parse(struct vnc_credentials *c, enum vnc_tls_kind kind, struct opt_list *opts,
                 struct err *err)
{
	const struct opt_desc *rows =
		kind == VNC_TLS_X509 ? pc_tls_x509_rows : pc_tls_anon_rows;
	struct tls_opts o = { 0 };
	int ret;

	*c = (struct vnc_credentials){ .tls.kind = kind };
	for (unsigned i = 0; i < VNC_TLS_FILES; i++)
		c->files[i] = -1;
	ret = opts_apply(rows, opts, &o, NULL, err);
	if (ret >= 0)
		ret = use(c, &o, err);
	opts_free(rows, &o);
	return ret;
}

void pc_tls_free(struct vnc_credentials *c)
{
	for (unsigned i = 0; i < VNC_TLS_FILES; i++)
		if (c->files[i] >= 0)
			close(c->files[i]);
	free(c->dir);
}
