#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Linux guests of vmm in the rig: one boot of the rig for all cases of linux-cases.
#   usage: linux.t [-k CASE]...     or RIG_CASES="CASE..." prove tests/rig/linux.t

set -uo pipefail

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
export BUILD=${BUILD:-$root/build}
cache=${RIG_CACHE:-$BUILD/rig}
# shellcheck source=tests/rig/cases.sh
. "$here/cases.sh"

# GRUB for UEFI with a kernel: on a CD, and on a disk that is one file system.
efi_media() {
	local dir=$cache/efi grub=/usr/lib/grub/x86_64-efi file
	rm -rf "$dir" && mkdir -p "$dir/iso" || return
	cp "$cache/kernel/cloud/vmlinuz" "$dir/iso/" &&
		cp "$cache/guest.cpio.gz" "$dir/iso/initrd" || return
	printf '%s\n' 'echo GRUB from $cmdpath' "search --no-floppy --file --set=root /vmlinuz" \
		"linux /vmlinuz console=ttyS0 quiet panic=-1 job=efi" "initrd /initrd" boot \
		>"$dir/grub.cfg"
	grub-mkstandalone -O x86_64-efi -d "$grub" --locales= --fonts= --themes= \
		--install-modules="normal echo search linux fat iso9660 efi_gop" \
		--modules="echo search linux fat iso9660 efi_gop" \
		-o "$dir/grub.efi" "boot/grub/grub.cfg=$dir/grub.cfg" || return
	truncate -s 2M "$dir/iso/efi.img"
	truncate -s 32M "$dir/disk.img"
	for file in "$dir/iso/efi.img" "$dir/disk.img"; do
		mformat -i "$file" :: &&
			mmd -i "$file" ::EFI ::EFI/BOOT &&
			mcopy -i "$file" "$dir/grub.efi" ::EFI/BOOT/BOOTX64.EFI || return
	done
	mcopy -i "$dir/disk.img" "$dir/iso/vmlinuz" "$dir/iso/initrd" :: &&
		xorriso -as mkisofs -quiet -R -o "$dir/cd.iso" -e efi.img -no-emul-boot "$dir/iso"
}

prepare() {
	local name
	"$root/scripts/fetch-kernels" cloud && "$root/scripts/mkinitramfs" guest &&
		"$root/scripts/mkinitramfs" full || return
	[[ " ${todo[*]}" != *" uefi"* ]] || efi_media || return
	for name in exit tsc; do
		"${CC:-gcc}" -m32 -nostdlib -static -no-pie \
			-Wl,-n,-Ttext=0x100000,--build-id=none \
			-o "$cache/$name.elf" "$here/guest/$name.S" || return
	done
}

choose_cases "$here/linux-cases" "$@"
prepare >/dev/null || {
	echo "Bail out! cannot prepare kernel, initramfs or test kernels"
	exit 1
}
run_cases "$here/linux-cases"
