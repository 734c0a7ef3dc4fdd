// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The registers of a vCPU as text, in the layout that people and programs know from
 * QEMU's register dumps: general registers are as wide as the code that runs, system
 * registers as the mode of the processor.
 */
#include "vmm/kvm/internal.h"

#include "common/bytes.h"
#include "common/cleanup.h"
#include "common/strbuf.h"
#include "vmm/kvm/shadow.h"

enum {
	CR0_PE = 1 << 0,
	EFER_LMA = 1 << 10,
	XCR0_AVX = 1 << 2,

	CODE_BYTES = 32, /* half before, half from the instruction pointer */

	/* The legacy area of XSAVE (SDM volume 1, 10.5.1), and AVX's part behind it. */
	FX_CONTROL = 0,
	FX_STATUS = 2,
	FX_TAGS = 4,
	FX_MXCSR = 24,
	FX_ST = 32,
	FX_XMM = 160,
	XSAVE_YMM_HIGH = 576,
};

struct mode {
	bool protected, long_mode, code64;
};

/* ---- segments ---- */

/* The upper half of a descriptor, as QEMU shows a segment's attributes. */
static uint32_t attributes(const struct kvm_segment *s)
{
	return (uint32_t)s->type << 8 | s->s << 12 | s->dpl << 13 | s->present << 15 |
	       s->avl << 20 | s->l << 21 | s->db << 22 | s->g << 23;
}

static void dump_kind(struct strbuf *out, const struct kvm_segment *s,
                      const struct mode *mode)
{
	static const char *const system[2][16] = {
		{ [1] = "TSS16-avl",
		  [2] = "LDT",
		  [3] = "TSS16-busy",
		  [9] = "TSS32-avl",
		  [11] = "TSS32-busy" },
		{ [2] = "LDT", [9] = "TSS64-avl", [11] = "TSS64-busy" },
	};
	unsigned t = s->type;
	const char *name = system[mode->long_mode][t & 15];

	if (!s->s)
		strbuf_adds(out, name ? name : "Reserved");
	else if (t & 8)
		strbuf_addf(out, "CS%s [%c%c",
		            s->l    ? "64"
		            : s->db ? "32"
		                    : "16",
		            t & 4 ? 'C' : '-', t & 2 ? 'R' : '-');
	else
		strbuf_addf(out, "DS%s [%c%c", s->db || mode->long_mode ? "  " : "16",
		            t & 4 ? 'E' : '-', t & 2 ? 'W' : '-');
	if (s->s)
		strbuf_addf(out, "%c]", t & 1 ? 'A' : '-');
}

static void dump_segment(struct strbuf *out, const char *name,
                         const struct kvm_segment *s, const struct mode *mode)
{
	strbuf_addf(out, "%-3s=%04x %0*llx %08x %08x", name, s->selector,
	            mode->code64 ? 16 : 8, (unsigned long long)s->base, s->limit,
	            attributes(s));
	if (mode->protected && s->present) {
		strbuf_addf(out, " DPL=%u ", s->dpl);
		dump_kind(out, s, mode);
	}
	strbuf_addc(out, '\n');
}

/* ---- registers ---- */

/* The flags that arithmetic sets, from the highest bit down. */
static void dump_flags(struct strbuf *out, char width, uint64_t flags)
{
	static const struct {
		unsigned bit;
		char letter;
	} letters[] = { { 10, 'D' }, { 11, 'O' }, { 7, 'S' }, { 6, 'Z' },
		        { 4, 'A' },  { 2, 'P' },  { 0, 'C' } };

	strbuf_addf(out, "%cFL=%08llx [", width, (unsigned long long)flags);
	for (unsigned i = 0; i < ARRAY_SIZE(letters); i++)
		strbuf_addc(out, flags >> letters[i].bit & 1 ? letters[i].letter : '-');
	strbuf_addc(out, ']');
}

static void dump_general(struct strbuf *out, const struct kvm_regs *r,
                         const struct mode *mode)
{
	const struct {
		const char *name;
		uint64_t value;
	} regs[] = {
		{ "AX", r->rax },  { "BX", r->rbx },  { "CX", r->rcx },
		{ "DX", r->rdx },  { "SI", r->rsi },  { "DI", r->rdi },
		{ "BP", r->rbp },  { "SP", r->rsp },  { "R8 ", r->r8 },
		{ "R9 ", r->r9 },  { "R10", r->r10 }, { "R11", r->r11 },
		{ "R12", r->r12 }, { "R13", r->r13 }, { "R14", r->r14 },
		{ "R15", r->r15 },
	};
	unsigned count = mode->code64 ? ARRAY_SIZE(regs) : 8;
	int digits = mode->code64 ? 16 : 8;
	char width = mode->code64 ? 'R' : 'E';

	for (unsigned i = 0; i < count; i++)
		strbuf_addf(out, "%.*s%s=%0*llx%c", i < 8, &width, regs[i].name, digits,
		            (unsigned long long)regs[i].value, i % 4 == 3 ? '\n' : ' ');
	strbuf_addf(out, "%cIP=%0*llx ", width, digits, (unsigned long long)r->rip);
	dump_flags(out, width, r->rflags);
}

static void dump_debug(struct strbuf *out, int fd)
{
	struct kvm_debugregs d;

	if (ioctl(fd, KVM_GET_DEBUGREGS, &d) < 0)
		return;
	for (unsigned i = 0; i < ARRAY_SIZE(d.db); i++)
		strbuf_addf(out, "DR%u=%016llx ", i, (unsigned long long)d.db[i]);
	strbuf_addf(out, "\nDR6=%016llx DR7=%016llx\n", (unsigned long long)d.dr6,
	            (unsigned long long)d.dr7);
}

static void dump_system(struct strbuf *out, const struct kvm_sregs *s,
                        const struct mode *mode)
{
	const struct {
		const char *name;
		const struct kvm_segment *segment;
	} segments[] = { { "ES", &s->es },   { "CS", &s->cs }, { "SS", &s->ss },
		         { "DS", &s->ds },   { "FS", &s->fs }, { "GS", &s->gs },
		         { "LDT", &s->ldt }, { "TR", &s->tr } };
	int digits = mode->long_mode ? 16 : 8;

	for (unsigned i = 0; i < ARRAY_SIZE(segments); i++)
		dump_segment(out, segments[i].name, segments[i].segment, mode);
	strbuf_addf(out, "GDT=     %0*llx %08x\nIDT=     %0*llx %08x\n", digits,
	            (unsigned long long)s->gdt.base, s->gdt.limit, digits,
	            (unsigned long long)s->idt.base, s->idt.limit);
	strbuf_addf(out, "CR0=%08llx CR2=%0*llx CR3=%0*llx CR4=%08llx\n",
	            (unsigned long long)s->cr0, digits, (unsigned long long)s->cr2,
	            digits, (unsigned long long)s->cr3, (unsigned long long)s->cr4);
}

/* ---- floating point ---- */

static bool has_avx(int fd)
{
	struct kvm_xcrs xcrs;

	return ioctl(fd, KVM_GET_XCRS, &xcrs) == 0 && xcrs.nr_xcrs &&
	       xcrs.xcrs[0].value & XCR0_AVX;
}

/* AVX's registers where the guest has turned AVX on, as QEMU does. */
static void dump_vectors(struct strbuf *out, const uint8_t *area, unsigned count,
                         bool avx)
{
	for (unsigned i = 0; i < count; i++) {
		const uint8_t *low = area + FX_XMM + i * 16,
			      *high = area + XSAVE_YMM_HIGH + i * 16;

		if (avx)
			strbuf_addf(out, "YMM%02u=%016llx %016llx ", i,
			            (unsigned long long)ld64(high + 8),
			            (unsigned long long)ld64(high));
		else
			strbuf_addf(out, "XMM%02u=", i);
		strbuf_addf(out, "%016llx %016llx%c", (unsigned long long)ld64(low + 8),
		            (unsigned long long)ld64(low), avx || i % 2 ? '\n' : ' ');
	}
}

static void dump_fpu(struct strbuf *out, int fd, const struct mode *mode)
{
	_cleanup_free_ uint8_t *area = calloc(1, SHADOW_MAX_XSAVE);
	unsigned status;

	/* Where registers are wider than KVM_GET_XSAVE's there is KVM_GET_XSAVE2. */
	if (!area ||
	    (ioctl(fd, KVM_GET_XSAVE2, area) < 0 && ioctl(fd, KVM_GET_XSAVE, area) < 0))
		return;
	status = ld16(area + FX_STATUS);
	strbuf_addf(out, "FCW=%04x FSW=%04x [ST=%u] FTW=%02x MXCSR=%08x\n",
	            ld16(area + FX_CONTROL), status, status >> 11 & 7, area[FX_TAGS],
	            ld32(area + FX_MXCSR));
	for (unsigned i = 0; i < 8; i++) {
		const uint8_t *st = area + FX_ST + i * 16;

		strbuf_addf(out, "FPR%u=%016llx %04x%c", i, (unsigned long long)ld64(st),
		            ld16(st + 8), i % 2 ? '\n' : ' ');
	}
	dump_vectors(out, area, mode->code64 ? 16 : 8, has_avx(fd));
}

/* ---- code ---- */

/* One byte of code: through the guest's own page tables, as KVM walks them. */
static bool read_code(int fd, uint64_t address, vcpu_peek_fn *peek, void *opaque,
                      uint8_t *byte)
{
	struct kvm_translation tr = { .linear_address = address };

	return ioctl(fd, KVM_TRANSLATE, &tr) == 0 && tr.valid &&
	       peek(opaque, tr.physical_address, byte, 1) == 0;
}

static void dump_code(struct strbuf *out, int fd, uint64_t rip, vcpu_peek_fn *peek,
                      void *opaque)
{
	uint64_t start = rip - CODE_BYTES / 2;

	strbuf_adds(out, "Code=");
	for (unsigned i = 0; i < CODE_BYTES; i++) {
		uint8_t byte;
		bool here = start + i == rip;

		if (read_code(fd, start + i, peek, opaque, &byte))
			strbuf_addf(out, here ? "<%02x>" : "%02x", byte);
		else
			strbuf_adds(out, here ? "<\?\?>" : "\?\?");
		strbuf_addc(out, i + 1 < CODE_BYTES ? ' ' : '\n');
	}
}

void vcpu_dump_fd(int fd, unsigned index, enum vcpu_dump what, vcpu_peek_fn *peek,
                  void *opaque, struct strbuf *out)
{
	struct kvm_regs regs;
	struct kvm_sregs sregs;
	struct kvm_mp_state mp;
	struct mode mode;

	strbuf_addf(out, "CPU#%u\n", index);
	if (ioctl(fd, KVM_GET_REGS, &regs) < 0 || ioctl(fd, KVM_GET_SREGS, &sregs) < 0) {
		strbuf_adds(out, "KVM cannot read the registers\n");
		return;
	}
	if (ioctl(fd, KVM_GET_MP_STATE, &mp) < 0)
		mp.mp_state = KVM_MP_STATE_RUNNABLE;
	mode.protected = sregs.cr0 & CR0_PE;
	mode.long_mode = sregs.efer & EFER_LMA;
	mode.code64 = mode.long_mode && sregs.cs.l;
	dump_general(out, &regs, &mode);
	strbuf_addf(out, " CPL=%u II=0 A20=1 SMM=0 HLT=%d\n", sregs.cs.dpl,
	            mp.mp_state == KVM_MP_STATE_HALTED);
	dump_system(out, &sregs, &mode);
	dump_debug(out, fd);
	strbuf_addf(out, "EFER=%016llx\n", (unsigned long long)sregs.efer);
	if (what == VCPU_DUMP_FPU)
		dump_fpu(out, fd, &mode);
	else
		dump_code(out, fd, sregs.cs.base + regs.rip, peek, opaque);
}
