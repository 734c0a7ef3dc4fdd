// SPDX-License-Identifier: GPL-2.0-or-later
/* From -cpu and a host's CPUID to a guest's: two made-up hosts, and this machine's KVM.
 */
#include "vmm/kvm/cpuid.h"

#include "common/cleanup.h"
#include "tests/tap.h"
#include "tests/unit/cpuid-hosts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>

static const struct cpu_topology uni = { 1, 1, 1, 1 };
static const struct cpu_topology quad = { 1, 4, 1, 4 };

static const struct cpu_caps caps = {
	.irqchip = true,
	.tsc_deadline = true,
	.invtsc = true,
	.arch_capabilities = true,
	.arch_capabilities_value = 0x400000000000016b,
	.tsc_khz = 2000000,
};

/* One machine under test. */
struct fixture {
	struct cpuid_table host;
	struct cpu_config config;
	struct cpu_caps caps;
	struct cpu_plan plan;
	struct cpuid_table guest;
	struct strbuf warnings;
	struct err err;
	int ret;
};

static void load_host(struct cpuid_table *host, bool amd)
{
	const struct host_leaf *l = amd ? amd_host : intel_host;

	memset(host, 0, sizeof(*host));
	host->nent = amd ? ARRAY_SIZE(amd_host) : ARRAY_SIZE(intel_host);
	for (uint32_t i = 0; i < host->nent; i++, l++)
		host->entries[i] = (struct kvm_cpuid_entry2){
			.function = l->function,
			.index = l->index,
			.flags = l->flags,
			.eax = l->eax,
			.ebx = l->ebx,
			.ecx = l->ecx,
			.edx = l->edx,
		};
}

static void make_with(struct fixture *f, bool amd, const char *cpu,
                      const struct cpu_topology *topology, const struct cpu_caps *with)
{
	*f = (struct fixture){ .caps = *with };
	load_host(&f->host, amd);
	cpu_config_init(&f->config);
	f->ret = cpu_config_parse(&f->config, cpu, &f->err);
	if (f->ret == 0)
		f->ret = cpu_plan_make(&f->plan, &f->config, cpuid_for_kvm(&f->host),
		                       &f->caps, topology, &f->warnings, &f->err);
	if (f->ret == 0)
		f->ret = cpuid_build(&f->plan, 0, &f->guest);
}

static void make(struct fixture *f, bool amd, const char *cpu,
                 const struct cpu_topology *topology)
{
	make_with(f, amd, cpu, topology, &caps);
	tap_ok(f->ret == 0, "%s: -cpu %s, %u vCPUs: %s", amd ? "AMD" : "Intel", cpu,
	       topology->maxcpus, f->err.text);
}

static void done(struct fixture *f)
{
	strbuf_free(&f->warnings);
	cpu_config_free(&f->config);
}

/* A leaf that is absent reads as zeros. */
static struct kvm_cpuid_entry2 leaf(const struct cpuid_table *table, uint32_t function,
                                    uint32_t index)
{
	const struct kvm_cpuid_entry2 *e =
		cpuid_host_leaf((const struct kvm_cpuid2 *)table, function, index);

	return e ? *e : (struct kvm_cpuid_entry2){ 0 };
}

static void leaf_is(const struct cpuid_table *table, uint32_t function, uint32_t index,
                    uint32_t eax, uint32_t ebx, uint32_t ecx, uint32_t edx)
{
	struct kvm_cpuid_entry2 e = leaf(table, function, index);

	if (!tap_ok(e.eax == eax && e.ebx == ebx && e.ecx == ecx && e.edx == edx,
	            "  leaf 0x%x.%u", function, index))
		tap_diag("got %08x %08x %08x %08x, want %08x %08x %08x %08x", e.eax,
		         e.ebx, e.ecx, e.edx, eax, ebx, ecx, edx);
}

static void no_leaf(const struct cpuid_table *table, uint32_t function)
{
	bool found = false;

	for (uint32_t i = 0; i < table->nent; i++)
		found |= table->entries[i].function == function;
	tap_ok(!found, "  no leaf 0x%x", function);
}

static bool same_table(const struct cpuid_table *a, const struct cpuid_table *b)
{
	return a->nent == b->nent &&
	       !memcmp(a->entries, b->entries, a->nent * sizeof(a->entries[0]));
}

static const char *text_of(const struct strbuf *sb)
{
	return sb->data ? sb->data : "";
}

/* ---- host and max ---- */

static void test_intel_host(void)
{
	struct fixture f;

	make(&f, false, "host", &uni);
	tap_str(text_of(&f.warnings), "", "  no warning");
	leaf_is(&f.guest, 0, 0, 0x1b, 0x756e6547, 0x6c65746e, 0x49656e69);
	leaf_is(&f.guest, 1, 0, 0x606a6, 0x00000800, 0xf7fab223, 0x0f8bfbff);
	leaf_is(&f.guest, 2, 0, 0x00feff01, 0xf0, 0, 0);
	leaf_is(&f.guest, 4, 0, 0x121, 0x02c0003f, 0x3f, 0);
	leaf_is(&f.guest, 4, 3, 0x163, 0x02c0003f, 0xdfff, 4);
	leaf_is(&f.guest, 4, 4, 0, 0, 0, 0);
	leaf_is(&f.guest, 6, 0, 4, 0, 0, 0);
	leaf_is(&f.guest, 7, 0, 0, 0xf1bf0fbb, 0x00415f4e, 0xac000410);
	leaf_is(&f.guest, 0xa, 0, 0x08300805, 0, 0, 0x8604);
	leaf_is(&f.guest, 0x40000000, 0, 0x40000010, 0x4b4d564b, 0x564b4d56, 0x4d);
	leaf_is(&f.guest, 0x40000001, 0, 0x01007efb, 0, 0, 0);
	leaf_is(&f.guest, 0x40000010, 0, 2000000, 1000000, 0, 0);
	leaf_is(&f.guest, 0x80000000, 0, 0x80000008, 0, 0, 0);
	leaf_is(&f.guest, 0x80000001, 0, 0, 0, 0x121, 0x2c100800);
	leaf_is(&f.guest, 0x80000004, 0, 0x2e322040, 0x48473030, 0x7a, 0);
	leaf_is(&f.guest, 0x80000007, 0, 0, 0, 0, 0x100);
	leaf_is(&f.guest, 0x80000008, 0, 0x3934, 0x200, 0, 0);
	tap_eq(f.plan.arch_capabilities, 0x400000000000016b,
	       "  all of the host's mitigations");
	done(&f);
}

static void test_amd_host(void)
{
	struct fixture f;

	make(&f, true, "host", &uni);
	tap_str(text_of(&f.warnings), "", "  no warning");
	leaf_is(&f.guest, 0, 0, 0x10, 0x68747541, 0x444d4163, 0x69746e65);
	leaf_is(&f.guest, 1, 0, 0xa00f11, 0x00000800, 0xf7fa3203, 0x078bfbff);
	leaf_is(&f.guest, 7, 0, 0, 0x219c07ab, 0x0040060c, 0x10);
	leaf_is(&f.guest, 0x80000001, 0, 0xa00f11, 0x40000000, 0x00c003f7, 0x2fd3fbff);
	leaf_is(&f.guest, 0x80000008, 0, 0x3030, 0x0100d205, 0, 0);
	leaf_is(&f.guest, 0x8000000a, 0, 1, 8, 0, 0x100194f9);
	leaf_is(&f.guest, 0x8000001d, 3, 0x163, 0x03c0003f, 0x7fff, 1);
	leaf_is(&f.guest, 0x8000001e, 0, 0, 0, 0, 0);
	leaf_is(&f.guest, 0x80000021, 0, 0x45, 0, 0, 0);
	no_leaf(&f.guest, 4);
	no_leaf(&f.guest, 0x8000001f);
	tap_eq(f.plan.arch_capabilities, 0, "  no Intel MSR");
	done(&f);
	make(&f, true, "host,+arch-capabilities", &uni);
	tap_ok(cpu_has(&f.plan.words, CPU_ARCH_CAPABILITIES), "  unless asked for");
	done(&f);
}

static void test_max_is_host(bool amd)
{
	struct fixture host, max;

	make(&host, amd, "host", &quad);
	make(&max, amd, "max", &quad);
	tap_ok(same_table(&host.guest, &max.guest), "  max is host");
	done(&host);
	done(&max);
}

static void test_invtsc(void)
{
	struct cpu_caps unstable = caps;
	struct fixture f;

	make(&f, false, "host,migratable=on", &uni);
	tap_ok(!cpu_has(&f.plan.words, CPU_INVTSC), "  migratable=on: no invtsc");
	no_leaf(&f.guest, 0x40000010);
	done(&f);
	make(&f, false, "host,migratable=on,+invtsc", &uni);
	tap_ok(cpu_has(&f.plan.words, CPU_INVTSC), "  +invtsc brings it back");
	done(&f);
	make(&f, false, "qemu64", &uni);
	tap_ok(!cpu_has(&f.plan.words, CPU_INVTSC), "  named models do not have it");
	done(&f);
	make(&f, false, "qemu64,invtsc", &uni);
	tap_ok(cpu_has(&f.plan.words, CPU_INVTSC), "  unless asked for");
	tap_eq(f.plan.xlevel, 0x8000000a, "  and its leaf can be read");
	done(&f);
	unstable.invtsc = false;
	make_with(&f, false, "host,+invtsc", &uni, &unstable);
	tap_has(f.warnings.data, "CPUID.80000007H:EDX.invtsc [bit 8]",
	        "a TSC that is not invariant is not called so");
	done(&f);
}

static void test_kvm_off(void)
{
	struct fixture f;

	make(&f, false, "host,kvm=off", &uni);
	no_leaf(&f.guest, 0x40000000);
	no_leaf(&f.guest, 0x40000001);
	tap_ok(leaf(&f.guest, 1, 0).ecx >> 31, "  the hypervisor bit stays");
	done(&f);
	make(&f, false, "host,kvm=off,-hypervisor", &uni);
	tap_ok(!(leaf(&f.guest, 1, 0).ecx >> 31), "  until it is denied too");
	done(&f);
	make(&f, false, "host,-kvm-pv-ipi,+kvm-hint-dedicated", &uni);
	leaf_is(&f.guest, 0x40000001, 0, 0x010076fb, 0, 0, 1);
	done(&f);
}

static void test_user_irqchip(void)
{
	struct cpu_caps user = caps;
	struct fixture f;

	user.irqchip = false;
	make_with(&f, false, "host", &uni, &user);
	tap_ok(!cpu_has(&f.plan.words, CPU_X2APIC) &&
	               !cpu_has(&f.plan.words, CPU_TSC_DEADLINE) &&
	               !cpu_has(&f.plan.words, CPU_KVM_PV_EOI) &&
	               !cpu_has(&f.plan.words, CPU_ARAT),
	       "without KVM's local APIC none of its features");
	done(&f);
}

/* ---- named models ---- */

static void test_every_model(bool amd)
{
	for (const struct cpu_model *row = cpu_models; row->name; row++) {
		struct cpu_words settled;
		struct fixture f;
		char name[64];

		snprintf(name, sizeof(name), row->version ? "%s-v%u" : "%s", row->name,
		         row->version);
		make(&f, amd, name, &quad);
		settled = f.plan.words;
		cpu_words_settle(&settled, NULL);
		tap_ok(!memcmp(&settled, &f.plan.words, sizeof(settled)),
		       "  is consistent");
		tap_ok(f.guest.nent < 64, "  in %u entries", f.guest.nent);
		done(&f);
	}
}

static void test_named(void)
{
	struct fixture f;

	make(&f, false, "Nehalem", &uni);
	tap_str(text_of(&f.warnings), "", "  no warning");
	leaf_is(&f.guest, 0, 0, 0xb, 0x756e6547, 0x6c65746e, 0x49656e69);
	/* Nehalem's own bits, x2apic and the hypervisor bit. */
	leaf_is(&f.guest, 1, 0, 0x106a3, 0x00000800, 0x80b82201, 0x078bfbff);
	leaf_is(&f.guest, 2, 0, 1, 0, 0x4d, 0x2c307d);
	leaf_is(&f.guest, 4, 0, 0x121, 0x01c0003f, 0x3f, 0);
	leaf_is(&f.guest, 4, 2, 0x143, 0x01c0003f, 0xfff, 0);
	leaf_is(&f.guest, 4, 3, 0x163, 0x03c0003f, 0x3fff, 0);
	leaf_is(&f.guest, 0x40000001, 0, 0x01007afb, 0, 0, 0);
	leaf_is(&f.guest, 0x80000002, 0, 0x65746e49, 0x6f43206c, 0x69206572, 0x78392037);
	leaf_is(&f.guest, 0x80000008, 0, 0x3028, 0, 0, 0);
	no_leaf(&f.guest, 0xa);
	no_leaf(&f.guest, 0xd);
	done(&f);
	make(&f, true, "Nehalem,vendor=GenuineIntel", &uni);
	leaf_is(&f.guest, 0, 0, 0xb, 0x756e6547, 0x6c65746e, 0x49656e69);
	done(&f);
	make(&f, true, "Nehalem", &uni);
	tap_ok(!memcmp(f.plan.vendor, "AuthenticAMD", 12),
	       "  on AMD it has AMD's vendor, as in QEMU");
	done(&f);
	make(&f, true, "486", &uni);
	leaf_is(&f.guest, 1, 0, 0x480, 0, 0x80000000, 0xb);
	no_leaf(&f.guest, 0x80000000);
	done(&f);
	make(&f, true, "base", &uni);
	leaf_is(&f.guest, 1, 0, 0, 0, 0x80000000, 0);
	leaf_is(&f.guest, 0x40000001, 0, 0, 0, 0, 0);
	done(&f);
}

static void test_defaults_of_models(void)
{
	struct fixture f;

	make(&f, true, "EPYC", &uni);
	tap_str(text_of(&f.warnings), "", "  no warning");
	tap_ok(!cpu_has(&f.plan.words, CPU_SVM) && !cpu_has(&f.plan.words, CPU_NPT) &&
	               !cpu_has(&f.plan.words, CPU_MONITOR),
	       "  no svm, npt, monitor");
	no_leaf(&f.guest, 0x8000000a);
	done(&f);
	make(&f, true, "EPYC,+svm", &uni);
	tap_ok(cpu_has(&f.plan.words, CPU_SVM) && cpu_has(&f.plan.words, CPU_NPT),
	       "  +svm brings what depends on it");
	leaf_is(&f.guest, 0x8000000a, 0, 1, 8, 0, 9);
	done(&f);
	make(&f, false, "Skylake-Server,-avx2,+avx512f", &uni);
	tap_ok(!cpu_has(&f.plan.words, CPU_AVX512F), "  -avx2 takes avx512f");
	tap_str(text_of(&f.warnings),
	        "requested feature needs another one, left out: "
	        "CPUID.07H:EBX.avx512f [bit 16]\n",
	        "  and says so when it was asked for");
	done(&f);
	make(&f, false, "qemu64,pmu=on,level=0xa", &uni);
	leaf_is(&f.guest, 0xa, 0, 0x08300805, 0, 0, 0x8604);
	done(&f);
	make(&f, false, "host,pmu=off", &uni);
	no_leaf(&f.guest, 0xa);
	tap_ok(!cpu_has(&f.plan.words, CPU_PDCM), "  pmu=off takes pdcm");
	done(&f);
	make(&f, false, "qemu64,family=21,model=0x35,stepping=7,model-id=Own,level=2",
	     &uni);
	tap_eq(leaf(&f.guest, 1, 0).eax, 0x630f57, "  the user's signature");
	tap_eq(leaf(&f.guest, 0x80000002, 0).eax, 0x6e774f, "  the user's name");
	tap_eq(leaf(&f.guest, 0, 0).eax, 2, "  the user's level");
	no_leaf(&f.guest, 4);
	done(&f);
}

/* ---- what KVM cannot give ---- */

static void test_missing(void)
{
	struct fixture f;

	make(&f, true, "host,+vmx", &uni);
	tap_str(text_of(&f.warnings),
	        "host doesn't support requested feature: CPUID.01H:ECX.vmx [bit 5]\n",
	        "  the missing feature is named");
	tap_ok(!cpu_has(&f.plan.words, CPU_VMX), "  and left out");
	done(&f);
	make(&f, true, "Haswell", &uni);
	tap_str(text_of(&f.warnings),
	        "host doesn't support requested feature: CPUID.07H:EBX.hle [bit 4]\n"
	        "host doesn't support requested feature: CPUID.07H:EBX.rtm [bit 11]\n",
	        "  Haswell misses TSX on AMD");
	done(&f);
	make(&f, true, "Haswell,check=off", &uni);
	tap_str(text_of(&f.warnings), "", "  check=off is silent");
	tap_ok(!cpu_has(&f.plan.words, CPU_RTM), "  but leaves it out all the same");
	done(&f);
	make(&f, true, "Haswell-noTSX,enforce", &uni);
	done(&f);
	make_with(&f, true, "Haswell,enforce", &uni, &caps);
	tap_eq(-f.ret, EINVAL, "enforce refuses");
	tap_str(f.err.text,
	        "-cpu Haswell,enforce: host doesn't support 2 requested features; use "
	        "-cpu host, or leave enforce out: CPUID.07H:EBX.hle [bit 4] "
	        "CPUID.07H:EBX.rtm [bit 11]",
	        "  by name");
	done(&f);
	make_with(&f, true, "Haswell-noTSX,enforce,+kvm-mmu", &uni, &caps);
	tap_has(f.err.text, "1 requested feature;", "KVM's features too when asked for");
	done(&f);
	make_with(&f, true, "qemu64,phys-bits=52", &uni, &caps);
	tap_str(f.err.text,
	        "-cpu: phys-bits=52 is more than the 48 bits that this host has; use "
	        "host-phys-bits=on",
	        "an address wider than the host's is refused");
	done(&f);
}

static void test_soft_defaults(void)
{
	struct fixture f = { .caps = caps };

	load_host(&f.host, false);
	for (uint32_t i = 0; i < f.host.nent; i++)
		if (f.host.entries[i].function == 0x40000001)
			f.host.entries[i].eax = 0x8; /* an old kernel: kvmclock only */
	cpu_config_init(&f.config);
	cpu_config_parse(&f.config, "Haswell-noTSX,enforce", &f.err);
	f.ret = cpu_plan_make(&f.plan, &f.config, cpuid_for_kvm(&f.host), &f.caps, &uni,
	                      &f.warnings, &f.err);
	tap_ok(f.ret == 0 && !f.warnings.len,
	       "KVM features that come by default may be missing");
	tap_eq(f.plan.words.w[CPU_W_KVM], 8, "  those that exist are there");
	done(&f);
}

static void test_phys_bits(void)
{
	static const struct {
		const char *cpu;
		uint32_t bits;
	} cases[] = {
		{ "host", 52 },
		{ "host,phys-bits=40", 40 },
		{ "host,host-phys-bits-limit=46", 46 },
		{ "qemu64", 40 },
		{ "qemu64,host-phys-bits=on", 52 },
		{ "pentium3", 36 },
		{ "pentium", 32 },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		struct fixture f;

		make(&f, false, cases[i].cpu, &uni);
		tap_eq(f.plan.phys_bits, cases[i].bits, "  physical address bits");
		done(&f);
	}
}

/* ---- XSAVE ---- */

static void test_xsave(void)
{
	struct fixture f;

	make(&f, false, "host", &uni);
	leaf_is(&f.guest, 0xd, 0, 0x2e7, 0xa88, 0xa88, 0);
	leaf_is(&f.guest, 0xd, 1, 0xf, 576 + 0x100 + 0x40 + 0x200 + 0x400 + 8, 0, 0);
	leaf_is(&f.guest, 0xd, 9, 8, 0xa80, 0, 0);
	done(&f);
	make(&f, false, "SandyBridge", &uni);
	leaf_is(&f.guest, 0xd, 0, 7, 0x340, 0x340, 0);
	leaf_is(&f.guest, 0xd, 1, 1, 0, 0, 0);
	leaf_is(&f.guest, 0xd, 9, 0, 0, 0, 0);
	done(&f);
	make(&f, false, "host,-avx512f", &uni);
	leaf_is(&f.guest, 0xd, 0, 0x207, 0xa88, 0xa88, 0);
	leaf_is(&f.guest, 0xd, 5, 0, 0, 0, 0);
	done(&f);
	make(&f, false, "host,-avx,-pku", &uni);
	leaf_is(&f.guest, 0xd, 0, 3, 576, 576, 0);
	tap_ok(!cpu_has(&f.plan.words, CPU_AVX2) && !cpu_has(&f.plan.words, CPU_VAES),
	       "  -avx takes what needs it");
	done(&f);
	make(&f, false, "host,-xsave", &uni);
	no_leaf(&f.guest, 0xd);
	done(&f);
}

static void test_xsave_host_without_avx_state(void)
{
	struct fixture f = { .caps = caps };

	load_host(&f.host, false);
	for (uint32_t i = 0; i < f.host.nent; i++)
		if (f.host.entries[i].function == 0xd && f.host.entries[i].index == 0)
			f.host.entries[i].eax = 3;
	cpu_config_init(&f.config);
	f.ret = cpu_plan_make(&f.plan, &f.config, cpuid_for_kvm(&f.host), &f.caps, &uni,
	                      &f.warnings, &f.err);
	tap_ok(f.ret == 0 && !cpu_has(&f.plan.words, CPU_AVX) &&
	               !cpu_has(&f.plan.words, CPU_AVX512F),
	       "no AVX where KVM does not save its state");
	done(&f);
}

/* ---- topology ---- */

struct topology_case {
	struct cpu_topology t;
	uint32_t last;                   /* APIC id of the last vCPU */
	uint32_t thread_bits;            /* leaf 0xb.0 EAX */
	uint32_t package_bits;           /* leaf 0xb.1 EAX */
	uint32_t intel_count;            /* leaf 1 EBX[23:16] */
	uint32_t amd_size;               /* leaf 0x80000008 ECX */
	uint32_t l1, l3;                 /* leaf 4 EAX, type to level removed */
	uint32_t amd_1e_ebx, amd_1e_ecx; /* of the last vCPU */
};

static const struct topology_case topologies[] = {
	{ { 1, 1, 1, 1 }, 0, 0, 0, 0, 0, 0, 0, 0, 0 },
	{ { 2, 1, 1, 2 }, 1, 0, 0, 0, 0, 0, 0, 0, 1 },
	{ { 1, 2, 1, 2 }, 1, 0, 1, 2, 0x1001, 0x04000000, 0x04004000, 1, 0 },
	{ { 1, 1, 2, 2 }, 1, 1, 1, 2, 0x1001, 0x00004000, 0x00004000, 0x100, 0 },
	{ { 1, 3, 1, 3 }, 2, 0, 2, 4, 0x2002, 0x0c000000, 0x0c00c000, 2, 0 },
	{ { 1, 4, 1, 4 }, 3, 0, 2, 4, 0x2003, 0x0c000000, 0x0c00c000, 3, 0 },
	{ { 2, 1, 2, 4 }, 3, 1, 1, 2, 0x1001, 0x00004000, 0x00004000, 0x100, 1 },
	{ { 2, 3, 1, 6 }, 6, 0, 2, 4, 0x2002, 0x0c000000, 0x0c00c000, 2, 1 },
	{ { 1, 3, 2, 6 }, 5, 1, 3, 8, 0x3005, 0x0c004000, 0x0c01c000, 0x102, 0 },
	{ { 2, 2, 2, 8 }, 7, 1, 2, 4, 0x2003, 0x04004000, 0x0400c000, 0x101, 1 },
	{ { 1, 8, 1, 8 }, 7, 0, 3, 8, 0x3007, 0x1c000000, 0x1c01c000, 7, 0 },
};

static void test_topology_intel(const struct topology_case *c)
{
	unsigned logical = c->t.cores * c->t.threads, last = c->t.maxcpus - 1;
	struct fixture f;

	make(&f, false, "host", &c->t);
	tap_eq(cpuid_build(&f.plan, last, &f.guest), 0, "  vCPU %u", last);
	tap_eq(leaf(&f.guest, 1, 0).ebx, c->last << 24 | c->intel_count << 16 | 0x800,
	       "  APIC id and count of leaf 1");
	tap_eq(leaf(&f.guest, 1, 0).edx >> 28 & 1, logical > 1, "  the HTT bit");
	leaf_is(&f.guest, 0xb, 0, c->thread_bits, c->t.threads, 0x100, c->last);
	leaf_is(&f.guest, 0xb, 1, c->package_bits, logical, 0x201, c->last);
	leaf_is(&f.guest, 0xb, 2, 0, 0, 2, c->last);
	leaf_is(&f.guest, 4, 0, 0x121 | c->l1, 0x02c0003f, 0x3f, 0);
	leaf_is(&f.guest, 4, 3, 0x163 | c->l3, 0x02c0003f, 0xdfff, 4);
	done(&f);
	/* A named model shares its caches in the same way. */
	make(&f, false, "Haswell-noTSX", &c->t);
	tap_eq(leaf(&f.guest, 4, 0).eax, 0x121 | c->l1, "  level 1 of a named model");
	tap_eq(leaf(&f.guest, 4, 3).eax, 0x163 | c->l3, "  level 3 of a named model");
	done(&f);
}

static void test_topology_amd(const struct topology_case *c)
{
	unsigned logical = c->t.cores * c->t.threads, last = c->t.maxcpus - 1;
	uint32_t htt = logical > 1 ? logical << 16 : 0;
	struct fixture f;

	make(&f, true, "EPYC-Rome", &c->t);
	tap_eq(cpuid_build(&f.plan, last, &f.guest), 0, "  vCPU %u", last);
	tap_eq(leaf(&f.guest, 1, 0).ebx, c->last << 24 | htt | 0x800,
	       "  APIC id and count of leaf 1");
	tap_eq(leaf(&f.guest, 0x80000001, 0).ecx >> 1 & 1, logical > 1,
	       "  the CmpLegacy bit");
	tap_eq(leaf(&f.guest, 0x80000008, 0).ecx, c->amd_size, "  counts of 0x80000008");
	leaf_is(&f.guest, 0xb, 1, c->package_bits, logical, 0x201, c->last);
	leaf_is(&f.guest, 0x8000001e, 0, c->last, c->amd_1e_ebx, c->amd_1e_ecx, 0);
	tap_eq(leaf(&f.guest, 0x8000001d, 0).eax, 0x121 | (c->l1 & 0x3ffc000),
	       "  level 1 sharing");
	tap_eq(leaf(&f.guest, 0x8000001d, 3).eax, 0x163 | (c->l3 & 0x3ffc000),
	       "  level 3 sharing");
	done(&f);
}

static void test_many_cpus(void)
{
	const struct cpu_topology t = { 4, 96, 2, 768 };
	struct fixture f;

	make(&f, false, "host,-ht", &t);
	tap_eq(cpuid_build(&f.plan, 767, &f.guest), 0, "  the last vCPU");
	tap_eq(leaf(&f.guest, 0xb, 0).edx, 3 << 8 | 95 << 1 | 1, "  its x2APIC id");
	tap_eq(leaf(&f.guest, 1, 0).ebx >> 24, 0xbf, "  the low byte in leaf 1");
	tap_eq(leaf(&f.guest, 1, 0).edx >> 28 & 1, 0, "  -ht is obeyed");
	tap_eq(leaf(&f.guest, 4, 0).eax >> 26, 0x3f, "  core count at its limit");
	done(&f);
}

/* ---- laws ---- */

static void test_idempotence(bool amd)
{
	struct fixture f, again;
	struct cpuid_table second;

	make(&f, amd, "host", &quad);
	cpuid_build(&f.plan, 0, &second);
	tap_ok(same_table(&f.guest, &second), "  building twice is the same");
	/* A guest's table as a host's: KVM in KVM with the same topology. */
	again = (struct fixture){ .host = f.guest, .caps = caps };
	cpu_config_init(&again.config);
	again.ret = cpu_plan_make(&again.plan, &again.config, cpuid_for_kvm(&again.host),
	                          &caps, &quad, &again.warnings, &again.err);
	cpuid_build(&again.plan, 0, &again.guest);
	tap_ok(again.ret == 0 && same_table(&again.guest, &f.guest),
	       "  a guest of the guest has the same processor");
	done(&again);
	done(&f);
}

/* A host that says nothing but one leaf, again and again. */
static void test_full_table(void)
{
	struct cpuid_table host, guest[2];
	struct cpu_config config;
	struct cpu_plan plan;

	load_host(&host, true);
	for (unsigned i = 0; i < CPUID_ENTRIES_MAX; i++) {
		struct kvm_cpuid_entry2 *e = &host.entries[i];

		if (i && e->function != 0x80000000)
			*e = (struct kvm_cpuid_entry2){ .function = 0x80000019,
				                        .eax = 1 };
	}
	host.nent = CPUID_ENTRIES_MAX;
	memset(guest, 0xa5, sizeof(guest));
	cpu_config_init(&config);
	cpu_plan_make(&plan, &config, cpuid_for_kvm(&host), &caps, &uni, NULL, NULL);
	tap_eq(-cpuid_build(&plan, 0, &guest[0]), E2BIG,
	       "more leaves than the table holds are refused");
	tap_eq(guest[0].nent, CPUID_ENTRIES_MAX, "  the table is full");
	tap_eq(guest[1].nent, 0xa5a5a5a5, "  and nothing is written beyond it");
}

static void test_empty_host(void)
{
	struct cpuid_table host = { 0 }, guest;
	struct cpu_config config;
	struct cpu_plan plan;
	struct strbuf warnings = { 0 };
	struct err err = { 0 };

	cpu_config_init(&config);
	tap_eq(cpu_plan_make(&plan, &config, cpuid_for_kvm(&host), &caps, &quad,
	                     &warnings, &err),
	       0, "a KVM that reports nothing gives a processor with nothing");
	tap_eq(cpuid_build(&plan, 3, &guest), 0, "  which can be built");
	strbuf_free(&warnings);
}

static void test_speed(void)
{
	enum { ROUNDS = 200 };
	struct timespec from, to;
	struct fixture f;
	double us;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
	for (unsigned i = 0; i < ROUNDS; i++) {
		make_with(&f, true, "EPYC-Milan-v2,+svm", &quad, &caps);
		done(&f);
	}
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
	us = ((to.tv_sec - from.tv_sec) * 1e9 + (to.tv_nsec - from.tv_nsec)) / 1e3 /
	     ROUNDS;
	/* Generous: the point is microseconds, not milliseconds, with a sanitizer too. */
	tap_ok(us < 5000, "parse, plan and build take %.1f us of CPU", us);
}

/* ---- the KVM of this machine ---- */

static int set_on_all(int kvm, const struct cpu_plan *plan)
{
	_cleanup_close_ int vm = ioctl(kvm, KVM_CREATE_VM, 0);
	int vcpus[8], ret = 0;
	unsigned made = 0;

	if (vm < 0 || ioctl(vm, KVM_CREATE_IRQCHIP, 0) < 0)
		return -errno;
	for (; made < plan->topology.maxcpus && !ret; made++) {
		struct cpuid_table table;

		vcpus[made] = ioctl(vm, KVM_CREATE_VCPU,
		                    (unsigned long)cpu_apic_id(&plan->topology, made));
		if (vcpus[made] < 0)
			return -errno;
		ret = cpuid_build(plan, made, &table);
		if (!ret && ioctl(vcpus[made], KVM_SET_CPUID2, cpuid_for_kvm(&table)) < 0)
			ret = -errno;
	}
	while (made--)
		close(vcpus[made]);
	return ret;
}

static void try_kvm(int kvm, const struct cpuid_table *host, const struct cpu_caps *real,
                    const char *cpu, const struct cpu_topology *t)
{
	struct fixture f = { .host = *host };

	cpu_config_init(&f.config);
	f.ret = cpu_config_parse(&f.config, cpu, &f.err);
	if (!f.ret)
		f.ret = cpu_plan_make(&f.plan, &f.config, cpuid_for_kvm(&f.host), real, t,
		                      &f.warnings, &f.err);
	if (!f.ret)
		f.ret = set_on_all(kvm, &f.plan);
	tap_ok(f.ret == 0, "this KVM takes -cpu %s, %u vCPUs: %s", cpu, t->maxcpus,
	       f.ret ? strerror(-f.ret) : "yes");
	done(&f);
}

static void test_host_without_cache_leaf(void)
{
	struct fixture f;

	make(&f, true, "host", &uni);
	for (uint32_t i = 0; i < f.host.nent; i++)
		if (f.host.entries[i].function == 0x80000005)
			f.host.entries[i].eax = f.host.entries[i].ebx =
				f.host.entries[i].ecx = f.host.entries[i].edx = 0;
	leaf_is(&f.guest, 0x80000005, 0, 0xff40ff40, 0xff40ff40, 0x20080140, 0x20080140);
	leaf_is(&f.guest, 0x80000006, 0, 0x5c002200, 0x6c004200, 0x02006140, 0x08009140);
	cpuid_build(&f.plan, 0, &f.guest);
	tap_ok(leaf(&f.guest, 0x80000005, 0).ecx != 0,
	       "  level 1 is described all the same");
	done(&f);
	make(&f, true, "EPYC,l3-cache=off", &uni);
	leaf_is(&f.guest, 0x80000006, 0, 0, 0x42004200, 0x08006140, 0);
	leaf_is(&f.guest, 0x8000001d, 3, 0, 0, 0, 0);
	done(&f);
	make(&f, true, "EPYC", &uni);
	leaf_is(&f.guest, 0x80000006, 0, 0, 0x42004200, 0x08006140, 0x00808140);
	leaf_is(&f.guest, 0x8000001d, 3, 0x163, 0x03c0003f, 0x3fff, 0);
	done(&f);
}

static void test_kvm(void)
{
	static const char *const models[] = { "host",
		                              "max",
		                              "qemu64",
		                              "kvm64",
		                              "Haswell",
		                              "EPYC-Rome",
		                              "host,migratable=off" };
	_cleanup_close_ int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	struct cpuid_table host = { .nent = CPUID_ENTRIES_MAX };
	struct cpu_caps real = { .irqchip = true, .invtsc = true };

	cpu_host_name(real.model_id);
	tap_ok(real.model_id[0], "this processor has a name: %.48s", real.model_id);
	if (kvm < 0) {
		tap_skip("KVM takes the tables", strerror(errno));
		return;
	}
	if (!tap_ok(ioctl(kvm, KVM_GET_SUPPORTED_CPUID, cpuid_for_kvm(&host)) == 0,
	            "KVM_GET_SUPPORTED_CPUID gives %u entries", host.nent))
		return;
	real.tsc_deadline =
		ioctl(kvm, KVM_CHECK_EXTENSION, KVM_CAP_TSC_DEADLINE_TIMER) > 0;
	for (unsigned i = 0; i < ARRAY_SIZE(models); i++) {
		const struct cpu_topology odd = { 1, 3, 2, 6 };

		try_kvm(kvm, &host, &real, models[i], &uni);
		try_kvm(kvm, &host, &real, models[i], &quad);
		try_kvm(kvm, &host, &real, models[i], &odd);
	}
}

static void test_host_name(void)
{
	struct cpu_caps named = caps;
	struct fixture f;

	strcpy(named.model_id, "Own Processor");
	make_with(&f, false, "host", &uni, &named);
	tap_has(f.plan.model_id, "Intel(R) Xeon(R) Gold 6338", "a name in KVM's table");
	load_host(&f.host, true);
	for (uint32_t i = 0; i < f.host.nent; i++)
		if (f.host.entries[i].function >= 0x80000002 &&
		    f.host.entries[i].function <= 0x80000004)
			f.host.entries[i].eax = 0;
	cpu_plan_make(&f.plan, &f.config, cpuid_for_kvm(&f.host), &named, &uni,
	              &f.warnings, NULL);
	tap_str(f.plan.model_id, "Own Processor", "otherwise the one of the processor");
	done(&f);
}

int main(void)
{
	test_intel_host();
	test_amd_host();
	test_max_is_host(false);
	test_max_is_host(true);
	test_invtsc();
	test_kvm_off();
	test_user_irqchip();
	test_every_model(false);
	test_every_model(true);
	test_named();
	test_defaults_of_models();
	test_missing();
	test_soft_defaults();
	test_phys_bits();
	test_xsave();
	test_xsave_host_without_avx_state();
	for (unsigned i = 0; i < ARRAY_SIZE(topologies); i++) {
		test_topology_intel(&topologies[i]);
		test_topology_amd(&topologies[i]);
	}
	test_many_cpus();
	test_idempotence(false);
	test_idempotence(true);
	test_full_table();
	test_empty_host();
	test_speed();
	test_host_name();
	test_host_without_cache_leaf();
	test_kvm();
	return tap_done();
}
