/* SPDX-License-Identifier: Apache-2.0 */
#include "ticket.h"

#include "krb5_text.h"

#include <string.h>

static bool read_ticket(krb5_context krb5, const krb5_creds *creds, struct ticket_facts *facts) {
    krb5_ticket *ticket = NULL;
    if (krb5_decode_ticket(&creds->ticket, &ticket) != 0)
        return false;
    facts->kvno = ticket->enc_part.kvno;
    facts->enctype = krb5_text_enctype(ticket->enc_part.enctype);
    krb5_free_ticket(krb5, ticket);
    return true;
}

bool ticket_ask(const struct login *login, const char *principal, struct ticket_facts *ret_facts) {
    krb5_context krb5;
    krb5_ccache ccache = NULL;
    krb5_creds wanted;
    krb5_creds *got = NULL;
    memset(&wanted, 0, sizeof wanted);
    if (krb5_init_context(&krb5) != 0)
        return false;
    bool good = krb5_cc_resolve(krb5, login->ccache, &ccache) == 0 &&
                krb5_parse_name(krb5, login->principal, &wanted.client) == 0 &&
                krb5_parse_name(krb5, principal, &wanted.server) == 0 &&
                krb5_get_credentials(krb5, KRB5_GC_NO_STORE, ccache, &wanted, &got) == 0 &&
                read_ticket(krb5, got, ret_facts);
    krb5_free_creds(krb5, got);
    krb5_free_cred_contents(krb5, &wanted);
    if (ccache != NULL)
        krb5_cc_close(krb5, ccache);
    krb5_free_context(krb5);
    return good;
}
