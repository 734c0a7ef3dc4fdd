#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# scripts/capture-root on this machine: the capture gives the verdicts that the machine
# gives, holds what --list names and nothing that tells whose machine it is.

# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh"
cd "$top" || exit 1
check=$build/kvm-check
capture=$top/scripts/capture-root
export KVMKIT_STATE_DIR=$dir/state LC_ALL=C

statuses() { # ARG...: "id status" lines of a report
	"$check" --json "$@" 2>>"$dir/err" |
		sed -nE 's/^      "(id|status)": "(.*)",$/\2/p' | paste - -
}

unpack() { # TAR: into $dir/host
	rm -rf "$dir/host"
	mkdir "$dir/host"
	tar -C "$dir/host" --strip-components=1 -xf "$1"
}

# What only ioctls, instructions and this process know: a capture without kvm-check says
# "skip" there, and what follows from it.
needs_check='kvm\.|module\.(vendor|kvm)|cpu\.|nested\.host|time\.tsc|memory\.huge_1g|security\.(encrypt|smt_rsb)'

compare() { # WHO COMMAND-PREFIX...
	local who=$1
	shift
	: >"$dir/err"
	rm -f "$dir/out/"*.tar
	"$@" "$capture" --check "$check" "$dir/out/a.tar" 2>>"$dir/err"
	ok $? "$who: captured with kvm-check"
	! tar tf "$dir/out/a.tar" | grep -qv '^kvm-host/'
	ok $? "$who: all of it in one folder"
	unpack "$dir/out/a.tar"
	"$@" "$check" --json 2>>"$dir/err" |
		sed -nE 's/^      "(id|status)": "(.*)",$/\2/p' | paste - - >"$dir/live"
	statuses --root "$dir/host" >"$dir/captured"
	[[ $(wc -l <"$dir/live") -gt 80 ]] && diff "$dir/live" "$dir/captured" >>"$dir/err"
	ok $? "$who: the same status of every check"

	: >"$dir/err"
	"$@" env PATH=/usr/sbin:/usr/bin:/sbin:/bin "$capture" "$dir/out/b.tar" 2>>"$dir/err"
	ok $? "$who: captured without kvm-check"
	unpack "$dir/out/b.tar"
	statuses --root "$dir/host" >"$dir/captured"
	diff <(grep -vE "^($needs_check)" "$dir/live") <(grep -vE "^($needs_check)" "$dir/captured") >>"$dir/err"
	ok $? "$who: the same for all that files tell"
	grep -q '^kvm.node	' "$dir/captured" &&
		diff <(grep '^kvm.node' "$dir/live") <(grep '^kvm.node' "$dir/captured") >>"$dir/err"
	ok $? "$who: and for /dev/kvm"
}

mkdir -m 777 "$dir/out"
compare "as $(id -un)" env
if [[ $EUID -ne 0 ]]; then
	skip 'as nobody' 'only root can become nobody'
elif ! setpriv --reuid 65534 --regid 65534 --clear-groups test -x "$capture" -a -x "$check"; then
	skip 'as nobody' "nobody cannot reach $capture"
else
	compare 'as nobody' setpriv --reuid 65534 --regid 65534 --clear-groups
fi

# ---- what is in it ----

rm -f "$dir/out/"*.tar
"$capture" --check "$check" "$dir/out/a.tar" 2>"$dir/err"
unpack "$dir/out/a.tar"
"$capture" --list >"$dir/list"
(cd "$dir/host" && find . -type f -o -type l) | sed 's/^\.//' | sort >"$dir/taken"
sed -E -e 's/^[a-z ]+: //' "$dir/list" | tr ' ' '\n' | sed -E -e 's#^([^/])#/\1#' \
	-e 's#^(.*)\{builtin,dep\}#\1builtin\n\1dep#' | sort >"$dir/named"
comm -23 "$dir/taken" "$dir/named" >"$dir/err"
[[ -s $dir/taken && ! -s $dir/err ]]
ok $? 'nothing is taken that --list does not name'

bad=0
looked=0
: >"$dir/err"
for secret in "$(hostname)" "$(cat /etc/machine-id 2>/dev/null)" "$(cat /proc/sys/kernel/random/boot_id)" \
	$(cat /sys/class/net/*/address 2>/dev/null | grep -v 00:00:00:00:00:00) \
	$(cat /sys/class/dmi/id/*serial /sys/class/dmi/id/*uuid 2>/dev/null) \
	$(awk -F: '$3 >= 1000 && $3 < 60000 { print $1 }' /etc/passwd); do
	# A name of one or two letters is in every file; one such as "debian" or "user" may be
	# there for other reasons.
	[[ ${#secret} -gt 3 ]] || continue
	! grep -qiF -e "$secret" /etc/os-release /proc/version /proc/cpuinfo "$capture" || continue
	looked=$((looked + 1))
	if grep -rqF -e "$secret" "$dir/host"; then
		echo "holds $secret" >>"$dir/err"
		bad=1
	fi
done
[[ $looked -gt 0 ]] || bad=1
ok $bad "no host name, machine id, boot id, MAC, serial number or user name ($looked looked for)"

# A file that has such things, on a machine of which nothing else is known.
if [[ $EUID -eq 0 ]] && unshare -m true 2>/dev/null; then
	mkdir "$dir/modprobe.d"
	printf '%s\n' 'options x mac=52:54:00:ab:cd:ef serial=ABC123 ip=192.0.2.7' \
		'# 12345678-9abc-def0-1234-56789abcdef0' >"$dir/modprobe.d/private.conf"
	# shellcheck disable=SC2016 # expands in the inner shell
	unshare -m bash -c 'mkdir -p /etc/modprobe.d && mount --bind "$1" /etc/modprobe.d && exec "$2" "$3"' \
		- "$dir/modprobe.d" "$capture" "$dir/out/c.tar" 2>"$dir/err"
	unpack "$dir/out/c.tar"
	grep -q 'options x mac=00:00:00:00:00:00' "$dir/host/etc/modprobe.d/private.conf"
	ok $? 'a file with addresses is taken'
	! grep -qE '52:54|ABC123|192\.0\.2\.7|12345678-9abc' "$dir/host/etc/modprobe.d/private.conf"
	ok $? 'without them'
else
	skip 'a file with addresses' 'needs root and a mount namespace'
fi
! find "$dir/host" ! -type f ! -type d ! -type l | grep -q .
ok $? 'no device nodes'

"$capture" --nonsense 2>/dev/null
ok "$(($? != 2))" 'a wrong option is exit 2'
"$capture" "$dir/none/x.tar" 2>"$dir/err"
[[ $? -eq 1 ]] && grep -q "cannot write $dir/none/x.tar" "$dir/err"
ok $? 'a folder that is not there is named'
finish
