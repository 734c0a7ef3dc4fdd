/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is known about a host, without any judgement: filled by the gatherers (host cpu
 * module kvmcap iommu), read by the checks, which are pure functions of it. Plain data:
 * no pointers, fixed sizes, so that a `struct facts` is copied and compared freely.
 *
 * "Not known" is always a value of its own: errors and three-state fields are -1.
 */
#ifndef PROBE_FACTS_H
#define PROBE_FACTS_H

#include "common/err.h"
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
	int msr_err;  /* reading the MSR below: 0, errno, or untried */
	uint64_t msr; /* Intel: 3a FEATURE_CONTROL; AMD: c0010114 VM_CR */
};

enum module_id {
	MODULE_KVM,
	MODULE_KVM_INTEL,
	MODULE_KVM_AMD,
	MODULE_KVM_PVM,
	MODULE_VBOXDRV,
	MODULE_VMMON,
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
};

#define KVM_CAP_COUNT 20
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

struct facts {
	struct host_facts host;
	struct user_facts user;
	struct cpu_facts cpu;
	struct modules_facts modules;
	struct kvm_facts kvm;
	struct trial_facts trial;
	struct iommu_facts iommu;
};

struct gather_options {
	bool trial; /* run the micro-guest */
};

/* Fills all facts of root. What cannot be read stays unknown; only an unusable capture
 * file (kvmkit/...) is an error: -errno with a sentence. */
int facts_gather(const struct sysroot *root, const struct gather_options *options,
                 struct facts *facts, struct err *err);

#endif
