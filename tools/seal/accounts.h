/* SPDX-License-Identifier: Apache-2.0 */
/* Accounts in the directory, and the service principal names they carry. Blocks. */
#ifndef SEAL_TOOL_ACCOUNTS_H
#define SEAL_TOOL_ACCOUNTS_H

#include "login.h"
#include "naming/scp.h"

/* From the command line. */
struct directory_options {
    const char *uris; /* NULL: $SEAL_DIRECTORY_URI, then ldap.conf's URI */
    const char *base; /* NULL: $SEAL_DIRECTORY_BASE, then ldap.conf's BASE */
};

#define DIRECTORY_OPTION_SPECS(options)                                                            \
    {"directory", "URIS", "the directory's servers (default: $SEAL_DIRECTORY_URI, ldap.conf)",     \
     .text = &(options)->uris},                                                                    \
    {                                                                                              \
        "base", "DN", "where to search in it", .text = &(options)->base                            \
    }

/* Whether there is a directory to ask. */
bool directory_is_configured(const struct directory_options *options);
int directory_connect(const struct directory_options *options, const struct login *login,
                      seal__directory **ret_directory, seal_error **reterr);
/*
 * Does `write`, which uses *directory, and where that server fails (it may have only a copy) does
 * it again at the next ones that are named, once at each: *directory is then another connection.
 * `write` must be able to find its work done already. Its errors, the last one.
 */
typedef int directory_write_fn(void *user, seal_error **reterr);
int directory_write(const struct directory_options *options, const struct login *login,
                    seal__directory **directory, directory_write_fn *write, void *user,
                    seal_error **reterr);

/*
 * The DN of an account. given: a DN, or its cn, dNSHostName, sAMAccountName or userPrincipalName.
 * SEAL_ERROR_NOT_FOUND; SEAL_ERROR_INVALID: several, or it does not fit.
 */
int account_find(seal__directory *directory, const char *given, char ret_dn[SEAL__SCP_DN_MAX],
                 seal_error **reterr);

/* A DN or a name in a command, by seal__shell_word. */
enum { ACCOUNT_WORD = 2 * SEAL__SCP_DN_MAX };
const char *account_word(const char *name, char word[ACCOUNT_WORD]);

/* *ret_changed: false when it was so already. ADD: SEAL_ERROR_SPN_DUPLICATE names the account that
 * has it; SEAL_ERROR_DIRECTORY_DENIED. */
int account_add_spn(seal__directory *directory, const char *dn, const char *spn, bool *ret_changed,
                    seal_error **reterr);
int account_remove_spn(seal__directory *directory, const char *dn, const char *spn,
                       bool *ret_changed, seal_error **reterr);

#endif
