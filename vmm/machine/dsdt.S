/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The DSDT as iasl compiled it, for acpi.c. */
	.section .rodata
	.globl	acpi_dsdt, acpi_dsdt_end
acpi_dsdt:
	.incbin	"dsdt.aml"
acpi_dsdt_end:

	.section .note.GNU-stack, "", @progbits
