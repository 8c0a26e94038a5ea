/* SPDX-License-Identifier: Apache-2.0 */
/* Texts of libkrb5 in the tool's own memory. */
#ifndef SEAL_TOOL_KRB5_TEXT_H
#define SEAL_TOOL_KRB5_TEXT_H

#include "text.h"

#include <krb5.h>

#include <sealrpc/error.h>

char *krb5_text_error(krb5_context context, krb5_error_code code);
char *krb5_text_principal(krb5_context context, krb5_const_principal principal);
/* "aes256-cts-hmac-sha1-96" */
char *krb5_text_enctype(krb5_enctype enctype);

/* A context; SEAL_ERROR_KERBEROS_CONFIG names the file. */
int krb5_text_open(krb5_context *ret_context, seal_error **reterr);

#endif
