// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The micro-guest of kvm-check. It starts in 16-bit real mode at MG_LOAD (segment bases 0),
 * runs a timed loop there, switches to protected and long mode by itself as every operating
 * system does, runs the timed loops again, computes a value, and then only exits.
 * Position: assembled into .rodata and copied to MG_LOAD, so every absolute address is
 * written as an offset from microguest_start.
 */
#include "probe/microguest.h"

#define AT(label) (MG_LOAD + (label) - microguest_start)

	.section .rodata.microguest, "a"
	.balign 16
	.globl microguest_start, microguest_end

	.code16
microguest_start:
	cli
	xorw	%ax, %ax
	movw	%ax, %ds
1:	inl	$MG_REAL_COUNT, %eax
	testl	%eax, %eax
	jz	3f
	movl	%eax, %ecx
2:	decl	%ecx
	jnz	2b
	outb	%al, $MG_REAL_DONE
	jmp	1b

3:	lgdtl	AT(gdt_pointer)
	movl	%cr0, %eax
	orl	$1, %eax		/* PE */
	movl	%eax, %cr0
	ljmpl	$0x18, $AT(protected)

	.code32
protected:
	movl	$0x10, %eax
	movl	%eax, %ds
	movl	%eax, %es
	movl	%eax, %ss
	movl	$0x20, %eax		/* PAE */
	movl	%eax, %cr4
	movl	$MG_PML4, %eax
	movl	%eax, %cr3
	movl	$0xc0000080, %ecx	/* EFER: LME */
	rdmsr
	orl	$0x100, %eax
	wrmsr
	movl	%cr0, %eax
	orl	$0x80000000, %eax	/* PG */
	movl	%eax, %cr0
	ljmpl	$0x08, $AT(long_mode)

	.code64
long_mode:
	movl	$MG_STACK, %esp
1:	inl	$MG_LONG_COUNT, %eax
	testl	%eax, %eax
	jz	1f
	movl	%eax, %ecx
2:	decq	%rcx
	jnz	2b
	outb	%al, $MG_LONG_DONE
	jmp	1b

	/* Reading CR2 is privileged, yet stops no guest that hardware runs. */
1:	inl	$MG_PRIV_COUNT, %eax
	testl	%eax, %eax
	jz	3f
	movl	%eax, %ecx
2:	movq	%cr2, %rax
	decq	%rcx
	jnz	2b
	outb	%al, $MG_PRIV_DONE
	jmp	1b

	/* A stack, a call, multiplication and a 64-bit store, checked by the host. */
3:	inl	$MG_SUM_SEED, %eax
	movl	$MG_SUM_STEPS, %ecx
4:	call	sum_step
	decl	%ecx
	jnz	4b
	movl	$MG_RESULT, %edi
	movq	%rax, (%rdi)
	outb	%al, $MG_SUM_DONE

5:	outb	%al, $MG_PING
	jmp	5b

sum_step:
	leaq	(%rax,%rax,4), %rax
	addq	%rcx, %rax
	ret

	.balign 8
gdt:	.quad	0
	.quad	0x00af9b000000ffff	/* 08: 64-bit code */
	.quad	0x00cf93000000ffff	/* 10: data */
	.quad	0x00cf9b000000ffff	/* 18: 32-bit code */
gdt_pointer:
	.word	gdt_pointer - gdt - 1
	.long	AT(gdt)
microguest_end:

	.section .note.GNU-stack, "", @progbits
