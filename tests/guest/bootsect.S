/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A boot sector: prints NAME on the first serial port and the drive that the BIOS booted,
 * copies sectors 1 to 8 of the drive to 40 through the BIOS where COPY is defined, and
 * ends the VMM with status 33, or, where RESET is defined, resets the machine.
 */
	.code16
	.globl	_start
_start:
	ljmp	$0, $1f
1:	cli			/* the BIOS's console shares the port, and lags behind */
	xorw	%ax, %ax
	movw	%ax, %ds
	movw	%ax, %es
	movw	%ax, %ss
	movw	$0x7c00, %sp
	movb	%dl, drive
	movw	$line, %si
	call	puts
	movw	$name, %si
	call	puts
	movb	drive, %al
	call	put_byte
#ifdef COPY
	movw	$packet, %si
	movb	$0x42, %ah		/* extended read */
	call	disk
	movw	$40, packet + 8
	movw	$0x4300, %ax		/* extended write */
	call	disk
#endif
#ifdef RESET
	movw	$0xcf9, %dx
	movb	$6, %al
	outb	%al, %dx
#else
	movb	$16, %al
	outb	%al, $0xf4
#endif
2:	hlt
	jmp	2b

#ifdef COPY
disk:
	movb	drive, %dl
	int	$0x13
	jnc	3f
	movw	$failed, %si
	call	puts
	movb	%ah, %al
	call	put_byte
3:	ret

	.balign	4
packet:
	.byte	16, 0
	.word	8			/* sectors */
	.word	0x8000, 0		/* buffer */
	.quad	1			/* first sector */
failed:
	.asciz	"the BIOS reports an error: "
#endif

/* SI: text up to a NUL byte. */
puts:
	movw	$0x3f8, %dx
4:	lodsb
	testb	%al, %al
	jz	5f
	outb	%al, %dx
	jmp	4b
5:	ret

/* AL as two digits, then the end of the line. */
put_byte:
	movw	$0x3f8, %dx
	movb	%al, %bl
	shrb	$4, %al
	call	6f
	movb	%bl, %al
	andb	$15, %al
	call	6f
	movb	$'\n', %al
	outb	%al, %dx
	ret
6:	cmpb	$10, %al
	jb	7f
	addb	$'a' - '0' - 10, %al
7:	addb	$'0', %al
	outb	%al, %dx
	ret

drive:
	.byte	0
line:
	.asciz	"\n"
name:
	.asciz	NAME

	.org	510
	.word	0xaa55
