/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A multiboot 1 kernel that gets into the trouble that its command line names: "mmio"
 * runs into memory that nothing answers; "triple" faults without handlers, and ends well
 * when it comes back; "panic", "crash" and "off" tell pvpanic what a kernel would.
 */
#define MARK  0x00300000 /* RAM that keeps its content over a reset */
#define MAGIC 0x600df00d
#define FLAGS 3
#define PVPANIC 0x505

	.section .multiboot, "a"
	.balign	4
	.long	0x1badb002, FLAGS, -(0x1badb002 + FLAGS)

	.text
	.globl	_start
_start:
	movl	$stack, %esp
	movl	16(%ebx), %esi		/* cmdline: the file's name, a blank, the word */
1:	lodsb
	cmpb	$' ', %al
	jne	1b
	movl	%esi, %ebx
	call	put_line
	movb	(%ebx), %al
	movl	$MAGIC, %edi		/* to be found again in the dump */
	cmpb	$'m', %al
	je	run_mmio
	cmpb	$'t', %al
	je	triple
	movw	$PVPANIC, %dx
	cmpb	$'o', %al
	je	off
	cmpb	$'c', %al
	je	crash
	cmpb	$'p', %al
	je	panic
	jmp	finish

run_mmio:
	movl	$0xd0000000, %eax
	jmp	*%eax

triple:
	cmpl	$MAGIC, MARK
	je	finish
	movl	$MAGIC, MARK
	lidt	no_table
	ud2

	/* What a driver does: the bit that the port says it has. */
panic:
	inb	%dx, %al
	cmpb	$0xff, %al		/* nobody is there */
	je	finish
	testb	$1, %al
	jz	finish
	movb	$1, %al
	outb	%al, %dx
1:	cli
	hlt
	jmp	1b

	/* A kernel that goes on by itself. */
crash:
	movb	$2, %al
	outb	%al, %dx
	jmp	finish

off:
	movb	$4, %al
	outb	%al, %dx
1:	cli
	hlt
	jmp	1b

	.data
no_table:
	.word	0
	.long	0

	.bss
	.balign	16
	.skip	1024
stack:
