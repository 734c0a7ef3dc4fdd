/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The board in ACPI's language; the numbers are those of layout.h.
 *
 * Compiled by iasl at build time. acpi.c sets the four names of the first block before a
 * guest sees the table; their initial values only force the width of their encoding. Kept
 * small, and silent about what is not there: guests probe what is declared, and each
 * probe is an exit.
 */
DefinitionBlock ("", "DSDT", 2, "KVMKIT", "KVMKPC", 1)
{
	Name (P32B, 0x11223344)          // base of the 32-bit PCI window
	Name (P64B, 0x1122334455667788)  // base of the 64-bit PCI window
	Name (P64S, 0x1122334455667788)  // its size, 0: none
	Name (COMS, 0x5A)                // bit n: serial port COM(n+1)
	Name (KBDS, 0x5A)                // bit 0: keyboard controller
	Name (FWCS, 0x5A)                // bit 0: firmware configuration device
	Name (PVPP, 0x5A5A)              // port of the panic device, 0: none

	Name (\_S5, Package () { 0, 0, 0, 0 })

	// _STA of a device whose presence is bit Arg1 - 1 of Arg0.
	Method (HERE, 2)
	{
		If (Arg0 & (1 << (Arg1 - 1))) { Return (0x0F) }
		Return (Zero)
	}

	Scope (\_SB)
	{
		Device (PCI0)
		{
			Name (_HID, EisaId ("PNP0A03"))
			Name (_UID, Zero)
			Name (_BBN, Zero)

			Name (CR32, ResourceTemplate ()
			{
				WordBusNumber (ResourceProducer, MinFixed, MaxFixed, PosDecode,
					0, 0, 0xFF, 0, 0x100)
				IO (Decode16, 0xCF8, 0xCF8, 1, 8)
				WordIO (ResourceProducer, MinFixed, MaxFixed, PosDecode, EntireRange,
					0, 0, 0xCF7, 0, 0xCF8)
				WordIO (ResourceProducer, MinFixed, MaxFixed, PosDecode, EntireRange,
					0, 0xD00, 0xFFFF, 0, 0xF300)
				DWordMemory (ResourceProducer, PosDecode, MinFixed, MaxFixed,
					Cacheable, ReadWrite, 0, 0xA0000, 0xBFFFF, 0, 0x20000)
				DWordMemory (ResourceProducer, PosDecode, MinFixed, MaxFixed,
					NonCacheable, ReadWrite,
					0, 0xC0000000, 0xFEBFFFFF, 0, 0x3EC00000, , , PW32)
			})
			Name (CR64, ResourceTemplate ()
			{
				QWordMemory (ResourceProducer, PosDecode, MinFixed, MaxFixed,
					Cacheable, ReadWrite, 0, 0, 0, 0, 1, , , PW64)
			})
			Method (_CRS, 0, Serialized)
			{
				CreateDWordField (CR32, ^PW32._MIN, MMIN)
				CreateDWordField (CR32, ^PW32._LEN, MLEN)
				MMIN = P32B
				MLEN = 0xFEC00000 - P32B
				If (P64S == Zero) { Return (CR32) }
				CreateQWordField (CR64, ^PW64._MIN, CMIN)
				CreateQWordField (CR64, ^PW64._MAX, CMAX)
				CreateQWordField (CR64, ^PW64._LEN, CLEN)
				CMIN = P64B
				CMAX = P64B + P64S - 1
				CLEN = P64S
				Return (ConcatenateResTemplate (CR32, CR64))
			}

			// Pin p of slot s goes to link (s + p - 1) mod 4.
			Name (_PRT, Package ()
			{
				Package () { 0x0000FFFF, 0, LNKD, 0 }, Package () { 0x0000FFFF, 1, LNKA, 0 },
				Package () { 0x0000FFFF, 2, LNKB, 0 }, Package () { 0x0000FFFF, 3, LNKC, 0 },
				Package () { 0x0001FFFF, 0, LNKA, 0 }, Package () { 0x0001FFFF, 1, LNKB, 0 },
				Package () { 0x0001FFFF, 2, LNKC, 0 }, Package () { 0x0001FFFF, 3, LNKD, 0 },
				Package () { 0x0002FFFF, 0, LNKB, 0 }, Package () { 0x0002FFFF, 1, LNKC, 0 },
				Package () { 0x0002FFFF, 2, LNKD, 0 }, Package () { 0x0002FFFF, 3, LNKA, 0 },
				Package () { 0x0003FFFF, 0, LNKC, 0 }, Package () { 0x0003FFFF, 1, LNKD, 0 },
				Package () { 0x0003FFFF, 2, LNKA, 0 }, Package () { 0x0003FFFF, 3, LNKB, 0 },
				Package () { 0x0004FFFF, 0, LNKD, 0 }, Package () { 0x0004FFFF, 1, LNKA, 0 },
				Package () { 0x0004FFFF, 2, LNKB, 0 }, Package () { 0x0004FFFF, 3, LNKC, 0 },
				Package () { 0x0005FFFF, 0, LNKA, 0 }, Package () { 0x0005FFFF, 1, LNKB, 0 },
				Package () { 0x0005FFFF, 2, LNKC, 0 }, Package () { 0x0005FFFF, 3, LNKD, 0 },
				Package () { 0x0006FFFF, 0, LNKB, 0 }, Package () { 0x0006FFFF, 1, LNKC, 0 },
				Package () { 0x0006FFFF, 2, LNKD, 0 }, Package () { 0x0006FFFF, 3, LNKA, 0 },
				Package () { 0x0007FFFF, 0, LNKC, 0 }, Package () { 0x0007FFFF, 1, LNKD, 0 },
				Package () { 0x0007FFFF, 2, LNKA, 0 }, Package () { 0x0007FFFF, 3, LNKB, 0 },
				Package () { 0x0008FFFF, 0, LNKD, 0 }, Package () { 0x0008FFFF, 1, LNKA, 0 },
				Package () { 0x0008FFFF, 2, LNKB, 0 }, Package () { 0x0008FFFF, 3, LNKC, 0 },
				Package () { 0x0009FFFF, 0, LNKA, 0 }, Package () { 0x0009FFFF, 1, LNKB, 0 },
				Package () { 0x0009FFFF, 2, LNKC, 0 }, Package () { 0x0009FFFF, 3, LNKD, 0 },
				Package () { 0x000AFFFF, 0, LNKB, 0 }, Package () { 0x000AFFFF, 1, LNKC, 0 },
				Package () { 0x000AFFFF, 2, LNKD, 0 }, Package () { 0x000AFFFF, 3, LNKA, 0 },
				Package () { 0x000BFFFF, 0, LNKC, 0 }, Package () { 0x000BFFFF, 1, LNKD, 0 },
				Package () { 0x000BFFFF, 2, LNKA, 0 }, Package () { 0x000BFFFF, 3, LNKB, 0 },
				Package () { 0x000CFFFF, 0, LNKD, 0 }, Package () { 0x000CFFFF, 1, LNKA, 0 },
				Package () { 0x000CFFFF, 2, LNKB, 0 }, Package () { 0x000CFFFF, 3, LNKC, 0 },
				Package () { 0x000DFFFF, 0, LNKA, 0 }, Package () { 0x000DFFFF, 1, LNKB, 0 },
				Package () { 0x000DFFFF, 2, LNKC, 0 }, Package () { 0x000DFFFF, 3, LNKD, 0 },
				Package () { 0x000EFFFF, 0, LNKB, 0 }, Package () { 0x000EFFFF, 1, LNKC, 0 },
				Package () { 0x000EFFFF, 2, LNKD, 0 }, Package () { 0x000EFFFF, 3, LNKA, 0 },
				Package () { 0x000FFFFF, 0, LNKC, 0 }, Package () { 0x000FFFFF, 1, LNKD, 0 },
				Package () { 0x000FFFFF, 2, LNKA, 0 }, Package () { 0x000FFFFF, 3, LNKB, 0 },
				Package () { 0x0010FFFF, 0, LNKD, 0 }, Package () { 0x0010FFFF, 1, LNKA, 0 },
				Package () { 0x0010FFFF, 2, LNKB, 0 }, Package () { 0x0010FFFF, 3, LNKC, 0 },
				Package () { 0x0011FFFF, 0, LNKA, 0 }, Package () { 0x0011FFFF, 1, LNKB, 0 },
				Package () { 0x0011FFFF, 2, LNKC, 0 }, Package () { 0x0011FFFF, 3, LNKD, 0 },
				Package () { 0x0012FFFF, 0, LNKB, 0 }, Package () { 0x0012FFFF, 1, LNKC, 0 },
				Package () { 0x0012FFFF, 2, LNKD, 0 }, Package () { 0x0012FFFF, 3, LNKA, 0 },
				Package () { 0x0013FFFF, 0, LNKC, 0 }, Package () { 0x0013FFFF, 1, LNKD, 0 },
				Package () { 0x0013FFFF, 2, LNKA, 0 }, Package () { 0x0013FFFF, 3, LNKB, 0 },
				Package () { 0x0014FFFF, 0, LNKD, 0 }, Package () { 0x0014FFFF, 1, LNKA, 0 },
				Package () { 0x0014FFFF, 2, LNKB, 0 }, Package () { 0x0014FFFF, 3, LNKC, 0 },
				Package () { 0x0015FFFF, 0, LNKA, 0 }, Package () { 0x0015FFFF, 1, LNKB, 0 },
				Package () { 0x0015FFFF, 2, LNKC, 0 }, Package () { 0x0015FFFF, 3, LNKD, 0 },
				Package () { 0x0016FFFF, 0, LNKB, 0 }, Package () { 0x0016FFFF, 1, LNKC, 0 },
				Package () { 0x0016FFFF, 2, LNKD, 0 }, Package () { 0x0016FFFF, 3, LNKA, 0 },
				Package () { 0x0017FFFF, 0, LNKC, 0 }, Package () { 0x0017FFFF, 1, LNKD, 0 },
				Package () { 0x0017FFFF, 2, LNKA, 0 }, Package () { 0x0017FFFF, 3, LNKB, 0 },
				Package () { 0x0018FFFF, 0, LNKD, 0 }, Package () { 0x0018FFFF, 1, LNKA, 0 },
				Package () { 0x0018FFFF, 2, LNKB, 0 }, Package () { 0x0018FFFF, 3, LNKC, 0 },
				Package () { 0x0019FFFF, 0, LNKA, 0 }, Package () { 0x0019FFFF, 1, LNKB, 0 },
				Package () { 0x0019FFFF, 2, LNKC, 0 }, Package () { 0x0019FFFF, 3, LNKD, 0 },
				Package () { 0x001AFFFF, 0, LNKB, 0 }, Package () { 0x001AFFFF, 1, LNKC, 0 },
				Package () { 0x001AFFFF, 2, LNKD, 0 }, Package () { 0x001AFFFF, 3, LNKA, 0 },
				Package () { 0x001BFFFF, 0, LNKC, 0 }, Package () { 0x001BFFFF, 1, LNKD, 0 },
				Package () { 0x001BFFFF, 2, LNKA, 0 }, Package () { 0x001BFFFF, 3, LNKB, 0 },
				Package () { 0x001CFFFF, 0, LNKD, 0 }, Package () { 0x001CFFFF, 1, LNKA, 0 },
				Package () { 0x001CFFFF, 2, LNKB, 0 }, Package () { 0x001CFFFF, 3, LNKC, 0 },
				Package () { 0x001DFFFF, 0, LNKA, 0 }, Package () { 0x001DFFFF, 1, LNKB, 0 },
				Package () { 0x001DFFFF, 2, LNKC, 0 }, Package () { 0x001DFFFF, 3, LNKD, 0 },
				Package () { 0x001EFFFF, 0, LNKB, 0 }, Package () { 0x001EFFFF, 1, LNKC, 0 },
				Package () { 0x001EFFFF, 2, LNKD, 0 }, Package () { 0x001EFFFF, 3, LNKA, 0 },
				Package () { 0x001FFFFF, 0, LNKC, 0 }, Package () { 0x001FFFFF, 1, LNKD, 0 },
				Package () { 0x001FFFFF, 2, LNKA, 0 }, Package () { 0x001FFFFF, 3, LNKB, 0 }
			})

			Device (ISA)
			{
				Name (_ADR, 0x00010000)
				OperationRegion (RQCR, PCI_Config, 0x60, 4)
				Field (RQCR, ByteAcc, NoLock, Preserve)
				{
					RQA, 8, RQB, 8, RQC, 8, RQD, 8
				}

				Device (RTC)
				{
					Name (_HID, EisaId ("PNP0B00"))
					Name (_CRS, ResourceTemplate ()
					{
						IO (Decode16, 0x70, 0x70, 1, 2)
						IRQNoFlags () { 8 }
					})
				}

				Device (COM1)
				{
					Name (_HID, EisaId ("PNP0501"))
					Name (_UID, 1)
					Method (_STA) { Return (HERE (COMS, 1)) }
					Name (_CRS, ResourceTemplate ()
					{
						IO (Decode16, 0x3F8, 0x3F8, 1, 8)
						IRQNoFlags () { 4 }
					})
				}

				Device (COM2)
				{
					Name (_HID, EisaId ("PNP0501"))
					Name (_UID, 2)
					Method (_STA) { Return (HERE (COMS, 2)) }
					Name (_CRS, ResourceTemplate ()
					{
						IO (Decode16, 0x2F8, 0x2F8, 1, 8)
						IRQNoFlags () { 3 }
					})
				}

				Device (COM3)
				{
					Name (_HID, EisaId ("PNP0501"))
					Name (_UID, 3)
					Method (_STA) { Return (HERE (COMS, 3)) }
					Name (_CRS, ResourceTemplate ()
					{
						IO (Decode16, 0x3E8, 0x3E8, 1, 8)
						IRQNoFlags () { 4 }
					})
				}

				Device (COM4)
				{
					Name (_HID, EisaId ("PNP0501"))
					Name (_UID, 4)
					Method (_STA) { Return (HERE (COMS, 4)) }
					Name (_CRS, ResourceTemplate ()
					{
						IO (Decode16, 0x2E8, 0x2E8, 1, 8)
						IRQNoFlags () { 3 }
					})
				}

				Device (KBD)
				{
					Name (_HID, EisaId ("PNP0303"))
					Method (_STA) { Return (HERE (KBDS, 1)) }
					Name (_CRS, ResourceTemplate ()
					{
						IO (Decode16, 0x60, 0x60, 1, 1)
						IO (Decode16, 0x64, 0x64, 1, 1)
						IRQNoFlags () { 1 }
					})
				}

				Device (MOU)
				{
					Name (_HID, EisaId ("PNP0F13"))
					Method (_STA) { Return (HERE (KBDS, 1)) }
					Name (_CRS, ResourceTemplate ()
					{
						IRQNoFlags () { 12 }
					})
				}

				Device (PEVT)
				{
					Name (_HID, "QEMU0001")
					Method (_STA)
					{
						If (PVPP) { Return (0x0F) }
						Return (Zero)
					}
					Name (PRES, ResourceTemplate ()
					{
						IO (Decode16, 0, 0, 1, 1, PVIO)
					})
					Method (_CRS, 0, Serialized)
					{
						CreateWordField (PRES, ^PVIO._MIN, PMIN)
						CreateWordField (PRES, ^PVIO._MAX, PMAX)
						PMIN = PVPP
						PMAX = PVPP
						Return (PRES)
					}
				}

				// Not shown to users: guests read files of the host's through it.
				Device (FWCF)
				{
					Name (_HID, "QEMU0002")
					Method (_STA) { Return (HERE (FWCS, 1) & 0x0B) }
					Name (_CRS, ResourceTemplate ()
					{
						IO (Decode16, 0x510, 0x510, 1, 0x0C)
					})
				}

				// Ports of the board that no driver claims.
				Device (MBRD)
				{
					Name (_HID, EisaId ("PNP0C02"))
					Name (_CRS, ResourceTemplate ()
					{
						IO (Decode16, 0xB2, 0xB2, 1, 2)
						IO (Decode16, 0x4D0, 0x4D0, 1, 2)
						IO (Decode16, 0x600, 0x600, 1, 0x40)
						IO (Decode16, 0xAFE0, 0xAFE0, 1, 4)
					})
				}
			}
		}

		// Interrupt links: a PIRQRC register is a GSI, or has bit 7 set while off.
		Method (LSTA, 1)
		{
			If (Arg0 & 0x80) { Return (0x09) }
			Return (0x0B)
		}
		Name (LBUF, ResourceTemplate ()
		{
			Interrupt (ResourceConsumer, Level, ActiveHigh, Shared) { 0 }
		})
		Method (LCRS, 1, Serialized)
		{
			CreateDWordField (LBUF, 5, GSI)
			GSI = 0
			If (!(Arg0 & 0x80)) { GSI = Arg0 }
			Return (LBUF)
		}
		Method (LSRS, 1, Serialized)
		{
			CreateDWordField (Arg0, 5, GSI)
			Return (GSI)
		}
		Device (LNKA)
		{
			Name (_HID, EisaId ("PNP0C0F"))
			Name (_UID, 0)
			Name (_PRS, ResourceTemplate ()
			{
				Interrupt (ResourceConsumer, Level, ActiveHigh, Shared) { 5, 10, 11 }
			})
			Method (_STA) { Return (LSTA (^^PCI0.ISA.RQA)) }
			Method (_DIS) { ^^PCI0.ISA.RQA |= 0x80 }
			Method (_CRS) { Return (LCRS (^^PCI0.ISA.RQA)) }
			Method (_SRS, 1) { ^^PCI0.ISA.RQA = LSRS (Arg0) }
		}
		Device (LNKB)
		{
			Name (_HID, EisaId ("PNP0C0F"))
			Name (_UID, 1)
			Name (_PRS, ResourceTemplate ()
			{
				Interrupt (ResourceConsumer, Level, ActiveHigh, Shared) { 5, 10, 11 }
			})
			Method (_STA) { Return (LSTA (^^PCI0.ISA.RQB)) }
			Method (_DIS) { ^^PCI0.ISA.RQB |= 0x80 }
			Method (_CRS) { Return (LCRS (^^PCI0.ISA.RQB)) }
			Method (_SRS, 1) { ^^PCI0.ISA.RQB = LSRS (Arg0) }
		}
		Device (LNKC)
		{
			Name (_HID, EisaId ("PNP0C0F"))
			Name (_UID, 2)
			Name (_PRS, ResourceTemplate ()
			{
				Interrupt (ResourceConsumer, Level, ActiveHigh, Shared) { 5, 10, 11 }
			})
			Method (_STA) { Return (LSTA (^^PCI0.ISA.RQC)) }
			Method (_DIS) { ^^PCI0.ISA.RQC |= 0x80 }
			Method (_CRS) { Return (LCRS (^^PCI0.ISA.RQC)) }
			Method (_SRS, 1) { ^^PCI0.ISA.RQC = LSRS (Arg0) }
		}
		Device (LNKD)
		{
			Name (_HID, EisaId ("PNP0C0F"))
			Name (_UID, 3)
			Name (_PRS, ResourceTemplate ()
			{
				Interrupt (ResourceConsumer, Level, ActiveHigh, Shared) { 5, 10, 11 }
			})
			Method (_STA) { Return (LSTA (^^PCI0.ISA.RQD)) }
			Method (_DIS) { ^^PCI0.ISA.RQD |= 0x80 }
			Method (_CRS) { Return (LCRS (^^PCI0.ISA.RQD)) }
			Method (_SRS, 1) { ^^PCI0.ISA.RQD = LSRS (Arg0) }
		}
	}
}
