#!/bin/sh
# nodetest.sh FOLDER: installs what the tests of an npm package need, and runs them. It skips them where there is no node.
set -eu
cd "$1"
if ! command -v node >/dev/null || ! command -v npm >/dev/null || [ "$(node -p 'parseInt(process.versions.node)')" -lt 20 ]; then
	echo "== tests of $1/: SKIPPED, they need node 20 or later with npm, which is not there"
	exit
fi
if [ ! node_modules/.package-lock.json -nt package-lock.json ]; then
	npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
fi
exec npm test --silent
