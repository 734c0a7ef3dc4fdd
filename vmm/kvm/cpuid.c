// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * CPUID leaves from a plan (Intel SDM vol. 2, CPUID; AMD APM vol. 3, appendix E; Linux
 * Documentation/virt/kvm/x86/cpuid.rst). What depends on the vCPU is its APIC id (leaves
 * 1, 0xb, 0x1f, 0x8000001e); what depends on the guest's own registers (OSXSAVE, OSPKE,
 * the current XSAVE size) KVM updates itself while the guest runs.
 *
 * Invariant: the feature registers are plan->words, read through cpu_word_info and
 * nothing else; all other registers are numbers. Pure, any thread.
 */
#include "vmm/kvm/cpuid.h"

#include "common/cleanup.h"

#include <errno.h>
#include <string.h>

struct builder {
	const struct cpu_plan *plan;
	struct cpuid_table *table;
	uint32_t apic_id;
	unsigned index;
	bool full;
	struct kvm_cpuid_entry2 spill; /* takes what does not fit */
};

static struct kvm_cpuid_entry2 *put(struct builder *b, uint32_t function)
{
	struct kvm_cpuid_entry2 *e = &b->spill;

	if (b->table->nent < CPUID_ENTRIES_MAX)
		e = &b->table->entries[b->table->nent++];
	else
		b->full = true;
	*e = (struct kvm_cpuid_entry2){ .function = function };
	return e;
}

static struct kvm_cpuid_entry2 *put_sub(struct builder *b, uint32_t function,
                                        uint32_t index)
{
	struct kvm_cpuid_entry2 *e = put(b, function);

	e->index = index;
	e->flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX;
	return e;
}

/* ORs the feature words of a leaf into its registers. */
static void add_words(const struct cpu_plan *plan, struct kvm_cpuid_entry2 *e)
{
	uint32_t *regs[] = { &e->eax, &e->ebx, &e->ecx, &e->edx };

	for (unsigned i = 0; i < CPU_WORDS; i++) {
		const struct cpu_word_info *info = &cpu_word_info[i];

		if (!info->msr && info->function == e->function &&
		    info->index == e->index)
			*regs[info->reg] |= plan->words.w[i];
	}
}

static bool is_zero(const struct kvm_cpuid_entry2 *e)
{
	return !(e->eax | e->ebx | e->ecx | e->edx);
}

/* All of the host's entries of a leaf, as they are. */
static void copy_host(struct builder *b, uint32_t function)
{
	const struct kvm_cpuid2 *host = b->plan->host;

	for (uint32_t i = 0; i < host->nent; i++) {
		const struct kvm_cpuid_entry2 *e = &host->entries[i];

		if (e->function == function && !is_zero(e))
			*put(b, function) = *e;
	}
}

static unsigned logical_count(const struct cpu_plan *plan)
{
	return plan->topology.cores * plan->topology.threads;
}

static uint32_t at_most(uint32_t value, uint32_t limit)
{
	return value < limit ? value : limit;
}

/* ---- caches ---- */

enum cache_type { CACHE_NONE, CACHE_DATA, CACHE_CODE, CACHE_UNIFIED };

#define CACHE_LINE 64

/* The caches of named models. Leaves 2, 4, 0x80000005, 6 and 0x8000001d agree on them. */
static const struct cache {
	uint8_t level;
	uint8_t type;
	uint8_t ways;
	uint16_t kib;
} caches[] = {
	{ 1, CACHE_DATA, 8, 32 },
	{ 1, CACHE_CODE, 8, 32 },
	{ 2, CACHE_UNIFIED, 8, 2048 },
	{ 3, CACHE_UNIFIED, 16, 16384 },
};

/* Leaf 2 descriptors of the same (SDM vol. 2, table 3-12); level 3 stands alone. */
enum { DESC_L1D = 0x2c, DESC_L1I = 0x30, DESC_L2 = 0x7d, DESC_L3 = 0x4d };
/* 0x80000006: ways are encoded (APM vol. 3, table E-4). */
enum { ASSOC_4 = 4, ASSOC_8 = 6, ASSOC_16 = 8, ASSOC_FULL = 0xff };

static void put_leaf_2(struct builder *b)
{
	struct kvm_cpuid_entry2 *e;

	if (b->plan->amd)
		return;
	if (b->plan->host_caches) {
		copy_host(b, 2);
		return;
	}
	e = put(b, 2);
	e->eax = 1; /* one CPUID 2 tells all */
	e->ecx = b->plan->l3_cache ? DESC_L3 : 0;
	e->edx = DESC_L1D << 16 | DESC_L1I << 8 | DESC_L2;
}

/* Level 1 and 2 belong to a core, level 3 to the package: what the host shares with more
 * processors than the guest sees would tell a wrong topology. */
static void set_sharing(const struct builder *b, struct kvm_cpuid_entry2 *e)
{
	const struct cpu_topology *topology = &b->plan->topology;
	unsigned level = e->eax >> 5 & 7;
	unsigned bits =
		level < 3 ? cpu_thread_bits(topology) : cpu_package_bits(topology);
	unsigned core_bits = cpu_id_bits(topology->cores);

	e->eax &= (1u << 14) - 1;
	e->eax |= at_most((1u << bits) - 1, 0xfff) << 14;
	if (e->function == 4)
		e->eax |= at_most((1u << core_bits) - 1, 0x3f) << 26;
}

/* Intel's leaf 4 and AMD's 0x8000001d have one format, but for the core count. */
static void put_caches(struct builder *b, uint32_t function)
{
	const struct kvm_cpuid_entry2 *host = cpuid_host_leaf(b->plan->host, function, 0);

	if (b->plan->host_caches && host && (host->eax & 0x1f) != CACHE_NONE) {
		for (unsigned i = 0; i < 8; i++) {
			struct kvm_cpuid_entry2 *e;

			host = cpuid_host_leaf(b->plan->host, function, i);
			if (!host || (host->eax & 0x1f) == CACHE_NONE)
				break;
			e = put_sub(b, function, i);
			*e = *host;
			set_sharing(b, e);
		}
		return;
	}
	for (unsigned i = 0; i < ARRAY_SIZE(caches) - !b->plan->l3_cache; i++) {
		const struct cache *c = &caches[i];
		struct kvm_cpuid_entry2 *e = put_sub(b, function, i);

		e->eax = c->type | (uint32_t)c->level << 5 | 1 << 8;
		e->ebx = (c->ways - 1u) << 22 | (CACHE_LINE - 1);
		e->ecx = c->kib * 1024u / (CACHE_LINE * c->ways) - 1;
		set_sharing(b, e);
	}
}

static bool host_has(const struct cpu_plan *plan, uint32_t function)
{
	const struct kvm_cpuid_entry2 *e = cpuid_host_leaf(plan->host, function, 0);

	return e && !is_zero(e);
}

/* Some kernels leave one of these two leaves empty: then ours is better than none. */
static void put_leaf_ext5(struct builder *b)
{
	const uint32_t tlb = (uint32_t)ASSOC_FULL << 24 | 64 << 16 | ASSOC_FULL << 8 | 64;
	const uint32_t line = 1 << 8 | CACHE_LINE;
	struct kvm_cpuid_entry2 *e;

	if (!b->plan->amd)
		return;
	if (b->plan->host_caches && host_has(b->plan, 0x80000005)) {
		copy_host(b, 0x80000005);
		return;
	}
	e = put(b, 0x80000005);
	e->eax = e->ebx = tlb;
	e->ecx = (uint32_t)caches[0].kib << 24 | caches[0].ways << 16 | line;
	e->edx = (uint32_t)caches[1].kib << 24 | caches[1].ways << 16 | line;
}

static void put_leaf_ext6(struct builder *b)
{
	const uint32_t line = 1 << 8 | CACHE_LINE;
	struct kvm_cpuid_entry2 *e;

	if (b->plan->host_caches && host_has(b->plan, 0x80000006)) {
		copy_host(b, 0x80000006);
		return;
	}
	e = put(b, 0x80000006);
	e->ecx = (uint32_t)caches[2].kib << 16 | ASSOC_8 << 12 | line;
	if (!b->plan->amd)
		return;
	e->ebx = (uint32_t)ASSOC_4 << 28 | 512 << 16 | ASSOC_4 << 12 | 512;
	if (b->plan->l3_cache)
		e->edx = caches[3].kib / 512u << 18 | ASSOC_16 << 12 | line;
}

/* ---- topology ---- */

static void put_extended_topology(struct builder *b, uint32_t function)
{
	enum { LEVEL_THREAD = 1, LEVEL_CORE = 2 };
	const struct cpu_topology *topology = &b->plan->topology;
	struct kvm_cpuid_entry2 *e;

	e = put_sub(b, function, 0);
	e->eax = cpu_thread_bits(topology);
	e->ebx = at_most(topology->threads, 0xffff);
	e->ecx = LEVEL_THREAD << 8 | 0;
	e->edx = b->apic_id;
	e = put_sub(b, function, 1);
	e->eax = cpu_package_bits(topology);
	e->ebx = at_most(logical_count(b->plan), 0xffff);
	e->ecx = LEVEL_CORE << 8 | 1;
	e->edx = b->apic_id;
	e = put_sub(b, function, 2);
	e->ecx = 2;
	e->edx = b->apic_id;
}

static void put_amd_topology(struct builder *b)
{
	const struct cpu_topology *topology = &b->plan->topology;
	struct kvm_cpuid_entry2 *e = put(b, 0x8000001e);
	unsigned core = b->index / topology->threads % topology->cores;
	unsigned socket = b->index / logical_count(b->plan);

	e->eax = b->apic_id;
	e->ebx = at_most(topology->threads - 1, 0xff) << 8 | (core & 0xff);
	e->ecx = socket & 0xff; /* one node per socket */
}

/* ---- basic leaves ---- */

static void set_vendor(const struct builder *b, struct kvm_cpuid_entry2 *e)
{
	memcpy(&e->ebx, b->plan->vendor, 4);
	memcpy(&e->edx, b->plan->vendor + 4, 4);
	memcpy(&e->ecx, b->plan->vendor + 8, 4);
}

static void put_leaf_1(struct builder *b)
{
	struct kvm_cpuid_entry2 *e = put(b, 1);
	/* Intel counts ids, AMD counts processors. */
	uint32_t count = b->plan->amd ? logical_count(b->plan)
	                              : 1u << cpu_package_bits(&b->plan->topology);

	e->eax = b->plan->signature;
	e->ebx = b->apic_id << 24;
	if (cpu_has(&b->plan->words, CPU_CLFLUSH))
		e->ebx |= CACHE_LINE / 8 << 8;
	if (cpu_has(&b->plan->words, CPU_HT))
		e->ebx |= at_most(count, 0xff) << 16;
	add_words(b->plan, e);
}

static void put_leaf_7(struct builder *b)
{
	const struct cpu_words *words = &b->plan->words;
	struct kvm_cpuid_entry2 *e = put_sub(b, 7, 0);

	if (words->w[CPU_W_7_2_EDX])
		e->eax = 2;
	else if (words->w[CPU_W_7_1_EAX] | words->w[CPU_W_7_1_EDX])
		e->eax = 1;
	add_words(b->plan, e);
	for (uint32_t i = 1, last = e->eax; i <= last; i++)
		add_words(b->plan, put_sub(b, 7, i));
}

#define XSAVE_LEGACY 576 /* the FXSAVE area and the XSAVE header */

/* Sub-leaf 0 counts components at their fixed places, sub-leaf 1 packs them. */
static void put_leaf_d(struct builder *b)
{
	const struct cpu_plan *plan = b->plan;
	uint64_t present = plan->xcr0 | plan->xss;
	struct kvm_cpuid_entry2 *main = put_sub(b, 0xd, 0);
	struct kvm_cpuid_entry2 *sub = put_sub(b, 0xd, 1);
	uint32_t size = XSAVE_LEGACY, packed = XSAVE_LEGACY;

	for (unsigned i = 2; i < 63; i++) {
		const struct kvm_cpuid_entry2 *e;

		if (!(present >> i & 1))
			continue;
		e = cpuid_host_leaf(plan->host, 0xd, i);
		if (!e)
			continue;
		*put_sub(b, 0xd, i) = *e;
		if (e->ecx & 2) /* aligned when packed */
			packed = (packed + 63) & ~63u;
		packed += e->eax;
		if (plan->xcr0 >> i & 1 && e->ebx + e->eax > size)
			size = e->ebx + e->eax;
	}
	main->eax = (uint32_t)plan->xcr0;
	main->edx = (uint32_t)(plan->xcr0 >> 32);
	main->ecx = size;
	main->ebx = size;
	add_words(plan, sub);
	if (cpu_has(&plan->words, CPU_XSAVEC))
		sub->ebx = packed;
	sub->ecx = (uint32_t)plan->xss;
	sub->edx = (uint32_t)(plan->xss >> 32);
}

static void put_basic(struct builder *b)
{
	const struct cpu_plan *plan = b->plan;
	const struct cpu_words *words = &plan->words;
	struct kvm_cpuid_entry2 *e = put(b, 0);

	e->eax = plan->level;
	set_vendor(b, e);
	put_leaf_1(b);
	if (plan->level >= 2)
		put_leaf_2(b);
	if (plan->level >= 4 && !plan->amd)
		put_caches(b, 4);
	if (plan->level >= 6)
		add_words(plan, put(b, 6));
	if (plan->level >= 7)
		put_leaf_7(b);
	if (plan->level >= 0xa && plan->pmu)
		copy_host(b, 0xa);
	if (plan->level >= 0xb && plan->cpuid_0xb)
		put_extended_topology(b, 0xb);
	if (plan->level >= 0xd && cpu_has(words, CPU_XSAVE))
		put_leaf_d(b);
	if (plan->level >= 0x14 && cpu_has(words, CPU_INTEL_PT))
		copy_host(b, 0x14);
	if (plan->level >= 0x1d && cpu_has(words, CPU_AMX_TILE))
		copy_host(b, 0x1d);
	if (plan->level >= 0x1e && cpu_has(words, CPU_AMX_TILE))
		copy_host(b, 0x1e);
	if (plan->level >= 0x1f && plan->cpuid_0xb && !plan->amd)
		put_extended_topology(b, 0x1f);
}

/* ---- extended leaves ---- */

/* AMD repeats these bits of leaf 1 EDX: fpu … cx8, apic, mtrr … pse36, mmx, fxsr. */
#define AMD_REPEATED 0x0183f3ff

static void put_leaf_ext1(struct builder *b)
{
	struct kvm_cpuid_entry2 *e = put(b, 0x80000001);
	const struct kvm_cpuid_entry2 *host =
		cpuid_host_leaf(b->plan->host, 0x80000001, 0);

	if (b->plan->amd) {
		e->eax = b->plan->signature;
		e->edx = b->plan->words.w[CPU_W_1_EDX] & AMD_REPEATED;
	}
	if (b->plan->from_host && host)
		e->ebx = host->ebx;
	add_words(b->plan, e);
}

static void put_leaf_ext8(struct builder *b)
{
	const struct cpu_plan *plan = b->plan;
	struct kvm_cpuid_entry2 *e = put(b, 0x80000008);
	const struct kvm_cpuid_entry2 *host = cpuid_host_leaf(plan->host, 0x80000008, 0);
	uint32_t virt = 32;

	if (cpu_has(&plan->words, CPU_LM))
		virt = cpu_has(&plan->words, CPU_LA57) ? 57 : 48;
	e->eax = plan->phys_bits | virt << 8;
	/* KVM tells there how wide nested paging is, where it is narrower. */
	if (plan->from_host && host && (host->eax >> 16 & 0xff) < plan->phys_bits)
		e->eax |= host->eax & 0xff0000;
	if (plan->amd)
		e->ecx = cpu_package_bits(&plan->topology) << 12 |
		         at_most(logical_count(plan) - 1, 0xff);
	add_words(plan, e);
}

static void put_model_id(struct builder *b)
{
	for (unsigned i = 0; i < 3; i++) {
		struct kvm_cpuid_entry2 *e = put(b, 0x80000002 + i);

		memcpy(&e->eax, b->plan->model_id + 16 * i, 4);
		memcpy(&e->ebx, b->plan->model_id + 16 * i + 4, 4);
		memcpy(&e->ecx, b->plan->model_id + 16 * i + 8, 4);
		memcpy(&e->edx, b->plan->model_id + 16 * i + 12, 4);
	}
}

static void put_svm(struct builder *b)
{
	const struct kvm_cpuid_entry2 *host =
		cpuid_host_leaf(b->plan->host, 0x8000000a, 0);
	struct kvm_cpuid_entry2 *e = put(b, 0x8000000a);

	e->eax = 1;                    /* SVM revision */
	e->ebx = host ? host->ebx : 8; /* address space ids */
	add_words(b->plan, e);
}

static void put_extended(struct builder *b)
{
	const struct cpu_plan *plan = b->plan;
	uint32_t highest = plan->xlevel;
	struct kvm_cpuid_entry2 *e;

	if (highest < 0x80000000)
		return;
	e = put(b, 0x80000000);
	e->eax = highest;
	if (plan->amd) /* reserved in Intel's */
		set_vendor(b, e);
	if (highest >= 0x80000001)
		put_leaf_ext1(b);
	if (highest >= 0x80000004)
		put_model_id(b);
	if (highest >= 0x80000005)
		put_leaf_ext5(b);
	if (highest >= 0x80000006)
		put_leaf_ext6(b);
	if (highest >= 0x80000007)
		add_words(plan, put(b, 0x80000007));
	if (highest >= 0x80000008)
		put_leaf_ext8(b);
	if (highest >= 0x8000000a && cpu_has(&plan->words, CPU_SVM))
		put_svm(b);
	if (plan->from_host && plan->amd && highest >= 0x8000001a) {
		copy_host(b, 0x80000019);
		copy_host(b, 0x8000001a);
	}
	if (highest >= 0x8000001e && plan->amd && cpu_has(&plan->words, CPU_TOPOEXT)) {
		put_caches(b, 0x8000001d);
		put_amd_topology(b);
	}
	if (highest >= 0x80000021)
		add_words(plan, put(b, 0x80000021));
	if (highest >= 0x80000022 && plan->pmu)
		copy_host(b, 0x80000022);
}

/* ---- KVM's leaves ---- */

static void put_kvm(struct builder *b)
{
	struct kvm_cpuid_entry2 *e = put(b, 0x40000000);
	const uint32_t apic_khz =
		1000 * 1000; /* KVM's local APIC timer: one tick is 1 ns */

	e->eax = b->plan->tsc_khz ? 0x40000010 : 0x40000001;
	memcpy(&e->ebx, "KVMK", 4);
	memcpy(&e->ecx, "VMKV", 4);
	memcpy(&e->edx, "M\0\0\0", 4);
	add_words(b->plan, put(b, 0x40000001));
	if (!b->plan->tsc_khz)
		return;
	e = put(b, 0x40000010);
	e->eax = b->plan->tsc_khz;
	e->ebx = apic_khz;
}

int cpuid_build(const struct cpu_plan *plan, unsigned index, struct cpuid_table *table)
{
	struct builder b = {
		.plan = plan,
		.table = table,
		.apic_id = cpu_apic_id(&plan->topology, index),
		.index = index,
	};

	table->nent = table->padding = 0;
	put_basic(&b);
	if (plan->kvm)
		put_kvm(&b);
	put_extended(&b);
	return b.full ? -E2BIG : 0;
}
