// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vmm-img info: what an image is, as qemu-img prints it. An image is opened without those
 * below, which may be missing; --backing-chain opens one after another.
 */
#include "img/info.h"

#include "common/cleanup.h"
#include "img/commands.h"
#include "img/image.h"
#include "img/json.h"
#include "vmm/block/qcow2.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define MAX_CHAIN 200

typedef unsigned long long ull;

/* ---- snapshots ---- */

static void print_snapshot(const struct qcow2_snapshot *snap, struct strbuf *out)
{
	struct strbuf size = { 0 };
	time_t date = snap->date_sec;
	uint64_t sec = snap->vm_clock / 1000000000;
	char when[32] = "", clock[40], icount[24] = "";
	struct tm tm;

	image_print_size(&size, snap->vm_state_size);
	if (localtime_r(&date, &tm))
		strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S", &tm);
	snprintf(clock, sizeof(clock), "%02llu:%02llu:%02llu.%03llu", (ull)(sec / 3600),
	         (ull)(sec / 60 % 60), (ull)(sec % 60),
	         (ull)(snap->vm_clock / 1000000 % 1000));
	if (snap->icount != UINT64_MAX)
		snprintf(icount, sizeof(icount), "%llu", (ull)snap->icount);
	strbuf_addf(out, "%-9s %-16s %8s%20s%13s%11s\n", snap->id, snap->name,
	            size.data ? size.data : "", when, clock, icount);
	strbuf_free(&size);
}

void info_print_snapshots(const struct block_node *node, struct strbuf *out)
{
	const struct qcow2_snapshot *snap;

	strbuf_addf(out, "Snapshot list:\n%-9s %-16s %8s%20s%13s%11s\n", "ID", "TAG",
	            "VM SIZE", "DATE", "VM CLOCK", "ICOUNT");
	for (unsigned i = 0; (snap = qcow2_snapshot_at(node, i)); i++)
		print_snapshot(snap, out);
}

static void json_snapshots(const struct block_node *node, struct json *json)
{
	const struct qcow2_snapshot *snap;

	json_open(json, "snapshots", '[');
	for (unsigned i = 0; (snap = qcow2_snapshot_at(node, i)); i++) {
		json_open(json, NULL, '{');
		if (snap->icount != UINT64_MAX)
			json_number(json, "icount", snap->icount);
		json_number(json, "vm-clock-nsec", snap->vm_clock % 1000000000);
		json_string(json, "name", snap->name);
		json_number(json, "date-sec", snap->date_sec);
		json_number(json, "date-nsec", snap->date_nsec);
		json_number(json, "vm-clock-sec", snap->vm_clock / 1000000000);
		json_string(json, "id", snap->id);
		json_number(json, "vm-state-size", snap->vm_state_size);
		json_close(json, '}');
	}
	json_close(json, ']');
}

/* ---- one image ---- */

struct image_facts {
	const char *name;
	struct block_info info;
	int64_t allocated;
	struct block_node *qcow2; /* NULL: it is raw */
	struct qcow2_info q;
	char *backing; /* path of the backing file from here, or NULL */
};

static const char *const words[] = { "false", "true" };

static const char *compression_name(const struct qcow2_info *q)
{
	return q->compression == QCOW2_ZSTD ? "zstd" : "zlib";
}

static void print_text(const struct image_facts *f, struct strbuf *out)
{
	strbuf_addf(out, "image: %s\nfile format: %s\nvirtual size: ", f->name,
	            f->info.format);
	image_print_size(out, f->info.length);
	strbuf_addf(out, " (%llu bytes)\n", (ull)f->info.length);
	if (f->allocated >= 0) {
		strbuf_adds(out, "disk size: ");
		image_print_size(out, f->allocated);
		strbuf_addc(out, '\n');
	}
	if (!f->qcow2)
		return;
	strbuf_addf(out, "cluster_size: %u\n", f->q.cluster_size);
	if (f->q.dirty)
		strbuf_adds(out, "cleanly shut down: no\n");
	if (f->q.backing_file) {
		strbuf_addf(out, "backing file: %s", f->q.backing_file);
		if (strcmp(f->q.backing_file, f->backing))
			strbuf_addf(out, " (actual path: %s)", f->backing);
		strbuf_addc(out, '\n');
		if (f->q.backing_format)
			strbuf_addf(out, "backing file format: %s\n",
			            f->q.backing_format);
	}
	if (f->q.snapshots)
		info_print_snapshots(f->qcow2, out);
	strbuf_addf(out, "Format specific information:\n    compat: %s\n",
	            f->q.version == 3 ? "1.1" : "0.10");
	strbuf_addf(out, "    compression type: %s\n", compression_name(&f->q));
	if (f->q.version == 3)
		strbuf_addf(out, "    lazy refcounts: %s\n", words[f->q.lazy_refcounts]);
	strbuf_addf(out, "    refcount bits: %u\n", f->q.refcount_bits);
	if (f->q.version == 3)
		strbuf_addf(out, "    corrupt: %s\n    extended l2: false\n",
		            words[f->q.corrupt]);
}

static void json_specific(const struct image_facts *f, struct json *json)
{
	json_open(json, "format-specific", '{');
	json_string(json, "type", "qcow2");
	json_open(json, "data", '{');
	json_string(json, "compat", f->q.version == 3 ? "1.1" : "0.10");
	json_string(json, "compression-type", compression_name(&f->q));
	if (f->q.version == 3)
		json_bool(json, "lazy-refcounts", f->q.lazy_refcounts);
	json_number(json, "refcount-bits", f->q.refcount_bits);
	if (f->q.version == 3) {
		json_bool(json, "corrupt", f->q.corrupt);
		json_bool(json, "extended-l2", false);
	}
	json_close(json, '}');
	json_close(json, '}');
}

static void print_json(const struct image_facts *f, struct json *json)
{
	json_open(json, NULL, '{');
	if (f->qcow2 && f->q.backing_format)
		json_string(json, "backing-filename-format", f->q.backing_format);
	if (f->qcow2 && f->q.snapshots)
		json_snapshots(f->qcow2, json);
	json_number(json, "virtual-size", f->info.length);
	json_string(json, "filename", f->name);
	if (f->qcow2)
		json_number(json, "cluster-size", f->q.cluster_size);
	json_string(json, "format", f->info.format);
	if (f->allocated >= 0)
		json_number(json, "actual-size", f->allocated);
	if (f->qcow2)
		json_specific(f, json);
	if (f->qcow2 && f->q.backing_file) {
		json_string(json, "full-backing-filename", f->backing);
		json_string(json, "backing-filename", f->q.backing_file);
	}
	json_bool(json, "dirty-flag", f->qcow2 && f->q.dirty);
	json_close(json, '}');
}

/* ---- the chain ---- */

struct chain {
	struct session *s;
	struct json json;
	struct {
		dev_t dev;
		ino_t ino;
	} seen[MAX_CHAIN];
	unsigned count;
	bool whole; /* --backing-chain */
};

static int check_loop(struct chain *c, const char *name, struct err *err)
{
	struct stat st;

	if (stat(name, &st) < 0)
		return 0; /* the open says it */
	for (unsigned i = 0; i < c->count; i++)
		if (c->seen[i].dev == st.st_dev && c->seen[i].ino == st.st_ino)
			return err_set(err, ELOOP,
			               "%s is in its own chain of backing files; "
			               "vmm-img rebase -u gives an image another one",
			               name);
	if (c->count == MAX_CHAIN)
		return err_set(err, ELOOP, "the chain of backing files is longer than %d",
		               MAX_CHAIN);
	c->seen[c->count].dev = st.st_dev;
	c->seen[c->count++].ino = st.st_ino;
	return 0;
}

/* *name, *format: of the next one, or NULL. */
static int print_image(struct chain *c, char **name, char **format, struct err *err)
{
	struct session *s = c->s;
	struct image_facts f = { .name = *name };
	struct block_node *node;
	int ret = check_loop(c, *name, err);

	if (ret < 0)
		return ret;
	node = image_open(s, *name, *format,
	                  IMAGE_ALONE | (s->cli->force_share ? IMAGE_SHARE : 0), NULL,
	                  err);
	if (!node)
		return -err->code;
	block_get_info(node, &f.info);
	f.allocated = block_allocated(node);
	f.qcow2 = qcow2_find(node);
	if (f.qcow2)
		qcow2_get_info(f.qcow2, &f.q);
	if (f.qcow2 && f.q.backing_file) {
		f.backing = image_beside(*name, f.q.backing_file);
		if (!f.backing)
			return err_sys(err, ENOMEM, "%s", *name);
	}
	if (s->cli->json)
		print_json(&f, &c->json);
	else
		print_text(&f, &s->out);
	free(*name);
	free(*format);
	*name = f.backing;
	*format = f.backing && f.q.backing_format ? strdup(f.q.backing_format) : NULL;
	block_close(node);
	return 0;
}

int command_info(struct session *s, struct err *err)
{
	const struct cli *cli = s->cli;
	_cleanup_free_ struct chain *c = calloc(1, sizeof(*c));
	_cleanup_free_ char *name = NULL, *format = NULL;
	int ret = cli_check_words(cli, 1, 1, err);

	if (ret < 0)
		return ret;
	name = strdup(cli->words[0]);
	format = cli->format ? strdup(cli->format) : NULL;
	if (!c || !name || (cli->format && !format))
		return err_sys(err, ENOMEM, "%s", cli->words[0]);
	c->s = s;
	c->json.out = &s->out;
	c->whole = cli->backing_chain;
	if (cli->json && c->whole)
		json_open(&c->json, NULL, '[');
	ret = print_image(c, &name, &format, err);
	while (ret >= 0 && c->whole && name) {
		if (!cli->json)
			strbuf_addc(&s->out, '\n');
		ret = print_image(c, &name, &format, err);
	}
	if (cli->json && c->whole)
		json_close(&c->json, ']');
	/* Half of a chain is no answer. */
	if (ret < 0)
		strbuf_free(&s->out);
	return ret;
}
