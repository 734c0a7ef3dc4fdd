#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# kvm-assign as a user calls it: options, exit codes, what goes where, on a host of files.

# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh"
# shellcheck source=tests/cli.sh
. "$(dirname "$0")/../cli.sh"
cd "$top" || exit 1
assign=$build/kvm-assign
program=$assign
export KVMKIT_STATE_DIR=$dir/state
export LC_ALL=C
unset SSH_CONNECTION

# ---- a host: NVMe with a mounted partition, a free NIC, two functions in one group ----

host=$dir/host
function_at() { # ADDRESS VENDOR DEVICE CLASS DRIVER GROUP
	local at=$host/sys/devices/pci0000:00/$1
	mkdir -p "$at" "$host/sys/bus/pci/devices" "$host/sys/bus/pci/drivers/$5" \
		"$host/sys/kernel/iommu_groups/$6"
	echo "0x$2" >"$at/vendor"
	echo "0x$3" >"$at/device"
	echo "0x$4" >"$at/class"
	echo '(null)' >"$at/driver_override"
	echo flr >"$at/reset_method"
	ln -s "../../../bus/pci/drivers/$5" "$at/driver"
	ln -s "../../../kernel/iommu_groups/$6" "$at/iommu_group"
	ln -s "../../../devices/pci0000:00/$1" "$host/sys/bus/pci/devices/$1"
}
function_at 0000:00:03.0 1b36 0010 010802 nvme 3
function_at 0000:00:05.0 8086 10d3 020000 e1000e 5
function_at 0000:00:06.0 8086 100e 020000 e1000 7
function_at 0000:00:07.0 8086 100e 020000 e1000 7
function_at 0000:00:08.0 8086 100e 020000 pci-stub 7
mkdir -p "$host/sys/module/e1000e"
ln -s ../../../../module/e1000e "$host/sys/bus/pci/drivers/e1000e/module"
function_at 0000:00:09.0 8086 2918 060100 lpc_ich 9
function_at 0000:00:0a.0 8086 2930 020000 e1000 9
echo 4 >"$host/sys/devices/pci0000:00/0000:00:05.0/sriov_totalvfs"
echo 0 >"$host/sys/devices/pci0000:00/0000:00:05.0/sriov_numvfs"
mkdir -p "$host/sys/class/"{net,block} "$host/proc/self" \
	"$host/sys/devices/pci0000:00/0000:00:05.0/net/eth0" \
	"$host/sys/devices/pci0000:00/0000:00:03.0/block/sda/sda1"
echo 8:1 >"$host/sys/devices/pci0000:00/0000:00:03.0/block/sda/sda1/dev"
ln -s ../../devices/pci0000:00/0000:00:05.0/net/eth0 "$host/sys/class/net/eth0"
ln -s ../../devices/pci0000:00/0000:00:03.0/block/sda/sda1 "$host/sys/class/block/sda1"
echo '21 1 8:1 / /data rw - ext4 /dev/sda1 rw' >"$host/proc/self/mountinfo"
h=(--root "$host")

# ---- usage ----

expect 0 '^usage: kvm-assign' '' --help
ok "$(($(wc -l <"$dir/out") > 33))" 'the help fits a screen'
expect 0 '^usage: kvm-assign' '' bind -h
expect 0 '^kvmkit kvm-assign version [0-9]' '' --version
expect 0 '^default-route ' '' --force help
expect 2 '' 'a command is missing'
expect 2 '' "did you mean 'status'" statsu
expect 2 '' "did you mean '--dry-run'" list --dry-rum
expect 2 '' "unknown option '-x'" list -x
expect 2 '' '--driver needs a value' list --driver
expect 2 '' '--json takes no value' list --json=1
expect 2 '' '^kvm-assign: usage: kvm-assign bind DEVICE' bind
expect 2 '' '^kvm-assign: usage: kvm-assign sriov DEVICE COUNT' sriov eth0
expect 2 '' '^kvm-assign: usage: kvm-assign status$' status eth0
expect 2 '' "vfio-pci or pci-stub, not 'nvme'" bind --driver nvme eth0
expect 2 '' "vfio-pci or pci-stub, not 'none'" bind --driver none eth0
expect 2 '' 'pci-stub has none' bind --driver pci-stub --owner root eth0
expect 2 '' "did you mean 'mounted'" bind --force mouted eth0
expect 2 '' "'held' cannot be forced" bind --force held eth0
expect 2 '' 'add --dry-run' "${h[@]}" bind eth0
expect 2 '' 'add --dry-run' "${h[@]}" sriov eth0 1
expect 2 '' '/nowhere: No such file' list --root /nowhere
expect 2 '' "'8Q' is no size" limits --ram 8Q
expect 2 '' "'0' is no size" limits --ram 0
expect 1 '' "'eth7' is neither" "${h[@]}" show eth7
expect 1 '' "'-' is neither" "${h[@]}" show -
expect 1 '' "'--json' is neither" "${h[@]}" show -- --json

# ---- looking ----

expect 0 '^0000:00:03.0  1b36:0010  nvme  *3  ' '' "${h[@]}" list
expect 0 'sda1 is mounted on /data' '' "${h[@]}" list 00:03.0
ok "$(($(grep -c '^0000' "$dir/out") != 1))" 'list of one shows one'
expect 0 '0 of 4 virtual functions' '' "${h[@]}" list eth0
expect 0 'AGAINST  *mounted: sda1 is mounted on /data' '' "${h[@]}" show /dev/sda1
expect 0 'free for a guest: kvm-assign bind 0000:00:05.0' '' "${h[@]}" show eth0
expect 0 'not viable' '' "${h[@]}" group 7
expect 0 'in use by the host' '' "${h[@]}" group eth0
expect 0 '"viable": false' '' "${h[@]}" group --json 3
expect 1 '' 'there is no IOMMU group 99' "${h[@]}" group 99
expect 0 '"driver": "nvme"' '' "${h[@]}" list --json 00:03.0
expect 0 '"can_be_forced": true' '' "${h[@]}" show --json 00:03.0
expect 0 '"driver": "pci-stub"' '' "${h[@]}" status --json
ok "$(($(grep -c '"address"' "$dir/out") != 1))" 'status tells of nothing else'
# JSON is all that --json prints, also where a guest fits: here CAP_IPC_LOCK lifts the limit.
mkdir -p "$dir/exempt/proc/self"
printf 'CapEff:\t0000000000004000\n' >"$dir/exempt/proc/self/status"
expect 0 '"verdict": "fits"' '' --root "$dir/exempt" limits --json --ram 1M
ok "$(($(grep -c 'a guest of' "$dir/out") != 0))" 'the sentence is left out'
for words in list 'show 00:03.0' 'group 00:06.0' status limits 'limits --ram 1M' 'release 00:08.0 -n' 'bind 00:05.0 -n' \
	'persist 00:05.0 -n'; do
	# shellcheck disable=SC2086
	"$assign" --root "$host" --json $words >"$dir/out" 2>"$dir/err"
	perl -MJSON::PP -e 'local $/; decode_json(<STDIN>)' <"$dir/out" 2>>"$dir/err"
	ok $? "$words --json: is JSON"
done
expect 0 '^locked memory' '' limits
expect 1 '^locked memory' 'and the host has' limits --ram 4096T
expect 0 '"verdict": null' '' limits --json
mkdir -p "$dir/bare/sys"
expect 0 '' '' --root "$dir/bare" list
expect 0 '' '' --root "$dir/bare" status

# ---- plans ----

expect 0 '^  0000:00:05.0 > /sys/bus/pci/drivers/e1000e/unbind$' '' "${h[@]}" bind -n eth0
expect 0 '"to": "vfio-pci"' '' "${h[@]}" bind -n --json eth0
expect 0 'from e1000e to pci-stub$' '' "${h[@]}" bind -n --driver pci-stub eth0
expect 1 '' 'sda1 is mounted on /data (or insist: --force mounted)' "${h[@]}" bind -n 00:03.0
ok "$(($(wc -l <"$dir/err") != 1))" 'in one line'
expect 0 'from nvme to vfio-pci' 'forced although sda1 is mounted' "${h[@]}" bind -n --force mounted 00:03.0
expect 1 '' 'bind --group 0000:00:06.0' "${h[@]}" bind -n 00:06.0
expect 0 '^0000:00:07.0: would go from e1000 to pci-stub (same IOMMU group)' 'warning' \
	"${h[@]}" bind -n --group 00:06.0
ok "$(grep -c 0000:00:08.0 "$dir/out")" 'what left the host already stays as it is'
expect 1 '' 'a bridge that cannot be freed; use another slot (or insist' "${h[@]}" bind -n --group 00:0a.0
ok "$(($(grep -c 'it is a bridge' "$dir/err") != 0))" 'the bridge itself was not tried'
expect 1 '' 'sda1 is mounted' "${h[@]}" bind -n eth0 00:03.0
expect 0 'is on e1000e already' '' "${h[@]}" release -n eth0
expect 0 'would have 2 virtual functions, before 0' '' "${h[@]}" sriov -n eth0 2
expect 1 '' '4 virtual functions at most, not 5' "${h[@]}" sriov -n eth0 5
expect 2 '' "'x' is no number" "${h[@]}" sriov -n eth0 x
expect 2 '' "'-1' is no number" "${h[@]}" sriov -n eth0 -- -1
expect 0 'would write /etc/udev/rules.d/10-kvm-assign.rules' '' "${h[@]}" persist -n eth0
ok "$(($(grep -c '^softdep e1000e pre: vfio-pci$' "$dir/out") != 1))" 'with the softdep of its driver'
expect 1 '' '0000:00:05.0 is not persistent' "${h[@]}" unpersist -n eth0
[[ ! -e $host/etc && ! -e $KVMKIT_STATE_DIR ]]
ok $? 'plans leave nothing behind'

# ---- bad hosts ----

mkdir -p "$host/etc/udev/rules.d"
echo junk >"$host/etc/udev/rules.d/10-kvm-assign.rules"
expect 1 '' 'is not as kvm-assign wrote it; move it away' "${h[@]}" status
rm -r "${host:?}/etc"
printf 'e1000e\033[31m\n' >"$host/sys/devices/pci0000:00/0000:00:05.0/driver_override"
expect 0 'eth0\|e1000e' '' "${h[@]}" status
ok "$(($(grep -c $'\033' "$dir/out") != 0))" 'no control characters of a host reach the terminal'
echo nonsense >"$host/sys/devices/pci0000:00/0000:00:05.0/vendor"
expect 0 '^0000:00:05.0  0000:10d3' '' "${h[@]}" list
rm "$host/sys/bus/pci/devices/0000:00:05.0"
expect 1 '' 'there is no PCI function 0000:00:05.0; see kvm-assign list' "${h[@]}" show 00:05.0
"$assign" "${h[@]}" list >/dev/full 2>"$dir/err"
ok "$(($? != 3))" 'a full disk is exit 3'

# ---- this machine ----

expect 0 'ADDRESS\|^$' '' list
"$assign" status >"$dir/out" 2>"$dir/err"
ok $? 'status of this machine'
if [[ $EUID -eq 0 ]]; then
	as_nobody=(setpriv --reuid 65534 --regid 65534 --clear-groups)
	if "${as_nobody[@]}" test -x "$assign"; then
		chmod -R go+rX "$host"
		"${as_nobody[@]}" "$assign" "${h[@]}" list >"$dir/out" 2>"$dir/err"
		ok $? 'as nobody: a captured host'
		for command in list status limits; do
			"${as_nobody[@]}" "$assign" $command >"$dir/out" 2>"$dir/err"
			ok $? "as nobody: $command"
		done
	fi
fi
finish
