/* SPDX-License-Identifier: Apache-2.0 */
/* How a server stops taking streams: at once, or in two phases so that none is refused. */
#include "session/internal.h"

int seal__send_goaway(seal__session *session, uint64_t last, uint16_t code, const char *text) {
    seal__goaway goaway = {.last = last,
                           .code = code,
                           .text = (const uint8_t *)text,
                           .text_len = seal__text_send_len(text)};
    uint8_t *at =
        seal__send_frame(session, SEAL__FRAME_GOAWAY, 0, seal__goaway_size(goaway.text_len), 0);
    if (at == NULL)
        return SEAL_ERROR_NO_MEMORY;
    seal__goaway_write(at, &goaway);
    return 0;
}

int seal__session_goaway(seal__session *session, uint16_t code, const char *text) {
    if (session->role == SEAL__SESSION_CLIENT)
        return SEAL_ERROR_STATE;
    if (session->going_away)
        return 0;
    session->going_away = true;
    session->goaway_last = session->last_id;
    return seal__send_goaway(session, session->last_id, code, text);
}

int seal__session_drain(seal__session *session, uint16_t code, const char *text) {
    if (session->role == SEAL__SESSION_CLIENT)
        return SEAL_ERROR_STATE;
    if (session->going_away || session->draining)
        return 0;
    session->draining = true;
    session->drain_code = code;
    if (text != NULL && (session->drain_text = seal__strdup(session->alloc, text)) == NULL) {
        session->no_memory = true; /* or it would be drained for ever */
        return SEAL_ERROR_NO_MEMORY;
    }
    int rc = seal__send_goaway(session, UINT64_MAX, code, text);
    if (rc == 0)
        rc = seal__session_ping(session);
    session->drain_pong = session->pings + session->pongs;
    return rc;
}

/* Answers come in the order of the PINGs. What the client opened before it knew has come with them.
 */
int seal__drain_on_pong(seal__session *session, seal_error **reterr) {
    if (!session->draining || session->going_away || session->pongs < session->drain_pong)
        return 0;
    int rc = seal__session_goaway(session, session->drain_code, session->drain_text);
    return rc == 0 ? 0 : seal__error_no_memory(reterr);
}

bool seal__session_is_drained(const seal__session *session) {
    return session->role == SEAL__SESSION_SERVER && session->going_away && session->count == 0;
}
