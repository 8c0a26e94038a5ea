/* SPDX-License-Identifier: Apache-2.0 */
#include "pair.h"

#include <stdio.h>
#include <string.h>

const seal_suite pair_suites[4] = {SEAL_SUITE_AES256_GCM, SEAL_SUITE_AES128_GCM,
                                   SEAL_SUITE_CHACHA20_POLY1305, SEAL_SUITE_GSS};

static void end_init(pair_end *end, seal__role role) {
    *end = (pair_end){0};
    fake_source_init(&end->source, role);
    end->config = (seal__secure_config){
        .role = role,
        .alloc = &seal__default_allocator,
        .target = role == SEAL__CLIENT ? "echo/host" : NULL,
        .suites = {SEAL_SUITE_AES256_GCM, SEAL_SUITE_AES128_GCM, SEAL_SUITE_CHACHA20_POLY1305,
                   SEAL_SUITE_GSS},
        .n_suites = 4,
        .mechanisms = {SEAL_MECHANISM_KRB5},
        .n_mechanisms = 1,
        .handshake_timeout_ns = 10 * SECOND,
    };
    memset(end->config.instance_id, (int)role, SEAL__INSTANCE_ID);
    seal__buf_init(&end->sent, &seal__default_allocator, SIZE_MAX / 2);
    seal__buf_init(&end->in, &seal__default_allocator, SIZE_MAX / 2);
    seal__buf_init(&end->data, &seal__default_allocator, SIZE_MAX / 2);
}

void pair_init(pair *p) {
    *p = (pair){.now = 1000 * SECOND};
    end_init(&p->client, SEAL__CLIENT);
    end_init(&p->server, SEAL__SERVER);
}

void pair_init_as(pair *p, seal_suite suite, seal_level level) {
    pair_init(p);
    p->client.config.suites[0] = suite;
    p->client.config.n_suites = 1;
    p->client.config.min_level = p->server.config.min_level = level;
}

void pair_init_variant(pair *p, size_t variant) {
    pair_init_as(p, pair_suites[variant / 2],
                 variant % 2 == 0 ? SEAL_LEVEL_PRIVACY : SEAL_LEVEL_INTEGRITY);
}

static void end_start(pair *p, pair_end *end) {
    end->config.mechs = end->mechs.make != NULL ? end->mechs : fake_source_ops(&end->source);
    end->rc = seal__secure_new(&end->config, p->now, &end->channel, &end->error);
}

void pair_start(pair *p) {
    end_start(p, &p->client);
    end_start(p, &p->server);
}

static void end_done(pair_end *end) {
    seal__secure_free(end->channel);
    seal__secure_step_free(end->held);
    seal__buf_done(&end->sent);
    seal__buf_done(&end->in);
    seal__buf_done(&end->data);
    seal_error_free(end->error);
    assert_int_equal(end->source.made, end->source.freed);
}

void pair_done(pair *p) {
    end_done(&p->client);
    end_done(&p->server);
}

pair_end *pair_other(pair *p, const pair_end *end) {
    return end == &p->client ? &p->server : &p->client;
}

static void note(pair_end *end, int rc, seal_error *error) {
    if (rc != 0 && end->rc == 0) {
        end->rc = rc;
        end->error = error;
        assert_int_equal(seal_error_get_code(error), rc);
    } else {
        seal_error_free(error);
    }
}

static void add_event(pair_end *end, char c) {
    size_t n = strlen(end->events);
    if (n + 1 < sizeof end->events) {
        end->events[n] = c;
        end->events[n + 1] = '\0';
    }
}

static void on_event(pair_end *end, const seal__secure_event *event) {
    switch (event->kind) {
    case SEAL__SECURE_NONE:
    case SEAL__SECURE_STEP:
        return;
    case SEAL__SECURE_ESTABLISHED:
        add_event(end, 'E');
        return;
    case SEAL__SECURE_RECORD:
        add_event(end, 'R');
        seal__buf_put_u32(&end->data, (uint32_t)event->record_len);
        seal__buf_put(&end->data, event->record, event->record_len);
        return;
    case SEAL__SECURE_REAUTHENTICATED:
        add_event(end, 'A');
        return;
    case SEAL__SECURE_CLOSED:
        add_event(end, 'C');
        end->close_code = event->close_code;
        return;
    }
}

static void run_feed(pair *p, pair_end *end) {
    for (;;) {
        seal__secure_event event;
        size_t consumed = 0;
        seal_error *error = NULL;
        /* A copy of exactly the size, so that the sanitizer sees every read behind the end. */
        size_t len = end->in.len;
        uint8_t *bytes = len > 0 ? seal__alloc(&seal__default_allocator, len) : NULL;
        if (len > 0)
            memcpy(bytes, end->in.data, len);
        int rc = seal__secure_feed(end->channel, p->now, bytes, len, &consumed, &event, &error);
        note(end, rc, error);
        if (rc == 0)
            on_event(end, &event);
        seal__release(&seal__default_allocator, bytes);
        seal__buf_consume(&end->in, consumed);
        if (rc != 0 || event.kind == SEAL__SECURE_NONE || event.kind == SEAL__SECURE_STEP)
            return;
    }
}

void pair_settle(pair *p, pair_end *end) {
    if (end->channel == NULL)
        return;
    do {
        if (seal__secure_has_step(end->channel)) {
            seal_error *error = NULL;
            seal__secure_step *step = seal__secure_take_step(end->channel);
            seal__secure_step_run(step);
            if (end->hold_steps) {
                end->held = step;
                break;
            }
            int rc = seal__secure_finish_step(end->channel, p->now, step, &error);
            note(end, rc, error);
        }
        run_feed(p, end);
    } while (seal__secure_has_step(end->channel));
    if (seal__secure_wants_flush(end->channel))
        seal__secure_flush(end->channel, &end->sent);
}

void pair_feed(pair *p, pair_end *end, const void *bytes, size_t len) {
    seal__buf_put(&end->in, bytes, len);
    if (end->channel == NULL)
        return;
    run_feed(p, end);
    pair_settle(p, end);
}

bool pair_deliver(pair *p, pair_end *from) {
    size_t n = from->sent.len - from->delivered;
    if (n == 0)
        return false;
    if (p->chunk != 0 && n > p->chunk)
        n = p->chunk;
    uint8_t *at = from->sent.data + from->delivered;
    if (p->flip_from == from && p->flip_bit / 8 >= from->delivered &&
        p->flip_bit / 8 < from->delivered + n)
        from->sent.data[p->flip_bit / 8] ^= (uint8_t)(1u << (p->flip_bit % 8));
    from->delivered += n;
    pair_feed(p, pair_other(p, from), at, n);
    return true;
}

void pair_pump(pair *p) {
    bool moved = true;
    pair_settle(p, &p->client);
    pair_settle(p, &p->server);
    while (moved) {
        moved = pair_deliver(p, &p->client);
        moved = pair_deliver(p, &p->server) || moved;
    }
}

void pair_connect(pair *p) {
    pair_start(p);
    pair_pump(p);
    if (p->client.rc != 0 || p->server.rc != 0)
        print_message("client: %s; server: %s\n", seal_error_message(p->client.error),
                      seal_error_message(p->server.error));
    assert_int_equal(p->client.rc, 0);
    assert_int_equal(p->server.rc, 0);
    assert_true(seal__secure_is_established(p->client.channel));
    assert_true(seal__secure_is_established(p->server.channel));
}

void pair_expect_not_mutual(pair *p) {
    pair_start(p);
    pair_pump(p);
    assert_false(seal__secure_is_established(p->client.channel));
    assert_false(seal__secure_is_established(p->server.channel));
    assert_true(p->client.rc == SEAL_ERROR_NOT_MUTUAL || p->server.rc == SEAL_ERROR_NOT_MUTUAL);
}

int pair_send(pair_end *end, const void *content, size_t len) {
    size_t start = seal__secure_record_begin(end->channel, &end->sent);
    if (start == SIZE_MAX)
        return -1;
    seal__buf_put(&end->sent, content, len);
    return seal__secure_record_end(end->channel, &end->sent, start);
}

int pair_send_text(pair_end *end, const char *text) {
    return pair_send(end, text, strlen(text));
}

const char *pair_text(const pair_end *end) {
    static char text[4096];
    size_t n = 0;
    for (size_t at = 0; at < end->data.len;) {
        size_t len = seal__load_u32(end->data.data + at);
        n += (size_t)snprintf(text + n, sizeof text - n, "%s%.*s", n > 0 ? "|" : "", (int)len,
                              (const char *)end->data.data + at + 4);
        at += 4 + len;
    }
    text[n] = '\0';
    return text;
}

size_t pair_records(const pair_end *end) {
    size_t n = 0;
    for (size_t at = 0; at < end->data.len; n++)
        at += 4 + seal__load_u32(end->data.data + at);
    return n;
}
