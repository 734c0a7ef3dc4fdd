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

prepare() {
	local name
	"$root/scripts/fetch-kernels" cloud && "$root/scripts/mkinitramfs" guest &&
		"$root/scripts/mkinitramfs" full || return
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
