#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# vmm-img info, map, compare, measure and resize beside qemu-img's on the same images: the
# same words, JSON and exit codes; and chains of images that are wrong.

# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh"
# shellcheck source=tests/cli.sh
. "$(dirname "$0")/../cli.sh"
# shellcheck source=tests/img/lib.sh
. "$(dirname "$0")/lib.sh"

same() { # ARG...
	local want
	qemu-img "$@" >want 2>/dev/null
	want=$?
	run "$@"
	[ $rc -eq $want ] && diff want "$dir/out" >"$dir/diff"
	ok $? "exit $want: $*" "exit $rc; $(cat "$dir/diff" "$dir/err")"
}

same_json() { # ARG...
	qemu-img "$@" | norm >want
	run "$@"
	norm <"$dir/out" | diff want - >"$dir/diff"
	ok $? "$*" "$(cat "$dir/diff" "$dir/err")"
}

# ---- images ----

make_image one.img
make_image two.img -o cluster_size=4096,refcount_bits=2,lazy_refcounts=on
make_image old.img -o compat=0.10
qemu-img create -q -f qcow2 -b one.img -F qcow2 mid.img
qemu-io -c 'write -P 9 1M 192k' -c 'write -z 10M 512k' mid.img >/dev/null
mkdir sub
qemu-img create -q -f qcow2 -b ../mid.img -F qcow2 sub/top.img 100M
qemu-io -c 'write -P 6 90M 1M' -c 'write -P 7 4k 4k' sub/top.img >/dev/null
qemu-img convert -O raw one.img one.raw
# A size that is no multiple of a sector.
head -c 100001 /dev/urandom >odd.raw

for image in one.img two.img old.img mid.img sub/top.img one.raw odd.raw; do
	same info "$image"
	same_json info --output=json "$image"
	[ $image = odd.raw ] || same_json map --output=json "$image"
	same measure -O qcow2 "$image"
	same_json measure -O raw --output=json "$image"
done
same info --backing-chain sub/top.img
same_json info --backing-chain --output=json sub/top.img
same info -U -f raw one.img
same map one.raw
same map mid.img
same map -s 1M -l 9M one.raw
same_json map --output=json --start-offset=65k --max-length=20M sub/top.img
same measure --size 5G -O qcow2
same measure --size 1T -O qcow2 -o cluster_size=512k,refcount_bits=64 --output=json
same measure -O qcow2 -o preallocation=full one.raw
expect 1 '^0x20000 ' 'compressed clusters, which have no place' map one.img

# ---- compare ----

qemu-img convert -O qcow2 -o cluster_size=2M one.raw same.img
cp one.raw other.raw
poke other.raw 0x28ffe10 ff
same compare one.img one.raw
same compare one.img same.img
same compare one.img two.img
same compare one.img mid.img
same compare mid.img sub/top.img
same compare sub/top.img mid.img
same compare one.raw other.raw
same compare one.img other.raw
same compare -s one.raw one.raw
same compare -s one.img one.img
same compare -s one.img mid.img
same compare -s mid.img sub/top.img
same compare -q one.raw other.raw
same compare -f qcow2 -F raw one.img one.raw
qemu-img create -q -f raw empty.raw 200M
qemu-img create -q -f qcow2 empty.img 64M
same compare empty.raw empty.img
same compare one.raw empty.raw
expect 2 '' 'cannot open the disk image nowhere' compare one.raw nowhere
expect 2 '' 'usage: vmm-img compare' compare one.raw

# ---- resize ----

for image in r.img r.raw; do
	make_image r.img
	[ $image = r.img ] || qemu-img convert -O raw r.img r.raw
	format=$([ $image = r.img ] && echo qcow2 || echo raw)
	for size in +1G 3G -1M; do
		cp $image q.$image
		qemu-img resize -q -f $format --shrink q.$image -- $size
		expect 0 '^Image resized' '' resize -f $format --shrink $image $size
		qemu-img compare $image q.$image >"$dir/out" && qemu-img compare -s q.$image $image >>"$dir/out"
		ok $? "$image: as qemu-img resizes it by $size"
	done
	cp $image before
	expect 1 '' 'give --shrink if that is meant' resize $image 1M
	expect 1 '' 'the disk has only' resize --shrink $image -1P
	expect 1 '' 'too large' resize $image +7999P
	expect 1 '' 'is no number of bytes' resize $image +many
	expect 1 '' 'no size is none' resize --shrink $image 0
	expect 1 '' 'usage: vmm-img resize' resize $image
	cmp $image before
	ok $? "$image: and nothing changed"
done
qemu-img check r.img >"$dir/out" 2>&1
ok $? 'qemu-img finds nothing'

# ---- chains that are wrong ----

expect 1 '' 'cannot open the disk image nowhere' info nowhere
expect 1 '' "--output takes human or json, not 'xml'" info --output=xml one.img
qemu-img create -q -f qcow2 -u -b gone.img -F qcow2 alone.img 1G
same info alone.img
expect 1 '' 'gone.img' info --backing-chain alone.img
expect 1 '' 'gone.img' map alone.img
qemu-img create -q -f qcow2 -u -b loop2.img -F qcow2 loop1.img 1G
qemu-img create -q -f qcow2 -u -b loop1.img -F qcow2 loop2.img 1G
qemu-img create -q -f qcow2 -u -b elf.img -F qcow2 self.img 1G
mv self.img elf.img
expect 1 '' 'in its own chain' info --backing-chain loop1.img
for command in map 'compare one.img' 'convert -O raw'; do
	for image in loop1.img elf.img; do
		# shellcheck disable=SC2086
		survives "$command $image" $command $image $([ "${command%% *}" = convert ] && echo out)
	done
done
[ ! -e out ]
ok $? 'nothing came of it'

finish
