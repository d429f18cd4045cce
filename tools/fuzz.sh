#!/bin/sh
# fuzz.sh TIME: runs each fuzz target of the module for that long.
set -eu
for dir in $(grep -rl --include='*_test.go' '^func Fuzz' . | xargs -n1 dirname | sort -u); do
	for target in $(grep -h '^func Fuzz' "$dir"/*_test.go | sed 's/^func \(Fuzz[A-Za-z0-9_]*\).*/\1/'); do
		echo "== $dir $target"
		go test -run='^$' -fuzz="^$target\$" -fuzztime="$1" "$dir"
	done
done
