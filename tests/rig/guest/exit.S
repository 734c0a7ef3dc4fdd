/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A multiboot 1 kernel of one screenful: sends its command line to the debug console
 * (port 0xe9) and ends the machine through isa-debug-exit (port 0xf4) with 0x31, or with
 * 0x32 if the loader left another magic number in EAX. Linux guests cannot do this in the
 * rig: the emulated host CPU refuses port I/O of a nested guest's user space.
 */

	.set magic, 0x1badb002
	.set boot_magic, 0x2badb002
	.set info_cmdline, 16

	.text
	.align 4
	.long magic, 0, -magic

	.code32
	.globl _start
_start:
	cmp	$boot_magic, %eax
	mov	$0x32, %al
	jne	end
	mov	info_cmdline(%ebx), %esi
next:
	lodsb
	test	%al, %al
	jz	said
	out	%al, $0xe9
	jmp	next
said:
	mov	$'\n', %al
	out	%al, $0xe9
	mov	$0x31, %al
end:
	out	%al, $0xf4
	cli
	hlt

	.section .note.GNU-stack, "", @progbits
