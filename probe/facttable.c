// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The field tables of all facts: a row names a field in JSON and says what it is. A new
 * fact is one row here and one line in docs/host.schema.json.
 */
#include "probe/factfield.h"

#include <stddef.h>

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
	CPU(xd_disabled, FACT_TRI),
	CPU(phys_bits, FACT_U32),
	CPU(invariant_tsc, FACT_TRI),
	CPU(pdpe1gb, FACT_BOOL),
	CPU(encryption, FACT_U32),
	CPU(flag_tdx, FACT_BOOL),
	CPU(microcode, FACT_U32),
	CPU(microcode_others, FACT_U32),
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
	MOD_STATE(MODULE_VHOST_NET, "vhost_net"),
	MOD_STATE(MODULE_TUN, "tun"),
	MOD_STATE(MODULE_VFIO_PCI, "vfio_pci"),
	MOD_STATE(MODULE_VFIO_IOMMU_TYPE1, "vfio_iommu_type1"),
	MODULES(nested, FACT_TRI),
	MODULES(slat, FACT_TRI),
	MODULES(unrestricted_guest, FACT_TRI),
	MODULES(enable_virt_at_load, FACT_TRI),
	MODULES(sig_enforce, FACT_TRI),
	MODULES(conflict, FACT_STR),
	MODULES(vfio_ids, FACT_STR),
	{ 0 },
};

#define KVM(member, kind) FIELD(struct kvm_facts, member, kind)
static const struct fact_field kvm_fields[] = {
	KVM(node_err, FACT_ERRNO), KVM(node_char, FACT_BOOL),
	KVM(node_major, FACT_U32), KVM(node_minor, FACT_U32),
	KVM(node_mode, FACT_U32),  KVM(node_uid, FACT_U32),
	KVM(node_gid, FACT_U32),   KVM(registered, FACT_TRI),
	KVM(open_err, FACT_ERRNO), KVM(api_err, FACT_ERRNO),
	KVM(api, FACT_I32),        KVM(vm_err, FACT_ERRNO),
	KVM(vcpu_err, FACT_ERRNO), KVM(cap, FACT_CAPS),
	KVM(tsc_khz, FACT_U32),    KVM(features_err, FACT_ERRNO),
	KVM(features, FACT_WORDS), { 0 },
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

static const struct fact_field params_fields[] = {
#define PARAM(module, param)                                                       \
	{ .name = #module "." #param,                                              \
	  .kind = FACT_STR,                                                        \
	  .offset = offsetof(struct param_facts, value[PARAM_##module##_##param]), \
	  .size = sizeof(((struct param_facts *)0)->value[0]) },
	KVM_PARAMS(PARAM)
#undef PARAM
		{ 0 },
};

#define MEMORY(member, kind) FIELD(struct memory_facts, member, kind)
static const struct fact_field memory_fields[] = {
	MEMORY(total, FACT_U64),
	MEMORY(available, FACT_U64),
	MEMORY(commit_limit, FACT_U64),
	MEMORY(committed, FACT_U64),
	MEMORY(swap_total, FACT_U64),
	MEMORY(overcommit, FACT_I32),
	MEMORY(thp, FACT_STR),
	MEMORY(ksm, FACT_I32),
	MEMORY(ksm_sharing, FACT_U64),
	MEMORY(ksm_merge_nodes, FACT_I32),
	MEMORY(huge_2m, FACT_U64),
	MEMORY(huge_1g, FACT_U64),
	MEMORY(huge_2m_free, FACT_U64),
	MEMORY(huge_1g_free, FACT_U64),
	MEMORY(huge_asked, FACT_U64),
	MEMORY(huge_lacking, FACT_U64),
	MEMORY(hugetlbfs, FACT_BOOL),
	MEMORY(nvdimms, FACT_U32),
	{ 0 },
};

#define NUMA(member, kind) FIELD(struct numa_facts, member, kind)
static const struct fact_field numa_fields[] = {
	NUMA(nodes, FACT_U32),
	NUMA(memory_less, FACT_U32),
	NUMA(smallest, FACT_U64),
	NUMA(largest, FACT_U64),
	NUMA(balancing, FACT_I32),
	NUMA(huge_uneven, FACT_BOOL),
	{ 0 },
};

#define POWER(member, kind) FIELD(struct power_facts, member, kind)
static const struct fact_field power_fields[] = {
	POWER(clocksource, FACT_STR),
	POWER(tsc_usable, FACT_TRI),
	POWER(idle_driver, FACT_STR),
	POWER(governor, FACT_STR),
	POWER(frequency_driver, FACT_STR),
	POWER(governor_others, FACT_U32),
	POWER(turbo, FACT_TRI),
	POWER(split_lock_mitigate, FACT_I32),
	POWER(split_lock_detect, FACT_STR),
	POWER(preempt, FACT_STR),
	POWER(nohz_full, FACT_TRI),
	POWER(isolated, FACT_STR),
	POWER(loglevel, FACT_I32),
	{ 0 },
};

#define SECURITY(member, kind) FIELD(struct security_facts, member, kind)
static const struct fact_field security_fields[] = {
#define VULNERABILITY(file)                                                      \
	{ .name = #file,                                                         \
	  .kind = FACT_STR,                                                      \
	  .offset = offsetof(struct security_facts, vulnerability[VULN_##file]), \
	  .size = sizeof(((struct security_facts *)0)->vulnerability[0]) },
	VULNERABILITIES(VULNERABILITY)
#undef VULNERABILITY
		SECURITY(unnamed, FACT_STR),
	SECURITY(smt, FACT_STR),
	SECURITY(lsm, FACT_STR),
	SECURITY(selinux, FACT_TRI),
	SECURITY(apparmor, FACT_TRI),
	SECURITY(io_uring_disabled, FACT_I32),
	{ 0 },
};

#define NODE(member)                                                     \
	{ .name = #member "_err",                                        \
	  .kind = FACT_ERRNO,                                            \
	  .offset = offsetof(struct nodes_facts, member.err) },          \
		{ .name = #member "_mode",                               \
		  .kind = FACT_U32,                                      \
		  .offset = offsetof(struct nodes_facts, member.mode) }, \
	{                                                                \
		.name = #member "_access", .kind = FACT_ERRNO,           \
		.offset = offsetof(struct nodes_facts, member.access)    \
	}
static const struct fact_field nodes_fields[] = {
	NODE(vhost_net), NODE(tun), NODE(vfio), NODE(iommu), NODE(sev), { 0 },
};

#define LIMITS(member, kind) FIELD(struct limits_facts, member, kind)
static const struct fact_field limits_fields[] = {
	LIMITS(memlock, FACT_I64),
	LIMITS(nofile, FACT_I64),
	{ 0 },
};

#define SYSTEM(member, kind) FIELD(struct system_facts, member, kind)
static const struct fact_field system_fields[] = {
	SYSTEM(max_map_count, FACT_U64),
	SYSTEM(cgroup, FACT_I32),
	SYSTEM(controllers, FACT_STR),
	SYSTEM(disabled, FACT_STR),
	SYSTEM(favordynmods, FACT_BOOL),
	SYSTEM(namespaces, FACT_STR),
	SYSTEM(fuse, FACT_BOOL),
	SYSTEM(route, FACT_STR),
	SYSTEM(bridge_filter, FACT_TRI),
	SYSTEM(scheduler, FACT_STR),
	SYSTEM(disks, FACT_U32),
	SYSTEM(root_device, FACT_STR),
	{ 0 },
};

#define VFIO(member, kind) FIELD(struct vfio_facts, member, kind)
static const struct fact_field vfio_fields[] = {
	VFIO(devices, FACT_U32),
	VFIO(bound, FACT_U32),
	VFIO(group_nodes, FACT_U32),
	VFIO(noiommu_nodes, FACT_U32),
	VFIO(private_nodes, FACT_U32),
	VFIO(shared_groups, FACT_U32),
	VFIO(shared, FACT_STR),
	VFIO(blocked, FACT_STR),
	VFIO(reserved_devices, FACT_U32),
	VFIO(reserved, FACT_STR),
	VFIO(no_reset, FACT_U32),
	VFIO(no_reset_device, FACT_STR),
	VFIO(asleep, FACT_STR),
	VFIO(boot_vga, FACT_STR),
	VFIO(boot_vga_driver, FACT_STR),
	VFIO(framebuffer, FACT_BOOL),
	VFIO(sriov_capable, FACT_U32),
	VFIO(sriov_functions, FACT_U32),
	VFIO(cdev, FACT_BOOL),
	VFIO(initramfs_older, FACT_TRI),
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
	{ "params", params_fields, offsetof(struct facts, params), false },
	{ "memory", memory_fields, offsetof(struct facts, memory), false },
	{ "numa", numa_fields, offsetof(struct facts, numa), false },
	{ "power", power_fields, offsetof(struct facts, power), false },
	{ "security", security_fields, offsetof(struct facts, security), false },
	{ "nodes", nodes_fields, offsetof(struct facts, nodes), true },
	{ "limits", limits_fields, offsetof(struct facts, limits), true },
	{ "system", system_fields, offsetof(struct facts, system), false },
	{ "vfio", vfio_fields, offsetof(struct facts, vfio), false },
	{ 0 },
};
