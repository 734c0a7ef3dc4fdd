#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# vmm-img snapshot: what it makes qemu-img reads, and the other way round; the image is in
# order after each step, and holds what it should.

# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh"
# shellcheck source=tests/cli.sh
. "$(dirname "$0")/../cli.sh"
# shellcheck source=tests/img/lib.sh
. "$(dirname "$0")/lib.sh"

sound() {
	qemu-img check x.img >"$dir/out" 2>"$dir/err"
	ok $? "in order: $1"
}

holds() { # RAW-FILE
	qemu-img compare -F raw x.img "$1" >"$dir/out" 2>"$dir/err"
	ok $? "the disk is that of $1"
}

for options in '' 'cluster_size=4k,refcount_bits=8' 'compat=0.10' 'refcount_bits=64,lazy_refcounts=on'; do
	make_image x.img ${options:+-o "$options"}
	qemu-img snapshot -d one x.img
	qemu-img convert -O raw x.img first
	expect 0 '' '' snapshot -c 'the first' x.img
	sound "the first, $options"
	holds first
	qemu-io -c 'write -P 77 32k 300k' -c 'write -P 78 63M 1M' -c 'write -z 40M 64k' x.img >/dev/null
	qemu-img convert -O raw x.img second
	expect 0 '' '' snapshot -c second x.img
	sound 'two of them'
	qemu-img snapshot -l x.img >want
	expect 0 '^2 *second ' '' snapshot -l x.img
	diff want "$dir/out" >"$dir/diff"
	ok $? 'qemu-img lists them alike' "$(cat "$dir/diff")"
	expect 0 '' '' snapshot -a 'the first' x.img
	sound 'back to the first'
	holds first
	qemu-img snapshot -a second x.img
	holds second
	qemu-io -c 'write -P 11 20M 2M' x.img >/dev/null
	expect 0 '' '' snapshot -d 1 x.img
	sound 'without the first'
	expect 0 '' '' snapshot -a 2 x.img
	holds second
	expect 0 '' '' snapshot -d second x.img
	sound 'without any'
	holds second
	expect 0 '' '' snapshot x.img
done

# Those of qemu-img, with another size of the disk.
make_image x.img
qemu-img convert -O raw -l one x.img first
qemu-img resize -q x.img 100M
qemu-img info --output=json x.img | norm >want
expect 0 '"one"' '' info --output=json x.img
norm <"$dir/out" | cmp - want
ok $? 'info shows them'
expect 0 '' '' snapshot -a one x.img
sound 'back to a smaller disk'
holds first

# ---- trouble ----

cp x.img before
refuse() { # PATTERN-IN-STDERR ARG...
	local err=$1
	shift
	expect 1 '' "$err" snapshot "$@"
	[ "$(wc -l <"$dir/err")" = 1 ] && cmp x.img before
	ok $? 'in one line, and nothing changed'
}
qemu-img create -q raw.img 1M
refuse 'needs a value: --create NAME' -c
refuse 'usage: vmm-img snapshot' -c two
refuse 'one of -l, -a, -c and -d at a time' -c two -d one x.img
refuse 'drop -U' -U -c two x.img
refuse "there is a snapshot 'one' already" -c one x.img
refuse 'two' -a two x.img
refuse 'two' -d two x.img
refuse 'it cannot have snapshots' -c one raw.img
expect 0 '' '' snapshot -l raw.img
finish
