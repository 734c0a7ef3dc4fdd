/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The `-cpu` option: CPU models, and what the user changed in one.
 *
 *     -cpu MODEL[,+feature][,-feature][,feature=on|off][,property=value]...
 *
 * As in QEMU, "feature=on|off" is applied in the order given, then every "+feature", then
 * every "-feature". A bare word is word=on. Only the main thread parses.
 */
#ifndef CPU_CPUMODEL_H
#define CPU_CPUMODEL_H

#include "common/err.h"
#include "common/opts.h"
#include "common/strbuf.h"
#include "cpu/cpufeat.h"

#define CPU_DEFAULT_MODEL "host"
#define CPU_LIST_END      UINT16_MAX
#define CPU_AS_MODEL      UINT32_MAX /* a number that the user left to the model */

enum cpu_kind { CPU_KIND_NAMED, CPU_KIND_BASE, CPU_KIND_HOST };
enum cpu_vendor { CPU_VENDOR_NONE, CPU_VENDOR_INTEL, CPU_VENDOR_AMD, CPU_VENDOR_HYGON };

/* One row. A child without a signature has its parent's; likewise for model_id. */
struct cpu_model {
	const char *name;   /* "Haswell" */
	const char *alias;  /* "Haswell-noTSX", or NULL */
	const char *parent; /* an earlier row's name or versioned name, or NULL */
	const char
		*model_id; /* what the guest's /proc/cpuinfo shows; NULL: the parent's */
	const uint16_t *add, *del; /* enum cpu_feature up to CPU_LIST_END; NULL: none */
	uint8_t kind;              /* enum cpu_kind */
	uint8_t vendor;            /* enum cpu_vendor; CPU_VENDOR_NONE: the parent's */
	uint8_t version;           /* 1 and up: "-vN"; 0: the model has no versions */
	uint8_t family, model, stepping;
	uint32_t level, xlevel; /* highest basic and extended leaf */
};

/* Ends with a row without a name. */
extern const struct cpu_model cpu_models[];

/* A model with its parents' data filled in. */
struct cpu_model_data {
	const char *model_id; /* never NULL */
	enum cpu_vendor vendor;
	uint8_t family, model, stepping;
	uint32_t level, xlevel;
	struct cpu_words words; /* without KVM's own features and the hypervisor bit */
};

/* By name ("Haswell" is "Haswell-v1"), versioned name or alias; NULL when unknown. */
const struct cpu_model *cpu_model_find(const char *name);
/* Of a row whose kind is CPU_KIND_NAMED or CPU_KIND_BASE. */
void cpu_model_resolve(const struct cpu_model *row, struct cpu_model_data *data);
/* Takes from a model's features what no guest gets by its model alone: ACPI throttling
 * and MONITOR, which belong to the host's power management, and nested virtualization. */
void cpu_model_trim(struct cpu_words *words);
/* The twelve letters of leaf 0. */
const char *cpu_vendor_name(enum cpu_vendor vendor);

/* What -cpu asks for. Initialize with cpu_config_init(), release with cpu_config_free().
 */
struct cpu_config {
	const struct cpu_model *model;
	struct cpu_words on, off; /* the user's features; disjoint */
	bool check;               /* name each feature that KVM cannot give */
	bool enforce;             /* … and refuse to start */
	bool kvm;                 /* show KVM's own leaves */
	bool l3_cache;
	bool cpuid_0xb;
	bool frequency_leaf; /* leaf 0x40000010: TSC and APIC frequency */
	int migratable;      /* enum opt_tri; auto: on, but with an invariant TSC */
	int pmu;             /* enum opt_tri; auto: for host and max */
	int host_phys_bits;  /* enum opt_tri; auto: for host and max */
	int host_cache_info; /* enum opt_tri; auto: for host and max */
	uint32_t host_phys_bits_limit; /* 0: none */
	uint32_t phys_bits;            /* 0: the model's */
	uint32_t level, xlevel;        /* CPU_AS_MODEL, or the user's, like the next */
	uint32_t family, number, stepping;
	uint64_t tsc_hz; /* 0: the host's; the caller gives it to KVM_SET_TSC_KHZ */
	char *vendor;    /* twelve letters, or NULL: the host's */
	char *model_id;  /* up to 48 bytes, or NULL: the model's */
};

/* The properties of -cpu that are not features: for help and the manual. */
extern const struct opt_desc cpu_properties[];

/* The default: -cpu host. */
void cpu_config_init(struct cpu_config *config);
/*
 * The text of one -cpu option over an initialized config. Unknown model, feature or
 * property: -EINVAL or -ENOENT with a sentence that has the nearest name. The caller
 * handles "?" and "help" with cpu_is_help() before. On failure cpu_config_free() is still
 * due.
 */
int cpu_config_parse(struct cpu_config *config, const char *text, struct err *err);
void cpu_config_free(struct cpu_config *config);

bool cpu_is_help(const char *text);
/* Models, properties and features, as `-cpu help` prints them. */
void cpu_help(struct strbuf *out);

#endif
