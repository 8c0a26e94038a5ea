/* SPDX-License-Identifier: Apache-2.0 */
/* What spn register and spn unregister share: who does it, where, and names on accounts. Blocks. */
#ifndef SEAL_TOOL_SPN_WRITER_H
#define SEAL_TOOL_SPN_WRITER_H

#include "accounts.h"
#include "kadm5.h"
#include "options.h"

struct spn_writer {
    bool is_ad;
    const char *via;
    struct login_options who;
    struct directory_options where;
    struct login login;
    seal__directory *directory; /* NULL: none */
    struct kadmin *kadmin;      /* NULL: the KDC is left alone */
};

#define SPN_WRITER_OPTION_SPECS(writer, ad_help)                                                   \
    {"installer", "PRINCIPAL", "who does it (alone: the password is asked for)",                   \
     .text = &(writer)->who.principal},                                                            \
        LOGIN_OPTION_SPECS("installer-", "the installer", &(writer)->who),                         \
        DIRECTORY_OPTION_SPECS(&(writer)->where), {"ad", NULL, ad_help, .flag = &(writer)->is_ad}, \
    {                                                                                              \
        "via", "rpc", "Active Directory: by the RPC DsWriteAccountSpn, not LDAP",                  \
            .text = &(writer)->via                                                                 \
    }

/* options_parse, and the value of --via: false: *ret_status is the end of it. */
bool spn_writer_parse(const struct spn_writer *writer, const struct command *command,
                      const struct option_spec *specs, int argc, char **argv,
                      struct words *ret_words, int *ret_status);

/* "Accounts are in a directory, and none is configured". */
int spn_writer_needs_directory(seal_error **reterr);

/* Adds a name to an account, or removes it, and says what was done. operation: SPN_RPC_ADD or
 * SPN_RPC_DELETE. A status. */
int spn_writer_write(struct spn_writer *writer, const char *operation, const char *dn,
                     const char *spn);

/* Does each of them, whatever becomes of the others. The first status that is not OK. */
int spn_writer_each(const struct words *spns, int (*one)(void *user, const char *spn), void *user);

void spn_writer_done(struct spn_writer *writer);

#endif
