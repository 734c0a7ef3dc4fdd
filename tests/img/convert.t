#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# vmm-img convert: what comes out holds the same for qemu-img, takes as little space as
# what qemu-img makes, and is whole or not there at all.

# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh"
# shellcheck source=tests/cli.sh
. "$(dirname "$0")/../cli.sh"
# shellcheck source=tests/img/lib.sh
. "$(dirname "$0")/lib.sh"

make_image one.img
qemu-img convert -O raw one.img one.raw
make_image small.img -o cluster_size=512
qemu-img create -q -f qcow2 -b one.img -F qcow2 mid.img 100M
qemu-io -c 'write -P 9 1M 192k' -c 'write -z 10M 512k' -c 'write -P 8 80M 3k' mid.img >/dev/null

# The new image holds the same, is in order, and its file is no larger than qemu-img's,
# but for some clusters.
same() { # SOURCE ARG...
	local source=$1 ours theirs
	shift
	rm -f out want
	run convert "$@" "$source" out
	[ $rc -eq 0 ] && [ ! -s "$dir/out" ] && [ ! -s "$dir/err" ]
	ok $? "convert $* $source"
	qemu-img compare "$source" out >"$dir/out" 2>"$dir/err"
	ok $? 'the same bytes'
	case $* in
	*qcow2*)
		qemu-img check -q out >"$dir/out" 2>"$dir/err"
		ok $? 'in order'
		;;
	esac
	qemu-img convert "$@" "$source" want
	ours=$(stat -c %b out) theirs=$(stat -c %b want)
	[ "$ours" -le $((theirs + theirs / 4 + 2048)) ]
	ok $? "in little space: $((ours / 2)) KiB, qemu-img's $((theirs / 2)) KiB"
}

for image in one.img one.raw small.img mid.img; do
	same $image -O raw
	same $image -O qcow2
	same $image -O qcow2 -W -m 16
	same $image -O qcow2 -m 1 -o cluster_size=512,refcount_bits=8
	same $image -Oqcow2 -o cluster_size=2M,preallocation=metadata
	same $image -O raw -S 64k
done
same one.img -O raw -S 0
same one.img -f qcow2 -O qcow2 -T none -t none
same one.raw -pqO qcow2 -o compat=0.10
# Zeros that are stored as data are left out.
dd if=/dev/zero of=zeros.raw bs=1M count=16 2>/dev/null
printf x | dd of=zeros.raw bs=1 seek=5000000 conv=notrunc 2>/dev/null
same zeros.raw -O raw
same zeros.raw -O qcow2
expect 0 '' 'qcow means qcow2' convert -O qcow one.raw out
qemu-img info out | grep -q 'format: qcow2'
ok $? '-O qcow is qcow2'

# ---- compressed ----

cat "$top"/vmm/*/*.c >text.raw
truncate -s %64k text.raw
for options in '' '-W -m 16' '-o cluster_size=4k' '-o cluster_size=2M' '-o refcount_bits=1' '-o compat=0.10 -m 1'; do
	for image in one.img text.raw; do
		# shellcheck disable=SC2086
		same $image -c -O qcow2 $options
	done
done
same text.raw -c -O qcow2
[ "$(stat -c %s out)" -lt $(($(stat -c %s text.raw) * 7 / 8)) ]
ok $? 'it is smaller'
expect 0 '' '' convert -O raw out again.raw
cmp text.raw again.raw
ok $? 'and comes back'

# ---- into what is there, above a backing file, from a snapshot ----

head -c 70000000 /dev/urandom >there.raw
truncate -s 128M there.raw
expect 0 '' '' convert -n -O raw one.img there.raw
cmp -n 67108864 one.raw there.raw
ok $? '-n writes the zeros, too'
[ "$(stat -c %s there.raw)" = $((128 << 20)) ]
ok $? 'and leaves its size'
qemu-img create -q -f qcow2 there.img 64M
expect 0 '' '' convert -n --target-is-zero -O qcow2 one.raw there.img
qemu-img compare one.raw there.img >"$dir/out"
ok $? '--target-is-zero'
qemu-img create -q short.raw 1M
expect 1 '' 'short.raw has 1048576 bytes, less than one.img' convert -n -O raw one.img short.raw
expect 0 '' '' convert -O qcow2 -B one.img -F qcow2 mid.img above.img
qemu-img compare mid.img above.img >"$dir/out" && [ "$(stat -c %b above.img)" -lt 3000 ]
ok $? '-B copies only what is not in the backing file'
mkdir sub
expect 0 '' '' convert -O qcow2 -o backing_file=../one.img,backing_fmt=qcow2 mid.img sub/above.img
qemu-img compare mid.img sub/above.img >"$dir/out"
ok $? 'so does -o backing_file='
qemu-img convert -l one -O raw one.img want
expect 0 '' '' convert -l one -O raw one.img out
cmp want out
ok $? '-l copies a snapshot'
expect 0 '' '' convert -l snapshot.id=1 -O qcow2 one.img out
qemu-img compare want out >"$dir/out"
ok $? 'by its number, too'

# ---- nothing is lost ----

echo 'precious data' >x.img
cp x.img before
refuse() { # PATTERN-IN-STDERR ARG...
	local err=$1
	shift
	expect 1 '' "$err" convert "$@"
	[ "$(wc -l <"$dir/err")" = 1 ] && cmp x.img before && [ "$(ls -A)" = "$files" ]
	ok $? 'in one line, and nothing changed'
}
cp one.img broken.img
# An L2 table that begins amid a cluster.
poke broken.img 0x30000 8000000000050200
files=$(ls -A)
refuse 'usage: vmm-img convert' one.img
refuse 'one.raw and ./one.raw are the same file' one.raw ./one.raw
refuse "format 'vmdk' cannot be made" -O vmdk one.img x.img
refuse 'raw images cannot be compressed' -c -O raw one.img x.img
refuse 'raw images have no backing file' -B one.img -F qcow2 one.img x.img
refuse 'drop -o and -B' -n -o size=5 one.img x.img
refuse 'goes with -n' --target-is-zero one.img x.img
refuse 'no power of two' -S 5000 one.img x.img
refuse "-m needs a number from 1 to 16, not '17'" -m 17 one.img x.img
refuse "has no snapshot 'two'" -l two one.img x.img
refuse 'one.raw is no qcow2 image: it has no snapshots' -l two one.raw x.img
refuse "did you mean 'cluster_size'" -O qcow2 -o cluster_sice=4k one.img x.img
refuse 'cannot open the disk image nowhere' nowhere x.img
for options in '-O raw' '-O qcow2 -W'; do
	# shellcheck disable=SC2086
	expect 1 '' 'broken.img' convert $options broken.img x.img
	cmp x.img before && [ "$(ls -A)" = "$files" ]
	ok $? 'an image that cannot be read changes nothing'
done
(ulimit -f 3000 && "$program" convert -O qcow2 one.raw x.img 2>"$dir/err")
[ $? -eq 1 ] && grep -q 'cannot write x.img at' "$dir/err" && cmp x.img before && [ "$(ls -A)" = "$files" ]
ok $? 'nor when the disk is full'

# Killed as soon as it has a file, which has no name then.
for format in raw qcow2; do
	for try in 1 2 3 4 5; do
		"$program" convert -O $format -S 0 one.raw x.img &
		pid=$!
		perl -e 'for (1 .. 1e6) { last if grep { (readlink($_) // "") =~ /deleted/ } glob("/proc/$ARGV[0]/fd/*"); last if !-d "/proc/$ARGV[0]" }' \
			$pid
		kill -9 $pid 2>/dev/null
		wait $pid 2>/dev/null
		if cmp -s x.img before; then
			[ "$(ls -A)" = "$files" ]
			ok $? "$format: killed, x.img is what it was ($try)"
		else
			qemu-img compare one.raw x.img >"$dir/out" 2>&1
			ok $? "$format: killed too late, x.img is whole ($try)"
			cp before x.img
		fi
	done
done
finish
