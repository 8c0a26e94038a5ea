#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Generates and compiles every .proto file below the given directories that protoc accepts.
#
#   corpus.sh -g PLUGIN -i INCLUDE... [-I IMPORTS...] [-o OUT] [-j JOBS] DIR...
#
#   -g  protoc-gen-seal to try
#   -i  directory with sealrpc/gen.h; again for the one with sealrpc/version.h
#   -I  directory with .proto files that may be imported but are not tried themselves
#   -o  where to put the output and the lists of failures (default: a new temporary directory)
#   -j  compilers at once (default: one for each processor)
#
# Each DIR is an import path of its own. Exit status 0: everything that protoc accepts was
# generated and compiles, stubs in C11 and C++17 without a warning. Messages that compile only with
# warnings are counted: their text is protoc-gen-c's.
set -u

usage() {
    sed -n '3,16s/^# \{0,1\}//p' "$0" >&2
    exit 2
}

plugin='' out='' jobs=$(nproc) includes=() imports=()
while getopts g:i:I:o:j: option; do
    case $option in
    g) plugin=$(realpath "$OPTARG") ;;
    i) includes+=("-I$(realpath "$OPTARG")") ;;
    I) imports+=("-I$(realpath "$OPTARG")") ;;
    o) out=$OPTARG ;;
    j) jobs=$OPTARG ;;
    *) usage ;;
    esac
done
shift $((OPTIND - 1))
[ -n "$plugin" ] && [ $# -gt 0 ] || usage
out=${out:-$(mktemp -d)}
mkdir -p "$out"
out=$(realpath "$out")

warnings="-Wall -Wextra -Wpedantic -Wconversion -Werror -fsyntax-only"

# Splits the files named on standard input by directory, runs "$@ LIST" for each, and where that
# fails runs it for each file alone. Prints the files for which it succeeded.
by_directory() {
    local list=$1 dir
    shift
    sed 's|[^/]*$||' "$list" | sort -u | while read -r dir; do
        awk -v d="$dir" '{ s = $0; sub(/[^\/]*$/, "", s); if (s == d) print }' "$list" >"$work/batch"
        if "$@" $(cat "$work/batch") 2>>"$work/noise"; then
            cat "$work/batch"
        else
            while read -r file; do
                "$@" "$file" 2>>"$work/errors" && echo "$file"
            done <"$work/batch"
        fi
    done
}

accepts() { protoc -I"$root" "${imports[@]}" --descriptor_set_out=/dev/null "$@"; }
generates() {
    protoc -I"$root" "${imports[@]}" --plugin=protoc-gen-seal="$plugin" --seal_out="$work/gen" "$@"
}

# Generates what the generated headers include and is not there yet.
generate_imports() {
    local missing header
    while :; do
        missing=$(find "$work/gen" -name '*.h' -exec grep -h '^#include ".*\.pb-c\.h"' {} + |
            cut -d'"' -f2 | sort -u | while read -r header; do
                [ -e "$work/gen/$header" ] || echo "${header%.pb-c.h}.proto"
            done)
        [ -n "$missing" ] || return 0
        for file in $missing; do
            generates "$file" 2>>"$work/errors" || return 1
        done
    done
}

# compile NAME LIST COMMAND...: runs the command for each file of the list; failures in NAME.log.
compile() {
    local name=$1 list=$2
    shift 2
    xargs -r -P "$jobs" -d '\n' -n 1 sh -c '"$@" || { shift $(($# - 1)); echo "FAILED: $1" >&2; }' \
        sh "$@" <"$list" 2>"$work/$name.log"
    grep -c '^FAILED' "$work/$name.log" || true
}

status=0
number=0
for root in "$@"; do
    root=$(realpath "$root")
    number=$((number + 1))
    work=$out/$number-$(basename "$root")
    rm -rf "$work"
    mkdir -p "$work/gen"
    : >"$work/errors"
    (cd "$root" && find . -name '*.proto' | sed 's|^\./||' | sort) >"$work/all"
    by_directory "$work/all" accepts >"$work/accepted"
    mv "$work/errors" "$work/refused-by-protoc.log"
    : >"$work/errors"
    by_directory "$work/accepted" generates >"$work/generated"
    generate_imports || status=1
    find "$work/gen" -name '*.seal.c' | sort >"$work/stubs"
    find "$work/gen" -name '*.pb-c.c' | sort >"$work/messages"
    find "$work/gen" -name '*.seal.h' | sort >"$work/headers"
    bad_stubs=$(compile stubs "$work/stubs" gcc -std=c11 $warnings "${includes[@]}" -I"$work/gen")
    compile messages "$work/messages" gcc -std=c11 $warnings -I"$work/gen" >/dev/null
    sed -n 's/^FAILED: //p' "$work/messages.log" >"$work/unclean"
    bad_messages=$(compile unclean-messages "$work/unclean" gcc -std=c11 -w -fsyntax-only -I"$work/gen")
    bad_headers=$(compile headers "$work/headers" g++ -std=gnu++17 $warnings "${includes[@]}" \
        -I"$work/gen" -x c++ /dev/null -include)
    count() { wc -l <"$work/$1"; }
    echo "$root: $(count all) files, protoc accepts $(count accepted), generated" \
        "$(count generated); compiled: stubs $(($(count stubs) - bad_stubs))/$(count stubs)," \
        "messages $(($(count messages) - bad_messages))/$(count messages)" \
        "($(count unclean) with warnings)," \
        "headers in C++ $(($(count headers) - bad_headers))/$(count headers)"
    if [ "$(count accepted)" -ne "$(count generated)" ] || [ "$bad_stubs" -ne 0 ] ||
        [ "$bad_messages" -ne 0 ] || [ "$bad_headers" -ne 0 ]; then
        status=1
    fi
done
[ $status -eq 0 ] || echo "see the logs in $out" >&2
exit $status
