/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A multiboot 1 kernel that expects a screen with text: once a key was released it fills
 * the window at 0xb8000 as screen.S does.
 */
	.set magic, 0x1badb002

	.section .multiboot, "a"
	.align	4
	.long	magic, 0, -magic

	.text
	.code32
	.globl	_start
_start:
	inb	$0x64, %al
	testb	$1, %al
	jz	_start
	inb	$0x60, %al
	testb	$0x80, %al
	jz	_start
	cld
	movl	$0xb8000, %edi
	xorl	%ecx, %ecx
1:	movl	%ecx, %ebx		/* cell n: character n, attribute n / 8 */
	shrl	$3, %ebx
	movb	%cl, %al
	movb	%bl, %ah
	stosw
	incl	%ecx
	cmpl	$2000, %ecx
	jb	1b
	jmp	_start

	.section .note.GNU-stack, "", @progbits
