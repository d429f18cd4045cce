#!/bin/sh
# need.sh COMMAND PACKAGE: installs the Debian package unless the command is there.
set -eu
command -v "$1" >/dev/null && exit
if ! command -v apt-get >/dev/null; then
	echo "$1 is missing, and there is no apt-get to install it: install $1 and try again" >&2
	exit 1
fi
sudo=
[ "$(id -u)" = 0 ] || sudo=sudo
echo "== $1 is missing: installing $2 with apt-get"
export DEBIAN_FRONTEND=noninteractive
$sudo apt-get update -qq
$sudo apt-get install -qq --no-install-recommends "$2"
command -v "$1" >/dev/null
