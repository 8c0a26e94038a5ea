#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Each bad/NAME.proto must be refused with exactly the lines of bad/NAME.err, and leave no file.
#   bad.sh PLUGIN IDL [--update]
set -eu
plugin=$1 idl=$2 update=${3-}
here=$(cd "$(dirname "$0")" && pwd)
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
status=0
for proto in "$here"/bad/*.proto; do
    name=$(basename "$proto" .proto)
    mkdir "$out/$name"
    if protoc -I"$here/bad" -I"$idl" --plugin=protoc-gen-seal="$plugin" --seal_out="$out/$name" \
        "$name.proto" 2>"$out/all"; then
        echo "$name.proto was accepted"
        status=1
    fi
    # protoc's own warnings are not ours.
    grep -v 'warning: Import' "$out/all" | sed 's/^--seal_out: //' >"$out/err" || true
    if [ "$update" = --update ]; then
        cp "$out/err" "$here/bad/$name.err"
    elif ! diff -u "$here/bad/$name.err" "$out/err"; then
        status=1
    fi
    if [ -n "$(find "$out/$name" -type f)" ]; then
        echo "$name.proto left files behind"
        status=1
    fi
done
exit $status
