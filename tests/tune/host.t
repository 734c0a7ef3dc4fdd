#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Every knob on a made host: set, read back, undone to the byte, kept for the next boots and
# forgotten to the byte. Then what happens over several runs: originals, pairs, reboots,
# failures half-way, two runs at once.

# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh"
cd "$top" || exit 1
tune=$build/kvm-tune
export KVMKIT_PROFILE_DIR=$top/tune/profiles LC_ALL=C
host=$dir/host
journal=$host/var/lib/kvmkit/tune.journal
tests/tune/make-host "$dir/fresh"

is() { # GOT WANT MESSAGE
	[[ $1 = "$2" ]]
	ok $? "$3"
	[[ $1 = "$2" ]] || echo "# got '$1', want '$2'" >&2
}

renew() {
	rm -rf "$host"
	cp -a "$dir/fresh" "$host"
}

t() {
	"$tune" "$@" --root "$host" >"$dir/out" 2>"$dir/err"
}

same() { # MESSAGE; directories that persist made do not count
	find "$host/etc" -type d -empty ! -name '*.d' -delete
	diff -r --no-dereference "$dir/fresh" "$host" >"$dir/out"
	ok $? "$1"
}

value() { # PATH
	printf '%s' "$(<"$host/$1")"
}

# ---- every knob ----

# Another value than the made host has.
other() { # KNOB
	case $1 in
	thp.*) echo always ;;
	ksm.advisor_mode) echo scan-time ;;
	block.scheduler) echo mq-deadline ;;
	cpu.governor) echo performance ;;
	*.kvmclock_periodic_sync | *.enable_virt_at_load | kvm_amd.nested) echo off ;;
	kvm.ignore_msrs | kvm.mitigate* | kvm.enable_vm* | kvm.nx* | kvm_amd.avic | vfio*) echo on ;;
	vm.overcommit_memory | ksm.use* | cpu.boost | kernel.numa_balancing) echo $((1 - $(now "$1"))) ;;
	kernel.split_lock_mitigate | ksm.merge_across_nodes) echo 0 ;;
	vm.dirty_bytes | vm.dirty_background_bytes | vm.overcommit_kbytes) echo 123456789 ;;
	vm.zone_reclaim_mode | ksm.run | hugepages.1G*) echo 1 ;;
	vm.dirty_ratio | vm.dirty_background_ratio) echo 33 ;;
	vm.max_map_count) echo 99999 ;;
	*) echo 77 ;;
	esac
}

now() {
	"$tune" show --json --root "$host" |
		perl -MJSON::PP -e 'local $/; for (@{decode_json(<STDIN>)}) {
			my $k = $_->{knob}; $k =~ s/\[.*//; if ($k eq $ARGV[0]) { print $_->{now}; last } }' "$1"
}

renew
for knob in $("$tune" --list-knobs | cut -d' ' -f1); do
	case $knob in
	# Not on this host: Intel's CPUs.
	kvm_intel.* | cpu.min_perf_pct) continue ;;
	esac
	want=$(other "$knob")
	echo "$knob = $want" >"$dir/profile"
	t apply "$dir/profile"
	ok $? "$knob = $want"
	! diff -r "$dir/fresh" "$host" >/dev/null
	ok $? "$knob: something changed"
	t undo
	ok $? "$knob: undone"
	same "$knob: to the byte"
	t persist "$dir/profile"
	ok $? "$knob: kept for the next boots"
	[[ $(find "$host/etc" -type f | wc -l) -eq 1 ]]
	ok $? "$knob: in one file"
	t unpersist
	same "$knob: and forgotten"
done

# ---- values arrive ----

renew
t sysctl vm.swappiness=10 vm.overcommit_kbytes=9000000
is "$(value proc/sys/vm/swappiness)" 10 'a number is written'
is "$(value proc/sys/vm/overcommit_ratio)" 0 'the counterpart is 0 now'
grep -q '^vm.swappiness: 60 -> 10$' "$dir/out"
ok $? 'and said'
t undo
same 'both are back'
echo 'thp.enabled = never' >"$dir/profile"
t apply "$dir/profile"
is "$(value sys/kernel/mm/transparent_hugepage/enabled)" 'always madvise [never]' 'a choice is made'
t undo
t param kvm_amd.nested=off kvm.ignore_msrs=on
ok $? 'parameters'
is "$(value sys/module/kvm/parameters/ignore_msrs)" 1 'a writable one at once'
is "$(value sys/module/kvm_amd/parameters/nested)" 1 'a read-only one not'
is "$(tail -n 1 "$host/etc/modprobe.d/kvmkit.conf")" 'options kvm_amd nested=0' 'but in modprobe.d'
grep -q 'kvm_amd.nested: off in /etc/modprobe.d/kvmkit.conf; read-only while' "$dir/out"
ok $? 'which is said'
t undo
same 'undone, with the file'
t param kvm_intel.nested=1
grep -q 'in effect when kvm_intel is loaded' "$dir/out"
ok $? 'a module that is not loaded'
t undo
t hugepages 1G=1 2M=1G --node 1
ok $? 'huge pages of a node'
is "$(value sys/devices/system/node/node1/hugepages/hugepages-2048kB/nr_hugepages)" 512 'an amount in pages'
is "$(value sys/devices/system/node/node0/hugepages/hugepages-2048kB/nr_hugepages)" 0 'of that node only'
is "$(grep -c 'node[01]/hugepages/hugepages-2048kB' "$journal")" 2 'both nodes are in the journal'
grep -q 'mm/hugepages/hugepages-2048kB' "$journal"
ok $? 'and their sum'
t undo
t hugepages 2M=max
is "$(value sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages)" 5324 'as many as fit'
t undo hugepages.2M
same 'a pool goes back with its nodes'

# ---- several runs ----

t apply density
t apply latency
t sysctl vm.swappiness=99 vm.dirty_bytes=55555555
cp "$journal" "$dir/journal"
t sysctl vm.swappiness=98
cmp -s "$journal" "$dir/journal"
ok $? 'an original is saved once'
t undo --dry-run
grep -q '^+ /proc/sys/vm/swappiness = 60$' "$dir/out"
ok $? 'undo can be previewed'
is "$(value proc/sys/vm/swappiness)" 98 'which changes nothing'
t undo vm.dirty_ratio
is "$(value proc/sys/vm/dirty_ratio) $(value proc/sys/vm/dirty_bytes)" '20 0' 'half a pair: both'
is "$(value proc/sys/vm/swappiness)" 98 'and nothing else'
t undo
same 'the first originals are back'
t undo
grep -q '^nothing to undo$' "$dir/out"
ok $? 'once'
[[ ! -e $journal ]]
ok $? 'the journal is gone'

# A reboot brings the kernel's values back, or what was kept for it.
t sysctl vm.swappiness=10 --persist
ok $? 'set and kept'
t sysctl vm.swappiness=20
t undo
is "$(value proc/sys/vm/swappiness)" 60 'undone after a reboot as well'
[[ -e $host/etc/sysctl.d/90-kvmkit.conf ]]
ok $? 'what was kept stays'
t show
grep -q '^vm.swappiness  *60  *-  *10 ' "$dir/out"
ok $? 'and is shown'
t unpersist vm.swappiness
same 'until it is forgotten'

# A module that went away is no reason to fail.
t param kvm.ignore_msrs=on
mv "$host/sys/module/kvm" "$dir/kvm"
t undo
ok $? 'a knob that is gone'
grep -q 'kvm.ignore_msrs: is gone' "$dir/out"
ok $? 'is said to be'
mv "$dir/kvm" "$host/sys/module/kvm"
echo N >"$host/sys/module/kvm/parameters/ignore_msrs"
same 'the rest is as it was'

# ---- persist ----

t apply density
t persist
ok $? 'what was changed is kept'
grep -qx 'vm.dirty_ratio = 15' "$host/etc/sysctl.d/90-kvmkit.conf" &&
	! grep -q 'vm.dirty_bytes' "$host/etc/sysctl.d/90-kvmkit.conf"
ok $? 'of a pair the half that is not 0'
grep -qx 'w /sys/kernel/mm/ksm/run - - - - 1' "$host/etc/tmpfiles.d/kvmkit.conf"
ok $? 'files of sysfs through tmpfiles.d'
t persist
grep -q 'nothing to keep' "$dir/out"
ok $? 'once'
t undo
t persist vm.dirty_bytes=77777777
! grep -q dirty_ratio "$host/etc/sysctl.d/90-kvmkit.conf"
ok $? 'the counterpart leaves the file'
t unpersist
t persist latency
is "$(readlink "$host/etc/systemd/system/multi-user.target.wants/kvm-tune.service")" \
	/usr/local/lib/systemd/system/kvm-tune.service 'the unit is enabled'
grep -q '^note: .*kvm-tune.service is not installed' "$dir/out"
ok $? 'and said to be missing'
t apply "$host/etc/kvmkit/boot.conf"
ok $? 'what the unit does at boot'
is "$(value sys/devices/system/cpu/cpu1/power/pm_qos_resume_latency_us)" 70 'works'
t undo
t unpersist
same 'all forgotten'
echo 'vm.dirty_bytes = 1' >"$host/etc/sysctl.d/99-local.conf"
t persist vm.dirty_ratio=5
grep -q '^warning: /etc/sysctl.d/99-local.conf line 1 sets vm.dirty_bytes = 1, which is stronger' "$dir/out"
ok $? 'a later file that overrides ours is named'
rm "$host/etc/sysctl.d/99-local.conf"
t unpersist
same 'forgotten'

# ---- programs ----

json() { # KEY WANT ARG...
	local key=$1 want=$2
	shift 2
	t "$@" --json
	is "$(perl -MJSON::PP -e 'local $/; my $j = decode_json(<STDIN>);
		print eval "\$j->$ARGV[0]"' "$key" <"$dir/out" 2>&1)" "$want" "JSON of: $*"
}

json '{settings}[0]{now}' 10 sysctl vm.swappiness=10
json '{settings}[0]{before}' 60 sysctl vm.swappiness
json '{settings}[0]{recommended}' 30 sysctl vm.swappiness=30 --dry-run
json '{settings}[0]{action}' boot param kvm_amd.nested=0 --dry-run
json '{mode}' on ksm on
json '[0]{page}' 1073741824 hugepages 2M=4
json '[1]{pages}' 4 hugepages
t sysctl vm.swappiness=20 vm.dirty_ratio
grep -q '^vm.swappiness: 10 -> 20$' "$dir/out" && grep -q '^vm.dirty_ratio = 20' "$dir/out"
ok $? 'what is only named is shown beside what is set'
t undo
same 'undone'

# ---- failures half-way ----

# What cannot be kept is not set, either.
echo '# mine' >"$host/etc/sysctl.d/90-kvmkit.conf"
t sysctl vm.swappiness=10 --persist
is $? 1 'a file of somebody else'
is "$(value proc/sys/vm/swappiness)" 60 'is known before anything is set'
t sysctl vm.swappiness=10
ok $? 'and is no matter where nothing is kept'
t undo
rm "$host/etc/sysctl.d/90-kvmkit.conf"

# The last knob cannot be written: a directory is where its temporary file would be. What
# was written before goes back, and its records too.
cat >"$dir/profile" <<-'END'
	vm.swappiness = 10
	vm.dirty_bytes = 88888888
	ksm.run = 1
END
mkdir "$host/sys/kernel/mm/ksm/.run.kvmkit"
t apply "$dir/profile"
is $? 1 'a knob that cannot be written'
grep -q 'cannot set ksm.run to 1 .*; nothing was changed$' "$dir/err"
ok $? 'is named'
rmdir "$host/sys/kernel/mm/ksm/.run.kvmkit"
same 'and the others are as they were'
t sysctl vm.swappiness=20
mkdir "$host/sys/kernel/mm/ksm/.run.kvmkit"
t apply "$dir/profile"
rmdir "$host/sys/kernel/mm/ksm/.run.kvmkit"
is "$(value proc/sys/vm/swappiness)" 20 'or as an earlier run set them'
is "$(grep -c '^save' "$journal")$(grep -c '^drop' "$journal")" 43 'the earlier record stays'
t undo
same 'and is good for undo'

# ---- two at once ----

# As another run would.
mkfifo "$dir/go" "$dir/held"
perl -e 'use Fcntl; open(my $f, "+>>", $ARGV[0]) or die; my $l = pack("s s x4 q q l x4", F_WRLCK, 0, 0, 0, 0);
	fcntl($f, F_SETLK, $l) or die "lock: $!"; $| = 1; print "held\n"; <STDIN>' "$journal" \
	<"$dir/go" >"$dir/held" &
holder=$!
exec 3>"$dir/go"
read -r _ <"$dir/held"
t sysctl vm.swappiness=10
is $? 1 'while another run holds the journal'
grep -q "in use by process $holder; try again when it is done" "$dir/err"
ok $? 'it is named'
t show
ok $? 'looking is possible'
exec 3>&-
wait "$holder"
rm -f "$journal"
same 'nothing was changed'

finish
