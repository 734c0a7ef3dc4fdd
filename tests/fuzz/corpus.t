#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Every fuzz target survives its corpus, with the sanitizers where that build is there.
# Inputs that once broke something are added to the corpus.

# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh"

survives() { # PROGRAM TARGET
	said=$("$1" "$top/tests/fuzz/corpus/$2" 2>&1)
	ok $? "${1#"$build/"}: $(echo "$said" | tail -n 1)" "$said"
}

for source in "$top"/tests/fuzz/*.c; do
	name=$(basename "$source" .c)
	case $name in
	standalone | *-lib) continue ;;
	esac
	survives "$build/tests/fuzz/$name" "$name"
	if [ -d "$build/san" ]; then
		survives "$build/san/tests/fuzz/$name" "$name"
	else
		skip "san/tests/fuzz/$name" "no build with sanitizers in $build/san"
	fi
done
finish
