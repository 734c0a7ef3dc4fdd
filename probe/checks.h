/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The checks: a table of pure functions from facts to a result. */
#ifndef PROBE_CHECKS_H
#define PROBE_CHECKS_H

#include "probe/facts.h"
#include "probe/remedy.h"

enum check_status { CHECK_PASS, CHECK_NOTE, CHECK_WARN, CHECK_FAIL, CHECK_SKIP };

struct result {
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
	void (*run)(const struct facts *f, struct result *r);
	const char *explain; /* for --explain: why it matters, what the verdicts mean */
};

/* In the order of cause and effect: the first failure explains later ones. */
extern const struct check checks[];

#define CHECKS_MAX 128 /* rows, at most */

/* Runs every check; results[i] belongs to checks[i]. Returns the number of checks. */
unsigned checks_run(const struct facts *f, struct result results[CHECKS_MAX]);
/* The worst of count results, CHECK_PASS, CHECK_WARN or CHECK_FAIL. */
enum check_status checks_verdict(const struct result *results, unsigned count);
/* The row called id, or NULL. */
const struct check *check_find(const char *id);
const char *check_status_name(enum check_status status);

/* For check functions. The value of a result; the remedy as text. */
void result_set(struct result *r, enum check_status status, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void result_remedy(struct result *r, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* The check functions, by file; the table in checks.c names what each finds out. */
void check_cpu_vendor(const struct facts *f, struct result *r);
void check_cpu_virt(const struct facts *f, struct result *r);
void check_cpu_firmware(const struct facts *f, struct result *r);
void check_cpu_flags(const struct facts *f, struct result *r);
void check_cpu_long_mode(const struct facts *f, struct result *r);
void check_cpu_nx(const struct facts *f, struct result *r);
void check_cpu_slat(const struct facts *f, struct result *r);
void check_nested_host(const struct facts *f, struct result *r);
void check_container(const struct facts *f, struct result *r);

void check_module_support(const struct facts *f, struct result *r);
void check_module_blacklist(const struct facts *f, struct result *r);
void check_module_kvm(const struct facts *f, struct result *r);
void check_module_vendor(const struct facts *f, struct result *r);
void check_module_conflict(const struct facts *f, struct result *r);
void check_module_slat(const struct facts *f, struct result *r);
void check_module_nested(const struct facts *f, struct result *r);

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

void check_iommu_table(const struct facts *f, struct result *r);
void check_iommu_groups(const struct facts *f, struct result *r);
void check_iommu_irq(const struct facts *f, struct result *r);
void check_iommu_domain(const struct facts *f, struct result *r);

#endif
