// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The two walkers over the field tables of all facts (facttable.c). Invariant: what
 * facts_to_json() writes, facts_from_json() accepts; sizes and values from a capture are
 * checked against the row before anything is stored.
 */
#include "probe/factfield.h"

#include "common/cleanup.h"
#include "common/opts.h"
#include "probe/kvmcap.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* ---- errno names ---- */

static const struct {
	int code;
	const char *name;
} errno_names[] = {
	{ 0, "ok" },
	{ EPERM, "EPERM" },
	{ ENOENT, "ENOENT" },
	{ EINTR, "EINTR" },
	{ EIO, "EIO" },
	{ ENXIO, "ENXIO" },
	{ ENOEXEC, "ENOEXEC" },
	{ EAGAIN, "EAGAIN" },
	{ ENOMEM, "ENOMEM" },
	{ EACCES, "EACCES" },
	{ EFAULT, "EFAULT" },
	{ EBUSY, "EBUSY" },
	{ EEXIST, "EEXIST" },
	{ ENODEV, "ENODEV" },
	{ ENOTDIR, "ENOTDIR" },
	{ EINVAL, "EINVAL" },
	{ EMFILE, "EMFILE" },
	{ ENOTTY, "ENOTTY" },
	{ ENOSPC, "ENOSPC" },
	{ EROFS, "EROFS" },
	{ ELOOP, "ELOOP" },
	{ ENOSYS, "ENOSYS" },
	{ ENOKEY, "ENOKEY" },
	{ EOPNOTSUPP, "EOPNOTSUPP" },
	{ EKEYREJECTED, "EKEYREJECTED" },
};

const char *errno_name(int code, char buf[16])
{
	for (unsigned i = 0; i < ARRAY_SIZE(errno_names); i++)
		if (errno_names[i].code == code)
			return errno_names[i].name;
	snprintf(buf, 16, "%d", code);
	return buf;
}

int errno_by_name(const char *name)
{
	uint64_t number;

	for (unsigned i = 0; i < ARRAY_SIZE(errno_names); i++)
		if (!strcmp(errno_names[i].name, name))
			return errno_names[i].code;
	if (!opt_parse_u64(name, &number) && number < 4096)
		return number;
	return -EINVAL;
}

/* ---- writing ---- */

static json_t *save_caps(const int32_t *cap)
{
	json_t *object = json_object();

	for (unsigned i = 0; i < KVM_CAP_COUNT; i++)
		if (cap[i] >= 0)
			json_object_set_new(object, kvm_caps[i].name,
			                    json_integer(cap[i]));
	return object;
}

/* "7.1:eax" of CPUID, "msr 10a" */
static const char *word_name(unsigned word, char buf[24])
{
	static const char *const regs[] = { "eax", "ebx", "ecx", "edx" };
	const struct cpu_word_info *info = &cpu_word_info[word];

	if (info->msr)
		snprintf(buf, 24, "msr %x", info->function);
	else
		snprintf(buf, 24, "%x.%u:%s", info->function, info->index & 0xff,
		         regs[info->reg]);
	return buf;
}

static json_t *save_words(const struct cpu_words *words)
{
	json_t *object = json_object();
	char name[24];

	for (unsigned i = 0; i < CPU_WORDS; i++)
		json_object_set_new(object, word_name(i, name),
		                    json_integer(words->w[i]));
	return object;
}

/* Bytes of a file or of the CPU that are no UTF-8 must not make the report fail. */
static json_t *save_string(const char *text)
{
	json_t *value = json_string(text);

	return value ? value : json_string("(not UTF-8)");
}

static json_t *save_signed(int64_t v)
{
	return v == -1 ? json_null() : json_integer(v);
}

static json_t *save_field(const struct fact_field *row, const void *field)
{
	char buf[16];
	int v;

	switch (row->kind) {
	case FACT_BOOL:
		return json_boolean(*(const bool *)field);
	case FACT_TRI:
		v = *(const int *)field;
		return v < 0 ? json_null() : json_boolean(v);
	case FACT_U32:
		return json_integer(*(const uint32_t *)field);
	case FACT_U64:
		return json_integer(*(const uint64_t *)field);
	case FACT_I32:
		return save_signed(*(const int32_t *)field);
	case FACT_I64:
		return save_signed(*(const int64_t *)field);
	case FACT_STR:
		return save_string(field);
	case FACT_ERRNO:
		v = *(const int *)field;
		return v < 0 ? json_null() : json_string(errno_name(v, buf));
	case FACT_ENUM:
		return json_string(row->names[*(const int *)field]);
	case FACT_CAPS:
		return save_caps(field);
	case FACT_WORDS:
		return save_words(field);
	}
	return NULL;
}

json_t *facts_to_json(const struct facts *facts)
{
	json_t *all = json_object();

	for (const struct fact_section *s = fact_sections; s->name; s++) {
		const char *base = (const char *)facts + s->offset;
		json_t *object = json_object();

		for (const struct fact_field *row = s->fields; row->name; row++)
			json_object_set_new(object, row->name,
			                    save_field(row, base + row->offset));
		json_object_set_new(all, s->name, object);
	}
	return all;
}

/* ---- reading ---- */

static int load_caps(int32_t *cap, const json_t *value)
{
	if (!json_is_object(value))
		return -EINVAL;
	for (unsigned i = 0; i < KVM_CAP_COUNT; i++) {
		const json_t *v = json_object_get(value, kvm_caps[i].name);

		if (!v)
			continue;
		if (!json_is_integer(v) || json_integer_value(v) < 0 ||
		    json_integer_value(v) > INT32_MAX)
			return -EINVAL;
		cap[i] = json_integer_value(v);
	}
	return 0;
}

static int load_words(struct cpu_words *words, const json_t *value)
{
	if (!json_is_object(value))
		return -EINVAL;
	for (unsigned i = 0; i < CPU_WORDS; i++) {
		char name[24];
		const json_t *v = json_object_get(value, word_name(i, name));

		if (!v)
			continue;
		if (!json_is_integer(v) || json_integer_value(v) < 0 ||
		    json_integer_value(v) > UINT32_MAX)
			return -EINVAL;
		words->w[i] = json_integer_value(v);
	}
	return 0;
}

static int load_integer(const struct fact_field *row, void *field, const json_t *value)
{
	bool wide = row->kind == FACT_U64 || row->kind == FACT_I64;
	bool may_be_null = row->kind == FACT_I32 || row->kind == FACT_I64;
	json_int_t v = json_is_null(value) ? -1 : json_integer_value(value);
	json_int_t max = row->kind == FACT_U32 ? UINT32_MAX : INT32_MAX;

	if (json_is_null(value) ? !may_be_null : !json_is_integer(value) || v < 0)
		return -EINVAL;
	if (!wide && v > max)
		return -EINVAL;
	if (wide)
		*(uint64_t *)field = v;
	else
		*(uint32_t *)field = v;
	return 0;
}

static int load_string(const struct fact_field *row, char *field, const json_t *value)
{
	const char *text = json_string_value(value);

	if (!text || strlen(text) >= row->size)
		return -EINVAL;
	strcpy(field, text);
	return 0;
}

static int load_word(const struct fact_field *row, int *field, const json_t *value)
{
	const char *text = json_string_value(value);
	int v = -EINVAL;

	if (row->kind == FACT_ERRNO && json_is_null(value)) {
		*field = FACT_UNTRIED;
		return 0;
	}
	if (!text)
		return -EINVAL;
	if (row->kind == FACT_ERRNO)
		v = errno_by_name(text);
	else
		for (int i = 0; row->names[i]; i++)
			if (!strcmp(row->names[i], text))
				v = i;
	if (v < 0)
		return -EINVAL;
	*field = v;
	return 0;
}

static int load_field(const struct fact_field *row, void *field, const json_t *value)
{
	switch (row->kind) {
	case FACT_BOOL:
		if (!json_is_boolean(value))
			return -EINVAL;
		*(bool *)field = json_is_true(value);
		return 0;
	case FACT_TRI:
		if (!json_is_boolean(value) && !json_is_null(value))
			return -EINVAL;
		*(int *)field = json_is_null(value) ? -1 : json_is_true(value);
		return 0;
	case FACT_STR:
		return load_string(row, field, value);
	case FACT_ERRNO:
	case FACT_ENUM:
		return load_word(row, field, value);
	case FACT_CAPS:
		return load_caps(field, value);
	case FACT_WORDS:
		return load_words(field, value);
	default:
		return load_integer(row, field, value);
	}
}

static int load_section(const struct fact_section *s, char *base, const json_t *object,
                        struct err *err)
{
	if (!json_is_object(object))
		return err_set(err, EINVAL, "'%s' is not an object", s->name);
	for (const struct fact_field *row = s->fields; row->name; row++) {
		const json_t *value = json_object_get(object, row->name);

		if (value && load_field(row, base + row->offset, value) < 0)
			return err_set(err, EINVAL, "'%s.%s' has no valid value", s->name,
			               row->name);
	}
	return 0;
}

int facts_from_json(struct facts *facts, const json_t *object, bool all, struct err *err)
{
	for (const struct fact_section *s = fact_sections; s->name; s++) {
		const json_t *part = json_object_get(object, s->name);
		int ret;

		if (!(all || s->captured) || !part)
			continue;
		ret = load_section(s, (char *)facts + s->offset, part, err);
		if (ret < 0)
			return ret;
	}
	return 0;
}
