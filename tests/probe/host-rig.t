#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# kvm-check on real KVM hosts: the rig boots one machine for each kind of hardware, and
# each runs its part of host-rig-cases. A rig that died is booted again once; one that did
# not come to the end of its cases is a failure.
#   usage: host-rig.t [MACHINE]...    or RIG_CASES="MACHINE..." prove tests/probe/host-rig.t

root=$(cd "$(dirname "$0")/../.." && pwd)
export BUILD=${BUILD:-$root/build}
BUILD=$(cd "$BUILD" && pwd)
rig=$root/scripts/rig
# On a busy machine the emulated timer is late, and a kernel that remaps interrupts takes
# that for a broken one and panics; no_timer_check spares it the test.
declare -A machine=(
	[vtd]='--iommu vtd --bridge-pair --append no_timer_check'
	[no-intremap]='--iommu vtd --intremap off --append no_timer_check'
	[amd-vi]='--iommu amd --append no_timer_check'
	[plain]='--append cgroup_disable=memory'
	[no-svm]='--no-svm'
)
read -ra todo <<<"${*:-${RIG_CASES:-vtd no-intremap amd-vi plain no-svm}}"

if [[ ! -x $rig ]]; then
	echo "1..0 # SKIP this tree has no scripts/rig"
	exit 0
fi
out=$(mktemp)
trap 'rm -f "$out"' EXIT
n=0
failed=0
for name in "${todo[@]}"; do
	read -ra options <<<"${machine[$name]}"
	# 125: the rig died.
	for _ in first second; do
		"$rig" --retries 0 --timeout 3000 --modules "" "${options[@]}" \
			run "$root/tests/probe/host-rig-cases" "$name" >"$out"
		rc=$?
		[[ $rc -eq 125 ]] || break
	done
	while IFS= read -r line; do
		case $line in
		'ok - '* | 'not ok - '*)
			n=$((n + 1))
			echo "${line%% - *} $n - $name: ${line#* - }"
			[[ $line = ok* ]] || failed=1
			;;
		esac
	done <"$out"
	n=$((n + 1))
	if [[ $rc -eq 0 ]] && grep -q '^# done$' "$out"; then
		echo "ok $n - $name: came to its end"
	else
		echo "not ok $n - $name: came to its end (the rig's exit code $rc)"
		failed=1
	fi
done
echo "1..$n"
exit "$failed"
