/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is known about a host, without any judgement: filled by the gatherers (host cpu
 * module kvmcap iommu param memory power security limits vfio), read by the checks, which
 * are pure functions of it. Plain data: no pointers, fixed sizes, so that a `struct
 * facts` is copied and compared freely.
 *
 * "Not known" is always a value of its own: errors and three-state fields are -1.
 */
#ifndef PROBE_FACTS_H
#define PROBE_FACTS_H

#include "common/err.h"
#include "cpu/cpufeat.h"
#include "probe/sysroot.h"

#include <stdbool.h>
#include <stdint.h>

#define FACT_UNTRIED (-1) /* an errno field: the operation was not tried */

struct host_facts {
	bool live;          /* this machine, not a captured root */
	char kernel[65];    /* release: "6.1.0-18-amd64" */
	char os_id[32];     /* ID of os-release: "debian" */
	char os_like[64];   /* ID_LIKE */
	char os_name[96];   /* PRETTY_NAME */
	char boot_id[40];   /* tells a later reader whether the host was rebooted since */
	char container[32]; /* "docker", "lxc", ...; "" outside any */
	char lockdown[24];  /* none, integrity, confidentiality; "" unknown */
};

/* The user who runs kvm-check. */
#define USER_GROUPS_MAX 64
struct user_facts {
	int64_t uid; /* -1 unknown */
	char name[64];
	char node_group[64]; /* name of the group that owns /dev/kvm */
	int in_node_group;   /* this process belongs to it */
	int listed_in_group; /* /etc/group or /etc/passwd names the user as a member */
};

struct cpu_facts {
	bool cpuid_known; /* the instruction (or its capture) was read */
	char vendor[16];  /* "GenuineIntel" */
	char model[80];
	uint32_t family, model_number, stepping;
	bool vmx, svm; /* by CPUID */
	bool long_mode, nx;
	bool npt;        /* AMD: 8000_000A:EDX[0] */
	bool hypervisor; /* 1:ECX[31] */
	char hypervisor_name[16];
	uint32_t cpus;      /* in /proc/cpuinfo; 0: unknown */
	uint32_t flag_cpus; /* CPUs whose cpuinfo flags show vmx or svm */
	bool flag_vmx, flag_svm, flag_ept, flag_npt;
	int msr_err;               /* reading the MSR below: 0, errno, or untried */
	uint64_t msr;              /* Intel: 3a FEATURE_CONTROL; AMD: c0010114 VM_CR */
	int xd_disabled;           /* MSR 1a0[34]: firmware filters NX; -1 unknown */
	uint32_t phys_bits;        /* 80000008:EAX[7:0]; 0 unknown */
	int invariant_tsc;         /* 80000007:EDX[8]; -1 unknown */
	bool pdpe1gb;              /* 80000001:EDX[26] */
	uint32_t encryption;       /* AMD: 8000001f:EAX, bit 1 SEV, 3 SEV-ES, 4 SEV-SNP */
	bool flag_tdx;             /* cpuinfo: tdx_host_platform */
	uint32_t microcode;        /* of the first CPU; 0 unknown */
	uint32_t microcode_others; /* CPUs with another revision */
};

enum module_id {
	MODULE_KVM,
	MODULE_KVM_INTEL,
	MODULE_KVM_AMD,
	MODULE_KVM_PVM,
	MODULE_VBOXDRV,
	MODULE_VMMON,
	MODULE_VHOST_NET,
	MODULE_TUN,
	MODULE_VFIO_PCI,
	MODULE_VFIO_IOMMU_TYPE1,
	MODULE_COUNT
};

enum module_state {
	MODULE_MISSING,   /* neither in the kernel nor in its module directory */
	MODULE_AVAILABLE, /* a file that could be loaded */
	MODULE_BUILTIN,
	MODULE_LOADED,
};

struct module_facts {
	int state;           /* enum module_state */
	char blacklist[160]; /* "file:line" that blacklists it, or "" */
	char install[160];   /* "file:line" whose install command replaces it, or "" */
	bool refused;        /* module_blacklist= of the kernel command line */
};

struct modules_facts {
	bool supported; /* the kernel can load modules */
	bool directory; /* /lib/modules/RELEASE is there */
	bool disabled;  /* kernel.modules_disabled=1 or "nomodule" */
	struct module_facts module[MODULE_COUNT];
	/* Parameters: 1, 0, or -1 unknown. */
	int nested, slat, unrestricted_guest, enable_virt_at_load;
	int sig_enforce;    /* only signed modules are loaded; -1 unknown */
	char conflict[256]; /* two "options" of one KVM parameter that differ, or "" */
	char vfio_ids[160]; /* "file:line" that gives devices to vfio-pci by ID, or "" */
};

/* Parameters of modules, as /sys/module/M/parameters/P shows them. X(module, name) */
#define KVM_PARAMS(X)                                \
	X(kvm, halt_poll_ns)                         \
	X(kvm, ignore_msrs)                          \
	X(kvm, min_timer_period_us)                  \
	X(kvm, mitigate_smt_rsb)                     \
	X(kvm, nx_huge_pages)                        \
	X(kvm, tdp_mmu)                              \
	X(kvm_intel, enable_apicv)                   \
	X(kvm_intel, enable_shadow_vmcs)             \
	X(kvm_intel, pml)                            \
	X(kvm_intel, unrestricted_guest)             \
	X(kvm_intel, vpid)                           \
	X(kvm_intel, tdx)                            \
	X(kvm_amd, avic)                             \
	X(kvm_amd, nrips)                            \
	X(kvm_amd, sev)                              \
	X(kvm_amd, sev_es)                           \
	X(kvm_amd, sev_snp)                          \
	X(kvm_amd, vgif)                             \
	X(kvm_amd, vls)                              \
	X(vfio, enable_unsafe_noiommu_mode)          \
	X(vfio_iommu_type1, allow_unsafe_interrupts) \
	X(vfio_iommu_type1, dma_entry_limit)         \
	X(vfio_pci, disable_idle_d3)                 \
	X(vfio_pci, ids)

#define KVM_PARAM_ID(module, name) PARAM_##module##_##name,
enum kvm_param { KVM_PARAMS(KVM_PARAM_ID) PARAM_COUNT };
#undef KVM_PARAM_ID

struct param_facts {
	char value[PARAM_COUNT][32]; /* "" unknown */
};

#define KVM_CAP_COUNT 26
struct kvm_facts {
	int node_err; /* stat of /dev/kvm: 0 or errno */
	bool node_char;
	uint32_t node_major, node_minor, node_mode, node_uid, node_gid;
	int registered; /* /proc/misc lists kvm: 1, 0, -1 unreadable */
	int open_err;   /* 0, errno, or untried, as the next three */
	int api_err;
	int32_t api;
	int vm_err;
	int vcpu_err;
	int32_t cap[KVM_CAP_COUNT]; /* KVM_CHECK_EXTENSION; -1 unknown */
	uint32_t tsc_khz;           /* KVM_GET_TSC_KHZ of a vCPU; 0 unknown */
	int features_err;           /* KVM_GET_SUPPORTED_CPUID: 0, errno, or untried */
	struct cpu_words features;  /* what a guest could get at most */
};

enum trial_state { TRIAL_UNTRIED, TRIAL_OK, TRIAL_FAILED };

struct trial_facts {
	int state;         /* enum trial_state */
	char why[200];     /* of a failure, or why it was not tried */
	uint64_t setup_ns; /* VM, memory and vCPU, up to the first KVM_RUN */
	uint64_t exit_ns;  /* round trip of one port write, median */
	/* Instructions per second: real mode, long mode, long mode with privileged
	 * instructions, and the long-mode loop outside any guest. */
	uint64_t real_rate, long_rate, priv_rate, native_rate;
};

struct iommu_facts {
	int tables_known; /* /sys/firmware/acpi/tables could be listed */
	bool dmar, ivrs, viot;
	uint32_t units, intel_units, amd_units; /* of /sys/class/iommu */
	uint32_t remap_units; /* Intel units whose ecap has interrupt remapping */
	uint32_t groups, identity_groups;
	int irq_remap; /* /proc/interrupts shows remapped chips; -1 unreadable */
	char intel_iommu[48], amd_iommu[48], iommu[48], intremap[48]; /* parameters */
	int intel_default_on, amd_built; /* kernel configuration; -1 unknown */
	int intel_built;
};

/* Sizes are in KiB. */
struct memory_facts {
	uint64_t total, available, commit_limit, committed;
	uint64_t swap_total;
	int overcommit;            /* vm.overcommit_memory: 0, 1, 2; -1 unknown */
	char thp[16];              /* always, madvise, never; "" unknown */
	int ksm;                   /* run: 0, 1, 2; -1 the kernel has none */
	uint64_t ksm_sharing;      /* pages_sharing */
	int ksm_merge_nodes;       /* merge_across_nodes; -1 unknown */
	uint64_t huge_2m, huge_1g; /* pages of the pools */
	uint64_t huge_2m_free, huge_1g_free;
	uint64_t huge_asked;   /* of the default size, by the kernel command line */
	uint64_t huge_lacking; /* of those, how many there are not */
	bool hugetlbfs;        /* mounted */
	uint32_t nvdimms;
};

struct numa_facts {
	uint32_t nodes;             /* 0 unknown */
	uint32_t memory_less;       /* nodes without memory */
	uint64_t smallest, largest; /* KiB of a node with memory */
	int balancing;              /* kernel.numa_balancing; -1 unknown */
	bool huge_uneven;           /* a pool of huge pages is on some nodes only */
};

struct power_facts {
	char clocksource[24];
	int tsc_usable;       /* the kernel offers it as clock source; -1 unknown */
	char idle_driver[24]; /* "none" without one; "" unknown */
	char governor[24];    /* of CPU 0 */
	char frequency_driver[24];
	uint32_t governor_others; /* CPUs with another governor */
	int turbo;                /* 1, 0, -1 unknown */
	int split_lock_mitigate;  /* kernel.split_lock_mitigate; -1 the kernel has none */
	char split_lock_detect[24]; /* of the kernel command line */
	char preempt[16];           /* full, voluntary, none, ...; "" unknown */
	int nohz_full;              /* kernel configuration; -1 unknown */
	char isolated[64];          /* isolcpus= and nohz_full= of the command line */
	int loglevel;               /* of the console; -1 unknown */
};

/* Files below /sys/devices/system/cpu/vulnerabilities. X(name) */
#define VULNERABILITIES(X)        \
	X(gather_data_sampling)   \
	X(itlb_multihit)          \
	X(l1tf)                   \
	X(mds)                    \
	X(meltdown)               \
	X(mmio_stale_data)        \
	X(reg_file_data_sampling) \
	X(retbleed)               \
	X(spec_rstack_overflow)   \
	X(spec_store_bypass)      \
	X(spectre_v1)             \
	X(spectre_v2)             \
	X(srbds)                  \
	X(tsa)                    \
	X(tsx_async_abort)        \
	X(vmscape)

#define VULNERABILITY_ID(name) VULN_##name,
enum vulnerability { VULNERABILITIES(VULNERABILITY_ID) VULN_COUNT };
#undef VULNERABILITY_ID

struct security_facts {
	char vulnerability[VULN_COUNT][160]; /* the file's line; "" unknown */
	char unnamed[64];      /* a file beyond the list that says Vulnerable, or "" */
	char smt[24];          /* on, off, forceoff, notsupported, ...; "" unknown */
	char lsm[96];          /* active modules, separated by commas; "" unknown */
	int selinux;           /* enforce: 1, 0; -1 no SELinux */
	int apparmor;          /* 1 enabled, 0 disabled, -1 not there */
	int io_uring_disabled; /* kernel.io_uring_disabled: 0, 1, 2; -1 the kernel has
	                          none */
};

/* A device node: 0 or the errno of stat, its mode, and whether this user may open it. */
struct node_facts {
	int err;
	uint32_t mode;
	int access; /* errno of access(R_OK | W_OK), or untried */
};

struct nodes_facts {
	struct node_facts vhost_net, tun, vfio, iommu, sev;
};

#define LIMIT_UNLIMITED INT64_MAX
/* Of the process that runs kvm-check: what a guest that it starts would get. */
struct limits_facts {
	int64_t memlock; /* bytes; -1 unknown */
	int64_t nofile;  /* descriptors, soft limit; -1 unknown */
};

struct system_facts {
	uint64_t max_map_count; /* 0 unknown */
	int cgroup;             /* 1, 2; 0 none mounted; -1 unknown */
	char controllers[160];  /* usable ones, separated by blanks */
	char disabled[64];      /* cgroup_disable= of the kernel command line */
	bool favordynmods;
	char namespaces[96];  /* kinds of /proc/self/ns, separated by blanks */
	bool fuse;            /* /sys/fs/fuse */
	char route[64];       /* interfaces with a default route */
	int bridge_filter;    /* net.bridge.bridge-nf-call-iptables; -1 no such file */
	char scheduler[96];   /* "sda bfq" of the first disk that reorders; "" none */
	uint32_t disks;       /* whole disks seen */
	char root_device[64]; /* what is mounted on "/"; "" unknown */
};

struct vfio_facts {
	uint32_t devices; /* PCI functions that are no bridges; 0: not visible */
	uint32_t bound;   /* to vfio-pci */
	uint32_t group_nodes, noiommu_nodes; /* /dev/vfio/N, /dev/vfio/noiommu-N */
	uint32_t private_nodes; /* of the groups': no group of users may open them */
	uint32_t shared_groups; /* with endpoints of more than one slot */
	char shared[96];        /* members of the first of them */
	char blocked[96]; /* the first group that vfio-pci and other drivers divide */
	uint32_t reserved_devices; /* in a group with a fixed ("direct") mapping */
	char reserved[24];         /* the first of them */
	uint32_t no_reset; /* displays and controllers without a reset of their own */
	char no_reset_device[24];
	char asleep[24]; /* a device in D3cold that vfio-pci has; "" none */
	char boot_vga[24], boot_vga_driver[24];
	bool framebuffer; /* /proc/iomem: the console's framebuffer holds memory */
	uint32_t sriov_capable, sriov_functions;
	bool cdev;           /* a device has vfio-dev/vfioN/dev */
	int initramfs_older; /* than the modprobe.d file of vfio_ids; -1 unknown */
};

struct facts {
	struct host_facts host;
	struct user_facts user;
	struct cpu_facts cpu;
	struct modules_facts modules;
	struct kvm_facts kvm;
	struct trial_facts trial;
	struct iommu_facts iommu;
	struct param_facts params;
	struct memory_facts memory;
	struct numa_facts numa;
	struct power_facts power;
	struct security_facts security;
	struct nodes_facts nodes;
	struct limits_facts limits;
	struct system_facts system;
	struct vfio_facts vfio;
};

struct gather_options {
	bool trial; /* run the micro-guest */
};

/* Fills all facts of root. What cannot be read stays unknown; only an unusable capture
 * file (kvmkit/...) is an error: -errno with a sentence. */
int facts_gather(const struct sysroot *root, const struct gather_options *options,
                 struct facts *facts, struct err *err);

#endif
