/* SPDX-License-Identifier: Apache-2.0 */
#include "spn_text.h"

#include "base/error.h"
#include "krb5_text.h"

#include <stdio.h>
#include <string.h>

static int default_realm(char realm[SEAL_SPN_REALM_MAX], seal_error **reterr) {
    krb5_context krb5;
    char *name = NULL;
    int rc = krb5_text_open(&krb5, reterr);
    if (rc < 0)
        return rc;
    if (krb5_get_default_realm(krb5, &name) != 0 || strlen(name) >= SEAL_SPN_REALM_MAX)
        rc = seal__error(reterr, SEAL_ERROR_KERBEROS_CONFIG,
                         "there is no default realm; write SPN@REALM, or set default_realm in "
                         "krb5.conf");
    else
        snprintf(realm, SEAL_SPN_REALM_MAX, "%s", name);
    krb5_free_default_realm(krb5, name);
    krb5_free_context(krb5);
    return rc;
}

int spn_text_parse(const char *given, struct spn_text *ret_spn, seal_error **reterr) {
    seal_spn *parts = &ret_spn->parts;
    int rc = seal_spn_parse(given, parts, reterr);
    if (rc == 0)
        rc = seal_spn_make(parts->spn_class, parts->host, parts->port,
                           parts->name[0] == '\0' ? NULL : parts->name, ret_spn->name, reterr);
    if (rc == 0 && parts->realm[0] == '\0')
        rc = default_realm(parts->realm, reterr);
    if (rc < 0)
        return rc;
    int length = snprintf(ret_spn->principal, sizeof ret_spn->principal, "%s@%s", ret_spn->name,
                          parts->realm);
    if ((size_t)length >= sizeof ret_spn->principal)
        return seal__error(reterr, SEAL_ERROR_INVALID, "%s is too long", given);
    return 0;
}

int spn_text_check(const struct words *spns, char ret_realm[SEAL_SPN_REALM_MAX],
                   seal_error **reterr) {
    struct spn_text spn;
    for (size_t i = 0; i < spns->n; i++) {
        int rc = spn_text_parse(spns->items[i], &spn, reterr);
        if (rc < 0)
            return rc;
        if (i > 0 && strcmp(spn.parts.realm, ret_realm) != 0)
            return seal__error(reterr, SEAL_ERROR_INVALID,
                               "%s is in realm %s and %s in %s; do them one after the other",
                               spns->items[0], ret_realm, spns->items[i], spn.parts.realm);
        memcpy(ret_realm, spn.parts.realm, SEAL_SPN_REALM_MAX);
    }
    return 0;
}
