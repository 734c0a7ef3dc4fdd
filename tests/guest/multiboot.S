/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A multiboot 1 kernel that prints what the loader told it. */
#define FLAGS 3

	.section .multiboot, "a"
	.balign	4
	.long	0x1badb002, FLAGS, -(0x1badb002 + FLAGS)

	.text
	.globl	_start
_start:
	movl	$stack, %esp
	movl	%ebx, %ebp
	call	put_hex			/* EAX: the loader's magic number */
	movl	(%ebp), %eax		/* flags */
	call	put_hex
	movl	8(%ebp), %eax		/* mem_upper */
	call	put_hex
	movl	64(%ebp), %esi		/* boot_loader_name */
	call	put_line
	movl	16(%ebp), %esi		/* cmdline */
	call	put_line
	movl	20(%ebp), %ebx		/* mods_count */
	movl	24(%ebp), %edi
1:	testl	%ebx, %ebx
	jz	2f
	movl	8(%edi), %esi		/* string */
	call	put_line
	movl	(%edi), %esi		/* start, end */
	movl	4(%edi), %ecx
	subl	%esi, %ecx
	call	put_bytes
	addl	$16, %edi
	decl	%ebx
	jmp	1b
2:	movw	$0x4d1, %dx		/* level-triggered lines */
	inb	%dx, %al
	movb	%al, %ah
	decl	%edx
	inb	%dx, %al
	movzwl	%ax, %eax
	call	put_hex
	call	check_bss
	jmp	finish

/* A clean bss is 0. */
check_bss:
	movl	$bss_start, %edi
	movl	$1024, %ecx
	xorl	%eax, %eax
	repe scasl
	setnz	%al
	movzbl	%al, %eax
	jmp	put_hex

	.bss
	.balign	16
bss_start:
	.skip	4096
	.skip	1024
stack:
