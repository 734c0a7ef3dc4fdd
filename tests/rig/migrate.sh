# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154
#
# A Linux guest under load that moves: over TCP to a second vmm, from there into a file,
# and from the file into a third one, which saves it in its disk and brings it back. Sourced
# by linux-cases.

# Starts vmm number $1 of the machine; its console is descriptor 2$1, its input 3$1.
move_start() { # N OPTION...
	local n=$1
	shift
	mkfifo "$work/keys$n" "$work/screen$n"
	timeout -k 10 $((limit * 3)) "${vmm[@]}" -display none -serial stdio -smp 2 -m 256M \
		-kernel "$bzimage" -initrd "$initrd" -no-reboot -append "$(append job=migrate)" \
		-drive "file=$work/disk,if=virtio" \
		-netdev user,id=n -device virtio-net-pci,netdev=n \
		-qmp "unix:$work/mon$n,server,nowait" "$@" \
		<"$work/keys$n" >"$work/screen$n" 2>&1 &
	pids[n]=$!
	eval "exec 3$n>'$work/keys$n' 2$n<'$work/screen$n'"
}

# A command of that vmm's human monitor, over QMP; its answer.
move_say() { # N COMMAND
	"$BUILD/vmm-ctl" --timeout 0 "$work/mon$1" hmp "$2" 2>&1
}

move_ticks() { # N
	until_fact "2$1" "tick=" && until_fact "2$1" "tick=" && until_fact "2$1" "tick="
	ok $? "the guest counts in vmm $1"
}

# What its guest said last, which may be half a line, comes before the next one's words.
move_end() { # N
	move_say "$1" quit
	cat <&"2$1" >>"$log"
}

migrate() {
	local said pids=()
	: >"$log"
	"$BUILD/vmm-img" create -q -f qcow2 -o lazy_refcounts=on "$work/disk" 16M
	ok $? "a qcow2 image"
	move_start 1
	move_ticks 1 || return
	move_start 2 -incoming tcp:127.0.0.1:4444
	until [[ -S $work/mon2 ]] || ! kill -0 "${pids[2]}"; do read -r -t 0.1 <>"$work/keys2"; done
	said=$(move_say 1 "migrate_set_parameter max-bandwidth 1G")
	is "$said" "" "no limit of the bandwidth"
	said=$(move_say 1 "migrate tcp:127.0.0.1:4444")
	is "$said" "" "migrate tcp:"
	move_say 1 "info migrate" | sed 's/^/    # /'
	is "$(move_say 1 "info status")" "VM status: paused (postmigrate)" "the source is done"
	move_end 1
	move_ticks 2 || return

	said=$(move_say 2 "migrate file:$work/saved")
	is "$said" "" "migrate file:"
	move_say 2 "info migrate" | sed 's/^/    # /'
	move_end 2
	move_start 3 -incoming "file:$work/saved"
	move_ticks 3
	move_say 3 stop
	is "$(move_say 3 "savevm here")" "" "savevm"
	is "$(move_say 3 "loadvm here")" "" "loadvm"
	is "$(move_say 3 "delvm here")" "" "delvm"
	move_say 3 cont
	move_ticks 3
	echo end >&33
	cat <&23 >>"$log"
	wait "${pids[3]}"
	rc=$?
	exec 31>&- 32>&- 33>&- 21<&- 22<&- 23<&-
	is "$rc" 0 "poweroff ends vmm with 0"
	is "$(facts tick)" "$(seq "$(facts tick | wc -l)")" "no tick is lost or comes twice"
	is "$(facts disk | sort -u)" same "the disk has what was written"
	is "$(facts memory)" "" "memory has, too"
	between "$(facts rounds | cut -d ' ' -f 1)" 2 1000000 "rounds of writing"
	"$BUILD/vmm-img" check -q "$work/disk" >/dev/null
	ok $? "the image is whole"
	fact ping answered "the network answers"
	fact complaint "" "the kernel has nothing to complain about"
}
