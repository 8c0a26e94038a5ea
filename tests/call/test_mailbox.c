/* SPDX-License-Identifier: Apache-2.0 */
/* Mailboxes: what a blocked thread is given, in which order, and what wakes it. */
#include "support/cmocka_all.h"

#include <pthread.h>
#include <string.h>

#include "call/mailbox.h"
#include "support/failing_alloc.h"

static failing_alloc alloc;

static void open_box(seal__mailbox *box) {
    failing_alloc_init(&alloc);
    seal__mailbox_init(box, &alloc.allocator);
}

static void close_box(seal__mailbox *box) {
    seal__mailbox_done(box);
    assert_int_equal(alloc.live, 0);
}

static void put(seal__mailbox *box, const char *text) {
    assert_int_equal(seal__mailbox_put(box, (const uint8_t *)text, strlen(text)), 0);
}

static void assert_takes(seal__mailbox *box, const char *text) {
    seal__mail *mail = NULL;
    assert_int_equal(seal__mailbox_take(box, &mail), 1);
    assert_int_equal(mail->len, strlen(text));
    assert_memory_equal(mail->bytes, text, mail->len);
    seal__release(box->alloc, mail);
}

static void messages_then_the_end(void **state) {
    (void)state;
    seal__mailbox box;
    seal__mail *mail = NULL;
    open_box(&box);
    char text[] = "one";
    put(&box, text);
    text[0] = 'x'; /* it was copied */
    assert_int_equal(seal__mailbox_put(&box, NULL, 0), 0);
    put(&box, "three");
    seal__mailbox_end(&box);
    assert_takes(&box, "one");
    assert_takes(&box, "");
    assert_takes(&box, "three");
    assert_int_equal(seal__mailbox_take(&box, &mail), 0);
    assert_int_equal(seal__mailbox_take(&box, &mail), 0);
    assert_null(mail);
    close_box(&box);
}

static void a_cancel_comes_first(void **state) {
    (void)state;
    seal__mailbox box;
    seal__mail *mail = NULL;
    open_box(&box);
    put(&box, "never read");
    seal__mailbox_end(&box);
    seal__mailbox_set_writable(&box);
    seal__mailbox_cancel(&box);
    assert_int_equal(seal__mailbox_take(&box, &mail), SEAL_ERROR_CANCELLED);
    assert_int_equal(seal__mailbox_take(&box, &mail), SEAL_ERROR_CANCELLED);
    assert_int_equal(seal__mailbox_await_writable(&box), SEAL_ERROR_CANCELLED);
    assert_null(mail);
    close_box(&box); /* releases what lies there */
}

static void without_memory(void **state) {
    (void)state;
    seal__mailbox box;
    open_box(&box);
    put(&box, "first");
    failing_alloc_fail_at(&alloc, 1, true);
    assert_int_equal(seal__mailbox_put(&box, (const uint8_t *)"x", 1), SEAL_ERROR_NO_MEMORY);
    assert_int_equal(seal__mailbox_put(&box, (const uint8_t *)"x", SIZE_MAX), SEAL_ERROR_NO_MEMORY);
    put(&box, "second");
    assert_takes(&box, "first");
    assert_takes(&box, "second");
    close_box(&box);
}

static void writable_is_forgotten(void **state) {
    (void)state;
    seal__mailbox box;
    open_box(&box);
    seal__mailbox_set_writable(&box);
    seal__mailbox_set_writable(&box);
    assert_int_equal(seal__mailbox_await_writable(&box), 0);
    assert_false(box.writable);
    seal__mailbox_end(&box); /* one may still send */
    seal__mailbox_set_writable(&box);
    assert_int_equal(seal__mailbox_await_writable(&box), 0);
    close_box(&box);
}

/* ---- With a thread that waits ---- */

enum { MESSAGES = 5000 };

static void *feed(void *arg) {
    seal__mailbox *box = arg;
    for (uint32_t i = 0; i < MESSAGES; i++) {
        uint8_t bytes[sizeof i];
        memcpy(bytes, &i, sizeof i);
        if (seal__mailbox_put(box, bytes, sizeof bytes) < 0)
            break;
    }
    seal__mailbox_end(box);
    return NULL;
}

static void waits_for_messages(void **state) {
    (void)state;
    seal__mailbox box;
    pthread_t thread;
    seal__mail *mail = NULL;
    uint32_t expected = 0;
    seal__mailbox_init(&box, &seal__default_allocator);
    assert_int_equal(pthread_create(&thread, NULL, feed, &box), 0);
    while (seal__mailbox_take(&box, &mail) == 1) {
        uint32_t number = 0;
        assert_int_equal(mail->len, sizeof number);
        memcpy(&number, mail->bytes, sizeof number);
        assert_int_equal(number, expected++);
        seal__release(box.alloc, mail);
    }
    assert_int_equal(expected, MESSAGES);
    assert_int_equal(pthread_join(thread, NULL), 0);
    seal__mailbox_done(&box);
}

/* Two boxes, ping and pong: each side waits until the other lets it write. */
typedef struct pair {
    seal__mailbox here;
    seal__mailbox there;
} pair;

static void *answer(void *arg) {
    pair *p = arg;
    while (seal__mailbox_await_writable(&p->there) == 0)
        seal__mailbox_set_writable(&p->here);
    seal__mailbox_cancel(&p->here);
    return NULL;
}

static void waits_for_room(void **state) {
    (void)state;
    pair p;
    pthread_t thread;
    seal__mail *mail = NULL;
    seal__mailbox_init(&p.here, &seal__default_allocator);
    seal__mailbox_init(&p.there, &seal__default_allocator);
    assert_int_equal(pthread_create(&thread, NULL, answer, &p), 0);
    for (int i = 0; i < MESSAGES; i++) {
        seal__mailbox_set_writable(&p.there);
        assert_int_equal(seal__mailbox_await_writable(&p.here), 0);
    }
    seal__mailbox_cancel(&p.there); /* wakes it, and it wakes us */
    assert_int_equal(seal__mailbox_take(&p.here, &mail), SEAL_ERROR_CANCELLED);
    assert_int_equal(pthread_join(thread, NULL), 0);
    seal__mailbox_done(&p.here);
    seal__mailbox_done(&p.there);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_then_the_end), cmocka_unit_test(a_cancel_comes_first),
        cmocka_unit_test(without_memory),        cmocka_unit_test(writable_is_forgotten),
        cmocka_unit_test(waits_for_messages),    cmocka_unit_test(waits_for_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
