#!/bin/sh
# envcheck.sh [STAGE]: every ${env:NAME} of serverless.yml must be in the environment, in .env or in
# .env.STAGE, in this order; an unset one would be deployed as the text "undefined". Prints the names
# that have no value.
set -eu
names=$(grep -v '^ *#' serverless.yml | grep -o '\${env:[A-Za-z0-9_]*}' | sed 's/.*:\(.*\)}/\1/' | sort -u | tr '\n' ' ')
cat "${1:+.env.$1}" .env 2>/dev/null | awk -v names="$names" '
{
	at = index($0, "=")
	value = substr($0, at + 1)
	gsub(/["\047 \r]/, "", value)
	if (at) set[substr($0, 1, at - 1)] = value
}
END {
	n = split(names, list, " ")
	for (i = 1; i <= n; i++) {
		if (list[i] in ENVIRON) set[list[i]] = ENVIRON[list[i]]
		if (!(list[i] in set)) missing = missing " " list[i]
		else if (set[list[i]] == "") print list[i]
	}
	if (missing == "") exit
	print "not set:" missing "\ncopy the lines from .env.example into .env; a value may stay empty" >"/dev/stderr"
	exit 1
}'
