#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Keytabs: what is in them, and a service that gives itself new keys while clients go on.
. "$(dirname "$0")/support.sh"

spn=greeter/node1.sealrpc.test
keytab=$folder/service.keytab
cp "$SEAL_REALM_DIR/service.keytab" "$keytab"
chmod 640 "$keytab"

echo "show"
seal 0 keytab show "$keytab"
out "keytab FILE:$keytab"
out "$spn@SEALRPC.TEST  kvno 1  aes256-cts-hmac-sha384-192  20"
no_out WEAK
same "$(wc -l <"$folder/out")" 5
seal 0 keytab show
out "keytab $KRB5_KTNAME"
seal 0 keytab show "$keytab" --json
out "\"principal\": \"$spn@SEALRPC.TEST\""
out '"kvno": 1'
out '"weak": false'
! grep -qi '"key' <(grep -v '"keytab"' "$folder/out") || fail "keys are shown"
seal 1 keytab show "$folder/nothing"
err "$folder/nothing cannot be read"
echo nonsense >"$folder/nonsense"
seal 1 keytab show "$folder/nonsense"
err "$folder/nonsense cannot be read"

echo "rotate: old tickets go on working, other copies do not get new ones"
cp "$keytab" "$folder/copy.keytab"
run 0 kvno $spn # this ticket is for the old key
seal 0 keytab rotate "$keytab" --spn $spn
out "$spn@SEALRPC.TEST kvno 2: 2 new keys in $keytab"
same "$(kvno_in_kdc $spn)" 2
same "$(kvno_in_kdc echo/node1.sealrpc.test)" 1 "only the one asked for"
same "$(stat -c %a "$keytab")" 640
run 0 kvno -k "$keytab" $spn
out 'keytab entry valid'
out 'kvno = 1'
run 0 kinit -kt "$SEAL_REALM_DIR/users.keytab" alice
run 0 kvno -k "$keytab" $spn
out 'kvno = 2'
run 1 kvno -k "$folder/copy.keytab" $spn
seal 0 spn check $spn --keytab "$keytab" --no-dns
same "$(keytab_list "$keytab" | wc -l)" 6

echo "prune keeps the version before"
seal 0 keytab rotate "$keytab" --prune
out "$spn@SEALRPC.TEST kvno 3: 2 new keys in $keytab, 2 old ones removed"
out "echo/node1.sealrpc.test@SEALRPC.TEST kvno 2: 2 new keys in $keytab"
seal 0 keytab show "$keytab"
no_out "$spn@SEALRPC.TEST  kvno 1"
out "$spn@SEALRPC.TEST  kvno 2"
out "$spn@SEALRPC.TEST  kvno 3"
out "echo/node1.sealrpc.test@SEALRPC.TEST  kvno 1"
same "$(keytab_list "$keytab" | wc -l)" 8
run 0 kvno -k "$keytab" $spn
out 'kvno = 2'
seal 0 spn check $spn echo/node1.sealrpc.test --keytab "$keytab" --no-dns

echo "through a symbolic link; the default keytab"
ln -s "$keytab" "$folder/link.keytab"
KRB5_KTNAME=FILE:$folder/link.keytab seal 0 keytab rotate --spn $spn@SEALRPC.TEST
[ -L "$folder/link.keytab" ] || fail "the link is gone"
seal 0 spn check $spn --keytab "$keytab" --no-dns

echo "at once: one after the other, and each change is there"
before=$(kvno_in_kdc $spn)
echo_before=$(kvno_in_kdc echo/node1.sealrpc.test)
for i in 1 2 3 4; do
  "$SEAL" keytab rotate "$keytab" --spn $spn >"$folder/rotate.$i" 2>&1 & pids[i]=$!
  "$SEAL" keytab rotate "$keytab" --spn echo/node1.sealrpc.test >"$folder/rotate.echo.$i" 2>&1 & echo_pids[i]=$!
done
for i in 1 2 3 4; do
  wait "${pids[i]}" || fail "$(cat "$folder/rotate.$i")"
  wait "${echo_pids[i]}" || fail "$(cat "$folder/rotate.echo.$i")"
done
same "$(kvno_in_kdc $spn)" $((before + 4))
same "$(kvno_in_kdc echo/node1.sealrpc.test)" $((echo_before + 4))
seal 0 keytab show "$keytab"
for i in 1 2 3 4; do
  out "$spn@SEALRPC.TEST  kvno $((before + i))  "
  out "echo/node1.sealrpc.test@SEALRPC.TEST  kvno $((echo_before + i))  "
done
seal 0 spn check $spn echo/node1.sealrpc.test --keytab "$keytab" --no-dns

echo "at once with somebody on another machine, whose keytab is elsewhere"
mkdir "$folder/elsewhere"
cp "$keytab" "$folder/elsewhere/service.keytab"
"$SEAL" keytab rotate "$folder/elsewhere/service.keytab" --spn $spn >"$folder/rotate.1" 2>&1 & pids[1]=$!
"$SEAL" keytab rotate "$keytab" --spn $spn >"$folder/rotate.2" 2>&1 & pids[2]=$!
wait "${pids[1]}" || grep -q 'keeps its keys' "$folder/rotate.1" || fail "$(cat "$folder/rotate.1")"
wait "${pids[2]}" || grep -q 'keeps its keys' "$folder/rotate.2" || fail "$(cat "$folder/rotate.2")"
good=0 # whoever was last has the key, under the right version
for file in "$keytab" "$folder/elsewhere/service.keytab"; do
  ! "$SEAL" spn check $spn --keytab "$file" --no-dns >/dev/null 2>&1 || good=$((good + 1))
done
same $good 1
"$SEAL" spn check $spn --keytab "$keytab" --no-dns >/dev/null 2>&1 || cp "$folder/elsewhere/service.keytab" "$keytab"
seal 0 spn check $spn echo/node1.sealrpc.test --keytab "$keytab" --no-dns
! compgen -G "$keytab.??????" >/dev/null || fail "temporary files are left"

echo "what cannot be done"
seal 1 keytab rotate "$keytab" --spn greeter/other.sealrpc.test
err 'has no key for greeter/other.sealrpc.test'
seal 3 keytab rotate "$folder/copy.keytab" --spn $spn
err 'keeps its keys'
err 'export it again'
cp "$keytab" "$folder/before"
seal 1 keytab rotate "MEMORY:x"
err 'is no file'
if [ "$(id -u)" -ne 0 ]; then
  mkdir "$folder/closed"
  cp "$keytab" "$folder/closed/keytab"
  chmod 500 "$folder/closed"
  before=$(kvno_in_kdc $spn)
  seal 1 keytab rotate "$folder/closed/keytab"
  err 'cannot be changed: its folder'
  same "$(kvno_in_kdc $spn)" "$before" "the KDC was changed"
  chmod 700 "$folder/closed"
else
  echo "skipped as root: a folder that cannot be written"
fi
printf '%s\n' 'addent -password -p NODE1$@SEALRPC.TEST -k 1 -e aes256-cts-hmac-sha1-96' secret "wkt $folder/ad.keytab" |
  ktutil >/dev/null
seal 1 keytab rotate "$folder/ad.keytab"
err 'is an account of Active Directory'
"$SEAL_REALM_PROGRAM" kill kadmind
seal 3 keytab rotate "$keytab" --spn $spn
err 'kadmind of SEALRPC.TEST cannot be reached'
cmp -s "$keytab" "$folder/before" || fail "the keytab was changed"
"$SEAL_REALM_PROGRAM" kill kdc
seal 3 keytab rotate "$keytab" --spn $spn
err 'check [realms] in krb5.conf'
