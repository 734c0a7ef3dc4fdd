/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * PCI hot-plug in ACPI's language, a table of its own: machines whose bus is fixed do not
 * have it. The numbers are those of pcihp.h; slots 0 and 1 hold the chip set.
 *
 * acpi.c renames _EJ0 of the slots that hold a fixed function, so that no guest offers to
 * eject it.
 */
DefinitionBlock ("", "SSDT", 2, "KVMKIT", "KVMKHP", 1)
{
	External (\_SB.PCI0, DeviceObj)

	Scope (\_SB.PCI0)
	{
		OperationRegion (HPRG, SystemIO, 0xAE00, 0x14)
		Field (HPRG, DWordAcc, NoLock, WriteAsZeros)
		{
			HPUP, 32,  // slots that were filled
			HPDN, 32,  // slots that shall be emptied
			HPEJ, 32   // written: empties slots
		}

		// No driver claims the ports.
		Device (HPPO)
		{
			Name (_HID, EisaId ("PNP0C02"))
			Name (_UID, "hotplug")
			Name (_CRS, ResourceTemplate ()
			{
				IO (Decode16, 0xAE00, 0xAE00, 1, 0x14)
			})
		}

		Device (S02) { Name (_ADR, 0x00020000) Name (_SUN, 0x02) Method (_EJ0, 1) { HPEJ = 0x00000004 } }
		Device (S03) { Name (_ADR, 0x00030000) Name (_SUN, 0x03) Method (_EJ0, 1) { HPEJ = 0x00000008 } }
		Device (S04) { Name (_ADR, 0x00040000) Name (_SUN, 0x04) Method (_EJ0, 1) { HPEJ = 0x00000010 } }
		Device (S05) { Name (_ADR, 0x00050000) Name (_SUN, 0x05) Method (_EJ0, 1) { HPEJ = 0x00000020 } }
		Device (S06) { Name (_ADR, 0x00060000) Name (_SUN, 0x06) Method (_EJ0, 1) { HPEJ = 0x00000040 } }
		Device (S07) { Name (_ADR, 0x00070000) Name (_SUN, 0x07) Method (_EJ0, 1) { HPEJ = 0x00000080 } }
		Device (S08) { Name (_ADR, 0x00080000) Name (_SUN, 0x08) Method (_EJ0, 1) { HPEJ = 0x00000100 } }
		Device (S09) { Name (_ADR, 0x00090000) Name (_SUN, 0x09) Method (_EJ0, 1) { HPEJ = 0x00000200 } }
		Device (S0A) { Name (_ADR, 0x000A0000) Name (_SUN, 0x0A) Method (_EJ0, 1) { HPEJ = 0x00000400 } }
		Device (S0B) { Name (_ADR, 0x000B0000) Name (_SUN, 0x0B) Method (_EJ0, 1) { HPEJ = 0x00000800 } }
		Device (S0C) { Name (_ADR, 0x000C0000) Name (_SUN, 0x0C) Method (_EJ0, 1) { HPEJ = 0x00001000 } }
		Device (S0D) { Name (_ADR, 0x000D0000) Name (_SUN, 0x0D) Method (_EJ0, 1) { HPEJ = 0x00002000 } }
		Device (S0E) { Name (_ADR, 0x000E0000) Name (_SUN, 0x0E) Method (_EJ0, 1) { HPEJ = 0x00004000 } }
		Device (S0F) { Name (_ADR, 0x000F0000) Name (_SUN, 0x0F) Method (_EJ0, 1) { HPEJ = 0x00008000 } }
		Device (S10) { Name (_ADR, 0x00100000) Name (_SUN, 0x10) Method (_EJ0, 1) { HPEJ = 0x00010000 } }
		Device (S11) { Name (_ADR, 0x00110000) Name (_SUN, 0x11) Method (_EJ0, 1) { HPEJ = 0x00020000 } }
		Device (S12) { Name (_ADR, 0x00120000) Name (_SUN, 0x12) Method (_EJ0, 1) { HPEJ = 0x00040000 } }
		Device (S13) { Name (_ADR, 0x00130000) Name (_SUN, 0x13) Method (_EJ0, 1) { HPEJ = 0x00080000 } }
		Device (S14) { Name (_ADR, 0x00140000) Name (_SUN, 0x14) Method (_EJ0, 1) { HPEJ = 0x00100000 } }
		Device (S15) { Name (_ADR, 0x00150000) Name (_SUN, 0x15) Method (_EJ0, 1) { HPEJ = 0x00200000 } }
		Device (S16) { Name (_ADR, 0x00160000) Name (_SUN, 0x16) Method (_EJ0, 1) { HPEJ = 0x00400000 } }
		Device (S17) { Name (_ADR, 0x00170000) Name (_SUN, 0x17) Method (_EJ0, 1) { HPEJ = 0x00800000 } }
		Device (S18) { Name (_ADR, 0x00180000) Name (_SUN, 0x18) Method (_EJ0, 1) { HPEJ = 0x01000000 } }
		Device (S19) { Name (_ADR, 0x00190000) Name (_SUN, 0x19) Method (_EJ0, 1) { HPEJ = 0x02000000 } }
		Device (S1A) { Name (_ADR, 0x001A0000) Name (_SUN, 0x1A) Method (_EJ0, 1) { HPEJ = 0x04000000 } }
		Device (S1B) { Name (_ADR, 0x001B0000) Name (_SUN, 0x1B) Method (_EJ0, 1) { HPEJ = 0x08000000 } }
		Device (S1C) { Name (_ADR, 0x001C0000) Name (_SUN, 0x1C) Method (_EJ0, 1) { HPEJ = 0x10000000 } }
		Device (S1D) { Name (_ADR, 0x001D0000) Name (_SUN, 0x1D) Method (_EJ0, 1) { HPEJ = 0x20000000 } }
		Device (S1E) { Name (_ADR, 0x001E0000) Name (_SUN, 0x1E) Method (_EJ0, 1) { HPEJ = 0x40000000 } }
		Device (S1F) { Name (_ADR, 0x001F0000) Name (_SUN, 0x1F) Method (_EJ0, 1) { HPEJ = 0x80000000 } }

		// Tells the slots of a mask.
		Method (HPNT, 2)
		{
			If (Arg0 & 0x00000004) { Notify (S02, Arg1) }
			If (Arg0 & 0x00000008) { Notify (S03, Arg1) }
			If (Arg0 & 0x00000010) { Notify (S04, Arg1) }
			If (Arg0 & 0x00000020) { Notify (S05, Arg1) }
			If (Arg0 & 0x00000040) { Notify (S06, Arg1) }
			If (Arg0 & 0x00000080) { Notify (S07, Arg1) }
			If (Arg0 & 0x00000100) { Notify (S08, Arg1) }
			If (Arg0 & 0x00000200) { Notify (S09, Arg1) }
			If (Arg0 & 0x00000400) { Notify (S0A, Arg1) }
			If (Arg0 & 0x00000800) { Notify (S0B, Arg1) }
			If (Arg0 & 0x00001000) { Notify (S0C, Arg1) }
			If (Arg0 & 0x00002000) { Notify (S0D, Arg1) }
			If (Arg0 & 0x00004000) { Notify (S0E, Arg1) }
			If (Arg0 & 0x00008000) { Notify (S0F, Arg1) }
			If (Arg0 & 0x00010000) { Notify (S10, Arg1) }
			If (Arg0 & 0x00020000) { Notify (S11, Arg1) }
			If (Arg0 & 0x00040000) { Notify (S12, Arg1) }
			If (Arg0 & 0x00080000) { Notify (S13, Arg1) }
			If (Arg0 & 0x00100000) { Notify (S14, Arg1) }
			If (Arg0 & 0x00200000) { Notify (S15, Arg1) }
			If (Arg0 & 0x00400000) { Notify (S16, Arg1) }
			If (Arg0 & 0x00800000) { Notify (S17, Arg1) }
			If (Arg0 & 0x01000000) { Notify (S18, Arg1) }
			If (Arg0 & 0x02000000) { Notify (S19, Arg1) }
			If (Arg0 & 0x04000000) { Notify (S1A, Arg1) }
			If (Arg0 & 0x08000000) { Notify (S1B, Arg1) }
			If (Arg0 & 0x10000000) { Notify (S1C, Arg1) }
			If (Arg0 & 0x20000000) { Notify (S1D, Arg1) }
			If (Arg0 & 0x40000000) { Notify (S1E, Arg1) }
			If (Arg0 & 0x80000000) { Notify (S1F, Arg1) }
		}
	}

	Scope (\_GPE)
	{
		Method (_E01)
		{
			\_SB.PCI0.HPNT (\_SB.PCI0.HPUP, 1)  // device check
			\_SB.PCI0.HPNT (\_SB.PCI0.HPDN, 3)  // eject request
		}
	}
}
