#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The loaders on a real /dev/kvm, with small guests of our own, which run on a
# software-only KVM too: multiboot, PVH, the built-in guest, and a reset in between.

# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh"
# shellcheck source=tests/guest/small.sh
. "$(dirname "$0")/small.sh"

printf one >"$dir/m1"
printf two >"$dir/m2"

assemble multiboot && assemble pvh
ok $? "the guests assemble"

run_small -kernel "$dir/multiboot" -append "a=1 b" -initrd "$dir/m1 x y,$dir/m2"
expect "multiboot: magic, memory, command line, modules, level-triggered lines, clean bss" <<-END
	2badb002
	0000024f
	00007c00
	kvmkit
	$dir/multiboot a=1 b
	$dir/m1 x y
	one
	$dir/m2
	two
	00000e00
	00000000
END

run_small -kernel "$dir/pvh" -append "hello world" -initrd "$dir/m1 x y,$dir/m2"
expect "PVH: start info, RSDP, command line, modules" <<-END
	336ec578
	00000001
	hello world
	RSD PTR
	x y
	one

	two
	02000000
	12345678
END

run_small -kernel "$dir/pvh" -append "reset" -initrd "$dir/m1"
expect "a reset loads all of it again, and keeps RAM" <<-END
	first pass
	336ec578
	00000001
	reset
	RSD PTR

	one
	02000000
	12345678
END

run_small -kernel "$dir/pvh" -append "reset" -no-reboot
[ "$status" = 0 ] && [ "$out" = "first pass" ]
ok $? "with -no-reboot the reset ends it" "status $status, said: $out"

out=$(timeout 60 "$vmm" -m 32 -smp 2 -display none -serial stdio 2>&1 </dev/null | tr -d '\r')
case $out in
*"KVMKVMKVM"*"31 MiB usable"*"ACPI        FACP APIC"*"CPUs        2"*"host bridge"*"powering off"*) ok 0 "the built-in guest sees the machine" ;;
*) ok 1 "the built-in guest sees the machine" "$out" ;;
esac
model=$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)
case $out in
*"CPU  "*", $model"*) ok 0 "with the host's processor name" ;;
*) ok 1 "with the host's processor name" "not '$model': $out" ;;
esac
timeout 60 "$vmm" -m 32 -display none -serial null </dev/null
ok $? "and its power-off ends with status 0"

finish
