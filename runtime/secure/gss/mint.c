/* SPDX-License-Identifier: Apache-2.0 */
/* A service ticket (RFC 4120, 5.3) made with the service's own key: no KDC takes part. */
#include "secure/gss/gss_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    TAG_SEQUENCE = 0x30,
    TAG_OCTETS = 0x04,
    TAG_GENERAL_STRING = 0x1b,
    TAG_CONTEXT = 0xa0, /* + number */
    TAG_APPLICATION = 0x60,
    KEY_USAGE_TICKET = 2
};

typedef struct mint {
    krb5_context krb5;
    krb5_principal service;
    krb5_principal client;
    krb5_keytab_entry entry;
    krb5_creds creds; /* owns keyblock and ticket */
    seal__der der;
} mint;

static uint8_t context_tag(unsigned number) {
    return (uint8_t)(TAG_CONTEXT + number);
}

static void put_realm(seal__der *der, unsigned field, krb5_const_principal principal) {
    size_t end = seal__der_open(der);
    seal__der_string(der, TAG_GENERAL_STRING, principal->realm.data, principal->realm.length);
    seal__der_close(der, context_tag(field), end);
}

static void put_name(seal__der *der, unsigned field, krb5_const_principal principal) {
    size_t end = seal__der_open(der);
    for (krb5_int32 i = principal->length; i-- > 0;)
        seal__der_string(der, TAG_GENERAL_STRING, principal->data[i].data,
                         principal->data[i].length);
    seal__der_close(der, TAG_SEQUENCE, end);
    seal__der_close(der, context_tag(1), end);
    size_t type_end = seal__der_open(der);
    seal__der_integer(der, principal->type);
    seal__der_close(der, context_tag(0), type_end);
    seal__der_close(der, TAG_SEQUENCE, end);
    seal__der_close(der, context_tag(field), end);
}

static void put_integer(seal__der *der, unsigned field, int64_t value) {
    size_t end = seal__der_open(der);
    seal__der_integer(der, value);
    seal__der_close(der, context_tag(field), end);
}

static void put_octets(seal__der *der, unsigned field, const void *bytes, size_t len) {
    size_t end = seal__der_open(der);
    seal__der_string(der, TAG_OCTETS, bytes, len);
    seal__der_close(der, context_tag(field), end);
}

static void put_time(seal__der *der, unsigned field, krb5_timestamp seconds) {
    size_t end = seal__der_open(der);
    seal__der_time(der, (int64_t)(uint32_t)seconds);
    seal__der_close(der, context_tag(field), end);
}

static void put_key(seal__der *der, unsigned field, const krb5_keyblock *key) {
    size_t end = seal__der_open(der);
    put_octets(der, 1, key->contents, key->length);
    put_integer(der, 0, key->enctype);
    seal__der_close(der, TAG_SEQUENCE, end);
    seal__der_close(der, context_tag(field), end);
}

/* EncTicketPart, from its last field to its first. */
static void put_secret_part(seal__der *der, const mint *m) {
    size_t end = seal__der_open(der);
    put_time(der, 7, m->creds.times.endtime);
    put_time(der, 6, m->creds.times.starttime);
    put_time(der, 5, m->creds.times.authtime);
    size_t transited_end = seal__der_open(der);
    put_octets(der, 1, NULL, 0);
    put_integer(der, 0, 1); /* DOMAIN-X500-COMPRESS, of nothing */
    seal__der_close(der, TAG_SEQUENCE, transited_end);
    seal__der_close(der, context_tag(4), transited_end);
    put_name(der, 3, m->client);
    put_realm(der, 2, m->client);
    put_key(der, 1, &m->creds.keyblock);
    size_t flags_end = seal__der_open(der);
    seal__der_bits32(der, (uint32_t)m->creds.ticket_flags);
    seal__der_close(der, context_tag(0), flags_end);
    seal__der_close(der, TAG_SEQUENCE, end);
    seal__der_close(der, TAG_APPLICATION + 3, end);
}

static void put_ticket(seal__der *der, const mint *m, const krb5_data *cipher) {
    size_t end = seal__der_open(der);
    put_octets(der, 2, cipher->data, cipher->length);
    put_integer(der, 1, m->entry.vno);
    put_integer(der, 0, m->entry.key.enctype);
    seal__der_close(der, TAG_SEQUENCE, end);
    seal__der_close(der, context_tag(3), end);
    put_name(der, 2, m->service);
    put_realm(der, 1, m->service);
    put_integer(der, 0, 5); /* tkt-vno */
    seal__der_close(der, TAG_SEQUENCE, end);
    seal__der_close(der, TAG_APPLICATION + 1, end);
}

static krb5_error_code encrypt(mint *m, krb5_data *cipher) {
    krb5_data plain = {.length = (unsigned)(sizeof m->der.bytes - m->der.at),
                       .data = (char *)m->der.bytes + m->der.at};
    size_t size = 0;
    krb5_error_code code =
        krb5_c_encrypt_length(m->krb5, m->entry.key.enctype, plain.length, &size);
    if (code != 0)
        return code;
    cipher->data = malloc(size);
    if (cipher->data == NULL)
        return ENOMEM;
    cipher->length = (unsigned)size;
    krb5_enc_data sealed = {.enctype = m->entry.key.enctype, .ciphertext = *cipher};
    code = krb5_c_encrypt(m->krb5, &m->entry.key, KEY_USAGE_TICKET, NULL, &plain, &sealed);
    cipher->length = sealed.ciphertext.length;
    return code;
}

static krb5_error_code make_ticket(mint *m) {
    krb5_data cipher = {0};
    seal__der_init(&m->der);
    put_secret_part(&m->der, m);
    krb5_error_code code = m->der.failed ? EOVERFLOW : encrypt(m, &cipher);
    seal__wipe(m->der.bytes, sizeof m->der.bytes);
    if (code == 0) {
        seal__der_init(&m->der);
        put_ticket(&m->der, m, &cipher);
        code = m->der.failed ? EOVERFLOW : 0;
    }
    free(cipher.data);
    if (code != 0)
        return code;
    size_t len = sizeof m->der.bytes - m->der.at;
    m->creds.ticket.data = malloc(len);
    if (m->creds.ticket.data == NULL)
        return ENOMEM;
    memcpy(m->creds.ticket.data, m->der.bytes + m->der.at, len);
    m->creds.ticket.length = (unsigned)len;
    return 0;
}

static bool belongs_to(krb5_context krb5, krb5_ccache cache, krb5_const_principal client) {
    krb5_principal owner = NULL;
    bool same = krb5_cc_get_principal(krb5, cache, &owner) == 0 &&
                krb5_principal_compare(krb5, owner, client);
    krb5_free_principal(krb5, owner);
    return same;
}

static krb5_error_code store(mint *m, const char *ccache) {
    krb5_ccache cache = NULL;
    krb5_error_code code = krb5_cc_resolve(m->krb5, ccache, &cache);
    if (code != 0)
        return code;
    if (!belongs_to(m->krb5, cache, m->client))
        code = krb5_cc_initialize(m->krb5, cache, m->client);
    if (code == 0)
        code = krb5_cc_store_cred(m->krb5, cache, &m->creds);
    krb5_cc_close(m->krb5, cache);
    return code;
}

/* The newest key, of the type that the configuration likes best, as a KDC would choose. */
static krb5_error_code best_key(mint *m, krb5_keytab keytab) {
    krb5_enctype *types = NULL;
    krb5_keytab_entry newest;
    krb5_error_code code = krb5_kt_get_entry(m->krb5, keytab, m->service, 0, 0, &newest);
    if (code != 0)
        return code;
    code = krb5_get_permitted_enctypes(m->krb5, &types);
    bool found = false;
    for (size_t i = 0; code == 0 && !found && types[i] != 0; i++)
        found =
            krb5_kt_get_entry(m->krb5, keytab, m->service, newest.vno, types[i], &m->entry) == 0;
    if (found)
        krb5_free_keytab_entry_contents(m->krb5, &newest);
    else
        m->entry = newest;
    krb5_free_enctypes(m->krb5, types);
    return code;
}

static krb5_error_code find_key(mint *m, const char *keytab) {
    krb5_keytab open = NULL;
    krb5_error_code code =
        keytab == NULL ? krb5_kt_default(m->krb5, &open) : krb5_kt_resolve(m->krb5, keytab, &open);
    if (code != 0)
        return code;
    code = best_key(m, open);
    krb5_kt_close(m->krb5, open);
    return code;
}

static int keytab_failed(const mint *m, krb5_error_code code, const seal__gss_mint_options *options,
                         seal_error **reterr) {
    char name[SEAL__GSS_TEXT];
    char contents[1024];
    char why[SEAL__GSS_TEXT];
    seal__gss_krb5_text(m->krb5, code, why, sizeof why);
    seal__gss_keytab_name(options->keytab, name, sizeof name);
    seal__gss_keytab_contents(options->keytab, contents, sizeof contents);
    return seal__gss_keytab_error(name, options->service, why, contents, reterr);
}

static krb5_error_code fill(mint *m, const seal__gss_mint_options *options) {
    krb5_timestamp now = (krb5_timestamp)time(NULL);
    m->creds.client = m->client;
    m->creds.server = m->service;
    m->creds.ticket_flags = TKT_FLG_PRE_AUTH;
    m->creds.times.authtime = now + (krb5_timestamp)options->start_offset_s;
    m->creds.times.starttime = m->creds.times.authtime;
    m->creds.times.endtime = now + (krb5_timestamp)options->lifetime_s;
    krb5_error_code code =
        krb5_c_make_random_key(m->krb5, m->entry.key.enctype, &m->creds.keyblock);
    if (code == 0)
        code = make_ticket(m);
    return code == 0 ? store(m, options->ccache) : code;
}

static int mint_ticket(mint *m, const seal__gss_mint_options *options, seal_error **reterr) {
    krb5_error_code code = krb5_parse_name(m->krb5, options->service, &m->service);
    if (code == 0)
        code = krb5_parse_name(m->krb5, options->client, &m->client);
    if (code != 0)
        return seal__gss_krb5_fail(m->krb5, code, options->service, reterr);
    code = find_key(m, options->keytab);
    if (code != 0)
        return keytab_failed(m, code, options, reterr);
    code = fill(m, options);
    return code == 0 ? 0 : seal__gss_krb5_fail(m->krb5, code, "cannot make a ticket", reterr);
}

int seal__gss_mint_ticket(const seal__gss_mint_options *options, seal_error **reterr) {
    mint m = {0};
    krb5_error_code code = krb5_init_context(&m.krb5);
    if (code != 0)
        return seal__gss_krb5_fail(NULL, code, options->service, reterr);
    int rc = mint_ticket(&m, options, reterr);
    krb5_free_keytab_entry_contents(m.krb5, &m.entry);
    krb5_free_keyblock_contents(m.krb5, &m.creds.keyblock);
    free(m.creds.ticket.data);
    krb5_free_principal(m.krb5, m.service);
    krb5_free_principal(m.krb5, m.client);
    krb5_free_context(m.krb5);
    return rc;
}
