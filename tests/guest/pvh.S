/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A PVH kernel that prints its start info. With a command line that starts with "r" it
 * first wipes everything that a loader left, and itself as far as it can, and resets the
 * machine; what it prints then was loaded anew.
 */
#define MARK  0x00300000 /* RAM that keeps its content over a reset */
#define MAGIC 0x600df00d

	.section .note.Xen, "a", @note
	.balign	4
	.long	4, 4, 18
	.asciz	"Xen"
	.long	_start

	.text
	.globl	_start
_start:
	movl	$stack, %esp
	movl	%ebx, %ebp
	movl	24(%ebp), %esi		/* cmdline */
	cmpb	$'r', (%esi)
	jne	show
	cmpl	$MAGIC, MARK
	jne	wipe_and_reset
show:
	movl	(%ebp), %eax		/* magic, version */
	call	put_hex
	movl	4(%ebp), %eax
	call	put_hex
	movl	24(%ebp), %esi
	call	put_line
	movl	32(%ebp), %esi		/* the RSDP's signature, without its blank */
	movl	$7, %ecx
	call	put_bytes
	movl	12(%ebp), %ebx		/* modules */
	movl	16(%ebp), %edi
1:	testl	%ebx, %ebx
	jz	2f
	movl	16(%edi), %esi		/* their arguments */
	call	put_line
	movl	(%edi), %esi		/* address, size */
	movl	8(%edi), %ecx
	call	put_bytes
	addl	$32, %edi
	decl	%ebx
	jmp	1b
2:	movl	40(%ebp), %edi		/* memory map: the last usable range's end */
	movl	48(%ebp), %ecx
3:	cmpl	$1, 16(%edi)
	jne	4f
	movl	(%edi), %eax
	addl	8(%edi), %eax
4:	addl	$24, %edi
	loop	3b
	call	put_hex
	movl	data, %eax
	call	put_hex
	jmp	finish

wipe_and_reset:
	movl	$MAGIC, MARK
	movl	$first, %esi
	call	put_line
	movl	$0x4e4e4e4e, data
	movl	$0x4e4e4e4e, _start
	xorl	%eax, %eax
	movl	$0x90000, %edi		/* the loader's information */
	movl	$0xc000 / 4, %ecx
	rep stosl
	movl	$0xe0000, %edi		/* the tables */
	movl	$0x20000 / 4, %ecx
	rep stosl
	movl	$0xcf9, %edx
	movb	$6, %al
	outb	%al, %dx
1:	hlt
	jmp	1b

	.data
data:
	.long	0x12345678
first:
	.asciz	"first pass"

	.bss
	.balign	16
	.skip	1024
stack:
