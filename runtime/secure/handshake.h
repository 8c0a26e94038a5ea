/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The handshake as a state machine over whole messages: the first one of a connection, whose
 * messages travel in clear, and each re-authentication, whose messages travel inside records.
 * Strictly alternating flights (docs/protocol.md, "Handshake").
 */
#ifndef SEAL_SECURE_HANDSHAKE_H
#define SEAL_SECURE_HANDSHAKE_H

#include "secure/keys.h"
#include "secure/mech.h"
#include "secure/secure_channel.h"
#include "secure/suite.h"

typedef enum seal__message {
    SEAL__CLIENT_HELLO = 1,
    SEAL__SERVER_HELLO = 2,
    SEAL__TOKEN = 3,
    SEAL__FINISHED = 4,
    SEAL__ALERT = 5,
    SEAL__SWITCH = 6, /* re-authentication only */
    SEAL__N_MESSAGES = 7
} seal__message;

enum {
    SEAL__VERSION = 1,
    SEAL__MAGIC = 8,
    SEAL__RANDOM = 32,
    SEAL__HELLO_MAX = 4096,
    SEAL__FINISHED_MAX = 1024,
    SEAL__ALERT_MAX = 4096,
    SEAL__HELLO_ONE_WAY = 1 /* flag bit */
};

extern const uint8_t seal__magic[SEAL__MAGIC];

/* ---- Messages: bytes and structures ---- */

/* Pointers are borrowed from the message. */
typedef struct seal__hello {
    bool has_version;        /* client: SEAL__VERSION is offered; server: it is the chosen one */
    const uint8_t *random;   /* SEAL__RANDOM */
    const uint8_t *instance; /* SEAL__INSTANCE_ID */
    const uint8_t *share;    /* SEAL__SHARE */
    uint8_t mechanism;
    uint8_t flags;
    uint8_t level;
    uint8_t suites[32]; /* server: one */
    size_t n_suites;
    const uint8_t *target; /* client only */
    size_t target_len;
} seal__hello;

/* Append a body. */
void seal__put_client_hello(seal__buf *out, const seal__hello *hello);
void seal__put_server_hello(seal__buf *out, const seal__hello *hello);
/* Read a body. Return false when it is malformed. */
bool seal__get_client_hello(const uint8_t *body, size_t len, seal__hello *ret_hello);
bool seal__get_server_hello(const uint8_t *body, size_t len, seal__hello *ret_hello);
/* 1..SEAL__TARGET_MAX bytes of UTF-8 without control characters. */
bool seal__target_is_valid(const uint8_t *target, size_t len);

/* ---- What the first bytes look like ---- */

typedef enum seal__sniffed {
    SEAL__SNIFF_MORE = 0, /* too few bytes to tell */
    SEAL__SNIFF_OURS = 1,
    SEAL__SNIFF_OTHER = 2
} seal__sniffed;

enum { SEAL__SNIFF_TEXT = 96 };

/* What a peer's very first bytes are, for the end that receives them. ret_text says what OTHER is.
 */
seal__sniffed seal__sniff(seal__role receiver, const uint8_t *bytes, size_t len,
                          char ret_text[SEAL__SNIFF_TEXT]);

/* ---- The machine ---- */

typedef enum seal__hs_state {
    SEAL__HS_STEP = 0, /* a step is ready or being run: takes no message */
    SEAL__HS_CLIENT_HELLO = 1,
    SEAL__HS_SERVER_HELLO = 2,
    SEAL__HS_TOKEN = 3,
    SEAL__HS_FINISHED = 4,
    SEAL__HS_SWITCH = 5,
    SEAL__HS_DONE = 6,
    SEAL__HS_N_STATES = 7
} seal__hs_state;

/* What a re-authentication may not change. */
typedef struct seal__hs_terms {
    uint8_t id[SEAL__HASH]; /* seeds the transcript: the new context belongs to this channel */
    const seal__suite *suite;
    seal_level level;
    bool one_way;
    const char *peer;
    const char *local;
} seal__hs_terms;

typedef struct seal__handshake {
    const seal__secure_config *config; /* borrowed from the channel */
    const seal__hs_terms *terms;       /* borrowed; NULL: the first handshake */
    uint32_t attempt;
    seal__hs_state state;
    seal__sha256 transcript;
    seal__x25519 pair; /* in the step while that is out */
    bool has_peer_share;
    uint8_t peer_share[SEAL__SHARE];
    bool has_shared; /* a step has done the exchange */
    uint8_t shared[SEAL__SHARE];
    seal__exchange *exchange; /* has the pair's key; NULL: nobody has taken it */
    uint8_t server_secret[SEAL__HASH];
    uint8_t client_secret[SEAL__HASH];
    seal__mech *mech; /* NULL while a step is out */
    bool mech_done;
    unsigned tokens;         /* sent and received */
    seal__secure_step *step; /* ready to be taken */
    bool step_out;           /* being run */
    bool heard;              /* a message has been received */
    bool said_hello;
    const seal__suite *suite;
    seal_level level;
    uint8_t mechanism;   /* server: as the client asked */
    bool one_way_agreed; /* both ends permit it */
    bool one_way;        /* and the mechanism is one-way */
    char *target;        /* server: what the client asked for */
    uint64_t expires_ns;
    seal__buf out; /* framed messages to send */
    /* How it failed. */
    uint16_t alert;       /* for the peer; 0: from the error code */
    bool refused_by_peer; /* no alert is sent then */
    bool soft;            /* a failed re-authentication that the channel survives */
    bool asking_why;      /* the step is run on the peer's error token, for its message only */
    uint16_t peer_alert;
    seal__buf error_token; /* for the peer, in the alert */
    seal__secrets secrets; /* from FINISHED on */
} seal__handshake;

int seal__handshake_new(const seal__secure_config *config, const seal__hs_terms *terms,
                        uint32_t attempt, seal__handshake **ret_handshake, seal_error **reterr);
void seal__handshake_free(seal__handshake *hs);

/* May this message come now, with a body of this length? To be asked as soon as the header is
 * there. */
int seal__handshake_expects(const seal__handshake *hs, uint8_t type, size_t body_len,
                            seal_error **reterr);
/* Takes a message, header included, that is expected. */
int seal__handshake_take(seal__handshake *hs, const uint8_t *message, size_t len,
                         seal_error **reterr);
/* Takes a step back that has been run, and frees it. */
int seal__handshake_take_back(seal__handshake *hs, uint64_t now_ns, seal__secure_step *step,
                              seal_error **reterr);
/* True when this end's FINISHED is on its way: the peer then takes what follows for records. */
bool seal__handshake_said_finished(const seal__handshake *hs);
/* Frames an ALERT: the last message of a handshake that failed. */
void seal__put_alert(seal__buf *out, uint16_t code, const seal__buf *error_token);

/* ---- Steps (step.c) ---- */

struct seal__secure_step {
    seal_allocator alloc; /* a copy: the step may outlive the channel */
    seal__mech *mech;
    uint8_t *in;
    size_t in_len;
    seal__buf out;
    int result;
    seal_error *error;
    uint32_t attempt;
    /* The X25519 exchange, done on the worker once the mechanism has accepted the peer's token: a
     * stranger costs no key. */
    seal__key_stock *keys;
    int key_result;
    seal__x25519 pair;
    bool has_peer_share;
    bool exchanges_later; /* see exchange.c */
    uint8_t peer_share[SEAL__SHARE];
    bool has_shared;
    uint8_t shared[SEAL__SHARE];
};

seal__secure_step *seal__step_new(const seal_allocator *alloc, const uint8_t *token, size_t len);

/* ---- The exchange of a server (exchange.c) ---- */

/* Takes over the pair's key. NULL: no memory. */
seal__exchange *seal__exchange_new(const seal_allocator *alloc, seal__x25519 *pair,
                                   const uint8_t peer_share[SEAL__SHARE]);
seal__exchange *seal__exchange_ref(seal__exchange *exchange);
/* The shared secret, whether or not it has been made ahead. Returns 0 or a negative code. */
int seal__exchange_take(seal__exchange *exchange, uint8_t ret_shared[SEAL__SHARE]);

/* ---- Shared by the two roles ---- */

/* Appends a framed message to hs->out and to the transcript. */
int seal__hs_emit(seal__handshake *hs, seal__message type, const void *body, size_t len);
int seal__hs_emit_finished(seal__handshake *hs, uint8_t ret_secret[SEAL__HASH],
                           seal_error **reterr);
int seal__hs_check_finished(seal__handshake *hs, const uint8_t *body, size_t len,
                            uint8_t ret_secret[SEAL__HASH], seal_error **reterr);
/* Makes a step ready that takes the token (len 0: the first of a client). */
int seal__hs_prepare_step(seal__handshake *hs, const uint8_t *token, size_t len,
                          seal_error **reterr);
int seal__hs_derive(seal__handshake *hs, seal_error **reterr);

/* handshake_client.c, handshake_server.c: begin; what to say after a step; messages. */
int seal__hs_client_begin(seal__handshake *hs, seal_error **reterr);
int seal__hs_client_stepped(seal__handshake *hs, const seal__buf *token, seal_error **reterr);
int seal__hs_server_stepped(seal__handshake *hs, const seal__buf *token, seal_error **reterr);
typedef int seal__hs_handler(seal__handshake *hs, const uint8_t *body, size_t len,
                             seal_error **reterr);
seal__hs_handler seal__hs_on_client_hello, seal__hs_on_server_hello, seal__hs_on_server_finished,
    seal__hs_on_client_finished, seal__hs_on_token, seal__hs_on_alert, seal__hs_on_switch;

/* handshake_states.c: what to do with a message. NULL: an error. */
typedef struct seal__hs_action {
    const char *name; /* as in docs/protocol.md */
    seal__hs_handler *handler;
} seal__hs_action;
const seal__hs_action *seal__hs_find_action(seal__role role, seal__hs_state state, unsigned type);
/* As in docs/protocol.md. */
const char *seal__hs_state_name(seal__hs_state state);
/* The message it waits for, or "nothing". */
const char *seal__hs_awaits(seal__hs_state state);

/* verify.c: what must hold once the mechanism is complete. */
int seal__hs_verify(seal__handshake *hs, seal_error **reterr);

#endif
