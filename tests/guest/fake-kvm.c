// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Preloaded into vmm by bad-input.t: /dev/kvm as on hosts that are not at hand. The
 * environment says which answer is replaced: FAKE_API (version), FAKE_CREATE (errno of
 * KVM_CREATE_VM), FAKE_VCPUS (most vCPUs). All other calls reach the kernel.
 */
#include <dlfcn.h>
#include <errno.h>
#include <linux/kvm.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/ioctl.h>

/* A small decimal number. */
static int number(const char *text)
{
	int n = 0;

	for (; *text >= '0' && *text <= '9'; text++)
		n = n * 10 + (*text - '0');
	return n;
}

int ioctl(int fd, unsigned long request, ...)
{
	int (*real)(int, unsigned long, void *) = dlsym(RTLD_NEXT, "ioctl");
	const char *api = getenv("FAKE_API"), *create = getenv("FAKE_CREATE"),
		   *vcpus = getenv("FAKE_VCPUS");
	va_list ap;
	void *arg;

	va_start(ap, request);
	arg = va_arg(ap, void *);
	va_end(ap);
	if (api && request == KVM_GET_API_VERSION)
		return number(api);
	if (create && request == KVM_CREATE_VM) {
		errno = number(create);
		return -1;
	}
	if (vcpus && request == KVM_CHECK_EXTENSION &&
	    ((long)arg == KVM_CAP_MAX_VCPUS || (long)arg == KVM_CAP_NR_VCPUS))
		return number(vcpus);
	return real(fd, request, arg);
}
