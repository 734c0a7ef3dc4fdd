#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# vmm-img create: what qemu-img reads of the images, the same line about them, and that
# nothing happens to a file that is there when something is wrong.

# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh"
# shellcheck source=tests/cli.sh
. "$(dirname "$0")/../cli.sh"
program=$build/vmm-img
export LC_ALL=C
command -v qemu-img >/dev/null || skip_all 'qemu-img is not installed'
mkdir "$dir/w"
cd "$dir/w" || exit 1

# What qemu-img says about an image, without what depends on where the blocks are.
about() {
	qemu-img info --output=json "$1" | grep -v '"actual-size"'
}

# ---- the same image as qemu-img's, and the same words ----

same() { # FILE-AND-OPTIONS...
	rm -f x.img
	qemu-img create "$@" >want 2>&1
	about x.img >want.info
	rm x.img
	expect 0 '^Formatting' '' create "$@"
	diff want "$dir/out" >"$dir/diff"
	ok $? 'in the words of qemu-img' "$(cat "$dir/diff")"
	about x.img | diff want.info - >"$dir/diff"
	ok $? 'it is the same' "$(cat "$dir/diff")"
	case $* in
	*qcow2*)
		qemu-img check x.img >"$dir/out" 2>&1
		ok $? 'and in order'
		;;
	esac
}

qemu-img create -q -f qcow2 base.img 300M
qemu-img create -q -f raw base.raw 77M
same -f raw x.img 5G
same x.img 1000000
same -f raw -o preallocation=full x.img 3M
same -f qcow2 x.img 5G
same -f qcow2 -o compat=0.10 x.img 1G
same -f qcow2 -o lazy_refcounts=on,refcount_bits=1 x.img 1.5T
same -f qcow2 -o cluster_size=512,refcount_bits=64,preallocation=metadata x.img 30M
same -f qcow2 -o cluster_size=512,refcount_bits=2,preallocation=metadata x.img 30M
same -f qcow2 -o cluster_size=2M,preallocation=falloc x.img 30M
same -f qcow2 -o preallocation=full -o refcount_bits=8 x.img 3M
same -f qcow2 -b base.raw -F raw x.img 2G
same -fqcow2 -ub base.raw x.img -F raw 2G
same -f qcow2 -F raw -b base.raw x.img
mkdir sub
expect 0 'size=80740352' '' create -f qcow2 -b ../base.raw -F raw sub/x.img

# ---- space ----

expect 0 '' '' create -q x.img 5G
ok "$(($(stat -c %b x.img) > 100))" 'a raw image takes no space'
expect 0 '' '' create -q -o preallocation=falloc x.img 8M
ok "$(($(stat -c %b x.img) < 16384))" 'unless it is wished'
expect 0 '' 'qcow means qcow2' create -q -f qcow y.img 5G
ok "$(($(stat -c %b y.img) > 1000))" 'the course: qcow, in little space'

# ---- nothing is lost ----

echo 'precious data' >x.img
chmod 640 x.img
cp -p x.img before
refuse() { # PATTERN-IN-STDERR ARG...
	local err=$1
	shift
	expect 1 '' "$err" create "$@"
	[ "$(wc -l <"$dir/err")" = 1 ] && cmp x.img before && [ "$(ls -A)" = "$files" ]
	ok $? 'in one line, and nothing changed'
}
mkfifo fifo
files=$(ls -A)
refuse 'usage: vmm-img create'
refuse 'how large shall x.img be' x.img
refuse "the size '5X' is no number" x.img 5X
refuse 'too large' x.img 9999P
refuse "unknown option '-W'" -W x.img 5G
refuse "did you mean '--format'" --fromat raw x.img 5G
refuse "format 'vmdk' cannot be made; raw and qcow2 can" -f vmdk x.img 5G
refuse 'cluster_size=1000 is no power of two' -f qcow2 -o cluster_size=1000 x.img 5G
refuse 'refcount_bits=3 is no power' -f qcow2 -o refcount_bits=3 x.img 5G
refuse "did you mean 'cluster_size'" -f qcow2 -o clustersize=4k x.img 5G
refuse 'needs compat=1.1' -f qcow2 -o compat=0.10,lazy_refcounts=on x.img 5G
refuse 'too large for a cluster_size of 512' -f qcow2 -o cluster_size=512 x.img 500G
refuse 'extended_l2=on is not supported' -f qcow2 -o extended_l2=on x.img 5G
refuse 'hides the backing file' -f qcow2 -b base.raw -F raw -o preallocation=full x.img
refuse 'which format does the backing file' -f qcow2 -b base.raw x.img
refuse 'backing file: cannot open' -f qcow2 -b nowhere -F raw x.img
refuse 'raw images have no backing file' -b base.raw x.img 5G
refuse 'neither a regular file nor' fifo 5G
refuse 'cannot make' nowhere/x.img 5G
exec 9<>x.img
perl -e 'open(my $f, "+<&=", 9); my $lock = pack("ssx4qqix4", 1, 0, 0, 0, 0); fcntl($f, 37, $lock) or die "$!\n"'
ok $? 'the image is locked as by a guest'
refuse 'x.img is in use by another process' -f qcow2 x.img 5G
exec 9>&-
(ulimit -f 1000 && "$program" create -o preallocation=full x.img 5M 2>"$dir/err")
[ $? -eq 1 ] && grep -q 'cannot make x.img: File too large' "$dir/err" && cmp x.img before &&
	[ "$(ls -A)" = "$files" ]
ok $? 'nor when it cannot be finished'
expect 0 '' '' create -q x.img 5M
ok "$(($(stat -c '%s%a' x.img) != 5242880640))" 'without the lock it is replaced, with its mode'
ln -s x.img link
expect 0 '' '' create -q link 6M
[ -L link ] && [ "$(stat -c %s x.img)" = 6291456 ]
ok $? 'through a link, which stays'

# ---- help ----

expect 0 '^usage: vmm-img COMMAND' '' --help
ok "$(($(wc -l <"$dir/out") > 24))" 'the help fits a screen'
expect 0 '^kvmkit vmm-img version [0-9]' '' --version
for command in $("$program" --list-commands | awk '{ print $1 }'); do
	expect 0 "^usage: vmm-img $command" '' "$command" --help
done
expect 0 'cluster_size=<size>' '' create -f qcow2 -o help
expect 0 'preallocation=<off|falloc|full>' '' create -o help
expect 1 '' "did you mean 'create'" creat
expect 1 '' 'which command'
finish
