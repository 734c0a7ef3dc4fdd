/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A bzImage whose set-up code prints its command line, the first line of its initrd and
 * the first line of its protected-mode part (both fetched by the BIOS from above 1 MiB),
 * and ends the VMM with status 33.
 */
	.code16
	.globl	_start
_start:
	.org	0x1f1
	.byte	1			/* sectors of set-up code */
	.word	0
	.long	(end - payload) / 16
	.org	0x1fe
	.word	0xaa55
	.byte	0xeb, begin - 0x202	/* 0x200: jumps over the header */
	.ascii	"HdrS"
	.word	0x20c
	.org	0x211
	.byte	1			/* loaded high */
	.org	0x218
ramdisk:
	.long	0, 0
	.org	0x228
cmdline:
	.long	0
	.long	0x7fffffff		/* the highest address of an initrd */
	.org	0x238
	.long	255
	.org	0x270
begin:
	cli
	movw	%cs, %ax
	subw	$0x20, %ax		/* offsets are those of the file */
	movw	%ax, %ds
	movw	%ax, %es
	ljmp	*far
1:	movw	$line, %si
	call	puts
	movl	cmdline, %eax
	pushw	%ds
	shrl	$4, %eax
	movw	%ax, %ds
	xorw	%si, %si
	call	puts
	popw	%ds
	movl	ramdisk, %eax
	call	show
	movl	$0x100000, %eax
	call	show
	movb	$16, %al
	outb	%al, $0xf4
2:	hlt
	jmp	2b

far:
	.word	1b, 0x1000		/* where boot loaders put it */

/* EAX: physical address of text. */
show:
	movl	%eax, source
	movb	$0x93, source + 3
	rorl	$24, %eax
	movb	%al, source + 5
	movw	$gdt, %si
	movw	$32, %cx
	movb	$0x87, %ah		/* move a block */
	int	$0x15
	cli
	movw	$buffer, %si

/* DS:SI: text up to a NUL byte, then the end of the line. */
puts:
	movw	$0x3f8, %dx
3:	lodsb
	testb	%al, %al
	jz	4f
	outb	%al, %dx
	jmp	3b
4:	movb	$'\n', %al
	outb	%al, %dx
	ret

	.balign	8
gdt:
	.quad	0, 0
	.word	0xffff
source:
	.long	0			/* base, then access and the base's end */
	.word	0
	.word	0xffff
	.long	0x93010000 + buffer	/* set-up code is at 0x10000 */
	.word	0
	.quad	0, 0
line:
	.asciz	""
buffer:
	.skip	64

	.org	0x400
payload:
	.asciz	"boot-kernel"
	.org	0x800
end:
