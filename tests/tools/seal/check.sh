#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Each mistake with a service principal name is made, told apart, and mended as the message says.
. "$(dirname "$0")/support.sh"

host=node1.sealrpc.test
spn=greeter/$host
keytab=$folder/service.keytab
cp "$SEAL_REALM_DIR/service.keytab" "$keytab"
check() { # STATUS ARGUMENT...
  local wanted=$1
  shift
  seal "$wanted" spn check --no-dns "$@"
}
service() { # STATUS SPN ARGUMENT...: from its own side
  check "$@" --keytab "$keytab"
}
right() { # SPN ARGUMENT...: from both sides
  service 0 "$@"
  out "ok $1 (kvno "
  check 0 --client "$@"
  out "ok $1 (kvno "
}

echo "right"
right $spn --account $host
service 0 $spn
out "ok $spn (kvno 1, aes256-cts-hmac-sha384-192)"
same "$(wc -l <"$folder/out")" 1
service 0 $spn --json
out '"ok": true'
out '"kvno": 1'
out '"enctype": "aes256-cts-hmac-sha384-192"'
KRB5_KTNAME=$keytab check 0 $spn

echo "not registered"
service 1 greeter/$host:7001
finding error not-registered
only_finding not-registered
check 1 greeter/$host:7001 --client
finding error not-registered
service 1 greeter/$host:7001 --json
out '"finding": "not-registered"'
out '"fatal": true'
out '"remedy": "seal spn register'
service 1 greeter/$host:7001
follow not-registered
right greeter/$host:7001

echo "registered in the KDC, but on no account"
set_spns $host greeter/$host:7001
service 1 $spn
finding error not-registered
out 'no account below'
only_finding not-registered
follow not-registered
right $spn

echo "on another account"
add_account node2.sealrpc.test
set_spns $host greeter/$host:7001
set_spns node2.sealrpc.test $spn
service 0 $spn # nobody said whose it should be
service 1 $spn --account $host
finding error other-account
only_finding other-account
out "belongs to $(dn_of node2.sealrpc.test), not to $(dn_of $host)"
check 1 $spn --account $host --client
finding error other-account
service 1 $spn --account "$(dn_of $host)"
finding error other-account
follow other-account
in_kdc $spn || fail "the remedy has removed the principal"
service 1 $spn --account $host
finding error not-registered
follow not-registered
right $spn --account $host
same "$(spns_of node2.sealrpc.test)" ''

echo "on two accounts"
set_spns node2.sealrpc.test $spn
service 1 $spn
finding error duplicate
only_finding duplicate
out "$(dn_of $host)"
out "$(dn_of node2.sealrpc.test)"
check 1 $spn --client
finding error duplicate
service 1 $spn --account $host
finding error duplicate
follow duplicate
right $spn --account $host
same "$(spns_of node2.sealrpc.test)" ''
in_kdc $spn || fail "the remedy has removed the principal"

echo "no key in the keytab"
installer 0 spn register greeter/$host/extra --keytab "$folder/other.keytab"
service 1 greeter/$host/extra
finding error no-key
only_finding no-key
check 0 greeter/$host/extra --client
out 'ok '
service 1 greeter/$host/extra
follow no-key
err 'every other copy of the keytab'
right greeter/$host/extra
check 1 greeter/$host/extra --keytab "$folder/other.keytab"
finding error stale-key

echo "an old key in the keytab"
cp "$keytab" "$folder/old.keytab"
kdc ktadd -k "$folder/new.keytab" $spn
service 1 $spn
finding error stale-key
only_finding stale-key
check 0 $spn --client
service 1 $spn
follow stale-key
right $spn
check 1 $spn --keytab "$folder/old.keytab"
finding error stale-key

echo "other letters"
service 1 GREETER/$host
finding error wrong-case
check 1 greeter/NODE1.sealrpc.test --client
finding error wrong-case
out "but $spn@SEALRPC.TEST"
set_spns $host Greeter/$host $(spns_of $host | grep -vx $spn)
service 0 $spn # the KDC is right; the directory's letters are a warning
finding warning wrong-case
only_finding wrong-case
out "then seal spn register $spn --account"
follow wrong-case
same "$(spns_of $host | grep -ic "^$spn\$" || true)" 0
installer 0 spn register $spn --keytab "$keytab" --account $host
right $spn

echo "another realm"
check 3 $spn@ELSEWHERE.TEST --client
finding warning wrong-realm
only_finding wrong-realm
out 'add "node1.sealrpc.test = ELSEWHERE.TEST" to [domain_realm] of krb5.conf'
out 'unknown '
cat >"$folder/krb5.conf" <<END
include $KRB5_CONFIG
[domain_realm]
 $host = ELSEWHERE.TEST
END
KRB5_CONFIG=$folder/krb5.conf service 0 $spn@SEALRPC.TEST
finding warning wrong-realm
out "$host = SEALRPC.TEST"
sed -i 's/ELSEWHERE/SEALRPC/' "$folder/krb5.conf"
KRB5_CONFIG=$folder/krb5.conf service 0 $spn@SEALRPC.TEST
out 'ok '

echo "several at once, and mistakes"
service 1 $spn greeter/nowhere.sealrpc.test
out "ok $spn"
finding error not-registered
service 1 $spn --account nobody.sealrpc.test
err "no account for 'nobody.sealrpc.test'"
check 1 $spn --keytab "$folder/nothing.keytab"
err nothing.keytab
KRB5CCNAME=FILE:$folder/nothing.cc check 3 $spn --client
err nothing.cc
env -u SEAL_DIRECTORY_URI LDAPCONF=/dev/null "$SEAL" spn check --no-dns $spn --keytab "$keytab" | grep -q '^ok ' ||
  fail "without a directory"

echo "nobody to ask"
"$SEAL_REALM_PROGRAM" kill directory
service 3 $spn
err "$SEAL_DIRECTORY_URI"
out "ok $spn"
"$SEAL_REALM_PROGRAM" kill kdc
service 3 $spn
out "unknown $spn: the KDC could not be asked"
check 3 $spn --client
out "unknown $spn"
check 3 $spn --client --json
out '"finding": "unknown"'
"$SEAL_REALM_PROGRAM" restart kdc
"$SEAL_REALM_PROGRAM" restart directory
right $spn
