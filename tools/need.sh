#!/bin/sh
# need.sh COMMAND PACKAGE: installs the Debian package unless the command is there. font:LANG in place of a
# command stands for a font of that language.
set -eu
there() {
	case $1 in
	font:*) fc-list ":lang=${1#font:}" | grep -q . ;;
	*) command -v "$1" >/dev/null ;;
	esac
}
there "$1" && exit
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
there "$1"
