#!/bin/sh
# compile.sh: installs Taro and uni-app (600 MB, minutes), and wants an app of each to compile with this package in it.
set -eu
cd "$(dirname "$0")"
root=$(cd ../.. && pwd)
for framework in taro uni-app; do
	work=$root/../build-local/$framework
	mkdir -p "$work"
	cp -R "$framework/." "$work"
	tgz=$(cd "$root" && npm pack --silent --pack-destination "$work")
	(
		cd "$work"
		rm -rf dist
		npm install --ignore-scripts --legacy-peer-deps --no-audit --no-fund --no-save --loglevel=error "./$tgz"
		npm run build >build.log 2>&1 || { cat build.log; exit 1; }
		grep -rlq requestSubscribeMessage dist || { echo "$framework: the helper is not in dist"; exit 1; }
	)
	echo "== $framework: an app with wxnotify-miniprogram compiles"
done
