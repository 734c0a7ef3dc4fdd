/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A firmware of 64 KiB for the first flash chip. It shows the second chip, 64 KiB below
 * it, to itself: the query structure, an erased block, bytes and a buffer programmed; then
 * how the host bridge hides and protects RAM below 1 MiB. It leaves the chip in the middle
 * of a command and resets the machine, once.
 */
	.text
base:
#include "tests/guest/lib.S"

#define CHIP   0xfffe0000
#define BLOCK  0xfffe1000
#define PASSED 0x5000		/* in RAM, which a reset keeps */

	.macro	say text
	movl	$9f, %esi
	call	puts
	.section .rodata, "a"
9:	.asciz	"\text "
	.text
	.endm

	/* A byte into memory, or into a register of the host bridge. */
	.macro	poke address, value
	movb	$\value, \address
	.endm
	.macro	bridge register, value
	movl	$0x80000000 + (\register & 0xfc), %eax
	movw	$0xcf8, %dx
	outl	%eax, %dx
	movw	$0xcfc + (\register & 3), %dx
	movb	$\value, %al
	outb	%al, %dx
	.endm

	/* The byte there. */
	.macro	show text, address
	say	"\text"
	movzbl	\address, %eax
	call	put_hex
	.endm

	.code32
start32:
	movw	$16, %ax
	movw	%ax, %ds
	movw	%ax, %es
	movw	%ax, %ss
	movl	$0x7000, %esp

	say	"chip"
	movl	$CHIP, %esi
	movl	$8, %ecx
	call	put_bytes
	poke	CHIP+0x55, 0x98
	say	"query"
	movl	$CHIP+0x10, %esi
	movl	$3, %ecx
	call	put_bytes
	poke	CHIP, 0xff
	say	"block"
	movl	$BLOCK, %esi
	movl	$6, %ecx
	call	put_bytes
	poke	BLOCK+0x10, 0x20
	poke	BLOCK+0x10, 0xd0
	show	"status", CHIP
	poke	CHIP, 0xff
	show	"erased", BLOCK+0xfff
	poke	BLOCK, 0x40
	poke	BLOCK, 'k'
	poke	BLOCK+1, 0x10
	poke	BLOCK+1, 'v'
	poke	BLOCK+2, 0xe8
	poke	BLOCK+2, 3
	poke	BLOCK+2, 'm'
	poke	BLOCK+3, 'k'
	poke	BLOCK+4, 'i'
	poke	BLOCK+5, 't'
	poke	BLOCK+2, 0xd0
	show	"status", CHIP
	poke	CHIP, 0xff

	show	"ROM", 0xffff0
	poke	0xf0000, 0x12
	show	"ROM kept", 0xf0000
	show	"nothing", 0xc0000
	bridge	0x5a, 0x33
	poke	0xc0000, 0x12
	show	"RAM", 0xc0000
	bridge	0x5a, 0x11
	poke	0xc0000, 0x34
	show	"protected", 0xc0000
	bridge	0x5a, 0x22
	poke	0xc0000, 0x56
	show	"hidden", 0xc0000
	bridge	0x5a, 0x33
	show	"written below", 0xc0000
	bridge	0x59, 0x30
	poke	0xf0000, 0x78
	show	"RAM there", 0xf0000
	show	"beside it", 0xe0000

	incl	PASSED
	cmpl	$2, PASSED
	jae	1f
	poke	CHIP, 0xe8
	movw	$0xcf9, %dx
	movb	$6, %al
	outb	%al, %dx
2:	hlt
	jmp	2b
1:	jmp	finish

	.balign	8
gdt:
	.quad	0, 0x00cf9b000000ffff, 0x00cf93000000ffff
gdt_pointer:
	.word	. - gdt - 1
	.long	gdt

	.code16
start16:
	cli
	lgdtl	%cs:(gdt_pointer - base)
	movl	%cr0, %eax
	orb	$1, %al
	movl	%eax, %cr0
	ljmpl	$8, $start32

	.section .reset, "ax"
	.byte	0xe9			/* a jump within 64 KiB, around its end */
	.word	start16 - base - 0xfff3
