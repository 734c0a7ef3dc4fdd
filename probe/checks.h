/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The checks: a table of pure functions from facts to a result. */
#ifndef PROBE_CHECKS_H
#define PROBE_CHECKS_H

#include "probe/facts.h"
#include "probe/remedy.h"

enum check_status { CHECK_PASS, CHECK_NOTE, CHECK_WARN, CHECK_FAIL, CHECK_SKIP };

/* What a user wants of the host. Each picks checks and says how much they matter. */
enum goal {
	GOAL_GUEST,
	GOAL_PASSTHROUGH,
	GOAL_MIGRATION,
	GOAL_DENSE,
	GOAL_LOWLATENCY,
	GOAL_SECURE,
	GOAL_ALL,
	GOAL_COUNT
};

struct check;

struct result {
	const struct check *check;
	enum check_status status;
	char value[240];         /* what was found, and what it means where that helps */
	char remedy[REMEDY_MAX]; /* a command or an instruction; "" when nothing is wrong
	                          */
};

struct check {
	const char *id;       /* "category.name", stable; NULL ends the table */
	const char *category; /* as the text report groups them */
	const char *title;    /* one line, for --list */
	const char *source;   /* of the fact: file, ioctl, MSR, CPUID leaf */
	/* A letter for each goal, in the order of enum goal: '.' not asked, 'n' at most a
	 * note, 'w' at most a warning, 'f' as found, 'F' and a warning is a failure. */
	const char *goals;
	void (*run)(const struct facts *f, struct result *r);
	const char *explain; /* for --explain: why it matters, what the verdicts mean */
};

/* In the order of cause and effect: the first failure explains later ones. */
extern const struct check checks[];

#define CHECKS_MAX 128 /* rows, at most: a test counts them */

/* Runs the checks of the goals (bits 1 << enum goal; of several, the strictest letter
 * counts), in the table's order. Returns the number of results. */
unsigned checks_run(const struct facts *f, unsigned goals,
                    struct result results[CHECKS_MAX]);
/* The goal called name, or -1. */
int goal_find(const char *name);
/* By enum goal, then NULL. */
extern const char *const goal_names[GOAL_COUNT + 1];
/* The worst of count results, CHECK_PASS, CHECK_WARN or CHECK_FAIL. */
enum check_status checks_verdict(const struct result *results, unsigned count);
/* One of the goals runs the check; it can be more than a note there. */
bool check_asked(const struct check *check, unsigned goals);
bool check_judged(const struct check *check, unsigned goals);
/* The row called id, or NULL. */
const struct check *check_find(const char *id);
const char *check_status_name(enum check_status status);

/* For check functions. The value of a result; the remedy as text. */
void result_set(struct result *r, enum check_status status, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void result_remedy(struct result *r, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* The check functions, by file; the table in checks-table.c names what each finds out. */
void check_cpu_vendor(const struct facts *f, struct result *r);
void check_cpu_virt(const struct facts *f, struct result *r);
void check_cpu_firmware(const struct facts *f, struct result *r);
void check_cpu_flags(const struct facts *f, struct result *r);
void check_cpu_long_mode(const struct facts *f, struct result *r);
void check_cpu_nx(const struct facts *f, struct result *r);
void check_cpu_slat(const struct facts *f, struct result *r);
void check_nested_host(const struct facts *f, struct result *r);
void check_container(const struct facts *f, struct result *r);
void check_cpu_microcode(const struct facts *f, struct result *r);

void check_module_support(const struct facts *f, struct result *r);
void check_module_blacklist(const struct facts *f, struct result *r);
void check_module_kvm(const struct facts *f, struct result *r);
void check_module_vendor(const struct facts *f, struct result *r);
void check_module_conflict(const struct facts *f, struct result *r);
void check_module_slat(const struct facts *f, struct result *r);
void check_module_nested(const struct facts *f, struct result *r);
void check_module_features(const struct facts *f, struct result *r);
void check_module_apic(const struct facts *f, struct result *r);
void check_module_options(const struct facts *f, struct result *r);
void check_module_msrs(const struct facts *f, struct result *r);
void check_module_virt_load(const struct facts *f, struct result *r);
void check_module_sign(const struct facts *f, struct result *r);

void check_kvm_node(const struct facts *f, struct result *r);
void check_kvm_access(const struct facts *f, struct result *r);
void check_kvm_group(const struct facts *f, struct result *r);
void check_kvm_api(const struct facts *f, struct result *r);
void check_kvm_vm(const struct facts *f, struct result *r);
void check_kvm_caps(const struct facts *f, struct result *r);
void check_kvm_backend(const struct facts *f, struct result *r);
void check_kvm_trial(const struct facts *f, struct result *r);
void check_kvm_hardware(const struct facts *f, struct result *r);
void check_kvm_exit(const struct facts *f, struct result *r);

void check_kvm_kernel(const struct facts *f, struct result *r);
void check_kvm_mode(const struct facts *f, struct result *r);
void check_kvm_limits(const struct facts *f, struct result *r);
void check_kvm_hyperv(const struct facts *f, struct result *r);
void check_kvm_tsc_scaling(const struct facts *f, struct result *r);
void check_kvm_timer(const struct facts *f, struct result *r);
void check_kvm_models(const struct facts *f, struct result *r);

void check_iommu_table(const struct facts *f, struct result *r);
void check_iommu_groups(const struct facts *f, struct result *r);
void check_iommu_irq(const struct facts *f, struct result *r);
void check_iommu_domain(const struct facts *f, struct result *r);

void check_vfio_module(const struct facts *f, struct result *r);
void check_vfio_node(const struct facts *f, struct result *r);
void check_vfio_unsafe(const struct facts *f, struct result *r);
void check_vfio_noiommu(const struct facts *f, struct result *r);
void check_vfio_mappings(const struct facts *f, struct result *r);
void check_vfio_iommufd(const struct facts *f, struct result *r);
void check_vfio_groups(const struct facts *f, struct result *r);
void check_vfio_viable(const struct facts *f, struct result *r);
void check_vfio_reserved(const struct facts *f, struct result *r);
void check_vfio_reset(const struct facts *f, struct result *r);
void check_vfio_power(const struct facts *f, struct result *r);
void check_vfio_boot_vga(const struct facts *f, struct result *r);
void check_vfio_sriov(const struct facts *f, struct result *r);
void check_vfio_initramfs(const struct facts *f, struct result *r);

void check_memory_free(const struct facts *f, struct result *r);
void check_memory_overcommit(const struct facts *f, struct result *r);
void check_memory_swap(const struct facts *f, struct result *r);
void check_security_swap(const struct facts *f, struct result *r);
void check_memory_ksm(const struct facts *f, struct result *r);
void check_security_ksm(const struct facts *f, struct result *r);
void check_memory_thp(const struct facts *f, struct result *r);
void check_memory_hugepages(const struct facts *f, struct result *r);
void check_memory_huge_1g(const struct facts *f, struct result *r);
void check_memory_nvdimm(const struct facts *f, struct result *r);
void check_numa_nodes(const struct facts *f, struct result *r);
void check_numa_balancing(const struct facts *f, struct result *r);
void check_numa_ksm(const struct facts *f, struct result *r);

void check_power_governor(const struct facts *f, struct result *r);
void check_power_turbo(const struct facts *f, struct result *r);
void check_power_idle(const struct facts *f, struct result *r);
void check_power_halt_poll(const struct facts *f, struct result *r);
void check_power_preempt(const struct facts *f, struct result *r);
void check_power_isolation(const struct facts *f, struct result *r);
void check_power_console(const struct facts *f, struct result *r);
void check_time_clocksource(const struct facts *f, struct result *r);
void check_time_tsc(const struct facts *f, struct result *r);
void check_time_split_lock(const struct facts *f, struct result *r);

void check_network_vhost(const struct facts *f, struct result *r);
void check_network_tun(const struct facts *f, struct result *r);
void check_network_bridge(const struct facts *f, struct result *r);
void check_network_route(const struct facts *f, struct result *r);
void check_storage_io_uring(const struct facts *f, struct result *r);
void check_storage_scheduler(const struct facts *f, struct result *r);
void check_storage_root(const struct facts *f, struct result *r);
void check_limits_memlock(const struct facts *f, struct result *r);
void check_limits_nofile(const struct facts *f, struct result *r);
void check_limits_maps(const struct facts *f, struct result *r);
void check_limits_cgroup(const struct facts *f, struct result *r);
void check_limits_dynmods(const struct facts *f, struct result *r);
void check_container_ns(const struct facts *f, struct result *r);
void check_container_fuse(const struct facts *f, struct result *r);

void check_security_l1tf(const struct facts *f, struct result *r);
void check_security_mds(const struct facts *f, struct result *r);
void check_security_taa(const struct facts *f, struct result *r);
void check_security_mmio(const struct facts *f, struct result *r);
void check_security_retbleed(const struct facts *f, struct result *r);
void check_security_srso(const struct facts *f, struct result *r);
void check_security_vmscape(const struct facts *f, struct result *r);
void check_security_spectre(const struct facts *f, struct result *r);
void check_security_meltdown(const struct facts *f, struct result *r);
void check_security_itlb(const struct facts *f, struct result *r);
void check_security_bugs(const struct facts *f, struct result *r);
void check_security_smt(const struct facts *f, struct result *r);
void check_security_smt_rsb(const struct facts *f, struct result *r);
void check_security_lockdown(const struct facts *f, struct result *r);
void check_security_lsm(const struct facts *f, struct result *r);
void check_security_landlock(const struct facts *f, struct result *r);
void check_security_encrypt(const struct facts *f, struct result *r);

#endif
