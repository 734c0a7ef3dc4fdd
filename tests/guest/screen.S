/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A boot sector that fills screens, each after a key: text mode with every character and
 * attribute, mode 13h, and a banked VESA mode of 640x480 with 256 colours. screen.t knows
 * the formulas. It says on the first serial port when a screen is complete.
 */
	.code16
	.globl	_start
_start:
	ljmp	$0, $1f
1:	xorw	%ax, %ax
	movw	%ax, %ds
	movw	%ax, %ss
	movw	$0x7c00, %sp
	cld

	movw	$0x0003, %ax
	int	$0x10
	movw	$0xb800, %ax
	movw	%ax, %es
	xorw	%di, %di
	xorw	%cx, %cx
2:	movw	%cx, %bx		/* cell n: character n, attribute n / 8 */
	shrw	$3, %bx
	movb	%cl, %al
	movb	%bl, %ah
	stosw
	incw	%cx
	cmpw	$2000, %cx
	jb	2b
	call	done

	movw	$0x0013, %ax
	int	$0x10
	call	grays
	xorw	%di, %di
	xorw	%dx, %dx
3:	xorw	%cx, %cx		/* pixel x, y: x ^ y */
4:	movb	%cl, %al
	xorb	%dl, %al
	stosb
	incw	%cx
	cmpw	$320, %cx
	jb	4b
	incw	%dx
	cmpw	$200, %dx
	jb	3b
	call	done

	movw	$0x4f02, %ax
	movw	$0x0101, %bx
	int	$0x10
	call	grays
	xorw	%dx, %dx
5:	movw	$0x4f05, %ax		/* byte n of bank b: n + b */
	xorw	%bx, %bx
	int	$0x10
	xorw	%di, %di
6:	movw	%di, %ax
	addb	%dl, %al
	stosb
	testw	%di, %di
	jnz	6b
	incw	%dx
	cmpw	$5, %dx
	jb	5b
	call	done
7:	hlt
	jmp	7b

/* Colour n is n / 4, of 63; ES is the window. */
grays:
	movw	$0xa000, %ax
	movw	%ax, %es
	movw	$0x3c8, %dx
	xorw	%ax, %ax
	outb	%al, %dx
	incw	%dx
	xorw	%cx, %cx
8:	movb	%cl, %al
	shrb	$2, %al
	outb	%al, %dx
	outb	%al, %dx
	outb	%al, %dx
	incb	%cl
	jnz	8b
	ret

done:
	movw	$0x3f8, %dx
	movb	$'.', %al
	outb	%al, %dx
	xorw	%ax, %ax
	int	$0x16
	ret

	.org	510
	.word	0xaa55
