# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh disable=SC2034,SC2154
#
# For tests in shell: their results as TAP, and what all of them need. Sourced by plain and
# other shells; $0 is a test in a folder below tests. Sets
#   top    the tree
#   build  the build folder, absolute
#   dir    a folder of the test's own, which goes with it; also for other users to read

top=$(cd "$(dirname "$0")/../.." && pwd)
build=${BUILD:-build}
case $build in
/*) ;;
*) build=$top/$build ;;
esac
dir=$(mktemp -d)
chmod 755 "$dir"
trap 'rm -rf "$dir"' EXIT
count=0

# With a failure comes the text, or else what the last program said in $dir/out and err.
ok() { # STATUS WHAT [TEXT]
	count=$((count + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $count - $2"
		return
	fi
	echo "not ok $count - $2"
	if [ $# -gt 2 ]; then
		printf '%s\n' "$3" | tail -n 60 | sed 's/^/# /' >&2
	else
		for stream in out err; do
			[ ! -f "$dir/$stream" ] || sed "s/^/# $stream: /" "$dir/$stream" >&2
		done
	fi
}

skip() { # WHAT REASON
	count=$((count + 1))
	echo "ok $count - $1 # SKIP $2"
}

# Every test ends with it: how many results there are.
finish() {
	echo "1..$count"
}

skip_all() { # REASON
	echo "1..0 # SKIP $1"
	exit 0
}

need_kvm() {
	if ! [ -r /dev/kvm ] || ! [ -w /dev/kvm ]; then
		skip_all "no access to /dev/kvm"
	fi
}
