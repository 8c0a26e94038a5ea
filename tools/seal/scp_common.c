/* SPDX-License-Identifier: Apache-2.0 */
#include "scp_common.h"

int scp_session_open(struct scp_session *session, seal_error **reterr) {
    int rc = login_open(&session->who, LOGIN_TGT, &session->login, reterr);
    if (rc == 0)
        rc = directory_connect(&session->where, &session->login, &session->directory, reterr);
    return rc;
}

void scp_session_close(struct scp_session *session) {
    seal__directory_close(session->directory);
    session->directory = NULL;
    login_close(&session->login);
}
