// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Names and places of CPU features (Intel SDM vol. 2, CPUID; AMD APM vol. 3, appendix E;
 * Linux Documentation/virt/kvm/x86/cpuid.rst). One row of CPU_FEATURES gives the
 * constant, the name and the sentence, so they cannot disagree. Pure functions, any
 * thread.
 */
#include "cpu/cpufeat.h"

#include "common/cleanup.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { EAX, EBX, ECX, EDX };

const struct cpu_word_info cpu_word_info[CPU_WORDS] = {
	[CPU_W_1_EDX] = { .function = 0x1, .reg = EDX },
	[CPU_W_1_ECX] = { .function = 0x1, .reg = ECX },
	[CPU_W_7_EBX] = { .function = 0x7, .indexed = true, .reg = EBX },
	[CPU_W_7_ECX] = { .function = 0x7, .indexed = true, .reg = ECX },
	[CPU_W_7_EDX] = { .function = 0x7, .indexed = true, .reg = EDX },
	[CPU_W_7_1_EAX] = { .function = 0x7, .index = 1, .indexed = true, .reg = EAX },
	[CPU_W_7_1_EDX] = { .function = 0x7, .index = 1, .indexed = true, .reg = EDX },
	[CPU_W_7_2_EDX] = { .function = 0x7, .index = 2, .indexed = true, .reg = EDX },
	[CPU_W_6_EAX] = { .function = 0x6, .reg = EAX },
	[CPU_W_D_1_EAX] = { .function = 0xd, .index = 1, .indexed = true, .reg = EAX },
	[CPU_W_14_ECX] = { .function = 0x14, .indexed = true, .reg = ECX },
	[CPU_W_EXT1_EDX] = { .function = 0x80000001, .reg = EDX },
	[CPU_W_EXT1_ECX] = { .function = 0x80000001, .reg = ECX },
	[CPU_W_EXT7_EDX] = { .function = 0x80000007, .reg = EDX },
	[CPU_W_EXT8_EBX] = { .function = 0x80000008, .reg = EBX },
	[CPU_W_EXTA_EDX] = { .function = 0x8000000a, .reg = EDX },
	[CPU_W_EXT21_EAX] = { .function = 0x80000021, .reg = EAX },
	[CPU_W_KVM] = { .function = 0x40000001, .reg = EAX },
	[CPU_W_KVM_HINTS] = { .function = 0x40000001, .reg = EDX },
	[CPU_W_ARCH_CAPS] = { .function = 0x10a, .msr = true },
};

/* One string behind the other: a table of pointers would take three times their room. */
static const struct {
#define NAME(word, bit, id, text) char n_##id[sizeof(text)];
	CPU_FEATURES(NAME)
#undef NAME
} names = {
#define NAME(word, bit, id, text) .n_##id = text,
	CPU_FEATURES(NAME)
#undef NAME
};

static const struct feature_row {
	uint16_t feature, name; /* offset in names */
} features[CPU_FEATURE_COUNT] = {
#define ROW(word, bit, id, text) { CPU_##id, __builtin_offsetof(typeof(names), n_##id) },
	CPU_FEATURES(ROW)
#undef ROW
};

static const char *name_of(const struct feature_row *row)
{
	return (const char *)&names + row->name;
}

static const struct {
	const char *name, *same_as;
} second_names[] = {
	{ "sse3", "pni" }, { "pclmuldq", "pclmulqdq" }, { "xd", "nx" },
	{ "i64", "lm" },   { "ffxsr", "fxsr-opt" },
};

/* `feature` means nothing to a guest, or lets it fault, without `needs`. */
static const struct {
	uint16_t feature, needs;
} needs[] = {
	{ CPU_X2APIC, CPU_APIC },
	{ CPU_TSC_DEADLINE, CPU_APIC },
	{ CPU_ARAT, CPU_APIC },
	{ CPU_AVX, CPU_XSAVE },
	{ CPU_XSAVEOPT, CPU_XSAVE },
	{ CPU_XSAVEC, CPU_XSAVE },
	{ CPU_XGETBV1, CPU_XSAVE },
	{ CPU_XSAVES, CPU_XSAVEC },
	{ CPU_XFD, CPU_XSAVE },
	{ CPU_PKU, CPU_XSAVE },
	{ CPU_MPX, CPU_XSAVE },
	{ CPU_F16C, CPU_AVX },
	{ CPU_FMA, CPU_AVX },
	{ CPU_AVX2, CPU_AVX },
	{ CPU_VAES, CPU_AVX },
	{ CPU_VPCLMULQDQ, CPU_AVX },
	{ CPU_XOP, CPU_AVX },
	{ CPU_FMA4, CPU_AVX },
	{ CPU_AVX_VNNI, CPU_AVX2 },
	{ CPU_AVX_IFMA, CPU_AVX2 },
	{ CPU_AVX_VNNI_INT8, CPU_AVX2 },
	{ CPU_AVX_VNNI_INT16, CPU_AVX2 },
	{ CPU_AVX_NE_CONVERT, CPU_AVX2 },
	{ CPU_AVX512F, CPU_AVX2 },
	{ CPU_AVX512DQ, CPU_AVX512F },
	{ CPU_AVX512CD, CPU_AVX512F },
	{ CPU_AVX512BW, CPU_AVX512F },
	{ CPU_AVX512VL, CPU_AVX512F },
	{ CPU_AVX512PF, CPU_AVX512F },
	{ CPU_AVX512ER, CPU_AVX512F },
	{ CPU_AVX512IFMA, CPU_AVX512F },
	{ CPU_AVX512VBMI, CPU_AVX512F },
	{ CPU_AVX512VBMI2, CPU_AVX512F },
	{ CPU_AVX512VNNI, CPU_AVX512F },
	{ CPU_AVX512BITALG, CPU_AVX512F },
	{ CPU_AVX512_VPOPCNTDQ, CPU_AVX512F },
	{ CPU_AVX512_4VNNIW, CPU_AVX512F },
	{ CPU_AVX512_4FMAPS, CPU_AVX512F },
	{ CPU_AVX512_VP2INTERSECT, CPU_AVX512F },
	{ CPU_AVX512_BF16, CPU_AVX512F },
	{ CPU_AVX512_FP16, CPU_AVX512BW },
	{ CPU_AMX_TILE, CPU_XSAVE },
	{ CPU_AMX_INT8, CPU_AMX_TILE },
	{ CPU_AMX_BF16, CPU_AMX_TILE },
	{ CPU_AMX_FP16, CPU_AMX_TILE },
	{ CPU_AMX_COMPLEX, CPU_AMX_TILE },
	{ CPU_INTEL_PT_LIP, CPU_INTEL_PT },
	{ CPU_PCID, CPU_LM },
	{ CPU_LA57, CPU_LM },
	{ CPU_PDPE1GB, CPU_LM },
	{ CPU_LAM, CPU_LM },
	{ CPU_KVM_PV_TLB_FLUSH, CPU_KVM_STEAL_TIME },
	{ CPU_KVM_PV_SCHED_YIELD, CPU_KVM_STEAL_TIME },
	{ CPU_KVM_ASYNCPF_INT, CPU_KVM_ASYNCPF },
	{ CPU_KVM_ASYNCPF_VMEXIT, CPU_KVM_ASYNCPF },
	{ CPU_KVM_PV_EOI, CPU_APIC },
	{ CPU_KVM_PV_IPI, CPU_APIC },
};

/* All of a word needs one feature. */
static const struct {
	enum cpu_word word;
	uint16_t needs;
} word_needs[] = {
	{ CPU_W_EXTA_EDX, CPU_SVM },
	{ CPU_W_ARCH_CAPS, CPU_ARCH_CAPABILITIES },
};

#define NAME_MAX_LEN 40

/* The canonical spelling, cut at NAME_MAX_LEN: no feature's name is that long. */
static void normalize(const char *name, char out[NAME_MAX_LEN + 1])
{
	size_t i;

	for (i = 0; name[i] && i < NAME_MAX_LEN; i++)
		out[i] = name[i] == '_' || name[i] == '.' ? '-' : name[i];
	out[i] = '\0';
}

static bool same_name(const char *normalized, const char *name)
{
	char other[NAME_MAX_LEN + 1];

	normalize(name, other);
	return !strcmp(normalized, other);
}

int cpu_feature_find(const char *name, struct cpu_words *mask)
{
	char wanted[NAME_MAX_LEN + 1];
	bool found = false;

	normalize(name, wanted);
	for (unsigned i = 0; i < ARRAY_SIZE(second_names); i++)
		if (same_name(wanted, second_names[i].name))
			normalize(second_names[i].same_as, wanted);
	for (unsigned i = 0; i < CPU_FEATURE_COUNT; i++) {
		if (!same_name(wanted, name_of(&features[i])))
			continue;
		cpu_set(mask, features[i].feature);
		found = true;
	}
	return found ? 0 : -ENOENT;
}

void cpu_feature_names(const char *out[CPU_FEATURE_COUNT])
{
	for (unsigned i = 0; i < CPU_FEATURE_COUNT; i++)
		out[i] = name_of(&features[i]);
}

const char *cpu_feature_name(enum cpu_feature f)
{
	for (unsigned i = 0; i < CPU_FEATURE_COUNT; i++)
		if (features[i].feature == f)
			return name_of(&features[i]);
	return NULL;
}

void cpu_feature_describe(enum cpu_feature f, struct strbuf *out)
{
	static const char *const regs[] = { "EAX", "EBX", "ECX", "EDX" };
	const struct cpu_word_info *info = &cpu_word_info[f / 32];
	const char *name = cpu_feature_name(f);

	if (info->msr)
		strbuf_addf(out, "MSR(%XH)", info->function);
	else
		strbuf_addf(out, "CPUID.%02XH:%s", info->function, regs[info->reg]);
	strbuf_addf(out, "%s%s [bit %u]", name ? "." : "", name ? name : "", f % 32);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

void cpu_feature_list(unsigned width, struct strbuf *out)
{
	const char *sorted[CPU_FEATURE_COUNT];
	unsigned column = 0;

	cpu_feature_names(sorted);
	qsort(sorted, CPU_FEATURE_COUNT, sizeof(sorted[0]), by_name);
	for (unsigned i = 0; i < CPU_FEATURE_COUNT; i++) {
		unsigned len = strlen(sorted[i]) + 1;

		if (i && !strcmp(sorted[i], sorted[i - 1]))
			continue;
		if (column && column + len > width) {
			strbuf_addc(out, '\n');
			column = 0;
		}
		strbuf_addf(out, "%s%s", column ? " " : "  ", sorted[i]);
		column += column ? len : len + 1;
	}
	strbuf_addc(out, '\n');
}

void cpu_words_named(struct cpu_words *words)
{
	*words = (struct cpu_words){ 0 };
	for (unsigned i = 0; i < CPU_FEATURE_COUNT; i++)
		cpu_set(words, features[i].feature);
}

void cpu_words_settle(struct cpu_words *words, struct cpu_words *dropped)
{
	struct cpu_words before = *words;
	bool changed;

	do {
		changed = false;
		for (unsigned i = 0; i < ARRAY_SIZE(needs); i++) {
			if (cpu_has(words, needs[i].feature) &&
			    !cpu_has(words, needs[i].needs)) {
				cpu_clear(words, needs[i].feature);
				changed = true;
			}
		}
	} while (changed);
	for (unsigned i = 0; i < ARRAY_SIZE(word_needs); i++)
		if (!cpu_has(words, word_needs[i].needs))
			words->w[word_needs[i].word] = 0;
	if (!dropped)
		return;
	cpu_words_andnot(&before, words);
	*dropped = before;
}
