#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# usage: linkage.sh PROGRAM...    Each program loads Heimdal's GSSAPI, and no part of MIT's or of the runtime.
set -eu
for program in "$@"; do
  loaded=$(ldd "$program")
  for library in libgssapi.so.3 libkrb5.so.26; do
    grep -q "^[[:space:]]*$library => /" <<<"$loaded" || { echo "$program does not load $library" >&2; exit 1; }
  done
  if grep -E 'libgssapi_krb5|libkrb5\.so\.3|libk5crypto|libkrb5support|libsealrpc' <<<"$loaded" >&2; then
    echo "$program loads the above: it is to stand on Heimdal alone" >&2
    exit 1
  fi
  if nm --defined-only "$program" | grep -w 'seal__gss_initiator_new' >&2; then
    echo "$program has the runtime's MIT-specific part in it" >&2
    exit 1
  fi
done
echo "on Heimdal alone: $*"
