#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# kvm-tune as a user calls it: words, options, exit codes, what goes where, and that bad
# input of any kind is one clear line and changes nothing.

# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh"
# shellcheck source=tests/cli.sh
. "$(dirname "$0")/../cli.sh"
cd "$top" || exit 1
tune=$build/kvm-tune
program=$tune
export KVMKIT_STATE_DIR=$dir/state KVMKIT_PROFILE_DIR=$top/tune/profiles LC_ALL=C
host=$dir/host
tests/tune/make-host "$host"
cp -a "$host" "$dir/fresh"

# The same on the made host, which must be as new afterwards.
refuse() { # RC PATTERN-IN-STDERR ARG...
	local want=$1 err=$2
	shift 2
	expect "$want" '' "$err" "$@" --root "$host"
	ok "$(($(wc -l <"$dir/err") != 1))" 'in one line'
	diff -r "$dir/fresh" "$host" >"$dir/out"
	ok $? 'nothing was changed'
}

# ---- help ----

expect 0 '^usage: kvm-tune COMMAND' '' --help
ok "$(($(wc -l <"$dir/out") > 24))" 'the help fits a screen'
expect 0 '^usage: kvm-tune COMMAND' '' -h
expect 0 '^kvmkit kvm-tune version [0-9]' '' --version
for command in $("$tune" --list-commands | awk '{ print $1 }'); do
	expect 0 "^usage: kvm-tune $command" '' "$command" --help
done
expect 0 '^vm.swappiness ' '' --list-knobs
ok "$(("$("$tune" --dump-options | awk -F'\t' 'NF != 5' | wc -l)" != 0))" 'rows of five for the manual'

# ---- wrong usage ----

expect 2 '' 'which command' --root "$host"
expect 2 '' "did you mean 'ksm'" kms
expect 2 '' 'see kvm-tune --help' frobnicate
expect 2 '' "did you mean '--dry-run'" show --dryrun
expect 2 '' "unknown option '-x'" show -x
expect 2 '' '--fit needs a value' sysctl --fit
expect 2 '' '--json takes no value' show --json=1
expect 2 '' '--fit has no meaning for kvm-tune show' show --fit 4G
expect 2 '' '--dry-run has no meaning for kvm-tune show' show -n
expect 2 '' '--fit needs the memory of a guest' sysctl --fit x
expect 2 '' '--fit needs the memory of a guest' sysctl --fit 5
expect 2 '' '--interval needs a number from 1' ksm watch --interval 0
expect 2 '' '--threshold needs a number from 1 to 99' ksm auto --threshold 100
expect 2 '' 'takes one of status' ksm onn
expect 2 '' "not 'off'" ksm on off
expect 2 '' '--json, .* have no meaning for kvm-tune ksm watch' ksm watch --json
expect 2 '' 'takes no words' profiles density
expect 2 '' '--mount goes with one size' hugepages --mount /mnt
expect 2 '' '--node goes with a size' hugepages --node 0
expect 1 '' '/nowhere: No such file' show --root /nowhere
expect 0 '^vm.swappiness = [0-9]*$' '' sysctl vm.swappiness
refuse 2 "did you mean 'vm.swappiness'" sysctl vm.swapines=1
refuse 2 "vm.swappiness needs a number, not 'abc'" sysctl vm.swappiness=abc
refuse 2 'vm.swappiness must be 0 to 200, not 201' sysctl vm.swappiness=201
refuse 2 'vm.overcommit_memory must be 0 to 2' sysctl vm.swappiness=1 vm.overcommit_memory=3
refuse 2 'exclude each other' sysctl vm.dirty_ratio=1 vm.dirty_bytes=10000
refuse 2 'ksm.run is no sysctl; use kvm-tune ksm' sysctl ksm.run=1
refuse 2 'vm.swappiness is no parameter of a KVM module; use kvm-tune sysctl' param vm.swappiness
refuse 2 "there is no profile 'nosuch'" apply nosuch
refuse 1 'cannot read the profile' apply ../../etc/passwd/..
refuse 2 'give one profile' apply
refuse 2 'give at most one profile' show density latency
refuse 2 "'3M=1' is no 2M=COUNT" hugepages 3M=1
refuse 2 'there is no NUMA node 7' hugepages 2M=1 --node 7
refuse 2 'no number of pages' hugepages 2M=some
refuse 2 'no multiple of the page size' hugepages 1G=1500M
refuse 2 'there is no knob' undo nonsense
refuse 2 'there is no knob' unpersist nonsense
refuse 2 'running host only' hugepages 2M=1 --mount /mnt
printf 'vm.swappiness = 10\nvm.nothing = 1\n' >"$dir/mine"
refuse 2 "$dir/mine line 2: there is no knob" apply "$dir/mine"
refuse 1 'cannot read the profile /nowhere/x: No such file' apply /nowhere/x
head -c 2000000 /dev/zero >"$dir/big"
refuse 1 'File too large' apply "$dir/big"

# ---- refused because it would do harm ----

refuse 1 'mode 2 would allow 2211 MiB (CommitLimit) but 4096 MiB are committed' \
	sysctl vm.overcommit_memory=2 vm.overcommit_ratio=1
refuse 1 'at most 5324 fit; nothing was changed' hugepages 2M=5325
refuse 1 'at most 2560 pages fit' hugepages 2M=2561 --node 1
refuse 1 'no such knob' persist cpu.min_perf_pct=100
expect 1 '^! vm.overcommit_memory = 2: mode 2' 'mode 2 would allow' \
	sysctl vm.overcommit_memory=2 vm.overcommit_ratio=1 --dry-run --root "$host"
diff -r "$dir/fresh" "$host" >"$dir/out"
ok $? 'a refused preview changes nothing'

# ---- damaged journal, foreign files ----

echo garbage >"$host/var/lib/kvmkit/tune.journal"
cp "$host/var/lib/kvmkit/tune.journal" "$dir/fresh/var/lib/kvmkit"
refuse 1 'tune.journal is damaged in line 1' sysctl vm.swappiness=10
refuse 1 'tune.journal is damaged in line 1' undo
refuse 1 'tune.journal is damaged in line 1' show
"$tune" sysctl vm.swappiness=10 --root "$dir/other" 2>/dev/null
cat >"$host/var/lib/kvmkit/tune.journal" <<-'END'
	kvmkit-journal 1
	save etc/passwd =x%0a 00000000
END
cp "$host/var/lib/kvmkit/tune.journal" "$dir/fresh/var/lib/kvmkit"
refuse 1 'is damaged in line 2' undo
rm "$host/var/lib/kvmkit/tune.journal" "$dir/fresh/var/lib/kvmkit/tune.journal"
for file in sysctl.d/90-kvmkit.conf modprobe.d/kvmkit.conf tmpfiles.d/kvmkit.conf; do
	echo '# mine' | tee "$host/etc/$file" >"$dir/fresh/etc/$file"
	refuse 1 "/etc/$file was not written by kvm-tune" persist throughput
	refuse 1 "/etc/$file was not written by kvm-tune" unpersist
	rm "$host/etc/$file" "$dir/fresh/etc/$file"
done

# ---- where nothing can be written ----

# As it is below a read-only /etc, where even what is not there cannot be removed.
if [ "$(id -u)" = 0 ] && unshare -m true 2>/dev/null; then
	unshare -m sh -c 'mount --bind "$2/etc" "$2/etc" && mount -o remount,ro,bind "$2/etc" &&
		exec "$1" persist ksm.run=1 --root "$2"' sh "$tune" "$host" >"$dir/out" 2>"$dir/err"
	[ $? -eq 1 ] && [ ! -s "$dir/out" ] &&
		grep -q 'cannot write /etc/tmpfiles.d/kvmkit.conf: Read-only file system' "$dir/err"
	ok $? 'a read-only /etc: the file that cannot be written is named, and nothing said to be kept'
else
	echo '# no mount namespace: a read-only /etc was not tried'
fi

# ---- looking ----

expect 0 '^vm.swappiness  *60  *-  *default  *10 ' '' show latency --root "$host"
expect 0 '^block.scheduler\[sda\]  *mq-deadline ' '' show --root "$host"
expect 0 '^cpu.governor\[all 2\]  *powersave ' '' show --root "$host"
expect 0 '"knob": "vm.swappiness"' '' show --json --root "$host"
perl -MJSON::PP -e 'local $/; decode_json(<STDIN>)' <"$dir/out"
ok $? 'which is JSON'
expect 0 'risk: ' '' sysctl vm.swappiness --root "$host"
expect 0 '^CommitLimit: 10.0 GiB now, 10.0 GiB after.*mode 0 does not enforce' '' sysctl --root "$host"
expect 0 'guests of 4.0 GiB that still fit: 1 by CommitLimit (not enforced), 3 in available RAM.*, 0 in free' '' \
	sysctl --fit 4G --root "$host"
expect 0 '11.4 GiB after.*mode 2 enforces' '' \
	sysctl vm.overcommit_memory=2 vm.overcommit_ratio=59 --dry-run --root "$host"
expect 0 '"by_commit_limit": 1' '' sysctl --fit 4G --json --root "$host"
expect 0 '^KSM is off; it saves 0 B' '' ksm --root "$host"
expect 0 '"mode": "off"' '' ksm status --json --root "$host"
expect 0 '^2.0 MiB   all ' '' hugepages --root "$host"
expect 0 'density .*guests' '' profiles --root "$host"
expect 0 'off saved=0 sharing=0' '' ksm watch --count 1 --root "$host"
for words in profiles show 'ksm watch --count 1'; do
	# shellcheck disable=SC2086
	"$tune" $words --root "$host" >/dev/full 2>"$dir/err"
	ok "$(($? != 3 || $(grep -c '^kvm-tune: cannot print: No space' "$dir/err") != 1))" "a full disk is exit 3: $words"
done
if command -v script >/dev/null; then
	script -qec "'$tune' ksm watch --count 1 --root '$host'" /dev/null >"$dir/out" </dev/null
	grep -q '^ *1 B |' "$dir/out" && grep -q 'ends with Ctrl-C' "$dir/out"
	ok $? 'on a terminal watch draws'
else
	skip 'on a terminal watch draws' 'script(1) is not installed'
fi
diff -r "$dir/fresh" "$host" >"$dir/out"
ok $? 'looking changes nothing'
[[ ! -e $KVMKIT_STATE_DIR ]]
ok $? 'a captured host leaves no tuning.json'
mkdir -p "$host/etc/kvmkit/profiles"
printf 'description = mine\nvm.swappiness = 77\n' >"$host/etc/kvmkit/profiles/density"
expect 0 '^density  *mine$' '' profiles --root "$host"
expect 0 '^+ vm.swappiness = 77' '' apply density -n --root "$host"
rm -r "$host/etc/kvmkit"

# ---- units ----

mkdir "$dir/units"
for unit in systemd/*.service; do
	sed "s|@PREFIX@/bin/|$build/|" "$unit" >"$dir/units/${unit##*/}"
	[[ $unit = systemd/kvm-tune* ]] || continue
	grep -q "^ExecStart=$tune " "$dir/units/${unit##*/}"
	ok $? "${unit##*/} starts kvm-tune"
	read -ra words < <(sed -n "s|^ExecStart=$tune ||p" "$dir/units/${unit##*/}")
	"$tune" "${words[@]}" --help >"$dir/out" 2>"$dir/err"
	ok $? "with words that it knows: ${words[*]}"
done
if command -v systemd-analyze >/dev/null; then
	# The manual page is not installed here.
	systemd-analyze verify "$dir"/units/*.service 2>&1 | grep -v "Command 'man" >"$dir/out"
	ok "$(($(wc -l <"$dir/out") != 0))" 'systemd has nothing to say about them'
else
	skip 'systemd has nothing to say about them' 'systemd-analyze is not installed'
fi

# ---- this machine, only looking ----

for command in show 'show latency' sysctl param ksm hugepages profiles 'apply secure --dry-run' 'undo --dry-run'; do
	# shellcheck disable=SC2086 # words
	"$tune" $command >"$dir/out" 2>"$dir/err"
	rc=$?
	# Kernels without KSM and hosts with too little memory to unmerge may say so.
	ok "$((rc > 1 || (rc == 1 && $(wc -l <"$dir/err") != 1)))" "this machine: $command (exit $rc)"
done
"$tune" show >/dev/full 2>"$dir/err"
ok "$(($? != 3))" 'a full disk is exit 3'
"$tune" show 2>"$dir/err" | head -n 1 >/dev/null
ok "$((${PIPESTATUS[0]} != 0))" 'a reader that stops early is no error'

as_nobody=(setpriv --reuid 65534 --regid 65534 --clear-groups)
if [[ $EUID -ne 0 ]]; then
	skip 'as nobody' 'only root can become nobody'
elif ! "${as_nobody[@]}" test -x "$tune" -a -r tests/tune/make-host; then
	skip 'as nobody' "nobody cannot reach $tune"
else
	for command in show sysctl param hugepages 'apply secure -n'; do
		# shellcheck disable=SC2086 # words
		"${as_nobody[@]}" "$tune" $command >"$dir/out" 2>"$dir/err"
		ok $? "as nobody: $command"
	done
	"${as_nobody[@]}" "$tune" sysctl vm.swappiness=60 >"$dir/out" 2>"$dir/err"
	ok "$(($? != 1))" 'as nobody: setting fails'
	grep -q 'only root may change the host' "$dir/err"
	ok $? 'and says who may'
fi
finish
