/* SPDX-License-Identifier: Apache-2.0 */
#include "directory_support.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char prelude[] =
    "r=$SEAL_REALM_PROGRAM B=$SEAL_DIRECTORY_BASE D=$SEAL_REALM_DIR\n"
    "A1=cn=node1.sealrpc.test,ou=Accounts,$B A2=cn=node2.sealrpc.test,ou=Accounts,$B\n"
    "log_in() { kinit -c $D/cc.$1 -k -t $D/$3.keytab $2 || exit 90; }\n"
    "log_in n1 " NODE1 " service; log_in n2 " NODE2 " service\n"
    "log_in alice alice users; log_in installer installer users\n"
    "as() { w=$1 c=$2; shift 2; KRB5CCNAME=FILE:$D/cc.$w $c -Q \"$@\" >$D/said 2>&1; }\n"
    "yes() { \"$@\" || { echo \"$* failed: $?\"; cat $D/said; exit 91; }; }\n"
    "no() { want=$1; shift; \"$@\"; got=$?; [ $got = $want ] ||\n"
    "  { echo \"$* ended with $got, not $want\"; cat $D/said; exit 92; }; }\n"
    "scp() { printf 'dn: cn=%s,%s\\nobjectClass: serviceConnectionPoint\\ncn: %s\\n"
    "serviceClassName: greeter\\nserviceDNSName: %s\\nserviceBindingInformation: port=1\\n"
    "keywords: demo.Greeter\\n' $1 $2 $1 $3.sealrpc.test; [ -z \"$4\" ] || printf \"$4\"; }\n"
    "spn() { printf 'dn: %s\\nchangetype: modify\\n%s: servicePrincipalName\\n"
    "servicePrincipalName: %s\\n' $1 $2 $3; }\n"
    "publish() { w=$1; shift; scp \"$@\" >$D/ldif; as $w ldapadd -f $D/ldif; }\n"
    "register() { w=$1; shift; spn \"$@\" >$D/ldif; as $w ldapmodify -f $D/ldif; }\n"
    "modify() { printf 'dn: %s\\nchangetype: modify\\n%s\\n' \"$2\" \"$3\" >$D/ldif\n"
    "  as $1 ldapmodify -f $D/ldif; }\n"
    "exists() { as alice ldapsearch -LLL -s base -b \"$1\" dn; }\n"
    "await() { i=0; until \"$@\"; do i=$((i+1)); [ $i -lt 600 ] || exit 93; sleep 0.05; done; }\n";

struct result script_run(const char *const *options, const char *script) {
    const char *arguments[32] = {seal_realm,  "run",       "--quiet",   "--with-directory",
                                 "--service", NODE1,       "--service", NODE2,
                                 "--service", "odd/a$b+c", NULL};
    size_t count = 10;
    while (*options != NULL)
        arguments[count++] = *options++;
    char *whole = NULL;
    assert_true(asprintf(&whole, "%s%s", prelude, script) > 0);
    const char *const tail[] = {"--", "sh", "-c", whole, NULL};
    memcpy(arguments + count, tail, sizeof tail);
    struct result result = program_run(arguments);
    free(whole);
    return result;
}

void script_expect(const char *const *options, const char *script) {
    struct result result = script_run(options, script);
    if (result.status != 0)
        fail_msg("status %d: %s%s", result.status, result.output, result.error);
    assert_string_equal(result.error, "");
}
