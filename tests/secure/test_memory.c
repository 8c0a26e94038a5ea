/* SPDX-License-Identifier: Apache-2.0 */
/* Every allocation of ours fails once: no crash, no leak, no wrong success. */
#include "pair.h"

#include <stdlib.h>
#include <string.h>

typedef struct failing {
    unsigned count;
    unsigned fail_at;
    int live;
} failing;

static void *failing_resize(void *user, void *ptr, size_t size) {
    failing *f = user;
    if (++f->count == f->fail_at)
        return NULL;
    f->live += ptr == NULL;
    return realloc(ptr, size);
}

static void failing_release(void *user, void *ptr) {
    failing *f = user;
    f->live -= ptr != NULL;
    free(ptr);
}

static void scenario(pair *p) {
    pair_start(p);
    if (p->client.channel == NULL || p->server.channel == NULL)
        return;
    pair_pump(p);
    for (int i = 0; i < 2; i++) {
        pair_send_text(&p->client, "ping");
        pair_send_text(&p->server, "pong");
        pair_pump(p);
        seal__secure_update_key(p->client.channel, &p->client.sent);
        p->now += 2880 * SECOND;
        seal__secure_tick(p->client.channel, p->now, NULL);
        pair_pump(p);
    }
    seal__secure_close(p->client.channel, SEAL__CLOSE_DONE, &p->client.sent);
    pair_pump(p);
}

static bool shows(const seal__buf *buf, const char *word) {
    return buf->len > 0 && memmem(buf->data, buf->len, word, strlen(word)) != NULL;
}

static void sweep(seal_suite suite, bool refused) {
    for (unsigned n = 1;; n++) {
        failing f = {.fail_at = n};
        const seal_allocator alloc = {failing_resize, failing_release, &f};
        pair p;
        pair_init(&p);
        p.client.config.alloc = p.server.config.alloc = &alloc;
        p.client.config.suites[0] = suite;
        p.client.config.n_suites = 1;
        if (refused) {
            p.server.source.script.fail_at = 1;
            p.server.source.script.error_token = true;
        }
        scenario(&p);
        bool failed = f.count >= n;
        if (!failed && !refused) {
            assert_string_equal(p.client.events, "ERARA");
            assert_string_equal(p.server.events, "ERARAC");
        } else if (!failed) {
            assert_int_equal(p.client.rc, SEAL_ERROR_CLOCK_SKEW);
        }
        for (size_t i = 0; i < pair_records(&p.server); i++)
            assert_memory_equal(p.server.data.data + i * 8 + 4, "ping", 4);
        /* What could not be sealed is not there to be sent. */
        assert_false(shows(&p.client.sent, "ping"));
        assert_false(shows(&p.server.sent, "pong"));
        pair_done(&p);
        assert_int_equal(f.live, 0);
        if (!failed)
            break;
        assert_true(n < 1000);
    }
}

static void aead(void **state) {
    (void)state;
    sweep(SEAL_SUITE_AES256_GCM, false);
}

static void gss(void **state) {
    (void)state;
    sweep(SEAL_SUITE_GSS, false);
}

static void refusal(void **state) {
    (void)state;
    sweep(SEAL_SUITE_AES256_GCM, true);
}

/* Small records of an AEAD suite need no memory of their own. */
static void none_for_a_record(void **state) {
    (void)state;
    failing f = {0};
    const seal_allocator alloc = {failing_resize, failing_release, &f};
    pair p;
    pair_init(&p);
    p.client.config.alloc = p.server.config.alloc = &alloc;
    pair_connect(&p);
    f.count = 0;
    for (int i = 0; i < 1000; i++) {
        pair_send_text(&p.client, "ping");
        pair_pump(&p);
    }
    assert_int_equal(f.count, 0);
    assert_int_equal(pair_records(&p.server), 1000);
    pair_done(&p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(aead),
        cmocka_unit_test(gss),
        cmocka_unit_test(refusal),
        cmocka_unit_test(none_for_a_record),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
