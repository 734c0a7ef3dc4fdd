// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * From -cpu and KVM_GET_SUPPORTED_CPUID to one decision: which features, which name,
 * which widths (Linux Documentation/virt/kvm/api.rst 4.46 and x86/cpuid.rst; Intel SDM
 * vol. 1, chapter 13 for XSAVE).
 *
 * Rules, QEMU's unless said otherwise: a named model gets the host's vendor, because
 * SYSCALL and SYSENTER differ by vendor; its KVM features come by default and go without
 * a word where the kernel lacks them; acpi, monitor and svm must be asked for. Ours: host
 * keeps the invariant TSC unless migratable=on is written, and topoext, and every KVM
 * feature the kernel has is on in named models too.
 *
 * Invariant: plan->words is a subset of what KVM supports, and has no feature without its
 * prerequisite. Main thread, no allocation but the warnings.
 */
#include "vmm/kvm/cpuplan.h"

#include "common/cleanup.h"

#include <cpuid.h>
#include <errno.h>
#include <string.h>

/* Features that every named model gets where KVM has them. */
static const uint16_t kvm_defaults[] = {
	CPU_KVMCLOCK,         CPU_KVMCLOCK2,   CPU_KVMCLOCK_STABLE_BIT,
	CPU_KVM_NOPIODELAY,   CPU_KVM_ASYNCPF, CPU_KVM_ASYNCPF_INT,
	CPU_KVM_STEAL_TIME,   CPU_KVM_PV_EOI,  CPU_KVM_PV_UNHALT,
	CPU_KVM_PV_TLB_FLUSH, CPU_KVM_PV_IPI,  CPU_KVM_PV_SCHED_YIELD,
	CPU_KVM_POLL_CONTROL, CPU_X2APIC,
};

/* XSAVE components (SDM vol. 1, 13.1) and the features that own them. */
static const struct {
	uint16_t feature;
	bool supervisor;
	uint32_t mask;
} components[] = {
	{ CPU_AVX, false, 1 << 2 },       { CPU_MPX, false, 3 << 3 },
	{ CPU_AVX512F, false, 7 << 5 },   { CPU_PKU, false, 1 << 9 },
	{ CPU_AMX_TILE, false, 3 << 17 }, { CPU_INTEL_PT, true, 1 << 8 },
	{ CPU_SHSTK, true, 3 << 11 },     { CPU_IBT, true, 3 << 11 },
	{ CPU_ARCH_LBR, true, 1 << 15 },
};

/* The lowest highest-leaf at which a word can be read. */
static const struct {
	enum cpu_word word;
	uint32_t leaf;
} word_levels[] = {
	{ CPU_W_6_EAX, 0x6 },
	{ CPU_W_7_EBX, 0x7 },
	{ CPU_W_7_ECX, 0x7 },
	{ CPU_W_7_EDX, 0x7 },
	{ CPU_W_7_1_EAX, 0x7 },
	{ CPU_W_7_1_EDX, 0x7 },
	{ CPU_W_7_2_EDX, 0x7 },
	{ CPU_W_D_1_EAX, 0xd },
	{ CPU_W_14_ECX, 0x14 },
	{ CPU_W_EXT1_EDX, 0x80000001 },
	{ CPU_W_EXT1_ECX, 0x80000001 },
	{ CPU_W_EXT7_EDX, 0x80000007 },
	{ CPU_W_EXT8_EBX, 0x80000008 },
	{ CPU_W_EXTA_EDX, 0x8000000a },
	{ CPU_W_EXT21_EAX, 0x80000021 },
};

static const struct {
	uint16_t feature;
	uint32_t leaf;
} feature_levels[] = {
	{ CPU_XSAVE, 0xd },     { CPU_INTEL_PT, 0x14 },      { CPU_AMX_TILE, 0x1e },
	{ CPU_LM, 0x80000008 }, { CPU_TOPOEXT, 0x8000001e },
};

#define HOST_LEVEL_MAX  0x1f /* the highest leaves that cpuid.c fills */
#define HOST_XLEVEL_MAX 0x80000022
#define MODEL_PHYS_BITS 40 /* of named models: 1 TiB, as in QEMU */

const struct kvm_cpuid_entry2 *cpuid_host_leaf(const struct kvm_cpuid2 *host,
                                               uint32_t function, uint32_t index)
{
	for (uint32_t i = 0; i < host->nent; i++) {
		const struct kvm_cpuid_entry2 *e = &host->entries[i];

		if (e->function != function)
			continue;
		if (!(e->flags & KVM_CPUID_FLAG_SIGNIFCANT_INDEX) || e->index == index)
			return e;
	}
	return NULL;
}

/* ---- what KVM can give ---- */

static uint32_t entry_reg(const struct kvm_cpuid_entry2 *e, unsigned reg)
{
	const uint32_t regs[] = { e->eax, e->ebx, e->ecx, e->edx };

	return regs[reg];
}

static void host_components(const struct kvm_cpuid2 *host, uint64_t *xcr0, uint64_t *xss)
{
	const struct kvm_cpuid_entry2 *main = cpuid_host_leaf(host, 0xd, 0);
	const struct kvm_cpuid_entry2 *sub = cpuid_host_leaf(host, 0xd, 1);

	*xcr0 = main ? (uint64_t)main->edx << 32 | main->eax : 0;
	*xss = sub ? (uint64_t)sub->edx << 32 | sub->ecx : 0;
}

/* KVM's table, corrected where its bits depend on how the VM is made. */
static void supported_words(const struct kvm_cpuid2 *host, const struct cpu_caps *caps,
                            struct cpu_words *words)
{
	uint64_t xcr0, xss;

	*words = (struct cpu_words){ 0 };
	for (unsigned i = 0; i < CPU_WORDS; i++) {
		const struct cpu_word_info *info = &cpu_word_info[i];
		const struct kvm_cpuid_entry2 *e = NULL;

		if (!info->msr)
			e = cpuid_host_leaf(host, info->function, info->index);
		if (e)
			words->w[i] = entry_reg(e, info->reg);
	}
	/* Bits that do not come from the processor. */
	cpu_set(words, CPU_HYPERVISOR);
	cpu_set(words, CPU_HT);
	cpu_set(words, CPU_KVM_HINT_DEDICATED);
	cpu_assign(words, CPU_ARAT, caps->irqchip);
	cpu_assign(words, CPU_TSC_DEADLINE, caps->irqchip && caps->tsc_deadline);
	cpu_assign(words, CPU_KVM_MSI_EXT_DEST_ID, caps->msi_ext_dest_id);
	if (!caps->irqchip) {
		cpu_clear(words, CPU_X2APIC);
		cpu_clear(words, CPU_KVM_PV_UNHALT);
		cpu_clear(words, CPU_KVM_PV_EOI);
		cpu_clear(words, CPU_KVM_PV_IPI);
	}
	if (!caps->invtsc)
		cpu_clear(words, CPU_INVTSC);
	/* Enclaves need EPC sections, which no board here has. */
	cpu_clear(words, CPU_SGX);
	cpu_clear(words, CPU_SGXLC);
	if (caps->arch_capabilities)
		words->w[CPU_W_ARCH_CAPS] = (uint32_t)caps->arch_capabilities_value;
	else
		cpu_clear(words, CPU_ARCH_CAPABILITIES);
	host_components(host, &xcr0, &xss);
	for (unsigned i = 0; i < ARRAY_SIZE(components); i++)
		if (!components[i].supervisor &&
		    (xcr0 & components[i].mask) != components[i].mask)
			cpu_clear(words, components[i].feature);
}

/* ---- what is asked for ---- */

static bool tri(int value, bool automatic)
{
	return value == OPT_TRI_AUTO ? automatic : value == OPT_TRI_ON;
}

/* host and max: everything that is safe to have without asking. */
static void host_model_words(const struct cpu_plan *plan, const struct cpu_config *config,
                             const struct cpu_words *supported, struct cpu_words *words)
{
	struct cpu_words named;

	*words = *supported;
	if (config->migratable != OPT_TRI_OFF) {
		cpu_words_named(&named);
		cpu_words_and(words, &named);
	}
	if (config->migratable == OPT_TRI_ON)
		cpu_clear(words, CPU_INVTSC);
	/* Hyper-threading is what the topology says; the hint is a promise of the user.
	 */
	cpu_clear(words, CPU_HT);
	cpu_clear(words, CPU_KVM_HINT_DEDICATED);
	/* KVM emulates the MSR on AMD, but guests take the bit for an Intel part. */
	if (plan->amd)
		cpu_clear(words, CPU_ARCH_CAPABILITIES);
}

/* *soft: what may be missing without a word. */
static void wanted_words(const struct cpu_plan *plan, const struct cpu_config *config,
                         const struct cpu_model_data *data,
                         const struct cpu_words *supported, struct cpu_words *words,
                         struct cpu_words *soft)
{
	*soft = (struct cpu_words){ 0 };
	if (config->model->kind == CPU_KIND_HOST) {
		host_model_words(plan, config, supported, words);
	} else {
		*words = data->words;
		cpu_set(words, CPU_HYPERVISOR);
		cpu_model_trim(words);
	}
	if (config->model->kind == CPU_KIND_NAMED) {
		for (unsigned i = 0; i < ARRAY_SIZE(kvm_defaults); i++)
			if (!cpu_has(words, kvm_defaults[i]))
				cpu_set(soft, kvm_defaults[i]);
		cpu_words_andnot(soft, &config->on);
		cpu_words_or(words, soft);
	}
	if (!plan->pmu) {
		cpu_clear(words, CPU_PDCM);
		cpu_clear(words, CPU_ARCH_LBR);
	}
	if (!plan->pmu && config->pmu == OPT_TRI_OFF) {
		cpu_clear(words, CPU_PERFCTR_CORE);
		cpu_clear(words, CPU_PERFCTR_NB);
	}
	if (!config->kvm)
		words->w[CPU_W_KVM] = words->w[CPU_W_KVM_HINTS] = 0;
	cpu_words_or(words, &config->on);
	cpu_words_andnot(words, &config->off);
	/* More than one thread in a package shows, unless the user denies it. */
	if (plan->topology.cores * plan->topology.threads > 1) {
		cpu_set(words, CPU_HT);
		if (plan->amd)
			cpu_set(words, CPU_CMP_LEGACY);
		cpu_words_andnot(words, &config->off);
	}
}

static unsigned count_words(const struct cpu_words *words)
{
	unsigned count = 0;

	for (unsigned i = 0; i < CPU_WORDS; i++)
		count += __builtin_popcount(words->w[i]);
	return count;
}

static void list_features(const struct cpu_words *words, const char *before,
                          const char *after, struct strbuf *out)
{
	for (unsigned f = 0; f < CPU_WORDS * 32; f++) {
		if (!cpu_has(words, f))
			continue;
		strbuf_adds(out, before);
		cpu_feature_describe(f, out);
		strbuf_adds(out, after);
	}
}

static int report_missing(const struct cpu_config *config,
                          const struct cpu_words *missing, struct strbuf *warnings,
                          struct err *err)
{
	_cleanup_strbuf_ struct strbuf list = { 0 };

	if (!count_words(missing))
		return 0;
	if (config->check || config->enforce)
		list_features(missing, "host doesn't support requested feature: ", "\n",
		              warnings);
	if (!config->enforce)
		return 0;
	list_features(missing, " ", "", &list);
	return err_set(
		err, EINVAL,
		"-cpu %s,enforce: host doesn't support %u requested feature%s; use "
		"-cpu host, or leave enforce out:%s",
		config->model->name, count_words(missing),
		count_words(missing) == 1 ? "" : "s", list.data ? list.data : "");
}

static int choose_words(struct cpu_plan *plan, const struct cpu_config *config,
                        const struct cpu_model_data *data, const struct cpu_caps *caps,
                        struct strbuf *warnings, struct err *err)
{
	struct cpu_words supported, soft, missing, dropped;
	int ret;

	supported_words(plan->host, caps, &supported);
	/* A prerequisite bit for the topology, in every package of several cores. */
	if (plan->amd)
		cpu_set(&supported, CPU_CMP_LEGACY);
	wanted_words(plan, config, data, &supported, &plan->words, &soft);
	/* npt without svm, avx2 with -avx: what nobody can use is not missed either. */
	cpu_words_settle(&plan->words, &dropped);
	cpu_words_and(&dropped, &config->on);
	if (config->check)
		list_features(&dropped,
		              "requested feature needs another one, left out: ", "\n",
		              warnings);
	missing = plan->words;
	cpu_words_andnot(&missing, &supported);
	cpu_words_andnot(&missing, &soft);
	/* The MSR's bits are not news when the MSR itself is missing. */
	if (cpu_has(&missing, CPU_ARCH_CAPABILITIES))
		missing.w[CPU_W_ARCH_CAPS] = 0;
	ret = report_missing(config, &missing, warnings, err);
	if (ret < 0)
		return ret;
	cpu_words_and(&plan->words, &supported);
	cpu_words_settle(&plan->words, NULL);
	return 0;
}

/* ---- the rest of the processor ---- */

static void choose_xsave(struct cpu_plan *plan)
{
	uint64_t xcr0, xss;

	plan->xcr0 = plan->xss = 0;
	if (!cpu_has(&plan->words, CPU_XSAVE))
		return;
	host_components(plan->host, &xcr0, &xss);
	plan->xcr0 = 3; /* x87 and SSE come with XSAVE itself */
	for (unsigned i = 0; i < ARRAY_SIZE(components); i++) {
		if (!cpu_has(&plan->words, components[i].feature))
			continue;
		if (components[i].supervisor)
			plan->xss |= components[i].mask;
		else
			plan->xcr0 |= components[i].mask;
	}
	if (!cpu_has(&plan->words, CPU_XSAVES))
		plan->xss = 0;
	plan->xss &= xss;
}

static uint32_t host_phys_bits(const struct kvm_cpuid2 *host)
{
	const struct kvm_cpuid_entry2 *e = cpuid_host_leaf(host, 0x80000008, 0);

	return e && (e->eax & 0xff) >= 32 ? e->eax & 0xff : 36;
}

static int choose_phys_bits(struct cpu_plan *plan, const struct cpu_config *config,
                            struct err *err)
{
	uint32_t host = host_phys_bits(plan->host);

	if (config->phys_bits > host)
		return err_set(
			err, EINVAL,
			"-cpu: phys-bits=%u is more than the %u bits that this host "
			"has; use host-phys-bits=on",
			config->phys_bits, host);
	if (config->phys_bits)
		plan->phys_bits = config->phys_bits;
	else if (tri(config->host_phys_bits, plan->from_host))
		plan->phys_bits = host;
	else if (!cpu_has(&plan->words, CPU_LM))
		plan->phys_bits = cpu_has(&plan->words, CPU_PSE36) ? 36 : 32;
	else
		plan->phys_bits = MODEL_PHYS_BITS;
	if (plan->phys_bits > host)
		plan->phys_bits = host;
	if (config->host_phys_bits_limit >= 32 &&
	    plan->phys_bits > config->host_phys_bits_limit)
		plan->phys_bits = config->host_phys_bits_limit;
	return 0;
}

static uint32_t max32(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

static uint32_t min32(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* The highest leaves: the model's, raised to where a feature can be read. */
static void choose_levels(struct cpu_plan *plan, const struct cpu_config *config)
{
	uint32_t basic = plan->level, extended = plan->xlevel;

	for (unsigned i = 0; i < ARRAY_SIZE(word_levels); i++) {
		uint32_t leaf = word_levels[i].leaf;

		if (!plan->words.w[word_levels[i].word])
			continue;
		if (leaf >= 0x80000000)
			extended = max32(extended, leaf);
		else
			basic = max32(basic, leaf);
	}
	for (unsigned i = 0; i < ARRAY_SIZE(feature_levels); i++) {
		uint32_t leaf = feature_levels[i].leaf;

		if (!cpu_has(&plan->words, feature_levels[i].feature))
			continue;
		if (leaf >= 0x80000000)
			extended = max32(extended, leaf);
		else
			basic = max32(basic, leaf);
	}
	plan->level = config->level == CPU_AS_MODEL ? basic : config->level;
	plan->xlevel = config->xlevel == CPU_AS_MODEL ? extended : config->xlevel;
}

static uint32_t make_signature(uint32_t family, uint32_t model, uint32_t stepping)
{
	uint32_t base = min32(family, 15);

	return (family - base) << 20 | (model >> 4 & 15) << 16 | base << 8 |
	       (model & 15) << 4 | (stepping & 15);
}

void cpu_host_name(char name[48])
{
	memset(name, 0, 48);
	if ((unsigned)__get_cpuid_max(0x80000000, NULL) < 0x80000004)
		return;
	/* Each CPUID is an exit where this host is itself a guest: no more than needed.
	 */
	for (unsigned i = 0; i < 3; i++) {
		uint32_t regs[4];

		__cpuid(0x80000002 + i, regs[0], regs[1], regs[2], regs[3]);
		memcpy(name + 16 * i, regs, sizeof(regs));
	}
}

static void host_identity(struct cpu_plan *plan, const struct cpu_caps *caps,
                          uint32_t *signature)
{
	const struct kvm_cpuid_entry2 *e = cpuid_host_leaf(plan->host, 1, 0);

	*signature = e ? e->eax : 0;
	e = cpuid_host_leaf(plan->host, 0, 0);
	plan->level = min32(e ? e->eax : 1, HOST_LEVEL_MAX);
	e = cpuid_host_leaf(plan->host, 0x80000000, 0);
	plan->xlevel = min32(e ? e->eax : 0, HOST_XLEVEL_MAX);
	for (unsigned i = 0; i < 3; i++) {
		e = cpuid_host_leaf(plan->host, 0x80000002 + i, 0);
		if (e)
			memcpy(plan->model_id + 16 * i, &e->eax, 16);
	}
	if (!plan->model_id[0]) /* most kernels leave it out */
		memcpy(plan->model_id, caps->model_id, sizeof(plan->model_id));
	if (!plan->model_id[0])
		strcpy(plan->model_id, "KVM virtual processor");
}

static void copy_text(char *field, size_t size, const char *text)
{
	memset(field, 0, size);
	memcpy(field, text, strnlen(text, size));
}

static void choose_vendor(struct cpu_plan *plan, const struct cpu_config *config,
                          const struct cpu_model_data *data)
{
	const struct kvm_cpuid_entry2 *e = cpuid_host_leaf(plan->host, 0, 0);

	if (config->vendor) {
		copy_text(plan->vendor, sizeof(plan->vendor), config->vendor);
	} else if (e) {
		memcpy(plan->vendor, &e->ebx, 4);
		memcpy(plan->vendor + 4, &e->edx, 4);
		memcpy(plan->vendor + 8, &e->ecx, 4);
	} else {
		copy_text(plan->vendor, sizeof(plan->vendor),
		          cpu_vendor_name(data->vendor));
	}
	plan->amd = !memcmp(plan->vendor, cpu_vendor_name(CPU_VENDOR_AMD), 12) ||
	            !memcmp(plan->vendor, cpu_vendor_name(CPU_VENDOR_HYGON), 12);
}

static void choose_identity(struct cpu_plan *plan, const struct cpu_config *config,
                            const struct cpu_model_data *data,
                            const struct cpu_caps *caps)
{
	uint32_t signature = make_signature(data->family, data->model, data->stepping);
	uint32_t family, model;

	plan->level = data->level;
	plan->xlevel = data->xlevel;
	copy_text(plan->model_id, sizeof(plan->model_id), data->model_id);
	if (plan->from_host)
		host_identity(plan, caps, &signature);
	if (config->model_id)
		copy_text(plan->model_id, sizeof(plan->model_id), config->model_id);
	family = (signature >> 8 & 15) + (signature >> 20 & 0xff);
	model = (signature >> 4 & 15) | (signature >> 12 & 0xf0);
	if (config->family != CPU_AS_MODEL)
		family = config->family;
	if (config->number != CPU_AS_MODEL)
		model = config->number;
	plan->signature = make_signature(
		family, model,
		config->stepping == CPU_AS_MODEL ? signature & 15 : config->stepping);
}

static void choose_arch_capabilities(struct cpu_plan *plan, const struct cpu_caps *caps)
{
	struct cpu_words named;

	plan->arch_capabilities = plan->words.w[CPU_W_ARCH_CAPS];
	if (!plan->from_host || !cpu_has(&plan->words, CPU_ARCH_CAPABILITIES))
		return;
	/* Bits without a name tell of mitigations too: the host's are true for its guest.
	 */
	cpu_words_named(&named);
	plan->arch_capabilities |=
		caps->arch_capabilities_value & ~(uint64_t)named.w[CPU_W_ARCH_CAPS];
}

int cpu_plan_make(struct cpu_plan *plan, const struct cpu_config *config,
                  const struct kvm_cpuid2 *host, const struct cpu_caps *caps,
                  const struct cpu_topology *topology, struct strbuf *warnings,
                  struct err *err)
{
	struct cpu_model_data data = { .model_id = "" };
	int ret;

	*plan = (struct cpu_plan){
		.host = host,
		.topology = *topology,
		.from_host = config->model->kind == CPU_KIND_HOST,
		.l3_cache = config->l3_cache,
		.cpuid_0xb = config->cpuid_0xb,
		.kvm = config->kvm,
	};
	if (!plan->from_host)
		cpu_model_resolve(config->model, &data);
	plan->host_caches = tri(config->host_cache_info, plan->from_host);
	plan->pmu = tri(config->pmu, plan->from_host);
	choose_vendor(plan, config, &data);
	ret = choose_words(plan, config, &data, caps, warnings, err);
	if (ret < 0)
		return ret;
	choose_identity(plan, config, &data, caps);
	choose_levels(plan, config);
	choose_xsave(plan);
	choose_arch_capabilities(plan, caps);
	if (config->frequency_leaf && plan->kvm &&
	    (config->tsc_hz || cpu_has(&plan->words, CPU_INVTSC)))
		plan->tsc_khz = config->tsc_hz ? config->tsc_hz / 1000 : caps->tsc_khz;
	return choose_phys_bits(plan, config, err);
}
