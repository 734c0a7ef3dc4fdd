// SPDX-License-Identifier: GPL-2.0-or-later
/* CPU models, feature names and the -cpu option: tables against known values, text
 * against what it must mean, mistakes against the sentence that they give. */
#include "cpu/cpumodel.h"
#include "common/cleanup.h"
#include "tests/tap.h"
#include "tests/unit/cpumodel-data.h"
#include "vmm/kvm/cputopo.h"

#include <stdio.h>
#include <string.h>

/* ---- features ---- */

static void test_feature_names(void)
{
	static const char *const same[][2] = {
		{ "sse4.1", "sse4_1" },
		{ "sse4-2", "sse4.2" },
		{ "pni", "sse3" },
		{ "lahf_lm", "lahf-lm" },
		{ "xd", "nx" },
		{ "i64", "lm" },
		{ "ffxsr", "fxsr_opt" },
		{ "pclmuldq", "pclmulqdq" },
		{ "kvm_pv_eoi", "kvm-pv-eoi" },
		{ "tsc_deadline", "tsc-deadline" },
	};
	struct cpu_words mask = { 0 };

	for (unsigned i = 0; i < ARRAY_SIZE(same); i++) {
		struct cpu_words a = { 0 }, b = { 0 };

		tap_ok(!cpu_feature_find(same[i][0], &a) &&
		               !cpu_feature_find(same[i][1], &b) &&
		               !memcmp(&a, &b, sizeof(a)),
		       "%s is %s", same[i][0], same[i][1]);
	}
	cpu_feature_find("kvmclock", &mask);
	tap_eq(mask.w[CPU_W_KVM], 0x9, "kvmclock names the old and the new interface");
	tap_ok(cpu_feature_find("sse9", &mask) < 0, "sse9 is no feature");
	tap_ok(cpu_feature_find("", &mask) < 0, "an empty name is no feature");
	tap_ok(cpu_feature_find("a-very-long-name-that-goes-on-and-on-and-on-and-on",
	                        &mask) < 0,
	       "a name of 50 letters is no feature");
}

static void describes(enum cpu_feature f, const char *want)
{
	_cleanup_strbuf_ struct strbuf text = { 0 };

	cpu_feature_describe(f, &text);
	tap_str(text.data, want, "described: %s", want);
}

static void test_descriptions(void)
{
	describes(CPU_VMX, "CPUID.01H:ECX.vmx [bit 5]");
	describes(CPU_RTM, "CPUID.07H:EBX.rtm [bit 11]");
	describes(CPU_XSAVES, "CPUID.0DH:EAX.xsaves [bit 3]");
	describes(CPU_SVM, "CPUID.80000001H:ECX.svm [bit 2]");
	describes(CPU_KVM_PV_EOI, "CPUID.40000001H:EAX.kvm-pv-eoi [bit 6]");
	describes(CPU_RDCTL_NO, "MSR(10AH).rdctl-no [bit 0]");
	describes(CPU_W_1_ECX * 32 + 27, "CPUID.01H:ECX [bit 27]");
}

static void test_settle(void)
{
	struct cpu_words words = { 0 }, dropped;

	cpu_set(&words, CPU_AVX512BW);
	cpu_set(&words, CPU_AVX512F);
	cpu_set(&words, CPU_AVX2);
	cpu_set(&words, CPU_AVX);
	cpu_set(&words, CPU_XSAVE);
	cpu_words_settle(&words, &dropped);
	tap_ok(cpu_has(&words, CPU_AVX512BW), "a complete chain stays");
	cpu_clear(&words, CPU_XSAVE);
	cpu_words_settle(&words, &dropped);
	tap_ok(!cpu_has(&words, CPU_AVX512BW) && cpu_has(&dropped, CPU_AVX512BW) &&
	               cpu_has(&dropped, CPU_AVX),
	       "without its root all of it goes");
	cpu_set(&words, CPU_NPT);
	cpu_words_settle(&words, &dropped);
	tap_ok(!cpu_has(&words, CPU_NPT), "npt goes without svm");
}

/* ---- models ---- */

static uint32_t signature(const struct cpu_model_data *d)
{
	uint32_t base = d->family < 15 ? d->family : 15;

	return (uint32_t)(d->family - base) << 20 | d->model >> 4 << 16 | base << 8 |
	       (d->model & 15) << 4 | d->stepping;
}

static void test_golden(const struct golden *want)
{
	const struct cpu_model *row = cpu_model_find(want->name);
	struct cpu_words settled;
	struct cpu_model_data data;
	bool same;

	if (!tap_ok(row != NULL, "%s exists", want->name))
		return;
	cpu_model_resolve(row, &data);
	same = !memcmp(&data.words, &want->words, sizeof(data.words));
	tap_ok(same && signature(&data) == want->signature && data.level == want->level &&
	               data.xlevel == want->xlevel,
	       "%s has its signature, levels and features", want->name);
	for (unsigned f = 0; !same && f < CPU_WORDS * 32; f++)
		if (cpu_has(&data.words, f) != cpu_has(&want->words, f))
			tap_diag("%s: %s%s", want->name,
			         cpu_has(&data.words, f) ? "+" : "-",
			         cpu_feature_name(f) ? cpu_feature_name(f) : "?");
	settled = data.words;
	cpu_words_settle(&settled, NULL);
	tap_ok(!memcmp(&settled, &data.words, sizeof(settled)),
	       "%s has no feature without its prerequisite", want->name);
}

static const char *const model_names[] = {
	"qemu64",
	"qemu32",
	"kvm64",
	"kvm32",
	"486",
	"pentium",
	"pentium2",
	"pentium3",
	"coreduo",
	"core2duo",
	"n270",
	"athlon",
	"phenom",
	"Conroe",
	"Penryn",
	"Nehalem",
	"Westmere",
	"SandyBridge",
	"IvyBridge",
	"Haswell",
	"Broadwell",
	"Skylake-Client",
	"Skylake-Server",
	"Cascadelake-Server",
	"Cooperlake",
	"Icelake-Server",
	"SapphireRapids",
	"Denverton",
	"Snowridge",
	"Opteron_G1",
	"Opteron_G2",
	"Opteron_G3",
	"Opteron_G4",
	"Opteron_G5",
	"EPYC",
	"EPYC-Rome",
	"EPYC-Milan",
	"EPYC-Genoa",
	"Dhyana",
	"base",
	"max",
	"host",
	"EPYC-IBPB",
	"Haswell-noTSX-IBRS",
	"Nehalem-IBRS",
	"Skylake-Server-noTSX-IBRS",
	"EPYC-Rome-v2",
};

static void test_models(void)
{
	static const char *const unknown[] = { "Haswell-v9", "Haswell-v",  "Haswell-v1x",
		                               "host-v1",    "Haswell-v0", "" };
	unsigned rows = 0;

	for (unsigned i = 0; i < ARRAY_SIZE(model_names); i++)
		tap_ok(cpu_model_find(model_names[i]) != NULL, "model %s",
		       model_names[i]);
	for (unsigned i = 0; i < ARRAY_SIZE(unknown); i++)
		tap_ok(!cpu_model_find(unknown[i]), "no model '%s'", unknown[i]);
	for (unsigned i = 0; i < ARRAY_SIZE(golden); i++)
		test_golden(&golden[i]);
	for (const struct cpu_model *row = cpu_models; row->name; row++)
		rows += row->kind == CPU_KIND_NAMED;
	tap_eq(rows, ARRAY_SIZE(golden), "every named model has known values");
	tap_ok(cpu_model_find("Haswell") == cpu_model_find("Haswell-v1"),
	       "a plain name is version 1");
	tap_ok(cpu_model_find("Haswell-noTSX") == cpu_model_find("Haswell-v2"),
	       "Haswell-noTSX is Haswell-v2");
}

/* Parents come first, so resolving ends; names are unique, so finding is exact. */
static void test_table(void)
{
	bool ordered = true, unique = true, terminated = true;

	for (const struct cpu_model *row = cpu_models; row->name; row++) {
		const struct cpu_model *parent =
			row->parent ? cpu_model_find(row->parent) : NULL;

		ordered &= !row->parent || (parent && parent < row);
		terminated &= row->kind == CPU_KIND_NAMED ? row->version > 0
		                                          : row->version == 0;
		for (const struct cpu_model *p = cpu_models; p < row; p++)
			unique &=
				strcmp(p->name, row->name) || p->version != row->version;
	}
	tap_ok(ordered, "every parent stands before its children");
	tap_ok(unique, "every name and version is there once");
	tap_ok(terminated, "named models have versions, the others have none");
}

/* ---- the option ---- */

static int parse(struct cpu_config *config, const char *text, struct err *err)
{
	cpu_config_init(config);
	err_clear(err);
	return cpu_config_parse(config, text, err);
}

static void refused(const char *text, const char *part)
{
	struct cpu_config config;
	struct err err;

	tap_ok(parse(&config, text, &err) < 0, "-cpu %.60s is refused", text);
	tap_has(err.text, part, "  with: %s", part);
	tap_ok(!strchr(err.text, '\n'), "  in one line");
	cpu_config_free(&config);
}

static void test_refusals(void)
{
	char longest[400] = "host,model-id=";

	refused("haswell", "unknown model 'haswell', did you mean 'Haswell'?");
	refused("Sapphirerapids", "did you mean 'SapphireRapids'?");
	refused("", "unknown model ''");
	refused("zzzzzzzzzz", "-cpu help lists the models");
	refused("host,+ssse5", "did you mean 'ssse3'?");
	refused("host,chek", "did you mean 'check'?");
	refused("host,+vmxx", "did you mean 'vmx'?");
	refused("host,+", "unknown feature or property ''");
	refused("host,qqqqqqqqqqqqqqqq", "-cpu help lists them");
	refused("host,avx=maybe", "avx=maybe is not valid; expected on|off");
	refused("host,hv-relaxed", "Hyper-V enlightenments are not supported");
	refused("host,hv_vapic=on", "Hyper-V enlightenments are not supported");
	refused("host,vmx-ept=off", "VMX controls follow the host");
	refused("host,+pmu", "'pmu' is a property");
	refused("host,,", "nothing between two commas");
	refused("host,", "nothing between two commas");
	refused("host,,,avx", "nothing between two commas");
	refused("host,=on", "'=on' has no name before '='");
	refused("host,phys-bits=31", "expected 32 to 52");
	refused("host,phys-bits=53", "phys-bits=53 is not valid");
	refused("host,level=", "level= is not valid");
	refused("host,level=-1", "level=-1 is not valid");
	refused("host,xlevel=8", "extended leaves start at 0x80000000");
	refused("host,stepping=16", "stepping=16 is not valid");
	refused("host,vendor=Intel", "does not have 12 letters");
	refused("host,model-id=1234567890123456789012345678901234567890123456789",
	        "longer than 48 bytes");
	memset(longest + strlen(longest), 'x', sizeof(longest) - strlen(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	refused(longest, "longer than 127 bytes");
}

static void test_signs(void)
{
	struct cpu_config config;
	struct err err;

	tap_ok(!parse(&config, "Haswell,+avx,-avx2,rtm=off,hle=on,monitor", &err),
	       "signs and assignments together");
	tap_ok(cpu_has(&config.on, CPU_AVX) && cpu_has(&config.off, CPU_AVX2) &&
	               cpu_has(&config.off, CPU_RTM) && cpu_has(&config.on, CPU_HLE) &&
	               cpu_has(&config.on, CPU_MONITOR),
	       "each has its effect");
	cpu_config_free(&config);
	parse(&config, "host,+avx,avx=off", &err);
	tap_ok(cpu_has(&config.on, CPU_AVX) && !cpu_has(&config.off, CPU_AVX),
	       "+avx wins over a later avx=off, as in QEMU");
	parse(&config, "host,-avx,+avx", &err);
	tap_ok(!cpu_has(&config.on, CPU_AVX) && cpu_has(&config.off, CPU_AVX),
	       "-avx wins over a later +avx, as in QEMU");
	parse(&config, "host,avx=off,avx=on", &err);
	tap_ok(cpu_has(&config.on, CPU_AVX) && !cpu_has(&config.off, CPU_AVX),
	       "the last assignment wins");
	parse(&config, "host,nodeid_msr,-no-nested-data-bp", &err);
	tap_ok(cpu_has(&config.on, CPU_NODEID_MSR) &&
	               cpu_has(&config.off, CPU_NO_NESTED_DATA_BP),
	       "names that begin with 'no' are names");
	parse(&config, "host,-kvmclock", &err);
	tap_eq(config.off.w[CPU_W_KVM], 9, "-kvmclock takes both bits");
	cpu_config_free(&config);
}

static void test_properties(void)
{
	struct cpu_config config;
	struct err err;

	cpu_config_init(&config);
	tap_str(config.model->name, "host", "the default model is host");
	tap_ok(config.check && !config.enforce && config.kvm && !config.vendor &&
	               config.level == CPU_AS_MODEL && config.pmu == OPT_TRI_AUTO,
	       "the defaults");
	tap_ok(!parse(&config,
	              "qemu64,enforce,check=off,kvm=off,pmu=on,migratable=off,level=7,"
	              "xlevel=0x80000001,family=6,model=1,stepping=2,vendor=GenuineIntel,"
	              "phys-bits=36,model-id=A,,B 1,tsc-freq=1000000000",
	              &err),
	       "all properties: %s", err.text);
	tap_ok(config.enforce && !config.check && !config.kvm, "switches");
	tap_eq(config.pmu, OPT_TRI_ON, "pmu");
	tap_eq(config.migratable, OPT_TRI_OFF, "migratable");
	tap_eq(config.level, 7, "level");
	tap_eq(config.xlevel, 0x80000001, "xlevel");
	tap_ok(config.family == 6 && config.number == 1 && config.stepping == 2,
	       "family, model and stepping");
	tap_eq(config.phys_bits, 36, "phys-bits");
	tap_eq(config.tsc_hz, 1000000000, "tsc-freq");
	tap_str(config.vendor, "GenuineIntel", "vendor");
	tap_str(config.model_id, "A,B 1", "model-id with a comma");
	cpu_config_free(&config);
}

static void test_help(void)
{
	_cleanup_strbuf_ struct strbuf text = { 0 };
	unsigned widest = 0, column = 0;
	const char *flags;

	cpu_help(&text);
	tap_ok(cpu_is_help("?") && cpu_is_help("help") && !cpu_is_help("host"),
	       "? and help ask for help");
	tap_has(text.data, "\nx86 qemu64 ", "help lists qemu64");
	tap_has(text.data, "\nx86 host ", "help lists host");
	tap_has(text.data, "Intel Core i7 9xx (Nehalem Class Core i7)\n",
	        "help says what a model is");
	tap_has(text.data, "\nx86 Nehalem-v2              Nehalem-v1 +spec-ctrl\n",
	        "help says what a version changes");
	tap_has(text.data, "\nx86 Nehalem-IBRS            same as Nehalem-v2\n",
	        "help lists aliases");
	tap_has(text.data, "  enforce=<on|off>", "help lists properties");
	flags = text.data ? strstr(text.data, "CPUID flags") : NULL;
	tap_has(flags, " kvm-pv-eoi", "help lists flags");
	tap_ok(flags && strstr(flags, " kvmclock ") &&
	               !strstr(strstr(flags, " kvmclock ") + 9, " kvmclock "),
	       "kvmclock is listed once");
	for (; flags && *flags; flags++) {
		column = *flags == '\n' ? 0 : column + 1;
		widest = column > widest ? column : widest;
	}
	tap_ok(widest > 60 && widest <= 80, "flags fit 80 columns (%u)", widest);
}

/* ---- APIC ids ---- */

static void test_apic_ids(void)
{
	static const struct {
		struct cpu_topology t;
		uint32_t ids[8];
	} cases[] = {
		{ { 1, 1, 1, 1 }, { 0 } },
		{ { 2, 1, 1, 2 }, { 0, 1 } },
		{ { 1, 3, 1, 3 }, { 0, 1, 2 } },
		{ { 1, 3, 2, 6 }, { 0, 1, 2, 3, 4, 5 } },
		{ { 2, 3, 1, 6 }, { 0, 1, 2, 4, 5, 6 } },
		{ { 2, 1, 3, 6 }, { 0, 1, 2, 4, 5, 6 } },
		{ { 1, 2, 3, 6 }, { 0, 1, 2, 4, 5, 6 } },
		{ { 2, 2, 2, 8 }, { 0, 1, 2, 3, 4, 5, 6, 7 } },
	};
	bool unique = true;

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++)
		for (unsigned c = 0; c < cases[i].t.maxcpus; c++)
			tap_eq(cpu_apic_id(&cases[i].t, c), cases[i].ids[c],
			       "%u x %u x %u: id of vCPU %u", cases[i].t.sockets,
			       cases[i].t.cores, cases[i].t.threads, c);
	tap_eq(cpu_apic_id_max(&cases[4].t), 6, "the largest id of 2 x 3 x 1");
	for (unsigned n = 0; n < 9 * 9 * 9; n++) {
		struct cpu_topology t = { n % 9 + 1, n / 9 % 9 + 1, n / 81 + 1, 0 };

		t.maxcpus = t.sockets * t.cores * t.threads;
		for (unsigned c = 1; c < t.maxcpus; c++)
			unique &= cpu_apic_id(&t, c) > cpu_apic_id(&t, c - 1);
	}
	tap_ok(unique, "ids are unique and ascend, up to 9 x 9 x 9");
}

int main(void)
{
	test_feature_names();
	test_descriptions();
	test_settle();
	test_models();
	test_table();
	test_refusals();
	test_signs();
	test_properties();
	test_help();
	test_apic_ids();
	return tap_done();
}
