/* SPDX-License-Identifier: Apache-2.0 */
#include "ticket.h"

#include "report.h"
#include "text.h"

#include <krb5.h>
#include <stdlib.h>

struct names {
    char *principal;
    char *keytab;
    char *ccache;
};

static krb5_error_code request(krb5_context context, const struct names *names, long life) {
    krb5_principal client = NULL;
    krb5_keytab keytab = NULL;
    krb5_ccache ccache = NULL;
    krb5_get_init_creds_opt *options = NULL;
    krb5_creds credentials = {0};
    krb5_error_code code = krb5_parse_name(context, names->principal, &client);
    if (code == 0)
        code = krb5_kt_resolve(context, names->keytab, &keytab);
    if (code == 0)
        code = krb5_cc_resolve(context, names->ccache, &ccache);
    if (code == 0)
        code = krb5_get_init_creds_opt_alloc(context, &options);
    if (code == 0) {
        if (life > 0)
            krb5_get_init_creds_opt_set_tkt_life(options, (krb5_deltat)life);
        krb5_get_init_creds_opt_set_forwardable(options, 1);
        code = krb5_get_init_creds_opt_set_out_ccache(context, options, ccache);
    }
    if (code == 0)
        code = krb5_get_init_creds_keytab(context, &credentials, client, keytab, 0, NULL, options);
    krb5_free_cred_contents(context, &credentials);
    krb5_get_init_creds_opt_free(context, options);
    if (ccache != NULL)
        krb5_cc_close(context, ccache);
    if (keytab != NULL)
        krb5_kt_close(context, keytab);
    krb5_free_principal(context, client);
    return code;
}

int ticket_get(const struct realm *realm, const char *principal, long life) {
    krb5_context context = NULL;
    krb5_error_code code = krb5_init_context(&context);
    if (code != 0) {
        complain("cannot use libkrb5 with %s/%s: error %ld", realm->folder, REALM_KRB5_CONF,
                 (long)code);
        return STATUS_FAILED;
    }
    struct names names = {.principal = text_format("%s@%s", principal, realm->name),
                          .keytab = text_format("FILE:%s/%s", realm->folder, REALM_USERS_KEYTAB),
                          .ccache = text_format("FILE:%s/%s", realm->folder, REALM_CCACHE)};
    code = request(context, &names, life);
    if (code != 0) {
        const char *message = krb5_get_error_message(context, code);
        complain("no ticket for %s: %s", names.principal, message);
        krb5_free_error_message(context, message);
    }
    free(names.principal);
    free(names.keytab);
    free(names.ccache);
    krb5_free_context(context);
    return code == 0 ? 0 : STATUS_FAILED;
}
