#!/bin/sh
# fuzz.sh TIME [PATTERN]: runs each fuzz target of the module for TIME, a number of inputs
# (2000x) or a time (10m); with PATTERN, a regular expression, those whose "folder Target"
# it matches. One line a target, and a last line with the sums:
#
#	fuzz: 24 targets, 1234567 inputs
#
# A failure prints what the target said and the path of the failing input, does not keep
# the others from running, and makes the exit code 1. What go finds on the way is kept
# where `go test -fuzz` keeps it, in the build cache.
set -eu

time=${1:?usage: fuzz.sh TIME [PATTERN], such as fuzz.sh 2000x, or fuzz.sh 10m shared/im}
pattern=${2:-.}
cd "$(dirname "$0")/.."
module=$(go list -m)
cache=$(go env GOCACHE)/fuzz
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

# only_late TARGET LOG FOLDER: go test -fuzz TIME says at times that its own deadline is a
# failure (https://github.com/golang/go/issues/75804). So it is when that is all it says of
# the target, and no input was written.
only_late() {
	[ -z "$(find "$3/testdata/fuzz/$1" -type f -newer "$work/start" 2>/dev/null)" ] || return 1
	awk -v target="$1" '
		/^fuzz: / || /^(FAIL|PASS)$/ || /^exit status / || /^$/ { next }
		{ said++ }
		said == 1 && index($0, "--- FAIL: " target " (") == 1 { failed = 1; next }
		said == 2 && /^ +context deadline exceeded$/ { late = 1; next }
		{ other = 1 }
		END { exit !(failed && late && !other) }' "$2"
}

# inputs LOG: how many were tried, as the last line about progress has it.
inputs() { awk '/^fuzz: / && match($0, /execs: [0-9]+/) { n = substr($0, RSTART + 7, RLENGTH - 7) } END { print n + 0 }' "$1"; }

targets=0 all=0 failed=0
for dir in $(grep -rl --include='*_test.go' '^func Fuzz' . | xargs -n1 dirname | sort -u | sed 's|^\./||'); do
	names=$(grep -h '^func Fuzz' "$dir"/*_test.go | sed 's/^func \(Fuzz[A-Za-z0-9_]*\).*/\1/' |
		while read -r name; do echo "$dir $name" | grep -qE -- "$pattern" && echo "$name" || true; done)
	[ -n "$names" ] || continue
	# One binary serves all targets of a folder: to link it takes longer than 2000 inputs.
	if ! go test -c -fuzz=. -o "$work/test" "./$dir"; then
		failed=$((failed + 1))
		continue
	fi
	for name in $names; do
		: >"$work/start"
		outcome=ok
		# Inputs are minimized with a few tries: by default it is a minute for each that is new.
		(cd "$dir" && "$work/test" -test.run='^$' -test.fuzz="^$name\$" -test.fuzztime="$time" \
			-test.fuzzminimizetime=20x -test.fuzzcachedir="$cache/$module/$dir") >"$work/log" 2>&1 || outcome=FAILED
		if [ $outcome = FAILED ] && only_late "$name" "$work/log" "$dir"; then
			outcome=ok
		fi
		n=$(inputs "$work/log")
		targets=$((targets + 1)) all=$((all + n))
		printf '%-6s %-34s %-24s %9d inputs\n' "$outcome" "$dir" "$name" "$n"
		if [ $outcome = FAILED ]; then
			failed=$((failed + 1))
			grep -v '^fuzz: elapsed' "$work/log" | sed "s|testdata/fuzz/|$dir/testdata/fuzz/|" || true
		fi
	done
done
if [ $targets = 0 ] && [ $failed = 0 ]; then
	echo "no fuzz target matches $pattern" >&2
	exit 1
fi
echo "fuzz: $targets targets, $all inputs"
[ $failed = 0 ]
