#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# kvm-check on a real KVM host: one boot of the rig runs host-rig-cases, whose TAP is passed
# on. A rig that died has no plan, which is a failure; it is booted again once.

root=$(cd "$(dirname "$0")/../.." && pwd)
export BUILD=${BUILD:-$root/build}
BUILD=$(cd "$BUILD" && pwd)
rig=$root/scripts/rig

if [[ ! -x $rig ]]; then
	echo "1..0 # SKIP this tree has no scripts/rig"
	exit 0
fi
out=$(mktemp)
trap 'rm -f "$out"' EXIT
# 125: the rig died.
for _ in first second; do
	"$rig" --retries 0 --timeout 600 --iommu vtd --modules "" \
		run "$root/tests/probe/host-rig-cases" >"$out"
	rc=$?
	[[ $rc -eq 125 ]] || break
done
cat "$out"
exit "$rc"
