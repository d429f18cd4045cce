#!/bin/sh
# lint.sh: the types of the pages' scripts, and whether what is vendored is what npm has.
set -eu
cd "$(dirname "$0")"
if ! command -v npm >/dev/null; then
	[ -z "${CI:-}" ] || { echo "npm is missing: install nodejs and npm" >&2; exit 1; }
	echo "skipped: npm is missing, and the types of the pages are checked by TypeScript; the pages themselves need neither"
	exit
fi
[ -d node_modules ] && cmp -s package-lock.json node_modules/.checked || {
	npm ci --no-audit --no-fund --silent
	cp package-lock.json node_modules/.checked
}
npx --no-install tsc --project tsconfig.json
vendored=../../shared/web/assets/vendor/preact.js
cmp "$vendored" node_modules/htm/preact/standalone.module.js || { echo "$vendored is not that of htm in package.json: npm run vendor" >&2; exit 1; }
