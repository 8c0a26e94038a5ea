/* SPDX-License-Identifier: Apache-2.0 */
/* The channel's state, shared by its own files: secure_channel.c, secure_receive.c, secure_send.c,
 * reauth.c. */
#ifndef SEAL_SECURE_CHANNEL_INTERNAL_H
#define SEAL_SECURE_CHANNEL_INTERNAL_H

#include "secure/handshake.h"
#include "secure/record.h"

/* Key updates that a peer may send: each takes UPDATE_COST, each other record gives one back. */
enum { SEAL__UPDATE_CREDIT = 1024, SEAL__UPDATE_COST = 8 };

struct seal__secure_channel {
    seal__secure_config config; /* with the defaults filled in */
    seal__handshake *hs;        /* the one that is running, or NULL */
    bool established;
    bool sniffed; /* the first bytes are ours */
    bool close_sent;
    bool close_received;
    bool tell_peer; /* a sealed CLOSE with the failure's code is still to be sent */
    int failure;    /* 0, or the code of the first failure */
    seal_error *error;
    seal__buf out; /* in clear: the first handshake, its alert */
    seal__half sending;
    seal__half receiving;
    seal__buf scratch;      /* gss suite: tokens */
    seal__buf opened;       /* gss suite: content of the last record */
    seal__scatter *scatter; /* NULL: all of a record stays where it is opened */
    seal__mech *mech;       /* gss suite: the context in use */
    seal__secure_info info;
    char *peer, *local, *mechanism; /* what info points to */
    char *raw_peer, *raw_local;     /* what terms points to: without marks */
    char *hello_target;             /* server */
    seal__hs_terms terms;
    uint64_t deadline_ns; /* of the running handshake; UINT64_MAX: none */
    unsigned update_credit;
    /* Re-authentication. */
    uint16_t attempt;
    bool switched; /* this end sends under the new keys already */
    bool step_announced;
    seal__buf pieces;    /* of messages that are not complete */
    seal__buf alert_out; /* the alert that ends an attempt */
    uint16_t alert_attempt;
    seal_error *renewal_error;
    uint64_t valid_from_ns;
    uint64_t renew_at_ns; /* client */
    unsigned renew_try;
    uint64_t renew_bucket_ns; /* server: limits the attempts of the peer */
    seal__secure_event_kind pending_event;
};

/* The first failure is kept. `error` is taken (NULL: made from the code). tell: let the peer know.
 */
int seal__channel_fail(seal__secure_channel *channel, int code, seal_error *error, bool tell,
                       seal_error **reterr);
/* Returns the failure again. */
int seal__channel_failed(const seal__secure_channel *channel, seal_error **reterr);

/* The handshake's time, the context's life. */
int seal__channel_check_time(seal__secure_channel *channel, uint64_t now_ns, seal_error **reterr);
/* From a handshake that is done to records. */
int seal__channel_establish(seal__secure_channel *channel, uint64_t now_ns, seal_error **reterr);

/* Appends a whole record; content may not lie in out. */
int seal__channel_send(seal__secure_channel *channel, seal__record_type type,
                       const uint8_t *content, size_t len, seal__buf *out);
/* Seals what stands in out from start on, which begins with room for a header. */
int seal__channel_seal(seal__secure_channel *channel, seal__record_type type, seal__buf *out,
                       size_t start);
/* Puts the keys of hs to work in one direction. */
int seal__channel_install(seal__secure_channel *channel, const seal__handshake *hs, bool sending);

/* reauth.c */
void seal__renewal_plan(seal__secure_channel *channel, uint64_t now_ns);
int seal__renewal_piece(seal__secure_channel *channel, uint64_t now_ns, const uint8_t *content,
                        size_t len, seal_error **reterr);
int seal__renewal_step_back(seal__secure_channel *channel, uint64_t now_ns, seal__secure_step *step,
                            seal_error **reterr);
int seal__renewal_tick(seal__secure_channel *channel, uint64_t now_ns, seal_error **reterr);
bool seal__renewal_wants_flush(const seal__secure_channel *channel);
int seal__renewal_flush(seal__secure_channel *channel, seal__buf *out);

#endif
