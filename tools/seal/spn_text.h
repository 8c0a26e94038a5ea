/* SPDX-License-Identifier: Apache-2.0 */
/* Names from the command line. */
#ifndef SEAL_TOOL_SPN_TEXT_H
#define SEAL_TOOL_SPN_TEXT_H

#include "text.h"

#include <sealrpc/spn.h>

struct spn_text {
    seal_spn parts;
    char name[SEAL_SPN_MAX];      /* normalized, without realm: what directories carry */
    char principal[SEAL_SPN_MAX]; /* with realm: the one given, or the default realm */
};

/* SEAL_ERROR_INVALID, SEAL_ERROR_KERBEROS_CONFIG (no default realm). */
int spn_text_parse(const char *given, struct spn_text *ret_spn, seal_error **reterr);

/* Whether all of them can be parsed and are in one realm: before anything is done. */
int spn_text_check(const struct words *spns, char ret_realm[SEAL_SPN_REALM_MAX],
                   seal_error **reterr);

#endif
