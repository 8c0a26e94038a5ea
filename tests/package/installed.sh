#!/usr/bin/env bash
# usage: installed.sh SOURCE_DIR BUILD_DIR    Installs into a folder of its own, builds the greeter against that with
# find_package and with pkg-config, and makes a call with each; then the ledger, and runs its story with what was installed.
set -eu
source=$1
build=$2
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
export PATH=$dir/prefix/bin:$PATH
export CC="${CC:-$(sed -n 's/^CMAKE_C_COMPILER:[A-Z]*=//p' "$build/CMakeCache.txt")}"

cmake --install "$build" --prefix "$dir/prefix" >"$dir/install.log"
libdir=$(dirname "$(find "$dir/prefix" -name libsealrpc.so)")
export LD_LIBRARY_PATH=$libdir PKG_CONFIG_PATH=$libdir/pkgconfig

for file in include/sealrpc/sealrpc.h include/sealrpc/version.h bin/protoc-gen-seal bin/seal-realm bin/seal \
  share/sealrpc/idl/sealrpc/options.proto share/sealrpc/openldap/sealrpc.schema share/sealrpc/openldap/sealrpc-acl.conf \
  share/man/man1/seal-realm.1 share/man/man1/seal.1 share/man/man1/protoc-gen-seal.1; do
  [ -e "$dir/prefix/$file" ] || { echo "not installed: $file" >&2; exit 1; }
done

# The .pc file finds the prefix from where it lies, also when all was moved.
for variable in includedir idldir libdir; do
  folder=$(realpath -e "$(pkg-config --variable=$variable sealrpc)" || true)
  case $folder in "$dir/prefix/"*) ;; *) echo "$variable in sealrpc.pc is $folder" >&2; exit 1 ;; esac
done

echo "with find_package"
cp -r "$source/examples/greeter" "$dir/greeter"
cmake -G Ninja -S "$dir/greeter" -B "$dir/cmake" -DCMAKE_PREFIX_PATH="$dir/prefix" >"$dir/cmake.log"
cmake --build "$dir/cmake" >>"$dir/cmake.log"

echo "with pkg-config"
mkdir "$dir/pc"
cd "$dir/pc"
protoc --proto_path="$dir/greeter" --proto_path="$(pkg-config --variable=idldir sealrpc)" --seal_out=. greeter.proto
protoc --proto_path="$(pkg-config --variable=idldir sealrpc)" --seal_out=. sealrpc/options.proto google/protobuf/descriptor.proto
flags=$(pkg-config --cflags --libs sealrpc libprotobuf-c)
for program in server client; do
  # shellcheck disable=SC2086
  "$CC" -std=c11 -Wall -Wextra -Werror -I. -o "greeter-$program" "$dir/greeter/greeter_$program.c" ./*.c sealrpc/*.c google/protobuf/*.c $flags
done

for where in "$dir/cmake" "$dir/pc"; do
  seal-realm run --quiet --service greeter/localhost -- bash -c '
    set -eu
    rm -f "$1/out"
    "$0/greeter-server" >"$1/out" & server=$!
    trap "kill $server; wait $server || true" EXIT
    while ! grep -qs "^port: " "$1/out"; do kill -0 $server; sleep 0.02; done
    "$0/greeter-client" "localhost:$(sed -n "s/^port: //p" "$1/out")" package
  ' "$where" "$dir" | grep '^reply: Hello, package! You are alice@SEALRPC.TEST\.$'
done

echo "the ledger"
cp -r "$source/examples/ledger" "$dir/ledger"
cmake -G Ninja -S "$dir/ledger" -B "$dir/ledger/build" -DCMAKE_PREFIX_PATH="$dir/prefix" >"$dir/cmake.log"
cmake --build "$dir/ledger/build" >>"$dir/cmake.log"
cp "$dir/ledger/build/ledger-server" "$dir/ledger/build/ledger-client" "$dir/prefix/bin"
SEAL_BIN=$dir/prefix/bin "$source/examples/ledger/run" >"$dir/story" 2>&1 || { cat "$dir/story"; exit 1; }
grep '^balance: 49.50$' "$dir/story"
