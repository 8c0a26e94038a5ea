#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Names are registered in the KDC, the keytab and the directory, by an installer who may do only that.
. "$(dirname "$0")/support.sh"

host=node1.sealrpc.test
spn=greeter/$host:7001
keytab=$folder/new.keytab

echo "a new name"
installer 0 spn register $spn --keytab "$keytab"
out "$spn@SEALRPC.TEST: kvno 2, 2 keys in $keytab"
out "$spn: added to $(dn_of $host)"
same "$(stat -c %a "$keytab")" 600
seal 0 spn check $spn --keytab "$keytab" --account $host --no-dns
out "ok $spn (kvno 2, "

echo "again: nothing changes"
cp "$keytab" "$folder/before"
installer 0 spn register $spn --keytab "$keytab"
out 'is registered already (kvno 2); its keys stay as they are'
out "$spn: is on $(dn_of $host)"
cmp -s "$keytab" "$folder/before" || fail "the keytab was changed"
installer 0 spn register $spn # no keytab was asked for
out 'is registered already'
installer 1 spn register $spn --keytab "$folder/empty.keytab"
err "has no key of it"
err "seal spn register $spn@SEALRPC.TEST --rekey --keytab"
[ ! -e "$folder/empty.keytab" ] || fail "a keytab was made"

echo "new keys, beside those of others"
chmod 640 "$keytab"
installer 0 spn register $spn --keytab "$keytab" --rekey
err 'every other copy of the keytab'
out 'kvno 3'
same "$(stat -c %a "$keytab")" 640
same "$(keytab_list "$keytab" | wc -l)" 4
seal 0 spn check $spn --keytab "$keytab" --no-dns
seal 1 spn check $spn --keytab "$folder/before" --no-dns
finding error stale-key
installer 1 spn register $spn --keytab "$folder/before"
err 'only kvno 2 of it'

echo "host names are normalized; several at once; realms"
installer 0 spn register greeter/NODE1.sealrpc.test. greeter/$host/main@SEALRPC.TEST --keytab "$keytab" --rekey
seal 0 spn check greeter/$host greeter/$host/main --keytab "$keytab" --no-dns
spns_of $host >"$folder/out"
out greeter/$host/main

echo "deleted, and made again: the keys of the old one are not taken for those of the new one"
for rekey in '' --rekey; do
  installer 0 spn register greeter/$host:7020 --keytab "$folder/again.keytab" $rekey
  kdc delprinc -force greeter/$host:7020
  installer 0 spn register greeter/$host:7020 --keytab "$folder/again.keytab"
  same "$(keytab_list "$folder/again.keytab" | wc -l)" 2
  seal 0 spn check greeter/$host:7020 --keytab "$folder/again.keytab" --no-dns
done

echo "list"
seal 0 spn list
out "$spn	$(dn_of $host)"
seal 0 spn list --account $host --json
out "\"spn\": \"$spn\""
add_account node2.sealrpc.test
seal 0 spn list --account node2.sealrpc.test
same "$(cat "$folder/out")" ''
installer 1 spn list --kdc
err 'kadmind does not allow installer@SEALRPC.TEST to list'
err '"l"'
env -u SEAL_DIRECTORY_URI LDAPCONF=/dev/null "$SEAL" spn list --account x 2>"$folder/err" && fail "without directory"
err 'give --directory URI'

echo "what an installer may not: nothing is changed"
installer 1 spn register ldap/$host:99 --keytab "$keytab"
err 'kadmind does not allow installer@SEALRPC.TEST to look at ldap/'
err 'kadm5.acl'
! in_kdc ldap/$host:99 || fail "it is in the KDC"
same "$(spns_of $host | grep -c ldap || true)" 0 "it is in the directory"
installer 1 spn unregister $spn --keytab "$keytab"
err 'to delete'
in_kdc $spn || fail "it is gone from the KDC"
seal 0 spn check $spn --keytab "$keytab" --account $host --no-dns
seal 3 spn register greeter/$host:7002 --keytab "$keytab"
err 'give --installer PRINCIPAL'
err '--installer-keytab FILE'
seal 1 spn register greeter/$host:7002 --keytab "$keytab" --installer alice --installer-keytab "$SEAL_REALM_DIR/users.keytab"
err 'kadmind does not allow alice@SEALRPC.TEST'
seal 3 spn register greeter/$host:7002 --installer nobody --installer-keytab "$SEAL_REALM_DIR/users.keytab"
err 'cannot log in as nobody@SEALRPC.TEST'
seal 3 spn register greeter/$host:7002 --installer installer
err 'there is no terminal to ask for a password'

seal 3 spn register greeter/$host:7002 --installer installer --installer-keytab "$folder/nothing"
err "keytab $folder/nothing"
err "not found; check the name, owner and mode"
installer 1 spn register greeter/$host:7002 --keytab "$folder/nowhere/keytab"
err 'make its folder first'
installer 1 spn list --kdc
err 'the rights "l" on a line without a target'
installer 2 spn register greeter/$host:7010 greeter/$host@ELSEWHERE.TEST greeter/$host:7011
err 'one after the other'
installer 2 spn register greeter/$host:7010 nonsense
! in_kdc greeter/$host:7010 || fail "the first of several was registered though another one is wrong"

echo "accounts"
installer 1 spn register greeter/node9.sealrpc.test --keytab "$keytab"
err "no account for 'node9.sealrpc.test'"
! in_kdc greeter/node9.sealrpc.test || fail "it is in the KDC"
installer 1 spn register greeter/node9.sealrpc.test --keytab "$keytab" --account "$(dn_of node9.sealrpc.test)"
err 'No such object'
! in_kdc greeter/node9.sealrpc.test || fail "it is in the KDC"
installer 0 spn register greeter/node9.sealrpc.test --keytab "$keytab" --account "$(dn_of node2.sealrpc.test)"
seal 0 spn check greeter/node9.sealrpc.test --keytab "$keytab" --account node2.sealrpc.test --no-dns
installer 1 spn register greeter/node9.sealrpc.test --keytab "$keytab" --account $host
err "is on another account, $(dn_of node2.sealrpc.test)"
err "seal spn unregister greeter/node9.sealrpc.test --account '$(dn_of node2.sealrpc.test)'"

echo "tickets instead of a key; a password"
run 0 kinit -S kadmin/admin -c "$folder/admin.cc" -kt "$SEAL_REALM_DIR/users.keytab" installer
env -u SEAL_DIRECTORY_URI LDAPCONF=/dev/null "$SEAL" spn register greeter/$host:7003 --keytab "$keytab" \
  --installer-ccache "$folder/admin.cc" >"$folder/out" 2>"$folder/err" || fail "with an initial ticket"
out "greeter/$host:7003@SEALRPC.TEST: kvno 2"
seal 3 spn register greeter/$host:7004 --installer alice --installer-ccache "$folder/admin.cc"
err 'has tickets of installer@SEALRPC.TEST, not of alice'
kdc cpw -pw 'the secret' installer
kdc ktadd -norandkey -k "$SEAL_REALM_DIR/users.keytab" installer
if command -v script >/dev/null; then
  { sleep 1; echo 'the secret'; } | script -qec "$SEAL spn register greeter/$host:7005 --keytab $keytab --installer installer" \
    /dev/null >"$folder/out" 2>&1 || fail "with a password"
  out 'Password for installer@SEALRPC.TEST'
  out "greeter/$host:7005: added to"
  no_out 'the secret'
else
  echo "skipped: no program 'script' for a terminal"
fi

echo "unregister, by somebody who may"
sed -i 's/^installer@SEALRPC.TEST acil/& d/; s/acil d/acild/' "$SEAL_REALM_DIR/kadm5.acl"
"$SEAL_REALM_PROGRAM" restart kadmind
installer 0 spn unregister $spn --keytab "$keytab"
out "$spn@SEALRPC.TEST: removed from the KDC"
out "$spn: removed from $(dn_of $host)"
out "4 keys removed from $keytab"
! in_kdc $spn || fail "it is in the KDC"
seal 0 keytab show "$keytab"
no_out "$spn@"
out "greeter/$host/main@"
installer 0 spn unregister $spn --keytab "$keytab"
out 'is not in the KDC'
out 'is on no account'
out '0 keys removed'

echo "silent, and nobody there"
"$SEAL_REALM_PROGRAM" pause kadmind
installer 3 spn register $spn --keytab "$keytab"
err 'kadmind of SEALRPC.TEST does not answer within'
"$SEAL_REALM_PROGRAM" resume kadmind
"$SEAL_REALM_PROGRAM" kill kadmind
installer 3 spn register $spn --keytab "$keytab"
err 'kadmind of SEALRPC.TEST cannot be reached'
"$SEAL_REALM_PROGRAM" kill directory
installer 3 spn register $spn --keytab "$keytab"
err "$SEAL_DIRECTORY_URI"
