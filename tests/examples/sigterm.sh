#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A server that has said its port can be told to end at once: it drains and ends in order.
# In a scratch realm with greeter/localhost; SEAL_BIN: folder of the programs.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
mkfifo "$dir/out"
for i in $(seq 20); do
  "$SEAL_BIN/greeter-server" localhost:0 >"$dir/out" 2>"$dir/log" &
  read -r line <"$dir/out"
  kill -TERM $!
  status=0
  wait $! || status=$?
  [ "$status" -eq 0 ] || {
    echo "time $i: said \"$line\", ended with $status" >&2
    cat "$dir/log" >&2
    exit 1
  }
done
