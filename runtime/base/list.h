/* SPDX-License-Identifier: Apache-2.0 */
/* An intrusive doubly linked ring with a head. */
#ifndef SEAL_BASE_LIST_H
#define SEAL_BASE_LIST_H

#include "base/alloc.h"

typedef struct seal__list {
    struct seal__list *next;
    struct seal__list *prev;
} seal__list;

/* Of a head, or of a node that is in no list. */
static inline void seal__list_init(seal__list *head) {
    head->next = head;
    head->prev = head;
}
static inline bool seal__list_is_empty(const seal__list *head) {
    return head->next == head;
}
static inline void seal__list_append(seal__list *head, seal__list *node) {
    node->prev = head->prev;
    node->next = head;
    head->prev->next = node;
    head->prev = node;
}
/* Leaves node in no list; harmless when it is in none. */
static inline void seal__list_remove(seal__list *node) {
    node->prev->next = node->next;
    node->next->prev = node->prev;
    seal__list_init(node);
}
/* The first node, taken out; NULL when the list is empty. */
static inline seal__list *seal__list_take_first(seal__list *head) {
    if (seal__list_is_empty(head))
        return NULL;
    seal__list *node = head->next;
    seal__list_remove(node);
    return node;
}
/* Moves everything from one list to the end of another. */
static inline void seal__list_append_all(seal__list *head, seal__list *from) {
    if (seal__list_is_empty(from))
        return;
    from->next->prev = head->prev;
    head->prev->next = from->next;
    from->prev->next = head;
    head->prev = from->prev;
    seal__list_init(from);
}

#endif
