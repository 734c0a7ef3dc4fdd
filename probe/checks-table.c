// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The table of checks. A new check is one row here and one function in the checks-*.c of
 * its category. Rows stand in the order of cause and effect. The letters are the weight
 * for each goal: guest, passthrough, migration, dense, lowlatency, secure, all.
 */
#include "probe/checks.h"

const struct check checks[] = {
	{ "cpu.vendor", "cpu", "who made the CPU", "CPUID 0, 1; /proc/cpuinfo", "fffffff",
	  check_cpu_vendor,
	  "Intel CPUs (and Zhaoxin's) virtualize with VMX and kvm_intel, AMD's (and "
	  "Hygon's) with SVM and kvm_amd." },
	{ "cpu.virt", "cpu", "the CPU has VMX or SVM",
	  "CPUID 1:ECX[5], 80000001:ECX[2]; /proc/cpuinfo flags", "fffffff",
	  check_cpu_virt,
	  "Without VMX or SVM no hardware can run a guest. In a virtual machine the "
	  "hypervisor below decides whether they are shown (nested virtualization). "
	  "It is a failure when KVM does not run, a warning when KVM runs guests "
	  "without them." },
	{ "cpu.firmware", "cpu", "firmware has not switched virtualization off",
	  "MSR 3a or c0010114; else CPUID against /proc/cpuinfo", "fffffff",
	  check_cpu_firmware,
	  "Firmware can lock VMX (IA32_FEATURE_CONTROL, bit 0 locked and bit 2 "
	  "clear) or SVM (VM_CR, bit 4). Linux then removes the flag from "
	  "/proc/cpuinfo, so that the CPU seems to lack it. Root with the msr module "
	  "reads the register; others see the difference." },
	{ "cpu.flags", "cpu", "the kernel shows the flag on every CPU",
	  "/proc/cpuinfo flags", "fffffff", check_cpu_flags,
	  "CPUs that differ, or a flag that the kernel cleared, point to firmware or "
	  "microcode trouble, to clearcpuid= on the kernel command line, or to Xen "
	  "below." },
	{ "cpu.long_mode", "cpu", "64-bit guests can run", "CPUID 80000001:EDX[29]",
	  "fffffff", check_cpu_long_mode,
	  "KVM needs long mode on the host for 64-bit guests." },
	{ "cpu.nx", "cpu", "no-execute pages", "CPUID 80000001:EDX[20]", "fffffff",
	  check_cpu_nx,
	  "Some firmware filters NX. Guests then lose the protection too." },
	{ "cpu.microcode", "cpu", "all CPUs have the same microcode",
	  "/proc/cpuinfo microcode", "n.n..wf", check_cpu_microcode,
	  "Mitigations need recent microcode, the same on every CPU." },
	{ "cpu.slat", "cpu", "the CPU translates guest addresses (EPT, NPT)",
	  "/proc/cpuinfo vmx flags; CPUID 8000000a:EDX[0]", "fffffff", check_cpu_slat,
	  "Without a second level of address translation KVM shadows every page "
	  "table in software." },
	{ "nested.host", "nested", "this host is no virtual machine",
	  "CPUID 1:ECX[31], 40000000", "fffffff", check_nested_host,
	  "Guests of a virtual machine work when the hypervisor below offers nested "
	  "virtualization, but every exit passes through it and costs ten times as "
	  "much." },
	{ "container.inside", "container",
	  "kvm-check runs on the host, not in a container",
	  "/run/systemd/container, /.dockerenv, /proc/self/cgroup", "fffffff",
	  check_container,
	  "A container sees the outer host's CPU and modules, but its own /dev and "
	  "its own rules about devices." },
	{ "container.ns", "container", "namespaces that sandboxes need", "/proc/self/ns",
	  "f....ff", check_container_ns,
	  "vmm and containers shut themselves in namespaces of mounts, processes, "
	  "network and users." },
	{ "container.fuse", "container", "FUSE for containers", "/sys/fs/fuse", "......n",
	  check_container_fuse,
	  "LXC shows containers their own /proc through FUSE. Guests of KVM do not "
	  "need it." },
	{ "module.support", "modules", "the kernel can load modules",
	  "/proc/modules, /lib/modules, kernel.modules_disabled", "fffffff",
	  check_module_support,
	  "A kernel update removes the running kernel's modules until the next boot; "
	  "nomodule and kernel.modules_disabled=1 forbid loading." },
	{ "module.blacklist", "modules", "nothing keeps KVM's modules out",
	  "modprobe.d, /proc/cmdline", "fffffff", check_module_blacklist,
	  "blacklist lines stop automatic loading, install lines replace loading, "
	  "module_blacklist= makes the kernel refuse. The value names file and line." },
	{ "module.options", "modules", "no parameter is set to two values",
	  "modprobe.d, /proc/cmdline", "fffffff", check_module_options,
	  "options lines of several files, and words of the kernel command line, add "
	  "up; the last one wins." },
	{ "module.sign", "modules", "which modules the kernel takes",
	  "/sys/module/module/parameters/sig_enforce, lockdown", "n.....n",
	  check_module_sign,
	  "With Secure Boot and lockdown, modules without a known signature are "
	  "refused (ENOKEY, EKEYREJECTED)." },
	{ "module.kvm", "modules", "kvm is loaded",
	  "/proc/modules, /sys/module, /lib/modules", "fffffff", check_module_kvm,
	  "The part of KVM that all CPUs share. Built in is as good." },
	{ "module.vendor", "modules", "kvm_intel or kvm_amd is loaded",
	  "/proc/modules, /sys/module, /lib/modules", "fffffff", check_module_vendor,
	  "The part of KVM for this CPU. It refuses to load when firmware has "
	  "switched virtualization off." },
	{ "module.conflict", "modules", "no other hypervisor's module is loaded",
	  "/proc/modules", "fffffff", check_module_conflict,
	  "VirtualBox and VMware use VMX or SVM by themselves. Whoever comes second "
	  "fails; since Linux 6.12 KVM takes it when its module is loaded "
	  "(kvm.enable_virt_at_load)." },
	{ "module.virt_load", "modules", "when KVM takes the CPU's virtualization",
	  "/sys/module/kvm/parameters/enable_virt_at_load", "f.....f",
	  check_module_virt_load,
	  "Since Linux 6.12 KVM holds VMX or SVM from its loading on, so that "
	  "VirtualBox or VMware cannot start although no guest runs. "
	  "kvm.enable_virt_at_load=0 brings the old way back." },
	{ "module.slat", "modules", "KVM uses EPT or NPT",
	  "/sys/module/kvm_*/parameters/ept, npt", "fffffff", check_module_slat,
	  "ept=0 or npt=0 is meant for debugging; guest memory becomes several times "
	  "slower." },
	{ "module.features", "modules", "KVM uses what the CPU has",
	  "/sys/module/kvm*/parameters", "fffffff", check_module_features,
	  "unrestricted_guest, vpid, pml, nrips, vgif, vls, tdp_mmu: each saves "
	  "exits or page-table work. The parameter also reads N where the CPU or the "
	  "hypervisor below lacks it." },
	{ "module.apic", "modules", "interrupts without exits",
	  "/sys/module/kvm_*/parameters/enable_apicv, avic", "....f.n", check_module_apic,
	  "APICv and AVIC deliver interrupts to a running guest without an exit. "
	  "avic is off by default on many kernels." },
	{ "module.nested", "modules", "guests can run guests",
	  "/sys/module/kvm_*/parameters/nested", "nnnnnnf", check_module_nested,
	  "Needed for hypervisors inside guests only." },
	{ "module.msrs", "modules", "unknown registers of guests fault",
	  "/sys/module/kvm/parameters/ignore_msrs", "n.n..nn", check_module_msrs,
	  "ignore_msrs=1 lets some systems boot that ask for registers KVM does not "
	  "have." },
	{ "kvm.kernel", "kvm", "the kernel is not too old", "/proc/sys/kernel/osrelease",
	  "fffffff", check_kvm_kernel,
	  "vmm is tested with Linux 5.10 and later. What an older one lacks kvm.caps "
	  "tells; distributions add features to old releases." },
	{ "kvm.node", "kvm", "/dev/kvm exists", "stat of /dev/kvm, /proc/misc", "fffffff",
	  check_kvm_node,
	  "The kernel makes the node when kvm_intel or kvm_amd starts; udev gives it "
	  "to the group kvm (0660). In a container it has to be passed in." },
	{ "kvm.access", "kvm", "this user can open /dev/kvm", "open(/dev/kvm, O_RDWR)",
	  "fffffff", check_kvm_access,
	  "Opened for real: mode bits do not tell of ACLs, device filters and "
	  "security modules. EACCES means mode or policy, EPERM a device filter, "
	  "ENODEV a stale node." },
	{ "kvm.group", "kvm", "this session has the group of /dev/kvm",
	  "getgroups, /etc/group", "fffffff", check_kvm_group,
	  "A new membership counts from the next login on." },
	{ "kvm.mode", "kvm", "who may start guests", "stat of /dev/kvm", "n....fn",
	  check_kvm_mode,
	  "udev gives /dev/kvm to root and group kvm (0660) or to everyone (0666), "
	  "as the distribution decides. Starting guests uses memory, CPU and kernel "
	  "code that attackers look at." },
	{ "kvm.api", "kvm", "the interface is version 12", "KVM_GET_API_VERSION",
	  "fffffff", check_kvm_api,
	  "Every kernel since 2.6.22 says 12; anything else is not KVM." },
	{ "kvm.vm", "kvm", "a VM and a vCPU can be created",
	  "KVM_CREATE_VM, KVM_CREATE_VCPU", "fffffff", check_kvm_vm,
	  "The first step that needs the CPU. EBUSY: another hypervisor holds it. "
	  "EIO or EOPNOTSUPP: it cannot be switched on, by firmware or by a "
	  "hypervisor below." },
	{ "kvm.caps", "kvm", "the kernel has what vmm needs", "KVM_CHECK_EXTENSION",
	  "fffffff", check_kvm_caps,
	  "vmm needs in-kernel interrupt chips, ioeventfd, irqfd and a few others, "
	  "which every kernel since 5.10 has on x86." },
	{ "kvm.models", "kvm", "which CPU models guests can have",
	  "KVM_GET_SUPPORTED_CPUID, MSR 10a", "n.f...f", check_kvm_models,
	  "A guest of -cpu MODEL runs on every host where that model is complete. "
	  "The newest one that all hosts have is the best for guests that move." },
	{ "kvm.limits", "kvm", "how far KVM goes", "KVM_CHECK_EXTENSION", "f.f...f",
	  check_kvm_limits,
	  "Limits of vCPUs and APIC ids, and the optional capabilities that this "
	  "kernel lacks." },
	{ "kvm.hyperv", "kvm", "KVM helps Windows",
	  "KVM_CAP_HYPERV, KVM_CAP_HYPERV_SYNIC", "n.....n", check_kvm_hyperv,
	  "Windows runs faster when it sees Hyper-V's hypercalls, timers and "
	  "interrupt controller." },
	{ "kvm.tsc_scaling", "kvm", "guests keep their TSC rate when they move",
	  "KVM_CAP_TSC_CONTROL", "..f...n", check_kvm_tsc_scaling,
	  "A guest measures its TSC once. KVM can scale the host's to it where the "
	  "CPU can." },
	{ "kvm.timer", "kvm", "how often a guest's timer may fire",
	  "/sys/module/kvm/parameters/min_timer_period_us", "...nn.n", check_kvm_timer,
	  "Shorter periods of the emulated PIT and APIC timers are stretched, so "
	  "that a guest cannot keep a host thread busy." },
	{ "kvm.backend", "kvm", "what serves /dev/kvm", "/sys/module, CPUID", "fffffff",
	  check_kvm_backend,
	  "kvm_intel and kvm_amd use the CPU's virtualization. Others, such as "
	  "kvm_pvm, need none and run most guests by interpreting them." },
	{ "kvm.trial", "kvm", "a guest really runs", "KVM_RUN of the micro-guest",
	  "fffffff", check_kvm_trial,
	  "A guest of 230 bytes starts in real mode, switches to long mode, computes "
	  "and is checked. Flags promise, this is what happens." },
	{ "kvm.hardware", "kvm", "hardware runs guests",
	  "micro-guest loop against the same loop outside", "fffffff", check_kvm_hardware,
	  "The same loop is timed inside and outside a guest. With hardware "
	  "virtualization both are equally fast. An interpreting KVM is over a "
	  "thousand times slower: a few million instructions a second, too slow for "
	  "a Linux guest." },
	{ "kvm.exit", "kvm", "cost of a VM exit",
	  "port writes of the micro-guest, median", "fffffff", check_kvm_exit,
	  "The time from a guest's port write to user space and back, which bounds "
	  "emulated devices. About 1 us on hardware, 10 us and more nested." },
	{ "iommu.table", "iommu", "firmware describes an IOMMU",
	  "/sys/firmware/acpi/tables, /sys/class/iommu", ".F...nf", check_iommu_table,
	  "An IOMMU is needed to give PCI devices to guests. DMAR is Intel's table, "
	  "IVRS AMD's, VIOT virtio's; each is looked for whatever the CPU." },
	{ "iommu.groups", "iommu", "the kernel uses the IOMMU",
	  "/sys/kernel/iommu_groups, /proc/cmdline, /boot/config", ".F...nf",
	  check_iommu_groups,
	  "Devices appear in groups when it is on. Kernel messages and parameters "
	  "prove nothing: iommu=off wins over intel_iommu=on." },
	{ "iommu.irq", "iommu", "interrupts are remapped",
	  "/proc/interrupts, /sys/class/iommu/dmar*/intel-iommu/ecap", ".F...nf",
	  check_iommu_irq,
	  "Without interrupt remapping a device in a guest's hands could send any "
	  "interrupt to the host, so VFIO refuses (EPERM)." },
	{ "iommu.domain", "iommu", "what the host's own devices pay for the IOMMU",
	  "/sys/kernel/iommu_groups/*/type", ".n..n.f", check_iommu_domain,
	  "With iommu=pt only devices of guests are translated: faster for the host, "
	  "less protection from its own devices." },
	{ "vfio.module", "vfio", "vfio-pci is there", "/proc/modules, /lib/modules",
	  ".F....n", check_vfio_module,
	  "The driver that gives PCI devices to guests. \"sudo kvm-check --load "
	  "--modules vfio-pci\" loads it." },
	{ "vfio.node", "vfio", "VFIO's nodes can be opened",
	  "stat and access of /dev/vfio", ".f....n", check_vfio_node,
	  "/dev/vfio/vfio is for everyone; /dev/vfio/N of a group belongs to root "
	  "until a udev rule or kvm-assign --owner gives it away." },
	{ "vfio.unsafe", "vfio", "VFIO insists on interrupt remapping",
	  "/sys/module/vfio_iommu_type1/parameters/allow_unsafe_interrupts", ".f...Ff",
	  check_vfio_unsafe,
	  "allow_unsafe_interrupts=1 lifts the refusal that iommu.irq explains." },
	{ "vfio.noiommu", "vfio", "VFIO insists on an IOMMU",
	  "/sys/module/vfio/parameters/enable_unsafe_noiommu_mode, /dev/vfio", ".f...Ff",
	  check_vfio_noiommu,
	  "Without an IOMMU a device, and so its guest, can write to all memory. "
	  "Kernels of Debian are built without this mode." },
	{ "vfio.mappings", "vfio", "how many DMA mappings a guest may have",
	  "/sys/module/vfio_iommu_type1/parameters/dma_entry_limit", ".n....n",
	  check_vfio_mappings,
	  "A guest with many memory regions or balloon holes can meet this limit; "
	  "mapping then fails with ENOSPC." },
	{ "vfio.iommufd", "vfio", "the newer interface is there", "stat of /dev/iommu",
	  ".n....n", check_vfio_iommufd,
	  "iommufd, complete since Linux 6.6, gives each device a node of its own." },
	{ "vfio.groups", "vfio", "each device has its own group",
	  "/sys/kernel/iommu_groups", ".w....n", check_vfio_groups,
	  "Devices that can reach each other without the IOMMU (no ACS in a bridge "
	  "or port) form one group and go to one guest together. Bridges do not "
	  "count." },
	{ "vfio.viable", "vfio", "no group is divided", "/sys/bus/pci/devices/*/driver",
	  ".f....w", check_vfio_viable,
	  "VFIO refuses a group while one of its devices has a host driver (\"group "
	  "is not viable\")." },
	{ "vfio.reserved", "vfio", "firmware claims no memory of devices",
	  "/sys/kernel/iommu_groups/*/reserved_regions", ".f....n", check_vfio_reserved,
	  "Regions of type \"direct\" (RMRR) must stay mapped one to one, so VFIO "
	  "refuses the device. Those of type \"direct-relaxable\" are no trouble." },
	{ "vfio.reset", "vfio", "devices can be reset alone",
	  "/sys/bus/pci/devices/*/reset_method", ".n....n", check_vfio_reset,
	  "A device that cannot be reset carries state from one guest to the next. A "
	  "bus reset needs all devices of the bus." },
	{ "vfio.power", "vfio", "no assigned device sleeps",
	  "/sys/bus/pci/devices/*/power_state", ".f....n", check_vfio_power,
	  "\"Unable to change power state from D3cold to D0\": some devices do not "
	  "wake up; d3cold_allowed=0 keeps them awake." },
	{ "vfio.boot_vga", "vfio", "the console's display",
	  "/sys/bus/pci/devices/*/boot_vga, /proc/iomem", ".w....n", check_vfio_boot_vga,
	  "The display that firmware used holds the console; its driver or a "
	  "framebuffer (BOOTFB, simpledrm, efifb) has its memory mapped." },
	{ "vfio.sriov", "vfio", "virtual functions", "/sys/bus/pci/devices/*/sriov_*",
	  ".n....n", check_vfio_sriov,
	  "Virtual functions are the best devices to assign: each has its own group "
	  "and reset." },
	{ "vfio.initramfs", "vfio", "the initramfs knows the binding",
	  "modification times of modprobe.d and /boot", ".f....n", check_vfio_initramfs,
	  "Drivers in the initramfs take devices before the root file system's "
	  "modprobe.d is read." },
	{ "memory.free", "memory", "memory for guests", "/proc/meminfo", "f..f..f",
	  check_memory_free, "MemAvailable estimates what can be had without swapping." },
	{ "memory.overcommit", "memory", "memory may be promised",
	  "vm.overcommit_memory, CommitLimit, Committed_AS", "f..f..f",
	  check_memory_overcommit,
	  "With mode 2 the kernel refuses what exceeds CommitLimit, and a guest "
	  "needs all of its memory at once." },
	{ "memory.swap", "memory", "there is swap", "/proc/meminfo", "...f..n",
	  check_memory_swap,
	  "A dense host needs room for the moment in which guests want more than "
	  "there is." },
	{ "memory.ksm", "memory", "equal pages are shared", "/sys/kernel/mm/ksm",
	  "...f..n", check_memory_ksm,
	  "Kernel samepage merging makes room where guests are alike. See "
	  "security.ksm for its price." },
	{ "memory.thp", "memory", "huge pages for guests",
	  "/sys/kernel/mm/transparent_hugepage/enabled", "f..ff.f", check_memory_thp,
	  "Guests with huge pages miss the TLB less. madvise is enough: vmm asks for "
	  "them." },
	{ "memory.hugepages", "memory", "the pool of huge pages",
	  "/sys/kernel/mm/hugepages, /proc/cmdline, mounts", "n..nf.f",
	  check_memory_hugepages,
	  "A pool is memory that is kept for guests. The kernel gives fewer than "
	  "asked for without a word." },
	{ "memory.huge_1g", "memory", "pages of 1 GiB", "CPUID 80000001:EDX[26]",
	  "....n.n", check_memory_huge_1g,
	  "The largest pages; the kernel can reserve them at boot only, in practice." },
	{ "memory.nvdimm", "memory", "persistent memory", "/sys/bus/nd", "......n",
	  check_memory_nvdimm, "Whether there are DIMMs that keep their content." },
	{ "numa.nodes", "numa", "memory is spread evenly", "/sys/devices/system/node",
	  "n..nf.f", check_numa_nodes,
	  "A guest that is pinned to a node gets memory, and huge pages, of that "
	  "node." },
	{ "numa.balancing", "numa", "the kernel does not move memory of pinned guests",
	  "kernel.numa_balancing", "....f.n", check_numa_balancing,
	  "Automatic balancing unmaps pages to learn who uses them: good for guests "
	  "that wander, bad for those that are pinned." },
	{ "numa.ksm", "numa", "shared pages stay on their node",
	  "/sys/kernel/mm/ksm/merge_across_nodes", "...ff.w", check_numa_ksm,
	  "With 1, equal pages of several nodes become one, far from some readers. "
	  "It can be changed only while nothing is shared." },
	{ "network.vhost_net", "network", "virtio networking in the kernel",
	  "stat of /dev/vhost-net", "w..ww.w", check_network_vhost,
	  "vhost_net moves packets without a copy through user space." },
	{ "network.tun", "network", "guests can join a bridge", "stat of /dev/net/tun",
	  "w.....w", check_network_tun,
	  "TAP devices connect guests to the host's bridges. vmm's user networking "
	  "needs none." },
	{ "network.bridge", "network", "the host does not filter frames of guests",
	  "net.bridge.bridge-nf-call-iptables", "n...n.n", check_network_bridge,
	  "br_netfilter passes bridged frames through the host's firewall, which was "
	  "written for the host." },
	{ "network.route", "network", "the interface that the host needs",
	  "/proc/net/route", ".n....n", check_network_route,
	  "Giving it to a guest cuts the host off." },
	{ "storage.io_uring", "storage", "disks are served by io_uring",
	  "kernel.io_uring_disabled", "n...w.w", check_storage_io_uring,
	  "vmm uses io_uring where it may, else a pool of threads." },
	{ "storage.scheduler", "storage", "no scheduler for desktops",
	  "/sys/block/*/queue/scheduler", "...ww.n", check_storage_scheduler,
	  "The guest has ordered its requests; bfq orders them again and takes CPU." },
	{ "storage.root", "storage", "the disk that the host needs", "/proc/self/mounts",
	  ".n....n", check_storage_root, "Giving it to a guest destroys the host." },
	{ "limits.memlock", "limits", "a guest's memory may be locked",
	  "getrlimit(RLIMIT_MEMLOCK)", ".f....n", check_limits_memlock,
	  "A device that is assigned writes to guest memory at any time, so all of "
	  "it is locked." },
	{ "limits.nofile", "limits", "enough files", "getrlimit(RLIMIT_NOFILE)",
	  "f..f..f", check_limits_nofile,
	  "A guest needs a few descriptors per queue and disk." },
	{ "limits.maps", "limits", "enough mappings", "vm.max_map_count", "f..f..f",
	  check_limits_maps,
	  "Sharing and huge pages split a guest's memory into many mappings." },
	{ "limits.cgroup", "limits", "guests can be limited",
	  "/sys/fs/cgroup, /proc/cgroups", "w..f.ww", check_limits_cgroup,
	  "cpu, cpuset, io, memory and pids share the host out. Version 2 needs no "
	  "\"devices\" and \"cpuacct\": BPF and cpu do their work." },
	{ "limits.dynmods", "limits", "cgroups change quickly", "/proc/self/mounts",
	  "....n.n", check_limits_dynmods,
	  "Since Linux 6.0 a thread that joins a cgroup waits for an RCU period, "
	  "unless the mount says favordynmods: it shows when many guests start." },
	{ "security.l1tf", "security", "L1 terminal fault",
	  "/sys/devices/system/cpu/vulnerabilities/l1tf", "n....fn", check_security_l1tf,
	  "CVE-2018-3646: a guest reads the L1 cache of its core. With EPT it takes "
	  "flushes at VM entry, and no other guest on the core's second thread." },
	{ "security.mds", "security", "MDS",
	  "/sys/devices/system/cpu/vulnerabilities/mds", "n....fn", check_security_mds,
	  "A guest reads buffers of its core, of another thread too." },
	{ "security.taa", "security", "TSX abort",
	  "/sys/devices/system/cpu/vulnerabilities/tsx_async_abort", "n....fn",
	  check_security_taa, "As MDS, through aborted transactions." },
	{ "security.mmio", "security", "MMIO stale data",
	  "/sys/devices/system/cpu/vulnerabilities/mmio_stale_data", "n....fn",
	  check_security_mmio, "As MDS, for guests that have MMIO of a device." },
	{ "security.itlb", "security", "iTLB multihit",
	  "/sys/devices/system/cpu/vulnerabilities/itlb_multihit, kvm.nx_huge_pages",
	  "n....fn", check_security_itlb,
	  "A guest can stop the machine; KVM splits huge pages that hold code. "
	  "kvm.nx_huge_pages=never saves that only on CPUs without the bug." },
	{ "security.retbleed", "security", "retbleed",
	  "/sys/devices/system/cpu/vulnerabilities/retbleed", "n....fn",
	  check_security_retbleed,
	  "Returns that are mispredicted across the border of guest and host." },
	{ "security.srso", "security", "speculative return stack overflow",
	  "/sys/devices/system/cpu/vulnerabilities/spec_rstack_overflow", "n....fn",
	  check_security_srso,
	  "AMD Zen: return predictions under control of a guest. Needs microcode." },
	{ "security.vmscape", "security", "VMScape",
	  "/sys/devices/system/cpu/vulnerabilities/vmscape", "n....fn",
	  check_security_vmscape,
	  "A guest trains branches of the VMM's user space; the kernel clears them "
	  "at exits to it." },
	{ "security.spectre", "security", "Spectre v2",
	  "/sys/devices/system/cpu/vulnerabilities/spectre_v2", "n....fn",
	  check_security_spectre, "Branches of the host trained by a guest." },
	{ "security.meltdown", "security", "Meltdown",
	  "/sys/devices/system/cpu/vulnerabilities/meltdown", "n....fn",
	  check_security_meltdown,
	  "Kernel page-table isolation protects the host's kernel from its own "
	  "programs, and makes exits to user space slower." },
	{ "security.bugs", "security", "other CPU bugs",
	  "/sys/devices/system/cpu/vulnerabilities/*", "n....fn", check_security_bugs,
	  "All other files there, also those that this program does not know." },
	{ "security.smt", "security", "guests do not share cores",
	  "/sys/devices/system/cpu/smt/control", ".....fn", check_security_smt,
	  "Many CPU bugs leak between the two threads of a core. Core scheduling, or "
	  "nosmt, keeps guests apart." },
	{ "security.smt_rsb", "security", "return addresses of threads stay apart",
	  "CPU family, kvm.mitigate_smt_rsb", ".....fn", check_security_smt_rsb,
	  "CVE-2022-27672 on Zen 1 and 2: only needed when user space lets guests "
	  "leave SMT themselves." },
	{ "security.ksm", "security", "memory is not shared between guests",
	  "/sys/kernel/mm/ksm", ".....fn", check_security_ksm,
	  "A write to a shared page is slow, which tells a guest whether another one "
	  "has the same page." },
	{ "security.swap", "security", "guest memory stays off the disks",
	  "/proc/meminfo", ".....fn", check_security_swap,
	  "What was swapped out stays on the disk." },
	{ "security.lockdown", "security", "root cannot change the kernel",
	  "/sys/kernel/security/lockdown", "n....fn", check_security_lockdown,
	  "KVM and VFIO work in every mode." },
	{ "security.lsm", "security", "a guest's process is confined",
	  "/sys/fs/selinux, /sys/module/apparmor", ".....fn", check_security_lsm,
	  "SELinux or AppArmor keep a guest that broke out of its VMM away from the "
	  "host's files." },
	{ "security.landlock", "security", "vmm can give up paths",
	  "/sys/kernel/security/lsm", ".....wn", check_security_landlock,
	  "With Landlock the sandbox of vmm keeps a guest that broke out away from "
	  "files, whoever started it." },
	{ "security.encrypt", "security", "guests can be encrypted",
	  "CPUID 8000001f, kvm_amd.sev*, kvm_intel.tdx", ".....nn",
	  check_security_encrypt,
	  "SEV, SEV-ES, SEV-SNP and TDX hide a guest's memory from the host." },
	{ "power.governor", "power", "CPUs run at full speed",
	  "/sys/devices/system/cpu/cpu0/cpufreq", "....f.n", check_power_governor,
	  "Other governors save power and wait for load first." },
	{ "power.turbo", "power", "turbo", "intel_pstate/no_turbo, cpufreq/boost",
	  "....n.n", check_power_turbo, "Off gives even speed, on gives more." },
	{ "power.idle", "power", "no deep idle states", "/sys/devices/system/cpu/cpuidle",
	  "....f.n", check_power_idle,
	  "A CPU in a deep state needs up to hundreds of microseconds to run again." },
	{ "power.halt_poll", "power", "vCPUs are polled before they sleep",
	  "/sys/module/kvm/parameters/halt_poll_ns", "....f.n", check_power_halt_poll,
	  "Polling costs CPU and saves the wake-up." },
	{ "power.preempt", "power", "the kernel can be preempted",
	  "kernel configuration, preempt=", "....n.n", check_power_preempt,
	  "A vCPU thread that becomes runnable waits for the kernel code that runs, "
	  "unless it can be preempted." },
	{ "power.isolation", "power", "CPUs are kept for guests", "isolcpus=, nohz_full=",
	  "....n.n", check_power_isolation, "Only the vCPU runs there, without ticks." },
	{ "power.console", "power", "the console is quiet", "kernel.printk", "....n.n",
	  check_power_console,
	  "Messages on a serial console stop a CPU while they are sent." },
	{ "time.clocksource", "time", "the kernel trusts the TSC",
	  "/sys/devices/system/clocksource", "w.w.w.f", check_time_clocksource,
	  "Otherwise guests' clocks need exits, or drift: \"SMP vm created on host "
	  "with unstable TSC\"." },
	{ "time.tsc", "time", "the TSC runs at one rate",
	  "CPUID 80000007:EDX[8], KVM_GET_TSC_KHZ", "n.nn..n", check_time_tsc,
	  "Invariant: independent of frequency and idle states." },
	{ "time.split_lock", "time", "split locks of guests",
	  "kernel.split_lock_mitigate, split_lock_detect=", "n...f.n",
	  check_time_split_lock,
	  "Old games and some systems lock across cache lines. Where the CPU detects "
	  "it, the kernel slows the guest down to a crawl, to protect the others." },
	{ 0 },
};
