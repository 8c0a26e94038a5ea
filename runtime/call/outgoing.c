/* SPDX-License-Identifier: Apache-2.0 */
#include "call/outgoing.h"

void seal__outgoing_init(seal__outgoing *out) {
    out->lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
    seal__list_init(&out->items);
    atomic_init(&out->scheduled, false);
    atomic_init(&out->handed, 0);
    atomic_init(&out->queued, 0);
}

void seal__outgoing_drop(seal__outgoing *out, const seal_allocator *alloc) {
    for (seal__list *node; (node = seal__list_take_first(&out->items)) != NULL;)
        seal__release(alloc, SEAL__CONTAINER_OF(node, seal__out_item, node));
}

void seal__outgoing_done(seal__outgoing *out, const seal_allocator *alloc) {
    seal__outgoing_drop(out, alloc);
    pthread_mutex_destroy(&out->lock);
}

seal__out_item *seal__out_item_new(const seal_allocator *alloc, int kind, size_t size) {
    size_t total = 0;
    if (!seal__add(sizeof(seal__out_item), size, &total))
        return NULL;
    seal__out_item *item = seal__alloc(alloc, total);
    if (item == NULL)
        return NULL;
    seal__list_init(&item->node);
    item->kind = kind;
    item->size = size;
    return item;
}

bool seal__outgoing_put(seal__outgoing *out, seal__out_item *item) {
    pthread_mutex_lock(&out->lock);
    atomic_fetch_add(&out->handed, item->size);
    seal__list_append(&out->items, &item->node);
    bool tell = !atomic_exchange(&out->scheduled, true);
    pthread_mutex_unlock(&out->lock);
    return tell;
}

/* Until the loop publishes, what it has taken counts as the session's: first there, then no longer
 * here, so that no reader misses it. */
void seal__outgoing_take(seal__outgoing *out, seal__list *items) {
    pthread_mutex_lock(&out->lock);
    atomic_fetch_add(&out->queued, atomic_load(&out->handed));
    atomic_store(&out->handed, 0);
    seal__list_append_all(items, &out->items);
    atomic_store(&out->scheduled, false);
    pthread_mutex_unlock(&out->lock);
}

bool seal__outgoing_is_empty(const seal__outgoing *out) {
    return !atomic_load(&out->scheduled);
}

void seal__outgoing_publish(seal__outgoing *out, size_t queued) {
    atomic_store(&out->queued, queued);
}

bool seal__outgoing_is_full(const seal__outgoing *out) {
    size_t handed = atomic_load(&out->handed);
    return handed >= SEAL__OUTGOING_LIMIT ||
           atomic_load(&out->queued) >= SEAL__OUTGOING_LIMIT - handed;
}
