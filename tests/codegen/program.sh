#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The program around the generator: exit codes, what goes to which stream, and no partial output.
#   program.sh PLUGIN IDL REQUESTS
set -u
plugin=$1 idl=$2 requests=$3
here=$(cd "$(dirname "$0")" && pwd)
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
status=0

# expect WHAT EXPECTED ACTUAL
expect() {
    [ "$2" = "$3" ] && return
    printf '%s: expected\n  %s\nbut got\n  %s\n' "$1" "$2" "$3"
    status=1
}

"$plugin" <"$requests/small.bin" >"$out/response" 2>"$out/err"
expect "exit status" 0 $?
expect "standard error" "" "$(cat "$out/err")"

head -c 100 "$requests/small.bin" | "$plugin" >"$out/response" 2>"$out/err"
expect "exit status of a broken request" 1 $?
expect "its output" 0 "$(wc -c <"$out/response")"
expect "its message" "protoc-gen-seal: cannot use the request: it is malformed" "$(cat "$out/err")"

"$plugin" </dev/null >"$out/response" 2>"$out/err"
expect "exit status of an empty request" 1 $?
expect "its output" 0 "$(wc -c <"$out/response")"

"$plugin" <"$requests/small.bin" >/dev/full 2>"$out/err"
expect "exit status when output fails" 1 $?
expect "its message" \
    "protoc-gen-seal: cannot write the response: No space left on device" "$(cat "$out/err")"

"$plugin" --version >"$out/version"
expect "exit status of --version" 0 $?
"$plugin" --nonsense 2>/dev/null
expect "exit status of an unknown argument" 1 $?

# Both ways to name the plugin, and a protoc-gen-c that is not there.
run() { protoc -I"$here/protos" -I"$idl" "$@" --seal_out="$out/gen" small.proto 2>"$out/err"; }
mkdir "$out/gen"
run --plugin="$plugin"
expect "exit status with --plugin=PATH" 0 $?
rm -rf "$out/gen" && mkdir "$out/gen"
run --plugin=protoc-gen-seal="$plugin"
expect "exit status with --plugin=NAME=PATH" 0 $?
expect "files" "small.pb-c.c small.pb-c.h small.seal.c small.seal.h" "$(ls "$out/gen" | xargs)"
rm -rf "$out/gen" && mkdir "$out/gen"
run --plugin="$plugin" --seal_opt=protoc_gen_c=/nowhere/protoc-gen-c
expect "exit status without protoc-gen-c" 1 $?
expect "its message" "--seal_out: /nowhere/protoc-gen-c: cannot be run: No such file or directory; \
install the package protobuf-c-compiler, or say where it is with --seal_opt=protoc_gen_c=PATH" \
    "$(cat "$out/err")"
run --plugin="$plugin" --seal_opt=protoc_gen_c=/bin/false
expect "exit status when protoc-gen-c fails" 1 $?
expect "files left behind" "" "$(ls "$out/gen")"
exit $status
