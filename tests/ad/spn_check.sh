#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What can be wrong with a name in a domain, what "seal spn check" and a server at start-up say about
# it, and that it works when the remedy has been followed.
. "$(dirname "$0")/support.sh"
export_keytab

echo "not registered"
seal 1 spn check $spn
finding error not-registered
only_finding not-registered
out "setspn -S $spn"
seal 1 spn check $spn --client
finding error not-registered
seal 0 keytab alias $spn --account 'NODE1$'
out "$spn@AD.SEALRPC.TEST: kvno 1, 2 keys of node1\$@AD.SEALRPC.TEST in $keytab"
server_refuses 'is not registered'

echo "on another account"
installer 0 spn register $spn --ad --account 'node2$'
seal 1 spn check $spn
finding error other-account
only_finding other-account
server_refuses 'is registered on another account than node1$@AD.SEALRPC.TEST'
seal 1 spn check $spn --client --account 'NODE1$'
finding error other-account
out "$spn belongs to CN=node2,CN=Computers,"
installer 1 spn register $spn --ad --account 'node1$'
err "is on another account, CN=node2,CN=Computers,"
installer 0 spn unregister $spn --ad --account 'node2$'

echo "registered; the keytab has the account's keys, but not under this name"
export_keytab
installer 0 spn register $spn --ad --account 'node1$'
seal 1 spn check $spn
finding error no-key
only_finding no-key
out 'it has the key, but only under the name node1$@AD.SEALRPC.TEST'
follow no-key
seal 0 spn check $spn
out "ok $spn (kvno 1, aes256-cts-hmac-sha1-96)"
seal 0 spn check $spn --client --account "$node1"
out "ok $spn"
server_starts

echo "the account's password has been changed"
domain user setpassword 'node1$' --newpassword="$(head -c 30 /dev/urandom | base64)"
seal 1 spn check $spn
finding error stale-key
only_finding stale-key
server_refuses "the password of the account has been changed"
export_keytab
seal 1 spn check $spn
finding error no-key
seal 0 keytab alias $spn
seal 0 spn check $spn
out "ok $spn (kvno 2, aes256-cts-hmac-sha1-96)"
server_starts

echo "on two accounts: refused by every tool, but two controllers may each take one at the same time"
domain_add_unchecked "$node2" servicePrincipalName $spn
fresh_tickets
run 1 kvno $spn # the domain does not choose
for role in '' --client; do
  seal 1 spn check $spn $role --account 'node1$'
  finding error duplicate
  out "2 accounts have $spn: "
  out "CN=node1,CN=Computers,"
  out "seal spn unregister $spn --account 'CN=node2,CN=Computers,"
done
seal 1 spn check $spn
finding error duplicate
server_refuses "2 accounts have $spn: "
err "cannot start: 2 accounts have $spn: " # which explains why the KDC says that there is none
installer 1 spn register $spn --ad --account 'node1$'
err "2 accounts of directory"
installer 0 spn unregister $spn --ad --account 'node2$' # what the check has proposed
fresh_tickets
seal 0 spn list --account 'node2$'
out "host/node2.ad.sealrpc.test" # nothing else has gone
seal 0 spn check $spn
out "ok $spn (kvno 2, aes256-cts-hmac-sha1-96)"
server_starts

echo "in other letters: to a domain the same name"
installer 0 spn unregister $spn --ad --account 'node1$'
domain_modify <<END
dn: $node1
changetype: modify
add: servicePrincipalName
servicePrincipalName: LEDGER/NODE1.AD.SEALRPC.TEST
END
fresh_tickets
seal 0 spn check $spn
out "ok $spn (kvno 2, "
server_starts
echo "but not to a keytab"
seal 1 spn check ledger/NODE1.ad.sealrpc.test
finding error no-key

echo "only RC4"
domain_modify <<END
dn: $node1
changetype: modify
replace: msDS-SupportedEncryptionTypes
msDS-SupportedEncryptionTypes: 4
END
rm -f "$keytab"
domain domain exportkeytab "$keytab" --principal='node1$'
domain domain exportkeytab "$keytab" --principal=$spn
seal 1 spn check $spn
finding error weak-key
only_finding weak-key
out 'msDS-SupportedEncryptionTypes = 24'
seal 1 spn check $spn --client
finding error weak-key
server_refuses 'its encryption type 23 is weak'
domain_modify <<END
dn: $node1
changetype: modify
replace: msDS-SupportedEncryptionTypes
msDS-SupportedEncryptionTypes: 24
END
export_keytab
seal 0 keytab alias $spn
seal 0 spn check $spn
out "ok $spn (kvno 2, aes256-cts-hmac-sha1-96)"
server_starts

echo "nobody answers: nothing is proven; and again, when somebody does"
"$SEAL_REALM_PROGRAM" kill dc
seal 3 spn check $spn
"$SEAL_REALM_PROGRAM" restart dc
seal 0 spn check $spn
