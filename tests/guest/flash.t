#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A firmware of our own in flash, on any /dev/kvm: reads that KVM serves, commands that
# take the memory away and give it back, RAM below 1 MiB that is hidden and protected, a
# reset in between; and what the image has in the end.

# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh"
# shellcheck source=tests/guest/small.sh
. "$(dirname "$0")/small.sh"

firmware() {
	${CC:-cc} -m32 -I"$top" -c -o "$dir/flash.o" "$top/tests/guest/flash.S" &&
		ld -m elf_i386 --oformat binary --no-warn-rwx-segments -e 0xffff0000 \
			-T "$top/tests/guest/flash.ld" -o "$dir/code" "$dir/flash.o" &&
		truncate -s 64K "$dir/code"
}

new_vars() {
	yes 'old text' | tr -d '\n' | head -c 65536 >"$dir/vars"
}

run() { # OPTIONS OF THE SECOND CHIP
	run_small -drive "if=pflash,format=raw,file=$dir/code,readonly=on" \
		-drive "if=pflash,format=raw,file=$dir/vars$1"
}

said() { # BLOCK ERASE-STATUS ERASED-BYTE PROGRAM-STATUS
	cat <<-END
	chip old text
	query QRY
	block $1
	status 000000$2
	erased 000000$3
	status 000000$4
	ROM 000000e9
	ROM kept 00000066
	nothing 000000ff
	RAM 00000012
	protected 00000012
	hidden 000000ff
	written below 00000056
	RAM there 00000078
	beside it 000000ff
	END
}

firmware
ok $? "the firmware assembles"

new_vars
run ,unit=1
expect "the chip is erased and programmed; a reset shows ROM and the array again" <<-END
	$(said "old te" 80 ff 80)
	$(said kvmkit 80 ff 80)
	END
block=$(dd if="$dir/vars" bs=4096 skip=1 count=1 status=none | tr -d '\377')
[ "$block" = kvmkit ] && [ "$(wc -c <"$dir/vars")" = 65536 ]
ok $? "the image has what the chip has" "$block"

# Erased when the guest writes it again: the same bytes.
run ,unit=1
expect "the next machine finds it" <<-END
	$(said kvmkit 80 ff 80)
	$(said kvmkit 80 ff 80)
	END

new_vars
run ,unit=1,readonly=on
expect "a read-only image is protected, and the chip says so" <<-END
	$(said "old te" a2 74 b2)
	$(said "old te" a2 74 b2)
	END
[ "$(tr -d '\n' <"$dir/vars" | sed 's/old text//g')" = "" ]
ok $? "nothing was written"
finish
