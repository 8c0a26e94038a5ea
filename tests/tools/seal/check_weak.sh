#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# In a realm whose KDC makes RC4 keys: the check says so, and its remedy mends it.
. "$(dirname "$0")/support.sh"

spn=greeter/node1.sealrpc.test
seal 0 keytab show
out 'arcfour-hmac'
out 'WEAK'
err 'has weak keys'
seal 0 keytab show --json
out '"weak": true'
seal 1 spn check $spn --no-dns
finding error weak-key
only_finding weak-key
out 'arcfour-hmac, which is weak'
seal 1 spn check $spn --no-dns --client
finding error weak-key

echo "AES for the KDC, then what the remedy says"
sed -i '/enctype/s/arcfour-hmac[a-z0-9:-]*/aes256-cts-hmac-sha1-96/g' "$KRB5_KDC_PROFILE"
sed -i '/enctypes/s/arcfour-hmac/aes256-cts-hmac-sha1-96 arcfour-hmac/' "$KRB5_CONFIG"
"$SEAL_REALM_PROGRAM" restart kdc
"$SEAL_REALM_PROGRAM" restart kadmind
seal 1 spn check $spn --no-dns
follow weak-key
seal 0 spn check $spn --no-dns
out "ok $spn (kvno 2, aes256-cts-hmac-sha1-96)"
