#!/bin/sh
# buildcheck.sh FOLDER FILE...: the folder must hold these files and no other, because all of it is
# uploaded, and each must be small enough to start fast.
set -eu
max=10485760 # bytes: 10 MiB
dir=$1
shift
failed=0
for f in "$@"; do
	size=$(wc -c <"$dir/$f")
	printf '%9d bytes  %s/%s\n' "$size" "$dir" "$f"
	if [ "$size" -gt $max ]; then
		echo "$dir/$f is larger than $max bytes" >&2
		failed=1
	fi
done
for path in $(find "$dir" -mindepth 1); do
	case " $* " in
	*" ${path#"$dir"/} "*) ;;
	*)
		echo "$path would be uploaded too, and is no part of the build: make clean" >&2
		failed=1
		;;
	esac
done
exit $failed
