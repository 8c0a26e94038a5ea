#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# seal in a domain: who may give names to whom, by LDAP and by DsWriteAccountSpn, and connection points.
. "$(dirname "$0")/support.sh"
export_keytab

account=CN=node1,CN=Computers,DC=ad,DC=sealrpc,DC=test
spn=greeter/$host
rpc=rpc/$host
login() { # NAME: a computer with its key, a user with the password
  case $1 in
    *\$) run 0 kinit -k -t "$SEAL_REALM_DIR/service.keytab" "$1" ;;
    *) sed -n "s/^$1 //p" "$SEAL_REALM_DIR/passwords" | kinit "$1" >/dev/null || fail "kinit $1" ;;
  esac
}
names() { ldapsearch -Q -LLL -o ldif-wrap=no -b "$1" -s base servicePrincipalName; }

echo "a user may not; the account may, for its own name"
login alice
seal 1 spn register $spn --ad
err "cannot be added to $account"
err 'access'
login 'node1$'
seal 0 spn register $spn --ad
out "$spn: added to $account"
err "run: seal keytab alias $spn"
seal 0 spn register $spn # found out without --ad
out "$spn: is on $account"
seal 1 spn register greeter/elsewhere.ad.sealrpc.test --account 'node1$'
err 'only names of its own dNSHostName'
seal 1 spn register $spn:7001
err 'only names of its own dNSHostName'
seal 1 spn register greeter/node2.ad.sealrpc.test
err "cannot be added to CN=node2,"
names "$node1" >"$folder/out"
same "$(grep '^servicePrincipalName' "$folder/out" | sort)" "servicePrincipalName: $spn
servicePrincipalName: host/$host"

echo "its keys under that name, too; letters do not matter to clients"
seal 1 spn check $spn
finding error no-key
seal 0 keytab alias $spn
out "$spn@AD.SEALRPC.TEST: kvno 1, 2 keys of node1\$@AD.SEALRPC.TEST in $keytab"
seal 0 spn check $spn --account 'node1$'
out "ok $spn (kvno 1, "
seal 0 spn check greeter/NODE1.ad.sealrpc.test --client
out 'ok greeter/NODE1.ad.sealrpc.test'

echo "DsWriteAccountSpn"
seal 0 spn register $rpc --via rpc
out "$rpc: added to $account"
seal 0 spn list --account 'node1$'
out "$rpc"
seal 0 spn unregister $rpc --via rpc
out "$rpc: removed from $account"
seal 0 spn list --account 'node1$'
no_out "$rpc"
out "$spn"
login alice
seal 1 spn register $rpc --via rpc
err 'WERR_ACCESS_DENIED'
err 'let an installer do it'
seal 1 spn unregister $spn --via rpc
err 'WERR_ACCESS_DENIED'
installer 2 spn register $rpc --via rpc
err 'needs tickets in a file'
names "$node1" >"$folder/out"
no_out "$rpc"
out "$spn"

echo "the installer may, for every computer but for no user, and gives no name twice"
login installer
seal 0 spn register $spn:7001 --via rpc
out "$spn:7001: added to $account"
seal 0 spn unregister $spn:7001
out "$spn:7001: removed from $account"
installer 0 spn register $spn:7001 --ad
out "$spn:7001: added to $account"
seal 0 spn unregister $spn:7001 --via rpc
out "$spn:7001: removed from $account"
seal 1 spn register $spn --account alice
err "is on another account, $account"
seal 1 spn register $spn --account 'node2$' --via rpc
err "is on another account, $account"
seal 1 spn register demo/alice.ad.sealrpc.test --account alice
err "cannot be added to CN=alice,CN=Users,"
err 'access'

echo "a name that has moved to a user's account, and back"
seal 0 spn unregister $spn --account 'node1$'
domain spn add $spn alice
login 'node1$'
seal 1 spn check $spn
finding error other-account
out "is registered on another account than node1\$@AD.SEALRPC.TEST"
seal 1 spn check $spn --account 'node1$'
out "belongs to CN=alice,CN=Users,DC=ad,DC=sealrpc,DC=test, not to $account"
domain spn delete $spn alice
seal 0 spn register $spn --account 'node1$'
login 'node1$'
seal 0 spn check $spn --account 'node1$'

echo "connection points, published with the keytab, without leases"
login alice
seal 0 scp publish --keytab "$keytab" --principal 'node1$' --service demo.Greeter --class greeter \
  --host $host --port 7001
out "published "
seal 0 scp list demo.Greeter
out "demo.Greeter	$host:7001	priority 0	weight 0	"
seal 0 scp show demo.Greeter
out "carries $spn: clients believe it"
no_out 'dynamicObject'
seal 0 scp remove --name seal-greeter-7001 --keytab "$keytab"
seal 0 scp list demo.Greeter
same "$(cat "$folder/out")" ''

echo "keys are the account's"
seal 1 keytab rotate
err 'is an account of Active Directory'
