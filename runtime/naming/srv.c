/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "naming/endpoints.h"

/* qsort has no argument for the list: what is compared is copied into the key. */
typedef struct ranked {
    uint16_t priority;
    uint16_t weight;
    uint16_t index;
} ranked;

/* By priority; within one, the elements of weight 0 first, as RFC 2782 wants for its draw. */
static int by_rank(const void *left, const void *right) {
    const ranked *a = left;
    const ranked *b = right;
    if (a->priority != b->priority)
        return a->priority < b->priority ? -1 : 1;
    if ((a->weight == 0) != (b->weight == 0))
        return a->weight == 0 ? -1 : 1;
    return (int)a->index - (int)b->index;
}

/* Draws one of `n` and moves it to the front; the others keep their order. */
static void draw_first(ranked *items, size_t n, uint32_t drawn) {
    uint32_t sum = items[0].weight;
    size_t at = 0;
    while (sum < drawn && at + 1 < n)
        sum += items[++at].weight;
    ranked first = items[at];
    memmove(items + 1, items, at * sizeof *items);
    items[0] = first;
}

/* Several of weight 0, the default of most lists, share the load: any order of them is allowed. */
static void shuffle_weightless(ranked *items, size_t n,
                               uint32_t (*random)(void *user, uint32_t bound), void *user) {
    size_t zeros = 0;
    while (zeros < n && items[zeros].weight == 0)
        zeros++;
    for (size_t i = 0; i + 1 < zeros; i++) {
        size_t other = i + random(user, (uint32_t)(zeros - i));
        ranked kept = items[i];
        items[i] = items[other];
        items[other] = kept;
    }
}

static void order_by_weight(ranked *items, size_t n, uint32_t (*random)(void *user, uint32_t bound),
                            void *user) {
    uint32_t total = 0;
    for (size_t i = 0; i < n; i++)
        total += items[i].weight;
    for (size_t i = 0; i + 1 < n && total > 0; i++) {
        draw_first(items + i, n - i, random(user, total + 1));
        total -= items[i].weight;
    }
}

void seal__endpoints_order(const seal__endpoints *list,
                           uint32_t (*random)(void *user, uint32_t bound), void *user,
                           uint16_t *ret_order) {
    ranked items[SEAL__ENDPOINTS_MAX];
    size_t n = list->n;
    for (size_t i = 0; i < n; i++)
        items[i] = (ranked){.priority = list->items[i].priority,
                            .weight = list->items[i].weight,
                            .index = (uint16_t)i};
    qsort(items, n, sizeof items[0], by_rank);
    for (size_t from = 0, to = 0; from < n; from = to) {
        while (to < n && items[to].priority == items[from].priority)
            to++;
        shuffle_weightless(items + from, to - from, random, user);
        order_by_weight(items + from, to - from, random, user);
    }
    for (size_t i = 0; i < n; i++)
        ret_order[i] = items[i].index;
}
