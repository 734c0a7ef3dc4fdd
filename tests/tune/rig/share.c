// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Maps memory that KSM may merge, the same in every process that runs this, and opens a
 * VM as a guest's program does. Says "ready", and ends when its standard input does.
 *   usage: share MIB
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	size_t page = sysconf(_SC_PAGESIZE), mib = 0, len;
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC), vm;
	char *memory, byte;

	for (const char *digit = argc > 1 ? argv[1] : ""; *digit; digit++)
		mib = mib * 10 + (*digit - '0');
	len = mib << 20;
	memory = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
	              0);
	vm = kvm < 0 ? -1 : ioctl(kvm, KVM_CREATE_VM, 0);
	if (memory == MAP_FAILED || vm < 0 || madvise(memory, len, MADV_NOHUGEPAGE) < 0 ||
	    madvise(memory, len, MADV_MERGEABLE) < 0) {
		perror("share");
		return 1;
	}
	/* Each page differs from the others here, and is equal to one of another process.
	 */
	for (size_t i = 0; i < len / page; i++) {
		memset(memory + i * page, 0x5a, page);
		memcpy(memory + i * page, &i, sizeof(i));
	}
	puts("ready");
	fflush(stdout);
	while (read(0, &byte, 1) > 0 || errno == EINTR)
		;
	return 0;
}
