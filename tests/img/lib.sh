# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034,SC2154
#
# For the tests of vmm-img; sourced after tap.sh and cli.sh. Works in a folder of its own.

program=$build/vmm-img
export LC_ALL=C
command -v qemu-img >/dev/null || skip_all 'qemu-img is not installed'
mkdir "$dir/w"
cd "$dir/w" || exit 1

# JSON in one order, without what depends on where a file's blocks are.
norm() {
	perl -MJSON::PP -0777 -ne '
		sub clean {
			my ($x) = @_;
			clean($_) for ref($x) eq "ARRAY" ? @$x : ref($x) eq "HASH" ? values %$x : ();
			delete($x->{"actual-size"}) if ref($x) eq "HASH";
		}
		my $x = decode_json($_);
		clean($x);
		print JSON::PP->new->canonical->pretty->encode($x)'
}

# An image with data, zeros, a snapshot, and compressed clusters.
make_image() { # FILE [OPTION-OF-CREATE...]
	local file=$1
	shift
	rm -f "$file"
	qemu-img create -q -f qcow2 "$@" "$file" 64M
	qemu-io -c 'write -P 1 0 256k' -c 'write -P 2 10M 1M' -c 'write -z 20M 1M' "$file" >/dev/null
	qemu-img snapshot -c one "$file"
	qemu-io -c 'write -P 3 64k 64k' -c 'write -c -P 4 30M 64k' -c 'write -P 5 40M 3M' "$file" >/dev/null
}

# Writes bytes into a file.
poke() { # FILE OFFSET HEX
	perl -e 'open(my $f, "+<", $ARGV[0]) or die; seek($f, $ARGV[1], 0); print $f pack("H*", $ARGV[2])' \
		"$1" "$(($2))" "$3"
}

# The program with checks against its own mistakes, where it was built.
sane=$build/san/vmm-img
[ -x "$sane" ] || sane=$program

# Ends by itself, within its exit codes, and without a word of the checks.
survives() { # WHAT ARG...
	local what=$1
	shift
	timeout 120 "$sane" "$@" >"$dir/out" 2>"$dir/err" </dev/null
	rc=$?
	[ $rc -le 3 ] && ! grep -Eq 'Sanitizer|runtime error' "$dir/err"
	ok $? "$what: exit $rc"
}
