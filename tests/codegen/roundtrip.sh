#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Messages written by protoc are read and written again by generated code, and must be the same.
#   roundtrip.sh ROUNDTRIP PROTOS
set -eu
roundtrip=$1 protos=$2
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
status=0
coder() { protoc -I"$protos" "--$1=opt.All" optional.proto; }
number=0
while IFS= read -r text; do
    number=$((number + 1))
    printf '%s\n' "$text" | coder encode >"$out/in"
    "$roundtrip" <"$out/in" >"$out/out"
    coder decode <"$out/in" >"$out/expected"
    coder decode <"$out/out" >"$out/actual"
    # Not compared by bytes: protoc writes keys and values of maps that are zero, protobuf-c does not.
    if ! diff -u "$out/expected" "$out/actual"; then
        echo "not the same: $text"
        status=1
    fi
done <<'TEXTS'

i: 0
i: -1 u: 0 d: 0 b: false s: "" y: "" c: RED
i: 5 u: 18446744073709551615 d: 1.5 b: true s: "x" y: "\000\001" c: BLUE m { level: HIGH label: "l" maybe: 0 }
m {}
plain_i: 7 plain_u: 8 plain_d: 9 plain_b: true plain_s: "p" plain_y: "q" plain_c: GREEN plain_m {} plain_l: HIGH
packed: [1, 2, 300] loose: [1, 2, 300] colors: [RED, BLUE, RED] strings: ["", "a"]
map { key: "k" value: BLUE } map { key: "" value: RED }
text: "t"
text: ""
raw: "r"
raw: ""
number: -5
number: 0
errno: "" linux: "e" has_errno: 3 child { errno: "in" child { plain_s: "deep" } }
f: 0 z: -1
TEXTS
[ $number -eq 16 ] && exit $status
