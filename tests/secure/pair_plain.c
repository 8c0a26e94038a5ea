/* SPDX-License-Identifier: Apache-2.0 */
#include "secure/pair_plain.h"

#include <stdlib.h>
#include <string.h>

static void end_start(plain_pair *p, seal__role role, seal_suite suite, seal_level level) {
    plain_end *end = &p->ends[role - 1];
    fake_source_init(&end->source, role);
    end->config = (seal__secure_config){.role = role,
                                        .alloc = &seal__default_allocator,
                                        .mechs = fake_source_ops(&end->source),
                                        .target = "echo/host",
                                        .suites = {suite},
                                        .n_suites = 1,
                                        .min_level = level,
                                        .mechanisms = {SEAL_MECHANISM_KRB5},
                                        .n_mechanisms = 1};
    memset(end->config.instance_id, (int)role, SEAL__INSTANCE_ID);
    seal__buf_init(&end->in, &seal__default_allocator, SIZE_MAX / 2);
    seal__buf_init(&end->out, &seal__default_allocator, SIZE_MAX / 2);
    if (seal__secure_new(&end->config, p->now, &end->channel, NULL) != 0)
        abort();
}

void plain_start(plain_pair *p, seal_suite suite, seal_level level) {
    *p = (plain_pair){.now = UINT64_C(1000000000000)};
    end_start(p, SEAL__CLIENT, suite, level);
    end_start(p, SEAL__SERVER, suite, level);
}

/* A copy of exactly the size, so that the sanitizer sees every read behind the end. */
static bool feed_once(plain_pair *p, plain_end *end) {
    seal__secure_event event;
    size_t consumed = 0;
    size_t len = end->in.len;
    uint8_t *bytes = malloc(len + (len == 0));
    if (bytes == NULL)
        abort();
    if (len > 0)
        memcpy(bytes, end->in.data, len);
    int rc = seal__secure_feed(end->channel, p->now, bytes, len, &consumed, &event, NULL);
    free(bytes);
    if (consumed > len)
        abort();
    seal__buf_consume(&end->in, consumed);
    return rc == 0 && event.kind != SEAL__SECURE_NONE && event.kind != SEAL__SECURE_STEP;
}

static void settle(plain_pair *p, plain_end *end) {
    do {
        seal__secure_step *step = seal__secure_take_step(end->channel);
        if (step != NULL) {
            seal__secure_step_run(step);
            seal__secure_finish_step(end->channel, p->now, step, NULL);
        }
        while (feed_once(p, end)) {
        }
    } while (seal__secure_has_step(end->channel));
    if (seal__secure_wants_flush(end->channel))
        seal__secure_flush(end->channel, &end->out);
}

void plain_feed(plain_pair *p, seal__role to, const uint8_t *bytes, size_t len) {
    plain_end *end = &p->ends[to - 1];
    seal__buf_put(&end->in, bytes, len);
    settle(p, end);
}

void plain_exchange(plain_pair *p, unsigned deliveries) {
    settle(p, &p->ends[0]);
    for (unsigned i = 0; i < deliveries; i++) {
        plain_end *from = &p->ends[i % 2];
        seal__role to = i % 2 == 0 ? SEAL__SERVER : SEAL__CLIENT;
        plain_feed(p, to, from->out.data, from->out.len);
        from->out.len = 0;
    }
}

void plain_record(plain_pair *p, seal__role to, uint8_t type, const uint8_t *content, size_t len) {
    plain_end *from = &p->ends[to == SEAL__CLIENT ? 1 : 0];
    if (!seal__secure_can_send(from->channel))
        return;
    seal__secure_flush(from->channel, &from->out);
    seal__channel_send(from->channel, (seal__record_type)type, content, len, &from->out);
    plain_feed(p, to, from->out.data, from->out.len);
    from->out.len = 0;
}

void plain_time(plain_pair *p, uint64_t ns) {
    p->now += ns;
    for (size_t i = 0; i < 2; i++) {
        seal__secure_tick(p->ends[i].channel, p->now, NULL);
        settle(p, &p->ends[i]);
    }
    plain_exchange(p, 6);
}

void plain_done(plain_pair *p) {
    for (size_t i = 0; i < 2; i++) {
        plain_end *end = &p->ends[i];
        seal__secure_free(end->channel);
        seal__buf_done(&end->in);
        seal__buf_done(&end->out);
        if (end->source.made != end->source.freed)
            abort();
    }
}
