/* SPDX-License-Identifier: Apache-2.0 */
/* Credential caches without service tickets. */
#include <krb5.h>
#include <stdio.h>

#include "bench/client.h"

typedef struct cold {
    krb5_context krb5; /* NULL: the first cache is not made yet */
    krb5_principal client;
    krb5_creds tgt;
    unsigned made;
} cold;

static cold state;

static void check(krb5_error_code code, const char *what) {
    if (code != 0)
        bench_die(what, krb5_get_error_message(state.krb5, code));
}

static void find_tgt(void) {
    krb5_ccache cache = NULL;
    krb5_creds match = {0};
    check(krb5_init_context(&state.krb5), "Kerberos");
    check(krb5_cc_default(state.krb5, &cache), "the credential cache");
    check(krb5_cc_get_principal(state.krb5, cache, &state.client), "the credential cache");
    match.client = state.client;
    check(krb5_build_principal_ext(state.krb5, &match.server, state.client->realm.length,
                                   state.client->realm.data, KRB5_TGS_NAME_SIZE, KRB5_TGS_NAME,
                                   state.client->realm.length, state.client->realm.data, 0),
          "the ticket-granting ticket's name");
    check(krb5_cc_retrieve_cred(state.krb5, cache, 0, &match, &state.tgt),
          "the ticket-granting ticket");
    krb5_free_principal(state.krb5, match.server);
    krb5_cc_close(state.krb5, cache);
}

void bench_cold_ccache_new(char *ret_name, size_t size) {
    if (state.krb5 == NULL)
        find_tgt();
    snprintf(ret_name, size, "MEMORY:bench-%u", state.made++);
    krb5_ccache cache = NULL;
    check(krb5_cc_resolve(state.krb5, ret_name, &cache), ret_name);
    check(krb5_cc_initialize(state.krb5, cache, state.client), ret_name);
    check(krb5_cc_store_cred(state.krb5, cache, &state.tgt), ret_name);
    krb5_cc_close(state.krb5, cache);
}

void bench_cold_ccache_free(const char *name) {
    krb5_ccache cache = NULL;
    check(krb5_cc_resolve(state.krb5, name, &cache), name);
    check(krb5_cc_destroy(state.krb5, cache), name);
}
