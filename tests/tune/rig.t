#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# kvm-tune on a real KVM host with two NUMA nodes: one boot of the rig runs rig-cases, whose
# TAP is passed on. A rig that died has no plan, which is a failure; it is booted again once.

root=$(cd "$(dirname "$0")/../.." && pwd)
export BUILD=${BUILD:-$root/build}
BUILD=$(cd "$BUILD" && pwd)
share=$BUILD/tests/tune/share

mkdir -p "$BUILD/tests/tune"
"${CC:-cc}" -O2 -o "$share" "$root/tests/tune/rig/share.c" || {
	echo "Bail out! cannot compile share.c"
	exit 1
}
out=$(mktemp)
trap 'rm -f "$out"' EXIT
# 125: the rig died.
for _ in first second; do
	"$root/scripts/rig" --retries 0 --timeout 3000 --smp 2 --numa 2 \
		run "$root/tests/tune/rig/cases" >"$out"
	rc=$?
	[[ $rc -eq 125 ]] || break
done
cat "$out"
exit "$rc"
