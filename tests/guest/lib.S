/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the test guests share: text on the first serial port, and an end through
 * isa-debug-exit. 32-bit, no paging. Functions change EAX, ECX, EDX and ESI.
 */
	.text
	.globl	puts, put_line, put_hex, put_bytes, finish

/* ESI: text up to a NUL byte. */
puts:
	movw	$0x3f8, %dx
1:	lodsb
	testb	%al, %al
	jz	2f
	outb	%al, %dx
	jmp	1b
2:	ret

/* The same, then the end of the line. */
put_line:
	call	puts
	movb	$'\n', %al
	outb	%al, %dx
	ret

/* ESI: ECX bytes, then the end of the line. */
put_bytes:
	movw	$0x3f8, %dx
	rep outsb
	movb	$'\n', %al
	outb	%al, %dx
	ret

/* EAX as 8 digits, then the end of the line. */
put_hex:
	movl	%eax, %esi
	movl	$8, %ecx
	movw	$0x3f8, %dx
1:	roll	$4, %esi
	movl	%esi, %eax
	andl	$15, %eax
	addb	$'0', %al
	cmpb	$'9', %al
	jbe	2f
	addb	$'a' - '9' - 1, %al
2:	outb	%al, %dx
	loop	1b
	movb	$'\n', %al
	outb	%al, %dx
	ret

/* Ends the VMM with status 33. */
finish:
	movb	$16, %al
	outb	%al, $0xf4
1:	hlt
	jmp	1b
