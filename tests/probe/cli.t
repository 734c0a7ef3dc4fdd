#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# kvm-check as a user calls it: options, exit codes, what goes where, as root and as nobody.

# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh"
# shellcheck source=tests/cli.sh
. "$(dirname "$0")/../cli.sh"
cd "$top" || exit 1
check=$build/kvm-check
program=$check
roots=tests/roots
export KVMKIT_STATE_DIR=$dir/state
export LC_ALL=C

expect 0 '^usage: kvm-check' '' --help
ok "$(($(wc -l <"$dir/out") > 30))" 'the help fits a screen'
expect 0 '^usage: kvm-check' '' -h
expect 0 '^kvmkit kvm-check version [0-9]' '' --version
expect 0 '^kvm.hardware ' '' --list
expect 0 '^security.ksm ' '' --list secure
ok "$(($(grep -c '^memory.ksm' "$dir/out") != 0))" '--list knows the goals'
expect 0 '^source: ' '' --explain kvm.node
ids=$("$check" --list | cut -d' ' -f1)
bad=0
for id in $ids; do
	"$check" --explain "$id" >/dev/null || bad=1
done
ok $bad "every check of --list is explained"

expect 2 '' "did you mean 'kvm.node'" --explain kvm.nod
expect 2 '' "did you mean '--json'" --jso
expect 2 '' "did you mean '--root'" --rot=x
expect 2 '' 'see kvm-check --help' -x
expect 2 '' "'guests' is no goal, did you mean 'guest'" guests
expect 2 '' '--root needs a value' --root
expect 2 '' '--root needs a value' --root=
expect 2 '' '--json takes no value' --json=1
expect 2 '' 'exclude each other' --json --summary
expect 2 '' 'exclude each other' --watch --nfd
expect 2 '' '--diff needs two values: --diff A B' --diff x
expect 2 '' '--cpu belongs to' --cpu host
expect 2 '' '--modules and --param belong to' --modules tun
expect 2 '' '--unpersist undoes --persist' --unpersist --persist
expect 2 '' '--interval belongs to --watch' --interval 5
expect 2 '' 'expected 1 to 86400 seconds' --watch --interval 0
expect 2 '' "'wlan' is none of vhost_net" --load --modules tun,wlan
expect 2 '' 'is not MODULE.NAME=VALUE' --persist --param nested=1
expect 2 '' 'use one of them' --persist --root $roots/intel-ok
expect 2 '' 'use one of them' --watch --root $roots/intel-ok
expect 2 '' 'leave the other out' --list --json
expect 2 '' 'leave the other out' --explain kvm.node --summary
expect 2 '' 'use one of them' --load --root $roots/intel-ok
expect 2 '' 'use one of them' --write --root $roots/intel-ok
expect 2 '' '/nowhere: No such file' --root /nowhere
mkdir "$dir/empty"
expect 2 '' 'holds no captured host: .* scripts/capture-root' --root "$dir/empty"
expect 2 '' 'Not a directory' --root Makefile --root $roots/intel-ok/SOURCE

expect 0 '^verdict: ok; backend kvm_intel, hardware yes' '' --root $roots/intel-ok
expect 0 '^verdict: warn' '' --root $roots/iommu-off-cmdline
expect 1 '^verdict: warn' '' --root $roots/iommu-off-cmdline --strict
expect 1 '^FAIL  cpu.firmware' '' --root=$roots/intel-bios-locked
expect 1 '^remedy    .*usermod -aG kvm user' '' --root $roots/no-permission --summary
expect 0 '^note  iommu.domain' '' -q --root $roots/intel-ok
ok "$(($(grep -c '^pass' "$dir/out") != 0))" '-q leaves out what passed'
ok "$(($(grep -c $'\033' "$dir/out") != 0))" 'no colour into a file'
expect 0 '"verdict": "ok"' '' --json --root $roots/intel-ok
expect 1 '^FAIL  cpu.firmware' '' -q --root $roots/intel-bios-locked
expect 0 '^for: passthrough' '' passthrough --root $roots/intel-server-numa
expect 1 '^FAIL  iommu.table ' '' passthrough --root $roots/no-iommu
expect 0 '^WARN  iommu.table ' '' --root $roots/no-iommu
expect 0 '^note  memory.swap .* \[dense\]$' '' --root $roots/intel-laptop-arch
expect 1 '^WARN  security.ksm ' '' secure --strict --root $roots/intel-server-numa
expect 0 '^kvmkit_hardware 1$' '' --prometheus --root $roots/intel-ok
expect 0 '^kvmkit-iommu=true$' '' --nfd --root $roots/intel-ok
expect 1 '"dense",' '' --json dense secure --strict --root $roots/intel-server-numa
[[ ! -e $KVMKIT_STATE_DIR ]]
ok $? "a captured host leaves no host.json"

# Two hosts, as reports and as a captured one.
for host in intel-server-numa intel-laptop-arch amd-epyc-sev; do
	"$check" --json --root $roots/$host >"$dir/$host.json"
done
big=$dir/intel-server-numa.json small=$dir/intel-laptop-arch.json amd=$dir/amd-epyc-sev.json
expect 1 'lacks CPUID.07H:EBX.avx512f' '' --diff "$big" "$small"
ok "$(($(grep -c '^cpu.model: ' "$dir/out") != 1))" 'what differs is listed'
ok "$(($(grep -c '^both have -cpu Skylake-Client-v3 complete$' "$dir/out") != 1))" 'and a way out'
expect 0 '-cpu Skylake-Client-v3, from .*: yes$' '' --diff "$big" "$small" --cpu Skylake-Client-v3
expect 0 ': yes$' '' --compatible-with "$big" --root $roots/intel-server-numa
expect 1 'vendors differ' '' --compatible-with "$amd" --cpu kvm64 --root $roots/intel-server-numa
expect 2 '' "did you mean 'Haswell'" --compatible-with "$amd" --cpu Haswel --root $roots/amd-epyc-sev
expect 2 '' "the report Makefile, line 1" --diff "$big" Makefile
expect 2 '' 'cannot read the report /nowhere' --compatible-with /nowhere

# The initramfs has to know which devices vfio-pci takes.
cp -r $roots/passthrough-divided "$dir/initramfs"
image=$dir/initramfs/boot/initrd.img-6.1.0-22-amd64
: >"$image"
touch -d '2024-01-01' "$image"
touch -d '2024-01-02' "$dir/initramfs/etc/modprobe.d/vfio.conf"
expect 1 '^WARN  vfio.initramfs .*vfio.conf:1 is newer' '' passthrough --root "$dir/initramfs"
ok "$(($(grep -c '=> sudo update-initramfs -u' "$dir/out") != 1))" 'and what builds it'
touch -d '2024-01-03' "$image"
expect 1 '^pass  vfio.initramfs ' '' passthrough --root "$dir/initramfs"

# A damaged capture: one line that names file and field, no report.
cp -r $roots/intel-ok "$dir/host"
echo '{"kvm":{"api":"x"}}' >"$dir/host/kvmkit/kvm.json"
expect 2 '' "kvmkit/kvm.json: 'kvm.api' has no valid value" --root "$dir/host"
echo '{' >"$dir/host/kvmkit/kvm.json"
expect 2 '' 'kvmkit/kvm.json, line ' --root "$dir/host"
echo 'junk' >"$dir/host/kvmkit/cpuid.txt"
expect 2 '' 'kvmkit/cpuid.txt: line 1 ' --root "$dir/host"
mkdir -p "$dir/bare/proc"
expect 0 '^verdict: warn; backend none, hardware no; 0 failed, 1 warn' '' --root "$dir/bare"

# This machine.
run --json
ok "$((rc > 1))" "this machine: exit 0 or 1"
[[ $(<"$dir/out") = "$(<"$KVMKIT_STATE_DIR/host.json")" ]]
ok $? 'the same is left as host.json in KVMKIT_STATE_DIR'
rm "$KVMKIT_STATE_DIR/host.json"
run --no-trial
[[ ! -e $KVMKIT_STATE_DIR/host.json ]]
ok $? 'not without measurements'
run guest
[[ ! -e $KVMKIT_STATE_DIR/host.json ]]
ok $? 'nor for one goal'
run --no-trial --write --state-dir "$dir/other"
[[ -s $dir/other/host.json ]]
ok $? 'unless --write asks for it, in --state-dir'
expect 3 'verdict: ' 'cannot create the directory' --no-trial --write --state-dir "$dir/none/deeper"
run --no-trial --state-dir "$dir/none/deeper"
ok "$((rc > 1))" 'without --write that is no trouble'
"$check" --help >/dev/full 2>"$dir/err"
ok "$(($? != 3))" 'a full disk is exit 3'

# --watch reports, waits, and ends with the verdict when it is told to.
coproc watch { exec "$check" --watch --no-trial --interval 3600 2>&1; }
read -r -t 60 line <&"${watch[0]}"
[[ $line =~ ^watching\ [0-9]+\ checks,\ now\ (ok|warn|fail)$ ]]
ok $? "--watch: '$line'"
pid=$watch_PID
kill -TERM "$pid"
wait "$pid"
rc=$?
if [[ $line = *fail ]]; then want=1; else want=0; fi
ok "$((rc != want))" "ends with exit $rc"

# Time without the measurement, on the CPU: other tests run at the same time. An emulated
# CPU is not what the promise is about.
TIMEFORMAT='%3U %3S'
best=999999
for _ in 1 2 3 4 5; do
	read -r user system < <({ time "$check" --no-trial >/dev/null; } 2>&1)
	t=$((10#${user/./} + 10#${system/./}))
	((t < best)) && best=$t
done
if grep -q 'model name.*TCG' /proc/cpuinfo; then
	skip 'under 100 ms without the trial' 'this CPU is emulated'
else
	ok "$((best >= 100))" "takes $best ms of CPU without the trial"
fi

as_nobody=(setpriv --reuid 65534 --regid 65534 --clear-groups)
if [[ $EUID -ne 0 ]]; then
	skip 'as nobody' 'only root can become nobody'
elif ! "${as_nobody[@]}" test -x "$check" -a -r $roots/intel-ok/SOURCE; then
	skip 'as nobody' "nobody cannot reach $check"
else
	"${as_nobody[@]}" "$check" --root $roots/intel-ok >"$dir/out" 2>"$dir/err"
	ok $? 'as nobody: a captured host'
	"${as_nobody[@]}" "$check" -q >"$dir/out" 2>"$dir/err"
	ok "$(($? > 1))" 'as nobody: this machine'
	"${as_nobody[@]}" "$check" --load >"$dir/out" 2>"$dir/err"
	rc=$?
	grep -q -e '^kvm-check: \(cannot load\|nothing to load\|loaded: \)' "$dir/err"
	ok $? "as nobody: --load says why not, or that it is loaded (exit $rc)"
	for t in parse decide sysroot handoff live roots verdicts persist compat; do
		"${as_nobody[@]}" "$build/tests/probe/$t" >"$dir/out" 2>"$dir/err"
		ok $? "as nobody: the tests of $t"
	done
fi
finish
