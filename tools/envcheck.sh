#!/bin/sh
# envcheck.sh: every ${env:NAME} of serverless.yml must be in .env or in the environment; an unset one
# would be deployed as the text "undefined".
set -eu
missing=
for name in $(grep -v '^ *#' serverless.yml | grep -o '\${env:[A-Za-z0-9_]*}' | sed 's/.*:\(.*\)}/\1/' | sort -u); do
	grep -qs "^$name=" .env || printenv "$name" >/dev/null || missing="$missing $name"
done
if [ -n "$missing" ]; then
	echo "not set:$missing" >&2
	echo "copy the lines from .env.example into .env; a value may stay empty" >&2
	exit 1
fi
