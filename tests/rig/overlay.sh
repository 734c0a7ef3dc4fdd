# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154
#
# Disks of each kind below temporary images, and below others while they are written.
# Sourced by linux-cases.

overlays() {
	local disk
	local -A before
	for disk in ide scsi virtio; do
		make_disk "$work/$disk"
	done
	"$BUILD/vmm-img" convert -q -f raw -O qcow2 "$work/virtio" "$work/q" && mv "$work/q" "$work/virtio"
	for disk in ide scsi virtio; do
		before[$disk]=$(sum "$work/$disk")
	done
	mkfifo "$work/keys" "$work/screen"
	: >"$log"
	TMPDIR=$work timeout -k 10 $((limit * 2)) "${vmm[@]}" -display none -serial stdio -m 256M \
		-kernel "$bzimage" -initrd "$initrd" -no-reboot -nic none \
		-append "$(append job=overlays)" -snapshot -drive "file=$work/ide,format=raw" \
		-drive "file=$work/virtio,format=qcow2,if=virtio,id=v" \
		-drive "file=$work/scsi,format=raw,if=scsi" -qmp "unix:$work/qmp,server,nowait" \
		<"$work/keys" >"$work/screen" 2>&1 &
	local pid=$!
	exec 7>"$work/keys" 8<"$work/screen"
	seen waiting
	for disk in vda sda sdb; do
		echo write $disk >&7
		seen "wrote=*"
	done
	for disk in ide scsi virtio; do
		is "$(sum "$work/$disk")" "${before[$disk]}" "the image of $disk is as it was"
	done
	hmp "commit ide0-hd0"
	is "$(head -c 1048576 "$work/ide" | sha256sum)" "$(facts wrote | sed -n 2p)" \
		"what was committed is in the image"
	before[ide]=$(sum "$work/ide")
	echo storm vda >&7
	seen "round=*"
	hmp "snapshot_blkdev v $work/top"
	seen "round=*"
	hmp "snapshot_blkdev v $work/tip"
	seen "round=*"
	hmp "commit v"
	seen "round=*"
	hmp "snapshot_blkdev_internal v here"
	seen "round=*"
	echo still >&7
	seen "storm=*"
	for disk in vda sda sdb; do
		echo read $disk >&7
		seen "read=*"
	done
	echo off >&7
	exec 7>&-
	wait "$pid"
	rc=$?
	cat <&8 >>"$log"
	exec 8<&-
	is "$rc" 0 "poweroff ends vmm with 0"
	fact storm same "what was written last is read, wherever it went"
	is "$(facts read | sed -n 2,3p)" "$(facts wrote | sed -n 2,3p)" "and of the others, too"
	fact errors 0 "the kernel has nothing to complain about"
	for disk in ide scsi virtio; do
		is "$(sum "$work/$disk")" "${before[$disk]}" "the image of $disk is as it was"
	done
	for disk in top tip; do
		"$BUILD/vmm-img" check -q "$work/$disk" >>"$log" 2>&1
		ok $? "the image $disk is in order"
	done
	"$BUILD/vmm-img" info -U "$work/tip" | grep -q ' here '
	ok $? "with the snapshot inside"
	is "$(find "$work" -name 'vl.*' | wc -l)" 0 "no temporary image is left"
}
