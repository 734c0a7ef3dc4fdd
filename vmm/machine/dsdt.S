/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The tables in AML as iasl compiled them, for acpi.c. */
	.section .rodata
	.globl	acpi_dsdt, acpi_dsdt_end, acpi_hotplug, acpi_hotplug_end
acpi_dsdt:
	.incbin	"dsdt.aml"
acpi_dsdt_end:
acpi_hotplug:
	.incbin	"hotplug.aml"
acpi_hotplug_end:

	.section .note.GNU-stack, "", @progbits
