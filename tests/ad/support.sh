# SPDX-License-Identifier: Apache-2.0
# For tests in a domain: as those of seal, and the computer node1 with a keytab of its own.
. "$(dirname "$0")/../tools/seal/support.sh"

host=node1.ad.sealrpc.test
spn=ledger/$host
node1=CN=node1,CN=Computers,$SEAL_DIRECTORY_BASE
node2=CN=node2,CN=Computers,$SEAL_DIRECTORY_BASE
keytab=$folder/node1.keytab
export KRB5_KTNAME=$keytab

# The domain's own tool, with all rights.
domain() { samba-tool "$@" -s "$SEAL_REALM_DIR/smb.conf" >"$folder/samba" 2>&1 || { cat "$folder/samba" >&2; fail "samba-tool $*"; }; }
export_keytab() { rm -f "$keytab"; domain domain exportkeytab "$keytab" --principal="${1:-node1\$}"; }
# Changes of entries with all rights; reads LDIF.
domain_modify() {
  /usr/bin/python3 -c '
import sys
from samba.auth import system_session
from samba.param import LoadParm
from samba.samdb import SamDB
parameters = LoadParm()
parameters.load(sys.argv[1])
SamDB(session_info=system_session(), lp=parameters).modify_ldif(sys.stdin.read())
' "$SEAL_REALM_DIR/smb.conf" || fail "domain_modify"
}
# One more value, below the domain's rules: as if another controller had taken it at the same time.
domain_add_unchecked() { # DN ATTRIBUTE VALUE
  /usr/bin/python3 -c '
import sys
import ldb
from samba.param import LoadParm
conf, base, dn, attribute, value = sys.argv[1:]
parameters = LoadParm()
parameters.load(conf)
path = parameters.private_path("sam.ldb.d/%s.ldb" % base.upper())
database = ldb.Ldb("tdb://" + path, flags=ldb.FLG_DONT_CREATE_DB, options=["modules:"])
change = ldb.Message(ldb.Dn(database, dn))
change[attribute] = ldb.MessageElement(value, ldb.FLAG_MOD_ADD, attribute)
database.modify(change)
' "$SEAL_REALM_DIR/smb.conf" "$SEAL_DIRECTORY_BASE" "$@" || fail "domain_add_unchecked"
}
# A ticket got before a change would hide it.
fresh_tickets() { kinit -k -t "$SEAL_REALM_DIR/users.keytab" alice; }

# The server refuses to start, and says this. Its keytab is $KRB5_KTNAME.
server_refuses() {
  run 1 "$LEDGER_SERVER" "$folder/ledger.db" "${2:-$spn}"
  err "cannot start"
  err "$1"
}
server_starts() {
  rm -f "$folder/out"
  "$LEDGER_SERVER" "$folder/ledger.db" "${1:-$spn}" >"$folder/out" 2>"$folder/err" &
  local server=$!
  until grep -qs '^published' "$folder/out"; do
    kill -0 $server 2>/dev/null || fail "the server has ended"
    sleep 0.05
  done
  kill $server
  wait $server || fail "the server ended with $?"
}
