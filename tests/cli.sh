# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh disable=SC2034,SC2154
#
# For tests that call $program as a user does; sourced after tap.sh.

# Runs $program: its status in $rc, its words in $dir/out and err.
run() { # ARG...
	"$program" "$@" >"$dir/out" 2>"$dir/err"
	rc=$?
}

says() { # FILE PATTERN; none: the file is empty
	if [ -n "$2" ]; then grep -q -e "$2" "$1"; else [ ! -s "$1" ]; fi
}

# The same, and how it must end.
expect() { # RC PATTERN-IN-STDOUT PATTERN-IN-STDERR ARG...
	want=$1 out=$2 err=$3
	shift 3
	run "$@"
	[ $rc -eq "$want" ] && says "$dir/out" "$out" && says "$dir/err" "$err"
	ok $? "exit $want: ${program##*/} $*"
}
