/* SPDX-License-Identifier: Apache-2.0 */
#include "scp_common.h"

int scp_session_open(struct scp_session *session, seal_error **reterr) {
    int rc = login_open(&session->who, LOGIN_TGT, &session->login, reterr);
    if (rc == 0)
        rc = directory_connect(&session->where, &session->login, &session->directory, reterr);
    return rc;
}

int scp_session_write(struct scp_session *session, directory_write_fn *write, void *user,
                      seal_error **reterr) {
    return directory_write(&session->where, &session->login, &session->directory, write, user,
                           reterr);
}

struct removal {
    struct scp_session *session;
    const char *dn;
};

static int remove_here(void *user, seal_error **reterr) {
    struct removal *removal = user;
    return seal__scp_remove(removal->session->directory, removal->dn, reterr);
}

int scp_session_remove(struct scp_session *session, const char *dn, seal_error **reterr) {
    struct removal removal = {.session = session, .dn = dn};
    return scp_session_write(session, remove_here, &removal, reterr);
}

void scp_session_close(struct scp_session *session) {
    seal__directory_close(session->directory);
    session->directory = NULL;
    login_close(&session->login);
}
