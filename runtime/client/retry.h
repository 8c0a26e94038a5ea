/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether, when and how often a call is tried again (channel.h, "Attempts"). The decision is a pure
 * function; the budget belongs to a channel.
 */
#ifndef SEAL_CLIENT_RETRY_H
#define SEAL_CLIENT_RETRY_H

#include <sealrpc/gen.h>

enum {
    SEAL__ATTEMPTS_DEFAULT = 3,
    SEAL__ATTEMPTS_MAX = 5,
    SEAL__HISTORY_MAX = 256 * 1024, /* bytes of a request that are kept for another attempt */
    SEAL__BUDGET_TENTHS = 100       /* of a token: a full budget */
};

/* The token bucket of a channel. */
typedef struct seal__retry_budget {
    uint32_t tenths;
} seal__retry_budget;

void seal__retry_budget_init(seal__retry_budget *budget);
void seal__retry_budget_succeeded(seal__retry_budget *budget); /* +0.1 */
void seal__retry_budget_failed(seal__retry_budget *budget);    /* -1 */
/* At least half is there. */
bool seal__retry_budget_allows(const seal__retry_budget *budget);

/* What is known of a call when an attempt has ended. */
typedef struct seal__attempt_end {
    seal_status status;
    seal_execution execution;
    seal_idempotency idempotency;
    bool never_left;   /* certainly not handed to the kernel */
    bool going_away;   /* the server was going away */
    bool crowded_out;  /* it runs max_streams calls, some of them given up by this end */
    bool committed;    /* a message of the reply was handed out, or the request is not kept */
    uint32_t attempts; /* that were handed to a server, this one included */
    uint32_t max_attempts;
    uint32_t refusals;    /* times it was sent again at once before, for going_away */
    uint32_t crowdings;   /* times it was sent again before, for crowded_out */
    bool has_retry_after; /* the server's advice */
    uint32_t retry_after_ms;
    uint64_t now_ns;
    uint64_t deadline_ns; /* UINT64_MAX: none */
    uint32_t random;      /* any number: the jitter */
} seal__attempt_end;

typedef enum seal__retry_verdict {
    SEAL__RETRY_NO,
    SEAL__RETRY_NOW,   /* costs nothing */
    SEAL__RETRY_LATER, /* at *ret_at_ns */
    SEAL__RETRY_SPENT  /* it would be, but for the budget */
} seal__retry_verdict;

/* Takes what a failure costs from the budget. */
seal__retry_verdict seal__retry_decide(const seal__attempt_end *end, seal__retry_budget *budget,
                                       uint64_t *ret_at_ns);

#endif
