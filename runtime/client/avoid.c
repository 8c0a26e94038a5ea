/* SPDX-License-Identifier: Apache-2.0 */
#include "client/avoid.h"

enum { MS = 1000000 };

void seal__avoid_done(seal__avoid *avoid, const seal_allocator *alloc) {
    seal__release(alloc, avoid->places);
    *avoid = (seal__avoid){.places = NULL};
}

static seal__avoided *find(const seal__avoid *avoid, const seal__endpoint *endpoint) {
    for (size_t i = 0; avoid->places != NULL && i < SEAL__AVOID_PLACES; i++) {
        if (avoid->places[i].until_ns != 0 &&
            seal__endpoint_same_place(&avoid->places[i].endpoint, endpoint))
            return &avoid->places[i];
    }
    return NULL;
}

static uint64_t duration(uint32_t retry_after_ms) {
    uint64_t ns = retry_after_ms != 0 ? (uint64_t)retry_after_ms * MS : SEAL__AVOID_NS;
    return ns < SEAL__AVOID_MAX_NS ? ns : SEAL__AVOID_MAX_NS;
}

void seal__avoid_add(seal__avoid *avoid, const seal_allocator *alloc,
                     const seal__endpoint *endpoint, uint32_t retry_after_ms, uint64_t now_ns) {
    if (avoid->places == NULL)
        avoid->places = seal__alloc_zeroed(alloc, SEAL__AVOID_PLACES, sizeof avoid->places[0]);
    if (avoid->places == NULL)
        return;
    seal__avoided *place = find(avoid, endpoint);
    if (place == NULL)
        place = &avoid->places[avoid->next++ % SEAL__AVOID_PLACES];
    *place = (seal__avoided){.endpoint = *endpoint,
                             .until_ns = now_ns + duration(retry_after_ms),
                             .is_banned = retry_after_ms != 0};
}

void seal__avoid_remove(seal__avoid *avoid, const seal__endpoint *endpoint) {
    seal__avoided *place = find(avoid, endpoint);
    if (place != NULL)
        place->until_ns = 0;
}

bool seal__avoid_has(const seal__avoid *avoid, const seal__endpoint *endpoint, uint64_t now_ns) {
    const seal__avoided *place = find(avoid, endpoint);
    return place != NULL && place->until_ns > now_ns;
}

uint64_t seal__avoid_ban(const seal__avoid *avoid, const seal__endpoint *endpoint,
                         uint64_t now_ns) {
    const seal__avoided *place = find(avoid, endpoint);
    return place != NULL && place->is_banned && place->until_ns > now_ns ? place->until_ns : 0;
}

uint64_t seal__avoid_bans_end(const seal__avoid *avoid, const seal__endpoints *list,
                              uint64_t now_ns) {
    uint64_t first = 0;
    for (size_t i = 0; i < list->n; i++) {
        uint64_t end = seal__avoid_ban(avoid, &list->items[i], now_ns);
        if (end == 0)
            return 0;
        first = first == 0 || end < first ? end : first;
    }
    return first;
}
