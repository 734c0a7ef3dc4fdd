#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Every fuzz target survives its corpus, with the sanitizers where that build is there.
# Inputs that once broke something are added to the corpus.

top=$(cd "$(dirname "$0")/../.." && pwd)
build=${BUILD:-build}
case $build in
/*) ;;
*) build=$top/$build ;;
esac

n=0
for source in "$top"/tests/fuzz/*.c; do
	name=$(basename "$source" .c)
	[ "$name" != standalone ] || continue
	for program in "$build/tests/fuzz/$name" "$build/san/tests/fuzz/$name"; do
		n=$((n + 1))
		if said=$("$program" "$top/tests/fuzz/corpus/$name" 2>&1); then
			echo "ok $n - ${program#"$build/"}: $(echo "$said" | tail -n 1)"
		else
			echo "not ok $n - ${program#"$build/"}"
			echo "$said" | tail -n 40 | sed 's/^/# /' >&2
		fi
	done
done
echo "1..$n"
