#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A host that DNS knows by another name: a warning, for the sake of other programs. $FAKE_DNS_LIBRARY is a resolver
# that knows such a host; empty under sanitizers, which cannot be preloaded over.
. "$(dirname "$0")/support.sh"

seal 0 spn check greeter/localhost
out 'ok greeter/localhost'

alias=$(awk '$1 ~ /^(127\.|::1)/ && NF > 2 && $3 !~ /^#/ && $3 != $2 && $2 !~ /^#/ { print $3; exit }' /etc/hosts)
if [ -n "$alias" ]; then
  echo "an alias in /etc/hosts: $alias"
  "$SEAL_REALM_PROGRAM" add --quiet --service "greeter/$alias"
  seal 0 spn check "greeter/$alias"
  finding warning dns-changes
  only_finding dns-changes
  out "DNS knows $alias as "
  seal 0 spn check "greeter/$alias" --no-dns
  out "ok greeter/$alias"
else
  echo "skipped: /etc/hosts gives no alias to an address of this machine"
fi

if [ -n "${FAKE_DNS_LIBRARY:-}" ]; then
  echo "a canonical name that the resolver makes up"
  "$SEAL_REALM_PROGRAM" add --quiet --service greeter/www.sealrpc.test
  export FAKE_DNS=www.sealrpc.test=node7.sealrpc.test
  run 0 env LD_PRELOAD="$FAKE_DNS_LIBRARY" "$SEAL" spn check greeter/www.sealrpc.test
  finding warning dns-changes
  only_finding dns-changes
  out 'DNS knows www.sealrpc.test as node7.sealrpc.test'
  out 'or register greeter/node7.sealrpc.test as well'
  out 'dns_canonicalize_hostname is off'
  FAKE_DNS=www.sealrpc.test=www.sealrpc.test
  run 0 env LD_PRELOAD="$FAKE_DNS_LIBRARY" "$SEAL" spn check greeter/www.sealrpc.test
  out 'ok greeter/www.sealrpc.test'
else
  echo "skipped under sanitizers: the resolver that is preloaded"
fi
