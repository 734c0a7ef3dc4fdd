#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Linux guests of vmm in the rig: one boot of the rig for all cases of linux-cases.
#   usage: linux.t [-k CASE]...     or RIG_CASES="CASE..." prove tests/rig/linux.t
# A rig that dies in a case is booted once more for the cases without a result; if it dies
# again that is a failure, never a pass.

set -uo pipefail

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
export BUILD=${BUILD:-$root/build}
cache=${RIG_CACHE:-$BUILD/rig}

mapfile -t todo < <("$here/linux-cases" --list)
read -ra chosen <<<"${RIG_CASES:-}"
while getopts k: opt; do
	[[ $opt = k ]] || exit 2
	chosen+=("$OPTARG")
done
[[ ${#chosen[@]} -eq 0 ]] || todo=("${chosen[@]}")

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

prepare >/dev/null || {
	echo "Bail out! cannot prepare kernel, initramfs or test kernels"
	exit 1
}
echo "1..${#todo[@]}"
done_count=0
for attempt in first second; do
	# shellcheck disable=SC2030,SC2031 # the loop below runs in this shell
	exec {results}< <("$root/scripts/rig" --retries 0 --timeout 1500 --env RIG_LIMIT \
		run "$here/linux-cases" "${todo[@]}" 2>&1; echo "rig exited $?")
	status=none
	while IFS= read -r line <&"$results"; do
		case $line in
		"ok - "* | "not ok - "*)
			done_count=$((done_count + 1))
			echo "${line%% - *} $done_count - ${line#* - }"
			for i in "${!todo[@]}"; do
				[[ ${todo[i]} != "${line#* - }" ]] || unset "todo[$i]"
			done
			;;
		"rig exited "*) status=${line#rig exited } ;;
		"#"* | "    "*) printf '%s\n' "$line" ;;
		*) printf '# %s\n' "$line" ;;
		esac
	done
	exec {results}<&-
	[[ ${#todo[@]} -gt 0 ]] || exit 0
	echo "# no result from: ${todo[*]} (rig's exit code $status)"
	[[ $status = 125 && $attempt = first ]] || break
	echo "# booting the rig once more for them"
done
echo "Bail out! The rig gave no result for: ${todo[*]}"
exit 1
