#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The first directory server of the list has only a copy: what it does not take, the next one does.
. "$(dirname "$0")/support.sh"

host=node1.sealrpc.test
spn=greeter/$host:7001
keytab=$folder/new.keytab
first=${SEAL_DIRECTORY_URI% *}
replica=${SEAL_DIRECTORY_URI#* }
export SEAL_DIRECTORY_URI="$replica $first"
dn=cn=seal-greeter-7001,$(dn_of $host)
service() { # STATUS COMMAND ARGUMENT...
  local wanted=$1 command=$2
  shift 2
  seal "$wanted" scp "$command" --keytab "$SEAL_REALM_DIR/service.keytab" "$@"
}
# What has been written comes to the replica in a moment.
until_replica_has() { # DN TEXT
  until ldapsearch -Q -LLL -o ldif-wrap=no -H "$replica" -b "$1" -s base 2>/dev/null | grep -qF -e "$2"; do sleep 0.05; done
}

echo "names"
installer 0 spn register $spn greeter/$host/main --keytab "$keytab"
out "$spn: added to $(dn_of $host)"
out "greeter/$host/main: added to $(dn_of $host)"
spns_of $host >"$folder/out"
out "$spn"
until_replica_has "$(dn_of $host)" "servicePrincipalName: $spn"
installer 0 spn unregister $spn --account $host
out "$spn: removed from $(dn_of $host)"

echo "connection points"
service 0 publish --service demo.Greeter --class greeter --host $host --port 7001
out "published $dn"
until_replica_has "$dn" priority=0
service 0 publish --service demo.Greeter --class greeter --host $host --port 7001 --priority 3
until_replica_has "$dn" priority=3
service 0 remove --name seal-greeter-7001
out "removed $dn"
service 0 publish --service demo.Greeter --class greeter --host $host --port 7002 --lease 30
"$SEAL" scp publish --keytab "$SEAL_REALM_DIR/service.keytab" --service demo.Greeter --class greeter --host $host \
  --port 7003 --hold >"$folder/held" 2>"$folder/err" &
held=$!
until grep -q "^published" "$folder/held"; do sleep 0.05; done
kill $held
wait $held || fail "status $? of a held one"
grep -q "^removed cn=seal-greeter-7003" "$folder/held" || fail "it stays"

echo "only a copy, and the other server is not named, or does not run"
SEAL_DIRECTORY_URI=$replica installer 3 spn register greeter/$host:7005 --keytab "$keytab"
err 'this server has only a copy; name the server that takes changes, too'
"$SEAL_REALM_PROGRAM" kill directory
service 3 publish --service demo.Greeter --class greeter --host $host --port 7004
err 'and see that it runs'
SEAL_DIRECTORY_URI="$first $replica" seal 0 scp list demo.Greeter
