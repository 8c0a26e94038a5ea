#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# usage: strangers.sh SEAL_REALM C_PEER HEIMDAL_PEER    Inside a scratch realm. A server of this realm, and clients of
# another one that has the same name, but other keys: to them the server is an impostor, and they are to it. Both must say
# so. Then the same client at home, who must be served: the refusals had no other reason.
set -eu
realm=$1
declare -A peer=([c]=$2 [heimdal]=$3)
dir=$(mktemp -d)
server=
title=
: >"$dir/client"
trap '[ -z "$server" ] || kill "$server" || true; rm -rf "$dir"' EXIT

fail() {
  echo "strangers: $1" >&2
  sed 's/^/  /' "$dir/server" "$dir/client" >&2
  exit 1
}

begin() { # COMMAND OPTION...
  rm -f "$dir/port"
  "$@" --server --port-file "$dir/port" >"$dir/server" 2>&1 &
  server=$!
  until [ -s "$dir/port" ]; do
    kill -0 "$server" 2>/dev/null || { server=; fail "$title: the server does not start"; }
    sleep 0.02
  done
}

end() {
  kill "$server"
  wait "$server" || fail "the server ends with status $?"
  server=
}

# The server writes its line when it has seen the client's end, which may be after the client has gone.
await() { # LINE
  for _ in $(seq 1000); do
    grep -q "$1" "$dir/server" && return
    sleep 0.02
  done
  fail "$title: the server does not say: $1"
}

refused() { # WORDS COMMAND...
  local words=$1
  shift
  if "$@" >"$dir/client"; then
    fail "$title: the client was served"
  fi
  grep -Eq "^error: ($words): " "$dir/client" || fail "$title: the client does not say $words"
  [ "$(wc -l <"$dir/client")" -eq 1 ] || fail "$title: the client says more than that"
}

pair() { # CLIENT SERVER
  for mechanism in krb5 spnego; do
    names="$1 -> $2, $mechanism"
    title=$names
    begin "${peer[$2]}"
    there=localhost:$(cat "$dir/port")
    title="$names, other keys"
    # The runtime says what its mechanism makes of the error token, if there is one.
    refused 'PEER_REFUSED|AUTHENTICATION' "$realm" run --quiet --service greeter/localhost -- "${peer[$1]}" --client "$there" --mechanism "$mechanism"
    await '^end: AUTHENTICATION: '
    title="$names, another target"
    refused PEER_REFUSED "${peer[$1]}" --client "$there" --mechanism "$mechanism" --principal other/localhost
    title="$names, no ticket"
    refused OTHER env KRB5CCNAME="FILE:$dir/none" "${peer[$1]}" --client "$there" --mechanism "$mechanism"
    title="$names, at home"
    "${peer[$1]}" --client "$there" --mechanism "$mechanism" >"$dir/client" || fail "$title: the client was not served"
    end
    echo "ok      $names: strangers are refused, friends are not"
  done
}

pair heimdal c
pair c heimdal
pair heimdal heimdal
