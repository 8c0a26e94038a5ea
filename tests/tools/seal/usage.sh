#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Help, options and mistakes on the command line; nothing here needs a realm.
. "$(dirname "$0")/support.sh"

seal 0 help
out 'seal spn    make'
seal 0 --help
seal 0 --version
out 'seal '
seal 2
err 'seal help'
seal 2 nonsense
err "'nonsense' is none of spn, scp, keytab"
seal 2 spn
err 'seal spn --help'
seal 2 spn nonsense
err "'nonsense' is no command of 'seal spn'"
seal 0 spn --help
out 'seal spn    register'
no_out 'seal keytab'

echo "each command has help, and refuses options that it does not know"
"$SEAL" help | sed -n 's/^  seal \([a-z]*\) *\([a-z]*\) .*/\1 \2/p' >"$folder/commands"
[ "$(wc -l <"$folder/commands")" -ge 11 ] || fail "commands are missing: $(cat "$folder/commands")"
while read -r group name; do
  seal 0 "$group" "$name" --help
  out "usage: seal $group $name"
  out '--help'
  seal 2 "$group" "$name" --no-such-option
  err "no option '--no-such-option' here; see: seal $group $name --help"
done <"$folder/commands"

echo "make"
seal 0 spn make greeter WWW.Example.Com.
same "$(cat "$folder/out")" greeter/www.example.com
seal 0 spn make --port 7001 greeter bücher.example --name bank.Ledger
same "$(cat "$folder/out")" greeter/xn--bcher-kva.example:7001/bank.Ledger
seal 0 spn make greeter 2001:DB8:0::1
same "$(cat "$folder/out")" 'greeter/[2001:db8::1]'
seal 2 spn make greeter
err 'something is missing'
seal 2 spn make greeter a b
err "'b' is one word too many"
seal 2 spn make greeter a --port
err '--port needs a value'
for port in 65536 -1 7x 99999999999999999999999 ''; do
  seal 2 spn make greeter a --port "$port"
  err "--port does not take '$port': a number from 0 to 65535"
done
seal 2 spn make 'gre eter' a
seal 2 spn make greeter -- -a
seal 2 spn make greeter a --name ''

echo "mistakes of other commands"
seal 2 spn check a/b --client --keytab x
err 'give one of them'
seal 2 spn check a/b --ccache x
seal 2 spn check a@b
seal 2 spn register a/b --via smoke
err 'only rpc is known'
seal 2 spn register a/b --installer x --installer-keytab y --installer-ccache z
err 'give one'
seal 2 scp publish
err '--service NAME is missing'
seal 2 scp publish --service a --class b --host c
err '--port PORT is missing'
seal 2 scp remove
seal 2 scp remove cn=a --name b

echo "output that cannot be written is noticed"
status=0
"$SEAL" help >/dev/full 2>"$folder/err" || status=$?
same "$status" 1
err 'cannot write to standard output'
