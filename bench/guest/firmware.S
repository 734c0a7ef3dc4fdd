/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The boot sector that guest-bench measures: says that the BIOS has come to it, then reads
 * from the first disk and the first CD-ROM drive through the BIOS, and says how many bytes
 * that were. Marks are lines "@ NAME [BYTES]" on the first serial port.
 */
	.code16
	.globl	_start

#define ROUNDS	66
#define SECTORS	127	/* of 512 bytes, in one call */
#define FRAMES	31	/* of 2048 bytes */


_start:
	ljmp	$0, $1f
1:	xorw	%ax, %ax
	movw	%ax, %ds
	movw	%ax, %ss
	movw	$0x7c00, %sp
	cld
	movw	$boot, %si
	call	puts
	movb	$0x80, %dl
	movw	$SECTORS, %cx
	movw	$disk, %si
	call	measure
	movb	$0xe0, %dl
	movw	$FRAMES, %cx
	movw	$cd, %si
	call	measure
	movw	$finished, %si
	call	puts
2:	hlt
	jmp	2b

/* DL: drive, CX: sectors in a call, SI: the mark when all went well. */
measure:
	pushw	%si
	movw	$ROUNDS, %bp
	movw	%cx, count
	movw	$0, sector
3:	movw	count, %cx
	movw	%cx, packet + 2
	movw	$packet, %si
	movb	$0x42, %ah
	pushw	%bp
	pushw	%dx
	int	$0x13
	popw	%dx
	popw	%bp
	jc	4f
	movw	count, %cx
	addw	%cx, sector
	decw	%bp
	jnz	3b
	popw	%si
	jmp	puts
4:	popw	%si
	ret

puts:
	movw	$0x3f8, %dx
5:	lodsb
	testb	%al, %al
	jz	6f
	outb	%al, %dx
	jmp	5b
6:	ret

	.balign	4
packet:
	.byte	16, 0
	.word	0
	.word	0, 0x1000		/* buffer */
sector:
	.quad	0
count:
	.word	0
boot:
	.asciz	"@ boot\n"
disk:
	.asciz	"@ bios-disk 4291584\n"	/* ROUNDS * SECTORS * 512 */
cd:
	.asciz	"@ bios-cd 4190208\n"	/* ROUNDS * FRAMES * 2048 */
finished:
	.asciz	"@ done\n"

	.org	510
	.word	0xaa55
