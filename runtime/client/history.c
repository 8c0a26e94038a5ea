/* SPDX-License-Identifier: Apache-2.0 */
#include "client/history.h"

#include "client/retry.h"

static void release(const seal__history *history, seal__out_item *item) {
    if ((item->kind & SEAL__OUT_IN_PLACE) == 0)
        seal__release(history->alloc, item);
}

void seal__history_init(seal__history *history, const seal_allocator *alloc) {
    *history = (seal__history){.is_kept = true, .alloc = alloc};
    seal__list_init(&history->items);
    history->next = &history->items;
}

void seal__history_done(seal__history *history) {
    seal__list *node = NULL;
    while ((node = seal__list_take_first(&history->items)) != NULL)
        release(history, seal__history_item(node));
    history->next = &history->items;
}

seal__out_item *seal__history_place(void *memory, int kind, size_t size) {
    seal__out_item *item = memory;
    *item = (seal__out_item){.kind = kind | SEAL__OUT_IN_PLACE, .size = size};
    seal__list_init(&item->node);
    return item;
}

static void drop(seal__history *history, seal__out_item *item) {
    seal__list_remove(&item->node);
    history->bytes -= item->size;
    history->count--;
    history->incomplete = true;
    release(history, item);
}

/* What was sent already. */
static void drop_sent(seal__history *history) {
    while (history->items.next != history->next)
        drop(history, seal__history_item(history->items.next));
}

void seal__history_commit(seal__history *history) {
    history->is_kept = false;
    drop_sent(history);
}

void seal__history_add(seal__history *history, seal__out_item *item) {
    if (history->has_end) {
        release(history, item);
        return;
    }
    history->has_end = (item->kind & (SEAL__OUT_END | SEAL__OUT_LAST)) != 0;
    seal__list_append(&history->items, &item->node);
    if (history->next == &history->items)
        history->next = &item->node;
    history->bytes += item->size;
    history->unsent += item->size;
    history->count++;
    if (history->bytes > SEAL__HISTORY_MAX || history->count > SEAL__HISTORY_ITEMS)
        seal__history_commit(history);
}

bool seal__history_ends(const seal__history *history) {
    const seal__out_item *item = seal__history_next(history);
    if (item == NULL || (item->kind & SEAL__OUT_LAST) != 0)
        return item != NULL;
    seal__list *after = history->next->next;
    return after != &history->items && (seal__history_item(after)->kind & SEAL__OUT_END) != 0;
}

void seal__history_sent(seal__history *history) {
    seal__out_item *item = seal__history_next(history);
    history->next = item->node.next;
    history->unsent -= item->size;
    if (!history->is_kept)
        drop(history, item);
}

void seal__history_rewind(seal__history *history) {
    history->next = history->items.next;
    history->unsent = history->bytes;
}
