#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Compares generated stubs with the golden files.
#   golden.sh PLUGIN IDL [--update]
set -eu
plugin=$1 idl=$2 update=${3-}
here=$(cd "$(dirname "$0")" && pwd)
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

protoc -I"$here/protos" -I"$idl" --plugin=protoc-gen-seal="$plugin" --seal_out="$out" \
    demo/v1/greeter.proto bare.proto recursive.proto
status=0
for file in demo/v1/greeter.seal.h demo/v1/greeter.seal.c bare.seal.c recursive.seal.c; do
    # The version is not what is tested.
    sed '1s/protoc-gen-seal [^ ]*/protoc-gen-seal VERSION/' "$out/$file" >"$out/actual"
    golden=$here/golden/$(basename "$file").golden
    if [ "$update" = --update ]; then
        cp "$out/actual" "$golden"
    elif ! diff -u "$golden" "$out/actual"; then
        status=1
    fi
done
exit $status
