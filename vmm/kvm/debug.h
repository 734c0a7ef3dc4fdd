/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A debugger's hold on a vCPU: its registers as one image, and KVM's guest debugging
 * (Documentation/virt/kvm/api.rst, 4.87): breakpoints, watchpoints, single steps.
 *
 * The vCPU is out of the guest. Errors are -errno of the ioctl.
 */
#ifndef VMM_KVM_DEBUG_H
#define VMM_KVM_DEBUG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A register as GDB's target descriptions know it ("Features" in its manual). */
struct debug_register {
	char name[10], type[12];
	char feature[9]; /* the set it belongs to, after "org.gnu.gdb.i386." */
	uint8_t bits;
};

enum { DEBUG_IMAGE_MAX = 1024 };

/* The n-th register, in the image's order; NULL behind the last. */
const struct debug_register *debug_register(unsigned n);
/* All of them, one behind the other, little endian: returns the bytes, or -errno. */
int debug_get(int vcpu_fd, uint8_t image[DEBUG_IMAGE_MAX]);
/* Writes back what differs from the vCPU's. */
int debug_set(int vcpu_fd, const uint8_t *image);

/* SDM volume 3, 17.2.4: the values of DR7's R/W fields. */
enum debug_kind { DEBUG_EXECUTE = 0, DEBUG_WRITE = 1, DEBUG_ACCESS = 3 };

enum { DEBUG_POINTS = 4 };

struct debug_point {
	uint64_t addr;
	enum debug_kind kind;
	uint8_t len; /* 1, 2, 4 or 8; of DEBUG_EXECUTE 1 */
};

struct debug_control {
	bool step;     /* out after one instruction; interrupts wait */
	bool software; /* int3 leads to the debugger */
	bool inject;   /* once: the int3 is the guest's, which gets it now */
	struct debug_point points[DEBUG_POINTS];
	unsigned count;
};

/* All false and no points: the guest is by itself again, its debug registers too. */
int debug_control(int vcpu_fd, const struct debug_control *control);

#endif
