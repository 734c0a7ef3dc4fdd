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

choose_cases "$here/net-cases" "$@"
if ! "$root/scripts/mkinitramfs" net >/dev/null; then
	echo "Bail out! cannot prepare kernel and initramfs"
	exit 1
fi
run_cases "$here/net-cases"
