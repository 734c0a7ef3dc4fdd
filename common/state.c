// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * One walker over state tables. A visitor is told of every leaf in table order; save,
 * load, compare, dump and schema are five visitors. Structs recurse; a count that the
 * object itself carries is visited first, so that the decoder knows how many elements
 * follow.
 *
 * Section: magic u32, path length u8 + path, class length u8 + class, version u16,
 * payload length u32, CRC-32C of the payload u32, payload.
 */
#include "common/state.h"

#include "common/bytes.h"
#include "common/cleanup.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define SECTION_MAGIC 0x5443534bu /* "KSCT" */
#define MAX_DEPTH     8

struct visitor {
	/* A leaf array of `count` elements of `width` bytes. -errno stops the walk. */
	int (*leaf)(struct visitor *v, const struct state_field *f, void *a, void *b,
	            unsigned width, uint32_t count);
	/* Around the elements of a struct; may be NULL. */
	void (*enter)(struct visitor *v, const struct state_field *f, uint32_t index);
	void (*leave)(struct visitor *v);
	struct err *err;
	unsigned depth;
	/* save, dump, schema */
	struct strbuf *out;
	/* load */
	const uint8_t *data;
	size_t len, pos;
	/* compare: "regs[2]." in front of a field's name */
	char where[160];
	bool schema;
};

static const unsigned leaf_width[] = {
	[STATE_U8] = 1,   [STATE_U16] = 2,   [STATE_U32] = 4,    [STATE_U64] = 8,
	[STATE_BOOL] = 1, [STATE_BYTES] = 1, [STATE_VBYTES] = 1,
};

static int walk(struct visitor *v, const struct state_desc *desc, void *a, void *b);

/* How many elements count now; for a counted field the count itself is visited as a leaf,
 * which goes by the field's name and has a declared maximum of 0. */
static int visit_count(struct visitor *v, const struct state_field *f, void *a, void *b,
                       uint32_t *count)
{
	const struct state_field count_field = { .name = f->name, .kind = STATE_U32 };
	uint32_t *ca;
	int ret;

	*count = f->count;
	if (f->count_offset == STATE_ALL || v->schema)
		return 0;
	ca = (uint32_t *)((char *)a + f->count_offset);
	ret = v->leaf(v, &count_field, ca, b ? (char *)b + f->count_offset : NULL, 4, 1);
	if (ret < 0)
		return ret;
	if (*ca > f->count)
		return err_set(v->err, EINVAL,
		               "field %s has %u elements, at most %u are valid", f->name,
		               *ca, f->count);
	*count = *ca;
	return 0;
}

static int walk_struct(struct visitor *v, const struct state_field *f, void *a, void *b,
                       uint32_t count)
{
	if (++v->depth > MAX_DEPTH)
		return err_set(v->err, EINVAL, "state table of %s is nested too deeply",
		               f->name);
	for (uint32_t i = 0; i < (v->schema ? 1 : count); i++) {
		size_t where = strlen(v->where);
		int ret;

		if (v->enter)
			v->enter(v, f, i);
		ret = walk(v, f->sub, (char *)a + f->offset + i * f->stride,
		           b ? (char *)b + f->offset + i * f->stride : NULL);
		if (v->leave)
			v->leave(v);
		if (ret < 0)
			return ret;
		v->where[where] = '\0';
	}
	v->depth--;
	return 0;
}

static int walk(struct visitor *v, const struct state_desc *desc, void *a, void *b)
{
	for (const struct state_field *f = desc->fields; f->kind != STATE_END; f++) {
		uint32_t count;
		int ret;

		ret = visit_count(v, f, a, b, &count);
		if (ret < 0)
			return ret;
		if (f->kind == STATE_STRUCT)
			ret = walk_struct(v, f, a, b, count);
		else
			ret = v->leaf(v, f, (char *)a + f->offset,
			              b ? (char *)b + f->offset : NULL,
			              leaf_width[f->kind], count);
		if (ret < 0)
			return ret;
	}
	return 0;
}

/* ---- save ---- */

static int save_leaf(struct visitor *v, const struct state_field *f, void *a, void *b,
                     unsigned width, uint32_t count)
{
	(void)f;
	(void)b;
	strbuf_add(v->out, a, (size_t)width * count);
	return 0;
}

static void add_name(struct strbuf *out, const char *name)
{
	size_t len = strlen(name);

	strbuf_addc(out, (char)len);
	strbuf_add(out, name, len);
}

int state_save(const struct state_desc *desc, void *obj, const char *path,
               struct strbuf *out, struct err *err)
{
	_cleanup_strbuf_ struct strbuf payload = { 0 };
	struct visitor v = {
		.leaf = save_leaf,
		.err = err,
		.out = &payload,
	};
	uint8_t head[10], magic[4];
	int ret;

	if (strlen(path) > 255 || strlen(desc->name) > 255)
		return err_set(err, EINVAL, "state path %s is too long", path);
	ret = desc->pre_save ? desc->pre_save(obj, err) : 0;
	if (ret >= 0)
		ret = walk(&v, desc, obj, NULL);
	if (ret >= 0 && payload.len > STATE_SECTION_MAX)
		ret = err_set(err, E2BIG, "state larger than %u bytes",
		              STATE_SECTION_MAX);
	if (ret < 0) {
		err_prefix(err, "saving %s", path);
		return ret;
	}
	st32(magic, SECTION_MAGIC);
	st16(head, desc->version);
	st32(head + 2, payload.len);
	st32(head + 6, state_crc32c(0, payload.data, payload.len));
	strbuf_add(out, magic, sizeof(magic));
	add_name(out, path);
	add_name(out, desc->name);
	strbuf_add(out, head, sizeof(head));
	strbuf_add(out, payload.data ? payload.data : "", payload.len);
	return out->failed || payload.failed ? err_sys(err, ENOMEM, "saving %s", path)
	                                     : 0;
}

/* ---- load ---- */

static int load_bytes(struct visitor *v, const char *name, void *to, size_t len)
{
	if (v->len - v->pos < len)
		return err_set(v->err, EINVAL,
		               "field %s lies past the end of the section", name);
	memcpy(to, v->data + v->pos, len);
	v->pos += len;
	return 0;
}

static int load_leaf(struct visitor *v, const struct state_field *f, void *a, void *b,
                     unsigned width, uint32_t count)
{
	int ret = load_bytes(v, f->name, a, (size_t)width * count);

	(void)b;
	/* Anything but 0 and 1 in a bool is undefined behaviour in C. */
	for (uint32_t i = 0; !ret && f->kind == STATE_BOOL && i < count; i++)
		if (((uint8_t *)a)[i] > 1)
			return err_set(v->err, EINVAL,
			               "field %s is neither true nor false", f->name);
	return ret;
}

struct section {
	char path[256], class[256];
	uint16_t version;
	uint32_t len, crc;
	size_t payload; /* offset */
};

static bool take_name(const uint8_t *data, size_t len, size_t *pos, char *name)
{
	size_t n;

	if (*pos >= len)
		return false;
	n = data[(*pos)++];
	if (len - *pos < n)
		return false;
	/* The name is shown to the user when it is not the expected one. */
	for (size_t i = 0; i < n; i++)
		if (data[*pos + i] < ' ' || data[*pos + i] > '~')
			return false;
	memcpy(name, data + *pos, n);
	name[n] = '\0';
	*pos += n;
	return true;
}

static bool parse_section(const uint8_t *data, size_t len, struct section *s)
{
	size_t pos = 4;

	if (len < 4 || ld32(data) != SECTION_MAGIC ||
	    !take_name(data, len, &pos, s->path) ||
	    !take_name(data, len, &pos, s->class) || len - pos < 10)
		return false;
	s->version = ld16(data + pos);
	s->len = ld32(data + pos + 2);
	s->crc = ld32(data + pos + 6);
	s->payload = pos + 10;
	return s->len <= STATE_SECTION_MAX && len - s->payload >= s->len;
}

int state_peek(const void *data, size_t len, char *path, size_t path_size)
{
	struct section s;

	if (!parse_section(data, len, &s))
		return -EINVAL;
	snprintf(path, path_size, "%s", s.path);
	return 0;
}

static int check_section(const struct section *s, const struct state_desc *desc,
                         const char *path, const uint8_t *payload, struct err *err)
{
	if (strcmp(s->path, path))
		return err_set(err, EINVAL,
		               "found the state of '%s' where '%s' was expected", s->path,
		               path);
	if (strcmp(s->class, desc->name))
		return err_set(err, EINVAL, "'%s' is a %s there and a %s here", path,
		               s->class, desc->name);
	if (s->version != desc->version)
		return err_set(err, EINVAL, "'%s' has state version %u there and %u here",
		               path, s->version, desc->version);
	if (state_crc32c(0, payload, s->len) != s->crc)
		return err_set(err, EINVAL, "the state of '%s' is damaged (checksum)",
		               path);
	return 0;
}

int state_load(const struct state_desc *desc, void *obj, size_t size, const char *path,
               const void *data, size_t len, size_t *used, struct err *err)
{
	_cleanup_free_ void *scratch = NULL;
	struct visitor v = { .leaf = load_leaf, .err = err };
	struct section s;
	int ret;

	if (!parse_section(data, len, &s))
		return err_set(err, EINVAL, "no state section for '%s': damaged or cut",
		               path);
	ret = check_section(&s, desc, path, (const uint8_t *)data + s.payload, err);
	if (ret < 0)
		return ret;
	scratch = malloc(size);
	if (!scratch)
		return err_sys(err, ENOMEM, "loading %s", path);
	memcpy(scratch, obj, size);
	v.data = (const uint8_t *)data + s.payload;
	v.len = s.len;
	ret = walk(&v, desc, scratch, NULL);
	if (ret >= 0 && v.pos != v.len)
		ret = err_set(err, EINVAL, "%zu bytes are left over", v.len - v.pos);
	if (ret >= 0 && desc->validate)
		ret = desc->validate(scratch, err);
	if (ret >= 0) {
		/* Decoding again, now into the object: it cannot fail any more, and
		 * unlike a copy of the scratch it touches the table's fields only. */
		v.pos = 0;
		v.depth = 0;
		ret = walk(&v, desc, obj, NULL);
	}
	if (ret >= 0 && desc->post_load)
		ret = desc->post_load(obj, err);
	if (ret < 0) {
		err_prefix(err, "loading %s", path);
		return ret;
	}
	*used += s.payload + s.len;
	return 0;
}

/* ---- compare ---- */

static void enter_where(struct visitor *v, const struct state_field *f, uint32_t index)
{
	size_t len = strlen(v->where);

	if (f->count > 1)
		snprintf(v->where + len, sizeof(v->where) - len, "%s[%u].", f->name,
		         index);
	else
		snprintf(v->where + len, sizeof(v->where) - len, "%s.", f->name);
}

static int compare_leaf(struct visitor *v, const struct state_field *f, void *a, void *b,
                        unsigned width, uint32_t count)
{
	char index[16] = "";

	for (uint32_t i = 0; i < count; i++) {
		uint64_t va = ldn((char *)a + i * width, width);
		uint64_t vb = ldn((char *)b + i * width, width);

		if (va == vb)
			continue;
		if (f->count > 1)
			snprintf(index, sizeof(index), "[%u]", i);
		return err_set(
			v->err, ENOENT, "%s%s%s is 0x%llx in one and 0x%llx in the other",
			v->where, f->name, f->count ? index : "'s number of elements",
			(unsigned long long)va, (unsigned long long)vb);
	}
	return 0;
}

int state_compare(const struct state_desc *desc, const void *a, const void *b,
                  struct err *err)
{
	struct visitor v = {
		.leaf = compare_leaf,
		.enter = enter_where,
		.err = err,
	};

	return walk(&v, desc, (void *)a, (void *)b);
}

/* ---- dump and schema ---- */

static void indent(struct visitor *v)
{
	for (unsigned i = 0; i <= v->depth; i++)
		strbuf_adds(v->out, "  ");
}

static void dump_enter(struct visitor *v, const struct state_field *f, uint32_t index)
{
	v->depth--;
	indent(v);
	v->depth++;
	if (v->schema)
		strbuf_addf(v->out, "%s: struct[%s%u]\n", f->name,
		            f->count_offset == STATE_ALL ? "" : "up to ", f->count);
	else if (f->count > 1)
		strbuf_addf(v->out, "%s[%u]:\n", f->name, index);
	else
		strbuf_addf(v->out, "%s:\n", f->name);
}

static int dump_leaf(struct visitor *v, const struct state_field *f, void *a, void *b,
                     unsigned width, uint32_t count)
{
	(void)b;
	if (f->kind == STATE_U32 && !f->count)
		return 0; /* the count of a counted field is plain from its elements */
	indent(v);
	strbuf_addf(v->out, "%s:", f->name);
	for (uint32_t i = 0; i < count; i++) {
		if (width == 1 && count > 1)
			strbuf_addf(v->out, "%s%02x", i % 32 ? "" : " ",
			            ((uint8_t *)a)[i]);
		else
			strbuf_addf(
				v->out, " 0x%llx",
				(unsigned long long)ldn((char *)a + i * width, width));
	}
	strbuf_addc(v->out, '\n');
	return 0;
}

static int schema_leaf(struct visitor *v, const struct state_field *f, void *a, void *b,
                       unsigned width, uint32_t count)
{
	static const char *const names[] = {
		[STATE_U8] = "u8",         [STATE_U16] = "u16",   [STATE_U32] = "u32",
		[STATE_U64] = "u64",       [STATE_BOOL] = "bool", [STATE_BYTES] = "bytes",
		[STATE_VBYTES] = "vbytes",
	};

	(void)a;
	(void)b;
	(void)width;
	indent(v);
	strbuf_addf(v->out, "%s: %s[%u]\n", f->name, names[f->kind], count);
	return 0;
}

void state_dump(const struct state_desc *desc, const void *obj, struct strbuf *out)
{
	struct visitor v = {
		.leaf = dump_leaf,
		.enter = dump_enter,
		.out = out,
	};

	strbuf_addf(out, "%s version %u\n", desc->name, desc->version);
	walk(&v, desc, (void *)obj, NULL);
}

void state_schema(const struct state_desc *desc, struct strbuf *out)
{
	struct visitor v = {
		.leaf = schema_leaf,
		.enter = dump_enter,
		.out = out,
		.schema = true,
	};
	uint8_t none = 0;

	strbuf_addf(out, "%s version %u\n", desc->name, desc->version);
	walk(&v, desc, &none, NULL);
}

uint32_t state_crc32c(uint32_t crc, const void *data, size_t len)
{
	const uint8_t *p = data;

	/* Sections are small and rare; four bits at a time need no table to speak of. */
	static const uint32_t nibble[16] = {
		0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3,
		0x61c69362, 0x7198540d, 0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9,
		0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75,
	};

	crc = ~crc;
	while (len--) {
		crc ^= *p++;
		crc = (crc >> 4) ^ nibble[crc & 15];
		crc = (crc >> 4) ^ nibble[crc & 15];
	}
	return ~crc;
}
