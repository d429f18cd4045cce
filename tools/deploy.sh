#!/bin/sh
# deploy.sh [STAGE]: scf deploy of serverless.yml, and the quotas of its functions, with the settings of the environment and of one file: .env.STAGE,
# if it is there, else .env. What is exported wins over all files that scf reads itself.
#
# Variables without a value are left out: the component sends every line of `environments`, and an empty Value is not
# allowed. Source: type Variable in
# https://github.com/TencentCloud/tencentcloud-sdk-go/blob/master/tencentcloud/scf/v20180416/models.go
set -eu
stage=${1:-}
file=.env
[ -z "$stage" ] || [ ! -f ".env.$stage" ] || file=.env.$stage
exported=" $(env | sed 's/=.*//' | tr '\n' ' ') "
cr=$(printf '\r')
from=$file
[ -f "$file" ] || file=/dev/null from="the environment"
while IFS= read -r line || [ -n "$line" ]; do
	name=${line%%=*}
	case $name in "$line" | '' | [0-9]* | *[!A-Za-z0-9_]*) continue ;; esac
	case $exported in *" $name "*) continue ;; esac
	value=${line#*=}
	value=${value%"$cr"}
	case $value in
	\"*\") value=${value#?} value=${value%?} ;;
	\'*\') value=${value#?} value=${value%?} ;;
	esac
	[ -z "$value" ] || export "$name=$value"
done <"$file"

[ -n "${SESSION_LOG_TOPIC_ID:-}" ] || {
	echo "SESSION_LOGSET_ID and SESSION_LOG_TOPIC_ID are not set in $from: scf makes no log topics, and SCF logs what session returns. make deploy makes one." >&2
	exit 1
}
empty=
script='s|\./build|../../build|'
for name in $(grep -v '^ *#' serverless.yml | grep -o '\${env:[A-Za-z0-9_]*}' | sed 's/.*:\(.*\)}/\1/' | sort -u); do
	eval "value=\${$name:-}"
	[ -z "$value" ] || continue
	export "$name=" # of an unset one scf makes the text "undefined"
	line="{ key: [A-Z_]*, value: \"\${env:$name}\" }"
	if grep -q "$line" serverless.yml; then
		empty="$empty $name"
		script="$script;/$line/d"
	fi
done
dir=dist/deploy
mkdir -p "$dir"
sed "$script" serverless.yml >"$dir/serverless.yml"
echo "deploying $dir/serverless.yml with the settings of ${from}, without:${empty:- nothing}"
(cd "$dir" && scf deploy ${stage:+--stage "$stage"})

# The component has no field for concurrency quotas.
wxnotify=${WXNOTIFY:-go run ./cmd/wxnotify}
$wxnotify quota ${stage:+--stage "$stage"} || {
	echo "The functions are deployed, but not their quotas: an outage of Redis may cost much, and leave no instance for
callbacks. Set them by hand, or put TENCENT_SECRET_ID and TENCENT_SECRET_KEY into $from and deploy again." >&2
}
