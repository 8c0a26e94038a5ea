/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A scripted security mechanism. Its wrap is real cryptography (HMAC and a keystream), with
 * sequence numbers, so that changes are found; its tokens protect nothing but two nonces, so that
 * only the channel's own checks can find changes of them (as with an AP-REQ).
 */
#ifndef FAKE_MECH_H
#define FAKE_MECH_H

#include "secure/mech.h"
#include "secure/secure_channel.h"

enum {
    FAKE_ALL_FLAGS = SEAL__MECH_MUTUAL | SEAL__MECH_CONF | SEAL__MECH_INTEG | SEAL__MECH_REPLAY |
                     SEAL__MECH_SEQUENCE
};

typedef struct fake_script {
    unsigned legs;    /* tokens in all, the client's first is number 1 */
    size_t padding;   /* unprotected bytes at the end of each token */
    unsigned fail_at; /* this step of this end fails; 0: none */
    int fail_code;
    bool error_token;  /* and makes an error token */
    unsigned empty_at; /* this step says CONTINUE without a token */
    bool lying_unwrap; /* takes forged messages */
    bool no_wrap;      /* wrap fails */
    bool refuse_make;  /* the source makes no context */
    seal__mech_info info;
} fake_script;

typedef struct fake_source {
    seal__role role;
    fake_script script;
    unsigned made;
    unsigned freed;
    unsigned steps;
    char asked_target[SEAL__TARGET_MAX + 1]; /* of the last make */
    seal_mechanism asked_mechanism;
} fake_source;

/* Two legs, everything proved, alice@EXAMPLE to echo/host@EXAMPLE, one hour. */
void fake_source_init(fake_source *source, seal__role role);
seal__mech_source fake_source_ops(fake_source *source);

#endif
