#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The generator's copy of the options (codegen/plugin.proto) must have the fields and numbers of the
# public ones (idl/sealrpc/options.proto).
#   options.sh SOURCE
set -eu
# fields FILE MESSAGE: "label name number" of each field
fields() {
    sed -n "/^message $2 {/,/^}/p" "$1" |
        sed -n 's/^  \([a-z]*\) [A-Za-z0-9_.]* \([a-z_]*\) = \([0-9]*\);.*/\1 \2 \3/p'
}
status=0
for message in ServiceOptions MethodOptions; do
    public=$(fields "$1/idl/sealrpc/options.proto" $message)
    private=$(fields "$1/codegen/plugin.proto" Seal$message)
    if [ -z "$public" ] || [ "$public" != "$private" ]; then
        printf '%s differs:\n%s\n--\n%s\n' "$message" "$public" "$private"
        status=1
    fi
done
numbers=$(sed -n 's/^  optional sealrpc\.[A-Za-z]* [a-z]* = \([0-9]*\);/\1/p' \
    "$1/idl/sealrpc/options.proto" | sort -u)
seal=$(sed -n 's/^  optional Seal[A-Za-z]* seal = \([0-9]*\);/\1/p' "$1/codegen/plugin.proto" | sort -u)
if [ -z "$numbers" ] || [ "$numbers" != "$seal" ]; then
    echo "extension numbers differ: $numbers and $seal"
    status=1
fi
exit $status
