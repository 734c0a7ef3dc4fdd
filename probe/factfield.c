// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The field tables of all facts, and the two walkers over them. Invariant: what
 * facts_to_json() writes, facts_from_json() accepts; sizes and values from a capture are
 * checked against the row before anything is stored.
 */
#include "probe/factfield.h"

#include "common/cleanup.h"
#include "common/opts.h"
#include "probe/kvmcap.h"
#include "probe/module.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define FIELD(type, member, fact_kind)                                                \
	{                                                                             \
		.name = #member, .kind = fact_kind, .offset = offsetof(type, member), \
		.size = sizeof(((type *)0)->member)                                   \
	}

#define HOST(member, kind) FIELD(struct host_facts, member, kind)
static const struct fact_field host_fields[] = {
	HOST(live, FACT_BOOL),     HOST(kernel, FACT_STR),   HOST(os_id, FACT_STR),
	HOST(os_like, FACT_STR),   HOST(os_name, FACT_STR),  HOST(boot_id, FACT_STR),
	HOST(container, FACT_STR), HOST(lockdown, FACT_STR), { 0 },
};

#define USER(member, kind) FIELD(struct user_facts, member, kind)
static const struct fact_field user_fields[] = {
	USER(uid, FACT_I64),
	USER(name, FACT_STR),
	USER(node_group, FACT_STR),
	USER(in_node_group, FACT_TRI),
	USER(listed_in_group, FACT_TRI),
	{ 0 },
};

#define CPU(member, kind) FIELD(struct cpu_facts, member, kind)
static const struct fact_field cpu_fields[] = {
	CPU(cpuid_known, FACT_BOOL),
	CPU(vendor, FACT_STR),
	CPU(model, FACT_STR),
	CPU(family, FACT_U32),
	CPU(model_number, FACT_U32),
	CPU(stepping, FACT_U32),
	CPU(vmx, FACT_BOOL),
	CPU(svm, FACT_BOOL),
	CPU(long_mode, FACT_BOOL),
	CPU(nx, FACT_BOOL),
	CPU(npt, FACT_BOOL),
	CPU(hypervisor, FACT_BOOL),
	CPU(hypervisor_name, FACT_STR),
	CPU(cpus, FACT_U32),
	CPU(flag_cpus, FACT_U32),
	CPU(flag_vmx, FACT_BOOL),
	CPU(flag_svm, FACT_BOOL),
	CPU(flag_ept, FACT_BOOL),
	CPU(flag_npt, FACT_BOOL),
	CPU(msr_err, FACT_ERRNO),
	CPU(msr, FACT_U64),
	{ 0 },
};

static const char *const module_states[] = { "missing", "available", "builtin", "loaded",
	                                     NULL };

#define MOD_STATE(id, text)                                                \
	{                                                                  \
		.name = text, .kind = FACT_ENUM, .names = module_states,   \
		.offset = offsetof(struct modules_facts, module[id].state) \
	}
#define MODULES(member, kind) FIELD(struct modules_facts, member, kind)
static const struct fact_field modules_fields[] = {
	MODULES(supported, FACT_BOOL),
	MODULES(directory, FACT_BOOL),
	MODULES(disabled, FACT_BOOL),
	MOD_STATE(MODULE_KVM, "kvm"),
	MOD_STATE(MODULE_KVM_INTEL, "kvm_intel"),
	MOD_STATE(MODULE_KVM_AMD, "kvm_amd"),
	MOD_STATE(MODULE_KVM_PVM, "kvm_pvm"),
	MOD_STATE(MODULE_VBOXDRV, "vboxdrv"),
	MOD_STATE(MODULE_VMMON, "vmmon"),
	MODULES(nested, FACT_TRI),
	MODULES(slat, FACT_TRI),
	MODULES(unrestricted_guest, FACT_TRI),
	MODULES(enable_virt_at_load, FACT_TRI),
	{ 0 },
};

#define KVM(member, kind) FIELD(struct kvm_facts, member, kind)
static const struct fact_field kvm_fields[] = {
	KVM(node_err, FACT_ERRNO), KVM(node_char, FACT_BOOL), KVM(node_major, FACT_U32),
	KVM(node_minor, FACT_U32), KVM(node_mode, FACT_U32),  KVM(node_uid, FACT_U32),
	KVM(node_gid, FACT_U32),   KVM(registered, FACT_TRI), KVM(open_err, FACT_ERRNO),
	KVM(api_err, FACT_ERRNO),  KVM(api, FACT_I32),        KVM(vm_err, FACT_ERRNO),
	KVM(vcpu_err, FACT_ERRNO), KVM(cap, FACT_CAPS),       { 0 },
};

static const char *const trial_states[] = { "untried", "ok", "failed", NULL };

#define TRIAL(member, kind) FIELD(struct trial_facts, member, kind)
static const struct fact_field trial_fields[] = {
	{ .name = "state",
	  .kind = FACT_ENUM,
	  .names = trial_states,
	  .offset = offsetof(struct trial_facts, state) },
	TRIAL(why, FACT_STR),
	TRIAL(setup_ns, FACT_U64),
	TRIAL(exit_ns, FACT_U64),
	TRIAL(real_rate, FACT_U64),
	TRIAL(long_rate, FACT_U64),
	TRIAL(priv_rate, FACT_U64),
	TRIAL(native_rate, FACT_U64),
	{ 0 },
};

#define IOMMU(member, kind) FIELD(struct iommu_facts, member, kind)
static const struct fact_field iommu_fields[] = {
	IOMMU(tables_known, FACT_TRI),
	IOMMU(dmar, FACT_BOOL),
	IOMMU(ivrs, FACT_BOOL),
	IOMMU(viot, FACT_BOOL),
	IOMMU(units, FACT_U32),
	IOMMU(intel_units, FACT_U32),
	IOMMU(amd_units, FACT_U32),
	IOMMU(remap_units, FACT_U32),
	IOMMU(groups, FACT_U32),
	IOMMU(identity_groups, FACT_U32),
	IOMMU(irq_remap, FACT_TRI),
	IOMMU(intel_iommu, FACT_STR),
	IOMMU(amd_iommu, FACT_STR),
	IOMMU(iommu, FACT_STR),
	IOMMU(intremap, FACT_STR),
	IOMMU(intel_built, FACT_TRI),
	IOMMU(intel_default_on, FACT_TRI),
	IOMMU(amd_built, FACT_TRI),
	{ 0 },
};

const struct fact_section fact_sections[] = {
	{ "host", host_fields, offsetof(struct facts, host), false },
	{ "user", user_fields, offsetof(struct facts, user), true },
	{ "cpu", cpu_fields, offsetof(struct facts, cpu), false },
	{ "modules", modules_fields, offsetof(struct facts, modules), false },
	{ "kvm", kvm_fields, offsetof(struct facts, kvm), true },
	{ "trial", trial_fields, offsetof(struct facts, trial), true },
	{ "iommu", iommu_fields, offsetof(struct facts, iommu), false },
	{ 0 },
};

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

int facts_from_json(struct facts *facts, const json_t *object, struct err *err)
{
	for (const struct fact_section *s = fact_sections; s->name; s++) {
		const json_t *part = json_object_get(object, s->name);
		int ret;

		if (!s->captured || !part)
			continue;
		ret = load_section(s, (char *)facts + s->offset, part, err);
		if (ret < 0)
			return ret;
	}
	return 0;
}
