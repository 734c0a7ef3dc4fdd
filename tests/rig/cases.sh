# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154
#
# For tests that run a program of cases in the rig: one boot of the rig for all of them.
# A rig that dies in a case is booted once more for the cases without a result; if it dies
# again that is a failure, never a pass. Sourced; `root` is the tree.

# The cases that were asked for: -k CASE..., or $RIG_CASES, or all that PROGRAM lists.
choose_cases() { # PROGRAM [-k CASE]...
	local program=$1 opt OPTIND=1
	local -a chosen
	shift
	mapfile -t todo < <("$program" --list)
	read -ra chosen <<<"${RIG_CASES:-}"
	while getopts k: opt; do
		[[ $opt = k ]] || exit 2
		chosen+=("$OPTARG")
	done
	[[ ${#chosen[@]} -eq 0 ]] || todo=("${chosen[@]}")
}

# Runs them, and prints their results as TAP. A case says "ok - NAME", or, from perl,
# "ok N - NAME". Further arguments go to the rig.
run_cases() { # PROGRAM [RIG OPTION]...
	local program=$1 done_count=0 attempt status line name results rig i
	shift
	echo "1..${#todo[@]}"
	for attempt in first second; do
		exec {results}< <(exec "$root/scripts/rig" --retries 0 --timeout 3000 --env RIG_LIMIT \
			"$@" run "$program" "${todo[@]}" 2>&1)
		rig=$!
		while IFS= read -r line <&"$results"; do
			case $line in
			"ok "*" - "* | "not ok "*" - "* | "ok - "* | "not ok - "*)
				done_count=$((done_count + 1))
				name=${line#* - }
				[[ $line != not* ]] || printf 'not '
				echo "ok $done_count - $name"
				for i in "${!todo[@]}"; do
					[[ ${todo[i]} != "$name" ]] || unset "todo[$i]"
				done
				;;
			"#"* | "    "*) printf '%s\n' "$line" ;;
			*) printf '# %s\n' "$line" ;;
			esac
		done
		exec {results}<&-
		wait "$rig"
		status=$?
		[[ ${#todo[@]} -gt 0 ]] || exit 0
		echo "# no result from: ${todo[*]} (rig's exit code $status)"
		[[ $status = 125 && $attempt = first ]] || break
		echo "# booting the rig once more for them"
	done
	echo "Bail out! The rig gave no result for: ${todo[*]}"
	exit 1
}
