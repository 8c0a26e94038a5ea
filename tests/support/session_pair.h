/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two sessions joined in memory, in simulated time. Records are framed with their length and not
 * protected. Events go to a function of the test.
 */
#ifndef SEAL_TESTS_SESSION_PAIR_H
#define SEAL_TESTS_SESSION_PAIR_H

#include "session/session.h"
#include "support/failing_alloc.h"
#include "wire/frame.h"

typedef struct session_end session_end;
typedef struct session_pair session_pair;

/* Called for every event; end is the side that got it. */
typedef void session_event_fn(session_pair *pair, session_end *end, const seal__event *event);

struct session_end {
    seal__session_role role;
    seal__session *session;
    seal__outbox outbox;
    session_event_fn *on_event;
    int failed;        /* first negative code of next */
    char message[512]; /* its error */
    uint64_t records;  /* received */
    size_t counts[16]; /* events by kind */
};

typedef struct session_pair_options {
    uint32_t max_streams; /* 0: 100 */
    uint32_t max_message; /* 0: 4 MiB */
    uint64_t max_buffered;
    session_event_fn *on_server;
    session_event_fn *on_client;
    bool split;             /* every frame in a record of its own */
    size_t pump_limit;      /* 0: 64 KiB */
    bool no_start;          /* the test sends SETTINGS itself */
    uint32_t stream_window; /* these at both ends; 0: as the session chooses */
    uint32_t connection_window;
    uint64_t keepalive_ns; /* at the client */
    uint64_t keepalive_timeout_ns;
    bool keepalive_idle;
    bool in_place; /* as at the integrity level: no bytes go past the record */
} session_pair_options;

struct session_pair {
    session_pair_options options;
    failing_alloc alloc;
    uint64_t now_ns;
    session_end client;
    session_end server;
    void *user;
};

/* Returns 0 or what a session returned; the pair must be ended in both cases. */
int session_pair_init(session_pair *pair, const session_pair_options *options);
void session_pair_done(session_pair *pair);

/* Moves what one end has to send to the other, once. Returns the bytes moved. */
size_t session_pair_move(session_pair *pair, session_end *from);
/* Moves until nothing moves. */
void session_pair_run(session_pair *pair);
/* Lets time pass at both ends. */
void session_pair_advance(session_pair *pair, uint64_t ns);

/* Hands content to an end as one record, as its peer would have sent it. */
void session_end_feed(session_pair *pair, session_end *end, const uint8_t *content, size_t len);
/* Opens it, to `ret`, as the channel does: bytes that the session wants elsewhere are not in there.
 */
void session_end_open(session_end *end, const uint8_t *content, size_t len, uint8_t *ret);
/* Pulls events, also those that need no bytes from the peer. */
void session_end_drain(session_pair *pair, session_end *end);
/* Throws away what the end has to send; returns the number of bytes. */
size_t session_end_discard(session_end *end);

/* Appends one frame to content and returns its new length. */
size_t put_frame(uint8_t *content, size_t len, unsigned type, unsigned flags, uint64_t stream,
                 const void *payload, size_t payload_len);
/* HEADERS with or without a name. */
size_t put_headers(uint8_t *content, size_t len, uint64_t stream, uint32_t method,
                   uint64_t timeout_us, const char *name);
/* DATA with FIRST: a message of `total` bytes of which `n` are there. */
size_t put_data(uint8_t *content, size_t len, unsigned flags, uint64_t stream, uint32_t total,
                size_t n);

/* A message for seal__session_send: bytes that follow from the seed. */
typedef struct test_message {
    size_t size;
    uint32_t seed;
} test_message;
void test_message_pack(const void *message, uint8_t *at);
bool test_message_matches(const uint8_t *data, size_t len, uint32_t seed);
int send_message(session_end *end, seal__stream *stream, size_t size, uint32_t seed, bool last);

#endif
