/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A multiboot 1 kernel that triple-faults, and once it is started again sends its time
 * stamp counter to the debug console (port 0xe9, 8 bytes, little-endian) and ends the
 * machine through isa-debug-exit (port 0xf4).
 */

	.set magic, 0x1badb002
	.set mark, 0x500	/* RAM that nothing else uses: it survives a reset */
	.set mark_value, 0x74726970

	.text
	.align 4
	.long magic, 0, -magic

	.code32
	.globl _start
_start:
	cmpl	$mark_value, mark
	je	again
	movl	$mark_value, mark
	lidt	no_idt
	int3
again:
	rdtsc
	mov	$4, %ecx
low:
	out	%al, $0xe9
	shr	$8, %eax
	loop	low
	mov	%edx, %eax
	mov	$4, %ecx
high:
	out	%al, $0xe9
	shr	$8, %eax
	loop	high
	out	%al, $0xf4
	cli
	hlt
no_idt:
	.word	0
	.long	0

	.section .note.GNU-stack, "", @progbits
