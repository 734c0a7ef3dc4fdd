#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# vmm-img rebase and commit: the disk holds what it held, over other images or over the one
# that took everything; whatever goes wrong, no image is lost.

# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh"
# shellcheck source=tests/cli.sh
. "$(dirname "$0")/../cli.sh"
# shellcheck source=tests/img/lib.sh
. "$(dirname "$0")/lib.sh"

# A disk over another one, and a third that differs here and there and is shorter.
make_images() { # [OPTION-OF-CREATE...]
	make_image base.img
	make_image other.img -o cluster_size=4k
	qemu-io -c 'write -P 40 128k 1M' -c 'write -P 41 50M 3M' other.img >/dev/null
	qemu-img resize -q --shrink other.img 60M
	rm -f top.img
	qemu-img create -q -f qcow2 "$@" -b base.img -F qcow2 top.img 80M
	qemu-io -c 'write -P 9 1M 192k' -c 'write -z 10M 512k' -c 'write -P 8 79M 3k' top.img >/dev/null
	qemu-img convert -O raw top.img want
}

holds() { # FILE WHAT
	qemu-img compare -F raw "$1" want >"$dir/out" 2>"$dir/err" && qemu-img check -q "$1" >>"$dir/out" 2>&1
	ok $? "$2: $1 holds what it held"
}

# ---- rebase ----

for options in cluster_size=64k cluster_size=512 compat=0.10 cluster_size=2M; do
	make_images -o $options
	expect 0 '' '' rebase -b other.img -F qcow2 top.img
	holds top.img "over another one, $options"
	qemu-img info top.img >"$dir/out"
	grep -q '^backing file: other.img$' "$dir/out" && grep -q '^backing file format: qcow2' "$dir/out"
	ok $? 'it names that one'
	expect 0 '' '' rebase -b '' top.img
	holds top.img 'over none'
	qemu-img info top.img >"$dir/out"
	grep -q 'backing' "$dir/out"
	ok "$((! $?))" 'it names none'
done
make_images
qemu-img convert -O raw base.img same.raw
expect 0 '' '' rebase -u -b same.raw -F raw top.img
holds top.img 'over the same in another format'
before=$(stat -c %b top.img)
expect 0 '' '' rebase -p -b base.img -F qcow2 top.img
holds top.img 'and back'
[ "$(stat -c %b top.img)" -le $((before + 256)) ]
ok $? 'nothing was copied'
# What else is in the header stays.
qemu-img bitmap --add top.img map
expect 0 '' '' rebase -u -b ./base.img -F qcow2 top.img
qemu-img info top.img | grep -q 'name: map'
ok $? 'bitmaps stay'
mkdir -p sub
mv top.img sub
expect 0 '' '' rebase -u -b ../base.img -F qcow2 sub/top.img
holds sub/top.img 'in another folder'

# ---- commit ----

for options in cluster_size=64k cluster_size=512 compat=0.10 lazy_refcounts=on,refcount_bits=8; do
	make_images -o $options
	expect 0 '^Image committed' '' commit top.img
	holds top.img "empty, $options"
	holds base.img 'took everything'
	[ "$(qemu-img map --output=json top.img | grep -c '"depth": 0')" = 0 ]
	ok $? 'nothing is left in it'
	qemu-img info --output=json top.img | norm | grep -v virtual-size >info
	make_images -o $options
	cp top.img old.img
	qemu-img info --output=json top.img | norm | grep -v virtual-size | cmp - info
	ok $? 'it is of the same kind'
	expect 0 '' '' commit -q -d top.img
	cmp top.img old.img
	ok $? '-d leaves it as it is'
	holds base.img 'took everything'
done
qemu-img convert -O raw other.img base.raw
rm top.img
qemu-img create -q -f qcow2 -b base.raw -F raw top.img
qemu-io -c 'write -P 9 1M 192k' -c 'write -z 10M 512k' top.img >/dev/null
qemu-img convert -O raw top.img want
expect 0 '^Image committed' '' commit top.img
cmp base.raw want
ok $? 'a raw image takes it, too'

# ---- trouble ----

make_images
cp top.img before
cp base.img base.before
refuse() { # PATTERN-IN-STDERR ARG...
	local err=$1
	shift
	expect 1 '' "$err" "$@"
	[ "$(wc -l <"$dir/err")" = 1 ] && cmp top.img before && cmp base.img base.before
	ok $? 'in one line, and nothing changed'
}
refuse 'usage: vmm-img rebase' rebase -b base.img -F qcow2
refuse 'which backing file' rebase top.img
refuse 'which format does other.img have' rebase -b other.img top.img
refuse 'new backing file: cannot open' rebase -b nowhere -F raw top.img
refuse 'only qcow2 images' rebase -f raw -b base.img -F qcow2 top.img
refuse 'too long' rebase -u -F raw -b "$(printf 'x%.0s' {1..2000})" top.img
refuse 'base.img has no backing file' commit base.img
refuse 'no qcow2 image' commit same.raw
exec 9<base.img
perl -e 'open(my $f, "<&=", 9); my $lock = pack("ssx4qqix4", 0, 0, 0, 0, 0); fcntl($f, 37, $lock) or die "$!\n"'
refuse 'base.img is locked' commit top.img
exec 9>&-
qemu-img snapshot -c one top.img
cp top.img before
refuse 'has snapshots and cannot become empty' commit top.img
finish
