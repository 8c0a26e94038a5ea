#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A server publishes itself as the account in its keytab: below its own computer account, where
# nobody else may, and nowhere else.
. "$(dirname "$0")/support.sh"
export_keytab
installer 0 spn register $spn --ad --account 'node1$' --keytab "$keytab"

# entries ATTRIBUTE...: of all connection points, as alice sees them
entries() { ldapsearch -Q -LLL -o ldif-wrap=no '(objectClass=serviceConnectionPoint)' "$@" | grep '^[^#]' || true; }
as() { # COMPUTER COMMAND...
  kinit -k -t "$SEAL_REALM_DIR/service.keytab" -c "FILE:$folder/$1" "$1\$"
  KRB5CCNAME=FILE:$folder/$1 "${@:2}"
}
start_server() { # until it is published
  rm -f "$folder/server" # of the one before: it says "published", too
  "$LEDGER_SERVER" "$folder/ledger.db" $spn >"$folder/server" 2>"$folder/server.log" &
  server=$!
  trap 'kill $server 2>/dev/null || true; rm -rf "$folder"' EXIT
  until grep -qs '^published' "$folder/server"; do
    kill -0 $server 2>/dev/null || { cat "$folder/server.log" >&2; fail "the server has ended"; }
    sleep 0.05
  done
}

echo "below its own account, with the login of its keytab and nobody else's"
KRB5CCNAME=FILE:$folder/none start_server
grep -qi "is published as cn=sealrpc-[0-9]*,$node1" "$folder/server.log" || fail "published elsewhere"
entries cn serviceDNSName serviceDNSNameType serviceClassName serviceBindingInformation keywords >"$folder/out"
out "CN=node1,CN=Computers,DC=ad,DC=sealrpc,DC=test"
out "serviceDNSName: $host"
out "serviceClassName: ledger"
out "keywords: bank.Ledger"
out "serviceBindingInformation: port=$(sed -n 's/^port: //p' "$folder/server");proto=sealrpc/1;priority=0;weight=0"
same "$(entries cn | grep -c '^dn: ')" 1
run 0 "$LEDGER_CLIENT" post rent 5 x
out "server: $spn@AD.SEALRPC.TEST"
out "authenticated: krb5, both ways"

echo "the controller is killed and restarted: the entry stays, and the server goes on"
"$SEAL_REALM_PROGRAM" kill dc
"$SEAL_REALM_PROGRAM" restart dc
run 0 "$LEDGER_CLIENT" balance rent
out "balance: 5.00"

echo "stopped: the entry goes first"
kill $server
wait $server || fail "the server ended with $?"
same "$(entries cn)" ""
run 1 "$LEDGER_CLIENT" balance rent

echo "killed: there are no leases, the entry stays; the next start replaces it"
run 0 as node1 "$SEAL" scp publish --service bank.Ledger --class ledger --host $host --port 4711 --name stale \
  --account 'node1$'
run 1 "$LEDGER_CLIENT" balance rent # nobody listens there
start_server
run 0 "$LEDGER_CLIENT" balance rent # the other endpoint is tried
run 0 as node1 "$SEAL" scp remove --name stale
same "$(entries cn | grep -c '^dn: ')" 1
kill $server
wait $server || fail "the server ended with $?"

echo "with another account first in the keytab: the one whose key the name has"
rm "$keytab"
domain domain exportkeytab "$keytab" --principal='node2$'
domain domain exportkeytab "$keytab" --principal='node1$'
seal 0 keytab alias $spn --account 'node1$'
start_server
kill $server
wait $server || fail "the server ended with $?"
grep -qi "is published as cn=sealrpc-[0-9]*,$node1" "$folder/server.log" || fail "published elsewhere"
same "$(entries cn)" ""

echo "nobody else may publish below it, and it nowhere else"
publish() { # STATUS COMPUTER ACCOUNT
  run "$1" as "$2" "$SEAL" scp publish --service bank.Ledger --class ledger --host $host --port 4712 \
    --name other --account "$3"
}
publish 1 node2 "$node1"
err "may not publish below $node1"
publish 1 node1 "$node2"
err "may not publish below $node2"
run 1 "$SEAL" scp publish --service bank.Ledger --class ledger --host $host --port 4712 --name other \
  --account "$node1" # alice
err "may not publish below $node1"
publish 0 node2 "$node2"
run 1 "$LEDGER_CLIENT" balance rent
err "does not have the service principal name $spn"
run 1 as node1 "$SEAL" scp remove --name other
run 0 as node2 "$SEAL" scp remove --name other
same "$(entries cn)" ""
