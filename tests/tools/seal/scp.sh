#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Connection points: published by the service with its keytab, found by everybody, removed.
. "$(dirname "$0")/support.sh"

host=node1.sealrpc.test
dn=cn=seal-greeter-7001,$(dn_of $host)
service() { # STATUS COMMAND ARGUMENT...
  local wanted=$1 command=$2
  shift 2
  seal "$wanted" scp "$command" --keytab "$SEAL_REALM_DIR/service.keytab" "$@"
}

echo "nothing yet"
seal 0 scp list
same "$(cat "$folder/out")" ''
seal 1 scp show demo.Greeter
err 'seal scp publish --service demo.Greeter'

echo "publish, list, show"
service 0 publish --service demo.Greeter --service demo.Admin --class greeter --host NODE1.sealrpc.test --port 7001 \
  --priority 1 --weight 50
out "published $dn"
seal 0 scp list demo.Greeter
out "demo.Greeter	$host:7001	priority 1	weight 50	$dn"
seal 0 scp list demo.Other
same "$(cat "$folder/out")" ''
seal 0 scp list --json
out '"demo.Admin"'
out '"port": 7001'
seal 0 scp show demo.Greeter
out "serviceDNSName: $host"
out 'serviceClassName: greeter'
out "verdict: the account above it carries greeter/$host: clients believe it"
seal 0 scp show "$dn" --class greeter
seal 1 scp show "$dn" --class other
out "clients leave it out: connection point"
service 0 publish --service demo.Greeter --class greeter --host $host --port 7001 # brought up to date
seal 0 scp list
out "demo.Greeter	$host:7001	priority 0	weight 0	$dn"
no_out demo.Admin

echo "an entry that clients cannot use"
directory -a <<END
dn: cn=broken,$(dn_of $host)
objectClass: serviceConnectionPoint
cn: broken
keywords: 6f3c1c5e-2f0b-4d3e-9a55-8b7d1f6a90c4
keywords: demo.Greeter
serviceDNSName: $host
END
seal 0 scp list
err 'broken'
seal 1 scp show demo.Greeter
out 'verdict: clients cannot use it'
installer_keytab=$SEAL_REALM_DIR/users.keytab
seal 0 scp remove --name broken --keytab "$installer_keytab" --principal installer
out "removed cn=broken,$(dn_of $host)"

echo "names that were written for a terminal"
directory -a <<END
dn:: $(printf 'cn=red\033[31m,%s' "$(dn_of $host)" | base64 -w 0)
objectClass: serviceConnectionPoint
cn:: $(printf 'red\033[31m' | base64)
keywords: 6f3c1c5e-2f0b-4d3e-9a55-8b7d1f6a90c4
keywords: demo.Red
serviceClassName: greeter
serviceDNSName: $host
serviceDNSNameType: A
serviceBindingInformation: port=1;proto=sealrpc/1
END
seal 0 scp list demo.Red
out demo.Red
seal 0 scp show demo.Red
out 'verdict: '
! grep -q $'\033' "$folder/out" "$folder/err" || fail "an escape sequence reached the terminal"
directory <<END
dn:: $(printf 'cn=red\033[31m,%s' "$(dn_of $host)" | base64 -w 0)
changetype: delete
END

echo "only connection points are removed, and only whole names are used"
seal 2 scp remove "$(dn_of node1.sealrpc.test)" --keytab "$installer_keytab" --principal installer
err 'is no connection point, and stays'
seal 2 scp publish --service demo.Greeter --class "$(printf 'c%.0s' {1..60})" --host $host --port 7001
err 'give --name CN'

echo "who may not"
add_account node2.sealrpc.test
seal 1 scp publish --service demo.Greeter --class greeter --host $host --port 7009 # alice
seal 1 scp publish --service demo.Other --class greeter --host $host --port 7001
seal 1 scp remove "$dn"
service 1 publish --service demo.Greeter --class greeter --host node2.sealrpc.test --port 1 --account node2.sealrpc.test
service 1 publish --service demo.Greeter --class nobody --host $host --port 1
err 'seal spn register'
seal 0 scp list
same "$(wc -l <"$folder/out")" 1

service 1 publish --service demo.Greeter --class greeter --host node2.sealrpc.test --port 1 --account $host
err 'may not publish the host node2.sealrpc.test below itself'

echo "a keytab with more than the service's key: the service logs in"
printf '%s\n' "addent -password -p host/other@SEALRPC.TEST -k 1 -e aes256-cts-hmac-sha1-96" secret \
  "rkt $SEAL_REALM_DIR/service.keytab" "wkt $folder/both.keytab" | ktutil >/dev/null
seal 0 scp publish --keytab "$folder/both.keytab" --service demo.Greeter --class greeter --host $host --port 7001

echo "a base that is not there"
seal 1 scp list --base dc=example,dc=com
err "this directory has $SEAL_DIRECTORY_BASE"

echo "remove"
service 0 remove --name seal-greeter-7001 --account $host
out "removed $dn"
service 1 remove --name seal-greeter-7001
err "no connection point is called 'seal-greeter-7001'"
service 1 remove "$dn"
seal 0 scp list
same "$(cat "$folder/out")" ''

echo "hold: made again when somebody removes it, gone when a signal comes"
"$SEAL" scp publish --keytab "$SEAL_REALM_DIR/service.keytab" --service demo.Greeter --class greeter --host $host \
  --port 7001 --name held --lease 3 --hold >"$folder/hold.out" 2>"$folder/hold.err" & holder=$!
wait_for() { # COMMAND...: generous
  local i
  for ((i = 0; i < 600; i++)); do
    ! "$@" || return 0
    sleep 0.05
  done
  fail "waited in vain for: $*; $(cat "$folder/hold.err")"
}
is_there() { "$SEAL" scp list demo.Greeter 2>/dev/null | grep -q cn=held; }
is_gone() { ! "$SEAL" scp list demo.Greeter | grep -q cn=held; }
wait_for is_there
seal 0 scp show demo.Greeter
out 'dynamicObject'
service 0 remove --name held
wait_for is_there
"$SEAL_REALM_PROGRAM" restart directory
wait_for is_there
kill -TERM $holder
wait $holder || fail "hold ended with $?: $(cat "$folder/hold.err")"
is_gone || fail "the entry is still there"
grep -q "^removed cn=held," "$folder/hold.out" || fail "it does not say so"

echo "without anybody to refresh it, a leased entry goes"
service 0 publish --service demo.Greeter --class greeter --host $host --port 7001 --name held --lease 2
wait_for is_gone

echo "nobody there"
"$SEAL_REALM_PROGRAM" kill directory
seal 3 scp list
err "$SEAL_DIRECTORY_URI"
