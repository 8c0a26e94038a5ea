/* SPDX-License-Identifier: Apache-2.0 */
#include "call/mailbox.h"

#include <string.h>

void seal__mailbox_init(seal__mailbox *box, const seal_allocator *alloc) {
    *box = (seal__mailbox){.alloc = alloc};
    pthread_mutex_init(&box->lock, NULL);
    pthread_cond_init(&box->changed, NULL);
    seal__list_init(&box->messages);
}

void seal__mailbox_done(seal__mailbox *box) {
    for (seal__list *node; (node = seal__list_take_first(&box->messages)) != NULL;)
        seal__release(box->alloc, SEAL__CONTAINER_OF(node, seal__mail, node));
    pthread_cond_destroy(&box->changed);
    pthread_mutex_destroy(&box->lock);
}

static seal__mail *new_mail(const seal_allocator *alloc, const uint8_t *data, size_t len) {
    size_t size = 0;
    if (!seal__add(sizeof(seal__mail), len, &size))
        return NULL;
    seal__mail *mail = seal__alloc(alloc, size);
    if (mail == NULL)
        return NULL;
    seal__list_init(&mail->node);
    mail->len = len;
    if (len > 0)
        memcpy(mail->bytes, data, len);
    return mail;
}

int seal__mailbox_put(seal__mailbox *box, const uint8_t *data, size_t len) {
    seal__mail *mail = new_mail(box->alloc, data, len);
    if (mail == NULL)
        return SEAL_ERROR_NO_MEMORY;
    pthread_mutex_lock(&box->lock);
    seal__list_append(&box->messages, &mail->node);
    pthread_cond_broadcast(&box->changed);
    pthread_mutex_unlock(&box->lock);
    return 0;
}

static void set(seal__mailbox *box, bool *flag) {
    pthread_mutex_lock(&box->lock);
    *flag = true;
    pthread_cond_broadcast(&box->changed);
    pthread_mutex_unlock(&box->lock);
}

void seal__mailbox_end(seal__mailbox *box) {
    set(box, &box->ended);
}

void seal__mailbox_cancel(seal__mailbox *box) {
    set(box, &box->cancelled);
}

void seal__mailbox_set_writable(seal__mailbox *box) {
    set(box, &box->writable);
}

int seal__mailbox_take(seal__mailbox *box, seal__mail **ret_mail) {
    int r = 0;
    pthread_mutex_lock(&box->lock);
    while (!box->cancelled && !box->ended && seal__list_is_empty(&box->messages))
        pthread_cond_wait(&box->changed, &box->lock);
    seal__list *node = box->cancelled ? NULL : seal__list_take_first(&box->messages);
    if (node != NULL) {
        *ret_mail = SEAL__CONTAINER_OF(node, seal__mail, node);
        r = 1;
    } else if (box->cancelled) {
        r = SEAL_ERROR_CANCELLED;
    }
    pthread_mutex_unlock(&box->lock);
    return r;
}

int seal__mailbox_await_writable(seal__mailbox *box) {
    pthread_mutex_lock(&box->lock);
    while (!box->cancelled && !box->writable)
        pthread_cond_wait(&box->changed, &box->lock);
    int r = box->cancelled ? SEAL_ERROR_CANCELLED : 0;
    box->writable = false;
    pthread_mutex_unlock(&box->lock);
    return r;
}
