#!/bin/sh
# gotest.sh ARGUMENT...: go test, and after a failure the names of what failed once more, at the end.
out=$(mktemp)
trap 'rm -f "$out" "$out.status"' EXIT
{ go test "$@" 2>&1; echo $? >"$out.status"; } | tee "$out"
status=$(cat "$out.status")
if [ "$status" -ne 0 ]; then
	echo "== failed:"
	grep -E '^ *--- FAIL: |^FAIL[[:space:]]|^panic: |build failed|setup failed' "$out" | grep -v '^FAIL[[:space:]]*$' | sort -u
fi
exit "$status"
