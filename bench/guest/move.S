/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The guest that scripts/bench-migrate moves, in the place of a BIOS: fills FILL MiB from
 * 16 MiB on, a word in each page, tells so on port 0xe9, and then sleeps (DIRTY 0), or
 * writes to each page of DIRTY MiB in turn for ever.
 */
#define FROM	0x1000000
#define PAGE	4096

	.code16
	.globl	_start
_start:
	cli
	lgdtl	%cs:table - _start
	movl	%cr0, %eax
	orb	$1, %al
	movl	%eax, %cr0
	ljmpl	$8, $flat

	.code32
flat:	movw	$16, %ax
	movw	%ax, %ds
	movl	$FROM, %edi
1:	cmpl	$FROM + (FILL << 20), %edi
	jae	2f
	movl	%edi, (%edi)
	addl	$PAGE, %edi
	jmp	1b
2:	movb	$'@', %al
	outb	%al, $0xe9
3:	movl	$FROM, %edi
4:	cmpl	$FROM + (DIRTY << 20), %edi
	jae	5f
	incl	(%edi)
	addl	$PAGE, %edi
	jmp	4b
#if DIRTY
5:	jmp	3b
#else
5:	hlt
	jmp	5b
#endif

	.balign	8
/* accessed already: nothing can be written here */
gdt:	.quad	0, 0x00cf9b000000ffff, 0x00cf93000000ffff
table:	.word	. - gdt - 1
	.long	gdt

	/* where the processor starts */
	.code16
	.org	0xfff0
	ljmp	$0xf000, $0
	.org	0x10000
