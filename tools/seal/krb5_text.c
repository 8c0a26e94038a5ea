/* SPDX-License-Identifier: Apache-2.0 */
#include "krb5_text.h"

#include "base/error.h"

#include <stdlib.h>
#include <string.h>

char *krb5_text_error(krb5_context context, krb5_error_code code) {
    const char *message = krb5_get_error_message(context, code);
    char *text = text_copy(message);
    krb5_free_error_message(context, message);
    return text;
}

char *krb5_text_principal(krb5_context context, krb5_const_principal principal) {
    char *name = NULL;
    if (krb5_unparse_name(context, principal, &name) != 0)
        return text_copy("?");
    char *text = text_copy(name);
    krb5_free_unparsed_name(context, name);
    return text;
}

char *krb5_text_enctype(krb5_enctype enctype) {
    char name[128];
    if (krb5_enctype_to_name(enctype, FALSE, name, sizeof name) != 0)
        return text_format("enctype %d", (int)enctype);
    return text_copy(name);
}

int krb5_text_open(krb5_context *ret_context, seal_error **reterr) {
    krb5_error_code code = krb5_init_context(ret_context);
    if (code == 0)
        return 0;
    char *text = krb5_text_error(NULL, code);
    const char *file = getenv("KRB5_CONFIG");
    int rc = seal__error(reterr, SEAL_ERROR_KERBEROS_CONFIG,
                         "%s cannot be used: %s; correct it, or set KRB5_CONFIG to another file",
                         file == NULL ? "/etc/krb5.conf" : file, text);
    text_free(text);
    return rc;
}
