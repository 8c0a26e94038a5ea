# SPDX-License-Identifier: Apache-2.0
# For the tests of seal: runs it, and looks at its exit status and at what it says.
# $SEAL is the program under test. Inside a scratch realm.
set -eu
export LC_ALL=C
PATH=$PATH:/usr/sbin:/sbin
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

fail() {
  echo "FAILED: $*" >&2
  for file in out err; do
    [ ! -s "$folder/$file" ] || sed "s/^/  $file: /" "$folder/$file" >&2
  done
  exit 1
}

# run STATUS COMMAND...: its output in $folder/out and $folder/err
run() {
  local wanted=$1 status=0
  shift
  "$@" >"$folder/out" 2>"$folder/err" </dev/null || status=$?
  ! grep -q 'Sanitizer\|runtime error' "$folder/err" || fail "sanitizer: $*"
  [ "$status" -eq "$wanted" ] || fail "status $status, not $wanted: $*"
}
seal() { # STATUS ARGUMENT...
  local wanted=$1
  shift
  run "$wanted" "$SEAL" "$@"
}
installer() { # STATUS GROUP COMMAND ARGUMENT...: with the installer's rights
  local wanted=$1
  shift
  seal "$wanted" "$@" --installer installer --installer-keytab "$SEAL_REALM_DIR/users.keytab"
}
out() { grep -qF -e "$1" "$folder/out" || fail "not on standard output: $1"; }
err() { grep -qF -e "$1" "$folder/err" || fail "not on standard error: $1"; }
no_out() { ! grep -qF -e "$1" "$folder/out" || fail "on standard output: $1"; }
same() { [ "$1" = "$2" ] || fail "'$1' is not '$2'${3:+: $3}"; }

# ---- check ----

finding() { # KIND NAME: the check has said so
  grep -q "^$1 [^ ]*: $2: " "$folder/out" || fail "no $1 '$2'"
}
only_finding() { # NAME: and nothing else of weight
  local others
  others=$(grep -E '^(error|warning) ' "$folder/out" | grep -v "^[a-z]* [^ ]*: $1: " || true)
  [ -z "$others" ] || fail "besides $1: $others"
}
# Does what the remedy says, as the installer where it is a command for one.
follow() { # FINDING
  local command
  command=$(grep -A 1 "^[a-z]* [^ ]*: $1: " "$folder/out" | grep -o 'seal \(spn\|keytab\) [^;(]*' | head -n 1)
  command=${command%%, then*}
  command=${command%% in the*}
  [ -n "$command" ] || fail "no command in the remedy of $1"
  case $command in
    *' spn '*) command="$command --installer installer --installer-keytab $SEAL_REALM_DIR/users.keytab" ;;
  esac
  echo "  remedy: $command"
  eval "run 0 \"\$SEAL\" ${command#seal }"
}

# ---- The KDC and the directory, with all rights ----

kdc() { kadmin.local "$@" >"$folder/kdc" 2>&1 || { cat "$folder/kdc" >&2; fail "kadmin.local $*"; }; }
kvno_in_kdc() { kadmin.local getprinc "$1" 2>/dev/null | sed -n 's/^Key: vno \([0-9]*\),.*/\1/p' | head -n 1; }
in_kdc() { kadmin.local getprinc "$1" >/dev/null 2>&1; }
keytab_list() { klist -ke "$1" | sed '1,3d'; }
# Reads LDIF; more options of ldapmodify may follow.
directory() { ldapmodify -Q -Y EXTERNAL -H "$SEAL_REALM_LDAPI" "$@" >"$folder/ldap" 2>&1 || { cat "$folder/ldap" >&2; fail ldapmodify; }; }
dn_of() { echo "cn=$1,ou=Accounts,$SEAL_DIRECTORY_BASE"; }
add_account() { # HOST
  directory -a <<END
dn: $(dn_of "$1")
objectClass: device
objectClass: spnAccount
cn: $1
dNSHostName: $1
END
}
set_spns() { # HOST SPN...: exactly these, whatever the directory's rules are
  local host=$1 spn
  shift
  {
    echo "dn: $(dn_of "$host")"
    echo "changetype: modify"
    echo "replace: servicePrincipalName"
    for spn in "$@"; do echo "servicePrincipalName: $spn"; done
  } | directory -e relax
}
spns_of() { # HOST
  ldapsearch -Q -LLL -Y EXTERNAL -H "$SEAL_REALM_LDAPI" -b "$(dn_of "$1")" -s base servicePrincipalName |
    sed -n 's/^servicePrincipalName: //p' | sort
}
