#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Guests with PCI functions of their host, in the rig with an IOMMU: one boot of the rig
# for all cases of vfio-cases.
#   usage: vfio.t [-k CASE]...     or RIG_CASES="CASE..." prove tests/rig/vfio.t
# RIG_IOMMU=amd takes the other vendor's.

set -uo pipefail

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
export BUILD=${BUILD:-$root/build}
# shellcheck source=tests/rig/cases.sh
. "$here/cases.sh"

choose_cases "$here/vfio-cases" "$@"
{ "$root/scripts/fetch-kernels" cloud && "$root/scripts/mkinitramfs" guest &&
	"$root/scripts/mkinitramfs" full; } >/dev/null || {
	echo "Bail out! cannot prepare kernel or initramfs"
	exit 1
}
# no_timer_check: see tests/passthrough/rig.t
run_cases "$here/vfio-cases" --iommu "${RIG_IOMMU:-vtd}" --append no_timer_check --nvme 64M \
	--nic-pair e1000e --bridge-pair \
	--device nec-usb-xhci,msi=on,msix=off --device usb-kbd \
	--device pcie-root-port,id=root,chassis=41 --device e1000e,bus=root
