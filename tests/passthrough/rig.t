#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# kvm-assign on real hosts: each row of hosts is one boot of the rig, whose cases it runs.
# A rig that dies is booted once more; if it dies again, or gives no result, that fails.
#   usage: rig.t [HOST...]     or RIG_HOSTS="HOST..." prove -e env tests/passthrough/rig.t

set -uo pipefail

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
export BUILD=${BUILD:-$root/build}
BUILD=$(cd "$BUILD" && pwd)

# A busy machine is late with the emulated timer, which a kernel that remaps interrupts takes
# for a broken one: no_timer_check spares it the test.
declare -A hosts=(
	[vtd-basics]="--iommu vtd --nvme 64M --nic e1000e --nic e1000e --bridge-pair
		--device pcie-root-port,id=rp,chassis=7"
	[vtd-trouble]="--iommu vtd --nvme 64M --nic e1000e --nic e1000e --nvme-sriov"
	[no-iommu]="--iommu none --nvme 64M --device VGA"
	[unsafe]="--iommu vtd --intremap off --nvme 64M"
	[amd]="--iommu amd --nvme 64M --nic e1000e"
)
read -ra todo <<<"${RIG_HOSTS:-$*}"
[[ ${#todo[@]} -gt 0 ]] || todo=(vtd-basics vtd-trouble no-iommu unsafe amd)

mkdir -p "$BUILD/tests/passthrough"
"${CC:-gcc}" -D_GNU_SOURCE -shared -fPIC -o "$BUILD/tests/passthrough/kill-at.so" \
	"$here/rig/kill-at.c" -ldl || {
	echo "Bail out! cannot compile kill-at.c"
	exit 1
}
n=0 count=0
# Numbers the results as they come; other lines become diagnostics.
number() {
	local line
	while IFS= read -r line; do
		case $line in
		"ok - "* | "not ok - "*)
			n=$((n + 1)) count=$((count + 1))
			echo "${line%% - *} $n - $host: ${line#* - }"
			;;
		*) echo "# ${line#\# }" ;;
		esac
	done
}

for host in "${todo[@]}"; do
	read -ra options <<<"$(tr '\n\t' '  ' <<<"${hosts[$host]}")"
	for attempt in first second; do
		count=0
		exec {results}< <(exec "$root/scripts/rig" --retries 0 --timeout 3000 --modules "" --env RIG_LIMIT \
			--append no_timer_check "${options[@]}" run "$here/rig/$host" 2>&1)
		number <&"$results"
		exec {results}<&-
		wait "$!"
		rc=$?
		# Once it gave results, a second boot could not take them back.
		[[ $rc -eq 125 && $count -eq 0 && $attempt = first ]] || break
		echo "# $host: the rig died; booting it once more"
	done
	n=$((n + 1))
	if [[ $rc -eq 0 && $count -gt 0 ]]; then
		echo "ok $n - $host: $count results"
	else
		echo "not ok $n - $host: exit code $rc, $count results"
	fi
done
echo "1..$n"
