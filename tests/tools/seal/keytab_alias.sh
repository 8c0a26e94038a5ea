#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The keys of an account under its service names, as Active Directory has it. What a domain says
# about it is in tests/ad.
. "$(dirname "$0")/support.sh"

keytab=$folder/node1.keytab
cp "$SEAL_REALM_DIR/users.keytab" "$keytab"
chmod 640 "$keytab"
spn=ledger/node1.sealrpc.test
# keys PRINCIPAL: version, type and key of each of its entries
keys() { klist -keK "$keytab" | sed -n "s|^ *\([0-9]*\) $1@SEALRPC.TEST |\1 |p"; }

echo "several accounts, none"
seal 2 keytab alias $spn --keytab "$keytab"
err 'has keys of NODE1$@SEALRPC.TEST and of NODE2$@SEALRPC.TEST; name one with --account'
seal 1 keytab alias $spn --keytab "$keytab" --account 'NODE3$'
err 'has no key of NODE3$'
seal 2 keytab alias not-a-name --keytab "$keytab" --account 'NODE1$'
seal 1 keytab alias $spn --keytab "$folder/nothing"
err "$folder/nothing cannot be read"
same "$(keys $spn)" ""

echo "the same keys and versions, whatever the letters of the account"
seal 0 keytab alias $spn ledger/NODE1.sealrpc.test:7001 --keytab "FILE:$keytab" --account 'node1$'
out "$spn@SEALRPC.TEST: kvno 1, 2 keys of NODE1\$@SEALRPC.TEST in $keytab"
[ -n "$(keys $spn)" ] || fail "no keys"
same "$(keys $spn)" "$(keys 'NODE1\$')"
same "$(keys $spn:7001)" "$(keys 'NODE1\$')"
same "$(stat -c %a "$keytab")" 640

echo "again: nothing is there twice"
before=$(klist -keK "$keytab")
KRB5_KTNAME=$keytab seal 0 keytab alias $spn --account 'node1$@SEALRPC.TEST'
same "$(klist -keK "$keytab" | sort)" "$(sort <<<"$before")"

echo "a new password: the new version comes, the old one stays for tickets that are out"
kdc ktadd -k "$keytab" 'NODE1$'
kdc ktadd -k "$keytab" 'NODE1$'
seal 0 keytab alias $spn --keytab "$keytab" --account 'NODE1$'
out "kvno 3, 6 keys of"
same "$(keys $spn | sort)" "$(keys 'NODE1\$' | sort)"
same "$(keys $spn | cut -d ' ' -f 1 | sort -u | tr '\n' ' ')" "1 2 3 "

echo "another account's key of the same version takes the place"
seal 0 keytab alias $spn --keytab "$keytab" --account 'NODE2$'
same "$(keys $spn | grep '^1 ')" "$(keys 'NODE2\$')"
same "$(keys $spn | grep '^3 ')" "$(keys 'NODE1\$' | grep '^3 ')"

echo "weak keys are left out"
kdc ktadd -e arcfour-hmac:normal -k "$folder/weak.keytab" 'NODE1$'
seal 1 keytab alias $spn --keytab "$folder/weak.keytab"
err 'has only weak keys of NODE1$@SEALRPC.TEST; give the account AES keys'
same "$(keytab_list "$folder/weak.keytab" | wc -l)" 1
