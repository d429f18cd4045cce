#!/bin/sh
# compile.sh: installs Taro and uni-app (600 MB, minutes), and wants an app of each to compile with this package in it.
set -eu
cd "$(dirname "$0")"
root=$(cd ../.. && pwd)
temp=$(mktemp -d) # out of the way of ./... and of gofmt: there is Go in node_modules
trap 'rm -rf "$temp"' EXIT
for framework in taro uni-app; do
	work=$temp/$framework
	cp -R "$framework" "$work"
	tgz=$(cd "$root" && npm pack --silent --pack-destination "$work")
	(
		cd "$work"
		npm install --ignore-scripts --legacy-peer-deps --no-audit --no-fund --no-save --loglevel=error "./$tgz"
		npm run build >build.log 2>&1 || { cat build.log; exit 1; }
		grep -rlq requestSubscribeMessage dist || { echo "$framework: the helper is not in dist"; exit 1; }
	)
	echo "== $framework: an app with wxnotify-miniprogram compiles"
done
