#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Stock media in the rig: one boot of the rig for all cases of media-cases. The media come
# from Debian's packages; what has to be made of them is made here.
#   usage: media.t [-k CASE]...     or RIG_CASES="CASE..." prove tests/rig/media.t

set -uo pipefail

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
# Absolute: links lead there.
BUILD=$(mkdir -p "${BUILD:-$root/build}" && cd "${BUILD:-$root/build}" && pwd) || exit
export BUILD
cache=${RIG_CACHE:-$BUILD/rig}
PATH=$PATH:/sbin:/usr/sbin
# shellcheck source=tests/rig/cases.sh
. "$here/cases.sh"

wanted() {
	local name
	for name in "${todo[@]}"; do
		[[ " $* " != *" $name "* ]] || return 0
	done
	return 1
}

# An ISO that boots a kernel with isolinux.
linux_iso() { # ISO KERNEL INITRD PARAMETERS [FILE]...
	local iso=$1 kernel=$2 initrd=$3 parameters=$4 tree
	shift 4
	tree=$(mktemp -d "$media/tree.XXXXXX") || return
	cp /usr/lib/ISOLINUX/isolinux.bin /usr/lib/syslinux/modules/bios/ldlinux.c32 "$tree/" &&
		ln -s "$(realpath "$kernel")" "$tree/linux" &&
		ln -s "$(realpath "$initrd")" "$tree/initrd.gz" || return
	[[ $# -eq 0 ]] || ln -s "$@" "$tree/" || return
	printf '%s\n' "DEFAULT linux" "LABEL linux" " KERNEL /linux" " INITRD /initrd.gz" \
		" APPEND $parameters" >"$tree/isolinux.cfg"
	xorriso -as mkisofs -quiet -R -f -o "$iso" -b isolinux.bin -c boot.cat -no-emul-boot \
		-boot-load-size 4 -boot-info-table "$tree" 2>/dev/null || return
	rm -rf "$tree"
}

# An active Linux partition from 1 MiB on, and the mark of a boot sector.
partition() { # DISK MIB
	printf '%b' '\x80\xff\xff\xff\x83\xff\xff\xff\x00\x08\x00\x00' \
		"$(printf '\\x%02x' 0 $(($2 << 3 & 255)) $(($2 >> 5 & 255)) 0)" |
		dd of="$1" bs=1 seek=446 conv=notrunc status=none &&
		printf '\x55\xaa' | dd of="$1" bs=1 seek=510 conv=notrunc status=none
}

# A boot sector that says its name.
sector() { # NAME FILE [-DX]...
	local name=$1 file=$2
	shift 2
	"${CC:-cc}" -m32 -c -DNAME="\"boot-$name \"" "$@" -o "$media/sector.o" \
		"$root/tests/guest/bootsect.S" &&
		ld -m elf_i386 -Ttext 0x7c00 --oformat binary -e _start -o "$file" "$media/sector.o"
}

# A CD whose boot sector says "drive", and a disk and its partition that say what they are.
device_media() {
	sector drive "$media/files/drive" &&
		xorriso -as mkisofs -quiet -o "$media/drive.iso" -b drive -no-emul-boot \
			-boot-load-size 4 "$media/files" 2>/dev/null &&
		sector part "$media/part" -DCOPY && dd if=/dev/urandom bs=512 count=8 status=none \
			>>"$media/part" && truncate -s 4M "$media/part" &&
		sector whole "$media/parts.img" && truncate -s 1M "$media/parts.img" &&
		cat "$media/part" >>"$media/parts.img" && partition "$media/parts.img" 4
}

# A disk with one partition and a file in it.
small_disk() {
	mkdir -p "$media/files"
	echo "hello from the disk" >"$media/files/hello"
	truncate -s 9M "$1"
	mke2fs -q -t ext2 -E offset=1048576 -d "$media/files" "$1" 8M && partition "$1" 8
}

prepare() {
	local guest system installer=/usr/lib/debian-installer/images/12/amd64/gtk/debian-installer/amd64
	small_disk "$media/small.img" && device_media &&
		guest=$("$root/scripts/mkinitramfs" guest) &&
		ln -s "$(realpath "$cache/kernel/cloud/vmlinuz")" "$media/vmlinuz" &&
		ln -s "$guest" "$media/initrd" || return
	if wanted install uefi_disk; then
		system=$("$here/make-system") && ln -s "$system" "$media/system.img" || return
	fi
	if wanted install; then
		linux_iso "$media/install.iso" "$cache/kernel/cloud/vmlinuz" "$guest" \
			"quiet panic=-1 console=ttyS0 job=install" "$media/system.img" || return
	fi
	if wanted installer; then
		linux_iso "$media/installer.iso" "$installer/linux" "$installer/initrd.gz" \
			"vga=788 quiet" || return
	fi
}

choose_cases "$here/media-cases" "$@"
mkdir -p "$cache"
media=$(mktemp -d "$cache/media.XXXXXX") || exit 1
trap 'rm -rf "$media"' EXIT
prepare >"$media/log" 2>&1 || {
	sed 's/^/# /' "$media/log"
	echo "Bail out! cannot prepare the media"
	exit 1
}
run_cases "$here/media-cases" --cdrom "$media/drive.iso" --env MEDIA="$media" ${MEDIA_OUT:+--out "$MEDIA_OUT"}
