/* SPDX-License-Identifier: Apache-2.0 */
/* What the commands about connection points share. */
#ifndef SEAL_TOOL_SCP_COMMON_H
#define SEAL_TOOL_SCP_COMMON_H

#include "accounts.h"

struct scp_session {
    struct login_options who;
    struct directory_options where;
    struct login login;
    seal__directory *directory;
};

#define SCP_OPTION_SPECS(session)                                                                  \
    LOGIN_OPTION_SPECS("", "the service", &(session)->who),                                        \
        {"principal", "PRINCIPAL", "whose key (default: the first in the keytab)",                 \
         .text = &(session)->who.principal},                                                       \
        DIRECTORY_OPTION_SPECS(&(session)->where)

int scp_session_open(struct scp_session *session, seal_error **reterr);
int scp_session_write(struct scp_session *session, directory_write_fn *write, void *user,
                      seal_error **reterr);
int scp_session_remove(struct scp_session *session, const char *dn, seal_error **reterr);
void scp_session_close(struct scp_session *session);

#endif
