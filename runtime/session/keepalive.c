/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A peer that is silent is asked whether it lives. What comes only sets a time: the alarm is looked
 * at when it rings, so that a message costs nothing here.
 */
#include "session/internal.h"

static bool is_needed(const seal__session *session) {
    return session->count > 0 || session->keepalive_idle;
}

/* Sleeps until so long after the last bytes; when those are long past, for the whole time. */
static void sleep_on(seal__session *session) {
    session->check_ns = session->heard_ns + session->keepalive_ns;
}

static void probe(seal__session *session) {
    session->probing = true;
    session->was_late = false;
    session->check_ns = session->now_ns + session->keepalive_timeout_ns;
    if (seal__session_ping(session) != 0)
        session->no_memory = true;
}

/* This end was busy, or stopped, for so long that the PING may have left only now. Once: then it
 * has left. */
static bool is_late(seal__session *session) {
    if (session->was_late ||
        session->now_ns - session->check_ns < session->keepalive_timeout_ns / 2)
        return false;
    session->was_late = true;
    session->check_ns = session->now_ns + session->keepalive_timeout_ns;
    return true;
}

/* A PING goes out before the peer has been given up, whatever the timer was late. */
void seal__keepalive_check(seal__session *session) {
    if (session->check_ns > session->now_ns || session->dead)
        return;
    uint64_t silent = session->now_ns - session->heard_ns;
    if (session->probing && is_late(session))
        return;
    if (session->probing) {
        session->dead = true;
        session->check_ns = UINT64_MAX;
    } else if (!is_needed(session)) {
        session->check_ns = UINT64_MAX;
    } else if (silent >= session->keepalive_ns) {
        probe(session);
    } else {
        sleep_on(session);
    }
}

int seal__keepalive_failed(const seal__session *session, seal_error **reterr) {
    uint64_t silent = session->now_ns - session->heard_ns;
    return seal__error(reterr, SEAL_ERROR_TIMEOUT,
                       "no answer for %llu ms: the peer or the network is gone",
                       (unsigned long long)(silent / 1000000));
}

void seal__session_heard(seal__session *session, uint64_t now_ns) {
    if (now_ns > session->heard_ns)
        session->heard_ns = now_ns;
    if (!session->probing)
        return;
    session->probing = false;
    sleep_on(session);
}
