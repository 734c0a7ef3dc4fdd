#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The tree builds with the other compiler as well, in a folder of its own, without a
# warning: -Werror is in the flags.

top=$(cd "$(dirname "$0")/../.." && pwd)
build=${BUILD:-build}
case $build in
/*) ;;
*) build=$top/$build ;;
esac

if ! command -v clang >/dev/null; then
	echo "1..0 # SKIP clang is not installed"
	exit 0
fi
# Not the flags and the job server of a make that runs this test.
unset MAKEFLAGS MFLAGS MAKELEVEL
echo "1..2"
if log=$(make -C "$top" -j2 CC=clang BUILD="$build/clang" all tests 2>&1); then
	echo "ok 1 - builds with clang"
else
	echo "not ok 1 - builds with clang"
	echo "$log" | tail -n 40 | sed 's/^/# /' >&2
fi
# What was just built is clang's, not a leftover.
if [ -e "$build/clang/vmm" ] && readelf -p .comment "$build/clang/vmm" | grep -q 'clang version'; then
	echo "ok 2 - the program is clang's"
else
	echo "not ok 2 - the program is clang's"
fi
