#!/bin/sh
# timed.sh NAME COMMAND...: runs the command, then says how long it took. Its status is the command's.
name=$1
shift
start=$(date +%s)
"$@"
status=$?
echo "== $name: $(($(date +%s) - start)) s$([ $status -eq 0 ] || echo ", FAILED")"
exit $status
