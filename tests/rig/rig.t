#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The rig itself: what it promises of streams, exit codes, users and hardware. Its own
# failures must come out as 125, a script's never as anything but the script's.

set -uo pipefail

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
export BUILD=${BUILD:-$root/build}
rig=$root/scripts/rig
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# A cache of its own, since other tests may use the rig at the same time.
kernels=$("$root/scripts/fetch-kernels" amd64) || {
	echo "Bail out! no kernel for the rig"
	exit 1
}
mkdir "$work/cache"
ln -s "$(realpath "$kernels/..")" "$work/cache/kernel"
export RIG_CACHE=$work/cache
count=0

ok() {
	local verdict=$1
	shift
	count=$((count + 1))
	[[ $verdict -eq 0 ]] || printf 'not '
	echo "ok $count - $*"
}

is() {
	[[ $1 = "$2" ]]
	ok $? "$3"
	[[ $1 = "$2" ]] || printf '%s\n' "got  $1" "want $2" | sed 's/^/# /'
}

# The rig's streams go to $work/{out,err}, its exit code to $rc.
run() {
	local start=$SECONDS
	"$rig" "$@" >"$work/out" 2>"$work/err"
	rc=$?
	echo "# took $((SECONDS - start)) s"
}

has() {
	grep -qF -- "$1" "$work/${3-out}"
	ok $? "$2"
	grep -qF -- "$1" "$work/${3-out}" || sed 's/^/# /' "$work/out" "$work/err"
}

# ------------------------------------------------------------------ without any boot

run --bogus
is "$rc" 2 "an unknown option is refused"
run run
is "$rc" 2 "run without a script is refused"
run --iommu some run true
is "$rc" 2 "an unknown IOMMU is refused"
run run "$work/nothing"
is "$rc" 126 "a missing script is an error of set-up"
run --dry-run --iommu amd --intremap off --no-svm --mem 1024 --smp 3 run true
has "'amd-iommu,intremap=off'" "--dry-run shows the IOMMU"
has "-svm'" "--no-svm takes SVM from the CPU"
has "'-m' '1024'" "--mem is QEMU's -m"
is "$rc" 0 "--dry-run exits with 0"

# ------------------------------------------- one job that looks at everything a job gets

cat >"$work/job" <<'JOB'
#!/bin/bash
echo "args=$#:$1:$2"
echo "user=$(id -un):$(id -Gn)"
echo "marker=$MARKER"
echo "input=$(cat)"
echo "to stderr" >&2
echo "reopened" >/dev/stderr
[[ -r /dev/kvm && -w /dev/kvm ]] && echo "kvm=open"
touch /usr/mark 2>/dev/null || echo "usr=protected"
echo kept >"$RIG_OUT/file"
echo "exit 0"
# Left behind on purpose: it holds the pipes and must not keep the rig up.
tail -f /dev/null &
exit 37
JOB
chmod 755 "$work/job"
chmod 711 "$work"
run -i --user nobody --groups kvm --env MARKER="it's; set" --out "$work/dir" \
	run "$work/job" "a b" "c'd" <<<"typed in"
is "$rc" 37 "the script's exit code comes through"
has "args=2:a b:c'd" "so do its arguments"
has "user=nobody:nogroup kvm" "--user and --groups hold"
has "marker=it's; set" "--env sets a variable"
has "input=typed in" "-i passes standard input on, with its end"
has "kvm=open" "a member of group kvm can open /dev/kvm"
has "usr=protected" "the user has no rights of root"
# Unless the rig had to say that it was booted twice.
is "$(grep -v '^rig[:|]' "$work/err")" "$(printf 'to stderr\nreopened')" "stderr is apart and clean"
is "$(cat "$work/dir/file" 2>&1)" kept "files in RIG_OUT come back"

# --------------------------------------------------------------------------- hardware

cat >"$work/hardware" <<'JOB'
#!/bin/bash
echo "svm=$(grep -c '\<svm\>' /proc/cpuinfo)"
echo "nodes=$(ls -d /sys/devices/system/node/node[0-9]* | wc -l)"
echo "groups=$(ls /sys/kernel/iommu_groups | wc -l)"
echo "remapped=$(grep -c 'IR-PCI-MSI' /proc/interrupts)"
for dir in /sys/bus/pci/devices/*; do
	echo "pci=$(<"$dir/vendor"):$(<"$dir/device") $(basename "$(readlink "$dir/iommu_group")")" \
		"$(cat "$dir/sriov_totalvfs" 2>/dev/null)"
done
echo "root=$(id -u) writable=$(touch /usr/mark && echo yes)"
echo "nested=$(cat /sys/module/kvm_amd/parameters/nested)"
JOB
chmod 755 "$work/hardware"
run --smp 2 --numa 2 --iommu vtd --nvme 64M --nvme-sriov --bridge-pair --nic e1000e \
	--append kvm_amd.nested=0 run "$work/hardware"
is "$rc" 0 "a rig with much hardware runs"
has "svm=2" "two CPUs with SVM"
has "nodes=2" "two NUMA nodes"
! grep -q '^groups=0' "$work/out"
ok $? "the IOMMU has groups"
! grep -q '^remapped=0' "$work/out"
ok $? "interrupts are remapped"
is "$(grep -c '^pci=0x8086:0x10d3' "$work/out")" 1 "an e1000e"
is "$(grep '^pci=0x8086:0x100e' "$work/out" | sort -u | wc -l)" 1 "two e1000 share one group"
is "$(grep -c '^pci=0x8086:0x100e' "$work/out")" 2 "and are two"
is "$(grep -c '^pci=0x1b36:0x0010 [0-9]* 4$' "$work/out")" 1 "an NVMe controller with 4 VFs"
is "$(grep -c '^pci=0x1b36:0x0010' "$work/out")" 2 "beside a plain one"
has "root=0 writable=yes" "root may write anywhere, into RAM"
[[ ! -e /usr/mark ]]
ok $? "and the build machine has none of it"
has "nested=0" "module options of the command line apply"

# ------------------------------------------------------- whoever goes takes it along

# Starts COMMAND and opens the lock that a rig and its machine hold, on $lock.
start() {
	"$@" <"$work/keys" >"$work/out" 2>&1 &
	starter=$!
	until running; do
		read -r -t 0.05 <>"$work/never"
	done
}

# What a killed one left there has a lock that nobody holds.
running() {
	local run
	for run in "$RIG_CACHE"/run.*; do
		[[ -e $run/console ]] || continue
		{ exec {lock}<"$run/lock"; } 2>/dev/null || continue
		flock -n "$lock" || return 0
		exec {lock}<&-
	done
	return 1
}

# Kills it, and sees the machine end.
kill_starter() {
	kill -9 "$starter"
	wait "$starter" 2>/dev/null
	flock -w 300 "$lock"
	ok $? "$1"
	exec {lock}<&-
}

mkfifo "$work/never" "$work/keys"
exec {keys}<>"$work/keys"
start "$rig" run true
kill_starter "a rig that is killed takes its machine along"
# shellcheck disable=SC2016 # the inner shell expands it
start bash -c '"$0" run true; true' "$rig"
kill_starter "whoever started a rig, too"
if command -v script >/dev/null; then
	# What a shell starts in the background ignores it, and so would what that starts.
	start env --default-signal=INT script -qefc "'$rig' --tty run true" /dev/null
	while ! flock -n "$lock"; do
		printf '\003' >&"$keys"
		read -r -t 0.3 <>"$work/never"
	done
	wait "$starter"
	is $? 130 "Ctrl-C ends a rig that comes up"
	exec {lock}<&-
else
	echo "# Ctrl-C is not tried: no script(1)"
fi
exec {keys}<&-

# --------------------------------------------------------------- the rig's own failures

run --timeout 3 --no-svm run sh -c 'grep -w svm /proc/cpuinfo; exec tail -f /dev/null'
is "$rc" 124 "a script over its time limit is 124"
is "$(<"$work/out")" "" "--no-svm leaves no svm flag"

# shellcheck disable=SC2016 # the rig expands it
run --retries 1 --out "$work/dead" run sh -c 'echo begun >>"$RIG_OUT/count"
	echo c >/proc/sysrq-trigger; exec tail -f /dev/null'
is "$rc" 125 "a machine that dies is 125"
is "$(grep -c begun "$work/dead/count")" 2 "after it was booted once more"
has "sysrq" "the kernel's last words are shown" err
[[ -z $(find "$RIG_CACHE" -maxdepth 1 -name 'run.*') ]]
ok $? "no run leaves a folder behind"
echo "1..$count"
