# SPDX-License-Identifier: GPL-2.0-or-later
#
# For programs that run in the rig and boot guests with vmm: checks of one case, and their
# main. Each case is one function and one TAP subtest; its name on the command line selects
# it. Sourced; `cases` lists them.
#   usage: PROGRAM --list | PROGRAM CASE...
# $KVMKIT_VMM replaces vmm (a command that takes the same options).

vmm=("${BUILD:=$here/../../build}/vmm")
[[ -z ${KVMKIT_VMM-} ]] || read -ra vmm <<<"$KVMKIT_VMM"
rig=${RIG_CACHE:-$BUILD/rig}
bzimage=$rig/kernel/cloud/vmlinuz
# Seconds for one run of vmm. A boot takes 8 on a quiet machine, and many times that on a
# loaded or slow one.
limit=${RIG_LIMIT:-300}

ok() {
	local verdict=$1
	shift
	checks=$((checks + 1))
	if [[ $verdict -eq 0 ]]; then
		echo "    ok $checks - $*"
	else
		failed=$((failed + 1))
		echo "    not ok $checks - $*"
	fi
	return "$verdict"
}

is() {
	local got=$1 want=$2
	shift 2
	[[ $got = "$want" ]]
	ok $? "$*"
	[[ $got = "$want" ]] || echo "    # got '${got//$'\n'/, }', want '${want//$'\n'/, }'"
}

between() {
	local got=$1 low=$2 high=$3
	shift 3
	[[ $got =~ ^[0-9]+$ && $got -ge $low && $got -le $high ]]
	ok $? "$* ($low to $high)"
	[[ $got =~ ^[0-9]+$ && $got -ge $low && $got -le $high ]] || echo "    # got '$got'"
}

# All values of a key, in order, one a line.
facts() {
	tr -d '\r' <"$log" | sed -n "s/^@ $1=//p"
}

fact() {
	is "$(facts "$1")" "$2" "${3:-$1 is $2}"
}

# The guest's console and vmm's messages go to $log, vmm's status to $rc.
run() {
	timeout -k 10 "$limit" "${vmm[@]}" -nographic "$@" >"$log" 2>&1 </dev/null
	rc=$?
}

append() {
	echo "console=ttyS0 quiet panic=-1 $*"
}

# Reads a console, descriptor $1, up to the line with this fact.
until_fact() {
	local line
	while IFS= read -r -t "$limit" line <&"$1"; do
		echo "$line" >>"$log"
		[[ $line != "@ $2"* ]] || return 0
	done
	return 1
}

# A command of the human monitor, whose answer must be what is wanted ("": nothing).
hmp() {
	local said
	said=$("$BUILD/vmm-ctl" "$work/qmp" hmp "$1" 2>&1)
	[[ $said = "${2-}"* && (-n ${2-} || -z $said) ]]
	ok $? "$1"
	[[ $said = "${2-}"* && (-n ${2-} || -z $said) ]] || echo "    # said '$said'"
}

# Reads a stream, 8 for the console and 9 for events, up to a line that matches.
until_line() {
	local line
	while IFS= read -r -t "$limit" -u "$1" line; do
		line=${line%$'\r'}
		echo "$line" >>"$log"
		# shellcheck disable=SC2053 # a pattern
		[[ $line != $2 ]] || return 0
	done
	return 1
}

seen() {
	until_line 8 "@ $1"
	ok $? "the guest says $1"
}

gone() {
	until_line 9 "*DEVICE_DELETED*\"$1\"*"
	ok $? "$1 is gone"
}

one() {
	local name=$1 line
	checks=0 failed=0 rc=none
	work=$(mktemp -d)
	log=$work/log
	echo "# Subtest: $name"
	local start=$SECONDS
	"$name"
	echo "    1..$checks"
	echo "# $name took $((SECONDS - start)) s"
	if [[ $failed -eq 0 && $checks -gt 0 ]]; then
		echo "ok - $name"
	else
		echo "not ok - $name"
		echo "# exit code $rc, output:"
		tail -c 20000 "$log" 2>/dev/null | tr -cd '[:print:]\n\t' | sed 's/^/#   /'
		echo "# the host's last kernel messages:"
		dmesg | tail -n 5 | sed 's/^/#   /'
	fi
	rm -rf "$work"
}

# The arguments of PROGRAM.
run_named() {
	local name
	if [[ ${1-} = --list ]]; then
		printf '%s\n' "${cases[@]}"
		return 0
	fi
	for name; do
		[[ " ${cases[*]} " = *" $name "* ]] || {
			echo "${0##*/}: no case '$name'; there are: ${cases[*]}" >&2
			exit 2
		}
	done
	for name; do
		one "$name"
	done
}
