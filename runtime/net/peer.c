/* SPDX-License-Identifier: Apache-2.0 */
#include "net/peer.h"

#include <string.h>
#include <time.h>

struct seal_peer {
    atomic_size_t refs;
    seal__shared *shared;
    char *principal;
    const char *realm; /* inside principal */
    char *local;
    char *mechanism;
    char *address;
    seal_level level;
    seal_suite suite;
    uint64_t expires_at;
    bool one_way;
};

/* The part after the last '@' that is not escaped by a backslash. */
static const char *realm_of(const char *principal) {
    const char *realm = "";
    for (const char *c = principal; *c != '\0'; c++) {
        if (*c == '\\' && c[1] != '\0')
            c++;
        else if (*c == '@')
            realm = c + 1;
    }
    return realm;
}

static uint64_t wall_clock(uint64_t expires_ns, uint64_t now_ns) {
    if (expires_ns == UINT64_MAX)
        return UINT64_MAX;
    uint64_t now_s = (uint64_t)time(NULL);
    return expires_ns > now_ns ? now_s + (expires_ns - now_ns) / 1000000000u : now_s;
}

static void release_peer(seal_peer *peer) {
    seal__shared *shared = peer->shared;
    const seal_allocator *alloc = &shared->alloc;
    seal__release(alloc, peer->principal);
    seal__release(alloc, peer->local);
    seal__release(alloc, peer->mechanism);
    seal__release(alloc, peer->address);
    seal__release(alloc, peer);
    seal__shared_unref(shared);
}

seal_peer *seal__peer_new(seal__shared *shared, const seal__secure_info *info, uint64_t now_ns,
                          const char *address) {
    const seal_allocator *alloc = &shared->alloc;
    seal_peer *peer = seal__alloc_zeroed(alloc, 1, sizeof *peer);
    if (peer == NULL)
        return NULL;
    atomic_init(&peer->refs, 1);
    peer->shared = seal__shared_ref(shared);
    peer->principal = seal__strdup(alloc, info->peer);
    peer->local = seal__strdup(alloc, info->local != NULL ? info->local : "");
    peer->mechanism = seal__strdup(alloc, info->mechanism);
    peer->address = seal__strdup(alloc, address);
    if (peer->principal == NULL || peer->local == NULL || peer->mechanism == NULL ||
        peer->address == NULL) {
        release_peer(peer);
        return NULL;
    }
    peer->realm = realm_of(peer->principal);
    peer->level = info->level;
    peer->suite = info->suite;
    peer->one_way = info->one_way;
    peer->expires_at = wall_clock(info->expires_ns, now_ns);
    return peer;
}

seal_peer *seal__peer_ref(seal_peer *peer) {
    if (peer != NULL)
        atomic_fetch_add_explicit(&peer->refs, 1, memory_order_relaxed);
    return peer;
}

void seal__peer_unref(seal_peer *peer) {
    if (peer != NULL && atomic_fetch_sub_explicit(&peer->refs, 1, memory_order_acq_rel) == 1)
        release_peer(peer);
}

const char *seal_peer_principal(const seal_peer *peer) {
    return peer->principal;
}

const char *seal_peer_realm(const seal_peer *peer) {
    return peer->realm;
}

const char *seal_peer_local_principal(const seal_peer *peer) {
    return peer->local;
}

const char *seal_peer_mechanism(const seal_peer *peer) {
    return peer->mechanism;
}

seal_level seal_peer_level(const seal_peer *peer) {
    return peer->level;
}

seal_suite seal_peer_suite(const seal_peer *peer) {
    return peer->suite;
}

uint64_t seal_peer_expires_at(const seal_peer *peer) {
    return peer->expires_at;
}

bool seal_peer_is_one_way(const seal_peer *peer) {
    return peer->one_way;
}

const char *seal_peer_address(const seal_peer *peer) {
    return peer->address;
}
