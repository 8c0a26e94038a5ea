/* SPDX-License-Identifier: Apache-2.0 */
#include "client/pick.h"

#include <stdio.h>
#include <string.h>

enum { ENTRY_MAX = 400, OTHERS_MAX = 1200, ADDRESS_MAX = 300 };

struct seal__round {
    seal__endpoints *list;
    size_t next; /* in order */
    size_t n_failed;
    seal_error *best;
    const seal__endpoint *best_endpoint;
    char others[OTHERS_MAX]; /* reasons but the best: "; PRINCIPAL at HOST:PORT: MESSAGE..." */
    size_t others_len;
    size_t n_omitted;
    uint16_t order[];
};

seal__round *seal__round_new(seal__endpoints *list, uint32_t (*random)(void *user, uint32_t bound),
                             void *user) {
    const seal_allocator *alloc = &list->shared->alloc;
    seal__round *round =
        seal__alloc_zeroed(alloc, 1, sizeof *round + list->n * sizeof round->order[0]);
    if (round == NULL)
        return NULL;
    round->list = seal__endpoints_ref(list);
    seal__endpoints_order(list, random, user, round->order);
    return round;
}

void seal__round_free(seal__round *round) {
    if (round == NULL)
        return;
    seal__endpoints *list = round->list;
    seal_error_free(round->best);
    seal__release(&list->shared->alloc, round);
    seal__endpoints_unref(list);
}

const seal__endpoints *seal__round_list(const seal__round *round) {
    return round->list;
}

/* Rotates each of the others to the front of those that were deferred so far. */
void seal__round_defer(seal__round *round, bool (*defer)(void *user, const seal__endpoint *),
                       void *user) {
    size_t front = 0;
    for (size_t i = 0; i < round->list->n; i++) {
        uint16_t index = round->order[i];
        if (defer(user, &round->list->items[index]))
            continue;
        memmove(&round->order[front + 1], &round->order[front],
                (i - front) * sizeof round->order[0]);
        round->order[front++] = index;
    }
}

const seal__endpoint *seal__round_next(seal__round *round, const seal__endpoints *current) {
    while (round->next < round->list->n) {
        const seal__endpoint *endpoint = &round->list->items[round->order[round->next++]];
        if (current == round->list)
            return endpoint;
        const seal__endpoint *now = seal__endpoints_find(current, endpoint);
        if (now != NULL && seal__endpoint_equal(now, endpoint))
            return endpoint;
    }
    return NULL;
}

uint64_t seal__round_share(const seal__round *round, uint64_t left_ns) {
    uint64_t share = left_ns / 3;
    if (share < SEAL__SHARE_MIN_NS)
        share = SEAL__SHARE_MIN_NS;
    return round->next == round->list->n || share > left_ns ? left_ns : share;
}

/* ---- Reasons ---- */

static int rank(const seal_error *error) {
    int code = seal_error_get_code(error);
    if (code <= -300 && code > -400)
        return 2;
    return code <= -400 && code > -500 ? 1 : 0;
}

static void add_other(seal__round *round, const seal__endpoint *endpoint, const seal_error *error) {
    char where[ADDRESS_MAX];
    char entry[ENTRY_MAX];
    seal__endpoint_text(endpoint, where, sizeof where);
    int wanted = snprintf(entry, sizeof entry, "; %s at %s: %s", endpoint->principal, where,
                          seal_error_message(error));
    if (wanted >= (int)sizeof entry)
        memcpy(entry + sizeof entry - sizeof "...", "...", sizeof "...");
    size_t len = strlen(entry);
    if (round->n_omitted > 0 || len >= sizeof round->others - round->others_len) {
        round->n_omitted++;
        return;
    }
    memcpy(round->others + round->others_len, entry, len + 1);
    round->others_len += len;
}

void seal__round_failed(seal__round *round, const seal__endpoint *endpoint,
                        const seal_error *error) {
    round->n_failed++;
    if (round->best != NULL && rank(error) <= rank(round->best)) {
        add_other(round, endpoint, error);
        return;
    }
    if (round->best != NULL)
        add_other(round, round->best_endpoint, round->best);
    seal_error_free(round->best);
    round->best = seal__error_copy(error);
    round->best_endpoint = endpoint;
}

const seal_error *seal__round_error(const seal__round *round) {
    return round->best;
}

const seal__endpoint *seal__round_error_endpoint(const seal__round *round) {
    return round->best_endpoint;
}

void seal__round_describe(const seal__round *round, const char *target, char *text, size_t size) {
    char where[ADDRESS_MAX];
    char count[64] = "";
    char omitted[64] = "";
    char untried[64] = "";
    seal__endpoint_text(round->best_endpoint, where, sizeof where);
    if (round->n_failed > 1)
        snprintf(count, sizeof count, "%zu endpoints were tried: ", round->n_failed);
    if (round->n_omitted > 0)
        snprintf(omitted, sizeof omitted, "; and %zu more", round->n_omitted);
    if (round->next < round->list->n)
        snprintf(untried, sizeof untried, "; no time was left for %zu more",
                 round->list->n - round->next);
    snprintf(text, size, "%.300s: %s%.300s at %s: %.1000s%s%s%s", target, count,
             round->best_endpoint->principal, where, seal_error_message(round->best), round->others,
             omitted, untried);
}
