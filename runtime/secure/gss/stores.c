/* SPDX-License-Identifier: Apache-2.0 */
/* What is in keytabs, caches and configuration, for messages that say what to look at. */
#include "secure/gss/gss_internal.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ENTRIES_SHOWN = 8 };

static void append(char *text, size_t size, const char *format, ...) SEAL_PRINTF(3, 4);

static void append(char *text, size_t size, const char *format, ...) {
    size_t used = strlen(text);
    va_list args;
    va_start(args, format);
    vsnprintf(text + used, size - used, format, args);
    va_end(args);
}

void seal__gss_keytab_name(const char *keytab, char *text, size_t size) {
    snprintf(text, size, "%s", keytab == NULL ? "the default keytab" : keytab);
    krb5_context krb5 = NULL;
    if (keytab != NULL || krb5_init_context(&krb5) != 0)
        return;
    char name[PATH_MAX + 16];
    if (krb5_kt_default_name(krb5, name, (int)sizeof name) == 0)
        snprintf(text, size, "%s", name);
    krb5_free_context(krb5);
}

void seal__gss_client_keytab_name(const char *keytab, char *text, size_t size) {
    snprintf(text, size, "%s", keytab == NULL ? "the default client keytab" : keytab);
    krb5_context krb5 = NULL;
    krb5_keytab open = NULL;
    if (keytab != NULL || krb5_init_context(&krb5) != 0)
        return;
    char name[SEAL__GSS_TEXT];
    if (krb5_kt_client_default(krb5, &open) == 0) {
        if (krb5_kt_get_name(krb5, open, name, (unsigned)sizeof name) == 0)
            snprintf(text, size, "%s", name);
        krb5_kt_close(krb5, open);
    }
    krb5_free_context(krb5);
}

void seal__gss_ccache_name(const char *ccache, char *text, size_t size) {
    snprintf(text, size, "%s", ccache == NULL ? "the default cache" : ccache);
    krb5_context krb5 = NULL;
    if (ccache != NULL || krb5_init_context(&krb5) != 0)
        return;
    const char *name = krb5_cc_default_name(krb5);
    if (name != NULL)
        snprintf(text, size, "%s", name);
    krb5_free_context(krb5);
}

typedef int visit_fn(krb5_context krb5, const krb5_keytab_entry *entry, void *user);

/* Calls visit for each entry until it returns nonzero. */
static krb5_error_code each_entry(krb5_context krb5, const char *keytab, visit_fn *visit,
                                  void *user) {
    krb5_keytab open = NULL;
    krb5_kt_cursor cursor = NULL;
    krb5_error_code code =
        keytab == NULL ? krb5_kt_default(krb5, &open) : krb5_kt_resolve(krb5, keytab, &open);
    if (code != 0)
        return code;
    code = krb5_kt_start_seq_get(krb5, open, &cursor);
    if (code == 0) {
        bool stopped = false;
        krb5_keytab_entry entry;
        while (!stopped && (code = krb5_kt_next_entry(krb5, open, &entry, &cursor)) == 0) {
            stopped = visit(krb5, &entry, user) != 0;
            krb5_free_keytab_entry_contents(krb5, &entry);
        }
        krb5_kt_end_seq_get(krb5, open, &cursor);
    }
    krb5_kt_close(krb5, open);
    return code == KRB5_KT_END ? 0 : code;
}

typedef struct listing {
    char *text;
    size_t size;
    unsigned shown;
    char last[SEAL__GSS_TEXT];
} listing;

/* One entry for each enctype follow each other: each principal and version is shown once. */
static int list_entry(krb5_context krb5, const krb5_keytab_entry *entry, void *user) {
    listing *l = user;
    char *principal = NULL;
    if (krb5_unparse_name(krb5, entry->principal, &principal) != 0)
        return 1;
    char line[SEAL__GSS_TEXT];
    snprintf(line, sizeof line, "%.200s kvno %u", principal, entry->vno);
    krb5_free_unparsed_name(krb5, principal);
    if (strcmp(line, l->last) == 0)
        return 0;
    if (l->shown == ENTRIES_SHOWN) {
        append(l->text, l->size, ", ...");
        return 1;
    }
    append(l->text, l->size, "%s%s", l->shown == 0 ? "" : ", ", line);
    snprintf(l->last, sizeof l->last, "%s", line);
    l->shown++;
    return 0;
}

void seal__gss_keytab_contents(const char *keytab, char *text, size_t size) {
    listing l = {.text = text, .size = size};
    text[0] = '\0';
    krb5_context krb5 = NULL;
    krb5_error_code code = krb5_init_context(&krb5);
    if (code == 0)
        code = each_entry(krb5, keytab, list_entry, &l);
    if (code != 0) {
        char why[SEAL__GSS_TEXT];
        seal__gss_krb5_text(krb5, code, why, sizeof why);
        append(text, size, "%s%s", l.shown == 0 ? "" : ", then ", why);
    } else if (l.shown == 0) {
        append(text, size, "nothing");
    }
    krb5_free_context(krb5);
}

typedef struct newest {
    krb5_principal principal;
    unsigned kvno;
} newest;

static int take_newest(krb5_context krb5, const krb5_keytab_entry *entry, void *user) {
    newest *n = user;
    if (krb5_principal_compare(krb5, entry->principal, n->principal) && entry->vno > n->kvno)
        n->kvno = entry->vno;
    return 0;
}

unsigned seal__gss_keytab_kvno(const char *keytab, const char *principal) {
    krb5_context krb5 = NULL;
    newest n = {0};
    if (krb5_init_context(&krb5) != 0)
        return 0;
    if (krb5_parse_name(krb5, principal, &n.principal) == 0)
        each_entry(krb5, keytab, take_newest, &n);
    krb5_free_principal(krb5, n.principal);
    krb5_free_context(krb5);
    return n.kvno;
}

typedef struct numbered {
    char *text;
    size_t size;
    size_t left;
    char last[SEAL__GSS_TEXT];
} numbered;

static int count_principal(krb5_context krb5, const krb5_keytab_entry *entry, void *user) {
    numbered *n = user;
    char *principal = NULL;
    if (krb5_unparse_name(krb5, entry->principal, &principal) != 0)
        return 1;
    bool same = strcmp(principal, n->last) == 0;
    snprintf(n->last, sizeof n->last, "%s", principal);
    bool found = !same && n->left == 0;
    if (found)
        snprintf(n->text, n->size, "%s", principal);
    else if (!same)
        n->left--;
    krb5_free_unparsed_name(krb5, principal);
    return found;
}

void seal__gss_keytab_principal(const char *keytab, size_t index, char *text, size_t size) {
    numbered n = {.text = text, .size = size, .left = index};
    krb5_context krb5 = NULL;
    text[0] = '\0';
    if (krb5_init_context(&krb5) != 0)
        return;
    each_entry(krb5, keytab, count_principal, &n);
    krb5_free_context(krb5);
}

static unsigned ticket_kvno(krb5_context krb5, krb5_ccache cache, const char *service,
                            int32_t *ret_enctype) {
    krb5_creds match = {0};
    krb5_creds found = {0};
    krb5_ticket *ticket = NULL;
    unsigned kvno = 0;
    krb5_error_code code = krb5_parse_name(krb5, service, &match.server);
    if (code == 0)
        code = krb5_cc_get_principal(krb5, cache, &match.client);
    if (code == 0)
        code = krb5_cc_retrieve_cred(krb5, cache, 0, &match, &found);
    if (code == 0 && krb5_decode_ticket(&found.ticket, &ticket) == 0) {
        kvno = ticket->enc_part.kvno;
        *ret_enctype = ticket->enc_part.enctype;
        krb5_free_ticket(krb5, ticket);
    }
    krb5_free_cred_contents(krb5, &found);
    krb5_free_principal(krb5, match.client);
    krb5_free_principal(krb5, match.server);
    return kvno;
}

unsigned seal__gss_ticket_kvno(const char *ccache, const char *service, int32_t *ret_enctype) {
    krb5_context krb5 = NULL;
    krb5_ccache cache = NULL;
    unsigned kvno = 0;
    *ret_enctype = 0;
    if (krb5_init_context(&krb5) != 0)
        return 0;
    if (krb5_cc_resolve(krb5, ccache, &cache) == 0) {
        kvno = ticket_kvno(krb5, cache, service, ret_enctype);
        krb5_cc_close(krb5, cache);
    }
    krb5_free_context(krb5);
    return kvno;
}

static int64_t last_end(krb5_context krb5, krb5_ccache cache) {
    krb5_cc_cursor cursor = NULL;
    krb5_creds creds;
    int64_t last = 0;
    if (krb5_cc_start_seq_get(krb5, cache, &cursor) != 0)
        return 0;
    while (krb5_cc_next_cred(krb5, cache, &cursor, &creds) == 0) {
        int64_t end = (int64_t)(uint32_t)creds.times.endtime;
        if (!krb5_is_config_principal(krb5, creds.server) && end > last)
            last = end;
        krb5_free_cred_contents(krb5, &creds);
    }
    krb5_cc_end_seq_get(krb5, cache, &cursor);
    return last;
}

int64_t seal__gss_ccache_end(const char *ccache) {
    krb5_context krb5 = NULL;
    krb5_ccache cache = NULL;
    int64_t end = 0;
    if (krb5_init_context(&krb5) != 0)
        return 0;
    krb5_error_code code =
        ccache == NULL ? krb5_cc_default(krb5, &cache) : krb5_cc_resolve(krb5, ccache, &cache);
    if (code == 0) {
        end = last_end(krb5, cache);
        krb5_cc_close(krb5, cache);
    }
    krb5_free_context(krb5);
    return end;
}

void seal__gss_ccache_destroy(const char *ccache) {
    krb5_context krb5 = NULL;
    krb5_ccache cache = NULL;
    if (krb5_init_context(&krb5) != 0)
        return;
    if (krb5_cc_resolve(krb5, ccache, &cache) == 0)
        krb5_cc_destroy(krb5, cache);
    krb5_free_context(krb5);
}

void seal__gss_ccache_principal(const char *ccache, char *text, size_t size) {
    text[0] = '\0';
    krb5_context krb5 = NULL;
    krb5_ccache cache = NULL;
    krb5_principal principal = NULL;
    char *shown = NULL;
    if (krb5_init_context(&krb5) != 0)
        return;
    krb5_error_code code =
        ccache == NULL ? krb5_cc_default(krb5, &cache) : krb5_cc_resolve(krb5, ccache, &cache);
    if (code == 0)
        code = krb5_cc_get_principal(krb5, cache, &principal);
    if (code == 0 && krb5_unparse_name(krb5, principal, &shown) == 0)
        snprintf(text, size, "%s", shown);
    krb5_free_unparsed_name(krb5, shown);
    krb5_free_principal(krb5, principal);
    if (cache != NULL)
        krb5_cc_close(krb5, cache);
    krb5_free_context(krb5);
}

void seal__gss_config_files(char *text, size_t size) {
    const char *files = secure_getenv("KRB5_CONFIG");
    snprintf(text, size, "%s", files == NULL ? "/etc/krb5.conf" : files);
}
