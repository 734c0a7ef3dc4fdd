# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh disable=SC2034,SC2154
#
# For tests that run vmm with a guest of some instructions, on any /dev/kvm; sourced after
# tap.sh. Without /dev/kvm the test is skipped.

need_kvm
vmm=$build/vmm

# A kernel of tests/guest with its library, as $dir/NAME; for multiboot and PVH.
assemble() { # NAME
	for part in "$1" lib; do
		${CC:-cc} -m32 -c -o "$dir/$part.o" "$top/tests/guest/$part.S" || return
	done
	ld -m elf_i386 --no-warn-rwx-segments -T "$top/tests/guest/guest.ld" -o "$dir/$1" \
		"$dir/$1.o" "$dir/lib.o"
}

# Runs one: what vmm and the guest say in $out (and for ok), the exit status in $status.
run_small() { # OPTION...
	out=$(timeout 120 "$vmm" -m 32 -nodefaults -display none -serial stdio \
		-device isa-debug-exit,iobase=0xf4,iosize=4 "$@" 2>&1 </dev/null)
	status=$?
	printf '%s\nstatus %s\n' "$out" "$status" >"$dir/out"
}

# What the guest said is the text on standard input, and it ended with status 33.
expect() { # WHAT
	want=$(cat)
	[ "$out" = "$want" ] && [ "$status" = 33 ]
	ok $? "$1" "status $status, said:
$out
wanted:
$want"
}
