/* SPDX-License-Identifier: Apache-2.0 */
/* Whose rights are used: a credentials cache with what is needed to ask kadmind and the directory.
 */
#ifndef SEAL_TOOL_LOGIN_H
#define SEAL_TOOL_LOGIN_H

#include "options.h"

#include <sealrpc/error.h>

/* From the command line. With all of them NULL: the current ticket. */
struct login_options {
    const char *principal;
    const char *keytab;
    const char *ccache;
};

/* What the rows for a table of options say. */
#define LOGIN_OPTION_SPECS(prefix, who, login)                                                     \
    {prefix "keytab", "FILE", "log in with " who "'s key from FILE", .text = &(login)->keytab}, {  \
        prefix "ccache", "CACHE", "use the tickets in CACHE", .text = &(login)->ccache             \
    }

struct login {
    char *principal; /* with realm */
    char *ccache;
    bool is_private; /* the cache is in our memory alone */
};

enum { LOGIN_ADMIN = 1, LOGIN_TGT = 2 };

/*
 * wanted: bits of the above: what a new login asks for. With a keytab, and with a principal alone,
 * whose password is then asked for on the terminal, the cache is new and private; otherwise it is
 * the one given. kadmind takes that only with an initial ticket for kadmin/admin; when there is
 * none, and a terminal, the password is asked for, too.
 * Errors: SEAL_ERROR_CREDENTIALS, _CREDENTIALS_EXPIRED, _KEYTAB, _KDC_UNREACHABLE, _CLOCK_SKEW,
 * _KERBEROS_CONFIG, _INVALID.
 */
int login_open(const struct login_options *options, unsigned wanted, struct login *ret_login,
               seal_error **reterr);
/* The name of the default keytab. */
char *login_default_keytab(void);
/* Forgets private tickets. */
void login_close(struct login *login);

#endif
