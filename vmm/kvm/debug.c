// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The image is what GDB's "g" packet wants: its registers of x86-64 in the order of its
 * own features, then what system software has besides. One row tells where KVM keeps a
 * register; rows of a feature stand together.
 */
#include "vmm/kvm/debug.h"

#include "common/cleanup.h"
#include "vmm/kvm/internal.h"

#include <string.h>

#define MSR_KERNEL_GS_BASE 0xc0000102u

struct file {
	struct kvm_regs regs;
	struct kvm_sregs sregs;
	struct kvm_fpu fpu;
	uint64_t kernel_gs_base;
};

#define ROW(name, type, bits, feature, field)                                \
	{                                                                    \
		{ name, type, feature, bits }, offsetof(struct file, field), \
			sizeof(((struct file *)0)->field)                    \
	}
#define INT64(field)   ROW(#field, "int64", 64, "core", regs.field)
#define SEGMENT(field) ROW(#field, "int32", 32, "core", sregs.field.selector)
#define STACK(n)                                                                        \
	{                                                                               \
		{ "st" #n, "i387_ext", "core", 80 }, offsetof(struct file, fpu.fpr[n]), \
			10                                                              \
	}
#define FPU(name, field) ROW(name, "int", 32, "core", fpu.field)
#define NOTHING(name)                             \
	{                                         \
		{ name, "int", "core", 32 }, 0, 0 \
	}
#define XMM(n)         ROW("xmm" #n, "vec128", 128, "sse", fpu.xmm[n])
#define CONTROL(field) ROW(#field, "int64", 64, "system", sregs.field)

static const struct {
	struct debug_register reg;
	uint16_t offset, size; /* in struct file */
} rows[] = {
	INT64(rax),
	INT64(rbx),
	INT64(rcx),
	INT64(rdx),
	INT64(rsi),
	INT64(rdi),
	ROW("rbp", "data_ptr", 64, "core", regs.rbp),
	ROW("rsp", "data_ptr", 64, "core", regs.rsp),
	INT64(r8),
	INT64(r9),
	INT64(r10),
	INT64(r11),
	INT64(r12),
	INT64(r13),
	INT64(r14),
	INT64(r15),
	ROW("rip", "code_ptr", 64, "core", regs.rip),
	ROW("eflags", "i386_eflags", 32, "core", regs.rflags),
	SEGMENT(cs),
	SEGMENT(ss),
	SEGMENT(ds),
	SEGMENT(es),
	SEGMENT(fs),
	SEGMENT(gs),
	STACK(0),
	STACK(1),
	STACK(2),
	STACK(3),
	STACK(4),
	STACK(5),
	STACK(6),
	STACK(7),
	FPU("fctrl", fcw),
	FPU("fstat", fsw),
	FPU("ftag", ftwx), /* one bit a register, as FXSAVE has it */
	NOTHING("fiseg"),  /* 64-bit mode has no segments here */
	FPU("fioff", last_ip),
	NOTHING("foseg"),
	FPU("fooff", last_dp),
	FPU("fop", last_opcode),
	XMM(0),
	XMM(1),
	XMM(2),
	XMM(3),
	XMM(4),
	XMM(5),
	XMM(6),
	XMM(7),
	XMM(8),
	XMM(9),
	XMM(10),
	XMM(11),
	XMM(12),
	XMM(13),
	XMM(14),
	XMM(15),
	ROW("mxcsr", "int", 32, "sse", fpu.mxcsr),
	ROW("fs_base", "int64", 64, "segments", sregs.fs.base),
	ROW("gs_base", "int64", 64, "segments", sregs.gs.base),
	ROW("k_gs_base", "int64", 64, "system", kernel_gs_base),
	CONTROL(cr0),
	CONTROL(cr2),
	CONTROL(cr3),
	CONTROL(cr4),
	CONTROL(cr8),
	CONTROL(efer),
};

const struct debug_register *debug_register(unsigned n)
{
	return n < ARRAY_SIZE(rows) ? &rows[n].reg : NULL;
}

/* ---- registers ---- */

struct one_msr {
	uint32_t nmsrs, pad; /* struct kvm_msrs */
	struct kvm_msr_entry entry;
};

static int load(int fd, struct file *f)
{
	struct one_msr msr = { .nmsrs = 1, .entry.index = MSR_KERNEL_GS_BASE };

	memset(f, 0, sizeof(*f));
	if (ioctl(fd, KVM_GET_REGS, &f->regs) < 0 ||
	    ioctl(fd, KVM_GET_SREGS, &f->sregs) < 0 ||
	    ioctl(fd, KVM_GET_FPU, &f->fpu) < 0)
		return -errno;
	if (ioctl(fd, KVM_GET_MSRS, &msr) == 1)
		f->kernel_gs_base = msr.entry.data;
	return 0;
}

static int store(int fd, const struct file *old, struct file *f)
{
	struct one_msr msr = { .nmsrs = 1,
		               .entry = { .index = MSR_KERNEL_GS_BASE,
		                          .data = f->kernel_gs_base } };

	if (memcmp(&old->regs, &f->regs, sizeof(f->regs)) &&
	    ioctl(fd, KVM_SET_REGS, &f->regs) < 0)
		return -errno;
	if (memcmp(&old->sregs, &f->sregs, sizeof(f->sregs)) &&
	    ioctl(fd, KVM_SET_SREGS, &f->sregs) < 0)
		return -errno;
	if (memcmp(&old->fpu, &f->fpu, sizeof(f->fpu)) &&
	    ioctl(fd, KVM_SET_FPU, &f->fpu) < 0)
		return -errno;
	if (old->kernel_gs_base != f->kernel_gs_base &&
	    ioctl(fd, KVM_SET_MSRS, &msr) != 1)
		return -EINVAL;
	return 0;
}

/* Of a register that is wider here than there only so much is kept. */
static size_t kept(unsigned n)
{
	size_t size = rows[n].reg.bits / 8;

	return size < rows[n].size ? size : rows[n].size;
}

int debug_get(int fd, uint8_t image[DEBUG_IMAGE_MAX])
{
	struct file f;
	size_t at = 0;
	int ret = load(fd, &f);

	if (ret < 0)
		return ret;
	for (unsigned n = 0; n < ARRAY_SIZE(rows); n++) {
		size_t size = rows[n].reg.bits / 8;

		memset(image + at, 0, size);
		memcpy(image + at, (char *)&f + rows[n].offset, kept(n));
		at += size;
	}
	return at;
}

int debug_set(int fd, const uint8_t *image)
{
	struct file old, f;
	size_t at = 0;
	int ret = load(fd, &old);

	if (ret < 0)
		return ret;
	f = old;
	for (unsigned n = 0; n < ARRAY_SIZE(rows); n++) {
		memcpy((char *)&f + rows[n].offset, image + at, kept(n));
		at += rows[n].reg.bits / 8;
	}
	return store(fd, &old, &f);
}

/* ---- breakpoints and steps ---- */

/* DR7 for point n: enabled, its condition, its length less one (8 is coded as 2). */
static uint64_t dr7_of(unsigned n, const struct debug_point *p)
{
	uint64_t len = p->len == 8 ? 2 : p->len - 1;

	return 2ull << (n * 2) | (uint64_t)p->kind << (16 + n * 4) | len << (18 + n * 4);
}

int debug_control(int fd, const struct debug_control *c)
{
	struct kvm_guest_debug d = { 0 };

	if (c->step || c->software || c->inject || c->count)
		d.control = KVM_GUESTDBG_ENABLE;
	if (c->step)
		d.control |= KVM_GUESTDBG_SINGLESTEP | KVM_GUESTDBG_BLOCKIRQ;
	if (c->software || c->inject)
		d.control |= KVM_GUESTDBG_USE_SW_BP;
	if (c->inject)
		d.control |= KVM_GUESTDBG_INJECT_BP;
	if (c->count) {
		d.control |= KVM_GUESTDBG_USE_HW_BP;
		d.arch.debugreg[7] = 0x600; /* exact, and the bit that is always set */
	}
	for (unsigned i = 0; i < c->count; i++) {
		d.arch.debugreg[i] = c->points[i].addr;
		d.arch.debugreg[7] |= dr7_of(i, &c->points[i]);
	}
	if (ioctl(fd, KVM_SET_GUEST_DEBUG, &d) == 0)
		return 0;
	/* Before Linux 5.16 an interrupt may come between. */
	d.control &= ~KVM_GUESTDBG_BLOCKIRQ;
	return ioctl(fd, KVM_SET_GUEST_DEBUG, &d) < 0 ? -errno : 0;
}
