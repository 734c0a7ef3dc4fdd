/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The built-in guest: shows on the first serial port what a guest of this machine sees,
 * then powers off through ACPI.
 *
 * It is a flat 32-bit image for DEMO_BASE, kept as data in the program. Entered as the
 * PVH ABI says: protected mode, flat segments, no paging, EBX = start info. It needs no
 * interrupts, no stack but its own, and a few thousand instructions, because on a host
 * without hardware virtualization each one is interpreted.
 *
 * Text is collected at EDI, and a line leaves in strings of 16 bytes (the UART's FIFO):
 * one exit to the VMM for each. Functions change EAX, ECX, EDX and ESI; EBX and EBP are
 * kept. EBP is the start info throughout.
 */
#include "vmm/guest/demo.h"

/* Addresses at run time; all are constants for the assembler. */
#define AT(label) (label - demo_guest + DEMO_BASE)

#define COM1      0x3f8
#define LINE      (DEMO_BASE + 0x4000) /* the line being put together */
#define CLOCK     (DEMO_BASE + 0x5000) /* struct pvclock_vcpu_time_info */
#define STACK     (DEMO_BASE + 0x7000)

	.section .rodata.demo_guest, "a", @progbits
	.balign	16
	.globl	demo_guest, demo_guest_end
	.code32
demo_guest:
	cld
	movl	$STACK, %esp
	movl	%ebx, %ebp
	movl	$LINE, %edi
	call	uart_init
	movl	$AT(s_title), %esi
	call	puts_line
	call	show_cpu
	call	show_hypervisor
	call	show_clock
	call	show_memory
	call	show_acpi
	call	show_pci
	movl	$AT(s_bye), %esi
	call	puts_line
	jmp	power_off

/* ---- the serial port ---- */

uart_init:
	movw	$COM1 + 1, %dx		/* IER: no interrupts */
	xorl	%eax, %eax
	outb	%al, %dx
	movw	$COM1 + 3, %dx		/* LCR: divisor latch */
	movb	$0x80, %al
	outb	%al, %dx
	movw	$COM1, %dx		/* 115200 baud */
	movb	$1, %al
	outb	%al, %dx
	incl	%edx
	decl	%eax
	outb	%al, %dx
	movw	$COM1 + 3, %dx		/* LCR: 8n1 */
	movb	$3, %al
	outb	%al, %dx
	decl	%edx			/* FCR: FIFOs on and empty */
	movb	$7, %al
	outb	%al, %dx
	ret

/* ESI: text up to a NUL byte, then the line is sent. */
puts_line:
	call	puts
send_line:
	movb	$'\r', %al
	stosb
	movb	$'\n', %al
	stosb
	movl	%edi, %ecx
	movl	$LINE, %esi
	movl	%esi, %edi
	subl	%esi, %ecx
1:	movl	%ecx, %eax
	subl	$16, %eax
	jbe	2f
	movl	$16, %ecx
	call	send_part
	movl	%eax, %ecx
	jmp	1b
/* ECX bytes at ESI, at most 16: they fit the FIFO once it is empty. */
2:
send_part:
	pushl	%eax
	movw	$COM1 + 5, %dx
3:	inb	%dx, %al
	testb	$0x20, %al		/* LSR.THRE */
	jz	3b
	movw	$COM1, %dx
	rep outsb
	popl	%eax
	ret

/* ---- text ---- */

1:	stosb
puts:
	lodsb
	testb	%al, %al
	jnz	1b
	ret

/* The low ECX hexadecimal digits of EAX. */
hex:
	pushl	%ebx
	movl	%eax, %edx
	movl	$8, %eax
	subl	%ecx, %eax
	shll	$2, %eax
	xchgl	%eax, %ecx
	shll	%cl, %edx
	movl	%eax, %ecx
	movl	$AT(s_digits), %ebx
1:	roll	$4, %edx
	movb	%dl, %al
	andb	$15, %al
	xlatb
	stosb
	loop	1b
	popl	%ebx
	ret

/* EAX in decimal. */
dec:
	xorl	%edx, %edx
	movl	$10, %ecx
	divl	%ecx
	pushl	%edx
	testl	%eax, %eax
	jz	1f
	call	dec
1:	popl	%eax
	addb	$'0', %al
	stosb
	ret

/*
 * Names of set bits: EAX are the bits, ESI a table of {bit, text} that ends with 0xff.
 * A space precedes each name.
 */
bit_names:
	movl	%eax, %edx
1:	lodsb
	cmpb	$0xff, %al
	je	3f
	movzbl	%al, %eax
	btl	%eax, %edx
	jnc	2f
	movb	$' ', %al
	stosb
	call	puts
	jmp	1b
2:	lodsb
	testb	%al, %al
	jnz	2b
	jmp	1b
3:	ret

/* ---- what there is ---- */

show_cpu:
	pushl	%ebx
	movl	$AT(s_cpu), %esi
	call	puts
	xorl	%eax, %eax
	cpuid
	movl	%ebx, %eax
	stosl
	movl	%edx, %eax
	stosl
	movl	%ecx, %eax
	stosl
	movl	$0x80000000, %eax
	cpuid
	cmpl	$0x80000004, %eax
	jb	3f
	/* The brand string goes to the CLOCK page first, to drop leading spaces. */
	pushl	%edi
	movl	$CLOCK, %edi
	movl	$0x80000002, %esi
1:	movl	%esi, %eax
	cpuid
	stosl
	movl	%ebx, %eax
	stosl
	movl	%ecx, %eax
	stosl
	movl	%edx, %eax
	stosl
	incl	%esi
	cmpl	$0x80000004, %esi
	jbe	1b
	movb	$0, (%edi)
	popl	%edi
	movl	$CLOCK, %esi
2:	lodsb
	cmpb	$' ', %al
	je	2b
	testb	%al, %al
	jz	3f
	decl	%esi
	movw	$0x202c, %ax		/* ", " */
	stosw
	call	puts
3:	call	send_line
	movl	$AT(s_features), %esi
	call	puts
	movl	$1, %eax
	cpuid
	movl	%ecx, %eax
	movl	$AT(t_features), %esi
	call	bit_names
	movl	$0x80000000, %eax
	cpuid
	cmpl	$0x80000007, %eax
	jb	4f
	movl	$0x80000007, %eax
	cpuid
	movl	%edx, %eax
	movl	$AT(t_power), %esi
	call	bit_names
4:	popl	%ebx
	jmp	send_line

show_hypervisor:
	pushl	%ebx
	movl	$1, %eax
	cpuid
	testl	%ecx, %ecx		/* bit 31: runs under a hypervisor */
	jns	2f
	movl	$AT(s_hypervisor), %esi
	call	puts
	movl	$0x40000000, %eax
	cpuid
	movl	%ebx, %eax
	stosl
	movl	%ecx, %eax
	stosl
	movl	%edx, %eax
	stosl
1:	decl	%edi			/* the signature is padded with NULs */
	cmpb	$0, (%edi)
	je	1b
	incl	%edi
	movl	$0x40000001, %eax
	cpuid
	movl	%eax, AT(kvm_features)
	movl	$AT(t_kvm), %esi
	call	bit_names
	call	send_line
2:	popl	%ebx
	ret

/* kvmclock tells the TSC's frequency and the age of the machine. */
show_clock:
	btl	$3, AT(kvm_features)
	jnc	2f
	pushl	%edi
	movl	$CLOCK, %edi
	movl	$8, %ecx
	xorl	%eax, %eax
	rep stosl
	popl	%edi
	movl	$0x4b564d01, %ecx	/* MSR_KVM_SYSTEM_TIME_NEW */
	movl	$CLOCK + 1, %eax
	xorl	%edx, %edx
	wrmsr
	movl	CLOCK + 24, %esi	/* tsc_to_system_mul */
	cmpl	$1000000, %esi
	jbe	2f
	movl	$1000000, %edx
	xorl	%eax, %eax
	divl	%esi
	movb	CLOCK + 28, %cl		/* tsc_shift */
	testb	%cl, %cl
	js	1f
	shrl	%cl, %eax
	jmp	3f
1:	negb	%cl
	shll	%cl, %eax
3:	xorl	%edx, %edx		/* kHz */
	movl	$1000, %ecx
	divl	%ecx
	pushl	%eax
	movl	$AT(s_clock), %esi
	call	puts
	popl	%eax
	call	dec
	movl	$AT(s_mhz), %esi
	call	puts
	movl	CLOCK + 20, %edx	/* system_time, ns */
	movl	CLOCK + 16, %eax
	movl	$1000000, %ecx
	cmpl	%ecx, %edx
	jae	4f
	divl	%ecx
	call	dec
	movl	$AT(s_ms), %esi
	call	puts
4:	jmp	send_line
2:	ret

/* The start info's memory map: {u64 addr, u64 size, u32 type, u32 reserved}. */
show_memory:
	pushl	%ebx
	movl	40(%ebp), %ebx		/* memmap_paddr */
	movl	48(%ebp), %ecx		/* memmap_entries */
	xorl	%eax, %eax
	xorl	%edx, %edx
	jecxz	3f
1:	cmpl	$1, 16(%ebx)
	jne	2f
	addl	8(%ebx), %eax
	adcl	12(%ebx), %edx
2:	addl	$24, %ebx
	loop	1b
	shrdl	$20, %edx, %eax
	pushl	%eax
	movl	$AT(s_memory), %esi
	call	puts
	popl	%eax
	call	dec
	movl	$AT(s_mib), %esi
	call	puts_line
	movl	40(%ebp), %ebx
	pushl	48(%ebp)
4:	call	show_range
	addl	$24, %ebx
	decl	(%esp)
	jnz	4b
	popl	%eax
3:	popl	%ebx
	ret

/* One entry of the map at EBX. */
show_range:
	movl	$AT(s_indent), %esi
	call	puts
	movl	4(%ebx), %eax
	movl	$2, %ecx
	call	hex
	movl	(%ebx), %eax
	movl	$8, %ecx
	call	hex
	movb	$'-', %al
	stosb
	movl	(%ebx), %eax
	movl	4(%ebx), %edx
	addl	8(%ebx), %eax
	adcl	12(%ebx), %edx
	subl	$1, %eax
	sbbl	$0, %edx
	pushl	%eax
	movl	%edx, %eax
	movl	$2, %ecx
	call	hex
	popl	%eax
	movl	$8, %ecx
	call	hex
	movl	$AT(s_usable), %esi
	cmpl	$1, 16(%ebx)
	je	1f
	movl	$AT(s_reserved), %esi
1:	jmp	puts_line

/* Lists the XSDT; remembers the PM1a control port, counts CPUs. */
show_acpi:
	pushl	%ebx
	movl	32(%ebp), %ebx		/* rsdp_paddr */
	testl	%ebx, %ebx
	jz	4f
	movl	$AT(s_acpi), %esi
	call	puts
	movl	24(%ebx), %ebx		/* XSDT address */
	movl	4(%ebx), %ecx
	subl	$36, %ecx
	shrl	$3, %ecx
	jecxz	3f
	addl	$36, %ebx
1:	pushl	%ecx
	movb	$' ', %al
	stosb
	movl	(%ebx), %esi
	movl	(%esi), %eax
	stosl
	cmpl	$0x50434146, %eax	/* "FACP" */
	jne	2f
	movl	64(%esi), %edx		/* PM1a_CNT_BLK */
	movl	%edx, AT(pm1_cnt)
2:	cmpl	$0x43495041, %eax	/* "APIC" */
	jne	5f
	call	count_cpus
5:	popl	%ecx
	addl	$8, %ebx
	loop	1b
3:	call	send_line
	movl	$AT(s_cpus), %esi
	call	puts
	movl	AT(cpus), %eax
	call	dec
	call	send_line
4:	popl	%ebx
	ret

/* ESI: the MADT. Entries are {u8 type, u8 length, …}. */
count_cpus:
	movl	4(%esi), %ecx
	addl	%esi, %ecx
	addl	$44, %esi
1:	cmpl	%ecx, %esi
	jae	4f
	movzbl	1(%esi), %edx
	testl	%edx, %edx
	jz	4f
	movl	4(%esi), %eax		/* local APIC: flags */
	cmpb	$0, (%esi)
	je	2f
	movl	8(%esi), %eax		/* local x2APIC: flags */
	cmpb	$9, (%esi)
	jne	3f
2:	andl	$1, %eax
	addl	%eax, AT(cpus)
3:	addl	%edx, %esi
	jmp	1b
4:	ret

/* Bus 0 by configuration mechanism 1. EBX is the address for port 0xcf8. */
show_pci:
	pushl	%ebx
	movl	$AT(s_pci), %esi
	call	puts_line
	movl	$0x80000000, %ebx
1:	call	pci_read		/* vendor and device */
	cmpw	$0xffff, %ax
	jne	2f
	testl	$0x700, %ebx		/* no function 0: no others */
	jz	4f
	jmp	3f
2:	call	show_function
	testl	$0x700, %ebx
	jnz	3f
	movb	$0x0c, %bl		/* header type: more functions? */
	call	pci_read
	movb	$0, %bl
	testl	$0x800000, %eax
	jz	4f
3:	addl	$0x100, %ebx
	testl	$0x700, %ebx
	jnz	1b
	jmp	5f
4:	addl	$0x800, %ebx
5:	testl	$0x10000, %ebx
	jz	1b
	popl	%ebx
	ret

pci_read:
	movl	%ebx, %eax
	movw	$0xcf8, %dx
	outl	%eax, %dx
	movb	$0xfc, %dl
	inl	%dx, %eax
	ret

/* EAX: vendor and device; EBX: address of the function. */
show_function:
	pushl	%eax
	movl	$AT(s_indent), %esi
	call	puts
	movl	%ebx, %eax		/* slot */
	shrl	$11, %eax
	andl	$31, %eax
	movl	$2, %ecx
	call	hex
	movb	$'.', %al
	stosb
	movzbl	%bh, %eax		/* function */
	andl	$7, %eax
	movl	$1, %ecx
	call	hex
	movw	$0x2020, %ax
	stosw
	movzwl	(%esp), %eax		/* vendor */
	movl	$4, %ecx
	call	hex
	movb	$':', %al
	stosb
	movzwl	2(%esp), %eax		/* device */
	movl	$4, %ecx
	call	hex
	movw	$0x2020, %ax
	stosw
	movb	$8, %bl
	call	pci_read
	movb	$0, %bl
	shrl	$16, %eax		/* class and subclass */
	movl	%eax, (%esp)
	movl	$4, %ecx
	call	hex
	movw	$0x2020, %ax
	stosw
	popl	%edx
	movl	$AT(t_classes), %esi
1:	lodsw
	cmpw	%dx, %ax
	je	3f
	cmpw	$0xffff, %ax
	je	3f
2:	lodsb
	testb	%al, %al
	jnz	2b
	jmp	1b
3:	jmp	puts_line

/* ACPI: SLP_TYP 0 is S5 (the DSDT's \_S5), SLP_EN is bit 13. */
power_off:
	movl	AT(pm1_cnt), %edx
	testl	%edx, %edx
	jz	1f
	movw	$0x2000, %ax
	outw	%ax, %dx
1:	cli
	hlt
	jmp	1b

/* ---- data ---- */

	.balign	4
kvm_features:
	.long	0
pm1_cnt:
	.long	0
cpus:
	.long	0

s_title:
	.ascii	"\r\nThe machine is up. This is the guest that is built into vmm; "
	.asciz	"it sees:\r\n"
s_cpu:
	.asciz	"  CPU         "
s_features:
	.asciz	"  features   "
s_hypervisor:
	.asciz	"  hypervisor  "
s_clock:
	.asciz	"  clock       TSC at "
s_mhz:
	.asciz	" MHz; kvmclock counts "
s_ms:
	.asciz	" ms since power-on"
s_memory:
	.asciz	"  memory      "
s_mib:
	.asciz	" MiB usable"
s_indent:
	.asciz	"              "
s_usable:
	.asciz	"  usable"
s_reserved:
	.asciz	"  reserved"
s_acpi:
	.asciz	"  ACPI       "
s_cpus:
	.asciz	"  CPUs        "
s_pci:
	.asciz	"  PCI bus 0"
s_bye:
	.ascii	"\r\nTo boot a system of your own:\r\n"
	.ascii	"  vmm -kernel vmlinuz -initrd initrd.img "
	.ascii	"-append console=ttyS0 -nographic\r\n\r\n"
	.asciz	"Done; powering off through ACPI."
s_digits:
	.ascii	"0123456789abcdef"

/* CPUID 1, ECX */
t_features:
	.byte	5
	.asciz	"vmx"
	.byte	21
	.asciz	"x2apic"
	.byte	24
	.asciz	"tsc-deadline"
	.byte	28
	.asciz	"avx"
	.byte	30
	.asciz	"rdrand"
	.byte	0xff
/* CPUID 0x80000007, EDX */
t_power:
	.byte	8
	.asciz	"invariant-tsc"
	.byte	0xff
/* CPUID 0x40000001, EAX */
t_kvm:
	.byte	3
	.asciz	"kvmclock"
	.byte	4
	.asciz	"async-pf"
	.byte	5
	.asciz	"steal-time"
	.byte	6
	.asciz	"pv-eoi"
	.byte	9
	.asciz	"pv-tlb-flush"
	.byte	11
	.asciz	"pv-ipi"
	.byte	0xff
/* PCI class and subclass */
t_classes:
	.word	0x0600
	.asciz	"host bridge"
	.word	0x0601
	.asciz	"ISA bridge"
	.word	0x0680
	.asciz	"power management"
	.word	0x0100
	.asciz	"SCSI or virtio disk"
	.word	0x0180
	.asciz	"mass storage"
	.word	0x0101
	.asciz	"IDE controller"
	.word	0x0200
	.asciz	"network card"
	.word	0x0300
	.asciz	"VGA display"
	.word	0x0780
	.asciz	"communication (console)"
	.word	0x0c03
	.asciz	"USB controller"
	.word	0x00ff
	.asciz	"virtio device"
	.word	0x1000
	.asciz	"entropy source"
	.word	0xffff
	.asciz	""
demo_guest_end:

	.code64
	.section .note.GNU-stack, "", @progbits
