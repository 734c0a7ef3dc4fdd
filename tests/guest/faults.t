#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Guests that fail, on a real /dev/kvm: what KVM cannot go on with and what a kernel says
# of its own end print registers and the code, and end with status 1; a triple fault is a
# reset.

# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh"
# shellcheck source=tests/guest/small.sh
. "$(dirname "$0")/small.sh"

assemble fault || exit 1

run() { # WORD [OPTION...]
	word=$1
	shift
	run_small -kernel "$dir/fault" -append "$word" "$@"
}

says() { # TEXT...: each is in $out
	for text in "$@"; do
		case $out in
		*"$text"*) ;;
		*) return 1 ;;
		esac
	done
}

run mmio
[ "$status" = 1 ]
ok $? "a guest that runs into nothing ends with status 1"
says "KVM internal error" "suberror 1" "cannot be emulated"
ok $? "KVM's error is named"
says "CPU#0" "EIP=d0000000" "EDI=600df00d" "CR0=0000003" "CS =0010"
ok $? "the registers are printed"
says "Code=?? " " <??> "
ok $? "where there is no code the dump says so"
run mmio -no-shutdown
[ "$status" = 1 ]
ok $? "-no-shutdown keeps a guest that ended, not one that failed"

run triple
[ "$status" = 33 ] && [ "$out" = "triple
triple" ]
ok $? "a triple fault resets, without a word"
run triple -no-reboot
[ "$status" = 0 ] && [ "$out" = triple ]
ok $? "with -no-reboot it ends with status 0"
run triple -no-reboot -d kvm
[ "$status" = 0 ] && says "vmm: triple fault" "vmm: CPU#0" "EIP=" "Code="
ok $? "-d kvm shows the registers"

run panic -device pvpanic
[ "$status" = 1 ]
ok $? "a panic ends with status 1"
says "vmm: the guest's kernel panicked" "CPU#0" "EDI=600df00d"
ok $? "and prints registers"
# It stops there, or a few instructions later.
says "b0 01 ee <fa> f4 eb" || says "b0 01 ee fa <f4> eb" || says "b0 01 ee fa f4 <eb>"
ok $? "and the code after the write that told of it"
run panic -device pvpanic -smp 2
[ "$status" = 1 ] && says "CPU#0" "CPU#1"
ok $? "of every vCPU"
run panic
[ "$status" = 33 ]
ok $? "without the device nobody listens"
run panic -device pvpanic,events=2
[ "$status" = 33 ]
ok $? "events= says what is listened to"
run crash -device pvpanic
[ "$status" = 33 ] && says "the guest crashed, and handles it itself"
ok $? "a crash that the guest handles is a warning"
run off -device pvpanic
[ "$status" = 0 ] && [ "$out" = off ]
ok $? "a shutdown through it ends with status 0"

finish
