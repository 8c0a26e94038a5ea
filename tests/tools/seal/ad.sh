#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Active Directory, as Samba has it: a domain controller in namespaces of this test's own. Making a domain takes
# root; where that or Samba is missing the test is skipped, with the reason.
set -eu
skip() {
  echo "skipped: $1"
  exit 77
}
if [ "${1:-}" != inside ]; then
  [ "$(id -u)" -eq 0 ] || skip "a domain can only be made by root"
  for program in samba samba-tool ip unshare; do
    PATH=$PATH:/usr/sbin:/sbin command -v $program >/dev/null || skip "no program $program (samba-ad-dc, iproute2)"
  done
  /usr/bin/python3 -c 'import samba.dcerpc.drsuapi' 2>/dev/null || skip "no python3-samba"
  unshare -mn true 2>/dev/null || skip "no namespaces here"
  exec unshare -mn --propagation private bash "$0" inside
fi
export SEAL_REALM_DIR=
. "$(dirname "$0")/support.sh"
ip link set lo up

domain=$folder/domain
dns=ad.sealrpc.test
base=DC=ad,DC=sealrpc,DC=test
printf '127.0.0.1 localhost\n127.0.0.20 dc1.%s\n' $dns >"$folder/hosts"
mount --bind "$folder/hosts" /etc/hosts

make_domain() {
  local option options=()
  mkdir -p "$domain/run"
  for option in 'interfaces=127.0.0.20/8' 'bind interfaces only=yes' 'server services=ldap cldap kdc dns rpc' \
    'dcerpc endpoint servers=+drsuapi' 'tls enabled=no' "pid directory=$domain/run" \
    "ncalrpc dir=$domain/run/ncalrpc" "ntp signd socket directory=$domain/run/ntp" \
    "winbindd socket directory=$domain/run/winbindd" "log file=$domain/log.%m"; do
    options+=("--option=$option")
  done
  samba-tool domain provision --realm=${dns^^} --domain=SEALAD --adminpass=Passw0rd.1 --server-role=dc \
    --dns-backend=SAMBA_INTERNAL --host-name=dc1 --host-ip=127.0.0.20 --targetdir="$domain" "${options[@]}"
  samba-tool spn add ldap/dc1.$dns 'dc1$' -s "$domain/etc/smb.conf"
  samba-tool user create alice Alice.pw1 -s "$domain/etc/smb.conf"
  samba-tool computer add node1 -s "$domain/etc/smb.conf"
  samba-tool user setpassword 'node1$' --newpassword=Node1.password -s "$domain/etc/smb.conf"
  samba-tool user enable 'node1$' -s "$domain/etc/smb.conf"
  ldbmodify -H "$domain/private/sam.ldb" <<END
dn: CN=node1,CN=Computers,$base
changetype: modify
replace: msDS-SupportedEncryptionTypes
msDS-SupportedEncryptionTypes: 24
-
replace: dNSHostName
dNSHostName: node1.$dns
END
  export_key 'node1$'
}
export_key() { samba-tool domain exportkeytab "$domain/node1.keytab" --principal="$1" -s "$domain/etc/smb.conf"; }
command -v ldbmodify >/dev/null || skip "no program ldbmodify (ldb-tools)"
make_domain >"$folder/out" 2>"$folder/err" || fail "the domain could not be made"
samba -s "$domain/etc/smb.conf" -i -M single --debug-stdout --no-process-group >"$domain/samba.log" 2>&1 & controller=$!
trap 'kill $controller; wait $controller || true; umount /etc/hosts; rm -rf "$folder"' EXIT
for ((i = 0; i < 600; i++)); do
  (exec 3<>/dev/tcp/127.0.0.20/88 4<>/dev/tcp/127.0.0.20/389) 2>/dev/null && break
  kill -0 $controller || fail "samba ended: $(tail -n 5 "$domain/samba.log")"
  sleep 0.1
done

cat >"$folder/krb5.conf" <<END
[libdefaults]
 default_realm = ${dns^^}
 dns_lookup_kdc = false
 dns_lookup_realm = false
 dns_canonicalize_hostname = false
 rdns = false
[realms]
 ${dns^^} = {
  kdc = 127.0.0.20
 }
[domain_realm]
 .$dns = ${dns^^}
END
export KRB5_CONFIG=$folder/krb5.conf KRB5CCNAME=FILE:$folder/ccache KRB5_KTNAME=FILE:$domain/node1.keytab
export SEAL_DIRECTORY_URI=ldap://dc1.$dns
account=CN=node1,CN=Computers,$base
spn=greeter/node1.$dns
user() { echo "$2" | kinit "$1" >/dev/null; }

echo "a user may not; the account may, for its own name"
user alice Alice.pw1
seal 1 spn register $spn --ad
err "cannot be added to $account"
err 'access'
run 0 kinit -k 'node1$'
seal 1 spn check $spn --no-dns
finding error not-registered
seal 0 spn register $spn --ad
out "$spn: added to $account"
err "run: seal keytab alias $spn"
seal 0 spn register $spn # found out without --ad
out "$spn: is on $account"
seal 1 spn register greeter/elsewhere.$dns --account 'node1$'
err 'only names of its own dNSHostName'
seal 1 spn register $spn:7001
seal 1 spn check $spn --no-dns
finding error no-key
follow no-key # lists the account's keys under this name, too
seal 0 spn check $spn --no-dns --account 'node1$'
out "ok $spn (kvno "
seal 0 spn check greeter/NODE1.$dns --client --no-dns # letters do not matter here
out 'ok '

echo "DsWriteAccountSpn"
seal 0 spn register rpc/node1.$dns --via rpc
out "rpc/node1.$dns: added to $account"
seal 0 spn list --account 'node1$'
out "rpc/node1.$dns"
seal 0 spn unregister rpc/node1.$dns --via rpc
seal 0 spn list --account 'node1$'
no_out "rpc/node1.$dns"
user alice Alice.pw1
seal 1 spn register rpc/node1.$dns --via rpc
err 'WERR_ACCESS_DENIED'
err 'let an installer do it'
seal 2 spn register rpc/node1.$dns --via rpc --installer 'node1$' --installer-keytab "$domain/node1.keytab"
err 'needs tickets in a file'

echo "an administrator may, and no name is given twice"
user Administrator Passw0rd.1
seal 0 spn register $spn:7001 --via rpc
seal 1 spn register $spn --account alice
err "is on another account, $account"
seal 0 spn unregister $spn:7001
out "$spn:7001: removed from $account"

echo "a name that has moved to another account, and back"
seal 0 spn unregister $spn --account 'node1$'
seal 0 spn register $spn --account alice
seal 1 spn check $spn --no-dns
finding error other-account
out "is registered on another account than node1\$@${dns^^}"
seal 1 spn check $spn --no-dns --account 'node1$'
out "belongs to CN=alice,CN=Users,$base, not to $account"
seal 0 spn unregister $spn --account alice
seal 0 spn register $spn --account 'node1$'
seal 0 spn check $spn --no-dns --account 'node1$'

echo "connection points, without leases"
seal 0 scp publish --keytab "$domain/node1.keytab" --principal 'node1$' --service demo.Greeter --class greeter \
  --host node1.$dns --port 7001
seal 0 scp show demo.Greeter
out "carries $spn: clients believe it"
seal 0 scp remove --name seal-greeter-7001 --keytab "$domain/node1.keytab"

echo "keys are the account's"
seal 1 keytab rotate
err 'is an account of Active Directory'
