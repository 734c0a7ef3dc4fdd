// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * -object: what devices and the board refer to by id. One row per type; an object is
 * checked and kept even if nobody refers to it, as programs that start machines define
 * more than they use. Before anything else of the board, main thread.
 */
#include "vmm/machine/internal.h"

#include "common/base64.h"
#include "common/cleanup.h"
#include "common/fdio.h"
#include "vmm/machine/control.h"
#include "vmm/machine/pc-tls.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

struct object {
	const struct object_type *type;
	char *id;
	struct mem_backend memory;  /* of memory-backend-… */
	char *secret;               /* of secret */
	struct vnc_credentials tls; /* of tls-creds-… */
	struct object *next;
};

struct object_type {
	const char *name, *help;
	const struct opt_desc *rows; /* NULL: those of the memory backend */
	/* opts: all of them, with the id. */
	int (*parse)(struct object *obj, struct opt_list *opts, struct err *err);
};

/* ---- random numbers: the kernel's, whatever the object says ---- */

struct rng_opts {
	char *id, *filename;
};

static const struct opt_desc rng_rows[] = {
	{ .name = "id",
	  .type = OPT_STR,
	  .offset = offsetof(struct rng_opts, id),
	  .help = "a name" },
	{ .name = "filename",
	  .type = OPT_STR,
	  .offset = offsetof(struct rng_opts, filename),
	  .help = "/dev/urandom or /dev/random" },
	{ .name = NULL },
};

static int parse_rng(struct object *obj, struct opt_list *opts, struct err *err)
{
	struct rng_opts o = { 0 };
	int ret = opts_apply(rng_rows, opts, &o, NULL, err);

	(void)obj;
	if (ret >= 0 && o.filename && strcmp(o.filename, "/dev/urandom") &&
	    strcmp(o.filename, "/dev/random"))
		ret = err_usage(err,
		                "filename=%s: random numbers come from the kernel; use "
		                "/dev/urandom",
		                o.filename);
	opts_free(rng_rows, &o);
	return ret;
}

/* ---- secrets ---- */

#define MAX_SECRET 4096

struct secret_opts {
	char *id, *data, *file;
	int format;
};

static const char *const secret_formats[] = { "raw", "base64", NULL };

static const struct opt_desc secret_rows[] = {
	{ .name = "id",
	  .type = OPT_STR,
	  .offset = offsetof(struct secret_opts, id),
	  .help = "a name" },
	{ .name = "data",
	  .type = OPT_STR,
	  .offset = offsetof(struct secret_opts, data),
	  .help = "the secret, which all users of this host may see; file= is better" },
	{ .name = "file",
	  .type = OPT_STR,
	  .offset = offsetof(struct secret_opts, file),
	  .help = "a file that holds it; the end of its last line does not count" },
	{ .name = "format",
	  .type = OPT_ENUM,
	  .offset = offsetof(struct secret_opts, format),
	  OPT_CHOICES(secret_formats, 0),
	  .help = "how it is written there" },
	{ .name = NULL },
};

static int read_secret(const struct secret_opts *o, char **text, struct err *err)
{
	struct strbuf out = { 0 };
	int ret;

	if (!o->data == !o->file)
		return err_usage(err, "data= or file= says what the secret is");
	ret = o->file ? fd_read_file(AT_FDCWD, o->file, MAX_SECRET, text, NULL) : 0;
	if (ret < 0)
		return err_sys(err, -ret, "cannot read %s", o->file);
	if (o->data && !(*text = strdup(o->data)))
		return -ENOMEM;
	if (o->file && **text && (*text)[strlen(*text) - 1] == '\n')
		(*text)[strlen(*text) - 1] = '\0';
	if (!o->format)
		return 0;
	ret = base64_decode(*text, &out);
	explicit_bzero(*text, strlen(*text));
	free(*text);
	*text = strbuf_take(&out);
	return ret < 0 ? err_usage(err, "the secret is not base64") : 0;
}

static int parse_secret(struct object *obj, struct opt_list *opts, struct err *err)
{
	struct secret_opts o = { 0 };
	int ret = opts_apply(secret_rows, opts, &o, NULL, err);

	if (ret >= 0)
		ret = read_secret(&o, &obj->secret, err);
	if (ret >= 0 && !obj->secret)
		ret = err_sys(err, ENOMEM, "secret");
	opts_free(secret_rows, &o);
	return ret;
}

/* ---- TLS ---- */

static int parse_x509(struct object *obj, struct opt_list *opts, struct err *err)
{
	return pc_tls_parse(&obj->tls, VNC_TLS_X509, opts, err);
}

static int parse_anon(struct object *obj, struct opt_list *opts, struct err *err)
{
	return pc_tls_parse(&obj->tls, VNC_TLS_ANON, opts, err);
}

static bool is_tls(const struct object *obj)
{
	return obj->type->parse == parse_x509 || obj->type->parse == parse_anon;
}

/* ---- memory ---- */

static int parse_memory(struct object *obj, struct opt_list *opts, struct err *err)
{
	return mem_backend_parse(&obj->memory, mem_backend_find_kind(obj->type->name),
	                         opts, err);
}

static const struct object_type types[] = {
	{ "memory-backend-ram", "guest RAM", NULL, parse_memory },
	{ "memory-backend-file", "guest RAM in a file or folder", NULL, parse_memory },
	{ "memory-backend-memfd", "guest RAM in a file without a name", NULL,
	  parse_memory },
	{ "rng-builtin", "random numbers of the kernel", rng_rows, parse_rng },
	{ "rng-random", "the same", rng_rows, parse_rng },
	{ "secret", "a password", secret_rows, parse_secret },
	{ "tls-creds-x509", "certificates for -vnc", pc_tls_x509_rows, parse_x509 },
	{ "tls-creds-anon", "TLS for -vnc that shows nobody who the server is",
	  pc_tls_anon_rows, parse_anon },
};

static const struct object_type *find_type(const char *name, struct err *err)
{
	const char *names[ARRAY_SIZE(types) + 1] = { NULL };
	const char *near;

	for (unsigned i = 0; i < ARRAY_SIZE(types); i++) {
		if (!strcmp(types[i].name, name))
			return &types[i];
		names[i] = types[i].name;
	}
	near = opt_nearest(name, names);
	if (near)
		err_usage(err, "there is no object '%s', did you mean '%s'?", name, near);
	else
		err_usage(err, "there is no object '%s'; -object help lists them", name);
	return NULL;
}

static const struct opt_desc *rows_of(const struct object_type *type)
{
	return type->rows ? type->rows
	                  : mem_backend_tables[mem_backend_find_kind(type->name)];
}

const char *pc_object_type(unsigned n, const struct opt_desc **rows)
{
	if (n >= ARRAY_SIZE(types))
		return NULL;
	*rows = rows_of(&types[n]);
	return types[n].name;
}

void pc_object_help(const char *name, struct strbuf *out)
{
	strbuf_adds(out, "Objects (-object NAME,id=ID,...):\n");
	for (unsigned i = 0; i < ARRAY_SIZE(types); i++) {
		if (name && strcmp(types[i].name, name))
			continue;
		strbuf_addf(out, "%s: %s\n", types[i].name, types[i].help);
		opts_help(rows_of(&types[i]), out);
	}
}

/* ---- the machine's objects ---- */

static struct object *find(const struct pc *pc, const char *id)
{
	struct object *obj = pc->objects;

	while (obj && strcmp(obj->id, id))
		obj = obj->next;
	return obj;
}

struct mem_backend *pc_find_memory(struct pc *pc, const char *id)
{
	struct object *obj = find(pc, id);

	return obj && obj->type->parse == parse_memory ? &obj->memory : NULL;
}

const char *pc_find_secret(void *opaque, const char *id, struct err *err)
{
	struct object *obj = find(opaque, id);

	if (obj && obj->secret)
		return obj->secret;
	err_usage(err,
	          "there is no secret '%s'; define it with -object secret,id=%s,file=",
	          id, id);
	return NULL;
}

const struct vnc_credentials *pc_find_credentials(void *opaque, const char *id,
                                                  struct err *err)
{
	struct object *obj = find(opaque, id);

	if (obj && is_tls(obj))
		return &obj->tls;
	err_usage(err,
	          "there are no credentials '%s'; define them with -object "
	          "tls-creds-x509,id=%s,endpoint=server,dir=",
	          id, id);
	return NULL;
}

static bool has_object(const struct vm *vm, const char *id, const char *kind)
{
	const struct object *obj = find((const struct pc *)vm, id);

	return obj && !strncmp(obj->type->name, kind, strlen(kind));
}

static void free_object(struct object *obj)
{
	if (obj->type->parse == parse_memory)
		mem_backend_free(&obj->memory);
	if (is_tls(obj))
		pc_tls_free(&obj->tls);
	if (obj->secret)
		explicit_bzero(obj->secret, strlen(obj->secret));
	free(obj->secret);
	free(obj->id);
	free(obj);
}

int pc_object_add(struct pc *pc, struct opt_list *opts, struct err *err)
{
	const char *name = opt_list_take(opts, "qom-type"),
		   *id = opt_list_get(opts, "id");
	const struct object_type *type = name ? find_type(name, err) : NULL;
	struct object *obj;

	if (!name)
		return err_usage(err, "no type is named; -object help lists them");
	if (!type)
		return -err->code;
	if (!id || !*id)
		return err_usage(err, "%s: id= is missing", name);
	if (find(pc, id))
		return err_usage(err, "id '%s' is taken by another object", id);
	obj = calloc(1, sizeof(*obj));
	if (!obj || !(obj->id = strdup(id))) {
		free(obj);
		return err_sys(err, ENOMEM, "%s", name);
	}
	obj->type = type;
	if (type->parse(obj, opts, err) < 0) {
		err_prefix(err, "%s,id=%s", name, id);
		free_object(obj);
		return -err->code;
	}
	obj->next = pc->objects;
	pc->objects = obj;
	return 0;
}

/* By the RAM, or a device whose property "rng" names it; of a secret a copy was made. */
static bool in_use(struct pc *pc, const struct object *obj)
{
	if (&obj->memory == pc->ram_backend)
		return true;
	for (const struct device *dev = pc->vm.devices; dev; dev = dev->next) {
		for (const struct opt_desc *row = dev->cls->props; row && row->name;
		     row++) {
			const char *id = NULL;

			if (!strcmp(row->name, "rng"))
				id = *(char *const *)((const char *)dev + row->offset);
			if (id && !strcmp(id, obj->id))
				return true;
		}
	}
	return false;
}

int pc_object_del(struct pc *pc, const char *id, struct err *err)
{
	struct object *obj = find(pc, id), **p = &pc->objects;

	if (!obj)
		return err_set(err, ENOENT, "object '%s' not found", id);
	if (in_use(pc, obj))
		return err_set(err, EBUSY, "object '%s' is in use, can not be deleted",
		               id);
	while (*p != obj)
		p = &(*p)->next;
	*p = obj->next;
	free_object(obj);
	return 0;
}

int pc_add_objects(struct pc *pc, struct err *err)
{
	const struct str_list *list = &pc->config->objects;
	int ret = 0;

	pc->vm.has_object = has_object;
	for (unsigned i = 0; i < list->count && ret >= 0; i++) {
		struct opt_list opts = { 0 };

		ret = opt_list_parse(&opts, list->items[i], "qom-type", err);
		if (ret >= 0)
			ret = pc_object_add(pc, &opts, err);
		opt_list_free(&opts);
		if (ret < 0)
			err_prefix(err, "-object");
	}
	return ret;
}

void pc_free_objects(struct pc *pc)
{
	while (pc->objects) {
		struct object *obj = pc->objects;

		pc->objects = obj->next;
		free_object(obj);
	}
}
