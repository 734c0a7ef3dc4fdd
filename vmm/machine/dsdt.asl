/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The board in ACPI's language; the numbers are those of layout.h.
 *
 * Preprocessed and compiled by iasl at build time. acpi.c sets the four names of the first block before a
 * guest sees the table; their initial values only force the width of their encoding. Kept
 * small, and silent about what is not there: guests probe what is declared, and each
 * probe is an exit.
 */
#define PINS(addr, a, b, c, d) \
	Package () { addr, 0, a, 0 }, Package () { addr, 1, b, 0 }, \
	Package () { addr, 2, c, 0 }, Package () { addr, 3, d, 0 }
#define SLOT0(addr) PINS (addr, LNKD, LNKA, LNKB, LNKC)
#define SLOT1(addr) PINS (addr, LNKA, LNKB, LNKC, LNKD)
#define SLOT2(addr) PINS (addr, LNKB, LNKC, LNKD, LNKA)
#define SLOT3(addr) PINS (addr, LNKC, LNKD, LNKA, LNKB)

#define LINK(name, uid, reg) \
	Device (name) \
	{ \
		Name (_HID, EisaId ("PNP0C0F")) \
		Name (_UID, uid) \
		Name (_PRS, ResourceTemplate () \
		{ \
			Interrupt (ResourceConsumer, Level, ActiveHigh, Shared) { 5, 10, 11 } \
		}) \
		Method (_STA) { Return (LSTA (reg)) } \
		Method (_DIS) { reg |= 0x80 } \
		Method (_CRS) { Return (LCRS (reg)) } \
		Method (_SRS, 1) \
		{ \
			CreateDWordField (Arg0, 5, GSI) \
			reg = GSI \
		} \
	}

#define SERIAL(name, uid, base, irq) \
	Device (name) \
	{ \
		Name (_HID, EisaId ("PNP0501")) \
		Name (_UID, uid) \
		Method (_STA) { Return (HERE (COMS, uid)) } \
		Name (_CRS, ResourceTemplate () \
		{ \
			IO (Decode16, base, base, 1, 8) \
			IRQNoFlags () { irq } \
		}) \
	}

DefinitionBlock ("", "DSDT", 2, "KVMKIT", "KVMKPC", 1)
{
	Name (P64B, 0x1122334455667788)  // base of the 64-bit PCI window
	Name (P64S, 0x1122334455667788)  // its size, 0: none
	Name (COMS, 0x5A)                // bit n: serial port COM(n+1)
	Name (KBDS, 0x5A)                // bit 0: keyboard controller

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
					0, 0xC0000000, 0xFEBFFFFF, 0, 0x3EC00000)
			})
			Name (CR64, ResourceTemplate ()
			{
				QWordMemory (ResourceProducer, PosDecode, MinFixed, MaxFixed,
					Cacheable, ReadWrite, 0, 0, 0, 0, 1, , , PW64)
			})
			Method (_CRS, 0, Serialized)
			{
				If (P64S == Zero) { Return (CR32) }
				CreateQWordField (CR64, ^PW64._MIN, CMIN)
				CreateQWordField (CR64, ^PW64._MAX, CMAX)
				CreateQWordField (CR64, ^PW64._LEN, CLEN)
				CMIN = P64B
				CMAX = P64B + P64S - 1
				CLEN = P64S
				Return (ConcatenateResTemplate (CR32, CR64))
			}

			Name (_PRT, Package ()
			{
				SLOT0 (0x0000FFFF), SLOT1 (0x0001FFFF), SLOT2 (0x0002FFFF),
				SLOT3 (0x0003FFFF), SLOT0 (0x0004FFFF), SLOT1 (0x0005FFFF),
				SLOT2 (0x0006FFFF), SLOT3 (0x0007FFFF), SLOT0 (0x0008FFFF),
				SLOT1 (0x0009FFFF), SLOT2 (0x000AFFFF), SLOT3 (0x000BFFFF),
				SLOT0 (0x000CFFFF), SLOT1 (0x000DFFFF), SLOT2 (0x000EFFFF),
				SLOT3 (0x000FFFFF), SLOT0 (0x0010FFFF), SLOT1 (0x0011FFFF),
				SLOT2 (0x0012FFFF), SLOT3 (0x0013FFFF), SLOT0 (0x0014FFFF),
				SLOT1 (0x0015FFFF), SLOT2 (0x0016FFFF), SLOT3 (0x0017FFFF),
				SLOT0 (0x0018FFFF), SLOT1 (0x0019FFFF), SLOT2 (0x001AFFFF),
				SLOT3 (0x001BFFFF), SLOT0 (0x001CFFFF), SLOT1 (0x001DFFFF),
				SLOT2 (0x001EFFFF), SLOT3 (0x001FFFFF)
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

				SERIAL (COM1, 1, 0x3F8, 4)
				SERIAL (COM2, 2, 0x2F8, 3)
				SERIAL (COM3, 3, 0x3E8, 4)
				SERIAL (COM4, 4, 0x2E8, 3)

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
		LINK (LNKA, 0, ^^PCI0.ISA.RQA)
		LINK (LNKB, 1, ^^PCI0.ISA.RQB)
		LINK (LNKC, 2, ^^PCI0.ISA.RQC)
		LINK (LNKD, 3, ^^PCI0.ISA.RQD)
	}
}
