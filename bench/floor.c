// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The floor of the start-up benchmark: the least that any program must do to have the
 * VM that vmm creates (in-kernel PIC, IOAPIC and PIT, one memslot, vCPUs with the host's
 * CPUID) and to enter the guest once. The guest writes one byte to a port, which ends it.
 *
 * Memory comes before the chips: registering a chip on KVM's I/O buses starts an SRCU
 * grace period, for which a later change of the memslots has to wait some milliseconds.
 *
 * Invariant: only system calls that such a VM cannot do without. No error sentences
 * beyond the name of the call: whoever reads them is measuring, not using a VM.
 * Documentation/virt/kvm/api.rst names every ioctl used here.
 */
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#define TSS_ADDR      0xfffbd000ul
#define IDENTITY_ADDR 0xfffbc000ul
#define MAX_CPUID     256
#define EXIT_PORT     0xf4

static int check(int ret, const char *what)
{
	if (ret < 0) {
		perror(what);
		exit(1);
	}
	return ret;
}

static void create_ram(int vm, size_t size)
{
	/* mov al, 'K'; out 0xf4, al; hlt */
	static const unsigned char guest[] = { 0xb0, 'K', 0xe6, EXIT_PORT, 0xf4 };
	struct kvm_userspace_memory_region slot = { .memory_size = size };
	void *ram = mmap(NULL, size, PROT_READ | PROT_WRITE,
	                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	check(ram == MAP_FAILED ? -1 : 0, "mmap");
	memcpy(ram, guest, sizeof(guest));
	slot.userspace_addr = (unsigned long)ram;
	check(ioctl(vm, KVM_SET_USER_MEMORY_REGION, &slot), "KVM_SET_USER_MEMORY_REGION");
}

static void create_chips(int vm)
{
	unsigned long identity = IDENTITY_ADDR;
	struct kvm_pit_config pit = { 0 };

	check(ioctl(vm, KVM_SET_TSS_ADDR, TSS_ADDR), "KVM_SET_TSS_ADDR");
	check(ioctl(vm, KVM_SET_IDENTITY_MAP_ADDR, &identity),
	      "KVM_SET_IDENTITY_MAP_ADDR");
	check(ioctl(vm, KVM_CREATE_IRQCHIP, 0), "KVM_CREATE_IRQCHIP");
	check(ioctl(vm, KVM_CREATE_PIT2, &pit), "KVM_CREATE_PIT2");
}

static int create_vcpu(int vm, unsigned id, struct kvm_cpuid2 *cpuid)
{
	int vcpu = check(ioctl(vm, KVM_CREATE_VCPU, id), "KVM_CREATE_VCPU");

	check(ioctl(vcpu, KVM_SET_CPUID2, cpuid), "KVM_SET_CPUID2");
	return vcpu;
}

static struct kvm_run *map_run(int kvm, int vcpu)
{
	int size = check(ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0), "KVM_GET_VCPU_MMAP_SIZE");
	void *run = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);

	check(run == MAP_FAILED ? -1 : 0, "mmap of the vCPU");
	return run;
}

static void start_at_zero(int vcpu)
{
	struct kvm_regs regs = { .rflags = 2 };
	struct kvm_sregs sregs;

	check(ioctl(vcpu, KVM_GET_SREGS, &sregs), "KVM_GET_SREGS");
	sregs.cs.base = 0;
	sregs.cs.selector = 0;
	check(ioctl(vcpu, KVM_SET_SREGS, &sregs), "KVM_SET_SREGS");
	check(ioctl(vcpu, KVM_SET_REGS, &regs), "KVM_SET_REGS");
}

/* usage: floor [MiB of RAM [vCPUs]] */
int main(int argc, char **argv)
{
	unsigned long mib = 512;
	unsigned cpus = 1;
	struct kvm_cpuid2 *cpuid;
	struct kvm_run *run;
	int kvm, vm, boot;

	if ((argc > 1 && sscanf(argv[1], "%lu", &mib) != 1) ||
	    (argc > 2 && sscanf(argv[2], "%u", &cpus) != 1) || !mib || !cpus) {
		fprintf(stderr, "usage: floor [MiB of RAM [vCPUs]]\n");
		return 2;
	}
	kvm = check(open("/dev/kvm", O_RDWR | O_CLOEXEC), "/dev/kvm");
	vm = check(ioctl(kvm, KVM_CREATE_VM, 0), "KVM_CREATE_VM");
	create_ram(vm, mib << 20);
	create_chips(vm);
	cpuid = calloc(1, sizeof(*cpuid) + MAX_CPUID * sizeof(cpuid->entries[0]));
	check(cpuid ? 0 : -1, "memory");
	cpuid->nent = MAX_CPUID;
	check(ioctl(kvm, KVM_GET_SUPPORTED_CPUID, cpuid), "KVM_GET_SUPPORTED_CPUID");
	boot = create_vcpu(vm, 0, cpuid);
	for (unsigned id = 1; id < cpus; id++)
		create_vcpu(vm, id, cpuid);
	run = map_run(kvm, boot);
	start_at_zero(boot);
	check(ioctl(boot, KVM_RUN, 0), "KVM_RUN");
	if (run->exit_reason != KVM_EXIT_IO || run->io.port != EXIT_PORT) {
		fprintf(stderr, "unexpected exit %u\n", run->exit_reason);
		return 1;
	}
	return 0;
}
