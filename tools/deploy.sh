#!/bin/sh
# deploy.sh [STAGE]: scf deploy of serverless.yml without the variables that have no value. The component
# sends every line of `environments`, and an empty Value is not allowed: type Variable in
# https://github.com/TencentCloud/tencentcloud-sdk-go/blob/master/tencentcloud/scf/v20180416/models.go
set -eu
empty=$(tools/envcheck.sh "$@")
script='s|\./build|../../build|'
for name in $empty; do
	script="$script;/{ key: [A-Z_]*, value: \"\${env:$name}\" }/d"
done
dir=dist/deploy
mkdir -p "$dir"
sed "$script" serverless.yml >"$dir/serverless.yml"
echo "deploying $dir/serverless.yml, without:" ${empty:-nothing}
cd "$dir" # scf looks for .env two folders up
exec scf deploy ${1:+--stage "$1"}
