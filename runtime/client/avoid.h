/* SPDX-License-Identifier: Apache-2.0 */
/* Endpoints whose server is going away: for a while others are tried before them, or, where the
 * server has said for how long, nothing is tried there. Pure; time is a parameter. */
#ifndef SEAL_CLIENT_AVOID_H
#define SEAL_CLIENT_AVOID_H

#include "naming/endpoints.h"

enum { SEAL__AVOID_PLACES = 8 }; /* remembered; the oldest makes room */
#define SEAL__AVOID_NS 5000000000u
#define SEAL__AVOID_MAX_NS (300ull * 1000000000u) /* whatever the server says */

typedef struct seal__avoided {
    seal__endpoint endpoint;
    uint64_t until_ns;
    bool is_banned; /* not even when there is no other */
} seal__avoided;

/* All zero: nothing is avoided. */
typedef struct seal__avoid {
    seal__avoided *places; /* NULL: none yet */
    size_t next;
} seal__avoid;

void seal__avoid_done(seal__avoid *avoid, const seal_allocator *alloc);
/* The server there is going away. retry_after_ms: how long it wants nobody; 0: not said. Without
 * memory it is not avoided. */
void seal__avoid_add(seal__avoid *avoid, const seal_allocator *alloc,
                     const seal__endpoint *endpoint, uint32_t retry_after_ms, uint64_t now_ns);
/* It has been reached after all. */
void seal__avoid_remove(seal__avoid *avoid, const seal__endpoint *endpoint);

/* Others come first. */
bool seal__avoid_has(const seal__avoid *avoid, const seal__endpoint *endpoint, uint64_t now_ns);
/* Until when nothing may be tried there; 0: it may. */
uint64_t seal__avoid_ban(const seal__avoid *avoid, const seal__endpoint *endpoint, uint64_t now_ns);
/* When the first of these endpoints may be tried; 0: one may now. */
uint64_t seal__avoid_bans_end(const seal__avoid *avoid, const seal__endpoints *list,
                              uint64_t now_ns);

#endif
