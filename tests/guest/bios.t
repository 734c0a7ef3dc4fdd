#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Stock SeaBIOS on a real /dev/kvm, a software-only one included, boots sectors of ours
# from disks: that it finds them, reads and writes them, and in which order.

# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh"
# shellcheck source=tests/guest/small.sh
. "$(dirname "$0")/small.sh"
for tool in xorriso ld; do
	command -v $tool >/dev/null || skip_all "no $tool; run: scripts/deps test"
done
[ -e /usr/share/seabios/bios-256k.bin ] ||
	skip_all "no /usr/share/seabios/bios-256k.bin; run: scripts/deps run"

# A boot sector that says NAME; further arguments are its definitions.
sector() { # NAME FILE [-DX...]
	name=$1
	file=$2
	shift 2
	${CC:-cc} -m32 -c -DNAME="\"$name \"" "$@" -o "$dir/boot.o" "$top/tests/guest/bootsect.S" &&
		ld -m elf_i386 -Ttext 0x7c00 --oformat binary -e _start -o "$file" "$dir/boot.o"
}

disk() { # NAME FILE [-DX...]: 1 MiB with 8 sectors of noise behind the boot sector
	sector "$@" && {
		dd if=/dev/urandom bs=512 count=8 status=none >>"$2"
		truncate -s 1M "$2"
	}
}

iso() { # NAME FILE [-DX...]: the boot sector as El Torito image without emulation
	iso=$2
	name=$1
	mkdir -p "$dir/tree"
	shift 2
	sector "$name" "$dir/tree/boot.bin" "$@" &&
		xorriso -as mkisofs -quiet -o "$iso" -b boot.bin -no-emul-boot -boot-load-size 4 \
			"$dir/tree" 2>/dev/null
}

copied() { # FILE: its boot sector's copy is right
	dd if="$1" bs=512 skip=1 count=8 status=none of="$dir/a" &&
		dd if="$1" bs=512 skip=40 count=8 status=none of="$dir/b" && cmp -s "$dir/a" "$dir/b"
}

# What the boot sectors said is in $said, all of the serial port in $out.
run() { # OPTION...
	run_small "$@"
	said=$(printf '%s\n' "$out" | tr -d '\r' | grep -a '^boot-' | paste -s -d , -)
}

expect() { # SAID WHAT
	[ "$said" = "$1" ]
	ok $? "$2" "boot sectors said: $said, wanted: $1
$out"
}

has() { # PART WHAT
	case $out in
	*"$1"*) ok 0 "$2" ;;
	*) ok 1 "$2" "$out" ;;
	esac
}

sector boot-v "$dir/assembled"
ok $? "the boot sector assembles"

disk boot-virtio "$dir/v" -DCOPY
disk boot-other "$dir/o"
disk boot-reset "$dir/r" -DRESET
disk boot-ide "$dir/i" -DCOPY
iso boot-cd "$dir/cd.iso" && iso boot-once "$dir/once.iso" -DRESET
ok $? "xorriso makes CDs"

run -drive file="$dir/v",if=virtio,format=raw
expect "boot-virtio 80" "SeaBIOS boots a virtio disk"
copied "$dir/v"
ok $? "and reads and writes it"

run -hda "$dir/i"
expect "boot-ide 80" "SeaBIOS boots an IDE disk"
copied "$dir/i"
ok $? "and reads and writes it"
run -drive file="$dir/o",format=raw,index=3 -drive file="$dir/i",format=raw
expect "boot-ide 80" "IDE is the default, and the lower index the first disk"
run -cdrom "$dir/cd.iso"
expect "boot-cd e0" "SeaBIOS boots a CD without emulation"

sector boot-floppy "$dir/tree/floppy" && truncate -s 1440k "$dir/tree/floppy" &&
	xorriso -as mkisofs -quiet -o "$dir/floppy.iso" -b floppy "$dir/tree" 2>/dev/null
run -cdrom "$dir/floppy.iso"
expect "boot-floppy 00" "and one that emulates a floppy"

run -hda "$dir/o" -cdrom "$dir/cd.iso"
expect "boot-other 80" "the default order is disk, then CD"
run -hda "$dir/o" -cdrom "$dir/cd.iso" -boot d
expect "boot-cd e0" "-boot d"
case $out in
*"no boot record"*) ok 1 "a CD that boots is no news" "$out" ;;
*) ok 0 "a CD that boots is no news" ;;
esac
run -hda "$dir/o" -cdrom "$dir/cd.iso" -boot order=dc,menu=on,splash-time=100
expect "boot-cd e0" "-boot order=dc with a menu that times out"
run -drive file="$dir/cd.iso",media=cdrom,index=1,boot=on -boot d \
	-drive file="$dir/o",media=disk,index=0,format=raw
expect "boot-cd e0" "a CD and a disk as -drive"
run -hda "$dir/o" -cdrom "$dir/once.iso" -boot once=d
expect "boot-once e0,boot-other 80" "-boot once=d: the CD, then after a reset the disk"
run -drive file="$dir/o",if=none,id=o,format=raw -device ide-hd,drive=o,bootindex=1 \
	-drive file="$dir/v",if=none,id=v,format=raw -device virtio-blk-pci,drive=v,bootindex=2 \
	-drive file="$dir/cd.iso",if=none,id=c,media=cdrom -device ide-cd,drive=c,bootindex=0
expect "boot-cd e0" "bootindex orders CD, IDE disk and virtio disk"

run -drive file="$dir/v",if=scsi,format=raw
expect "boot-virtio 80" "SeaBIOS boots a SCSI disk"
copied "$dir/v"
ok $? "and reads and writes it"
run -drive file="$dir/cd.iso",if=scsi,media=cdrom -boot d
expect "boot-cd e0" "SeaBIOS boots a SCSI CD"
run -drive file="$dir/o",if=scsi,format=raw -device virtio-scsi-pci,id=s,addr=9 \
	-drive file="$dir/v",if=none,id=v,format=raw \
	-device scsi-hd,drive=v,bus=s.0,scsi-id=3,lun=0,bootindex=1 \
	-drive file="$dir/cd.iso",if=none,id=c,media=cdrom \
	-device scsi-cd,drive=c,bus=s.0,scsi-id=10,bootindex=2
expect "boot-virtio 80" "bootindex finds a unit of the second controller"

xorriso -as mkisofs -quiet -o "$dir/data.iso" "$dir/tree" 2>/dev/null
run -cdrom "$dir/data.iso" -boot reboot-timeout=100 -no-reboot
has "Boot failed: Could not read from CDROM (code 000" "a CD without El Torito does not boot"
has "data.iso has no boot record (El Torito)" "and vmm says that it cannot"
head -c 40960 "$dir/cd.iso" >"$dir/cut.iso"
run -cdrom "$dir/cut.iso" -boot reboot-timeout=100 -no-reboot
expect "" "a truncated CD does not boot"
has "Boot failed: Could not read from CDROM (code 00" "and SeaBIOS says so"
has "cut.iso is truncated: its volume has" "and vmm says that it is"

run -no-reboot -bios bios-256k.bin -L /usr/share/seabios -drive file="$dir/r",if=virtio,format=raw
expect "boot-reset 80" "-bios by name, found through -L"

kernel() {
	${CC:-cc} -m32 -c -o "$dir/kernel.o" "$top/tests/guest/bzimage.S" &&
		ld -m elf_i386 -Ttext 0 --oformat binary -e _start -o "$dir/kernel" "$dir/kernel.o"
}
printf 'boot-initrd\0' >"$dir/initrd"
kernel
ok $? "the bzImage assembles"
run -bios bios-256k.bin -kernel "$dir/kernel" -initrd "$dir/initrd" -append "boot-words of it" \
	-hda "$dir/o"
expect "boot-words of it,boot-initrd,boot-kernel" "-kernel through SeaBIOS, before the disk"
run -bios bios-256k.bin -kernel "$dir/initrd"
has "give -kernel a vmlinuz" "a kernel that is none is refused there, too"

if unshare -rm true 2>/dev/null; then
	cat >"$dir/bare" <<-END
		for d in seabios qemu OVMF; do
			[ ! -d /usr/share/\$d ] || mount -t tmpfs none /usr/share/\$d || exit
		done
		exec "$vmm" -display none -serial none -drive file=$dir/o,format=raw,if=virtio
	END
	out=$(unshare -rm sh "$dir/bare" 2>&1)
	has "install the Debian package seabios" "without a BIOS the package is named"
else
	skip "without a BIOS the package is named" "no private mounts here"
fi
run -drive file="$dir/v",if=none,id=v,format=raw -drive file="$dir/o",if=none,id=o,format=raw \
	-device virtio-blk-pci,drive=v,bootindex=1 -device virtio-blk-pci,drive=o,bootindex=1
has "bootindex=1 is given to two devices" "one place for two devices is refused"
finish
