// SPDX-License-Identifier: GPL-2.0-or-later
/* The registers of a vCPU as text, in the layout that people know from QEMU's register
 * dumps. */
#include "vmm/kvm/internal.h"

#include "common/cleanup.h"
#include "common/strbuf.h"

#define CR0_PE     1
#define CODE_BYTES 32 /* half before, half from the instruction pointer */

/* The upper half of a descriptor, as QEMU shows a segment's attributes. */
static uint32_t attributes(const struct kvm_segment *s)
{
	return (uint32_t)s->type << 8 | s->s << 12 | s->dpl << 13 | s->present << 15 |
	       s->avl << 20 | s->l << 21 | s->db << 22 | s->g << 23;
}

static void dump_kind(struct strbuf *out, const struct kvm_segment *s)
{
	static const char *const system[16] = {
		[1] = "TSS16-avl", [2] = "LDT",       [3] = "TSS16-busy",
		[9] = "TSS-avl",   [11] = "TSS-busy",
	};
	unsigned t = s->type;

	if (!s->s)
		strbuf_addf(out, "%s", system[t & 15] ? system[t & 15] : "Reserved");
	else if (t & 8)
		strbuf_addf(out, "CS%s [%c%c",
		            s->l    ? "64"
		            : s->db ? "32"
		                    : "16",
		            t & 4 ? 'C' : '-', t & 2 ? 'R' : '-');
	else
		strbuf_addf(out, "DS%s [%c%c", s->db ? "  " : "16", t & 4 ? 'E' : '-',
		            t & 2 ? 'W' : '-');
	if (s->s)
		strbuf_addf(out, "%c]", t & 1 ? 'A' : '-');
}

static void dump_segment(struct strbuf *out, const char *name,
                         const struct kvm_segment *s, bool protected)
{
	strbuf_addf(out, "%-3s=%04x %016llx %08x %08x", name, s->selector,
	            (unsigned long long)s->base, s->limit, attributes(s));
	if (protected && s->present) {
		strbuf_addf(out, " DPL=%u ", s->dpl);
		dump_kind(out, s);
	}
	strbuf_addc(out, '\n');
}

/* The flags that arithmetic sets, from the highest bit down. */
static void dump_flags(struct strbuf *out, uint64_t flags)
{
	static const struct {
		unsigned bit;
		char letter;
	} letters[] = { { 10, 'D' }, { 11, 'O' }, { 7, 'S' }, { 6, 'Z' },
		        { 4, 'A' },  { 2, 'P' },  { 0, 'C' } };

	strbuf_addf(out, "RFL=%08llx [", (unsigned long long)flags);
	for (unsigned i = 0; i < ARRAY_SIZE(letters); i++)
		strbuf_addc(out, flags >> letters[i].bit & 1 ? letters[i].letter : '-');
	strbuf_addc(out, ']');
}

static void dump_general(struct strbuf *out, const struct kvm_regs *r)
{
	const struct {
		const char *name;
		uint64_t value;
	} regs[] = {
		{ "RAX", r->rax }, { "RBX", r->rbx }, { "RCX", r->rcx },
		{ "RDX", r->rdx }, { "RSI", r->rsi }, { "RDI", r->rdi },
		{ "RBP", r->rbp }, { "RSP", r->rsp }, { "R8 ", r->r8 },
		{ "R9 ", r->r9 },  { "R10", r->r10 }, { "R11", r->r11 },
		{ "R12", r->r12 }, { "R13", r->r13 }, { "R14", r->r14 },
		{ "R15", r->r15 },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(regs); i++)
		strbuf_addf(out, "%s=%016llx%c", regs[i].name,
		            (unsigned long long)regs[i].value, i % 4 == 3 ? '\n' : ' ');
	strbuf_addf(out, "RIP=%016llx ", (unsigned long long)r->rip);
	dump_flags(out, r->rflags);
}

static void dump_debug(struct strbuf *out, int fd)
{
	struct kvm_debugregs d;

	if (ioctl(fd, KVM_GET_DEBUGREGS, &d) < 0)
		return;
	for (unsigned i = 0; i < ARRAY_SIZE(d.db); i++)
		strbuf_addf(out, "DR%u=%016llx%c", i, (unsigned long long)d.db[i],
		            i == 3 ? '\n' : ' ');
	strbuf_addf(out, "DR6=%016llx DR7=%016llx\n", (unsigned long long)d.dr6,
	            (unsigned long long)d.dr7);
}

static void dump_system(struct strbuf *out, const struct kvm_sregs *s)
{
	const struct {
		const char *name;
		const struct kvm_segment *segment;
	} segments[] = { { "ES", &s->es },   { "CS", &s->cs }, { "SS", &s->ss },
		         { "DS", &s->ds },   { "FS", &s->fs }, { "GS", &s->gs },
		         { "LDT", &s->ldt }, { "TR", &s->tr } };

	for (unsigned i = 0; i < ARRAY_SIZE(segments); i++)
		dump_segment(out, segments[i].name, segments[i].segment, s->cr0 & CR0_PE);
	strbuf_addf(out, "GDT=     %016llx %08x\nIDT=     %016llx %08x\n",
	            (unsigned long long)s->gdt.base, s->gdt.limit,
	            (unsigned long long)s->idt.base, s->idt.limit);
	strbuf_addf(out, "CR0=%08llx CR2=%016llx CR3=%016llx CR4=%08llx\n",
	            (unsigned long long)s->cr0, (unsigned long long)s->cr2,
	            (unsigned long long)s->cr3, (unsigned long long)s->cr4);
}

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

void vcpu_dump_fd(int fd, unsigned index, vcpu_peek_fn *peek, void *opaque,
                  struct strbuf *out)
{
	struct kvm_regs regs;
	struct kvm_sregs sregs;
	struct kvm_mp_state mp;

	strbuf_addf(out, "CPU#%u\n", index);
	if (ioctl(fd, KVM_GET_REGS, &regs) < 0 || ioctl(fd, KVM_GET_SREGS, &sregs) < 0) {
		strbuf_adds(out, "KVM cannot read the registers\n");
		return;
	}
	if (ioctl(fd, KVM_GET_MP_STATE, &mp) < 0)
		mp.mp_state = KVM_MP_STATE_RUNNABLE;
	dump_general(out, &regs);
	strbuf_addf(out, " CPL=%u II=0 A20=1 SMM=0 HLT=%d\n", sregs.cs.dpl,
	            mp.mp_state == KVM_MP_STATE_HALTED);
	dump_system(out, &sregs);
	dump_debug(out, fd);
	strbuf_addf(out, "EFER=%016llx\n", (unsigned long long)sregs.efer);
	dump_code(out, fd, sregs.cs.base + regs.rip, peek, opaque);
}
