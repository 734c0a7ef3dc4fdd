/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The CPU features that have a name on the command line: where each one's bit lives
 * (CPUID leaf, sub-leaf and register, or a feature MSR) and what it needs besides itself.
 *
 * Names are QEMU's. '_', '.' and '-' are the same character in a name, so that "sse4.1",
 * "sse4-1" and "sse4_1" are one feature; a few features have a second name ("sse3").
 * Everything here is pure: no allocation but the strbuf's, any thread.
 */
#ifndef CPU_CPUFEAT_H
#define CPU_CPUFEAT_H

#include "common/strbuf.h"

#include <stdbool.h>
#include <stdint.h>

/* One register full of features. EXTn is leaf 0x800000nn, KVM is 0x40000001. */
enum cpu_word {
	CPU_W_1_EDX,
	CPU_W_1_ECX,
	CPU_W_7_EBX,
	CPU_W_7_ECX,
	CPU_W_7_EDX,
	CPU_W_7_1_EAX,
	CPU_W_7_1_EDX,
	CPU_W_7_2_EDX,
	CPU_W_6_EAX,
	CPU_W_D_1_EAX,
	CPU_W_14_ECX,
	CPU_W_EXT1_EDX,
	CPU_W_EXT1_ECX,
	CPU_W_EXT7_EDX,
	CPU_W_EXT8_EBX,
	CPU_W_EXTA_EDX,
	CPU_W_EXT21_EAX,
	CPU_W_KVM,
	CPU_W_KVM_HINTS,
	CPU_W_ARCH_CAPS, /* MSR 0x10a, the low half */
	CPU_WORDS,
};

/* X(word, bit, identifier, name). One row per named bit; kvmclock names two bits. */
#define CPU_FEATURES(X)                                                         \
	X(1_EDX, 0, FPU, "fpu")                                                 \
	X(1_EDX, 1, VME, "vme")                                                 \
	X(1_EDX, 2, DE, "de")                                                   \
	X(1_EDX, 3, PSE, "pse")                                                 \
	X(1_EDX, 4, TSC, "tsc")                                                 \
	X(1_EDX, 5, MSR, "msr")                                                 \
	X(1_EDX, 6, PAE, "pae")                                                 \
	X(1_EDX, 7, MCE, "mce")                                                 \
	X(1_EDX, 8, CX8, "cx8")                                                 \
	X(1_EDX, 9, APIC, "apic")                                               \
	X(1_EDX, 11, SEP, "sep")                                                \
	X(1_EDX, 12, MTRR, "mtrr")                                              \
	X(1_EDX, 13, PGE, "pge")                                                \
	X(1_EDX, 14, MCA, "mca")                                                \
	X(1_EDX, 15, CMOV, "cmov")                                              \
	X(1_EDX, 16, PAT, "pat")                                                \
	X(1_EDX, 17, PSE36, "pse36")                                            \
	X(1_EDX, 18, PN, "pn")                                                  \
	X(1_EDX, 19, CLFLUSH, "clflush")                                        \
	X(1_EDX, 21, DS, "ds")                                                  \
	X(1_EDX, 22, ACPI, "acpi")                                              \
	X(1_EDX, 23, MMX, "mmx")                                                \
	X(1_EDX, 24, FXSR, "fxsr")                                              \
	X(1_EDX, 25, SSE, "sse")                                                \
	X(1_EDX, 26, SSE2, "sse2")                                              \
	X(1_EDX, 27, SS, "ss")                                                  \
	X(1_EDX, 28, HT, "ht")                                                  \
	X(1_EDX, 29, TM, "tm")                                                  \
	X(1_EDX, 30, IA64, "ia64")                                              \
	X(1_EDX, 31, PBE, "pbe")                                                \
	X(1_ECX, 0, PNI, "pni")                                                 \
	X(1_ECX, 1, PCLMULQDQ, "pclmulqdq")                                     \
	X(1_ECX, 2, DTES64, "dtes64")                                           \
	X(1_ECX, 3, MONITOR, "monitor")                                         \
	X(1_ECX, 4, DS_CPL, "ds-cpl")                                           \
	X(1_ECX, 5, VMX, "vmx")                                                 \
	X(1_ECX, 6, SMX, "smx")                                                 \
	X(1_ECX, 7, EST, "est")                                                 \
	X(1_ECX, 8, TM2, "tm2")                                                 \
	X(1_ECX, 9, SSSE3, "ssse3")                                             \
	X(1_ECX, 10, CID, "cid")                                                \
	X(1_ECX, 12, FMA, "fma")                                                \
	X(1_ECX, 13, CX16, "cx16")                                              \
	X(1_ECX, 14, XTPR, "xtpr")                                              \
	X(1_ECX, 15, PDCM, "pdcm")                                              \
	X(1_ECX, 17, PCID, "pcid")                                              \
	X(1_ECX, 18, DCA, "dca")                                                \
	X(1_ECX, 19, SSE4_1, "sse4.1")                                          \
	X(1_ECX, 20, SSE4_2, "sse4.2")                                          \
	X(1_ECX, 21, X2APIC, "x2apic")                                          \
	X(1_ECX, 22, MOVBE, "movbe")                                            \
	X(1_ECX, 23, POPCNT, "popcnt")                                          \
	X(1_ECX, 24, TSC_DEADLINE, "tsc-deadline")                              \
	X(1_ECX, 25, AES, "aes")                                                \
	X(1_ECX, 26, XSAVE, "xsave")                                            \
	X(1_ECX, 28, AVX, "avx")                                                \
	X(1_ECX, 29, F16C, "f16c")                                              \
	X(1_ECX, 30, RDRAND, "rdrand")                                          \
	X(1_ECX, 31, HYPERVISOR, "hypervisor")                                  \
	X(7_EBX, 0, FSGSBASE, "fsgsbase")                                       \
	X(7_EBX, 1, TSC_ADJUST, "tsc-adjust")                                   \
	X(7_EBX, 2, SGX, "sgx")                                                 \
	X(7_EBX, 3, BMI1, "bmi1")                                               \
	X(7_EBX, 4, HLE, "hle")                                                 \
	X(7_EBX, 5, AVX2, "avx2")                                               \
	X(7_EBX, 6, FDP_EXCPTN_ONLY, "fdp-excptn-only")                         \
	X(7_EBX, 7, SMEP, "smep")                                               \
	X(7_EBX, 8, BMI2, "bmi2")                                               \
	X(7_EBX, 9, ERMS, "erms")                                               \
	X(7_EBX, 10, INVPCID, "invpcid")                                        \
	X(7_EBX, 11, RTM, "rtm")                                                \
	X(7_EBX, 13, ZERO_FCS_FDS, "zero-fcs-fds")                              \
	X(7_EBX, 14, MPX, "mpx")                                                \
	X(7_EBX, 16, AVX512F, "avx512f")                                        \
	X(7_EBX, 17, AVX512DQ, "avx512dq")                                      \
	X(7_EBX, 18, RDSEED, "rdseed")                                          \
	X(7_EBX, 19, ADX, "adx")                                                \
	X(7_EBX, 20, SMAP, "smap")                                              \
	X(7_EBX, 21, AVX512IFMA, "avx512ifma")                                  \
	X(7_EBX, 22, PCOMMIT, "pcommit")                                        \
	X(7_EBX, 23, CLFLUSHOPT, "clflushopt")                                  \
	X(7_EBX, 24, CLWB, "clwb")                                              \
	X(7_EBX, 25, INTEL_PT, "intel-pt")                                      \
	X(7_EBX, 26, AVX512PF, "avx512pf")                                      \
	X(7_EBX, 27, AVX512ER, "avx512er")                                      \
	X(7_EBX, 28, AVX512CD, "avx512cd")                                      \
	X(7_EBX, 29, SHA_NI, "sha-ni")                                          \
	X(7_EBX, 30, AVX512BW, "avx512bw")                                      \
	X(7_EBX, 31, AVX512VL, "avx512vl")                                      \
	X(7_ECX, 1, AVX512VBMI, "avx512vbmi")                                   \
	X(7_ECX, 2, UMIP, "umip")                                               \
	X(7_ECX, 3, PKU, "pku")                                                 \
	X(7_ECX, 5, WAITPKG, "waitpkg")                                         \
	X(7_ECX, 6, AVX512VBMI2, "avx512vbmi2")                                 \
	X(7_ECX, 7, SHSTK, "shstk")                                             \
	X(7_ECX, 8, GFNI, "gfni")                                               \
	X(7_ECX, 9, VAES, "vaes")                                               \
	X(7_ECX, 10, VPCLMULQDQ, "vpclmulqdq")                                  \
	X(7_ECX, 11, AVX512VNNI, "avx512vnni")                                  \
	X(7_ECX, 12, AVX512BITALG, "avx512bitalg")                              \
	X(7_ECX, 14, AVX512_VPOPCNTDQ, "avx512-vpopcntdq")                      \
	X(7_ECX, 16, LA57, "la57")                                              \
	X(7_ECX, 22, RDPID, "rdpid")                                            \
	X(7_ECX, 24, BUS_LOCK_DETECT, "bus-lock-detect")                        \
	X(7_ECX, 25, CLDEMOTE, "cldemote")                                      \
	X(7_ECX, 27, MOVDIRI, "movdiri")                                        \
	X(7_ECX, 28, MOVDIR64B, "movdir64b")                                    \
	X(7_ECX, 30, SGXLC, "sgxlc")                                            \
	X(7_ECX, 31, PKS, "pks")                                                \
	X(7_EDX, 2, AVX512_4VNNIW, "avx512-4vnniw")                             \
	X(7_EDX, 3, AVX512_4FMAPS, "avx512-4fmaps")                             \
	X(7_EDX, 4, FSRM, "fsrm")                                               \
	X(7_EDX, 8, AVX512_VP2INTERSECT, "avx512-vp2intersect")                 \
	X(7_EDX, 10, MD_CLEAR, "md-clear")                                      \
	X(7_EDX, 14, SERIALIZE, "serialize")                                    \
	X(7_EDX, 16, TSX_LDTRK, "tsx-ldtrk")                                    \
	X(7_EDX, 19, ARCH_LBR, "arch-lbr")                                      \
	X(7_EDX, 20, IBT, "ibt")                                                \
	X(7_EDX, 22, AMX_BF16, "amx-bf16")                                      \
	X(7_EDX, 23, AVX512_FP16, "avx512-fp16")                                \
	X(7_EDX, 24, AMX_TILE, "amx-tile")                                      \
	X(7_EDX, 25, AMX_INT8, "amx-int8")                                      \
	X(7_EDX, 26, SPEC_CTRL, "spec-ctrl")                                    \
	X(7_EDX, 27, STIBP, "stibp")                                            \
	X(7_EDX, 28, FLUSH_L1D, "flush-l1d")                                    \
	X(7_EDX, 29, ARCH_CAPABILITIES, "arch-capabilities")                    \
	X(7_EDX, 30, CORE_CAPABILITY, "core-capability")                        \
	X(7_EDX, 31, SSBD, "ssbd")                                              \
	X(7_1_EAX, 0, SHA512, "sha512")                                         \
	X(7_1_EAX, 1, SM3, "sm3")                                               \
	X(7_1_EAX, 2, SM4, "sm4")                                               \
	X(7_1_EAX, 4, AVX_VNNI, "avx-vnni")                                     \
	X(7_1_EAX, 5, AVX512_BF16, "avx512-bf16")                               \
	X(7_1_EAX, 7, CMPCCXADD, "cmpccxadd")                                   \
	X(7_1_EAX, 10, FZRM, "fzrm")                                            \
	X(7_1_EAX, 11, FSRS, "fsrs")                                            \
	X(7_1_EAX, 12, FSRC, "fsrc")                                            \
	X(7_1_EAX, 17, FRED, "fred")                                            \
	X(7_1_EAX, 18, LKGS, "lkgs")                                            \
	X(7_1_EAX, 19, WRMSRNS, "wrmsrns")                                      \
	X(7_1_EAX, 21, AMX_FP16, "amx-fp16")                                    \
	X(7_1_EAX, 23, AVX_IFMA, "avx-ifma")                                    \
	X(7_1_EAX, 26, LAM, "lam")                                              \
	X(7_1_EDX, 4, AVX_VNNI_INT8, "avx-vnni-int8")                           \
	X(7_1_EDX, 5, AVX_NE_CONVERT, "avx-ne-convert")                         \
	X(7_1_EDX, 8, AMX_COMPLEX, "amx-complex")                               \
	X(7_1_EDX, 10, AVX_VNNI_INT16, "avx-vnni-int16")                        \
	X(7_1_EDX, 14, PREFETCHITI, "prefetchiti")                              \
	X(7_2_EDX, 0, INTEL_PSFD, "intel-psfd")                                 \
	X(7_2_EDX, 1, IPRED_CTRL, "ipred-ctrl")                                 \
	X(7_2_EDX, 2, RRSBA_CTRL, "rrsba-ctrl")                                 \
	X(7_2_EDX, 3, DDPD_U, "ddpd-u")                                         \
	X(7_2_EDX, 4, BHI_CTRL, "bhi-ctrl")                                     \
	X(7_2_EDX, 5, MCDT_NO, "mcdt-no")                                       \
	X(6_EAX, 2, ARAT, "arat")                                               \
	X(D_1_EAX, 0, XSAVEOPT, "xsaveopt")                                     \
	X(D_1_EAX, 1, XSAVEC, "xsavec")                                         \
	X(D_1_EAX, 2, XGETBV1, "xgetbv1")                                       \
	X(D_1_EAX, 3, XSAVES, "xsaves")                                         \
	X(D_1_EAX, 4, XFD, "xfd")                                               \
	X(14_ECX, 31, INTEL_PT_LIP, "intel-pt-lip")                             \
	X(EXT1_EDX, 11, SYSCALL, "syscall")                                     \
	X(EXT1_EDX, 20, NX, "nx")                                               \
	X(EXT1_EDX, 22, MMXEXT, "mmxext")                                       \
	X(EXT1_EDX, 25, FXSR_OPT, "fxsr-opt")                                   \
	X(EXT1_EDX, 26, PDPE1GB, "pdpe1gb")                                     \
	X(EXT1_EDX, 27, RDTSCP, "rdtscp")                                       \
	X(EXT1_EDX, 29, LM, "lm")                                               \
	X(EXT1_EDX, 30, 3DNOWEXT, "3dnowext")                                   \
	X(EXT1_EDX, 31, 3DNOW, "3dnow")                                         \
	X(EXT1_ECX, 0, LAHF_LM, "lahf-lm")                                      \
	X(EXT1_ECX, 1, CMP_LEGACY, "cmp-legacy")                                \
	X(EXT1_ECX, 2, SVM, "svm")                                              \
	X(EXT1_ECX, 3, EXTAPIC, "extapic")                                      \
	X(EXT1_ECX, 4, CR8LEGACY, "cr8legacy")                                  \
	X(EXT1_ECX, 5, ABM, "abm")                                              \
	X(EXT1_ECX, 6, SSE4A, "sse4a")                                          \
	X(EXT1_ECX, 7, MISALIGNSSE, "misalignsse")                              \
	X(EXT1_ECX, 8, 3DNOWPREFETCH, "3dnowprefetch")                          \
	X(EXT1_ECX, 9, OSVW, "osvw")                                            \
	X(EXT1_ECX, 10, IBS, "ibs")                                             \
	X(EXT1_ECX, 11, XOP, "xop")                                             \
	X(EXT1_ECX, 12, SKINIT, "skinit")                                       \
	X(EXT1_ECX, 13, WDT, "wdt")                                             \
	X(EXT1_ECX, 15, LWP, "lwp")                                             \
	X(EXT1_ECX, 16, FMA4, "fma4")                                           \
	X(EXT1_ECX, 17, TCE, "tce")                                             \
	X(EXT1_ECX, 19, NODEID_MSR, "nodeid-msr")                               \
	X(EXT1_ECX, 21, TBM, "tbm")                                             \
	X(EXT1_ECX, 22, TOPOEXT, "topoext")                                     \
	X(EXT1_ECX, 23, PERFCTR_CORE, "perfctr-core")                           \
	X(EXT1_ECX, 24, PERFCTR_NB, "perfctr-nb")                               \
	X(EXT7_EDX, 8, INVTSC, "invtsc")                                        \
	X(EXT8_EBX, 0, CLZERO, "clzero")                                        \
	X(EXT8_EBX, 2, XSAVEERPTR, "xsaveerptr")                                \
	X(EXT8_EBX, 9, WBNOINVD, "wbnoinvd")                                    \
	X(EXT8_EBX, 12, IBPB, "ibpb")                                           \
	X(EXT8_EBX, 14, IBRS, "ibrs")                                           \
	X(EXT8_EBX, 15, AMD_STIBP, "amd-stibp")                                 \
	X(EXT8_EBX, 17, STIBP_ALWAYS_ON, "stibp-always-on")                     \
	X(EXT8_EBX, 24, AMD_SSBD, "amd-ssbd")                                   \
	X(EXT8_EBX, 25, VIRT_SSBD, "virt-ssbd")                                 \
	X(EXT8_EBX, 26, AMD_NO_SSB, "amd-no-ssb")                               \
	X(EXT8_EBX, 28, AMD_PSFD, "amd-psfd")                                   \
	X(EXT8_EBX, 29, BTC_NO, "btc-no")                                       \
	X(EXTA_EDX, 0, NPT, "npt")                                              \
	X(EXTA_EDX, 1, LBRV, "lbrv")                                            \
	X(EXTA_EDX, 2, SVM_LOCK, "svm-lock")                                    \
	X(EXTA_EDX, 3, NRIP_SAVE, "nrip-save")                                  \
	X(EXTA_EDX, 4, TSC_SCALE, "tsc-scale")                                  \
	X(EXTA_EDX, 5, VMCB_CLEAN, "vmcb-clean")                                \
	X(EXTA_EDX, 6, FLUSHBYASID, "flushbyasid")                              \
	X(EXTA_EDX, 7, DECODEASSISTS, "decodeassists")                          \
	X(EXTA_EDX, 10, PAUSE_FILTER, "pause-filter")                           \
	X(EXTA_EDX, 12, PFTHRESHOLD, "pfthreshold")                             \
	X(EXTA_EDX, 13, AVIC, "avic")                                           \
	X(EXTA_EDX, 15, V_VMSAVE_VMLOAD, "v-vmsave-vmload")                     \
	X(EXTA_EDX, 16, VGIF, "vgif")                                           \
	X(EXTA_EDX, 25, VNMI, "vnmi")                                           \
	X(EXTA_EDX, 28, SVME_ADDR_CHK, "svme-addr-chk")                         \
	X(EXT21_EAX, 0, NO_NESTED_DATA_BP, "no-nested-data-bp")                 \
	X(EXT21_EAX, 1, FS_GS_BASE_NS, "fs-gs-base-ns")                         \
	X(EXT21_EAX, 2, LFENCE_ALWAYS_SERIALIZING, "lfence-always-serializing") \
	X(EXT21_EAX, 6, NULL_SEL_CLR_BASE, "null-sel-clr-base")                 \
	X(EXT21_EAX, 8, AUTO_IBRS, "auto-ibrs")                                 \
	X(EXT21_EAX, 27, SBPB, "sbpb")                                          \
	X(EXT21_EAX, 28, IBPB_BRTYPE, "ibpb-brtype")                            \
	X(EXT21_EAX, 29, SRSO_NO, "srso-no")                                    \
	X(KVM, 0, KVMCLOCK, "kvmclock")                                         \
	X(KVM, 1, KVM_NOPIODELAY, "kvm-nopiodelay")                             \
	X(KVM, 2, KVM_MMU, "kvm-mmu")                                           \
	X(KVM, 3, KVMCLOCK2, "kvmclock")                                        \
	X(KVM, 4, KVM_ASYNCPF, "kvm-asyncpf")                                   \
	X(KVM, 5, KVM_STEAL_TIME, "kvm-steal-time")                             \
	X(KVM, 6, KVM_PV_EOI, "kvm-pv-eoi")                                     \
	X(KVM, 7, KVM_PV_UNHALT, "kvm-pv-unhalt")                               \
	X(KVM, 9, KVM_PV_TLB_FLUSH, "kvm-pv-tlb-flush")                         \
	X(KVM, 10, KVM_ASYNCPF_VMEXIT, "kvm-asyncpf-vmexit")                    \
	X(KVM, 11, KVM_PV_IPI, "kvm-pv-ipi")                                    \
	X(KVM, 12, KVM_POLL_CONTROL, "kvm-poll-control")                        \
	X(KVM, 13, KVM_PV_SCHED_YIELD, "kvm-pv-sched-yield")                    \
	X(KVM, 14, KVM_ASYNCPF_INT, "kvm-asyncpf-int")                          \
	X(KVM, 15, KVM_MSI_EXT_DEST_ID, "kvm-msi-ext-dest-id")                  \
	X(KVM, 24, KVMCLOCK_STABLE_BIT, "kvmclock-stable-bit")                  \
	X(KVM_HINTS, 0, KVM_HINT_DEDICATED, "kvm-hint-dedicated")               \
	X(ARCH_CAPS, 0, RDCTL_NO, "rdctl-no")                                   \
	X(ARCH_CAPS, 1, IBRS_ALL, "ibrs-all")                                   \
	X(ARCH_CAPS, 2, RSBA, "rsba")                                           \
	X(ARCH_CAPS, 3, SKIP_L1DFL_VMENTRY, "skip-l1dfl-vmentry")               \
	X(ARCH_CAPS, 4, SSB_NO, "ssb-no")                                       \
	X(ARCH_CAPS, 5, MDS_NO, "mds-no")                                       \
	X(ARCH_CAPS, 6, PSCHANGE_MC_NO, "pschange-mc-no")                       \
	X(ARCH_CAPS, 7, TSX_CTRL, "tsx-ctrl")                                   \
	X(ARCH_CAPS, 8, TAA_NO, "taa-no")                                       \
	X(ARCH_CAPS, 13, SBDR_SSDP_NO, "sbdr-ssdp-no")                          \
	X(ARCH_CAPS, 14, FBSDP_NO, "fbsdp-no")                                  \
	X(ARCH_CAPS, 15, PSDP_NO, "psdp-no")                                    \
	X(ARCH_CAPS, 17, FB_CLEAR, "fb-clear")                                  \
	X(ARCH_CAPS, 19, RRSBA, "rrsba")                                        \
	X(ARCH_CAPS, 20, BHI_NO, "bhi-no")                                      \
	X(ARCH_CAPS, 24, PBRSB_NO, "pbrsb-no")                                  \
	X(ARCH_CAPS, 26, GDS_NO, "gds-no")                                      \
	X(ARCH_CAPS, 27, RFDS_NO, "rfds-no")                                    \
	X(ARCH_CAPS, 28, RFDS_CLEAR, "rfds-clear")

#define CPU_FEATURE_ID(word, bit, id, name) CPU_##id = CPU_W_##word * 32 + bit,
enum cpu_feature { CPU_FEATURES(CPU_FEATURE_ID) };
#undef CPU_FEATURE_ID

/* Rows of CPU_FEATURES. */
#define CPU_FEATURE_ONE(word, bit, id, name) +1
enum { CPU_FEATURE_COUNT = CPU_FEATURES(CPU_FEATURE_ONE) };
#undef CPU_FEATURE_ONE

/* A set of features. */
struct cpu_words {
	uint32_t w[CPU_WORDS];
};

/* Where a word is read. */
struct cpu_word_info {
	uint32_t function; /* CPUID leaf, or the MSR's number */
	uint32_t index;    /* sub-leaf */
	uint8_t reg;       /* 0 EAX, 1 EBX, 2 ECX, 3 EDX */
	bool indexed;      /* the leaf has sub-leaves */
	bool msr;
};

extern const struct cpu_word_info cpu_word_info[CPU_WORDS];

static inline bool cpu_has(const struct cpu_words *words, enum cpu_feature f)
{
	return words->w[f / 32] >> f % 32 & 1;
}

static inline void cpu_set(struct cpu_words *words, enum cpu_feature f)
{
	words->w[f / 32] |= 1u << f % 32;
}

static inline void cpu_clear(struct cpu_words *words, enum cpu_feature f)
{
	words->w[f / 32] &= ~(1u << f % 32);
}

static inline void cpu_assign(struct cpu_words *words, enum cpu_feature f, bool on)
{
	on ? cpu_set(words, f) : cpu_clear(words, f);
}

/* dst |= src */
static inline void cpu_words_or(struct cpu_words *dst, const struct cpu_words *src)
{
	for (unsigned i = 0; i < CPU_WORDS; i++)
		dst->w[i] |= src->w[i];
}

/* dst &= ~src */
static inline void cpu_words_andnot(struct cpu_words *dst, const struct cpu_words *src)
{
	for (unsigned i = 0; i < CPU_WORDS; i++)
		dst->w[i] &= ~src->w[i];
}

/* dst &= src */
static inline void cpu_words_and(struct cpu_words *dst, const struct cpu_words *src)
{
	for (unsigned i = 0; i < CPU_WORDS; i++)
		dst->w[i] &= src->w[i];
}

/* Sets the bits of the named feature in *mask. -ENOENT when no feature has that name. */
int cpu_feature_find(const char *name, struct cpu_words *mask);
/* Fills it with every feature's name, in table order. Static storage. */
void cpu_feature_names(const char *out[CPU_FEATURE_COUNT]);
/* The name of one bit, or NULL when the bit has none. Static storage. */
const char *cpu_feature_name(enum cpu_feature f);
/* Appends "CPUID.01H:ECX.vmx [bit 5]", or "MSR(10AH).rdctl-no [bit 0]". */
void cpu_feature_describe(enum cpu_feature f, struct strbuf *out);
/* Appends every name in alphabetical order, in lines of at most `width` columns that
 * start with two spaces. */
void cpu_feature_list(unsigned width, struct strbuf *out);
/* All bits that have a name. */
void cpu_words_named(struct cpu_words *words);
/* Removes features whose prerequisite is not in the set, until nothing changes; what was
 * removed goes to *dropped, which may be NULL. */
void cpu_words_settle(struct cpu_words *words, struct cpu_words *dropped);

#endif
