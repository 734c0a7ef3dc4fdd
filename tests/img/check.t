#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# vmm-img check beside qemu-img check: the same verdict about sound and damaged images, and
# after a repair both find nothing; and images that are made to hurt.

# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh"
# shellcheck source=tests/cli.sh
. "$(dirname "$0")/../cli.sh"
# shellcheck source=tests/img/lib.sh
. "$(dirname "$0")/lib.sh"

# Words, JSON and exit code of both.
same() { # WHAT ARG...
	local what=$1 want
	shift
	qemu-img check "$@" x.img >want 2>/dev/null
	want=$?
	run check "$@" x.img
	[ $rc -eq $want ] && diff want "$dir/out" >"$dir/diff"
	ok $? "$what: exit $want" "exit $rc; $(cat "$dir/diff" "$dir/err")"
	qemu-img check --output=json "$@" x.img 2>/dev/null | norm >want
	run check --output=json "$@" x.img
	norm <"$dir/out" | diff want - >"$dir/diff"
	ok $? 'and as JSON' "$(cat "$dir/diff" "$dir/err")"
}

# Repaired by vmm-img, it is in order for qemu-img, and holds what it held.
mend() { # REPAIR LEAKS CORRUPTIONS
	cp x.img y.img
	expect 0 "^    $2 leaked" '^Repairing' check -r "$1" y.img
	grep -q "^    $3 corruptions" "$dir/out"
	ok $? "$3 corruptions are repaired"
	qemu-img check y.img >"$dir/out" 2>&1 && [ "$(qemu-img compare x.img y.img)" = 'Images are identical.' ]
	ok $? 'qemu-img finds nothing, and the same data'
}

for options in '' 'cluster_size=512,refcount_bits=64' 'refcount_bits=2' 'refcount_bits=8' 'compat=0.10' \
	'cluster_size=2M,refcount_bits=32'; do
	make_image x.img ${options:+-o "$options"}
	same "a sound image, $options"
done
# With a bitmap, whose clusters are no leak.
qemu-img bitmap --add x.img map
same 'a sound image with a bitmap'

# The clusters of qemu-img's images: header, refcount table, refcount block, L1, L2, data.
make_image x.img
poke x.img 0x20006 0005
same 'a refcount that is too high'
mend leaks 1 0
mend all 1 0
make_image x.img
poke x.img 0x2000e 0001
same 'one that is too low'
mend all 0 1
expect 2 '2 errors were found' '^ERROR cluster 7 refcount=1 reference=2' check -r leaks x.img
make_image x.img
poke x.img 0x20000 0000
same 'a header that is free'
mend all 0 1
make_image x.img
poke x.img 0x30000 00
expect 2 'found on the image' '^ERROR OFLAG_COPIED L2 cluster: l1_index=0' check x.img
mend all 0 1
make_image x.img
poke x.img 0x28 0000000000000000
cp x.img y.img
expect 1 '' 'an L1 table that cannot be' check -r all y.img
cmp -s x.img y.img
ok $? 'a header that is its L1 table is not written to'
make_image x.img
poke x.img 0x10000 0000000000000000
qemu-img check x.img >"$dir/want" 2>/dev/null
run check x.img
[ $rc -eq 2 ] && diff "$dir/want" "$dir/out"
ok $? 'no refcounts at all'
cp x.img y.img
expect 0 'Double checking the fixed image' '^ERROR\|^Repairing' check -r all y.img
qemu-img check y.img >"$dir/out" 2>&1 && qemu-img compare x.img y.img >"$dir/out"
ok $? 'they are written anew'
make_image x.img
poke x.img 0x10000 0000000000050000
cp x.img y.img
expect 0 'Double checking' 'refcount block 0' check -r all y.img
qemu-img check y.img >"$dir/out" 2>&1
ok $? 'refcounts that were in the data are elsewhere'
expect 2 '' 'refcount block 0' check -q x.img
poke x.img 0x10000 0000005000000000
expect 2 'found on the image' 'refcount block 0 is outside image' check x.img
make_image x.img
poke x.img 0x40000 8000000000050200
expect 2 'found on the image' 'offset=50200: Cluster is not properly aligned' check x.img
make_image x.img
poke x.img 0x40000 8000005000000000
expect 2 'found on the image' 'region exceeding the end of the file' check x.img
make_image x.img -o lazy_refcounts=on
perl -e 'system(@ARGV)' qemu-io -c 'write 50M 1M' -c abort x.img >/dev/null 2>&1
poke x.img 0x4f 01
mend all 0 16
qemu-img info y.img | grep -q dirty
ok "$((! $?))" 'it is not marked as dirty any more'

# ---- which images, and what is wrong with the words ----

make_image x.img
expect 0 '' '' check -q x.img
qemu-img create -q z.img 1M
expect 63 '' 'does not support checks' check z.img
expect 63 '' 'does not support checks' check -f raw x.img
expect 1 '' 'is no qcow2 image' check -f qcow2 z.img
expect 1 '' 'cannot open the disk image nowhere' check nowhere
expect 1 '' '-r takes leaks or all' check -r none x.img
expect 1 '' 'drop -U' check -U -r all x.img
expect 1 '' 'usage: vmm-img check' check
exec 9<>x.img
perl -e 'open(my $f, "+<&=", 9); my $lock = pack("ssx4qqix4", 1, 0, 0, 0, 0); fcntl($f, 37, $lock) or die "$!\n"'
expect 1 '' 'is locked.*with vmm-img -U' check x.img
expect 0 'No errors' '' check -U x.img
exec 9>&-

# ---- images that are made to hurt ----

cp x.img good.img
hurt() { # WHAT OFFSET HEX
	cp good.img x.img
	poke x.img "$2" "$3"
	survives "$1" check x.img
	survives "$1, repaired" check -r all x.img
}
hurt 'no clusters' 20 00000000
hurt 'clusters of 4 GiB' 20 00000020
hurt 'a disk of 16 EiB' 24 ffffffffffffffff
hurt 'an L1 table of 4 G entries' 36 ffffffff
hurt 'an L1 table of 32 MiB' 36 00400000
hurt 'an L1 table nowhere' 40 7fffffffffff0000
hurt 'an L1 table in the header' 40 0000000000000000
hurt 'refcounts nowhere' 48 ffffffffffff0000
hurt 'refcounts in the header' 48 0000000000000000
hurt 'a huge refcount table' 56 ffffffff
hurt 'a refcount table of 8 MiB' 56 00000080
hurt 'many snapshots' 60 ffffffff
hurt '65536 snapshots' 60 00010000
hurt 'snapshots nowhere' 64 ffffffffffff0000
hurt 'refcounts of 2^200 bits' 96 000000c8
hurt 'unknown features' 72 00000000000000f0
hurt 'a header of 4 GiB' 100 ffffffff
hurt 'L2 tables that are the L1 table' 0x30000 8000000000030000
hurt 'an L2 table that is the header' 0x30000 8000000000000000
hurt 'all entries set' 0x40000 "$(printf 'ff%.0s' {1..4096})"
hurt 'refcounts all set' 0x20000 "$(printf 'ff%.0s' {1..4096})"
for size in 0 3 8 72 100 1000 65536 131073 200000 300000; do
	head -c $size good.img >x.img
	survives "cut at $size bytes" check -f qcow2 x.img
done
truncate -s 4E x.img 2>/dev/null || truncate -s 8T x.img
survives 'a file of 4 EiB' check -f qcow2 x.img
cp good.img x.img
truncate -s 8T x.img
survives 'a file of 8 TiB' check x.img
for seed in {1..40}; do
	cp good.img x.img
	perl -e 'srand($ARGV[1]); open(my $f, "+<", $ARGV[0]) or die;
		for (1 .. 12) {
			seek($f, (0, 0, 65536, 131072, 196608, 262144)[int(rand(6))] + int(rand(300)), 0);
			print $f chr(int(rand(256)));
		}' x.img "$seed"
	survives "damage $seed" check -f qcow2 -r all x.img
done
finish
