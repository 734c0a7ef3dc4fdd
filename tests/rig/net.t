#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Networks of guests in the rig, with programs that others wrote at the other end: one boot
# of the rig for all cases of net-cases.
#   usage: net.t [-k CASE]...     or RIG_CASES="CASE..." prove tests/rig/net.t

set -uo pipefail

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
export BUILD=${BUILD:-$root/build}
# shellcheck source=tests/rig/cases.sh
. "$here/cases.sh"

# A folder for TFTP with a program for UEFI, which says what address it was given and what
# it reads there.
efi_program() {
	local dir=$1/pxe-efi grub=/usr/lib/grub/x86_64-efi
	rm -rf "$dir" && mkdir -p "$dir/tftp" || return
	echo "@ note=from the TFTP folder" >"$dir/tftp/note"
	# shellcheck disable=SC2016 # GRUB's variables
	printf '%s\n' 'echo' 'echo "@ address=$net_default_ip"' 'cat (tftp,10.0.2.2)/note' 'outb 0x501 0x10' \
		>"$dir/grub.cfg"
	grub-mkstandalone -O x86_64-efi -d "$grub" --locales= --fonts= --themes= \
		--install-modules="normal echo cat iorw net efinet tftp" \
		--modules="echo cat iorw net efinet tftp" \
		-o "$dir/tftp/boot.efi" "boot/grub/grub.cfg=$dir/grub.cfg"
}

choose_cases "$here/net-cases" "$@"
if ! "$root/scripts/mkinitramfs" net >/dev/null ||
	! efi_program "${RIG_CACHE:-$BUILD/rig}"; then
	echo "Bail out! cannot prepare kernel, initramfs and a program for UEFI"
	exit 1
fi
run_cases "$here/net-cases"
