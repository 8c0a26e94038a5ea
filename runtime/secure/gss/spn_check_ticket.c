/* SPDX-License-Identifier: Apache-2.0 */
/* What a service ticket was encrypted with, and whose key in the keytab opens it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "secure/gss/spn_check_internal.h"

enum { KEY_USAGE_TICKET = 2 };

bool seal__spn_enctype_is_weak(int32_t enctype) {
    switch (enctype) {
    case ENCTYPE_NULL:
    case ENCTYPE_DES_CBC_CRC:
    case ENCTYPE_DES_CBC_MD4:
    case ENCTYPE_DES_CBC_MD5:
    case ENCTYPE_DES_CBC_RAW:
    case ENCTYPE_DES_HMAC_SHA1:
    case ENCTYPE_DES3_CBC_SHA:
    case ENCTYPE_DES3_CBC_RAW:
    case ENCTYPE_DES3_CBC_SHA1:
    case ENCTYPE_ARCFOUR_HMAC:
    case ENCTYPE_ARCFOUR_HMAC_EXP:
        return true;
    default:
        return false;
    }
}

static bool opens(krb5_context krb5, const krb5_keytab_entry *entry, const krb5_ticket *ticket) {
    if (entry->key.enctype != ticket->enc_part.enctype)
        return false;
    krb5_data plain = {.length = ticket->enc_part.ciphertext.length,
                       .data = malloc(ticket->enc_part.ciphertext.length)};
    if (plain.data == NULL)
        return false;
    krb5_error_code code =
        krb5_c_decrypt(krb5, &entry->key, KEY_USAGE_TICKET, NULL, &ticket->enc_part, &plain);
    seal__wipe(plain.data, ticket->enc_part.ciphertext.length); /* it has the session key */
    free(plain.data);
    return code == 0;
}

/* Old files have eight bits of it. */
static bool same_version(unsigned entry, unsigned ticket) {
    return entry == ticket || (entry < 256 && entry == (ticket & 0xff));
}

/* The better of two: by its own name, then by its own version. */
static void consider(const seal__spn_probe *probe, const krb5_keytab_entry *entry,
                     seal__spn_ticket *t) {
    bool own_name = krb5_principal_compare(probe->krb5, entry->principal, probe->principal);
    bool own_version = same_version(entry->vno, t->kvno);
    bool better = !t->opened || (own_name && !t->by_own_name) ||
                  (own_name == t->by_own_name && own_version && !t->by_own_version);
    char *shown = NULL;
    if (!better || krb5_unparse_name(probe->krb5, entry->principal, &shown) != 0)
        return;
    t->opened = true;
    t->by_own_name = own_name;
    t->by_own_version = own_version;
    t->opener_kvno = entry->vno;
    snprintf(t->opener, sizeof t->opener, "%s", shown);
    krb5_free_unparsed_name(probe->krb5, shown);
}

static krb5_error_code try_keytab(const seal__spn_probe *probe, const krb5_ticket *ticket,
                                  seal__spn_ticket *t) {
    krb5_context krb5 = probe->krb5;
    krb5_keytab keytab = NULL;
    krb5_kt_cursor cursor = NULL;
    krb5_keytab_entry entry;
    krb5_error_code code = probe->keytab == NULL ? krb5_kt_default(krb5, &keytab)
                                                 : krb5_kt_resolve(krb5, probe->keytab, &keytab);
    if (code != 0)
        return code;
    code = krb5_kt_start_seq_get(krb5, keytab, &cursor);
    if (code == 0) {
        while (krb5_kt_next_entry(krb5, keytab, &entry, &cursor) == 0) {
            if (opens(krb5, &entry, ticket))
                consider(probe, &entry, t);
            krb5_free_keytab_entry_contents(krb5, &entry);
        }
        krb5_kt_end_seq_get(krb5, keytab, &cursor);
    }
    krb5_kt_close(krb5, keytab);
    return code;
}

krb5_error_code seal__spn_ticket_read(const seal__spn_probe *probe, const krb5_creds *creds,
                                      seal__spn_ticket *ret_ticket) {
    krb5_ticket *ticket = NULL;
    *ret_ticket = (seal__spn_ticket){0};
    krb5_error_code code = krb5_decode_ticket(&creds->ticket, &ticket);
    if (code != 0)
        return code;
    ret_ticket->kvno = ticket->enc_part.kvno;
    ret_ticket->enctype = ticket->enc_part.enctype;
    if (probe->with_keytab)
        code = try_keytab(probe, ticket, ret_ticket);
    krb5_free_ticket(probe->krb5, ticket);
    return code;
}
