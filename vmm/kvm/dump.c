// SPDX-License-Identifier: GPL-2.0-or-later
/* The registers of a vCPU as text, in the layout that people know from QEMU's register
 * dumps. */
#include "vmm/kvm/internal.h"

#include "common/cleanup.h"
#include "common/strbuf.h"

#define CODE_BYTES 32 /* half before, half from the instruction pointer */

static void dump_segment(struct strbuf *out, const char *name,
                         const struct kvm_segment *s)
{
	strbuf_addf(out, "%-3s=%04x %016llx %08x type=%x s=%u dpl=%u p=%u l=%u db=%u\n",
	            name, s->selector, (unsigned long long)s->base, s->limit, s->type,
	            s->s, s->dpl, s->present, s->l, s->db);
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
	strbuf_addf(out, "RIP=%016llx RFL=%08llx\n", (unsigned long long)r->rip,
	            (unsigned long long)r->rflags);
}

static void dump_system(struct strbuf *out, const struct kvm_sregs *s)
{
	dump_segment(out, "ES", &s->es);
	dump_segment(out, "CS", &s->cs);
	dump_segment(out, "SS", &s->ss);
	dump_segment(out, "DS", &s->ds);
	dump_segment(out, "FS", &s->fs);
	dump_segment(out, "GS", &s->gs);
	dump_segment(out, "LDT", &s->ldt);
	dump_segment(out, "TR", &s->tr);
	strbuf_addf(out, "GDT=     %016llx %08x\nIDT=     %016llx %08x\n",
	            (unsigned long long)s->gdt.base, s->gdt.limit,
	            (unsigned long long)s->idt.base, s->idt.limit);
	strbuf_addf(out, "CR0=%08llx CR2=%016llx CR3=%016llx CR4=%08llx EFER=%016llx\n",
	            (unsigned long long)s->cr0, (unsigned long long)s->cr2,
	            (unsigned long long)s->cr3, (unsigned long long)s->cr4,
	            (unsigned long long)s->efer);
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

	strbuf_addf(out, "CPU#%u\n", index);
	if (ioctl(fd, KVM_GET_REGS, &regs) < 0 || ioctl(fd, KVM_GET_SREGS, &sregs) < 0) {
		strbuf_adds(out, "KVM cannot read the registers\n");
		return;
	}
	dump_general(out, &regs);
	dump_system(out, &sregs);
	dump_code(out, fd, sregs.cs.base + regs.rip, peek, opaque);
}
